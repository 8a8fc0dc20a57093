"""One database: its engines, its two kinds of transaction, and what its errors are called outside.

A fault that passes (locked, full, gone) is raised as `NotNow` wherever it happens, and the connection is thrown away with
its transaction, so that nobody can go on in half of one. Errors of the program stay as SQLAlchemy raises them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext

from maild.errors import ConfigError, NotNow, Problem
from store import answering
from store.bells import Bells
from store.turn import Turn

BUSY_SECONDS: Final = 10
"""How long to wait for somebody else's write transaction, or for a server to answer."""

LOG_PAGES: Final = 4000
"""Pages of 4096 octets in SQLite's log after which it is copied into the file: four times SQLite's own, because most pages are written
again by the next mails."""

_PRAGMAS = (
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "journal_mode=WAL",
    "synchronous=FULL",
    f"wal_autocheckpoint={LOG_PAGES}",
    "temp_store=MEMORY",
    "journal_size_limit=67108864",
)
_SQLITE_PASSES = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
# What a database that has become read-only (a demoted primary, a remounted disk) says to a writer.
_READ_ONLY = {sqlite3.SQLITE_READONLY, "25006"}
# deadlock_detected and serialization_failure.
_COLLISIONS = {"40P01", "40001"}
# PostgreSQL class 54, program limit exceeded: the same data will never fit.
_NEVER_FITS = "54"
_POSTGRES_SESSION = f"""
    SELECT set_config('TimeZone', 'UTC', false), set_config('lock_timeout', '{BUSY_SECONDS}s', false),
           CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
"""


COMPACTED_MOST: Final = 1 << 30
"""Octets of an SQLite file that is made anew in some seconds."""


_SWEEP_LOCK: Final = 0x7377656570  # any number nobody else uses: "sweep"

STATEMENTS: Final = 512
"""Statements that a connection to SQLite keeps prepared: all that the program has. The driver's 128 are fewer."""


class Counts(NamedTuple):
    """Statements executed (transaction control not counted, savepoints are) and transactions committed."""

    statements: int
    commits: int


def parse_url(url: str) -> URL:
    """The SQLAlchemy URL of a database that maild can use; ConfigError for any other."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise _refuse(
            "store.url", "is no SQLAlchemy URL; write sqlite:///FILE or postgresql+psycopg://…"
        ) from None
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite":
        path = parsed.database or ""
        if path in ("", ":memory:") or path.startswith("file:"):
            raise _refuse(shown, "must name a file")
        return parsed
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    raise _refuse(shown, "is not supported; write sqlite:///FILE or postgresql+psycopg://…")


def _refuse(place: str, message: str) -> ConfigError:
    return ConfigError([Problem(place, 0, 0, message)])


def sqlite_file(url: URL) -> Path | None:
    """The database file; None when the database is a server."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def make_folder(path: Path) -> None:
    """The folder and those above it that are missing, for the owner only."""
    for folder in (*reversed(path.parents), path):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)


def make_engine(url: URL, *, reading: bool = False, migrating: bool = False, node: str = "") -> Engine:
    """An engine with our session settings. `reading`: SQLite's connections refuse to write. `migrating`: foreign keys are
    not enforced, because SQLite alters a table by making it anew."""
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(
            url,
            pool_size=10,
            max_overflow=20,
            pool_timeout=BUSY_SECONDS,
            connect_args={"cached_statements": STATEMENTS},
            execution_options={"reading": reading},
        )
        pragmas = (
            *_PRAGMAS,
            f"foreign_keys={'OFF' if migrating else 'ON'}",
            f"query_only={'ON' if reading else 'OFF'}",
        )
        _prepare_sqlite(engine, pragmas)
    else:
        engine = _postgres_engine(url, node)
    event.listen(engine, "handle_error", _name_fault)
    return engine


