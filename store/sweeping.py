"""Contents that an erasure has freed are removed, unless somebody else has them too; after a crash, at the next start."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from store import tables
from store.transaction import FILES_LOCK, Transaction, chunks

_NAMED: Final = (
    tables.intake.c.sha256,
    tables.message.c.sha256,
    tables.attachment.c.sha256,
    tables.outbox.c.sha256,
)


class SweepWork(Transaction):
    """The removal of contents as part of a transaction."""

    def discarded(self) -> bool:
        """Whether there are contents to be removed."""
        return self._connection.scalar(sa.select(tables.discard.c.sha256).limit(1)) is not None

    def sweep(self) -> int:
        """Remove what an erasure has freed and nobody names any more: how many contents. The files are gone at once, before the transaction
        ends, and are noted until it has ended; so nothing is left behind by a crash in between."""
        if self._postgres:
            self._connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(FILES_LOCK)))
            self._connection.exec_driver_sql("LOCK TABLE content, intake IN SHARE ROW EXCLUSIVE MODE")
        else:
            self._connection.exec_driver_sql("PRAGMA secure_delete = ON").close()
        removed = 0
        for part in chunks(self._connection.scalars(sa.select(tables.discard.c.sha256))):
            named = {one for column in _NAMED for one in self._connection.scalars(sa.select(column).where(column.in_(part)))}  # fmt: skip
            free = [sha256 for sha256 in part if sha256 not in named]
            for sha256 in free:
                self._files.discard(sha256)
            self._connection.execute(sa.delete(tables.content).where(tables.content.c.sha256.in_(free)))
            removed += len(free)
        self._connection.execute(sa.delete(tables.discard))
        return removed
