"""Raw mails and attachments by their SHA-256: small ones in the table `content`, so that one commit is one fsync, big ones as files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from typing import BinaryIO, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.blobs import Blobs
from store.engine import Database
from store.files import disk_faults
from store.tables import content
from store.transaction import Transaction, any_of, chunks, insert_rows

_SELECT = sa.select(content.c.data).where(content.c.sha256 == sa.bindparam("sha256"))
_SOME = sa.select(content.c.sha256, content.c.data).where(content.c.sha256.in_(any_of("hashes")))


class Content:
    """What is kept by hash, outside of any transaction. Methods raise NotNow."""

    SMALL: Final = 128 * 1024

    def __init__(self, database: Database, files: Blobs) -> None:
        self._database = database
        self.files = files

    def put_file(self, spool: BinaryIO, size: int, sha256: str) -> None:
        """Keep something bigger than `SMALL`: durable when this returns. The hash is the caller's word; `Store.check` compares."""
        self.files.put(spool, size, sha256)

    def get(self, sha256: str) -> bytes:
        """KeyError when it is not known."""
        with self.open(sha256) as file, disk_faults():
            return file.read()

    def open(self, sha256: str) -> BinaryIO:
        """The same to read in parts."""
        with self._database.read() as connection:
            data = _from_table(connection, sha256)
        return io.BytesIO(data) if data is not None else _from_files(self.files, sha256)


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
        """Keep the octets; their SHA-256 in hexadecimal. Small ones are durable with the commit, big ones at once."""
        sha256 = hashlib.sha256(data).hexdigest()
        if len(data) > Content.SMALL:
            self._hold_files()
            self._files.put(io.BytesIO(data), len(data), sha256)
        else:
            insert_rows(self._connection, content, [{"sha256": sha256, "data": data}])
        return sha256

    def small_contents(self, hashes: Iterable[str]) -> dict[str, bytes]:
        """Those of them that are kept in the database."""
        found: dict[str, bytes] = {}
        for part in chunks(hashes):
            found.update((row[0], row[1]) for row in self._connection.execute(_SOME, {"hashes": part}))
        return found

    def get_content(self, sha256: str) -> bytes:
        """What was kept, also in this transaction. KeyError when it is not known."""
        data = _from_table(self._connection, sha256)
        if data is not None:
            return data
        with _from_files(self._files, sha256) as file, disk_faults():
            return file.read()
