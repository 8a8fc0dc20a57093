"""What time brings: promises that are about to be broken, digests that are about to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk import timeline
from maild.desk.people import Ticket
from maild.desk.timeline import Moment
from maild.desk.words import Role
from store import tables
from store.prepared import Prepared
from store.tables import CLOCKED, DIGEST_OPEN, LOOKED_AT, UNFINISHED, where
from store.tickets import TARGETS
from store.transaction import Transaction

_ACKNOWLEDGEMENT: Final = "acknowledgement"
_DUE = (
    sa.select(tables.ticket.c.id, tables.ticket.c.clock_at)
    .where(where(CLOCKED), tables.ticket.c.clock_at <= sa.bindparam("now"))
    .order_by(tables.ticket.c.clock_at, tables.ticket.c.id)
    .limit(sa.bindparam("most"))
)
_LINES = Prepared(
    sa.select(tables.event.c.at, tables.event.c.actor, tables.event.c.event, tables.event.c.detail)
    .where(tables.event.c.ticket == sa.bindparam("ticket"), tables.event.c.event.in_(timeline.COUNTED))
    .order_by(tables.event.c.id)
)
_ANSWERS = Prepared(
    sa.select(
        tables.message.c.id, tables.message.c.kind, tables.message.c.at, tables.outbox.c.state, tables.outbox.c.retries, tables.outbox.c.sent_at
    )
    .outerjoin(
        tables.outbox,
        sa.and_(
            tables.outbox.c.message == tables.message.c.id,
            tables.outbox.c.answer,
            tables.outbox.c.role == Role.REQUESTER,
        ),
    )
    .where(
        tables.message.c.ticket == sa.bindparam("ticket"),
        tables.message.c.direction == "out",
        tables.message.c.public,
        tables.message.c.kind.in_(("person", _ACKNOWLEDGEMENT)),
    )
)  # fmt: skip
_JOINED = Prepared(
    sa.select(tables.ticket.c.id, tables.ticket.c.received_at).where(
        tables.ticket.c.merged_into == sa.bindparam("ticket"),
        tables.ticket.c.requester == sa.bindparam("requester"),
    )
)
_SET_CLOCKS = Prepared(sa.update(tables.ticket).where(tables.ticket.c.id == sa.bindparam("number")))
_FAILED: Final = ("failed", "dropped")
_FINGERPRINT: Final = "promises"


def moments_of(connection: Connection, ticket: Ticket) -> tuple[Moment, ...]:
    """What of a ticket's history counts for its promises, with that of its requester's tickets that were merged into it."""
    numbers, joined = {"ticket": ticket.id}, []
    answers, acknowledged = _answers(connection, ticket.id)
    wanted = [ticket.id]
    while wanted:
        found = _JOINED.rows(connection, {"ticket": wanted.pop(), "requester": ticket.requester.id})
        for row in found:
            wanted.append(row.id)
            joined.append((row.received_at, _LINES.rows(connection, {"ticket": row.id})))
            more = _answers(connection, row.id)
            answers, acknowledged = [*answers, *more[0]], [*acknowledged, *more[1]]
    lines = _LINES.rows(connection, numbers)
    return timeline.moments(ticket, lines, answers, acknowledged, joined)


def _answers(connection: Connection, ticket: int) -> tuple[list[datetime], list[datetime]]:
    """When persons' public answers were given that did not fail, and when acknowledgements were. One that was tried anew counts from when
    it went out."""
    found: dict[int, datetime] = {}
    failed: set[int] = set()
    acknowledged: list[datetime] = []
    for row in _ANSWERS.rows(connection, {"ticket": ticket}):
        if row.kind == _ACKNOWLEDGEMENT:
            acknowledged.append(row.at)
        elif row.state in _FAILED:
            failed.add(row.id)
        else:
            late = row.sent_at if row.retries and row.sent_at else row.at
            found[row.id] = min(late, found.get(row.id, late))
    return [at for number, at in found.items() if number not in failed], acknowledged


class ClockWork(Transaction):
    """Due times as part of a transaction."""

    def moments(self, ticket: Ticket) -> tuple[Moment, ...]:
        """What of a ticket's history counts for its promises, in order."""
        return moments_of(self._connection, ticket)

    def set_clocks(self, ticket: int, due: Mapping[str, datetime], clock_at: datetime | None) -> None:
        """When its promises are due, by target, and when there is something to be done about them. That is no change of the ticket."""
        values = {f"{target}_due": due.get(target) for target in TARGETS}
        _SET_CLOCKS.run(self._connection, {**values, "clock_at": clock_at, "number": ticket})

    def due_clocks(self, now: datetime, limit: int) -> list[tuple[int, datetime]]:
        """(ticket, since when) of tickets about whose promises there is something to be done, earliest first."""
        rows = self._connection.execute(_DUE, {"now": now, "most": limit})
        return [(row.id, row.clock_at) for row in rows]

    def count_again(self, fingerprint: str, now: datetime) -> bool:
        """With other promises in the files than before (`fingerprint` stands for them) those of every ticket that is not finished are to be
        counted again; whether that is so."""
        memo = tables.memo
        before = self._connection.scalar(sa.select(memo.c.value).where(memo.c.name == _FINGERPRINT))
        if before == fingerprint:
            return False
        self._connection.execute(sa.update(tables.ticket).where(where(UNFINISHED)).values(clock_at=now))
        self._put(memo, {"name": _FINGERPRINT, "value": fingerprint}, "name")
        return True

    def next_due(self, now: datetime) -> datetime | None:
        """The earliest time after `now` of a clock, of a look by rules on time, of a digest or a mail that comes regularly; None when there
        is none."""
        ticket, digest = tables.ticket, tables.digest
        columns = (
            (ticket.c.clock_at, CLOCKED),
            (ticket.c.look_at, LOOKED_AT),
            (digest.c.due_at, DIGEST_OPEN),
        )
        found = [
            self._connection.scalar(
                sa.select(column).where(where(condition), column > now).order_by(column).limit(1)
            )
            for column, condition in columns
        ]
        coming = tables.appointment.c.due_at
        found.append(self._connection.scalar(sa.select(sa.func.min(coming)).where(coming > now)))
        return min((when for when in found if when is not None), default=None)
