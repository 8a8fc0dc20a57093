"""What reports are counted from: tickets with their history, and when each mail that comes regularly is due to whom."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from maild.desk.chronicle import READ, Chronicle, Spent
from maild.desk.words import State
from store import tables
from store.tables import TIMED, UNFINISHED, where
from store.tickets import tickets_by_id
from store.transaction import Transaction, any_of

_PAGE: Final = 500
_TICKET: Final = tables.ticket.c
_LINES = (
    sa.select(
        tables.event.c.ticket, tables.event.c.at, tables.event.c.actor, tables.event.c.event, tables.event.c.detail
    )
    .where(tables.event.c.ticket.in_(any_of("tickets")), tables.event.c.event.in_(READ))
    .order_by(tables.event.c.id)
)  # fmt: skip
_SPENT = (
    sa.select(
        tables.message.c.ticket, tables.message.c.at, tables.message.c.from_address, tables.message.c.minutes
    )
    .where(tables.message.c.ticket.in_(any_of("tickets")), where(TIMED))
    .order_by(tables.message.c.id)
)


class ReportWork(Transaction):
    """Reports as part of a transaction."""

    def chronicles(
        self, since: datetime, until: datetime, teams: Collection[str] | None = None
    ) -> Iterator[Chronicle]:
        """The tickets (of these teams) that a report from `since` until `until` counts, in order of number, read page by page: those
        that had come by then and to which something has happened since, or that are not finished. Spam and merged ones are left out."""
        every = self._counted(since, until, teams)
        for first in range(0, len(every), _PAGE):
            numbers = every[first : first + _PAGE]
            page = tickets_by_id(self._connection, numbers)
            lines, spent = self._lines(numbers), self._spent(numbers)
            for number in numbers:
                yield Chronicle(page[number], lines.get(number, ()), tuple(spent.get(number, ())))

    def _counted(self, since: datetime, until: datetime, teams: Collection[str] | None) -> list[int]:
        """Their numbers, in order: one look for those that are not finished, one for those that have changed."""
        came = [_TICKET.received_at < until] + ([_TICKET.team.in_(teams)] if teams is not None else [])
        changed = (_TICKET.updated_at >= since, _TICKET.state.not_in((State.SPAM, State.MERGED)))
        ids = sa.union(
            sa.select(_TICKET.id).where(where(UNFINISHED), *came),
            sa.select(_TICKET.id).where(*changed, *came),
        )
        return sorted(self._connection.scalars(ids))

    def _lines(self, tickets: list[int]) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        for row in self._connection.execute(_LINES, {"tickets": tickets}):
            found.setdefault(row.ticket, []).append(row)
        return found

    def _spent(self, tickets: list[int]) -> dict[int, list[Spent]]:
        found: dict[int, list[Spent]] = {}
        for row in self._connection.execute(_SPENT, {"tickets": tickets}):
            spent = Spent(row.at, row.from_address.lower(), row.minutes)
            found.setdefault(row.ticket, []).append(spent)
        return found

    def appointments(self) -> dict[tuple[str, str], datetime]:
        """When each mail that comes regularly is due: by recipient (in lower case) and kind."""
        rows = self._connection.execute(sa.select(tables.appointment))
        return {(row.recipient, row.kind): row.due_at for row in rows}

    def appoint(self, recipient: str, kind: str, due_at: datetime | None) -> None:
        """The next mail of this kind is due then; None: no more come."""
        row = {"recipient": recipient.lower(), "kind": kind}
        if due_at is not None:
            self._put(tables.appointment, {**row, "due_at": due_at}, "recipient", "kind")
            return
        mine = sa.and_(*(tables.appointment.c[name] == value for name, value in row.items()))
        self._connection.execute(sa.delete(tables.appointment).where(mine))
