"""Which Message-IDs have been seen in which ticket, and by whom: what threads answers, and what References are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store import tables
from store.columns import bounded
from store.people import PERSON_COLUMNS, person_of
from store.prepared import Prepared
from store.rows import Chain, NewMail
from store.transaction import Transaction, any_of, chunks, insert_rows

_CHAINS = Prepared(
    sa.select(*PERSON_COLUMNS, tables.reference.c.mid, tables.reference.c.written)
    .join_from(
        tables.person,
        tables.reference,
        sa.and_(
            tables.reference.c.person == tables.person.c.id,
            tables.reference.c.ticket == sa.bindparam("in_ticket"),
        ),
        isouter=True,
    )
    .where(tables.person.c.id.in_(any_of("persons")))
    .order_by(tables.person.c.id, tables.reference.c.id)
)
_SEEN = Prepared(
    sa.select(tables.reference.c.mid, tables.reference.c.ticket)
    .where(tables.reference.c.mid.in_(any_of("mids")))
    .order_by(tables.reference.c.id.desc())
)


def ancestors(connection: Connection, message_ids: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """For each known Message-ID the tickets in which it has been seen, the newest sighting first."""
    found: dict[str, dict[int, None]] = {}
    for part in chunks(message_ids):
        wanted = {bounded(mid): mid for mid in part}
        for row in _SEEN.rows(connection, {"mids": list(wanted)}):
            found.setdefault(wanted[row.mid], {})[row.ticket] = None
    return {mid: tuple(tickets) for mid, tickets in found.items()}


class ReferenceWork(Transaction):
    """Seen Message-IDs as part of a transaction."""

    def note_ids(
        self, ticket: int, person: int | None, ids: Sequence[str], *, written: bool, now: datetime
    ) -> None:
        """The person (None: nobody in particular) has seen these in the ticket, in this order; `written`: the last is a mail the
        person wrote. What was noted already keeps its place."""
        noted: set[str] = set()
        last = bounded(ids[-1]) if ids and written else None
        reference = tables.reference
        for part in chunks(bounded(mid) for mid in ids):
            rows = [
                {"ticket": ticket, "person": person, "mid": mid, "written": mid == last, "at": now}
                for mid in part
            ]
            found = insert_rows(self._connection, reference, rows, returning=(reference.c.mid,))
            noted.update(row[0] for row in found)
        if last is not None and last not in noted:
            mine = (reference.c.ticket == ticket, reference.c.person == person, reference.c.mid == last)
            self._connection.execute(sa.update(reference).where(*mine).values(written=True))

    def note_sent(self, mails: Iterable[NewMail]) -> None:
        """These mails of ours go to their persons, who see them in their tickets."""
        rows = [
            {
                "ticket": mail.ticket,
                "person": mail.person,
                "mid": bounded(mail.message_id),
                "written": False,
                "at": mail.created_at,
            }
            for mail in mails
            if mail.ticket is not None
        ]
        if rows:
            insert_rows(self._connection, tables.reference, rows)

    def chains(self, ticket: int, persons: Sequence[int]) -> dict[int, Chain]:
        """For each of these persons what the person has seen in the ticket."""
        found: dict[int, Chain] = {}
        for part in chunks(persons):
            for row in _CHAINS.rows(self._connection, {"in_ticket": ticket, "persons": part}):
                before = found.get(row.id, Chain((), None, person_of(row)))
                if row.mid is None:
                    found[row.id] = before
                else:
                    last = row.mid if row.written else before.last_written
                    found[row.id] = Chain((*before.ids, row.mid), last, before.person)
        return found
