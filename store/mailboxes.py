"""How far each mailbox has been read, what of it could not be, and how it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.rows import MailboxRow, Unfetched
from store.tables import mailbox, memo, unfetched
from store.transaction import Transaction, chunks, insert_ignore


class MailboxWork(Transaction):
    """Mailboxes as part of a transaction. Only the node that has the lease on a mailbox writes about it."""

    def mailboxes(self) -> list[MailboxRow]:
        """All that were ever connected to, by name."""
        rows = self._connection.execute(sa.select(mailbox).order_by(mailbox.c.name))
        return [MailboxRow(**row._mapping) for row in rows]

    def mailbox(self, name: str) -> MailboxRow | None:
        row = self._connection.execute(sa.select(mailbox).where(mailbox.c.name == name)).first()
        return MailboxRow(**row._mapping) if row is not None else None

    def begin_mailbox(self, row: MailboxRow) -> None:
        """A mailbox is read from this state on, in the place of whatever was known by its name."""
        self._connection.execute(sa.delete(unfetched).where(unfetched.c.mailbox == row.name))
        values = {column.name: getattr(row, column.name) for column in mailbox.columns}
        self._put(mailbox, values, "name")

    def rename_mailbox(self, name: str, new: str) -> bool:
        """What is known by this name is known by the new one, in the place of whatever was; False: nothing is known by it."""
        known = sa.select(mailbox).where(mailbox.c.name == name).with_for_update()
        row = self._connection.execute(known).first()
        if row is None:
            return False
        self.begin_mailbox(replace(MailboxRow(**row._mapping), name=new))
        theirs = unfetched.c.mailbox == name
        self._connection.execute(sa.update(unfetched).where(theirs).values(mailbox=new))
        self._connection.execute(sa.delete(mailbox).where(mailbox.c.name == name))
        return True

    def mailbox_read(self, name: str, taken: str, pending: str, waiting: int, now: datetime) -> None:
        """It was read so far, and so many mails are still to be taken."""
        self._change(name, taken=taken, pending=pending, waiting=waiting, read_at=now)

    def mailbox_well(self, name: str) -> None:
        """Nothing is wrong with it any more."""
        self._change(name, error=None, error_at=None)

    def mailbox_disposed(self, name: str, pending: str) -> None:
        """All mails that were taken are moved, flagged or deleted, but for these."""
        self._change(name, pending=pending)

    def mailbox_reconciled(self, name: str, now: datetime) -> None:
        """All that is in it was compared with what was taken."""
        self._change(name, reconciled_at=now)

    def mailbox_failed(self, name: str, error: str, now: datetime) -> None:
        """It cannot be read; perhaps it never could, and it is not known yet which one it is."""
        row = asdict(MailboxRow(name, "", "", now, 0, "", "", 0, now))
        self._connection.execute(insert_ignore(self._connection, mailbox, key=(mailbox.c.name,)), row)
        self._change(name, error=error, error_at=now)

    def mailbox_told(self, name: str, at: datetime | None) -> bool:
        """The admins were told that it is not read, or None: that it is again. Whether that is news."""
        before = mailbox.c.told_at.is_not(None) if at is None else mailbox.c.told_at.is_(None)
        change = sa.update(mailbox).where(mailbox.c.name == name, before).values(told_at=at)
        return bool(self._connection.execute(change).rowcount)

    def refresh_token(self, origin: str) -> str | None:
        """The refresh token that a token server gave in the place of the admin's, whose hash is `origin`; None when it gave none."""
        value: str | None = self._connection.scalar(
            sa.select(memo.c.value).where(memo.c.name == _token(origin))
        )
        return value

    def keep_refresh_token(self, origin: str, before: str | None, token: str) -> bool:
        """The token server has given this one for that `before` (None: for the admin's); False: somebody has kept another meanwhile."""
        row = {"name": _token(origin), "value": token}
        if before is None:
            put = insert_ignore(self._connection, memo, key=(memo.c.name,), returning=(memo.c.name,))
            return self._connection.execute(put, row).first() is not None
        known = (memo.c.name == row["name"], memo.c.value == before)
        change = sa.update(memo).where(*known).values(value=token)
        return bool(self._connection.execute(change).rowcount)

    def _change(self, name: str, **values: Any) -> None:
        self._connection.execute(sa.update(mailbox).where(mailbox.c.name == name).values(**values))

    def unfetched(self, name: str) -> dict[int, Unfetched]:
        """Mails of a mailbox that could not be fetched so far, by UID, ascending."""
        query = sa.select(unfetched).where(unfetched.c.mailbox == name).order_by(unfetched.c.uid)
        return {
            row.uid: Unfetched(row.uid, row.attempts, row.error, row.at)
            for row in self._connection.execute(query)
        }

    def put_unfetched(self, name: str, one: Unfetched) -> None:
        row = {"mailbox": name, "uid": one.uid, "attempts": one.attempts, "error": one.error, "at": one.at}
        self._put(unfetched, row, "mailbox", "uid")

    def drop_unfetched(self, name: str, uids: Iterable[int]) -> None:
        """These were fetched after all, or are gone."""
        for part in chunks(uids):
            these = sa.delete(unfetched).where(unfetched.c.mailbox == name, unfetched.c.uid.in_(part))
            self._connection.execute(these)


def _token(origin: str) -> str:
    return f"refresh token:{origin}"
