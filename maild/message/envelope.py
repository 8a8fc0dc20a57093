"""The envelope of a mail that lies there, as far as its header tells it."""

from __future__ import annotations

import re

from maild.desk.facts import Mail
from maild.message.parse import parse

_END = re.compile(rb"\r?\n\r?\n")
_LONGEST = 1 << 18


def header_of(raw: bytes) -> Mail:
    """The facts of a mail's header alone, as far as its first 256 KiB."""
    end = _END.search(raw, 0, _LONGEST)
    return parse(raw[: end.end() if end else _LONGEST]).mail


def written_sender(head: bytes) -> str:
    """The envelope sender as far as the first octets of a mail tell it: Return-Path (RFC 5321 §4.4), else From."""
    return sender_of(header_of(head))


def sender_of(mail: Mail) -> str:
    """The same of a header that is understood."""
    path = next((value for name, value in mail.header if name.lower() == "return-path"), None)
    return path.strip().strip("<>") if path is not None else mail.from_[0].address if mail.from_ else ""
