"""Contents that an erasure has freed are removed, unless somebody else has them too; after a crash, by the next sweep.

One sweep at a time (`Database.alone`), in three steps: what is in the table goes, and what may be a file is settled; the files go, outside of
any transaction; then they are struck from the list. From the first step on nobody can name them (`ContentWork._hold`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from store import tables
from store.content import ContentWork
from store.transaction import FILES_LOCK, chunks

_NAMED: Final = (
    tables.intake.c.sha256,
    tables.message.c.sha256,
    tables.attachment.c.sha256,
    tables.outbox.c.sha256,
)


class SweepWork(ContentWork):
    """The removal of contents as part of transactions."""

    def discarded(self) -> bool:
        """Whether there are contents to be removed."""
        return self._connection.scalar(sa.select(tables.discard.c.sha256).limit(1)) is not None

    def begin_sweep(self) -> list[str]:
        """Remove what an erasure has freed and nobody names any more from the table; these contents, whose files are to be removed now."""
        self._alone_with_files()
        if self._postgres:
            self._connection.exec_driver_sql("LOCK TABLE content, intake IN SHARE ROW EXCLUSIVE MODE")
        else:
            self._connection.exec_driver_sql("PRAGMA secure_delete = ON").close()
        removed: list[str] = []
        for part in chunks(self._connection.scalars(sa.select(tables.discard.c.sha256)).all()):
            named = {one for column in _NAMED for one in self._connection.scalars(sa.select(column).where(column.in_(part)))}  # fmt: skip
            free = [sha256 for sha256 in part if sha256 not in named]
            self._connection.execute(sa.delete(tables.content).where(tables.content.c.sha256.in_(free)))
            self._strike(named)
            removed += free
        return removed

    def end_sweep(self, removed: Iterable[str]) -> None:
        """The files of what `begin_sweep` gave are gone."""
        self._alone_with_files()
        for part in chunks(removed):
            self._strike(part)
        self._swept()

    def _strike(self, hashes: Iterable[str]) -> None:
        self._connection.execute(sa.delete(tables.discard).where(tables.discard.c.sha256.in_(list(hashes))))

    def _alone_with_files(self) -> None:
        """Nobody holds files, or will before the end of this transaction."""
        if self._postgres:
            self._connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(FILES_LOCK)))
