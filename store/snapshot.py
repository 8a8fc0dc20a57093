"""The look-ups of one decision, as few statements as they need; what is not wanted costs none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.people import Answer, Message, SentMail, Suppression, Ticket
from maild.desk.snapshot import Counts, Snapshot, Wanted
from maild.desk.staffing import Staff
from maild.desk.words import Role, Scope
from store import tables
from store.agents import answered, done, shown
from store.clocks import moments_of
from store.columns import bounded
from store.held import held_of
from store.messages import load_messages, whole
from store.nodes import DeskWork
from store.outbox import scope_of
from store.people import PERSON_COLUMNS, PeopleWork, people_by_id, people_called, person_of
from store.prepared import Prepared
from store.references import ancestors
from store.ruling import TURN_LOCK, RulingWork
from store.tables import AUTOMATIC_OUTSIDE, DESK_EVENT, where
from store.tickets import acquainted, tickets_by_id
from store.transaction import Contended, any_of, chunks

SAME_WITHIN: Final = timedelta(hours=24)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(hours=24)

_SENT = sa.select(
    *PERSON_COLUMNS,
    tables.outbox.c.id.label("outbox"),
    tables.outbox.c.recipient,
    tables.outbox.c.message_id,
    tables.outbox.c.ticket,
    tables.outbox.c.role,
    tables.outbox.c.scope,
    tables.outbox.c.created_at,
    tables.outbox.c.key_id,
    tables.outbox.c.kind,
    tables.outbox.c.failed_by,
    tables.outbox.c.event_key,
    tables.outbox.c.message,
).join(tables.person, tables.person.c.id == tables.outbox.c.person)
_SENT_BY_MID = Prepared(_SENT.where(tables.outbox.c.message_id.in_(any_of("mids"))))
_SENT_BY_ROW = Prepared(_SENT.where(tables.outbox.c.id.in_(any_of("ids"))))
_EARLIEST = sa.select(tables.message.c.id).order_by(tables.message.c.at, tables.message.c.id).limit(1)
_SAME_CONTENT = (
    tables.message.c.content_identity == sa.bindparam("content"),
    tables.message.c.at.between(sa.bindparam("since"), sa.bindparam("until")),
)
_SAME = Prepared(
    sa.select(
        _EARLIEST.where(tables.message.c.identity == sa.bindparam("identity")).scalar_subquery(),
        _EARLIEST.where(*_SAME_CONTENT).scalar_subquery(),
        sa.select(sa.func.count()).select_from(tables.message).where(*_SAME_CONTENT).scalar_subquery(),
    )
)
_SINCE = tables.outbox.c.created_at > sa.bindparam("since")


def _counts(bounded: frozenset[str]) -> Prepared:
    """Automatic mails to an address, to its domain and in all; the latter two, which may be many, only where they are bounded."""
    outbox = tables.outbox.c

    def number(*to: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        return sa.select(sa.func.count()).where(where(AUTOMATIC_OUTSIDE), _SINCE, *to).scalar_subquery()

    wide = {"domain": number(outbox.recipient_domain == sa.bindparam("domain")), "all": number()}
    return Prepared(
        sa.select(
            number(outbox.recipient_key == sa.bindparam("key")),
            *(count if name in bounded else sa.literal(0) for name, count in wide.items()),
            *(
                sa.select(column).where(tables.address.c.key == sa.bindparam("key")).scalar_subquery()
                for column in (tables.address.c.suppressed_at, tables.address.c.suppressed_why)
            ),
        )
    )


_COUNTS = {
    frozenset(bounded): _counts(frozenset(bounded))
    for bounded in ((), ("domain",), ("all",), ("domain", "all"))
}
_COUNTS_OF_TICKETS = Prepared(
    sa.select(tables.outbox.c.ticket, sa.func.count())
    .where(where(AUTOMATIC_OUTSIDE), tables.outbox.c.ticket.in_(any_of("tickets")), _SINCE)
    .group_by(tables.outbox.c.ticket)
)
_ANSWERS = (
    sa.select(tables.outbox.c.ticket, tables.message.c.at, tables.outbox.c.id, tables.outbox.c.state)
    .join(tables.message, tables.message.c.id == tables.outbox.c.message)
    .where(
        tables.outbox.c.ticket.in_(any_of("tickets")),
        tables.outbox.c.answer,
        tables.outbox.c.role == Role.REQUESTER,
    )
    .order_by(tables.outbox.c.id)
)
_WARNED = Prepared(
    sa.select(tables.event.c.subject, sa.func.max(tables.event.c.at, type_=tables.event.c.at.type))
    .where(
        where(DESK_EVENT),
        tables.event.c.event == "warned",
        tables.event.c.subject.in_(any_of("subjects")),
    )
    .group_by(tables.event.c.subject)
)


def _sent_of(row: Any) -> SentMail:
    return SentMail(
        message_id=row.message_id,
        outbox=row.outbox,
        ticket=row.ticket,
        person=person_of(row, row.recipient),
        role=Role(row.role),
        # Where an answer reaches nobody, the careful reading of one that comes all the same is: only us.
        scope=scope_of(row.scope) or Scope.INTERNAL,
        at=row.created_at,
        key_id=row.key_id,
        kind=row.kind,
        failed_by=row.failed_by,
        intake=_intake_of(row.event_key),
        message=row.message,
    )


def _intake_of(event_key: str) -> int | None:
    """The mail whose arrival a mail of ours told of (`intake:7`, with more behind a slash when it was decided again)."""
    kind, _, number = event_key.partition("/")[0].partition(":")
    return int(number) if kind == "intake" and number.isdecimal() else None


def _sent(connection: Connection, wanted: Wanted) -> tuple[dict[str, SentMail], dict[int, SentMail]]:
    """Mails of ours by Message-ID and by row."""
    by_mid: dict[str, SentMail] = {}
    by_row: dict[int, SentMail] = {}
    for part in chunks(wanted.message_ids):
        names = {bounded(mid): mid for mid in part}
        for row in _SENT_BY_MID.rows(connection, {"mids": list(names)}):
            by_mid[names[row.message_id]] = _sent_of(row)
    for ids in chunks(wanted.outbox):
        for row in _SENT_BY_ROW.rows(connection, {"ids": ids}):
            by_row[row.outbox] = _sent_of(row)
    return by_mid, by_row


def _same(connection: Connection, wanted: Wanted, now: datetime) -> tuple[Message | None, int]:
    """The same message, come before: by its identity whenever; one without Message-ID by content, within a day of `now`, or of when
    it was written if that is wanted. And how many with this content there were within a day."""
    if not wanted.identity and not wanted.content_identity:
        return None, 0
    around = wanted.written_at or now
    span = {"since": around - SAME_WITHIN, "until": around + SAME_WITHIN}
    names = {"identity": wanted.identity, "content": wanted.content_identity, **span}
    same, alike, repeated = _SAME.one(connection, names)
    number = same if wanted.identity else alike
    if number is None:
        return None, repeated
    [message] = load_messages(connection, [tables.message.c.id == number])
    return message, repeated


def _with_merged(connection: Connection, ids: Collection[int], *, lock: bool) -> dict[int, Ticket]:
    """The tickets and, followed to the end, those into which they were merged."""
    found: dict[int, Ticket] = {}
    missing = set(ids)
    while missing:
        loaded = tickets_by_id(connection, missing, lock=lock)
        found |= loaded
        missing = {one.merged_into for one in loaded.values() if one.merged_into is not None} - found.keys()
    return found


def _automatic(
    connection: Connection, keys: Iterable[str], bounded: frozenset[str], now: datetime
) -> tuple[dict[str, Counts], dict[str, Suppression]]:
    """Automatic mails to the requester's side in the last hour: to each address, and where `bounded` to its domain, in all. And which
    address gets none."""
    found: dict[str, Counts] = {}
    suppressed: dict[str, Suppression] = {}
    for key in dict.fromkeys(keys):
        values = {"key": key, "since": now - _HOUR}
        if "domain" in bounded:
            values["domain"] = key.rpartition("@")[2]
        address, domain, total, since, why = _COUNTS[bounded].one(connection, values)
        found[key] = Counts(address, domain, total)
        if since is not None:
            suppressed[key] = Suppression(since, why)
    return found, suppressed


def _answers(
    connection: Connection, mails: Iterable[SentMail], ids: Iterable[int]
) -> dict[int, tuple[Answer, ...]]:
    """Agents' answers to the requesters of these tickets, when one of the mails may have failed."""
    found: dict[int, tuple[Answer, ...]] = {}
    if not any(mail.kind == "answer" for mail in mails):
        return found
    for part in chunks(ids):
        for row in connection.execute(_ANSWERS, {"tickets": part}):
            answer = Answer(row.at, row.id, row.state in ("failed", "dropped"))
            found[row.ticket] = (*found.get(row.ticket, ()), answer)
    return found


