"""Tickets: opened, found, changed, with those who take part in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from store.prepared import Prepared
from store.rows import Filter
from store.search import SearchWork
from store.tables import UNFINISHED, where
from store.transaction import any_of, chunks, insert_ignore

TARGETS: Final = ("first_response", "update", "resolution", "silence")
PAGE: Final = 500
"""Most tickets that are in memory at a time where a list may have any length."""

_SEARCHED: Final = ("subject", "cause", "solution", "tags")

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
_EARLIER = Prepared(
    _SELECT.where(
        tables.ticket.c.requester == sa.bindparam("requester"), tables.ticket.c.id != sa.bindparam("but")
    )
    .order_by(tables.ticket.c.id.desc())
    .limit(sa.bindparam("most"))
)
_BY_ID = _SELECT.where(tables.ticket.c.id.in_(any_of("ids"))).order_by(tables.ticket.c.id)
_READ = Prepared(_BY_ID)
_LOCKED = Prepared(_BY_ID.with_for_update(of=tables.ticket))
_CHANGE = Prepared(sa.update(tables.ticket).where(tables.ticket.c.id == sa.bindparam("number")))
_PARTICIPANTS = Prepared(
    sa.select(tables.participant.c.ticket, *PERSON_COLUMNS)
    .join(tables.person, tables.person.c.id == tables.participant.c.person)
    .where(tables.participant.c.ticket.in_(any_of("tickets")))
    .order_by(tables.participant.c.added_at, tables.participant.c.person)
)
_KNOWN_BY = sa.select(tables.address.c.person).where(tables.address.c.key == sa.bindparam("key"))
_ASKED = sa.select(tables.ticket.c.id).where(
    tables.ticket.c.requester.in_(_KNOWN_BY), tables.ticket.c.state != State.SPAM
)
_TAKES_PART = (
    sa.select(tables.ticket.c.id)
    .join(tables.participant, tables.participant.c.ticket == tables.ticket.c.id)
    .where(tables.participant.c.person.in_(_KNOWN_BY), tables.ticket.c.state != State.SPAM)
)
# One look each, because a database finds what is one or the other only by reading all tickets.
_ACQUAINTED = sa.select(sa.or_(sa.exists(_ASKED), sa.exists(_TAKES_PART)))
_LINKS = sa.union_all(
    sa.select(tables.link.c.ticket, tables.link.c.other, tables.link.c.kind).where(
        tables.link.c.ticket.in_(any_of("tickets"))
    ),
    sa.select(
        tables.link.c.other,
        tables.link.c.ticket,
        sa.case((tables.link.c.kind == "parent", "child"), else_=tables.link.c.kind),
    ).where(tables.link.c.other.in_(any_of("tickets"))),
)
_WATCHERS = Prepared(
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
    return _with_people(connection, rows)


def _with_people(connection: Connection, rows: Sequence[Any]) -> list[Ticket]:
    """The tickets of these rows, with who takes part in each and who follows it."""
    ids = [row.id for row in rows]
    participants: dict[int, list[Person]] = {}
    watchers: dict[int, list[str]] = {}
    for part in chunks(ids):
        for joined in _PARTICIPANTS.rows(connection, {"tickets": part}):
            participants.setdefault(joined.ticket, []).append(person_of(joined))
        for watching in _WATCHERS.rows(connection, {"tickets": part}):
            watchers.setdefault(watching.ticket, []).append(watching.address)
    return [_ticket(row, participants.get(row.id, ()), watchers.get(row.id, ())) for row in rows]


def tickets_by_id(connection: Connection, ids: Iterable[int], *, lock: bool = False) -> dict[int, Ticket]:
    """Those that exist."""
    found: dict[int, Ticket] = {}
    for part in chunks(sorted(ids)):
        for one in _with_people(connection, (_LOCKED if lock else _READ).rows(connection, {"ids": part})):
            found[one.id] = one
    return found


def acquainted(connection: Connection, address: str) -> bool:
    """Whether the person with this address is the requester of a ticket or takes part in one, spam apart."""
    return bool(connection.scalar(_ACQUAINTED, {"key": bounded(address.lower())}))


def _ticket(row: Any, participants: Iterable[Person], watchers: Iterable[str]) -> Ticket:
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
        **{name: getattr(row, name) for name in _PLAIN},
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


class TicketWork(SearchWork):
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
        self._opened_with(number, subject)
        return Ticket(id=number, requester=requester, **values)

    def ticket(self, id: int) -> Ticket | None:
        return tickets_by_id(self._connection, [id]).get(id)

    def tickets(self, filter: Filter) -> list[Ticket]:
        """Those that meet every condition of the filter, in order of number."""
        conditions = [tables.ticket.c.id > filter.after, *self._conditions(filter)]
        return load_tickets(self._connection, conditions, limit=filter.limit)

    def pages(self, filter: Filter) -> Iterator[list[Ticket]]:
        """The same in parts that fit memory; none when there are none."""
        left = filter.limit
        while left != 0:
            page = self.tickets(replace(filter, limit=PAGE if left is None else min(PAGE, left)))
            if not page:
                return
            yield page
            filter = replace(filter, after=page[-1].id)
            left = None if left is None else left - len(page)

    def last_tickets(self, number: int) -> list[int]:
        """The numbers of the newest tickets, in order."""
        newest = sa.select(tables.ticket.c.id).order_by(tables.ticket.c.id.desc()).limit(number)
        return sorted(self._connection.scalars(newest))

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
            yield self._tagged(filter.tag)
            yield sa.exists().where(tag.c.value == clean(filter.tag))
        if filter.overdue_at is not None:
            yield _overdue(filter.overdue_at)
        yield from self._found(filter.search or "")

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
            changed = self._connection.execute(
                sa.update(tables.ticket).where(tables.ticket.c.id == id).values(**values)
            ).rowcount
        else:
            changed = _CHANGE.run(self._connection, {**values, "number": id})
        if not changed:
            raise LookupError(f"there is no ticket {id}")
        for change in changes:
            if change.name in _SEARCHED:
                self._reworded(id, change)

    def _reworded(self, ticket: int, change: Change) -> None:
        """What a ticket is found by has changed; what only came goes to the rest."""
        new: Any = change.new
        if change.old or change.name == "subject":
            self.reindex([ticket])
        elif change.name == "tags":
            self._said_in(ticket, tags=new)
        else:
            self._said_in(ticket, new)

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
        return self.links_of([ticket]).get(ticket, [])

    def links_of(self, numbers: Iterable[int]) -> dict[int, list[tuple[int, str]]]:
        """The same of several tickets, of those that have links."""
        found: dict[int, set[tuple[int, str]]] = {}
        for part in chunks(numbers):
            for row in self._connection.execute(_LINKS, {"tickets": part}):
                found.setdefault(row[0], set()).add((row[1], row[2]))
        return {ticket: sorted(links) for ticket, links in found.items()}

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
        return [_ticket(row, (), ()) for row in _EARLIER.rows(self._connection, wanted)]


def _overdue(at: datetime) -> sa.ColumnElement[bool]:
    late = sa.or_(
        sa.and_(tables.ticket.c.first_response_at.is_(None), tables.ticket.c.first_response_due < at),
        tables.ticket.c.update_due < at,
        tables.ticket.c.resolution_due < at,
        tables.ticket.c.silence_due < at,
    )
    return sa.and_(where(UNFINISHED), late)
