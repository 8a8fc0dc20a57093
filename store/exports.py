"""What an export reads beside tickets, page by page in order of number: people, mails as they came, and what belongs to no ticket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from maild.desk.people import Message, Person, Suppression
from store import tables
from store.history import HistoryWork, line_of
from store.messages import load_messages
from store.people import PERSON_COLUMNS, person_of
from store.rows import HistoryLine
from store.tables import DESK_EVENT, MERGED, UNMATCHED, where
from store.transaction import chunks


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
    attempts: int
    error: str | None
    message: int | None
    ticket: int | None


@dataclass(frozen=True, slots=True)
class Belongings:
    """What belongs to a ticket, as `links`, `messages`, `times_logged` and `events` give it for one."""

    links: list[tuple[int, str]]
    messages: list[Message]
    times: list[HistoryLine]
    events: list[HistoryLine]


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail of ours: what became of it (`state` of the outbox, `reason`: what the next host or the admin said), without its octets, which
    hold its recipient's tokens. `public`: it shows what the requester's side may see."""

    id: int
    message_id: str
    to: str
    ticket: int | None
    message: int | None
    kind: str
    role: str
    public: bool
    automatic: bool
    state: str
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Posted:
    """A ticket as it was posted to a webhook, and what became of it."""

    id: int
    event_id: str
    url: str
    rule: str
    ticket: int
    body: str
    state: str
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    reason: str


class ExportWork(HistoryWork):
    """Everything, in parts that fit memory. `after`: the last number that was read."""

    def merged(self) -> dict[int, list[int]]:
        """For each ticket the numbers of all that were merged into it, however far back."""
        ticket = tables.ticket.c
        pairs = self._connection.execute(sa.select(ticket.id, ticket.merged_into).where(where(MERGED))).all()
        into = {row.id: row.merged_into for row in pairs}
        found: dict[int, list[int]] = {}
        for number in into:
            above, seen = into[number], {number}
            while above is not None and above not in seen:
                found.setdefault(above, []).append(number)
                seen.add(above)
                above = into.get(above)
        return found

    def belongings(
        self, tickets: Sequence[int], merged: Mapping[int, Sequence[int]]
    ) -> dict[int, Belongings]:
        """What belongs to each of these tickets, in as few statements as one would take. `merged`: what the method of this name gave."""
        families = {number: (number, *merged.get(number, ())) for number in tickets}
        everybody = list(dict.fromkeys(one for family in families.values() for one in family))
        messages: dict[int, list[Message]] = {}
        lines: dict[int, list[HistoryLine]] = {}
        for part in chunks(everybody):
            for one in load_messages(self._connection, [tables.message.c.ticket.in_(part)]):
                messages.setdefault(one.ticket or 0, []).append(one)
            event = tables.event.c
            query = sa.select(tables.event).where(event.ticket.in_(part)).order_by(event.id)
            for row in self._connection.execute(query):
                lines.setdefault(row.ticket, []).append(line_of(row))
        links = self._links_of(tickets)
        found = {}
        for number, family in families.items():
            said = [one for member in family for one in messages.get(member, ())]
            times = [line for member in family for line in lines.get(member, ()) if line.event == "time"]
            found[number] = Belongings(
                sorted(links.get(number, ())),
                sorted(said, key=lambda one: (one.at, one.id)),
                sorted(times, key=lambda line: line.id),
                lines.get(number, []),
            )
        return found

    def _links_of(self, tickets: Sequence[int]) -> dict[int, set[tuple[int, str]]]:
        link, found = tables.link.c, dict[int, set[tuple[int, str]]]()
        for part in chunks(tickets):
            query = sa.select(link.ticket, link.other, link.kind)
            for row in self._connection.execute(query.where(link.ticket.in_(part))):
                found.setdefault(row.ticket, set()).add((row.other, row.kind))
            for row in self._connection.execute(query.where(link.other.in_(part))):
                kind = "child" if row.kind == "parent" else row.kind
                found.setdefault(row.other, set()).add((row.ticket, kind))
        return found

    def sent_mails(self, after: int, limit: int) -> list[Sent]:
        """Mails of ours."""
        outbox = tables.outbox.c
        names = ("id", "message_id", "ticket", "message", "kind", "role", "public", "automatic", "state", "attempts", "created_at", "sent_at", "finished_at", "reason")  # fmt: skip
        query = sa.select(outbox.recipient.label("to"), *(outbox[name] for name in names))
        rows = self._connection.execute(query.where(outbox.id > after).order_by(outbox.id).limit(limit))
        return [Sent(**row._mapping) for row in rows]

    def sent_posts(self, after: int, limit: int) -> list[Posted]:
        """Posts to webhooks."""
        post = tables.post.c
        names = ("id", "event_id", "url", "rule", "ticket", "body", "state", "attempts", "created_at", "finished_at", "reason")  # fmt: skip
        query = sa.select(*(post[name] for name in names)).where(post.id > after).order_by(post.id)
        return [Posted(**row._mapping) for row in self._connection.execute(query.limit(limit))]

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
            intake.attempts,
            intake.error,
            intake.message,
            message.ticket,
        )
        joined = sa.outerjoin(tables.intake, tables.message, message.id == intake.message)
        rows = sa.select(*columns).select_from(joined).where(intake.id > after).order_by(intake.id)
        return [
            Came(**{**row._mapping, "recipients": tuple(row.recipients)})
            for row in self._connection.execute(rows.limit(limit))
        ]
