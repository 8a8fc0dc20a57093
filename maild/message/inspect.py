"""What `maild inspect --json` prints of a message (the document is part of what other programs rely on)."""

from __future__ import annotations

from typing import Any

from maild.desk.facts import Address, Mail


def document(file: str, mail: Mail) -> dict[str, Any]:
    """The facts as values of JSON, in their documented order. `date` is RFC 3339; `from` is the first one, or None."""
    return {
        "file": file,
        "message_id": mail.message_id,
        "in_reply_to": list(mail.in_reply_to),
        "references": list(mail.references),
        "date": mail.date.isoformat() if mail.date else None,
        "from": _mailbox(mail.from_[0]) if mail.from_ else None,
        "reply_to": [_mailbox(address) for address in mail.reply_to],
        "to": [_mailbox(address) for address in mail.to],
        "cc": [_mailbox(address) for address in mail.cc],
        "subject": mail.subject,
        "language": mail.language,
        "kind": mail.kind.value,
        "kind_reasons": list(mail.kind_reasons),
        "unanswerable": list(mail.unanswerable),
        "text": mail.text,
        "reply": mail.reply,
        "signature": mail.signature,
        "attachments": [
            {
                "name": file.name,
                "type": file.type,
                "size": file.size,
                "inline": file.inline,
                "sha256": file.sha256,
            }
            for file in mail.attachments
        ],
        "bounce": _bounce(mail),
        "report": _report(mail),
        "forwarded": _forwarded(mail),
        "protection": list(mail.protection),
        "defects": list(mail.defects),
    }


def _mailbox(address: Address) -> dict[str, str]:
    return {"name": address.name, "address": address.address}


def _bounce(mail: Mail) -> dict[str, Any] | None:
    if mail.bounce is None:
        return None
    return {
        "permanent": mail.bounce.permanent,
        "recipients": [
            {"address": failed.address, "status": failed.status, "diagnostic": failed.diagnostic}
            for failed in mail.bounce.recipients
        ],
        "original_message_id": mail.bounce.original_message_id,
    }


def _report(mail: Mail) -> dict[str, Any] | None:
    if mail.report is None:
        return None
    return {"what": mail.report.what, "original_message_id": mail.report.original_message_id}


def _forwarded(mail: Mail) -> dict[str, Any] | None:
    if mail.forwarded is None:
        return None
    return {
        "from": _mailbox(mail.forwarded.from_) if mail.forwarded.from_ else None,
        "subject": mail.forwarded.subject,
        "date": mail.forwarded.date,
        "at": mail.forwarded.at.isoformat() if mail.forwarded.at else None,
        "text": mail.forwarded.text,
        "above": mail.forwarded.above,
    }