def _prepare_sqlite(engine: Engine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not open transactions by itself
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
        # SQLite's own knows ASCII only; the search compares words without regard to case.
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Read-then-write in a deferred transaction fails at once when somebody else has written in between.
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def session_name(node: str) -> str:
    """What the server calls the sessions of a node: at most 63 octets, else it would cut it by itself."""
    return f"maild {node}"[:63]


def _postgres_engine(url: URL, node: str) -> Engine:
    given = {"connect_timeout": BUSY_SECONDS, "application_name": session_name(node).strip()}
    arguments = {name: value for name, value in given.items() if name not in url.query}
    try:
        engine = sa.create_engine(
            url,
            pool_size=10,
            max_overflow=20,
            pool_timeout=BUSY_SECONDS,
            pool_pre_ping=True,
            connect_args=arguments,
        )
    except ImportError:
        raise _refuse(
            url.render_as_string(hide_password=True), "needs the PostgreSQL driver: install maild[postgres]"
        ) from None

    @event.listens_for(engine, "do_connect")
    def open_(_dialect: object, _record: object, arguments: Any, parameters: Any) -> Any:
        return answering.connect(*arguments, **parameters)

    @event.listens_for(engine, "connect")
    def connect(
        connection: Any, _record: object
    ) -> None:  # psycopg is optional, so its type has no name here
        connection.autocommit = True
        connection.execute(_POSTGRES_SESSION).close()
        connection.autocommit = False

    return engine


def _passes(context: ExceptionContext) -> bool:
    error = context.original_exception
    connection = context.connection
    reading = connection is not None and bool(connection.get_execution_options().get("reading"))
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in _SQLITE_PASSES or (code in _READ_ONLY and not reading)
    driver = context.dialect.loaded_dbapi
    state = getattr(error, "sqlstate", None) or ""
    if state in _READ_ONLY:
        return not reading
    return isinstance(error, driver.OperationalError | driver.InterfaceError) and not state.startswith(
        _NEVER_FITS
    )


class Collided(NotNow):
    """Two transactions waited for each other, and this one was given up: at once again, it will go through."""


def _name_fault(context: ExceptionContext) -> None:
    if not _passes(context):
        return
    if context.is_pre_ping:
        context.is_disconnect = (
            True  # a connection that has become useless while nobody used it: the pool makes a new one
        )
        return
    # Only a lost server makes the other pooled connections doubtful as well.
    context.invalidate_pool_on_disconnect = context.is_disconnect
    context.is_disconnect = True
    text = str(context.original_exception).strip().partition("\n")[0]
    kind = Collided if getattr(context.original_exception, "sqlstate", None) in _COLLISIONS else NotNow
    raise kind(f"the database cannot be used now: {text}") from context.original_exception


class Database:
    """The engines of one database for the life of the process; shared by its threads.

    `work` gives a connection in a write transaction that is committed at the end, or rolled back when an exception passes; `read`
    one in a transaction that sees one state of the database and cannot write. Both raise NotNow.
    """

    def __init__(self, url: URL, node: str = "") -> None:
        self.url = url
        self._count = threading.Lock()
        self._statements = self._commits = 0
        self._writer = make_engine(url, node=node)
        if url.get_backend_name() == "sqlite":
            self._reader = make_engine(url, reading=True)
            engines = [self._writer, self._reader]
            file = sqlite_file(url)
            self._turn: Turn | None = Turn.of(file) if file else Turn()
        else:
            self._reader = self._writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True, reading=True
            )
            engines = [self._writer]
            self._turn = None
        for engine in engines:
            event.listen(engine, "after_cursor_execute", self._executed)
            event.listen(engine, "commit", self._committed)

    def _executed(self, _connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            with self._count:
                self._statements += 1

    def _committed(self, _connection: Connection) -> None:
        with self._count:
            self._commits += 1

    @property
    def counts(self) -> Counts:
        with self._count:
            return Counts(self._statements, self._commits)

    @contextlib.contextmanager
    def work(self, *, urgent: bool = False) -> Iterator[Connection]:
        with self._my_turn(urgent), _pool_faults(), self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        with _pool_faults(), self._reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def alone(self) -> Iterator[Callable[[], None]]:
        """One process at a time removes or moves files, outside of any transaction. Gives what raises NotNow when that is not so any more.

        NotNow when another one takes too long. On PostgreSQL it is so as long as this session lives.
        """
        path = sqlite_file(self.url)
        if path is not None:
            with _lock_file(path.with_name(f"{path.name}-sweep")) as file:
                _wait_until(lambda: _locked(file))
                yield lambda: None
            return
        with _pool_faults(), self._writer.connect() as plain:
            connection = plain.execution_options(isolation_level="AUTOCOMMIT")
            _wait_until(lambda: connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_SWEEP_LOCK))))
            try:
                yield lambda: connection.execute(sa.select(sa.literal(1))).close()
            finally:
                # With its session the lock has gone.
                with contextlib.suppress(NotNow, sa.exc.PendingRollbackError):
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(_SWEEP_LOCK)))

    @property
    def contended(self) -> bool:
        """Whether another thread or process waits urgently for the write transaction that is open."""
        return self._turn is not None and self._turn.pressed

    @contextlib.contextmanager
    def _my_turn(self, urgent: bool) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(BUSY_SECONDS, urgent=urgent):
            raise NotNow(
                f"the database cannot be used now: another transaction lasts longer than {BUSY_SECONDS} s"
            )
        try:
            yield
        finally:
            self._turn.release()

    def compact(self) -> bool:
        """Make an SQLite file anew and empty its log, so that nothing deleted is left in them; False when the file is too big for that
        beside a running daemon, or the database a server. Raises NotNow."""
        path = sqlite_file(self.url)
        if path is None or path.stat().st_size > COMPACTED_MOST:
            return False
        with self._my_turn(False), _pool_faults():
            raw = self._writer.raw_connection()
            try:
                raw.execute(
                    "INSERT INTO search (search) VALUES ('optimize')"
                )  # it keeps deleted words until it merges
                raw.execute("VACUUM")
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.OperationalError as error:
                raise NotNow(f"the database cannot be used now: {error}") from error
            finally:
                raw.close()
        return True

    def bells(self) -> Bells | None:
        """What hears transactions of other processes ring; None for a database of one machine."""
        return None if self.url.get_backend_name() == "sqlite" else Bells(self.url, BUSY_SECONDS)

    def close(self) -> None:
        self._reader.dispose()
        self._writer.dispose()


def _lock_file(path: Path) -> IO[str]:
    try:
        return path.open("a")
    except OSError as error:
        raise NotNow(f"the database cannot be used now: {path}: {error.strerror}") from error


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_until(taken: Callable[[], bool | None]) -> None:
    """Until this lock is ours; NotNow when that takes too long."""
    until = time.monotonic() + BUSY_SECONDS
    while not taken():
        if time.monotonic() > until:
            raise NotNow("another process removes or moves files, and takes long")
        time.sleep(0.05)


@contextlib.contextmanager
def _pool_faults() -> Iterator[None]:
    """Names what no driver raises: no free connection, and use of a transaction that a fault has ended."""
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise NotNow("the database cannot be used now: all connections are busy") from error
    except sa.exc.PendingRollbackError as error:
        raise NotNow("the database cannot be used now: this transaction was lost") from error


def create_sqlite_file(path: Path) -> None:
    """An empty file that only its owner can read; nothing when there is one."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