def _automatic_of_tickets(connection: Connection, ids: Iterable[int], now: datetime) -> dict[int, int]:
    found: dict[int, int] = {}
    for part in chunks(ids):
        rows = _COUNTS_OF_TICKETS.rows(connection, {"tickets": part, "since": now - _DAY})
        found.update((row[0], row[1]) for row in rows)
    return found


class SnapshotWork(DeskWork, RulingWork, PeopleWork):
    """The snapshot as part of a transaction."""

    def snapshot(self, wanted: Wanted, now: datetime) -> Snapshot:
        """What the store knows of what is wanted. In a write transaction nobody else changes the tickets in it, or decides about the
        same message, before that ends."""
        connection = self._connection
        if self._writing and self._postgres:
            self._one_at_a_time(wanted)
        keys = self.keys()
        sent, outbox = _sent(connection, wanted)
        seen = ancestors(connection, wanted.message_ids)
        same, repeated = _same(connection, wanted, now)
        callers = people_called(connection, wanted.callers)
        called = [one.key for people in callers.values() for one in people if one.key]
        automatic, suppressed = _automatic(connection, (*wanted.counted, *called), wanted.bounded, now)
        named = _named(wanted, (*sent.values(), *outbox.values()), seen, same)
        tickets = _with_merged(connection, named, lock=self._writing)
        return Snapshot(
            keys=keys,
            same=same,
            sent=sent,
            outbox=outbox,
            ancestors=seen,
            tickets=tickets,
            people=self._look_up((*wanted.addresses, *called)),
            persons=people_by_id(connection, wanted.persons),
            automatic=automatic,
            ticket_automatic=_automatic_of_tickets(connection, tickets, now),
            **self._of_agent(wanted, sent.values(), tickets, now),
            suppressed=suppressed,
            repeated=repeated,
            answers=_answers(connection, outbox.values(), tickets),
            away=self.away(now) if wanted.away else {},
            owned=tuple(self.owned(wanted.owned)) if wanted.owned else (),
            helped=self.told("helped", wanted.helped) if wanted.helped else None,
            refused=self.told("refused", wanted.newcomer) if wanted.newcomer else None,
            acquainted=bool(wanted.newcomer) and acquainted(connection, wanted.newcomer),
            callers=callers,
            staff=self.staff(wanted.staff, now) if wanted.staff else Staff(),
            fired=self.fired(*wanted.fired) if wanted.fired else (),
            moments={one.id: moments_of(connection, one) for one in tickets.values()}
            if wanted.clocks
            else {},
        )

    def warned(self, subjects: Iterable[str]) -> dict[str, datetime]:
        """When the desk last recorded that somebody was warned of each of these; of what it never was is not in it."""
        found: dict[str, datetime] = {}
        for part in chunks(subjects):
            names = {bounded(subject.lower()): subject for subject in part}
            rows = _WARNED.rows(self._connection, {"subjects": list(names)})
            found.update((names[row[0]], row[1]) for row in rows)
        return found

    def _of_agent(
        self, wanted: Wanted, sent: Iterable[SentMail], tickets: Mapping[int, Ticket], now: datetime
    ) -> dict[str, Any]:
        """What only the mail of somebody who may be an agent asks for, or an answer to questions of ours."""
        found: dict[str, Any] = {}
        if wanted.agent:
            found["answered"] = answered(self._connection, wanted.agent, tickets)
            found["held"] = held_of(self._connection, wanted.agent, tickets, now)
        if wanted.agent or any(ticket.asked for ticket in tickets.values()):
            carried = [mail.message for mail in sent if mail.message is not None]
            found["messages"] = shown(self._connection, carried)
        if wanted.parts:
            found["messages"] = found.get("messages", {}) | {
                one.id: one for ticket in tickets for one in whole(self._connection, ticket)
            }
        if wanted.undo:
            found["done"] = done(self._connection, tickets, now)
        return found

    def _one_at_a_time(self, wanted: Wanted) -> None:
        """Two nodes that hold the same message by two routes must not both find that there is none yet, and two that hold mails of
        one person (or of one domain, or any, where that is bounded) must not both find that little was sent there.

        All are locked in one order, and the turns of teams first, so that two nodes do not wait for each other. Contended in a transaction
        that is `crowded`."""
        names = {f"to {key}" for key in wanted.counted}
        if wanted.counted and "domain" in wanted.bounded:
            names |= {f"to domain {key.rpartition('@')[2]}" for key in wanted.counted}
        if wanted.counted and "all" in wanted.bounded:
            names.add("to all")
        if identity := wanted.identity or wanted.content_identity:
            names.add(identity)
        locks: list[Any] = [sa.func.hashtextextended(bounded(name), 0) for name in sorted(names)]
        if "round-robin" in wanted.staff:
            locks.insert(0, TURN_LOCK)
        if not locks:
            return
        if not self.crowded:
            self._connection.execute(sa.select(*(sa.func.pg_advisory_xact_lock(one) for one in locks)))
        elif not all(
            self._connection.execute(
                sa.select(*(sa.func.pg_try_advisory_xact_lock(one) for one in locks))
            ).one()
        ):
            raise Contended("another node is at work on this")


def _named(
    wanted: Wanted, mails: Iterable[SentMail], seen: Mapping[str, tuple[int, ...]], same: Message | None
) -> set[int]:
    """The numbers of all tickets that the look-ups came upon."""
    named = {*wanted.tickets, *(number for numbers in seen.values() for number in numbers)}
    named.update(mail.ticket for mail in mails if mail.ticket is not None)
    if same is not None and same.ticket is not None:
        named.add(same.ticket)
    return named
