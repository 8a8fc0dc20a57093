"""Opening: what is made, what is upgraded, what is refused."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

import store.migration as migration
from maild.errors import ConfigError, Unreachable
from store import Store
from store.engine import make_engine, parse_url
from store.tables import metadata
from tests.store.samples import LEASE, NOW, carla

NEWEST = migration.HEAD
OPEN = "import sys; from pathlib import Path; from store import Store; Store.open(sys.argv[1], Path(sys.argv[2])).close()"


@contextlib.contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = sa.create_engine(parse_url(url))
    try:
        yield engine
    finally:
        engine.dispose()


def describe(engine: Engine) -> dict[str, Any]:
    """All that the database itself knows of its tables, but for alembic's own."""
    inspector = sa.inspect(engine)
    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
            "key": inspector.get_pk_constraint(table),
            "foreign": sorted(map(str, inspector.get_foreign_keys(table))),
            "checks": sorted((c["name"], c["sqltext"]) for c in inspector.get_check_constraints(table)),
            "indexes": sorted(_index(index) for index in inspector.get_indexes(table)),
        }
        for table in sorted(inspector.get_table_names())
        if table != "alembic_version"
    }


def _index(index: Any) -> tuple[str, list[str], bool, str]:
    conditions = [str(value) for name, value in index["dialect_options"].items() if name.endswith("_where")]
    return index["name"], index["column_names"], bool(index["unique"]), "".join(conditions)


@pytest.fixture
def opened(new_database: Callable[[], str], tmp_path: Path) -> str:
    """The URL of a database that the migrations alone have made."""
    url = new_database()
    Store.open(url, tmp_path / "files").close()
    return url


def test_migrations_make_what_the_code_says(opened: str) -> None:
    def counts(name: str | None, kind: str, _: object) -> bool:  # the search index stands beside the metadata
        return kind != "table" or not str(name).startswith("search")

    with engine_of(opened) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": counts})
        assert compare_metadata(context, metadata) == []


def test_indexes_and_conditions_too(opened: str, new_database: Callable[[], str]) -> None:
    url = new_database()
    path = parse_url(url).database or ""
    if url.startswith("sqlite"):
        Path(path).parent.mkdir()
    with engine_of(opened) as migrated, engine_of(url) as fresh:
        metadata.create_all(fresh)
        assert describe(migrated) == describe(fresh)


def test_all_constraints_are_named(opened: str) -> None:
    with engine_of(opened) as engine:
        for name, table in describe(engine).items():
            if engine.dialect.name == "sqlite" and name.startswith("search"):
                continue  # FTS5 makes these itself
            assert table["key"]["name"]
            assert all(name for name, _ in table["checks"])


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [migration.HEAD]


