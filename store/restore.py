"""A database made anew out of the rows of a backup: whole, or not at all.

On SQLite it grows beside the old one and takes its place at the end; on PostgreSQL everything happens in one transaction.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from maild.errors import BadInput, NotNow, Unreachable
from store import backup, tables, unfinished
from store.backup import NAMING
from store.engine import create_sqlite_file, make_engine, parse_url, sqlite_file
from store.files import sync_folder
from store.migration import HEAD, alone, known_revisions, lock_schema, step
from store.search import rebuild

_ALIVE = 20
"""Seconds for which a daemon that has reported itself counts as running."""
_NO_LINKS: Final = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems say on which a file has one name only."""


class Restoring:
    """The rows of a new database, until it takes the place of the old one. `counts`: rows by table. `ending`: it does so now, and may have
    done so even when a fault is told. `aside`: the file that has the old database now, None when there was none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.counts: dict[str, int] = {}
        self.ending = False
        self.aside: Path | None = None

    def load(self, piece: bytes) -> None:
        """Insert a piece of a table. BadInput when it is none."""
        try:
            name, rows = backup.load(self._connection, piece)
        except sa.exc.SQLAlchemyError as error:
            text = str(getattr(error, "orig", error)).strip().partition("\n")[0]
            raise BadInput(f"the backup holds rows that do not fit: {text}") from error
        self.counts[name] = self.counts.get(name, 0) + rows

    def named(self, sha256: str) -> bool:
        """Whether a row names this content."""
        return any(
            self._connection.scalar(sa.select(sa.literal(1)).where(column == sha256).limit(1))
            for column in NAMING
        )

    def files_missing(self) -> Iterator[str]:
        """Contents that rows name and the database does not hold."""
        inside = sa.select(tables.content.c.sha256)
        for column in NAMING:
            kept = inside.where(tables.content.c.sha256 == column).exists()
            yield from self._connection.scalars(
                sa.select(column).where(column.is_not(None), ~kept).distinct()
            )

    def queued(self) -> int:
        """How many mails wait to be sent."""
        waits = sa.text("SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')")
        return int(self._connection.scalar(waits) or 0)

    def finish(self, revision: str) -> None:
        """Bring what was loaded at `revision` to the schema of this program, with nothing in work. BadInput when rows refer to nothing."""
        if revision != HEAD:
            step(self._connection, HEAD)
        backup.settle(self._connection)
        rebuild(self._connection)
        keys = self._connection.scalar(
            sa.select(sa.func.count())
            .select_from(tables.signing_key)
            .where(tables.signing_key.c.retired_at.is_(None))
        )
        if keys != 1:
            raise BadInput("the backup lacks the key by which answers find their tickets")


@contextlib.contextmanager
def restoring(url: str, revision: str, now: datetime, *, force: bool) -> Iterator[Restoring]:
    """A database at `revision` to be filled; it takes the place of that of the URL at the end, unless an exception passes.

    BadInput when that one is in use and `force` is not set; on SQLite it is moved to `NAME.before-restore-TIME`, on PostgreSQL it is gone.
    BadInput for a revision of a newer program. NotNow, Unreachable as for `Store.open`.
    """
    parsed = parse_url(url)
    if revision not in known_revisions():
        raise BadInput(
            f"the backup was written by a newer maild (schema {revision}, this one knows {HEAD}); install that"
        )
    path = sqlite_file(parsed)
    try:
        with contextlib.ExitStack() as held:
            if path is not None:
                with _disk(path):
                    held.enter_context(alone(path))
                yield held.enter_context(_beside(parsed, path, revision, now, force=force))
            else:
                yield held.enter_context(_instead(parsed, revision, force=force))
    except NotNow as error:
        raise Unreachable(f"{parsed.render_as_string(hide_password=True)}: {error}") from error


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Names errors of the system NotNow. Not for what reads the backup: gzip's are errors of the system, too."""
    try:
        yield
    except OSError as error:
        raise NotNow(f"{error.filename or path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _beside(url: URL, path: Path, revision: str, now: datetime, *, force: bool) -> Iterator[Restoring]:
    if not force and path.exists() and _file_in_use(path):
        raise BadInput(f"{path} is in use: --force moves it aside")
    partial = unfinished.growing(path)
    with _disk(partial):
        _remove(partial)
        create_sqlite_file(partial)
    try:
        engine = make_engine(url.set(database=str(partial)), migrating=True)
        try:
            with engine.begin() as connection:
                step(connection, revision)
                found = Restoring(connection)
                yield found
                found.finish(revision)
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken is not None:
                    raise BadInput(
                        f"the backup has a row of {broken[0]} that refers to a {broken[2]} that is not in it"
                    )
            _gather(engine)
        finally:
            engine.dispose()
        with _disk(path):
            try:
                found.aside = _take_place(path, partial, now)
            finally:
                found.ending = not partial.exists()
            sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):  # the next restore removes it, too
            _remove(partial)
        raise


