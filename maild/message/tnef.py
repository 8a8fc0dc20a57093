"""winmail.dat unpacked: Transport Neutral Encapsulation Format (MS-OXTNEF), read in one pass; what is cut off or wrong ends it, not us.

Own, because the known library copies the rest of the data for every attribute and gives nothing at all when one of them is damaged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from maild.message import rtf
from maild.message.charset import decode

_SIGNATURE = b"\x78\x9f\x3e\x22"
_HEADER = 6
_ATTRIBUTE = 9
_CHECKSUM = 2
_MAX_FILES = 200
_MAX_ATTRIBUTES = 20_000
_MAX_PROPERTIES = 5000
_MAX_TEXT = 2_000_000
_MAX_DEPTH = 3
# Attributes (MS-OXTNEF §2.1.3.3).
_BODY, _FILE_DATA, _FILE_TITLE, _FILE_BEGINS, _PROPERTIES, _FILE_PROPERTIES, _CODE_PAGE = (
    0x800C, 0x800F, 0x8010, 0x9002, 0x9003, 0x9005, 0x9007,
)  # fmt: skip
# Properties (MS-OXPROPS).
_P_BODY, _P_RTF, _P_HTML, _P_CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_P_DATA, _P_SHORT_NAME, _P_LONG_NAME, _P_MIME, _P_CONTENT_ID, _P_DISPLAY_NAME = (
    0x3701,
    0x3704,
    0x3707,
    0x370E,
    0x3712,
    0x3001,
)
_OBJECT, _STRING, _UNICODE, _BINARY, _MANY = 0x0D, 0x1E, 0x1F, 0x102, 0x1000
_SIZES = {
    0x02: 4,
    0x03: 4,
    0x04: 4,
    0x0A: 4,
    0x0B: 4,
    0x05: 8,
    0x06: 8,
    0x07: 8,
    0x14: 8,
    0x40: 8,
    0x48: 16,
    0x00: 0,
    0x01: 0,
}
_INTERFACE = 16
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


@dataclass(slots=True)
class File:
    """An attachment as it was packed; `type` is "" when none was said."""

    name: str = ""
    type: str = ""
    content_id: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Packed:
    """What a winmail.dat holds; `complete` is False when it was cut off, damaged or larger than we read."""

    files: list[File] = field(default_factory=list)
    text: str = ""
    html: str = ""
    complete: bool = True


@dataclass(slots=True)
class _Property:
    id: int
    kind: int
    value: bytes


def unpack(data: bytes) -> Packed | None:
    """What `data` holds; None when it is no TNEF. Never fails."""
    return _unpack(memoryview(data), 0) if data.startswith(_SIGNATURE) else None


def _unpack(data: memoryview, depth: int) -> Packed:
    packed = Packed()
    page = "cp1252"
    current: File | None = None
    position = _HEADER
    for _ in range(_MAX_ATTRIBUTES):
        if position + _ATTRIBUTE > len(data):
            break
        name = int.from_bytes(data[position + 1 : position + 3], "little")
        length = int.from_bytes(data[position + 5 : position + 9], "little")
        content = data[position + _ATTRIBUTE : position + _ATTRIBUTE + length]
        position += _ATTRIBUTE + length + _CHECKSUM
        packed.complete = packed.complete and len(content) == length
        if name == _CODE_PAGE and length >= 4:
            page = f"cp{int.from_bytes(content[:4], 'little')}"
        elif name == _FILE_BEGINS:
            if len(packed.files) >= _MAX_FILES:
                packed.complete = False
                break
            current = File()
            packed.files.append(current)
        elif name == _BODY and not packed.text:
            packed.text = _words(bytes(content[:_MAX_TEXT]), page)
        elif name == _PROPERTIES:
            _read_body(packed, _properties(content, packed), page)
        elif current is not None:
            _read_file(packed, current, name, content, page, depth)
    else:
        packed.complete = False
    packed.files = [file for file in packed.files if file.content or file.name]
    return packed


def _read_body(packed: Packed, properties: list[_Property], page: str) -> None:
    """The bodies of the message, in the code page it names for them."""
    numbers = [one for one in properties if one.id == _P_CODE_PAGE and len(one.value) >= 4]
    internet = f"cp{int.from_bytes(numbers[0].value[:4], 'little')}" if numbers else page
    internet = "utf-8" if internet == "cp65001" else internet
    for one in properties:
        if one.id == _P_HTML and not packed.html:
            packed.html = _text_of(one, internet)
        elif one.id == _P_BODY and one.kind in (_STRING, _UNICODE) and not packed.text:
            packed.text = _text_of(one, page)
    for one in properties:
        if one.id == _P_RTF and one.kind == _BINARY and not (packed.text or packed.html):
            said = rtf.read(rtf.decompress(one.value, _MAX_TEXT))
            packed.text, packed.html = said.text, said.html


def _read_file(packed: Packed, file: File, name: int, content: memoryview, page: str, depth: int) -> None:
    """One attribute of an attachment; of names the long one wins."""
    if name == _FILE_DATA:
        file.content = bytes(content)
    elif name == _FILE_TITLE and not file.name:
        file.name = _words(bytes(content), page)
    elif name == _FILE_PROPERTIES:
        found = {one.id: one for one in reversed(_properties(content, packed))}
        for identity in (_P_SHORT_NAME, _P_LONG_NAME):
            if identity in found:
                file.name = _text_of(found[identity], page) or file.name
        if _P_MIME in found:
            said = _text_of(found[_P_MIME], page).lower()
            file.type = said if _TYPE.fullmatch(said) else ""
        if _P_CONTENT_ID in found:
            file.content_id = _text_of(found[_P_CONTENT_ID], page).strip("<> ")
        if _P_DATA in found and not file.content:
            _read_data(packed, file, found[_P_DATA], depth)


def _read_data(packed: Packed, file: File, data: _Property, depth: int) -> None:
    """The content of an attachment among its properties: octets, or a message packed in the same way."""
    content = data.value[_INTERFACE:] if data.kind == _OBJECT else data.value
    if not content.startswith(_SIGNATURE):
        file.content = content
        return
    file.content = content
    if depth < _MAX_DEPTH:
        inner = _unpack(memoryview(content), depth + 1)
        packed.files += inner.files[: _MAX_FILES - len(packed.files)]
        packed.complete = packed.complete and inner.complete


def _properties(data: memoryview, packed: Packed) -> list[_Property]:
    """The MAPI properties (MS-OXTNEF §2.1.3.4) up to the first that is cut off."""
    found: list[_Property] = []
    position = 4
    for _ in range(min(int.from_bytes(data[:4], "little"), _MAX_PROPERTIES)):
        kind = int.from_bytes(data[position : position + 2], "little")
        identity = int.from_bytes(data[position + 2 : position + 4], "little")
        position += 4
        if identity >= 0x8000:
            by_name = int.from_bytes(data[position + 16 : position + 20], "little")
            size = int.from_bytes(data[position + 20 : position + 24], "little") if by_name else 0
            position += 24 + size + -size % 4
        read = _values(data, position, kind)
        if read is None:
            packed.complete = False
            break
        value, position = read
        found.append(_Property(identity, kind & ~_MANY, value))
    return found


def _values(data: memoryview, position: int, kind: int) -> tuple[bytes, int] | None:
    """(the first value, where the next property begins); None when the data end before."""
    base = kind & ~_MANY
    variable = base in (_OBJECT, _STRING, _UNICODE, _BINARY)
    count = 1
    if variable or kind & _MANY:
        count = int.from_bytes(data[position : position + 4], "little")
        position += 4
    if not variable:
        size = _SIZES.get(base, -1) * min(count, len(data))
        end = position + size + -size % 4
        return (bytes(data[position : position + size]), end) if size >= 0 and end <= len(data) else None
    first = b""
    for number in range(min(count, _MAX_PROPERTIES)):
        size = int.from_bytes(data[position : position + 4], "little")
        position += 4
        if position + size > len(data):
            return None
        if number == 0:
            first = bytes(data[position : position + size])
        position += size + -size % 4
    return first, position


def _text_of(one: _Property, page: str) -> str:
    if one.kind == _UNICODE:
        return _words(one.value[:_MAX_TEXT], "utf-16-le")
    return _words(one.value[:_MAX_TEXT], page)


def _words(octets: bytes, page: str) -> str:
    text = (
        octets.decode("utf-16-le", "replace") if page == "utf-16-le" else decode(octets.rstrip(b"\0"), page)
    )
    return text.rstrip("\0\ufffd").replace("\r\n", "\n").replace("\r", "\n")
