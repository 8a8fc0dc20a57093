"""The parts of a mail, as the standard library's parser finds them, without the time it takes over each line of their content."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message

_LONG = 4096
# Only a line that begins with `--` can end a part (RFC 2046 §5.1.1), and a blank line ends a header: the parser need not see what stands
# between. All quantifiers are possessive, so that this takes one pass.
_CONTENT = re.compile(rb"(\n\r?\n)(?:(?!--)[^\n]*+\n)++")
# A message in a message has a header after a blank line. There a line of base64 is still only content, after the first, which may end a
# header: it holds no colon, no blank and no `-`.
_BASE64 = re.compile(rb"(?<=\n)([A-Za-z0-9+/]++\r?\n)(?:[A-Za-z0-9+/]++\r?\n){16,}+")


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
    return _BASE64.sub(rb"\1", data) if nested else _CONTENT.sub(rb"\1", data)