def _file_in_use(path: Path) -> bool:
    """Whether there is anything in the file; one that is no database, or damaged, may hold everything."""
    engine = make_engine(parse_url(f"sqlite:///{path.absolute()}"), reading=True)
    try:
        with engine.connect() as connection:
            return path.stat().st_size > 0 and backup.in_use(connection)
    except sa.exc.DatabaseError:
        return True
    finally:
        engine.dispose()


def _gather(engine: Engine) -> None:
    """Everything into the one file. NotNow when the disk does not take it."""
    with engine.connect() as connection:
        try:
            done: tuple[int, ...] = connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # type: ignore[union-attr]  # fmt: skip
        except sqlite3.OperationalError as error:
            raise NotNow(f"the database cannot be used now: {error}") from error
        if done[0]:
            raise NotNow("the database cannot be used now: its log was not written back")


def _take_place(path: Path, partial: Path, now: datetime) -> Path | None:
    """The new file in the place of the old one, which gets another name first, that is given back: at every moment one of them is there, whole."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    aside: dict[Path, Path] = {}
    log = path.with_name(f"{path.name}-wal")
    try:
        if path.exists() and path.stat().st_size:
            _write_back(path)
            name = f"{path.name}.before-restore-{now:%Y%m%dT%H%M%SZ}"
            for old, new in ((log, path.with_name(f"{name}-wal")), (path, path.with_name(name))):
                if old.exists():
                    new.unlink(missing_ok=True)
                    aside[old] = new
                    _name_too(old, new)
        log.unlink(missing_ok=True)  # SQLite would add it to the new file
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
        partial.replace(path)
    except BaseException:
        for old, new in aside.items() if partial.exists() else ():
            if old.exists():
                new.unlink(missing_ok=True)
            else:
                new.replace(old)
        raise
    return aside.get(path)


def _write_back(path: Path) -> None:
    """The log of an old database into its file. NotNow while another program is at work in it; of a damaged one the log stays beside it."""
    with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(path)) as old:
        if old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise NotNow(f"another program is at work in {path}: try again when it has ended")


def _name_too(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copy2(old, new)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def _instead(url: URL, revision: str, *, force: bool) -> Iterator[Restoring]:
    engine, begun = make_engine(url, migrating=True), False
    try:
        with engine.begin() as connection:
            lock_schema(connection)
            if not force and backup.in_use(connection):
                raise BadInput("the database is in use: --force replaces what is in it")
            _refuse_running(connection)
            begun = True
            unfinished.begin(engine)
            _empty(connection)
            step(connection, revision)
            _wait_with_references(connection, "DEFERRABLE INITIALLY DEFERRED")
            found = Restoring(connection)
            yield found
            try:
                connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            except sa.exc.IntegrityError as error:
                text = str(error.orig).strip().partition("\n")[0]
                raise BadInput(f"the backup has a row that refers to what is not in it: {text}") from error
            _wait_with_references(connection, "NOT DEFERRABLE")
            found.finish(revision)
            _count_on(connection)
            found.ending = True
    except BaseException:
        if begun:
            unfinished.give_up(engine)
        raise
    finally:
        engine.dispose()


def _refuse_running(connection: Connection) -> None:
    if not sa.inspect(connection).has_table("node"):
        return
    seen = sa.text(
        "SELECT name FROM node WHERE seen_at > clock_timestamp() - make_interval(secs => :seconds) LIMIT 1"
    )
    name = connection.scalar(seen, {"seconds": _ALIVE})
    if name is not None:
        raise BadInput(f"node {name} runs on this database: stop it first")


def _empty(connection: Connection) -> None:
    """Take away the tables of a desk; whatever else lives in this database stays."""
    ours = {*tables.metadata.tables, "search", "alembic_version", unfinished.TABLE}
    for name in sa.inspect(connection).get_table_names():
        if name in ours:
            connection.exec_driver_sql(f'DROP TABLE "{name}" CASCADE')


def _wait_with_references(connection: Connection, when: str) -> None:
    """Rows may refer to rows that come later, or no longer."""
    found = connection.exec_driver_sql(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
    ).all()
    for table, name in found:
        connection.exec_driver_sql(f'ALTER TABLE {table} ALTER CONSTRAINT "{name}" {when}')


def _count_on(connection: Connection) -> None:
    """New numbers go on behind those that were loaded."""
    for table in tables.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        sequence = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
        if sequence is not None:
            highest = sa.select(sa.func.coalesce(sa.func.max(column), 0)).scalar_subquery()
            connection.execute(sa.select(sa.func.setval(sequence, highest + 1, False)))
