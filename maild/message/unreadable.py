"""A mail that could not be read within its bounds: what its header says, and the original as an attachment."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from maild.desk.facts import Attachment, Parsed, Trust
from maild.message.parse import parse

_HEAD = 32_768
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")


def unreadable(raw: bytes, trust: Trust, *, trusted: bool, why: str) -> Parsed:
    """Facts of a mail whose body is not looked at. `why` ends the sentence that agents read in its place."""
    found = _END_OF_HEADER.search(raw, 0, _HEAD)
    head = raw[: found.start()] if found else raw[:_HEAD]
    header = re.sub(rb"(?im)^content-[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n?", b"", head + b"\r\n")
    mail = parse(header + b"\r\n", trust, trusted=trusted).mail
    digest = hashlib.sha256(raw).hexdigest()
    text = f"This mail could not be read: {why}. It is attached as it came."
    original = Attachment("original.eml", "message/rfc822", len(raw), False, digest)
    facts = replace(
        mail, sha256=digest, size=len(raw), text=text, reply=text, signature="", html=None, attachments=(original,), bounce=None,
        identity=digest, content_identity=digest, language=None, defects=(*mail.defects, f"unreadable: {why}"),
    )  # fmt: skip
    return Parsed(facts, (raw,))
