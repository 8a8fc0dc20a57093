"""Transactions: durable, whole, in turn; and what faults are called."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from maild.desk.effects import Change
from maild.desk.snapshot import Wanted
from maild.errors import NotNow
from store import Store, Work
from store import engine as store_engine
from store.engine import Database, parse_url
from store.rows import Filter
from tests.store.samples import NOW, carla, envelope, message, open_ticket


def _asked(store: Store, *questions: str) -> list[object]:
    with store.work() as work:
        return [work._connection.exec_driver_sql(question).scalar() for question in questions]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_is_durable(store: Store) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
    questions = [f"PRAGMA {name}" for name in names]
    assert _asked(store, *questions) == ["wal", 2, 1, 10000, 0]
    with store.read() as work:
        reader = [work._connection.exec_driver_sql(question).scalar() for question in questions]
    assert reader == ["wal", 2, 1, 10000, 1]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_postgresql_is_durable(store_url: str, tmp_path: Path) -> None:
    """Also where the server is set up otherwise."""
    url = parse_url(store_url).update_query_dict(
        {"options": "-c synchronous_commit=off -c timezone=Asia/Tokyo"}
    )
    one = Store.open(url.render_as_string(hide_password=False), tmp_path / "files")
    settings = _asked(one, *(f"SHOW {name}" for name in ("synchronous_commit", "timezone", "lock_timeout")))
    assert settings == ["on", "UTC", "10s"]
    one.close()


def test_foreign_keys_hold(store: Store) -> None:
    def orphan(work: Work) -> None:
        work.add_message(message(4711))
        work._connection.exec_driver_sql("SELECT 1")

    with pytest.raises(sa.exc.IntegrityError), store.work() as work:
        orphan(work)


def test_all_or_nothing(store: Store) -> None:
    def half(work: Work) -> None:
        carla(work)
        raise KeyError("in the middle")

    with pytest.raises(KeyError), store.work() as work:
        half(work)
    with store.read() as work:
        assert work.person_by_id(1) is None


def test_a_savepoint_undoes_its_part_only(store: Store) -> None:
    def half(work: Work) -> None:
        open_ticket(work, subject="undone")
        raise KeyError("in the middle")

    with store.work() as work:
        open_ticket(work, subject="before")
        with pytest.raises(KeyError), work.savepoint():
            half(work)
        with work.savepoint():
            open_ticket(work, subject="after")
    with store.read() as work:
        assert [one.subject for one in work.tickets(Filter())] == ["before", "after"]


def test_a_refused_row_spoils_only_its_savepoint(store: Store) -> None:
    with store.work() as work:
        with pytest.raises(sa.exc.IntegrityError), work.savepoint():
            work.add_route(4711, 4711, envelope(), NOW)
        open_ticket(work)
    with store.read() as work:
        assert len(work.tickets(Filter())) == 1


def test_reading_writes_nothing(store: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError) as refused, store.read() as work:
        carla(work)
    assert not isinstance(refused.value, NotNow)


def test_reading_sees_one_state(store: Store) -> None:
    with store.read() as reader:
        assert reader.tickets(Filter()) == []
        with store.work() as work:
            open_ticket(work)
        assert reader.tickets(Filter()) == []
    with store.read() as reader:
        assert len(reader.tickets(Filter())) == 1


def test_writers_take_turns(store: Store) -> None:
    """Read, then write, in many threads: no update is lost."""
    with store.work() as work:
        number = open_ticket(work, priority=1).id

    def add() -> None:
        for _ in range(10):
            with store.work() as work:
                one = work.snapshot(Wanted(tickets=(number,)), NOW).tickets[number]
                work.change_ticket(number, [Change("minutes_spent", None, one.minutes_spent + 1)], NOW)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as work:
        one = work.ticket(number)
    assert one is not None
    assert one.minutes_spent == 40


def test_it_counts_statements_and_commits(store: Store) -> None:
    before = store.counts
    with store.work() as work:
        carla(work)
        with work.savepoint():
            work.ticket(1)
    with store.read() as work:
        work.ticket(1)
    # person: look, enter, enter the address; savepoint and release; twice a ticket that is not there
    assert (store.counts.statements - before.statements, store.counts.commits - before.commits) == (7, 1)


# -- faults that pass --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(url: str) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(parse_url(url).database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_locked_by_another_process(store: Store, store_url: str) -> None:
    _asked(store, "PRAGMA busy_timeout=20")
    with locked(store_url):
        with pytest.raises(NotNow, match="database is locked"), store.work():
            pytest.fail("there is no transaction to work in")
        with store.read() as work:
            assert work.tickets(Filter()) == []
    with store.work() as work:
        open_ticket(work)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_locked_by_another_thread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_engine, "BUSY_SECONDS", 0.02)
    with store.work(), pytest.raises(NotNow, match="lasts longer"), store.work():
        pytest.fail("there is no transaction to work in")
    with store.work() as work:
        open_ticket(work)


def fill_up(store: Store) -> None:
    """From now on the database file cannot grow (on the one connection for writing there is)."""
    [pages] = _asked(store, "PRAGMA page_count")
    _asked(store, f"PRAGMA max_page_count={pages}")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_full_disk_ends_the_transaction(store: Store) -> None:
    """Also when somebody catches the fault and goes on: nothing of the transaction stays, not even what came before it."""
    with store.work() as work:
        open_ticket(work, subject="before")
    fill_up(store)

    def go_on(work: Work) -> None:
        open_ticket(work, subject="lost")
        with pytest.raises(NotNow, match="full"), work.savepoint():
            work.put_content(b"x" * 100_000)
        open_ticket(work, subject="half")

    with pytest.raises(NotNow, match="was lost"), store.work() as work:
        go_on(work)
    with store.work() as work:
        assert [one.subject for one in work.tickets(Filter())] == ["before"]
        work.put_content(b"x" * 100_000)  # a new connection, which knows no limit


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_swallowed_fault_is_no_success(store: Store) -> None:
    fill_up(store)
    with pytest.raises(NotNow, match="was lost"), store.work() as work, contextlib.suppress(NotNow):
        work.put_content(b"x" * 100_000)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_server_goes_away(store: Store) -> None:
    """In the middle of a transaction; the next one finds its way back."""
    end = sa.text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )

    def interrupted(reader: Work, work: Work) -> None:
        open_ticket(work, subject="lost")
        reader._connection.execute(end)
        work.ticket(1)

    with store.read() as reader, pytest.raises(NotNow), store.work() as work:
        interrupted(reader, work)
    with store.work() as work:
        open_ticket(work, subject="after")
    with store.read() as work:
        assert [one.subject for one in work.tickets(Filter())] == ["after"]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_locked_on_the_server(store: Store) -> None:
    with store.work() as work:
        number = open_ticket(work).id

    def wait_for(work: Work) -> None:
        work._connection.execute(sa.text("SET LOCAL lock_timeout = '20ms'"))
        work.snapshot(Wanted(tickets=(number,)), NOW)

    with store.work() as first:
        first.snapshot(Wanted(tickets=(number,)), NOW)
        with pytest.raises(NotNow, match="lock timeout"), store.work() as second:
            wait_for(second)


def test_all_connections_busy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store._database._reader.pool, "_timeout", 0.02)
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(store.read())._connection.execute(sa.text("SELECT 1"))
        with pytest.raises(NotNow, match="all connections are busy"), store.read():
            pytest.fail("there is no connection left")


def test_a_database_that_vanished(store_url: str, database: str, tmp_path: Path) -> None:
    url = store_url
    one = Store.open(url, tmp_path / "files")
    if database == "sqlite":
        path = Path(parse_url(url).database or "")
        path.parent.rename(path.parent.with_name("elsewhere"))
    else:
        one.close()
        one = Store(Database(parse_url(url).set(query={"host": str(tmp_path)})), one._files)
    for transaction in (one.work, one.read):
        with pytest.raises(NotNow), transaction() as work:
            work.ticket(1)
    with pytest.raises(NotNow):
        one.content.get("0" * 64)
    one.close()


@pytest.mark.parametrize("wrong", ["SELECT * FROM nowhere", "SELEKT"])
def test_mistakes_keep_their_names(store: Store, wrong: str) -> None:
    with pytest.raises(sa.exc.DBAPIError), store.work() as work:
        work._connection.execute(sa.text(wrong))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_never_fits_is_no_passing_fault(store: Store) -> None:
    """PostgreSQL calls a row that is too big for an index an operational error, like a lost connection."""
    endless = "SELECT string_agg(md5(i::text), ''), '' FROM generate_series(1, 2000) i"
    with pytest.raises(sa.exc.OperationalError), store.work() as work:
        work._connection.execute(sa.text(f"INSERT INTO content {endless}"))
