"""A look at a database and a place of files from outside: nothing is made, upgraded or written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from maild.errors import NotNow
from store import unfinished
from store.blobs import Blobs, Bucket, FilesPlace
from store.engine import make_engine, parse_url, sqlite_file
from store.migration import HEAD, is_alone, is_schema_locked, revision_of
from store.s3 import S3Files
from store.unfinished import CutOff

_NOBODY: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Looked:
    """`server`: product and version. `revision`: of the schema, None when nothing has been made in it yet; `head`: that of this program.
    `octets`: its size. `ahead`: by how much its clock is before ours. `obstacle`: why nothing can be written, "" when it can."""

    shown: str
    server: str
    revision: str | None
    octets: int
    ahead: timedelta
    obstacle: str
    head: str = HEAD

    @property
    def current(self) -> bool:
        """Whether it can be used as it is."""
        return self.revision == self.head


def cut_off(url: str) -> CutOff | None:
    """A restore that was cut off; None for none, or while it is at work. Raises ConfigError, NotNow."""
    parsed = parse_url(url)
    path = sqlite_file(parsed)
    if path is not None:
        found = unfinished.beside(path)
        return found if found and not is_alone(path) else None
    engine = make_engine(parsed, reading=True)
    try:
        with engine.connect() as connection:
            found = unfinished.within(connection)
            return found if found and not is_schema_locked(connection) else None
    except sa.exc.DatabaseError as error:
        raise NotNow(str(error.orig).strip().partition("\n")[0]) from error
    finally:
        engine.dispose()


def database(url: str, now: datetime) -> Looked | None:
    """None: an SQLite file that does not exist yet. Raises ConfigError for a URL that cannot be used, NotNow when it does not answer."""
    parsed = parse_url(url)
    path = sqlite_file(parsed)
    if path is not None and not path.exists():
        return None
    engine = make_engine(parsed, reading=True)
    try:
        with engine.connect() as connection:
            revision = revision_of(connection)
            if path is not None:
                return _sqlite(parsed, path, revision)
            return _postgres(parsed, connection, revision, now)
    except sa.exc.DatabaseError as error:
        raise NotNow(str(error.orig).strip().partition("\n")[0]) from error
    finally:
        engine.dispose()


def _sqlite(url: URL, path: Path, revision: str | None) -> Looked:
    size = sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*") if one.is_file())
    beside = [path, path.parent]
    closed = next((one for one in beside if not os.access(one, os.W_OK)), None)
    obstacle = f"{closed} cannot be written by {_user()}" if closed else ""
    return Looked(str(path), f"SQLite {sqlite3.sqlite_version}", revision, size, timedelta(0), obstacle)


def _postgres(url: URL, connection: Connection, revision: str | None, now: datetime) -> Looked:
    row = connection.execute(
        sa.text(
            "SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS octets, clock_timestamp() AS at,"
            " pg_is_in_recovery() AS copy, current_setting('default_transaction_read_only') = 'on' AS closed,"
            " has_schema_privilege(current_schema(), 'CREATE') AS may_create"
        )
    ).one()
    obstacle = ""
    if row.copy:
        obstacle = "it is a read-only copy of another server"
    elif row.closed:
        obstacle = "it is read-only (default_transaction_read_only)"
    elif revision != HEAD and not row.may_create:
        obstacle = "this user may not make tables in it"
    shown = url.render_as_string(hide_password=True)
    return Looked(
        shown, f"PostgreSQL {row.version}", revision, row.octets, row.at.astimezone(UTC) - now, obstacle
    )


def _user() -> str:
    return f"user {os.geteuid()}"


@dataclass(frozen=True, slots=True)
class Room:
    """A place of files: `free` octets of `total` (both 0 where nobody knows), and why nothing can be written there."""

    shown: str
    free: int
    total: int
    obstacle: str


def files(place: FilesPlace) -> Room:
    """The folder (or, where it is still to be made, that in which it will be), or the bucket. Raises ConfigError, NotNow."""
    if isinstance(place, Bucket):
        blobs: Blobs = S3Files(place)
        blobs.holds(_NOBODY)
        return Room(str(place), 0, 0, "")
    there = next((one for one in (place, *place.absolute().parents) if one.exists()), Path("/"))
    try:
        usage = shutil.disk_usage(there)
        with tempfile.TemporaryFile(dir=there) as file:  # without a name, where the system can do that
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Room(str(place), 0, 0, f"{there} cannot be written by {_user()}: {error.strerror}")
    return Room(str(place), usage.free, usage.total, "")
