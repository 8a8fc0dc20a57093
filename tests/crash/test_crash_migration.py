"""Whatever statement of an upgrade fails or is died at: the old database is whole, and the next start upgrades it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.engine import Engine

import store.migration as migration
from maild.errors import NotNow
from store import Store
from tests.crash.faults import Died, Faults, broken_disk

OLD = "0003"


def old_desk(path: Path) -> None:
    """A database as an old version left it, with a ticket in it."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, OLD)
        now = "2026-01-05 09:00:00.000000"
        for statement, values in (
            ("INSERT INTO signing_key (id, secret) VALUES (1, ?)", (b"k" * 32,)),
            ("INSERT INTO person (id, name, address) VALUES (1, 'Carla', 'carla@globex.test')", ()),
            ("INSERT INTO address (key, person) VALUES ('carla@globex.test', 1)", ()),
            (
                "INSERT INTO ticket (id, subject, requester, requester_address, state, priority, level, tags, fields, language, channel,"
                " breached, minutes_spent, received_at, created_at, updated_at)"
                " VALUES (1, 'Fire door', 1, 'carla@globex.test', 'open', 3, 1, '[]', '{}', 'en', 'email', '[]', 0, ?, ?, ?)",
                (now, now, now),
            ),
        ):
            connection.exec_driver_sql(statement, values)
    engine.dispose()


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, faults: Faults) -> Iterator[None]:
    """Every statement and commit of the engines that a migration makes is a step."""
    make: Callable[..., Engine] = migration.make_engine

    def make_engine(*args: Any, **more: Any) -> Engine:
        engine = make(*args, **more)
        for name in ("do_execute", "do_execute_no_params", "do_executemany"):
            event.listen(engine, name, lambda _cursor, statement, *_: faults.step("statement", broken_disk))
        commit = engine.dialect.do_commit

        def counted(connection: Any) -> None:
            faults.step("commit", broken_disk)
            commit(connection)

        engine.dialect.do_commit = counted  # type: ignore[method-assign]
        return engine

    with monkeypatch.context() as patch:
        patch.setattr(migration, "make_engine", make_engine)
        yield


def look(path: Path) -> tuple[Any, ...]:
    """What an old maild would find: the revision and the ticket."""
    with closing(sqlite3.connect(path)) as database:
        revision = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return (*revision, *database.execute("SELECT id, subject FROM ticket").fetchone())


@pytest.mark.parametrize("die", [True, False], ids=["death", "fault"])
def test_an_upgrade_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, die: bool) -> None:
    path, faults = tmp_path / "maild.db", Faults()
    url = sa.make_url(f"sqlite:///{path}")
    old_desk(path)
    original = path.read_bytes()
    with watched(monkeypatch, faults):
        migration.migrate(url)
    steps = list(faults.steps)
    assert steps.count("commit") >= 1
    assert steps.count("statement") > 30
    every = max(1, steps.count("statement") // 25)
    chosen = [("statement", n) for n in range(1, steps.count("statement") + 1, every)]
    chosen += [("commit", n) for n in range(1, steps.count("commit") + 1)]
    for kind, which in chosen:
        for left in tmp_path.glob("maild.db*"):
            left.unlink()
        path.write_bytes(original)
        faults.reset((kind, which), die=die)
        with watched(monkeypatch, faults), pytest.raises((Died, NotNow)):
            migration.migrate(url)
        assert faults.fired
        assert look(path) == (OLD, 1, "Fire door"), (kind, which)
    opened = Store.open(str(url), tmp_path / "files")
    assert look(path) == (migration.HEAD, 1, "Fire door")
    assert opened.check() == []
    with opened.read() as work:
        ticket = work.ticket(1)
    opened.close()
    assert ticket is not None
    assert ticket.requester.name == "Carla"
