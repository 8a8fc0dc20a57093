"""What questions by mail are answered from: lists of tickets, since when a ticket stands as it does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from maild.desk.people import Ticket
from maild.desk.selection import COUNTED, NOBODY, UNFINISHED, Selection
from store import tables
from store.rows import Filter
from store.tables import where
from store.tickets import TicketWork, tickets_by_id

_TICKET: Final = tables.ticket.c
_STATE_CHANGES_READ: Final = 200


class ListWork(TicketWork):
    """Lists as part of a transaction."""

    def listed(
        self, selection: Selection, now: datetime, limit: int, *, newest: bool = False
    ) -> tuple[list[Ticket], int]:
        """The first tickets of the selection, by priority and then age (`newest`: by number, backwards), and how many there are: at most `COUNTED`.

        `ME` must have been replaced by who asks.
        """
        conditions = [*self._selected(selection, now)]
        some = sa.select(_TICKET.id).where(*conditions).limit(COUNTED).subquery()
        total = self._connection.scalar(sa.select(sa.func.count()).select_from(some))
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
        if selection.states and set(selection.states) <= set(UNFINISHED):
            yield sa.and_(where(tables.UNFINISHED))
        if selection.states and set(selection.states) != set(UNFINISHED):
            yield _TICKET.state.in_(selection.states)
        if selection.priorities:
            yield _TICKET.priority.in_(selection.priorities)
        if selection.hidden:
            yield _not_hidden(selection.hidden, selection.viewer)
        if selection.idle is not None:
            yield from _idle(now - selection.idle)

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


def _not_hidden(teams: Sequence[str], viewer: str) -> sa.ColumnElement[bool]:
    """Tickets of no such team, and those that the viewer has, is the contact of, or follows."""
    watcher = tables.watcher.c
    follows = sa.exists().where(watcher.ticket == _TICKET.id, watcher.address == viewer)
    his = (_TICKET.assignee == viewer, _TICKET.contact == viewer, follows)
    return sa.or_(sa.func.coalesce(_TICKET.team, "").not_in(teams), *his)


def _idle(since: datetime) -> Iterable[sa.ColumnElement[bool]]:
    """No person has written or changed anything since then."""
    yield sa.func.coalesce(_TICKET.active_at, _TICKET.received_at) <= since
