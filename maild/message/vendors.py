"""What mail services report in ways of their own: Amazon's notifications as JSON, providers that give a mail back without a word."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from maild.desk.facts import Bounce, FailedRecipient
from maild.message.addresses import loose
from maild.message.charset import clean, decode
from maild.message.headers import Fields

_MAX_RECIPIENTS = 500
_MAX_DIAGNOSTIC = 1000
_MAX_TEXT = 500_000
# Headers by which AOL and Outlook.com know the mails their users complain about, and the recipient they blank out.
_GIVEN_BACK = re.compile(
    rb"(?im)^(?:x-aol-ip|x-hmxmroriginalrecipient|x-ymailisg):|^to:[^\n]{0,100}\bredacted\b"
)
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_BROKEN_LINE = re.compile(r"!?\r?\n ?")


@dataclass(frozen=True, slots=True)
class Notification:
    """What Amazon's service for mail tells: a failure, or a complaint (then `bounce` is None)."""

    bounce: Bounce | None


def amazon(fields: Fields, text: str) -> Notification | None:
    """The notification in a mail of Amazon SNS; None when it is none, or tells of neither failure nor complaint."""
    if not any(name.startswith("x-amz-sns-") for name in fields.names()):
        return None
    start = text.find("{")
    if start < 0:
        return None
    try:
        # The transport breaks long lines inside the JSON.
        told, _ = json.JSONDecoder(strict=False).raw_decode(_BROKEN_LINE.sub("", text[start:_MAX_TEXT]))
    except (ValueError, RecursionError):
        return None
    inner = told.get("Message") if isinstance(told, dict) else None
    if isinstance(inner, str):
        # A subscription without "raw message delivery" has the notification inside one of SNS's own.
        try:
            told = json.loads(inner)
        except (ValueError, RecursionError):
            return None
    kind = told.get("notificationType") or told.get("eventType") if isinstance(told, dict) else None
    if kind == "Complaint":
        return Notification(None)
    if kind != "Bounce":
        return None
    bounce = _inside(told, "bounce")
    recipients = []
    failed = bounce.get("bouncedRecipients")
    for one in (failed if isinstance(failed, list) else [])[:_MAX_RECIPIENTS]:
        addresses = loose(str(one.get("emailAddress", ""))) if isinstance(one, dict) else []
        if addresses:
            recipients.append(_recipient(addresses[0], one))
    return Notification(
        Bounce(bounce.get("bounceType") == "Permanent", tuple(recipients), _original(_inside(told, "mail")))
    )


def _inside(values: dict[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _recipient(address: str, one: dict[str, Any]) -> FailedRecipient:
    said = clean(str(one.get("diagnosticCode") or ""))
    status = _STATUS.fullmatch(str(one.get("status") or "")) or _STATUS.search(said)
    return FailedRecipient(
        address, status[0] if status else None, said.partition(";")[2].strip()[:_MAX_DIAGNOSTIC] or None
    )


def _original(mail: dict[str, Any]) -> str | None:
    """The Message-ID of the mail: among its headers when these were asked for, else Amazon's own, which replaces ours on the way."""
    headers = mail.get("headers")
    for header in headers if isinstance(headers, list) else []:
        if isinstance(header, dict) and str(header.get("name")).lower() == "message-id":
            return clean(str(header.get("value")))[:998] or None
    own = _inside(mail, "commonHeaders").get("messageId") or mail.get("messageId")
    return clean(f"<{own}>" if own and not str(own).startswith("<") else str(own))[:998] if own else None


def gives_back(types: list[str], returned: bytes) -> bool:
    """Whether the mail is nothing but another one, given back by a provider whose user complained about it."""
    return types[:1] == ["message/rfc822"] and bool(_GIVEN_BACK.search(returned[:20_000]))


def rejected(fields: Fields, receipt: bytes) -> Bounce | None:
    """The refusal of a filter, which RFC 5429 §2.2.2 lets it write as a disposition notification; None when it is none."""
    text = decode(receipt[:20_000])
    deleted = re.search(
        r"(?i)disposition:[^\n]{0,100}automatic-action/MDN-sent-automatically[^\n]{0,20};\s?(?:deleted|failed)",
        text,
    )
    says = "rejected" in fields.first("auto-submitted").lower() or "reject" in fields.first("subject").lower()
    final = re.search(r"(?im)^final-recipient:([^\n]{1,400})", text)
    addresses = loose(final[1].partition(";")[2] or final[1]) if final else []
    if not (deleted and says and addresses):
        return None
    original = re.search(r"(?im)^original-message-id:\s{0,9}(<[^<>\s]{1,500}>)", text)
    return Bounce(True, (FailedRecipient(addresses[0], None, None),), original[1] if original else None)
