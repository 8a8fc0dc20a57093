"""What an export reads beside tickets, page by page in order of number: people, mails as they came, and what belongs to no ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from maild.desk.people import Message, Person, Suppression
from store import tables
from store.history import HistoryWork, line_of
from store.messages import load_messages
from store.people import PERSON_COLUMNS, person_of
from store.rows import HistoryLine
from store.tables import DESK_EVENT, UNMATCHED, where


@dataclass(frozen=True, slots=True)
class Registered:
    """Somebody of the register, with every address (lower case, sorted) by which he is known and why nothing automatic goes there."""

    person: Person
    addresses: tuple[tuple[str, Suppression | None], ...]

    @property
    def id(self) -> int:
        return self.person.id


@dataclass(frozen=True, slots=True)
class Came:
    """A mail as it came: its envelope, what has become of it (`state` of the intake), and the message that it is, if it is one."""

    id: int
    sha256: str
    size: int
    received_at: datetime
    route: str
    peer: str
    sender: str
    recipients: tuple[str, ...]
    state: str
    message: int | None
    ticket: int | None


class ExportWork(HistoryWork):
    """Everything, in parts that fit memory. `after`: the last number that was read."""

    def registered(self, after: int, limit: int) -> list[Registered]:
        person, address = tables.person, tables.address
        rows = self._connection.execute(
            sa.select(*PERSON_COLUMNS).where(person.c.id > after).order_by(person.c.id).limit(limit)
        ).all()
        known: dict[int, list[tuple[str, Suppression | None]]] = {row.id: [] for row in rows}
        theirs = sa.select(address).where(address.c.person.in_(list(known))).order_by(address.c.key)
        for row in self._connection.execute(theirs):
            why = Suppression(row.suppressed_at, row.suppressed_why or "") if row.suppressed_at else None
            known[row.person].append((row.key, why))
        return [Registered(person_of(row), tuple(known[row.id])) for row in rows]

    def unmatched(self, after: int, limit: int) -> list[Message]:
        """Messages that belong to no ticket."""
        message = tables.message.c
        wanted = sa.select(message.id).where(where(UNMATCHED), message.id > after).order_by(message.id)
        ids = self._connection.scalars(wanted.limit(limit)).all()
        return sorted(load_messages(self._connection, [message.id.in_(ids)]), key=lambda one: one.id)

    def desk_history(self, after: int, limit: int) -> list[HistoryLine]:
        """Lines of the history that are the desk's."""
        event = tables.event.c
        lines = sa.select(tables.event).where(where(DESK_EVENT), event.id > after).order_by(event.id)
        return [line_of(row) for row in self._connection.execute(lines.limit(limit))]

    def came(self, after: int, limit: int) -> list[Came]:
        intake, message = tables.intake.c, tables.message.c
        columns = (
            intake.id,
            intake.sha256,
            intake.size,
            intake.received_at,
            intake.route,
            intake.peer,
            intake.sender,
            intake.recipients,
            intake.state,
            intake.message,
            message.ticket,
        )
        joined = sa.outerjoin(tables.intake, tables.message, message.id == intake.message)
        rows = sa.select(*columns).select_from(joined).where(intake.id > after).order_by(intake.id)
        return [
            Came(**{**row._mapping, "recipients": tuple(row.recipients)})
            for row in self._connection.execute(rows.limit(limit))
        ]
