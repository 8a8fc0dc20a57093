"""Where the messages of an mbox lie, found block by block, so that its size does not matter (RFC 4155).

Writers differ in what they do to a line of a message that begins with `From `: mboxo and mboxrd put `>` before it, mboxcl says how long the
message is (Content-Length), and some do nothing. A line counts as a separator when it has the form of one, a date included, and either
follows an empty line or is followed by a header field.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

FROM: Final = b"From "
_BLOCK: Final = 1 << 20
_LINE: Final = 1000
"""Octets of a separator that are looked at; RFC 5321 §4.5.3.1.3 allows an address 256."""
_HEAD: Final = 1 << 18
_SEPARATOR = re.compile(rb"From .{0,600}?\b\d{1,2}:\d\d(?::\d\d)?\b[^\r\n]{0,60}\b\d{4}\b[^\r\n]{0,300}\r?\n")
_SEPARATOR_ISO = re.compile(rb"From [^\r\n]{0,600}?\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d[^\r\n]{0,100}\r?\n")
_FIELD = re.compile(rb">?[!-9;-~]{1,200}[ \t]*:")
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,12})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_UNQUOTED = re.compile(rb"^From ", re.MULTILINE)


def is_mbox(file: BinaryIO) -> bool:
    """Whether the file begins with a separator."""
    return _is_separator(os.pread(file.fileno(), _LINE, 0))


def spans(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """(start, end) of each message with its separator, in order. The file is only read, never as a whole."""
    size = os.fstat(file.fileno()).st_size
    start = 0
    while start < size:
        end = _end(file, start, size)
        yield start, end
        start = end


def content(data: bytes) -> bytes:
    """The message out of its span: without separator, the empty line behind it and the quoting of lines that begin with `From `."""
    line, _, rest = data.partition(b"\n")
    body = rest if line.startswith(FROM) else data
    length = _said(body)
    if length is None or length > len(body) or body[length:].strip(b"\r\n"):
        whole = _without_last(body)
    elif _UNQUOTED.search(whole := body[:length]):  # mboxcl2: nothing is quoted
        return whole
    return _QUOTED.sub(rb"\1", whole)


def _without_last(body: bytes) -> bytes:
    """Without the empty line that stands before the next separator."""
    for empty, kept in ((b"\r\n\r\n", 2), (b"\n\n", 1)):
        if body.endswith(empty):
            return body[:-kept]
    return body


def _end(file: BinaryIO, start: int, size: int) -> int:
    """Where the message that starts here ends: behind as many octets as it says when a separator or the end stands there, else
    before the next separator."""
    head = os.pread(file.fileno(), _HEAD, start)
    first = head.find(b"\n") + 1
    length = _said(head[first:])
    if length is not None:
        behind = _behind(file, start + first + length, size)
        if behind is not None:
            return behind
    return _next(file, start + max(first, 1), size)


def _said(message: bytes) -> int | None:
    """Octets of the message, header included, as its Content-Length has it; None when it has none."""
    ends = [at + len(empty) for empty in (b"\n\n", b"\r\n\r\n") if (at := message.find(empty)) >= 0]
    if not ends:
        return None
    found = _LENGTH.search(message, 0, min(ends))
    return min(ends) + int(found[1]) if found else None


def _behind(file: BinaryIO, at: int, size: int) -> int | None:
    """Where the next separator, or the end of the file, stands behind these octets and at most two empty lines; None: neither does."""
    if at > size:
        return None
    around = os.pread(file.fileno(), _LINE + 4, at)
    blank = len(around) - len(around[:4].lstrip(b"\r\n") + around[4:])
    rest = around[blank:]
    return at + blank if not rest or _is_separator(rest) else None


def _next(file: BinaryIO, at: int, size: int) -> int:
    """The place of the next separator from `at` on, which is the start of a line; the end of the file when there is none."""
    position = at
    while position < size:
        block = os.pread(file.fileno(), _BLOCK + 2 * _LINE, position)
        if not block:
            break
        begin = 0
        while True:
            found = (
                0
                if position == at and begin == 0 and block.startswith(FROM)
                else block.find(b"\n" + FROM, begin)
            )
            if found < 0 or found > _BLOCK:
                break
            line = found + 1 if block[found : found + 1] == b"\n" else found
            if _separates(file, block, position, line):
                return position + line
            begin = line + 1
        position += _BLOCK
    return size


def _separates(file: BinaryIO, block: bytes, position: int, line: int) -> bool:
    """Whether what stands at `line` of the block, which begins at `position`, is a separator."""
    text = block[line : line + 2 * _LINE]
    if not _is_separator(text):
        return False
    before = block[max(0, line - 3) : line]
    if line < 3:
        before = os.pread(file.fileno(), min(3, position + line), max(0, position + line - 3))
    if before.endswith((b"\n\n", b"\n\r\n")) or before in (b"\n", b"\r\n"):
        return True
    return _FIELD.match(text.partition(b"\n")[2]) is not None


def _is_separator(text: bytes) -> bool:
    line = text.partition(b"\n")[0] + b"\n"
    return bool(_SEPARATOR.match(line) or _SEPARATOR_ISO.match(line))
