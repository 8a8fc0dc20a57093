"""The look-ups of one decision, as few statements as they need; what is not wanted costs none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.people import Message, SentMail, Ticket
from maild.desk.snapshot import Counts, Snapshot, Wanted
from maild.desk.words import Role, Scope
from store import tables
from store.columns import bounded
from store.messages import load_messages
from store.nodes import DeskWork
from store.outbox import scope_of
from store.people import PERSON_COLUMNS, people_by_address, people_by_id, person_of
from store.references import ancestors
from store.tables import AUTOMATIC_OUTSIDE, DESK_EVENT, where
from store.tickets import tickets_by_id
from store.transaction import any_of, chunks

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
).join(tables.person, tables.person.c.id == tables.outbox.c.person)
_SENT_BY_MID = _SENT.where(tables.outbox.c.message_id.in_(any_of("mids")))
_SENT_BY_ROW = _SENT.where(tables.outbox.c.id.in_(any_of("ids")))
_SAME = (
    sa.select(tables.message.c.id)
    .where(tables.message.c.identity == sa.bindparam("identity"))
    .order_by(tables.message.c.at, tables.message.c.id)
    .limit(1)
)
_SAME_CONTENT = (
    sa.select(tables.message.c.id)
    .where(
        tables.message.c.content_identity == sa.bindparam("identity"),
        tables.message.c.at.between(sa.bindparam("since"), sa.bindparam("until")),
    )
    .order_by(tables.message.c.at, tables.message.c.id)
    .limit(1)
)
_SINCE = tables.outbox.c.created_at > sa.bindparam("since")
_COUNTS = sa.select(
    sa.func.count().filter(tables.outbox.c.recipient_key == sa.bindparam("key")),
    sa.func.count().filter(tables.outbox.c.recipient_domain == sa.bindparam("domain")),
    sa.func.count(),
).where(where(AUTOMATIC_OUTSIDE), _SINCE)
_COUNTS_OF_TICKETS = (
    sa.select(tables.outbox.c.ticket, sa.func.count())
    .where(where(AUTOMATIC_OUTSIDE), tables.outbox.c.ticket.in_(any_of("tickets")), _SINCE)
    .group_by(tables.outbox.c.ticket)
)
_WARNED = (
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
    )


def _sent(connection: Connection, wanted: Wanted) -> tuple[dict[str, SentMail], dict[int, SentMail]]:
    """Mails of ours by Message-ID and by row."""
    by_mid: dict[str, SentMail] = {}
    by_row: dict[int, SentMail] = {}
    for part in chunks(wanted.message_ids):
        names = {bounded(mid): mid for mid in part}
        for row in connection.execute(_SENT_BY_MID, {"mids": list(names)}):
            by_mid[names[row.message_id]] = _sent_of(row)
    for ids in chunks(wanted.outbox):
        for row in connection.execute(_SENT_BY_ROW, {"ids": ids}):
            by_row[row.outbox] = _sent_of(row)
    return by_mid, by_row


def _same(connection: Connection, wanted: Wanted, now: datetime) -> Message | None:
    """The same message, come before: by its identity whenever; one without Message-ID by content, within a day of `now`."""
    number = None
    if wanted.identity:
        number = connection.scalar(_SAME, {"identity": wanted.identity})
    elif wanted.content_identity:
        span = {"since": now - SAME_WITHIN, "until": now + SAME_WITHIN}
        number = connection.scalar(_SAME_CONTENT, {"identity": wanted.content_identity, **span})
    if number is None:
        return None
    [message] = load_messages(connection, [tables.message.c.id == number])
    return message


def _with_merged(connection: Connection, ids: Collection[int], *, lock: bool) -> dict[int, Ticket]:
    """The tickets and, followed to the end, those into which they were merged."""
    found: dict[int, Ticket] = {}
    missing = set(ids)
    while missing:
        loaded = tickets_by_id(connection, missing, lock=lock)
        found |= loaded
        missing = {one.merged_into for one in loaded.values() if one.merged_into is not None} - found.keys()
    return found


def _automatic(connection: Connection, keys: Iterable[str], now: datetime) -> dict[str, Counts]:
    """Automatic mails to the requester's side in the last hour: to each address, to its domain, in all."""
    found: dict[str, Counts] = {}
    for key in dict.fromkeys(keys):
        values = {"key": key, "domain": key.rpartition("@")[2], "since": now - _HOUR}
        found[key] = Counts(*connection.execute(_COUNTS, values).one())
    return found


def _automatic_of_tickets(connection: Connection, ids: Iterable[int], now: datetime) -> dict[int, int]:
    found: dict[int, int] = {}
    for part in chunks(ids):
        rows = connection.execute(_COUNTS_OF_TICKETS, {"tickets": part, "since": now - _DAY})
        found.update((row[0], row[1]) for row in rows)
    return found


def _warned(connection: Connection, keys: Iterable[str]) -> dict[str, datetime]:
    """When the desk last recorded that somebody was warned of mail in his name."""
    found: dict[str, datetime] = {}
    for part in chunks(keys):
        names = {bounded(key): key for key in part}
        rows = connection.execute(_WARNED, {"subjects": list(names)})
        found.update((names[row[0]], row[1]) for row in rows)
    return found


class SnapshotWork(DeskWork):
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
        same = _same(connection, wanted, now)
        named = _named(wanted, (*sent.values(), *outbox.values()), seen, same)
        tickets = _with_merged(connection, named, lock=self._writing)
        return Snapshot(
            keys=keys,
            same=same,
            sent=sent,
            outbox=outbox,
            ancestors=seen,
            tickets=tickets,
            people=people_by_address(connection, wanted.addresses),
            persons=people_by_id(connection, wanted.persons),
            automatic=_automatic(connection, wanted.counted, now),
            ticket_automatic=_automatic_of_tickets(connection, tickets, now),
            warned=_warned(connection, wanted.addresses),
        )

    def _one_at_a_time(self, wanted: Wanted) -> None:
        """Two nodes that hold the same message by two routes must not both find that there is none yet."""
        identity = wanted.identity or wanted.content_identity
        if identity:
            lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(bounded(identity), 0))
            self._connection.execute(sa.select(lock))


def _named(
    wanted: Wanted, mails: Iterable[SentMail], seen: Mapping[str, tuple[int, ...]], same: Message | None
) -> set[int]:
    """The numbers of all tickets that the look-ups came upon."""
    named = {*wanted.tickets, *(number for numbers in seen.values() for number in numbers)}
    named.update(mail.ticket for mail in mails if mail.ticket is not None)
    if same is not None and same.ticket is not None:
        named.add(same.ticket)
    return named
