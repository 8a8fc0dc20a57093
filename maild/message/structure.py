"""The parts of a mail, as the standard library's parser finds them, without the time it takes over each line of their content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

_LONG = 4096
_BLANK = re.compile(rb"\n\r?\n")
# A message in a message has a header after a blank line. There a line of base64 is still only content, after the first, which may end a
# header: it holds no colon, no blank and no `-`.
_BASE64 = re.compile(rb"(?<=\n)[A-Za-z0-9+/][A-Za-z0-9+/\r\n]{1000,}")


class Unclear(Exception):
    """The boundaries do not say where the content of a part stands, so that it must be taken from the parser."""


def outline(data: bytes) -> tuple[Message, bool]:
    """The parts of a mail, and whether content was left out of them: headers, structure and defects are those of the whole mail even then."""
    short = _shortened(data) if len(data) > _LONG else data
    return message_from_bytes(short), len(short) < len(data)


def _shortened(data: bytes) -> bytes:
    low = data.lower()
    # The parser also ends lines at a CR alone; in a multipart/digest messages stand unnamed (RFC 2046 §5.1.5).
    nested = b"message/" in low or b"/digest" in low or data.count(b"\r") != data.count(b"\r\n")
    return _BASE64.sub(_first_line, data) if nested else b"".join(_without_content(data))


def _first_line(run: re.Match[bytes]) -> bytes:
    lines = run[0]
    blank = _BLANK.search(lines)
    end = blank.start() + 1 if blank else lines.rfind(b"\n") + 1
    if not end or lines.count(b"\r") != lines.count(b"\r\n"):
        return lines
    return lines[: lines.index(b"\n") + 1] + lines[end:]


def _without_content(data: bytes) -> Iterator[bytes]:
    """Only a line that begins with `--` can end a part (RFC 2046 §5.1.1), and a blank line ends a header: what stands between is left out."""
    kept = 0
    while blank := _BLANK.search(data, kept):
        start = blank.end()
        boundary = data.find(b"\n--", start - 1)
        end = boundary + 1 if boundary >= 0 else data.rfind(b"\n", start - 1) + 1
        yield data[kept:start]
        kept = end
        if end == start:  # a boundary follows at once, and may be followed by a blank line
            next_line = data.find(b"\n", start)
            if next_line < 0:
                break
            yield data[start:next_line]
            kept = next_line
    yield data[kept:]
