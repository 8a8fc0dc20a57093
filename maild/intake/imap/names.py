"""Mailbox names and strings as they go over the wire."""

from __future__ import annotations

import base64
import re

_BESIDE = re.compile(r"[^\x20-\x7e]+|&")


def modified_utf7(name: str) -> str:
    """The mailbox name in printable ASCII (RFC 3501 §5.1.3)."""
    return _BESIDE.sub(lambda found: _shifted(found[0]), name)


def _shifted(text: str) -> str:
    if text == "&":
        return "&-"
    coded = base64.b64encode(text.encode("utf-16-be", "surrogatepass")).decode("ascii")
    return f"&{coded.rstrip('=').replace('/', ',')}-"


def quoted(text: str) -> str:
    """The text as a quoted string (RFC 3501 §9). ValueError for a line end or NUL, which none can hold."""
    if re.search(r"[\x00\r\n]", text):
        raise ValueError("a line end or NUL cannot be sent")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailbox(name: str) -> str:
    """The mailbox name as an argument of a command."""
    return quoted(modified_utf7(name))
