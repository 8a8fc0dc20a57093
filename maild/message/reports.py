"""What receipts (RFC 8098), reports of success (RFC 3464) and abuse reports (RFC 5965) say of a mail."""

from __future__ import annotations

import re

from maild.desk.facts import Kind, Report
from maild.message import bounce
from maild.message.addresses import loose
from maild.message.body import Body
from maild.message.charset import clean, decode

_READ = 20_000
_WORD = re.compile(r"[a-z][a-z0-9-]{0,39}")


def read(kind: Kind, body: Body, text: str) -> Report | None:
    """What a mail of this kind reports; None when it is no receipt and no abuse report."""
    if kind is Kind.RECEIPT:
        return _receipt(body, text)
    return _complaint(body, text) if kind is Kind.REPORT else None


def _receipt(body: Body, text: str) -> Report:
    said = decode(body.receipt[:_READ])
    # RFC 8098 §3.2.6: action-mode/sending-mode ; disposition-type / modifiers
    what = _field("disposition", said).rpartition(";")[2].partition("/")[0]
    if not said and body.statuses:
        what = next((status.action for content in body.statuses for status in bounce.statuses(content)), "")
    return Report(_word(what) or "receipt", _id(_field("original-message-id", said)) or _named(body, text))


def _complaint(body: Body, text: str) -> Report:
    said = decode(body.feedback[:_READ])
    sender = loose(_field("original-mail-from", said))
    return Report(
        _word(_field("feedback-type", said)) or "abuse", _named(body, text), sender[0] if sender else ""
    )


def _named(body: Body, text: str) -> str | None:
    return bounce.original_message_id(body.returned, text)


def _field(name: str, text: str) -> str:
    """A field of a report's machine-readable part, unfolded; "" when it is absent."""
    found = re.search(rf"(?im)^{name}[ \t]*:([^\r\n]{{0,998}}(?:\r?\n[ \t][^\r\n]{{0,998}})?)", text)
    return clean(" ".join(found[1].split())) if found else ""


def _id(value: str) -> str | None:
    found = re.search(r"<[^<>\s]{1,500}>", value)
    return found[0] if found else None


def _word(value: str) -> str:
    found = _WORD.match(value.strip().lower())
    return found[0] if found else ""
