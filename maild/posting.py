"""A ticket as a webhook gets it: written once, in the transaction in which it happened, and sent in these words however often it is tried."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from maild import documents
from maild.clock import moment
from maild.desk.effects import Post
from maild.desk.escalating import OCCASION
from maild.desk.people import Message
from maild.desk.rulebook import Identity
from store import Work
from store.rows import NewPost

TYPES: Final[Mapping[str, str]] = {
    "ticket": "ticket.created",
    "reply": "ticket.replied",
    "change": "ticket.changed",
    "time": "ticket.time",
    OCCASION: "ticket.escalated",
}
"""What receivers call the occasions of rules, and a step of the escalation."""


def queue(
    work: Work,
    effect: Post,
    number: int,
    message: Message | None,
    desk: Identity,
    event_key: str,
    now: datetime,
) -> None:
    """Queue the post of ticket `number` as it stands; nothing when this event was posted to that URL before. `message`: what was written."""
    ticket = work.ticket(number)
    assert ticket is not None
    event_id = f"evt_{secrets.token_hex(16)}"
    body = {
        "id": event_id,
        "type": TYPES[effect.occasion],
        "at": moment(now),
        "desk": desk.name,
        "rule": effect.rule,
        "ticket": documents.ticket(ticket, work.links(number)),
        "message": (message.reply or message.text) if message else None,
    }
    text = json.dumps(body, ensure_ascii=False, default=str)
    work.queue_post(
        NewPost(event_key, event_id, effect.url, host_of(effect.url), effect.rule, number, text, now)
    )


def host_of(url: str) -> str:
    """Where a URL leads, host and port, without a password that may stand in it."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()
