"""Raw mails and attachments by their SHA-256: small ones in the table `content`, so that one commit is one fsync, big ones as files.

No write transaction waits for files that are far away. What is known before is put with them before; what comes up within it goes into the
table, and `move_out` takes it from there to the files later.

A file that nobody names goes by a sweep (`store.sweeping`): it is in the table `discard` from before it goes until after it has gone, and then
the number of sweeps grows. So a file that was put after as many sweeps as there have been is there unless it stands in `discard`, and nobody
needs to ask for it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from typing import BinaryIO, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.errors import NotNow
from store.blobs import Blobs
from store.engine import Database
from store.files import disk_faults
from store.prepared import Prepared
from store.tables import content, discard, memo
from store.transaction import Transaction, any_of, chunks, insert_ignore, insert_rows

_SELECT = sa.select(content.c.data).where(content.c.sha256 == sa.bindparam("sha256"))
_SWEEPS_NAME: Final = "sweeps"
_SWEEPS = Prepared(sa.select(memo.c.value).where(memo.c.name == _SWEEPS_NAME))
_GOING = Prepared(sa.select(discard.c.sha256).where(discard.c.sha256.in_(any_of("hashes"))))
_INSIDE = Prepared(sa.select(content.c.sha256).where(content.c.sha256.in_(any_of("hashes"))))
_OUT: Final = "to files "
"""Begins the memos that name what is to be moved out."""
_SOME = Prepared(sa.select(content.c.sha256, content.c.data).where(content.c.sha256.in_(any_of("hashes"))))


class Content:
    """What is kept by hash, outside of any transaction. Methods raise NotNow."""

    SMALL: Final = 128 * 1024

    def __init__(self, database: Database, files: Blobs) -> None:
        self._database = database
        self.files = files

    def put_file(self, spool: BinaryIO, size: int, sha256: str) -> None:
        """Keep something bigger than `SMALL`: durable when this returns. The hash is the caller's word; `Store.check` compares."""
        with self._database.read() as connection:
            sweeps = _sweeps(connection)
        self.files.put(spool, size, sha256)
        self.files.puts.note(sha256, sweeps)

    def to_move(self, most: int) -> list[str]:
        """Contents of the table that are to be moved out to the files, some of them at most."""
        with self._database.read() as connection:
            query = sa.select(memo.c.name).where(memo.c.name.startswith(_OUT)).limit(most)
            return [name.removeprefix(_OUT) for name in connection.scalars(query)]

    def put_from_table(self, sha256: str) -> bool:
        """Put a content of the table with the files as well; False when it is there no more."""
        with self._database.read() as connection:
            data = _from_table(connection, sha256)
        if data is None:
            return False
        self.put_file(io.BytesIO(data), len(data), sha256)
        return True

    def get(self, sha256: str) -> bytes:
        """KeyError when it is not known."""
        with self.open(sha256) as file, disk_faults():
            return file.read()

    def open(self, sha256: str) -> BinaryIO:
        """The same to read in parts."""
        with self._database.read() as connection:
            data = _from_table(connection, sha256)
        return io.BytesIO(data) if data is not None else _from_files(self.files, sha256)


def _sweeps(connection: Connection) -> int:
    """How many sweeps have ended."""
    found = _SWEEPS.rows(connection, {})
    return int(found[0][0]) if found else 0


def _from_table(connection: Connection, sha256: str) -> bytes | None:
    # Asked first: most contents are small, and files may be far away.
    data: bytes | None = connection.scalar(_SELECT, {"sha256": sha256})
    return data


def _from_files(files: Blobs, sha256: str) -> BinaryIO:
    file = files.open(sha256)
    if file is None:
        raise KeyError(sha256)
    return file


