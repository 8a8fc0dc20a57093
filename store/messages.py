"""Messages and notes of tickets, and the ways by which each came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.facts import Attachment, Envelope
from maild.desk.people import Message
from maild.desk.words import Role
from store import tables
from store.columns import bounded
from store.prepared import Prepared
from store.rows import NewMessage
from store.search import SearchWork
from store.tables import MERGED, where
from store.transaction import any_of, chunks, insert_ignore

_COLUMNS = [column for column in tables.message.c if column.name not in ("created_at", "cc", "defects")]
_ADD_ATTACHMENTS = Prepared(sa.insert(tables.attachment))
_ATTACHMENTS = Prepared(
    sa.select(tables.attachment)
    .where(tables.attachment.c.message.in_(any_of("messages")))
    .order_by(tables.attachment.c.message, tables.attachment.c.position)
)
_DELIVERIES = Prepared(
    sa.select(tables.outbox.c.message, tables.outbox.c.state).where(
        tables.outbox.c.role == Role.REQUESTER, tables.outbox.c.message.in_(any_of("messages"))
    )
)


def load_messages(connection: Connection, conditions: Sequence[sa.ColumnElement[bool]]) -> list[Message]:
    """The messages that meet all conditions, oldest first: three statements whatever their number."""
    message = tables.message
    query = sa.select(*_COLUMNS).where(*conditions).order_by(message.c.at, message.c.id)
    rows = connection.execute(query).all()
    attachments: dict[int, list[Attachment]] = {}
    deliveries: dict[int, set[str]] = {}
    for part in chunks(row.id for row in rows):
        for row in _ATTACHMENTS.rows(connection, {"messages": part}):
            attachments.setdefault(row.message, []).append(
                Attachment(row.name, row.type, row.size, row.inline, row.sha256, row.content_id)
            )
    for part in chunks(row.id for row in rows if row.direction == "out"):
        for row in _DELIVERIES.rows(connection, {"messages": part}):
            deliveries.setdefault(row.message, set()).add(row.state)
    return [
        _message(row, tuple(attachments.get(row.id, ())), _delivery(deliveries.get(row.id, set())))
        for row in rows
    ]


def _delivery(states: set[str]) -> str | None:
    """How the mails to the requester that carry one message stand together; a dropped one has not arrived."""
    if states & {"failed", "dropped"}:
        return "failed"
    if states & {"queued", "sending"}:
        return "queued"
    return "sent" if states else None


def _message(row: Any, attachments: tuple[Attachment, ...], delivery: str | None) -> Message:
    return Message(
        id=row.id,
        ticket=row.ticket,
        at=row.at,
        direction=row.direction,
        public=row.public,
        kind=row.kind,
        from_name=row.from_name,
        from_address=row.from_address,
        to=tuple(row.to),
        subject=row.subject,
        text=row.text,
        reply=row.reply,
        message_id=row.message_id,
        attachments=attachments,
        minutes=row.minutes,
        delivery=delivery,
        sha256=row.sha256,
        html=row.html,
    )


def family(ticket: int) -> sa.Select[tuple[int]]:
    """The numbers of the ticket and of all that were merged into it, however far back."""
    one = tables.ticket
    tree = sa.select(sa.literal(ticket, one.c.id.type).label("id")).cte("family", recursive=True)
    tree = tree.union(sa.select(one.c.id).where(one.c.merged_into == tree.c.id, where(MERGED)))
    return sa.select(tree.c.id)


def whole(connection: Connection, ticket: int) -> list[Message]:
    """All messages of the ticket and of those that were merged into it, oldest first."""
    return load_messages(connection, [tables.message.c.ticket.in_(family(ticket))])


class MessageWork(SearchWork):
    """Messages as part of a transaction."""

    def add_message(self, new: NewMessage) -> int:
        """The number of the message."""
        values = {
            column.name: getattr(new, column.name) for column in tables.message.c if column.name != "id"
        }
        number = self._insert(tables.message, values)
        if new.public:
            self._public.add(number)
        if new.ticket is not None:
            self._said_in(new.ticket, new.subject, new.text)
        if new.attachments:
            rows = [
                {
                    "message": number,
                    "position": position,
                    "name": one.name,
                    "type": one.type,
                    "size": one.size,
                    "inline": one.inline,
                    "sha256": one.sha256,
                    "content_id": one.content_id,
                }
                for position, one in enumerate(new.attachments)
            ]
            _ADD_ATTACHMENTS.run_all(self._connection, rows)
        return number

    def message(self, id: int) -> Message | None:
        return next(iter(load_messages(self._connection, [tables.message.c.id == id])), None)

    def messages(self, ticket: int) -> list[Message]:
        """All of the ticket and of those that were merged into it, oldest first."""
        return whole(self._connection, ticket)

    def fill_message(self, id: int, new: NewMessage) -> None:
        """What was kept without a ticket becomes this message; the mail and its files are the same."""
        self._public.discard(id)
        values = {
            name: getattr(new, name)
            for name in ("ticket", "at", "direction", "public", "text", "reply", "html", "minutes")
        }
        self._connection.execute(sa.update(tables.message).where(tables.message.c.id == id).values(**values))
        if new.ticket is not None:
            self.reindex([new.ticket])

    def move_message(self, id: int, ticket: int, now: datetime) -> None:
        """The message becomes one of another ticket, and answers to it are that ticket's."""
        message, seen = tables.message, tables.reference
        before: int | None = self._connection.scalar(sa.select(message.c.ticket).where(message.c.id == id))
        self._connection.execute(sa.update(message).where(message.c.id == id).values(ticket=ticket))
        self.reindex({ticket} if before is None else {ticket, before})
        row = self._connection.execute(
            sa.select(message.c.person, message.c.message_id).where(message.c.id == id)
        ).one()
        if row.message_id is not None:
            known = {"ticket": ticket, "person": row.person, "mid": bounded(row.message_id), "written": True, "at": now}  # fmt: skip
            self._connection.execute(insert_ignore(self._connection, seen), known)

    def add_route(self, message: int, intake: int, envelope: Envelope, now: datetime) -> None:
        """The message came by this envelope (too)."""
        row = {
            "message": message,
            "intake": intake,
            "route": envelope.route,
            "peer": envelope.peer,
            "sender": envelope.sender,
            "recipients": envelope.recipients,
            "at": now,
        }
        self._insert(tables.route, row)

    def routes(self, message: int) -> list[tuple[str, tuple[str, ...], datetime]]:
        """(route, envelope recipients, time) of each way by which the message came, oldest first."""
        route = tables.route
        query = sa.select(route.c.route, route.c.recipients, route.c.at).where(route.c.message == message)
        return [
            (row.route, tuple(row.recipients), row.at)
            for row in self._connection.execute(query.order_by(route.c.id))
        ]
