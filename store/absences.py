"""Agents who are away, and until when."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.people import Ticket
from store import tables
from store.blobs import Blobs
from store.prepared import Prepared
from store.tables import UNFINISHED, where
from store.tickets import load_tickets
from store.transaction import Transaction

_AWAY = Prepared(
    sa.select(tables.absence.c.agent, tables.absence.c.until).where(
        tables.absence.c.until > sa.bindparam("now")
    )
)
_TOLD = sa.select(sa.func.max(tables.event.c.at, type_=tables.event.c.at.type)).where(
    tables.where(tables.DESK_EVENT),
    tables.event.c.event == sa.bindparam("what"),
    tables.event.c.subject == sa.bindparam("address"),
)
_DUE = (
    tables.ticket.c.first_response_due,
    tables.ticket.c.update_due,
    tables.ticket.c.resolution_due,
    tables.ticket.c.due_at,
)


class AbsenceWork(Transaction):
    """Absences as part of a transaction; who is away is remembered until its end, or until something in it is undone."""

    def __init__(self, connection: Connection, files: Blobs, *, writing: bool) -> None:
        super().__init__(connection, files, writing=writing)
        self._absent: dict[str, datetime] | None = None

    def _forget(self) -> None:
        super()._forget()
        self._absent = None

    def set_away(self, agent: str, until: datetime | None, now: datetime) -> None:
        """The agent (address) is away from now until then; None: there again."""
        key = agent.lower()
        self._absent = None
        self._connection.execute(sa.delete(tables.absence).where(tables.absence.c.agent == key))
        if until is not None:
            row = {"agent": key, "since": now, "until": until}
            self._connection.execute(sa.insert(tables.absence), row)

    def away(self, now: datetime) -> dict[str, datetime]:
        """Who is away now, by address in lower case, and when each is back."""
        if self._absent is None:
            rows = _AWAY.rows(self._connection, {"now": now})
            self._absent = {row.agent: row.until for row in rows}
        return {agent: until for agent, until in self._absent.items() if until > now}

    def owned(self, agent: str) -> list[Ticket]:
        """The agent's unfinished tickets with something due, in order of number."""
        mine = tables.ticket.c.assignee == agent.lower()
        dues = sa.or_(*(column.is_not(None) for column in _DUE))
        return load_tickets(self._connection, [sa.and_(mine, where(UNFINISHED), dues)])

    def told(self, what: str, address: str) -> datetime | None:
        """When this (helped, refused) last went to the address."""
        names = {"what": what, "address": address.lower()}
        found: datetime | None = self._connection.scalar(_TOLD, names)
        return found
