"""What time brings: promises that are about to be broken, digests that are about to be sent."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from store import tables
from store.tables import CLOCK_RUNNING, DIGEST_OPEN, where
from store.transaction import Transaction

_CLOCK = "first_response"


class ClockWork(Transaction):
    """Due times as part of a transaction."""

    def due_clocks(self, now: datetime, limit: int) -> list[tuple[int, str, datetime]]:
        """(ticket, clock, due time) of promised first answers that have not come and are not recorded as broken, earliest first."""
        ticket = tables.ticket
        due = (
            sa.select(ticket.c.id, ticket.c.first_response_due)
            .where(*self._running(), ticket.c.first_response_due <= now)
            .order_by(ticket.c.first_response_due, ticket.c.id)
            .limit(limit)
        )
        return [(row[0], _CLOCK, row[1]) for row in self._connection.execute(due)]

    def next_due(self, now: datetime) -> datetime | None:
        """The earliest due time after `now` of a clock or a digest; None when there is none."""
        ticket, digest = tables.ticket, tables.digest
        clock = sa.select(ticket.c.first_response_due).where(
            *self._running(), ticket.c.first_response_due > now
        )
        line = sa.select(digest.c.due_at).where(where(DIGEST_OPEN), digest.c.due_at > now)
        found = [
            self._connection.scalar(clock.order_by(ticket.c.first_response_due).limit(1)),
            self._connection.scalar(line.order_by(digest.c.due_at).limit(1)),
        ]
        return min((when for when in found if when is not None), default=None)

    def _running(self) -> tuple[sa.TextClause, sa.ColumnElement[bool]]:
        broken = self._array(tables.ticket.c.breached)
        return where(CLOCK_RUNNING), ~sa.exists().where(broken.c.value == _CLOCK)
