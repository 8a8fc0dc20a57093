"""The mail inside an S/MIME container that only signs it (RFC 5652 §5, RFC 8551 §3.5.2): readable without any key. Nothing is verified.

Read as BER (ITU-T X.690), because signers write the content as a stream: of indefinite length, in pieces.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_SIGNED = bytes.fromhex("2a864886f70d010702")
_ENVELOPED = (bytes.fromhex("2a864886f70d010703"), bytes.fromhex("2a864886f70d0109100117"))
_COMPRESSED = bytes.fromhex("2a864886f70d0109100109")
_OBJECT_IDENTIFIER, _OCTETS, _SEQUENCE, _CONTENT = 0x06, 0x04, 0x30, 0xA0
_CONSTRUCTED = 0x20
_MAX_DEPTH = 20
_MAX_ELEMENTS = 300_000
_MAX_INFLATED = 50_000_000


class NotReadable(ValueError):
    """The octets are no such container, or are cut off."""


@dataclass(frozen=True, slots=True)
class Container:
    """What a container is: "signed", "compressed", "encrypted" or "" for others; `content` is the mail inside, None where there is none to read."""

    kind: str
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Element:
    """A value of BER: its contents are `data[start:end]`, the next one begins at `following`."""

    tag: int
    start: int
    end: int
    following: int


def opened(data: bytes) -> Container | None:
    """The container in `data`; None when it is none or is damaged before its content ends."""
    try:
        return _Walk(data).container()
    except (NotReadable, IndexError, zlib.error):
        return None


class _Walk:
    """One walk over the elements, bounded in depth and number."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MAX_ELEMENTS

    def container(self) -> Container:
        """The outermost element, understood."""
        identifier, content = self._named(self._element(0))
        if identifier in _ENVELOPED:
            return Container("encrypted")
        if identifier not in (_SIGNED, _COMPRESSED) or content is None:
            return Container("")
        kind = "signed" if identifier == _SIGNED else "compressed"
        # SignedData: version, digest algorithms, content, signers. CompressedData (RFC 3274): version, algorithm, content.
        fields = islice(self._inside(self._element(content.start)), 2, 3)
        _, carried = self._named(next(fields, content))
        if carried is None:
            return Container(kind)
        octets = b"".join(self._octets(self._element(carried.start), 0))
        return Container(kind, _inflated(octets) if identifier == _COMPRESSED else octets)

    def _named(self, sequence: _Element) -> tuple[bytes, _Element | None]:
        """ContentInfo and EncapsulatedContentInfo: an identifier, and the content behind a tag [0], if any."""
        if sequence.tag != _SEQUENCE:
            raise NotReadable
        parts = list(islice(self._inside(sequence), 2))
        if not parts or parts[0].tag != _OBJECT_IDENTIFIER:
            raise NotReadable
        identifier = parts[0]
        content = parts[1] if len(parts) > 1 and parts[1].tag == _CONTENT else None
        return self._data[identifier.start : identifier.end], content

    def _element(self, at: int, depth: int = 0) -> _Element:
        """The element at `at`; one of indefinite length (X.690 §8.1.3.6) ends before the end-of-contents octets."""
        data = self._data
        self._left -= 1
        if at + 2 > len(data) or depth > _MAX_DEPTH or self._left < 0 or data[at] & 0x1F == 0x1F:
            raise NotReadable
        tag, length, start = data[at], data[at + 1], at + 2
        if length == 0x80:
            if not tag & _CONSTRUCTED:
                raise NotReadable
            end = start
            while data[end : end + 2] != b"\0\0":
                end = self._element(end, depth + 1).following
            return _Element(tag, start, end, end + 2)
        if length > 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[start : start + size], "big")
            start += size
        if start + length > len(data):
            raise NotReadable
        return _Element(tag, start, start + length, start + length)

    def _inside(self, element: _Element) -> Iterator[_Element]:
        """The elements in a constructed one."""
        at = element.start
        while at < element.end:
            inner = self._element(at)
            yield inner
            at = inner.following

    def _octets(self, element: _Element, depth: int) -> Iterator[bytes]:
        """The pieces of an OCTET STRING, which may be made of others (X.690 §8.7)."""
        if element.tag == _OCTETS:
            yield self._data[element.start : element.end]
        elif element.tag == _OCTETS | _CONSTRUCTED and depth < _MAX_DEPTH:
            for inner in self._inside(element):
                yield from self._octets(inner, depth + 1)
        else:
            raise NotReadable


def _inflated(octets: bytes) -> bytes:
    """The content of a container that compresses, at most 50 MB of it."""
    return zlib.decompressobj().decompress(octets, _MAX_INFLATED)
