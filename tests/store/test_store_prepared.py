"""Prepared statements give what SQLAlchemy gives, on both databases, and fail as it does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.errors import NotNow
from store import Store, tables
from store.prepared import Prepared
from store.transaction import any_of, insert_rows

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVENT = tables.event.c
BY_IDS = sa.select(EVENT.id, EVENT.at, EVENT.detail, EVENT.ticket).where(EVENT.id.in_(any_of("ids")))
LITERAL = sa.select(EVENT.id).where(EVENT.event.in_(("one", "two")), EVENT.at >= sa.bindparam("since"))
ADD = Prepared(sa.insert(tables.event).returning(EVENT.id))


def row(name: str, at: datetime = NOW) -> dict[str, Any]:
    detail = {"wörter": [1, None, "\x00"]}
    return {
        "ticket": None,
        "at": at,
        "actor": "desk",
        "event": name,
        "subject": None,
        "detail": detail,
        "reasons": (),
    }


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    with store.work() as work:
        yield work._connection


@pytest.mark.parametrize("number", [1, 2, 3, 17, 64, 65, 200])
def test_lists_of_any_length(connection: Connection, number: int) -> None:
    prepared = Prepared(BY_IDS.order_by(EVENT.id))
    for name in ("one", "two", "three"):
        ADD.value(connection, row(name))
    ids = list(range(1, number + 1))
    ours = prepared.rows(connection, {"ids": ids})
    theirs = connection.execute(BY_IDS.order_by(EVENT.id), {"ids": ids}).all()
    assert [tuple(one) for one in ours] == [tuple(one) for one in theirs]
    assert len(ours) == min(number, 3)
    assert (ours[0].at, ours[0].detail, ours[0].ticket) == (NOW, {"wörter": [1, None, "\ufffd"]}, None)


def test_few_lengths_are_compiled(connection: Connection) -> None:
    prepared = Prepared(BY_IDS)
    for number in range(1, 65):
        prepared.rows(connection, {"ids": list(range(number))})
    assert len(prepared._plans) == 7


def test_constants_in_the_statement_and_values_of_its_types(connection: Connection) -> None:
    prepared = Prepared(LITERAL)
    first = ADD.value(connection, row("one"))
    ADD.value(connection, row("two", NOW - timedelta(days=1)))
    ADD.value(connection, row("three"))
    berlin = NOW.astimezone(tz=None)
    assert [one.id for one in prepared.rows(connection, {"since": berlin})] == [first]
    assert prepared.one(connection, {"since": NOW})[0] == prepared.value(connection, {"since": NOW}) == first
    assert prepared.value(connection, {"since": NOW + timedelta(1)}) is None
    with pytest.raises(LookupError):
        prepared.one(connection, {"since": NOW - timedelta(2)})


def test_changes_are_counted(connection: Connection) -> None:
    for name in ("one", "two"):
        ADD.value(connection, row(name))
    change = Prepared(sa.update(tables.event).where(EVENT.event == sa.bindparam("old")))
    assert change.run(connection, {"old": "one", "actor": "somebody"}) == 1
    assert change.run(connection, {"old": "none", "actor": "somebody"}) == 0
    change.run_all(connection, [{"old": "one", "actor": "a"}, {"old": "two", "actor": "b"}])
    query = sa.select(EVENT.actor).order_by(EVENT.id)
    assert connection.scalars(query).all() == ["a", "b"]


def test_rows_that_are_there_are_left_out(connection: Connection) -> None:
    rows = [
        {"sha256": hashlib.sha256(b"%d" % number).hexdigest(), "data": b"%d" % number} for number in range(20)
    ]
    found = insert_rows(connection, tables.content, rows[:3], returning=(tables.content.c.sha256,))
    assert {one.sha256 for one in found} == {one["sha256"] for one in rows[:3]}
    found = insert_rows(connection, tables.content, rows, returning=(tables.content.c.sha256,))
    assert {one.sha256 for one in found} == {one["sha256"] for one in rows[3:]}


def test_a_value_that_cannot_be_stored_is_refused_by_its_name(connection: Connection) -> None:
    with pytest.raises(sa.exc.StatementError, match="without zone"):
        ADD.value(connection, row("one", NOW.replace(tzinfo=None)))


def test_faults_of_the_database_are_named_as_ever(store: Store) -> None:
    with store.work() as work:
        ADD.value(work._connection, row("one"))
    with pytest.raises(sa.exc.IntegrityError), store.work() as work:
        ADD.value(work._connection, row("two") | {"ticket": 4711})
    raised = False

    def fail(*_: object) -> bool:
        nonlocal raised
        raised = True
        raise store._database._writer.dialect.loaded_dbapi.OperationalError("disk I/O error")

    sa.event.listen(store._database._writer, "do_execute", fail)
    try:
        with pytest.raises((NotNow, sa.exc.OperationalError)), store.work() as work:
            ADD.value(work._connection, row("three"))
    finally:
        sa.event.remove(store._database._writer, "do_execute", fail)
    assert raised
    with store.read() as work:
        assert work._connection.scalars(sa.select(EVENT.event)).all() == ["one"]


def test_statements_are_counted(store: Store) -> None:
    before = store.counts
    with store.work() as work:
        ADD.value(work._connection, row("one"))
        Prepared(BY_IDS).rows(work._connection, {"ids": [1, 2]})
    assert store.counts.statements - before.statements == 2
    with store.read() as work:
        assert len(Prepared(BY_IDS).rows(work._connection, {"ids": [1, 2, 3]})) == 1
