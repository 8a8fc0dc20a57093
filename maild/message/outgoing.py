"""A mail of ours before it is bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maild.desk.facts import Address


@dataclass(frozen=True, slots=True)
class File:
    """An attachment to send. `content_id` without brackets makes it an inline image of the HTML."""

    name: str
    type: str
    content: bytes
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`subject` and names may hold anything; writing makes them safe. `references` oldest first, brackets included; the last
    one is what this mail answers unless `in_reply_to` says otherwise. `auto_submitted`: "auto-replied", "auto-generated" or None."""

    from_: Address
    to: Address
    subject: str
    text: str
    html: str
    date: datetime
    message_id: str
    reply_to: Address | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    auto_submitted: str | None = None
    language: str | None = None
    files: tuple[File, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
