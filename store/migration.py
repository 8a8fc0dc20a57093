"""Bringing a database to the schema of this program: checked at every open, done when needed, by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from maild.errors import ConfigError, Problem
from store import tables, unfinished
from store.engine import create_sqlite_file, make_engine, make_folder, sqlite_file

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0016"
"""The newest revision in `migrations/versions`; a test compares."""

KEY_OCTETS: Final = 32
_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x6D61696C64  # any number nobody else uses: "maild"


def migrate(url: URL) -> None:
    """Create or upgrade the database. An older one on SQLite is first copied to `NAME.before-REVISION` beside it.

    ConfigError when it is newer than this program or no database; Unreachable beside a restore that was cut off (one that is at work is
    waited for); NotNow when it cannot be used now; OSError for its folder.
    """
    path = sqlite_file(url)
    engine, reader = make_engine(url, migrating=True), make_engine(url, reading=True)
    try:
        with alone(path):
            if path is not None:
                unfinished.refuse(unfinished.beside(path))
                create_sqlite_file(path)
            with reader.connect() as connection:  # a look that waits for no writer
                begun = unfinished.within(connection)
                revision = revision_of(connection)
            if begun is not None:
                revision = _after_restore(engine)
            if revision != HEAD:
                _upgrade(engine, path)
    except sa.exc.DatabaseError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise ConfigError([Problem(str(path), 0, 0, "is no SQLite database")]) from error
        raise
    finally:
        engine.dispose()
        reader.dispose()


def _after_restore(engine: Engine) -> str | None:
    """The revision when a restore on PostgreSQL has ended; Unreachable when nobody is at work on it any more."""
    with engine.begin() as connection:
        lock_schema(connection)
        unfinished.refuse(unfinished.within(connection))
        return _revision_within(connection)


@contextlib.contextmanager
def alone(path: Path | None) -> Iterator[None]:
    """No other process makes or upgrades an SQLite database in this folder meanwhile."""
    if path is None:
        yield
        return
    make_folder(path.parent)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def is_alone(path: Path) -> bool:
    """Whether some process makes, upgrades or restores an SQLite database in this folder just now."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(folder)
    return False


def revision_of(connection: Connection) -> str | None:
    """The revision the database is at; None when nothing has been made in it yet."""
    try:
        revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        # SQLite has no code of its own for "no such table"; PostgreSQL's is undefined_table.
        missing = "no such table" in str(error.orig) or getattr(error.orig, "sqlstate", None) == "42P01"
        if not missing:
            raise
        connection.rollback()
        return None
    return revision


def _upgrade(engine: Engine, path: Path | None) -> None:
    """All steps, and the first signing key, in one transaction."""
    with engine.begin() as connection:
        if path is None:
            lock_schema(connection)
        # Another node may have done it while this one waited.
        revision = _revision_within(connection)
        if revision == HEAD:
            return
        config = _alembic(connection, revision)
        if path is not None and revision is not None:
            _back_up(path)
        _run_steps(config)
        if not connection.scalar(sa.select(sa.func.count()).select_from(tables.signing_key)):
            connection.execute(
                sa.insert(tables.signing_key),
                {"id": 1, "secret": secrets.token_bytes(KEY_OCTETS), "retired_at": None},
            )
        if path is not None and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise RuntimeError(
                f"upgrading {path} to {HEAD} would leave rows that refer to nothing; it was not changed"
            )


def lock_schema(connection: Connection) -> None:
    """Until the end of this transaction on PostgreSQL no other process makes or upgrades the database."""
    connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def is_schema_locked(connection: Connection) -> bool:
    """Whether some process makes, upgrades or restores the database on PostgreSQL just now."""
    return not connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock_shared(_LOCK)))


def known_revisions() -> tuple[str, ...]:
    """The revisions that this program knows, oldest first."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(script.revision for script in reversed(list(scripts)))


def step(connection: Connection, revision: str) -> None:
    """Bring the database in this transaction from where it is to a later revision."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    from alembic.config import Config  # costs more than opening an up-to-date database

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _revision_within(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return revision_of(connection)


def _alembic(connection: Connection, revision: str | None) -> Config:
    """Alembic's view of our steps; ConfigError when the database is at one that this program does not know."""
    from alembic.script import ScriptDirectory

    config = _config()
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        place = connection.engine.url.render_as_string(hide_password=True)
        raise ConfigError(
            [
                Problem(
                    place,
                    0,
                    0,
                    f"was written by a newer maild (schema {revision}, this one knows {HEAD}); install that",
                )
            ]
        )
    return config


def _run_steps(config: Config) -> None:
    from alembic import command

    command.upgrade(config, HEAD)


def _back_up(path: Path) -> None:
    """Copy what is committed; the caller's write lock keeps it as it is."""
    target = path.with_name(f"{path.name}.before-{HEAD}")
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    create_sqlite_file(partial)
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(partial)) as copy,
    ):
        source.backup(copy)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)