class ContentWork(Transaction):
    """Content as part of a transaction."""

    def put_content(self, data: bytes) -> str:
        """Keep the octets; their SHA-256 in hexadecimal. Durable with the commit at the latest."""
        sha256 = hashlib.sha256(data).hexdigest()
        if len(data) > Content.SMALL:
            self._put_big(data, sha256)
        else:
            insert_rows(self._connection, content, [{"sha256": sha256, "data": data}])
        return sha256

    def put_small(self, contents: Mapping[str, bytes]) -> None:
        """Keep these of at most `Content.SMALL` octets under their SHA-256, which is the caller's word; in one order, lest two nodes wait for
        each other."""
        insert_rows(
            self._connection,
            content,
            [{"sha256": key, "data": data} for key, data in sorted(contents.items())],
        )

    def _put_big(self, data: bytes, sha256: str) -> None:
        self._hold_files()
        going = self._going([sha256])
        if not going and not self._files.far:
            self.written.append(sha256)
            self._files.put(io.BytesIO(data), len(data), sha256)
            self._files.puts.note(sha256, _sweeps(self._connection))
        elif going or self._files.puts.after(sha256) != _sweeps(self._connection):
            insert_rows(self._connection, content, [{"sha256": sha256, "data": data}])
            self._put(memo, {"name": _OUT + sha256, "value": ""}, "name")

    def give_up(self, files: Iterable[str] | None = None) -> None:
        """These were written for something that was undone, here or (None) in a savepoint of this transaction: the next sweep removes them,
        unless somebody names them."""
        for sha256 in dict.fromkeys(self._undone if files is None else files):
            given_up = insert_ignore(self._connection, discard).values(sha256=sha256, at=sa.func.now())
            self._connection.execute(given_up)

    def moved_out(self, sha256: str, *, put: bool) -> None:
        """What `Content.put_from_table` has `put` is in the table no more; nor need anybody look for what it has not found, unless it came
        since. Not during a sweep."""
        if put:
            if not self._postgres:  # else what is deleted stays readable in the file
                self._connection.exec_driver_sql("PRAGMA secure_delete = ON").close()
            self._connection.execute(sa.delete(content).where(content.c.sha256 == sha256))
        if not self._inside([sha256]):
            self._connection.execute(sa.delete(memo).where(memo.c.name == _OUT + sha256))

    def _inside(self, hashes: Iterable[str]) -> set[str]:
        """Those of them that are in the table."""
        return {row[0] for part in chunks(hashes) for row in _INSIDE.rows(self._connection, {"hashes": list(part)})}  # fmt: skip

    def _hold(self, files: Iterable[str]) -> None:
        """These contents, big ones, stay from now on; NotNow when an erasure may have removed one between its writing and this."""
        wanted = list(files)
        if not wanted:
            return
        self._hold_files()
        inside = self._inside(wanted)
        outside = [sha256 for sha256 in wanted if sha256 not in inside]
        going, sweeps = self._going(outside), _sweeps(self._connection)
        for sha256 in outside:
            sure = sha256 not in going and self._files.puts.after(sha256) == sweeps
            if not sure or not (self._files.far or self._files.holds(sha256)):
                raise NotNow(f"the file of content {sha256} may just have been removed by an erasure")

    def _going(self, hashes: Iterable[str]) -> set[str]:
        """Those of them that a sweep removes, or will look at."""
        return {row[0] for part in chunks(hashes) for row in _GOING.rows(self._connection, {"hashes": list(part)})}  # fmt: skip

    def _swept(self) -> None:
        """One more sweep has ended."""
        self._put(memo, {"name": _SWEEPS_NAME, "value": str(_sweeps(self._connection) + 1)}, "name")

    def small_contents(self, hashes: Iterable[str]) -> dict[str, bytes]:
        """Those of them that are kept in the database."""
        found: dict[str, bytes] = {}
        for part in chunks(hashes):
            rows = _SOME.rows(self._connection, {"hashes": list(part)})
            found.update((row[0], row[1]) for row in rows)
        return found

    def get_content(self, sha256: str) -> bytes:
        """What was kept, also in this transaction. KeyError when it is not known."""
        data = _from_table(self._connection, sha256)
        if data is not None:
            return data
        with _from_files(self._files, sha256) as file, disk_faults():
            return file.read()
