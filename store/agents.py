"""What an agent's mail asks of the store: what colleagues answered meanwhile, what he answers, what he did before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.people import Message
from maild.desk.snapshot import Changed
from store.messages import load_messages
from store.tables import event, message
from store.transaction import any_of, chunks

DONE_WITHIN: Final = timedelta(hours=1)

_LAST = (
    sa.select(message.c.ticket, sa.func.max(message.c.id).label("id"))
    .where(
        message.c.ticket.in_(any_of("tickets")),
        message.c.direction == "out",
        message.c.public,
        message.c.kind == "person",
        sa.func.lower(message.c.from_address) != sa.bindparam("agent"),
    )
    .group_by(message.c.ticket)
)
_WHEN = sa.select(message.c.id, message.c.created_at).where(message.c.id.in_(any_of("ids")))
_DONE = (
    sa.select(event.c.ticket, event.c.at, event.c.actor, event.c.event, event.c.detail)
    .where(event.c.ticket.in_(any_of("tickets")), event.c.at > sa.bindparam("since"))
    .order_by(event.c.id)
)


def answered(connection: Connection, agent: str, tickets: Iterable[int]) -> dict[int, Message]:
    """The last public answer of somebody else of the desk in each ticket; its time is when it was processed, and so sent."""
    found: dict[int, Message] = {}
    for part in chunks(tickets):
        last = {row.id: row.ticket for row in connection.execute(_LAST, {"tickets": part, "agent": agent})}
        if not last:
            continue
        when = {row.id: row.created_at for row in connection.execute(_WHEN, {"ids": list(last)})}
        for one in load_messages(connection, [message.c.id.in_(list(last))]):
            found[last[one.id]] = replace(one, at=when[one.id])
    return found


def shown(connection: Connection, ids: Iterable[int]) -> dict[int, Message]:
    """These messages, by number."""
    return {
        one.id: one for part in chunks(ids) for one in load_messages(connection, [message.c.id.in_(part)])
    }


def done(connection: Connection, tickets: Iterable[int], now: datetime) -> dict[int, tuple[Changed, ...]]:
    """What was done in each ticket within the last hour, by whom, and what it changed; oldest first."""
    found: dict[int, list[Changed]] = {}
    for part in chunks(tickets):
        for row in connection.execute(_DONE, {"tickets": part, "since": now - DONE_WITHIN}):
            names = (
                {name: (pair[0], pair[1]) for name, pair in row.detail.items()}
                if row.event == "changed"
                else {}
            )
            found.setdefault(row.ticket, []).append(Changed(row.at, row.actor, names))
    return {ticket: tuple(lines) for ticket, lines in found.items()}
