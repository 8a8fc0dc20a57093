"""What is to be told later, together: lines that wait until their digest is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from maild.desk.words import Role
from store import tables
from store.rows import DigestRow
from store.tables import DIGEST_OPEN, where
from store.transaction import Transaction, chunks


class DigestWork(Transaction):
    """Digests as part of a transaction."""

    def add_digest(
        self,
        recipient: str,
        role: Role,
        ticket: int | None,
        subject: str,
        happenings: Sequence[str],
        at: datetime,
        due_at: datetime,
        why: str,
    ) -> int:
        """Keep a line for the recipient's digest; its number."""
        row = {
            "recipient": recipient,
            "role": role,
            "ticket": ticket,
            "subject": subject,
            "happenings": [str(happening) for happening in happenings],
            "at": at,
            "due_at": due_at,
            "why": why,
        }
        return self._insert(tables.digest, row)

    def due_digests(self, now: datetime) -> dict[str, list[DigestRow]]:
        """The waiting lines that are due, by recipient (in lower case), oldest first."""
        digest = tables.digest
        due = sa.select(digest).where(where(DIGEST_OPEN), digest.c.due_at <= now)
        found: dict[str, list[DigestRow]] = {}
        # Sorted here: asked for in order of number, SQLite would read the whole table in that order.
        for row in sorted(self._connection.execute(due), key=lambda row: row.id):
            happenings = tuple(row.happenings)
            line = DigestRow(
                row.id, row.recipient, Role(row.role), row.ticket, row.subject, happenings, row.at, row.why
            )
            found.setdefault(row.recipient.lower(), []).append(line)
        return found

    def finish_digests(self, ids: Sequence[int], now: datetime) -> None:
        """These lines have been told."""
        for part in chunks(ids):
            done = sa.update(tables.digest).where(tables.digest.c.id.in_(part), where(DIGEST_OPEN))
            self._connection.execute(done.values(finished_at=now))
