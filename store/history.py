"""The history: one line for everything that happened and why. Lines are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from maild.desk.effects import Reason
from store import tables
from store.messages import family
from store.rows import HistoryLine
from store.tables import DESK_EVENT, where
from store.transaction import Transaction

_SELECT = sa.select(tables.event)


def line_of(row: Any) -> HistoryLine:
    """The line of a row of the table."""
    reasons = tuple(Reason(*reason) for reason in row.reasons)
    return HistoryLine(row.id, row.ticket, row.at, row.actor, row.event, row.detail, reasons)


class HistoryWork(Transaction):
    """The history as part of a transaction."""

    def record(
        self,
        ticket: int | None,
        actor: str,
        event: str,
        detail: Mapping[str, object],
        reasons: Sequence[Reason],
        now: datetime,
    ) -> int:
        """The number of the line. `ticket` None: of the desk; then `detail["subject"]`, if a text, can be searched for."""
        subject = detail.get("subject") if ticket is None else None
        row = {
            "ticket": ticket,
            "at": now,
            "actor": actor,
            "event": event,
            "subject": subject.lower() if isinstance(subject, str) else None,
            "detail": detail,
            "reasons": [(reason.step, reason.outcome, reason.evidence) for reason in reasons],
        }
        return self._insert(tables.event, row)

    def events(self, ticket: int) -> list[HistoryLine]:
        """The ticket's lines, oldest first."""
        query = _SELECT.where(tables.event.c.ticket == ticket).order_by(tables.event.c.id)
        return [line_of(row) for row in self._connection.execute(query)]

    def times_logged(self, ticket: int) -> list[HistoryLine]:
        """The lines by which agents logged time without a text, of the ticket and of those that were merged into it, oldest first."""
        query = _SELECT.where(tables.event.c.ticket.in_(family(ticket)), tables.event.c.event == "time")
        return [line_of(row) for row in self._connection.execute(query.order_by(tables.event.c.id))]

    def desk_events(self, limit: int, event: str | None = None) -> list[HistoryLine]:
        """The desk's own last lines (of this kind), newest first."""
        query = _SELECT.where(where(DESK_EVENT)).order_by(tables.event.c.id.desc()).limit(limit)
        if event is not None:
            query = query.where(tables.event.c.event == event)
        return [line_of(row) for row in self._connection.execute(query)]
