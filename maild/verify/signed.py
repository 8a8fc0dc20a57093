"""A mail as those saw it who signed it (RFC 6376 §3.4): its fields one by one, its body in canonical form."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field

from maild.message import addresses
from maild.message.headers import unfolded
from maild.message.wire import MAX_HEADER

_LONE_LF = re.compile(rb"(?<!\r)\n")
_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]{0,20}:")
_BLANKS = re.compile(rb"[ \t]+")
# RFC 5322 §3.6 and RFC 2045: at most once. A second one, which a signature need not cover, could be the one that is read.
_ONCE = (
    b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references",
    b"mime-version", b"content-type", b"content-transfer-encoding",
)  # fmt: skip
_MOST_FIELDS = 2000

Field = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Signed:
    """`fields` as (name as written, value with its folds and last CRLF), topmost first. `body` has CRLF line ends.

    `irregular` says why two programs may read different things in the header; "" when they can not. Signatures of such a mail may
    verify and still prove nothing (RFC 6376 §8.15).
    """

    fields: tuple[Field, ...]
    body: bytes
    irregular: str = ""
    _bodies: dict[bool, bytes] = field(default_factory=dict)

    def values(self, name: bytes) -> list[bytes]:
        """The values of a field (name in lower case), topmost first."""
        return [value for written, value in self.fields if written.lower() == name]

    def author(self) -> str | None:
        """The address of the only From, when it can be read in one way only."""
        values = self.values(b"from")
        if len(values) != 1:
            return None
        found = addresses.read([unfolded(values[0].decode("utf-8", "surrogateescape"))])
        return found.addresses[0].address if len(found.addresses) == 1 and found.certain else None

    def body_hash(self, *, relaxed: bool, length: int | None = None) -> bytes:
        """SHA-256 of the canonical body, or of its first `length` octets. Raises ValueError when it is shorter."""
        if relaxed not in self._bodies:
            self._bodies[relaxed] = relaxed_body(self.body) if relaxed else simple_body(self.body)
        body = self._bodies[relaxed]
        if length is not None and length > len(body):
            raise ValueError("l= is longer than the body")
        return hashlib.sha256(memoryview(body)[:length]).digest()


def read(raw: bytes) -> Signed | None:
    """Take a mail apart; None when its header is larger than one may be (256 kB, 2,000 fields). Lone LFs, as local programs write them, become CRLF."""
    data = raw if raw.count(b"\n") == raw.count(b"\r\n") else _LONE_LF.sub(b"\r\n", raw)
    if data.startswith(b"From "):  # the line that an mbox puts before a mail
        data = data.partition(b"\r\n")[2]
    if data.startswith(b"\r\n"):
        return Signed((), data[2:])
    end = data.find(b"\r\n\r\n", 0, MAX_HEADER)
    if end < 0 and len(data) > MAX_HEADER:
        return None
    head, body = (data, b"") if end < 0 else (data[:end], data[end + 4 :])
    fields, stray = _fields(head)
    return (
        Signed(tuple(fields), body, _irregular(head, fields, stray)) if len(fields) <= _MOST_FIELDS else None
    )


def _fields(head: bytes) -> tuple[list[Field], bool]:
    """The fields, and whether there are lines that belong to none."""
    pieces: list[list[bytes]] = []
    for line in head.split(b"\r\n"):
        if line.startswith((b" ", b"\t")) and pieces:
            pieces[-1].append(line)
        else:
            pieces.append([line])
    found = []
    for lines in pieces:
        named = _NAME.match(lines[0])
        if named:
            found.append((named[1], b"\r\n".join([lines[0][named.end() :], *lines[1:], b""])))
    return found, len(found) < len(pieces)


def _irregular(head: bytes, fields: list[Field], stray: bool) -> str:
    if stray:
        return "a line of the header is no field"
    if head.count(b"\r") != head.count(b"\r\n"):  # which some programs take for a line end
        return "a lone CR in the header"
    count = Counter(name.lower() for name, _ in fields)
    repeated = next((name for name in _ONCE if count[name] > 1), None)
    return f"several {repeated.decode('ascii')} fields" if repeated else ""


def simple_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.3: empty lines at the end are one line end, also when there were none."""
    return _without_empty_lines(body) or b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.4: runs of blanks are one, those at line ends and empty lines at the end are none.

    In time proportional to its size, which is why dkimpy does not do it.
    """
    single = _BLANKS.sub(b" ", body) if b"\t" in body or b"  " in body else body
    if single.endswith(b" "):
        single = single[:-1]
    return _without_empty_lines(single.replace(b" \r\n", b"\r\n"))


def _without_empty_lines(body: bytes) -> bytes:
    """The body with a single CRLF at its end; nothing when there are only empty lines."""
    if not body:
        return b""
    whole = body if body.endswith(b"\r\n") else body + b"\r\n"
    kept = whole.rstrip(b"\r\n")
    ends = whole[len(kept) :]
    kept += ends[: ends.rfind(b"\r\r") + 1]  # a CR of its own is a letter like others
    return kept + b"\r\n" if kept else b""