def test_the_first_key_is_made_once(opened: str, tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        again = Store.open(opened, tmp_path / "files")
        with again.read() as work:
            keys.append(work.keys())
        again.close()
    assert keys[0] == keys[1]
    [key] = keys[0]
    assert (key.id, len(key.secret), key.retired_at) == (1, 32, None)


def test_opening_again_asks_one_thing(opened: str, tmp_path: Path) -> None:
    said: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    sa.event.listen(Engine, "before_cursor_execute", listen)
    try:
        Store.open(opened, tmp_path / "files").close()
    finally:
        sa.event.remove(Engine, "before_cursor_execute", listen)
    mine = [one for one in said if "alembic" in one or "signing_key" in one or "maild" in one]
    assert mine == ["SELECT version_num FROM alembic_version"]


def test_opening_again_does_not_load_alembic(opened: str, tmp_path: Path) -> None:
    code = OPEN + "; sys.exit('alembic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code, opened, str(tmp_path / "files")], check=True, timeout=60)


def test_several_processes_open_at_once(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    command = [sys.executable, "-W", "error", "-c", OPEN, url, str(tmp_path / "files")]
    running = [
        subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    ended = [(process.communicate(timeout=60), process.returncode) for process in running]
    assert ended == [(("", ""), 0)] * 2
    one = Store.open(url, tmp_path / "files")
    assert one.check() == []
    one.close()


def test_migrating_is_silent(
    new_database: Callable[[], str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = (logging.root.handlers[:], logging.root.level, logging.root.manager.disable)
    Store.open(new_database(), tmp_path / "files").close()
    assert (logging.root.handlers[:], logging.root.level, logging.root.manager.disable) == before
    assert capfd.readouterr() == ("", "")


def test_a_newer_database_is_refused(opened: str, tmp_path: Path) -> None:
    with engine_of(opened) as engine, engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="written by a newer maild") as refused:
        Store.open(opened, tmp_path / "files")
    assert (refused.value.exit_code, len(refused.value.problems)) == (78, 1)
    assert not list(tmp_path.glob("**/*.before-*"))


# -- upgrading, with a step that does not exist yet ------------------------------------------------------------------------

STEP = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{head}"


def upgrade() -> None:
    with op.batch_alter_table("person") as batch:
        batch.add_column(sa.Column("title", sa.Text()))
        batch.alter_column("name", new_column_name="full_name")
    {more}
"""


@pytest.fixture
def with_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    def add(more: str) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(Path(migration.__file__).parent / "migrations", folder)
        (folder / "versions" / "title_9999.py").write_text(STEP.format(more=more, head=migration.HEAD))
        monkeypatch.setattr(migration, "_FOLDER", folder)
        monkeypatch.setattr(migration, "HEAD", "9999")

    return add


def _with_carla(url: str, tmp_path: Path) -> None:
    one = Store.open(url, tmp_path / "files")
    with one.work() as work:
        carla(work)
    one.close()


def test_an_older_database_is_upgraded(opened: str, tmp_path: Path, with_step: Callable[[str], None]) -> None:
    _with_carla(opened, tmp_path)
    with_step("")
    Store.open(opened, tmp_path / "files").close()
    with engine_of(opened) as engine, engine.connect() as connection:
        assert connection.execute(sa.text("SELECT full_name, title FROM person")).all() == [
            ("Carla Ruiz", None)
        ]
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == "9999"
    path = Path(parse_url(opened).database or "")
    backups = list(path.parent.glob("*.before-*"))
    if not opened.startswith("sqlite"):
        assert backups == []
        return
    assert backups == [path.with_name("maild.db.before-9999")]
    assert backups[0].stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(backups[0])) as copy:
        assert copy.execute("SELECT name FROM person").fetchall() == [("Carla Ruiz",)]
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [(NEWEST,)]


def test_mail_kept_before_helo_was_known_is_read_after_the_upgrade(
    new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    with monkeypatch.context() as older:
        older.setattr(migration, "HEAD", "0001")
        migration.migrate(parse_url(url))
    with engine_of(url) as engine, engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO intake (sha256, size, sender, recipients, route, peer, received_at, trusted, unauthenticated, state, attempts) "
                "VALUES ('x', 1, 'carla@customer.test', '[\"support@desk.test\"]', 'smtp', '192.0.2.7', '2026-11-20 12:00:00', "
                "false, false, 'waiting', 0)"
            )
        )
    upgraded = Store.open(url, tmp_path / "files")
    with upgraded.work() as work:
        [row] = work.claim_intake("main", NOW, LEASE, 10)
    upgraded.close()
    assert (row.envelope.sender, row.envelope.peer, row.envelope.helo) == (
        "carla@customer.test",
        "192.0.2.7",
        "",
    )


@pytest.mark.parametrize(
    "more",
    ["raise RuntimeError('no')", "op.execute(\"INSERT INTO address (key, person) VALUES ('x', 4711)\")"],
)
def test_a_step_that_fails_changes_nothing(
    opened: str, tmp_path: Path, with_step: Callable[[str], None], more: str
) -> None:
    """Neither one that raises, nor one that leaves rows that refer to nothing."""
    _with_carla(opened, tmp_path)
    with_step(more)
    with pytest.raises((RuntimeError, sa.exc.IntegrityError)):
        Store.open(opened, tmp_path / "files")
    with engine_of(opened) as engine, engine.connect() as connection:
        assert connection.execute(sa.text("SELECT name FROM person")).all() == [("Carla Ruiz",)]
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == NEWEST


# -- what cannot be opened ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "is no SQLAlchemy URL"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("mysql://x/y", "is not supported"),
        ("postgresql+asyncpg://u:secret@h/d", "is not supported"),
    ],
)
def test_urls_that_cannot_work(url: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        Store.open(url, tmp_path / "files")
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "maild.db").write_bytes(b"Dear diary, " * 500)
    with pytest.raises(ConfigError, match="is no SQLite database"):
        Store.open(f"sqlite:///{tmp_path}/maild.db", tmp_path / "files")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///{here}/occupied/maild.db",
        "sqlite:///{here}",
        "postgresql+psycopg://maild:secret@/maild?host={here}",
        "postgresql+psycopg://maild:secret@127.0.0.1:1/maild",
    ],
)
def test_an_unreachable_database(url: str, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where a folder should be")
    with pytest.raises(Unreachable) as refused:
        Store.open(url.format(here=tmp_path), tmp_path / "files")
    assert "secret" not in str(refused.value)
    assert refused.value.exit_code == 69


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where a folder should be")
    with pytest.raises(Unreachable, match="Not a directory"):
        Store.open(f"sqlite:///{tmp_path}/maild.db", tmp_path / "occupied" / "files")


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        one = Store.open(f"sqlite:///{tmp_path}/var/lib/maild.db", tmp_path / "var" / "files")
        with one.work() as work:
            work.put_content(b"x" * (one.content.SMALL + 1))
        made = [path for path in (tmp_path / "var").rglob("*") if path.exists()]
        assert {path.name for path in made} >= {"maild.db", "maild.db-wal", "lib", "files"}
        for path in (tmp_path / "var", *made):
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
        one.close()
    finally:
        os.umask(before)


def test_the_driver_of_a_url_without_one() -> None:
    engine = make_engine(parse_url("postgresql://maild@db.test/maild"))
    assert engine.dialect.driver == "psycopg"
    engine.dispose()
