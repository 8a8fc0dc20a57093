"""Tickets: opened, found, changed, with those who take part in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.effects import Change
from maild.desk.people import Person, Ticket
from maild.desk.words import State
from store import tables
from store.columns import bounded, clean
from store.people import PERSON_COLUMNS, person_of
from store.rows import Filter
from store.transaction import Transaction, any_of, chunks, insert_ignore

TARGETS: Final = ("first_response", "update", "resolution", "silence")
_FINISHED: Final = (State.SOLVED, State.CLOSED, State.SPAM, State.MERGED)
_SEARCH_WORD: Final = 1000
"""Longest part of a word that is searched for, in characters; SQLite allows 50000 octets in a pattern."""

_PLAIN = tuple(
    field.name
    for field in dataclasses.fields(Ticket)
    if field.name
    not in (
        "requester",
        "participants",
        "watchers",
        "state",
        "tags",
        "fields",
        "breached",
        "urls",
        "chosen",
        "asked",
        "met",
        "runbooks",
    )
)
_CHANGEABLE = {
    *_PLAIN,
    "requester",
    "state",
    "tags",
    "breached",
    "urls",
    "chosen",
    "asked",
    "met",
    "runbooks",
} - {
    "id",
    "created_at",
    "updated_at",
}
_SELECT = sa.select(
    *(column for column in tables.ticket.c),
    *(
        column.label(f"person_{column.name}")
        for column in PERSON_COLUMNS
        if column.name not in ("id", "address")
    ),
).join(tables.person, tables.person.c.id == tables.ticket.c.requester)
_EARLIER = (
    _SELECT.where(
        tables.ticket.c.requester == sa.bindparam("requester"), tables.ticket.c.id != sa.bindparam("but")
    )
    .order_by(tables.ticket.c.id.desc())
    .limit(sa.bindparam("most"))
)
_PARTICIPANTS = (
    sa.select(tables.participant.c.ticket, *PERSON_COLUMNS)
    .join(tables.person, tables.person.c.id == tables.participant.c.person)
    .where(tables.participant.c.ticket.in_(any_of("tickets")))
    .order_by(tables.participant.c.added_at, tables.participant.c.person)
)
_KNOWN_BY = sa.select(tables.address.c.person).where(tables.address.c.key == sa.bindparam("key"))
_TAKES_PART = sa.exists().where(
    tables.participant.c.ticket == tables.ticket.c.id, tables.participant.c.person.in_(_KNOWN_BY)
)
_ACQUAINTED = (
    sa.select(tables.ticket.c.id)
    .where(
        tables.ticket.c.state != State.SPAM,
        sa.or_(tables.ticket.c.requester.in_(_KNOWN_BY), _TAKES_PART),
    )
    .limit(1)
)
_WATCHERS = (
    sa.select(tables.watcher.c.ticket, tables.watcher.c.address)
    .where(tables.watcher.c.ticket.in_(any_of("tickets")))
    .order_by(tables.watcher.c.address)
)


def load_tickets(
    connection: Connection,
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    limit: int | None = None,
    lock: bool = False,
) -> list[Ticket]:
    """The tickets that meet all conditions, whole, in order of number: three statements whatever their number. `lock`: until the
    end of the transaction nobody else changes them."""
    query = _SELECT.where(*conditions).order_by(tables.ticket.c.id).limit(limit)
    rows = connection.execute(query.with_for_update(of=tables.ticket) if lock else query).all()
    ids = [row.id for row in rows]
    participants: dict[int, list[Person]] = {}
    watchers: dict[int, list[str]] = {}
    for part in chunks(ids):
        for joined in connection.execute(_PARTICIPANTS, {"tickets": part}):
            participants.setdefault(joined.ticket, []).append(person_of(joined))
        for watching in connection.execute(_WATCHERS, {"tickets": part}):
            watchers.setdefault(watching.ticket, []).append(watching.address)
    return [_ticket(row, participants.get(row.id, ()), watchers.get(row.id, ())) for row in rows]


def tickets_by_id(connection: Connection, ids: Iterable[int], *, lock: bool = False) -> dict[int, Ticket]:
    """Those that exist."""
    found: dict[int, Ticket] = {}
    for part in chunks(sorted(ids)):
        for one in load_tickets(connection, [tables.ticket.c.id.in_(part)], lock=lock):
            found[one.id] = one
    return found


def acquainted(connection: Connection, address: str) -> bool:
    """Whether the person with this address is the requester of a ticket or takes part in one, spam apart."""
    return connection.scalar(_ACQUAINTED, {"key": bounded(address.lower())}) is not None


def _ticket(row: Any, participants: Iterable[Person], watchers: Iterable[str]) -> Ticket:
    columns = row._mapping
    requester = Person(
        row.requester,
        row.person_name,
        row.requester_address,
        row.person_organisation,
        row.person_language,
        row.person_zone,
        row.person_phone,
        tuple(row.person_groups),
    )
    return Ticket(
        **{name: columns[name] for name in _PLAIN},
        state=State(row.state),
        requester=requester,
        tags=tuple(row.tags),
        fields=row.fields,
        breached=tuple(row.breached),
        urls=tuple(row.urls),
        chosen=tuple(row.chosen),
        asked=tuple(row.asked),
        met=tuple(row.met),
        runbooks=tuple(row.runbooks),
        participants=tuple(participants),
        watchers=tuple(watchers),
    )


class TicketWork(Transaction):
    """Tickets as part of a transaction."""

    def open_ticket(
        self,
        *,
        subject: str,
        requester: Person,
        received_at: datetime,
        created_at: datetime,
        language: str | None,
        channel: str,
        organisation: str | None,
        team: str | None,
        priority: int,
        level: int,
        sla: str | None,
        due: Mapping[str, datetime],
        look_at: datetime | None = None,
        clock_at: datetime | None = None,
    ) -> Ticket:
        """A new ticket in state new. `due`: due times by target name (`TARGETS`). Numbers count from 1; PostgreSQL leaves one out
        when a transaction is undone."""
        if not due.keys() <= set(TARGETS):
            raise ValueError(f"unknown target among {sorted(due)}")
        values: dict[str, Any] = {
            "subject": subject,
            "state": State.NEW,
            "received_at": received_at,
            "created_at": created_at,
            "updated_at": created_at,
            "language": language,
            "channel": channel,
            "organisation": organisation,
            "team": team,
            "priority": priority,
            "level": level,
            "sla": sla,
            "active_at": received_at,
            "look_at": look_at,
            "clock_at": clock_at,
            **{f"{target}_due": due.get(target) for target in TARGETS},
        }
        values = {name: clean(value) if isinstance(value, str) else value for name, value in values.items()}
        row = {
            **values,
            "requester": requester.id,
            "requester_address": requester.address,
            "tags": (),
            "fields": {},
            "breached": (),
            "urls": (),
            "chosen": (),
            "asked": (),
            "met": (),
            "runbooks": (),
            "step": 0,
            "minutes_spent": 0,
        }
        number = self._insert(tables.ticket, row)
        return Ticket(id=number, requester=requester, **values)

    def ticket(self, id: int) -> Ticket | None:
        return tickets_by_id(self._connection, [id]).get(id)

    def tickets(self, filter: Filter) -> list[Ticket]:
        """Those that meet every condition of the filter, in order of number."""
        conditions = [tables.ticket.c.id > filter.after, *self._conditions(filter)]
        return load_tickets(self._connection, conditions, limit=filter.limit)

    def _conditions(self, filter: Filter) -> Iterable[sa.ColumnElement[bool]]:
        for column in (
            tables.ticket.c.state,
            tables.ticket.c.assignee,
            tables.ticket.c.team,
            tables.ticket.c.priority,
        ):
            wanted = getattr(filter, column.name)
            if wanted is not None:
                yield column == wanted
        if filter.requester is not None:
            mine = sa.select(tables.address.c.person).where(tables.address.c.key == filter.requester.lower())
            yield tables.ticket.c.requester.in_(mine)
        if filter.tag is not None:
            tag = self._array(tables.ticket.c.tags)
            yield sa.exists().where(tag.c.value == clean(filter.tag))
        if filter.overdue_at is not None:
            yield _overdue(filter.overdue_at)
        for word in (filter.search or "").split():
            yield _contains(word)

    def change_ticket(self, id: int, changes: Sequence[Change], now: datetime) -> None:
        """Set columns by the names of `Ticket`, `field.NAME` (None takes it away) and `requester` (a person's number).
        LookupError when there is no such ticket, ValueError for a name that cannot be changed."""
        values: dict[str, Any] = {"updated_at": now}
        fields: dict[str, object] = {}
        for change in changes:
            if change.name.startswith("field."):
                fields[change.name.removeprefix("field.")] = change.new
            elif change.name in _CHANGEABLE:
                values[change.name] = change.new
            else:
                raise ValueError(f"a ticket's {change.name!r} cannot be changed")
        if fields:
            values["fields"] = self._fields(id, fields)
        if "requester" in values:
            self.remove_participant(id, values["requester"])
            values["requester_address"] = (
                sa.select(tables.person.c.address)
                .where(tables.person.c.id == values["requester"])
                .scalar_subquery()
            )
        if not self._connection.execute(
            sa.update(tables.ticket).where(tables.ticket.c.id == id).values(**values)
        ).rowcount:
            raise LookupError(f"there is no ticket {id}")

    def _fields(self, id: int, changed: Mapping[str, object]) -> dict[str, object]:
        query = sa.select(tables.ticket.c.fields).where(tables.ticket.c.id == id).with_for_update()
        merged = {**(self._connection.scalar(query) or {}), **changed}
        return {name: value for name, value in merged.items() if value is not None}

    def add_participants(self, ticket: int, persons: Sequence[int], by: str, now: datetime) -> None:
        """Who is there already, or is the requester, is left out."""
        for part in chunks(persons):
            joining = sa.select(
                tables.ticket.c.id,
                tables.person.c.id,
                sa.literal(clean(by)),
                sa.literal(now, tables.ticket.c.created_at.type),
            ).where(
                tables.ticket.c.id == ticket,
                tables.person.c.id.in_(part),
                tables.person.c.id != tables.ticket.c.requester,
            )
            insert = insert_ignore(self._connection, tables.participant)
            self._connection.execute(
                insert.from_select(["ticket", "person", "added_by", "added_at"], joining)
            )

    def remove_participant(self, ticket: int, person: int) -> None:
        self._connection.execute(
            sa.delete(tables.participant).where(
                tables.participant.c.ticket == ticket, tables.participant.c.person == person
            )
        )

    def watch(self, ticket: int, address: str, on: bool) -> None:
        """Somebody (by address, kept in lower case) follows the ticket, or no longer."""
        row = {"ticket": ticket, "address": address.lower()}
        if on:
            self._connection.execute(insert_ignore(self._connection, tables.watcher), row)
        else:
            self._connection.execute(
                sa.delete(tables.watcher).where(
                    tables.watcher.c.ticket == ticket, tables.watcher.c.address == row["address"]
                )
            )

    def link(self, ticket: int, other: int, kind: str, now: datetime) -> None:
        """`other` is the ticket's related, follow-up, parent or child. Doing it twice changes nothing."""
        if kind == "child":
            ticket, other, kind = other, ticket, "parent"
        if kind == "related":
            ticket, other = sorted((ticket, other))
        row = {"ticket": ticket, "other": other, "kind": kind, "at": now}
        self._connection.execute(insert_ignore(self._connection, tables.link), row)

    def links(self, ticket: int) -> list[tuple[int, str]]:
        """(other ticket, what it is to this one), in order of number."""
        there = sa.select(tables.link.c.other, tables.link.c.kind).where(tables.link.c.ticket == ticket)
        back = sa.case((tables.link.c.kind == "parent", "child"), else_=tables.link.c.kind)
        here = sa.select(tables.link.c.ticket, back).where(tables.link.c.other == ticket)
        rows = self._connection.execute(sa.union(there, here)).all()
        return sorted((row[0], row[1]) for row in rows)

    def merge(self, ticket: int, into: int, now: datetime) -> None:
        """What people have seen in the ticket they have seen in the other too, and its links are the other's."""
        seen = tables.reference
        columns = ["ticket", "person", "mid", "written", "at"]
        theirs = sa.select(sa.literal(into), *(seen.c[name] for name in columns[1:])).where(
            seen.c.ticket == ticket
        )
        copy = insert_ignore(self._connection, seen).from_select(columns, theirs.order_by(seen.c.id))
        self._connection.execute(copy)
        for other, kind in self.links(ticket):
            if other != into:
                self.link(into, other, kind, now)

    def earlier(self, person: int, but: int | None, limit: int) -> list[Ticket]:
        """The person's tickets as requester, but for one, newest first, without those who take part in them."""
        wanted = {"requester": person, "but": but or 0, "most": limit}
        return [_ticket(row, (), ()) for row in self._connection.execute(_EARLIER, wanted)]


def _overdue(at: datetime) -> sa.ColumnElement[bool]:
    late = sa.or_(
        sa.and_(tables.ticket.c.first_response_at.is_(None), tables.ticket.c.first_response_due < at),
        tables.ticket.c.update_due < at,
        tables.ticket.c.resolution_due < at,
        tables.ticket.c.silence_due < at,
    )
    return sa.and_(tables.ticket.c.state.not_in(_FINISHED), late)


def _contains(word: str) -> sa.ColumnElement[bool]:
    part = clean(word)[:_SEARCH_WORD]
    said = sa.exists().where(
        tables.message.c.ticket == tables.ticket.c.id,
        sa.or_(
            tables.message.c.subject.icontains(part, autoescape=True),
            tables.message.c.text.icontains(part, autoescape=True),
        ),
    )
    ticket = tables.ticket.c
    own = (
        column.icontains(part, autoescape=True) for column in (ticket.subject, ticket.cause, ticket.solution)
    )
    return sa.or_(*own, said)
