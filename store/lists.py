"""What questions by mail are answered from: lists of tickets, the figures of a short report, since when a ticket stands as it does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

import sqlalchemy as sa

from maild.desk.people import Ticket
from maild.desk.selection import NOBODY, UNFINISHED, Figures, Selection
from store import tables
from store.rows import Filter
from store.tickets import TicketWork, tickets_by_id

_TICKET: Final = tables.ticket.c
_STATE_CHANGES_READ: Final = 200


class ListWork(TicketWork):
    """Lists as part of a transaction."""

    def listed(
        self, selection: Selection, now: datetime, limit: int, *, newest: bool = False
    ) -> tuple[list[Ticket], int]:
        """The first tickets of the selection, by priority and then age (`newest`: by number, backwards), and how many there are.

        `ME` must have been replaced by who asks.
        """
        conditions = [*self._selected(selection, now)]
        total = self._connection.scalar(
            sa.select(sa.func.count()).select_from(tables.ticket).where(*conditions)
        )
        order = [_TICKET.id.desc()] if newest else [_TICKET.priority, _TICKET.received_at, _TICKET.id]
        query = sa.select(_TICKET.id).where(*conditions).order_by(*order).limit(limit)
        ids = self._connection.scalars(query).all()
        found = tickets_by_id(self._connection, ids)
        return [found[id] for id in ids], total or 0

    def _selected(self, selection: Selection, now: datetime) -> Iterable[sa.ColumnElement[bool]]:
        assignee = None if selection.assignee == NOBODY else selection.assignee
        yield from self._conditions(
            Filter(
                assignee=assignee,
                team=selection.team,
                requester=selection.requester,
                tag=selection.tag,
                overdue_at=now if selection.overdue else None,
                search=selection.search,
            )
        )
        if selection.assignee == NOBODY:
            yield _TICKET.assignee.is_(None)
        if selection.states:
            yield _TICKET.state.in_(selection.states)
        if selection.priorities:
            yield _TICKET.priority.in_(selection.priorities)
        if selection.idle is not None:
            yield from _idle(now - selection.idle)

    def figures(self, since: datetime, until: datetime) -> Figures:
        """Counts of the tickets that came, were solved and first answered from `since` to `until`, and of those unfinished now."""

        def within(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
            return sa.and_(column >= since, column <= until)

        opened, solved = self._connection.execute(
            sa.select(
                sa.func.count().filter(within(_TICKET.created_at), _TICKET.state != "spam"),
                sa.func.count().filter(within(_TICKET.solved_at)),
            )
        ).one()
        spans = [
            max(row.first_response_at - row.received_at, timedelta(0))
            for row in self._connection.execute(
                sa.select(_TICKET.first_response_at, _TICKET.received_at).where(
                    within(_TICKET.first_response_at)
                )
            )
        ]
        broken = self._array(_TICKET.breached)
        missed = sa.select(broken.c.value, sa.func.count()).select_from(
            sa.join(tables.ticket, broken, sa.true())
        )
        missed = missed.where(sa.or_(_TICKET.state.in_(UNFINISHED), within(_TICKET.created_at)))
        return Figures(
            opened=opened,
            solved=solved,
            answered=len(spans),
            first_response=median(spans) if spans else None,
            breached={
                row[0]: row[1]
                for row in self._connection.execute(missed.group_by(broken.c.value).order_by(broken.c.value))
            },
            states=self._unfinished_by(_TICKET.state),
            priorities=self._unfinished_by(_TICKET.priority),
            teams=self._unfinished_by(sa.func.coalesce(_TICKET.team, "")),
            agents=self._unfinished_by(sa.func.coalesce(_TICKET.assignee, "")),
        )

    def _unfinished_by(self, what: Any) -> dict[Any, int]:
        query = sa.select(what, sa.func.count()).where(_TICKET.state.in_(UNFINISHED))
        return {row[0]: row[1] for row in self._connection.execute(query.group_by(what).order_by(what))}

    def state_since(self, ticket: Ticket) -> datetime:
        """Since when the ticket is in the state it is in: its last change of state, or its arrival."""
        event = tables.event.c
        changes = (
            sa.select(event.at, event.detail)
            .where(event.ticket == ticket.id, event.event == "changed")
            .order_by(event.id.desc())
            .limit(_STATE_CHANGES_READ)
        )
        return next(
            (row.at for row in self._connection.execute(changes) if "state" in row.detail), ticket.created_at
        )


def _idle(since: datetime) -> Iterable[sa.ColumnElement[bool]]:
    """No person has written or changed anything since then."""
    yield sa.func.coalesce(_TICKET.active_at, _TICKET.received_at) <= since
