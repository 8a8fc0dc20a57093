"""What is held of one person: where he is (`traces`, which scans what no index helps with), and what stands there."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from maild.desk.people import Message
from store import tables
from store.content import ContentWork
from store.history import HistoryWork, line_of
from store.messages import load_messages
from store.people import PERSON_COLUMNS
from store.rows import HistoryLine
from store.tables import DESK_EVENT, OUTBOX_OPEN, where
from store.transaction import chunks


@dataclass(frozen=True, slots=True)
class Traces:
    """Where a person is. `called`: what he is called from then on. `own`: tickets that he asked for; `other`: further ones in which he takes
    part, wrote, or stands in To or Cc. `messages`: his; `naming`: others' that have him in To or Cc. `mails`: intake rows of his. `events`: lines of the desk's
    own history that name him. `outgoing`: mails to him. `pending`: mails to others about `other` tickets that are still to be sent."""

    people: tuple[int, ...]
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    phones: tuple[str, ...]
    own: tuple[int, ...]
    other: tuple[int, ...]
    messages: tuple[int, ...]
    naming: tuple[int, ...]
    mails: tuple[int, ...]
    events: tuple[int, ...]
    outgoing: tuple[int, ...]
    pending: int = 0

    @property
    def called(self) -> str:
        return f"erased person {self.people[0]}" if self.people else "erased person"

    @property
    def any(self) -> bool:
        """Whether anything is held of him."""
        return any(
            (self.people, self.own, self.messages, self.naming, self.mails, self.events, self.outgoing)
        )


@dataclass(frozen=True, slots=True)
class MailHeld:
    """A mail of his as it came, with its envelope and what became of it."""

    id: int
    sha256: str
    size: int
    received_at: datetime
    route: str
    peer: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    state: str
    outcome: str | None
    message: int | None


@dataclass(frozen=True, slots=True)
class MailSent:
    """A mail of ours to him. `raw`: its bytes, when they are wanted."""

    id: int
    recipient: str
    ticket: int | None
    message: int | None
    message_id: str
    kind: str
    state: str
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    reason: str


class HoldingWork(HistoryWork, ContentWork):
    """What is held of a person, as part of a transaction."""

    def traces(self, people: Sequence[int], addresses: Iterable[str]) -> Traces:
        """Everything held of these entries of the register and of these addresses (any case). `people` may be empty."""
        person, address = tables.person, tables.address
        keys = {one.lower() for one in addresses if one}
        for part in chunks(people):
            keys.update(self._all(sa.select(address.c.key).where(address.c.person.in_(part))))
            keys.update(
                one.lower()
                for one in self._all(sa.select(person.c.address).where(person.c.id.in_(part)))
                if one
            )
        # Entries that were joined to his keep their own address.
        joined = self._all(sa.select(person.c.id).where(sa.func.lower(person.c.address).in_(sorted(keys))))
        every = tuple(dict.fromkeys((*people, *joined)))
        rows = self._connection.execute(sa.select(*PERSON_COLUMNS).where(person.c.id.in_(every))).all()
        own = self._all(sa.select(tables.ticket.c.id).where(tables.ticket.c.requester.in_(every)))
        places = self._places(keys, every)
        takes_part = sa.select(tables.participant.c.ticket).where(tables.participant.c.person.in_(every))
        naming = self._naming(keys, places)
        mails = self._mails_from(keys)
        other = {*self._all(takes_part), *self._tickets_of((*places, *naming)), *self._tickets_by(mails)}
        other -= set(own)
        outgoing = self._outgoing_to(keys, every)
        return Traces(
            people=every,
            names=tuple(
                dict.fromkeys((*(row.name for row in rows if row.name), *self._written_names(places)))
            ),
            addresses=tuple(sorted(keys)),
            phones=tuple(row.phone for row in rows if row.phone),
            own=own,
            other=tuple(sorted(other)),
            messages=places,
            naming=naming,
            mails=mails,
            events=self._desk_lines(keys),
            outgoing=outgoing,
            pending=self._pending(other, outgoing),
        )

    def _mails_from(self, keys: Collection[str]) -> tuple[int, ...]:
        intake = tables.intake.c
        return self._all(sa.select(intake.id).where(sa.func.lower(intake.sender).in_(sorted(keys))))

    def _outgoing_to(self, keys: Collection[str], people: Sequence[int]) -> tuple[int, ...]:
        outbox = tables.outbox.c
        his = sa.or_(outbox.person.in_(people), outbox.recipient_key.in_(sorted(keys)))
        return self._all(sa.select(outbox.id).where(his))

    def _pending(self, tickets: Collection[int], but: Collection[int]) -> int:
        outbox = tables.outbox.c
        waiting = self._all(
            sa.select(outbox.id).where(where(OUTBOX_OPEN), outbox.ticket.in_(sorted(tickets)))
        )
        return len(set(waiting) - set(but))

    def _tickets_by(self, mails: Sequence[int]) -> Iterable[int]:
        """The tickets to which these mails came, also once more."""
        intake, message = tables.intake.c, tables.message.c
        for part in chunks(mails):
            joined = sa.join(tables.intake, tables.message, message.id == intake.message)
            wanted = sa.select(message.ticket).select_from(joined)
            yield from self._all(wanted.where(intake.id.in_(part), message.ticket.is_not(None)).distinct())

    def _all(self, query: sa.Select[Any]) -> tuple[Any, ...]:
        return tuple(self._connection.scalars(query))

    def _places(self, keys: Collection[str], people: Sequence[int]) -> tuple[int, ...]:
        """The messages that he wrote."""
        message = tables.message.c
        his = sa.or_(message.person.in_(people), sa.func.lower(message.from_address).in_(sorted(keys)))
        return self._all(sa.select(message.id).where(his).order_by(message.id))

    def _tickets_of(self, messages: Sequence[int]) -> Iterable[int]:
        message = tables.message.c
        for part in chunks(messages):
            yield from self._all(
                sa.select(message.ticket).where(message.id.in_(part), message.ticket.is_not(None)).distinct()
            )

    def _written_names(self, messages: Sequence[int]) -> Iterable[str]:
        for part in chunks(messages):
            names = sa.select(tables.message.c.from_name).where(tables.message.c.id.in_(part)).distinct()
            yield from (name for name in self._all(names) if name)

    def _naming(self, keys: Collection[str], but: Sequence[int]) -> tuple[int, ...]:
        """Others' messages that were addressed to him too."""
        message, mine = tables.message.c, set(but)
        columns = [sa.func.lower(sa.cast(column, sa.Text)) for column in (message.to, message.cc)]
        named = [
            column.contains(json.dumps(key)[1:-1], autoescape=True) for key in keys for column in columns
        ]
        if not named:
            return ()
        return tuple(one for one in self._all(sa.select(message.id).where(sa.or_(*named))) if one not in mine)

    def _desk_lines(self, keys: Collection[str]) -> tuple[int, ...]:
        event = tables.event.c
        texts = (sa.func.lower(sa.cast(column, sa.Text)) for column in (event.detail, event.reasons))
        columns = [event.subject, *texts]
        named = [
            column.contains(json.dumps(key)[1:-1], autoescape=True) for key in keys for column in columns
        ]
        if not named:
            return ()
        return self._all(sa.select(event.id).where(where(DESK_EVENT), sa.or_(*named)))

    def messages_of(self, ids: Sequence[int]) -> list[Message]:
        """These messages, oldest first."""
        found = [one for part in chunks(ids) for one in load_messages(self._connection, [tables.message.c.id.in_(part)])]  # fmt: skip
        return sorted(found, key=lambda one: (one.at, one.id))

    def mails_of(self, ids: Sequence[int], messages: Sequence[int]) -> list[MailHeld]:
        """These intake rows, and those by which these messages came (again), in order of number."""
        route, intake = tables.route, tables.intake
        wanted = set(ids)
        for part in chunks(messages):
            wanted.update(
                self._connection.scalars(sa.select(route.c.intake).where(route.c.message.in_(part)))
            )
        names = [name for name in MailHeld.__dataclass_fields__ if name != "recipients"]
        columns = [intake.c[name] for name in (*names, "recipients")]
        found = []
        for part in chunks(sorted(wanted)):
            for row in self._connection.execute(sa.select(*columns).where(intake.c.id.in_(part))):
                found.append(MailHeld(**{**row._mapping, "recipients": tuple(row.recipients)}))
        return sorted(found, key=lambda one: one.id)

    def mails_to(self, ids: Sequence[int]) -> list[MailSent]:
        """These mails of ours, in order of number."""
        outbox = tables.outbox
        columns = [outbox.c[name] for name in MailSent.__dataclass_fields__]
        rows = [
            MailSent(**row._mapping)
            for part in chunks(ids)
            for row in self._connection.execute(sa.select(*columns).where(outbox.c.id.in_(part)))
        ]
        return sorted(rows, key=lambda one: one.id)

    def sent_bytes(self, id: int) -> bytes:
        """The bytes of a mail of ours. KeyError when there is no such mail."""
        outbox = tables.outbox
        row = self._connection.execute(
            sa.select(outbox.c.raw, outbox.c.sha256).where(outbox.c.id == id)
        ).one_or_none()
        if row is None:
            raise KeyError(id)
        return self.get_content(row.sha256) if row.sha256 is not None else bytes(row.raw)

    def lines_of(self, ids: Sequence[int]) -> list[HistoryLine]:
        """These lines of the history, oldest first."""
        event = tables.event
        rows = [
            row
            for part in chunks(ids)
            for row in self._connection.execute(sa.select(event).where(event.c.id.in_(part)))
        ]
        return [line_of(row) for row in sorted(rows, key=lambda row: row.id)]
