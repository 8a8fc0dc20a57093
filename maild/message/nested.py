"""Attachments that hold mail: whether they carry out what must stay inside."""

from __future__ import annotations

from maild.desk.facts import Attachment, Parsed
from maild.desk.leaving import leaks, tokens_in
from maild.desk.rulebook import Rulebook
from maild.message.parse import parse

_LOOKED_AT = 5_000_000
_DEPTH = 3


def leaking(parsed: Parsed, rulebook: Rulebook) -> tuple[str, ...]:
    """Names of attachments with a token or Message-ID of ours, or that are mail with an agent's address in it."""
    pairs = zip(parsed.mail.attachments, parsed.contents, strict=True)
    return tuple(
        attachment.name for attachment, content in pairs if _leaks(attachment, content, rulebook, _DEPTH)
    )


def _leaks(attachment: Attachment, content: bytes, rulebook: Rulebook, depth: int) -> bool:
    shown = content[:_LOOKED_AT]
    if tokens_in(shown.decode("latin-1")):
        return True
    mail = attachment.type.lower().startswith("message/") or attachment.name.lower().endswith(
        (".eml", ".mht")
    )
    if not mail or not depth:
        return mail
    inner = parse(shown)
    words = (*(value for _, value in inner.mail.header), inner.mail.text, inner.mail.html or "")
    if leaks("\n".join(words), rulebook):
        return True
    pairs = zip(inner.mail.attachments, inner.contents, strict=True)
    return any(_leaks(part, data, rulebook, depth - 1) for part, data in pairs)
