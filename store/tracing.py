"""One mail's whole way, found by its Message-ID: arrivals, what was decided then, what was sent because of it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from store import tables
from store.history import HistoryWork, line_of
from store.messages import family
from store.rows import HistoryLine
from store.tables import DESK_EVENT, where

_CANDIDATES: Final = 2000
"""How many of the newest Message-IDs are compared with one that is not known."""
_NEAR: Final = 5


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as it arrived once: its envelope, and what became of it. `message`: the one that it is, or is the same as."""

    id: int
    message_id: str | None
    sha256: str
    size: int
    sender: str
    recipients: tuple[str, ...]
    route: str
    peer: str
    helo: str
    received_at: datetime
    trusted: bool
    unauthenticated: bool
    state: str
    attempts: int
    due_at: datetime | None
    node: str | None
    error: str | None
    finished_at: datetime | None
    outcome: str | None
    message: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """Why a mail of an agent's waited for a word of his, and until when."""

    agent: str
    why: str
    at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail of ours. `event_key`: what it tells of. `failed_by`: how it is known that it did not arrive."""

    id: int
    event_key: str
    recipient: str
    role: str
    kind: str
    ticket: int | None
    message: int | None
    message_id: str
    state: str
    attempts: int
    retries: int
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None
    reason: str
    failed_by: str | None

    @property
    def intake(self) -> int | None:
        """The mail whose arrival it tells of."""
        kind, _, number = self.event_key.partition("/")[0].partition(":")
        return int(number) if kind == "intake" and number.isdecimal() else None


_ARRIVAL: Final = [tables.intake.c[name] for name in Arrival.__dataclass_fields__]
_SENT: Final = [tables.outbox.c[name] for name in Sent.__dataclass_fields__]


class TraceWork(HistoryWork):
    """Looking after a mail, as part of a transaction."""

    def arrivals(self, message_id: str) -> list[Arrival]:
        """Every arrival of mails with this Message-ID (in its brackets), in order."""
        intake = tables.intake.c
        return self._arrivals(sa.select(*_ARRIVAL).where(intake.message_id == message_id))

    def arrival(self, id: int) -> Arrival | None:
        """One arrival by its number."""
        return next(iter(self._arrivals(sa.select(*_ARRIVAL).where(tables.intake.c.id == id))), None)

    def _arrivals(self, query: sa.Select[Any]) -> list[Arrival]:
        rows = self._connection.execute(query.order_by(tables.intake.c.id))
        return [Arrival(**{**row._mapping, "recipients": tuple(row.recipients)}) for row in rows]

    def holds(self, intake: int) -> list[Held]:
        """How often and why this mail was held."""
        held = tables.held.c
        rows = self._connection.execute(
            sa.select(held.agent, held.why, held.at, held.finished_at)
            .where(held.intake == intake)
            .order_by(held.id)
        )
        return [Held(*row) for row in rows]

    def outgoing_named(self, message_id: str) -> Sent | None:
        """The mail of ours with this Message-ID (in its brackets)."""
        return next(iter(self._sent(tables.outbox.c.message_id == message_id)), None)

    def caused(self, intake: int) -> list[Sent]:
        """The mails of ours that tell of this arrival."""
        key, name = tables.outbox.c.event_key, f"intake:{intake}"
        return self._sent(sa.or_(key == name, sa.and_(key >= f"{name}/", key < f"{name}0")))  # 0 follows /

    def _sent(self, condition: sa.ColumnElement[bool]) -> list[Sent]:
        rows = self._connection.execute(sa.select(*_SENT).where(condition).order_by(tables.outbox.c.id))
        return [Sent(**row._mapping) for row in rows]

    def decided(self, at: datetime, tickets: Collection[int]) -> list[HistoryLine]:
        """The lines of the history that were written at this very time: of these tickets, those merged into them, and of the desk."""
        event = tables.event
        rows = list(
            self._connection.execute(sa.select(event).where(where(DESK_EVENT), event.c.at == at)).all()
        )
        for ticket in tickets:
            mine = (event.c.ticket.in_(family(ticket)), event.c.at == at)
            rows += self._connection.execute(sa.select(event).where(*mine)).all()
        return [
            line_of(row) for row in sorted({row.id: row for row in rows}.values(), key=lambda row: row.id)
        ]

    def came_back(self, sent: Sent, events: Sequence[str]) -> list[HistoryLine]:
        """Lines of these kinds about a mail of ours: what came back of it."""
        if sent.ticket is None:
            return []
        to = sent.recipient.lower()
        return [
            line
            for line in self.events(sent.ticket)
            if line.event in events
            and line.at >= sent.created_at
            and str(line.detail.get("to", "")).lower() == to
        ]

    def seen(self, message_id: str) -> list[int]:
        """The tickets in which other mails name this Message-ID."""
        reference = tables.reference.c
        rows = sa.select(reference.ticket).where(reference.mid == message_id).distinct()
        return sorted(self._connection.scalars(rows))

    def near(self, message_id: str) -> list[str]:
        """Known Message-IDs that look like this one, the most alike first."""
        known: dict[str, None] = {}
        for column, id in (
            (tables.intake.c.message_id, tables.intake.c.id),
            (tables.outbox.c.message_id, tables.outbox.c.id),
        ):
            newest = sa.select(column).where(column.is_not(None)).order_by(id.desc()).limit(_CANDIDATES)
            known |= dict.fromkeys(self._connection.scalars(newest))
            bare = message_id.strip("<>")[:40]
            begins = column.startswith(f"<{bare}", autoescape=True)
            known |= dict.fromkeys(self._connection.scalars(sa.select(column).where(begins).limit(_NEAR)))
        inside = [one for one in known if message_id.strip("<>").lower() in one.lower()]
        alike = difflib.get_close_matches(message_id, known, n=_NEAR, cutoff=0.7)
        return list(dict.fromkeys((*inside[:_NEAR], *alike)))[:_NEAR]
