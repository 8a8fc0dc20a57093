"""No read that mails, people or loops wait for goes through a whole big table, on a desk that has some."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from maild.desk.selection import LISTS, NOBODY, Selection
from maild.desk.snapshot import Wanted
from store import Store, Work
from store.rows import Filter
from tests.bench.desks import fill
from tests.flow.stage import NOW

TICKETS: Final = 800
BIG: Final = ("ticket", "message", "reference", "event", "outbox", "post", "intake", "attachment", "route", "person", "address", "content", "digest")  # fmt: skip
SMALL_PART: Final = re.compile(
    r"USING (COVERING )?INDEX (ix_ticket_unfinished|ix_ticket_(look|clock)_at|ix_\w+_(open|due|failed|aside))"
)
"""Indexes of what is unfinished, waits, or has failed: to read all of that is no harm."""

MINE: Final = Selection(assignee="ana@acme.test", hidden=("support",), viewer="ana@acme.test")
ARRIVED: Final = Wanted(
    message_ids=("<o5@acme.test>", "<7@home.test>", "<none@home.test>"), tickets=(5, 6), persons=(3,), addresses=("c3@home.test",),
    identity="id9", content_identity="content9", counted=("c3@home.test",), outbox=(3,), agent="ana@acme.test", parts=True, undo=True, away=True,
    owned="ana@acme.test", helped="c3@home.test", clocks=True, callers=("Customer 3",), newcomer="new@else.test", fired=(5, NOW),
    staff=frozenset(("least-busy", "round-robin")),
)  # fmt: skip
WEEK: Final = timedelta(days=1)

READS: Final[dict[str, Callable[[Work], object]]] = {
    "arrival": lambda work: work.snapshot(ARRIVED, NOW),
    "arrival, bounded": lambda work: work.snapshot(replace(ARRIVED, bounded=frozenset(("domain", "all"))), NOW),
    "earlier": lambda work: work.earlier(3, 5, 10),
    "clocks": lambda work: (work.due_clocks(NOW, 100), work.next_due(NOW), work.due_digests(NOW)),
    "looks": lambda work: work.due_looks(NOW, 100),
    "status": lambda work: (work.totals(), work.held_back(NOW - WEEK)),
    "queues": lambda work: (work.outbox(), work.posts(), work.quarantined()),
    "mine": lambda work: work.listed(MINE, NOW, 50),
    "nobody's": lambda work: work.listed(Selection(assignee=NOBODY, team="support"), NOW, 50),
    **{name: lambda work, name=name: work.listed(LISTS[name], NOW, 50) for name in ("all", "new", "stale", "waiting", "overdue")},  # type: ignore[misc]
    "of a requester": lambda work: work.listed(Selection((), requester="c3@home.test"), NOW, 50),
    "search": lambda work: work.listed(Selection((), search="order-77"), NOW, 50, newest=True),
    "tickets in a state": lambda work: work.tickets(Filter(state="pending", after=10, limit=20)),
    "tickets of a requester": lambda work: work.tickets(Filter(requester="c3@home.test")),
    "tickets with a tag": lambda work: work.tickets(Filter(tag="vip")),
    "tickets that say": lambda work: work.tickets(Filter(search="order-77")),
    "tickets overdue": lambda work: work.tickets(Filter(overdue_at=NOW)),
    "a page": lambda work: work.tickets(Filter(after=500, limit=50)),
    "one ticket": lambda work: (work.ticket(9), work.messages(9), work.events(9), work.links(9), work.times_logged(9)),
    "report": lambda work: list(work.chronicles(NOW - timedelta(hours=2), NOW)),
    "export": lambda work: (work.came(5, 50), work.unmatched(0, 50), work.registered(5, 50)),
}  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with many tickets, for the tests of this file."""
    folder = tmp_path_factory.mktemp("large")
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/maild.db"
    else:
        server: sa.URL = request.getfixturevalue("postgres_server")
        _say(server, "CREATE DATABASE maild_large")
        url = server.set(database="maild_large").render_as_string(hide_password=False)
    opened = Store.open(url, Path(folder) / "files")
    fill(opened._database._writer, TICKETS, senders=300)
    yield opened
    opened.close()
    if request.param == "postgresql":
        _say(server, "DROP DATABASE maild_large WITH (FORCE)")


def _say(server: sa.URL, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def _said(store: Store, read: Callable[[Work], object]) -> list[tuple[str, Any]]:
    """The statements of a read, with their parameters."""
    found: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        found.append((statement, parameters))

    sa.event.listen(Engine, "before_cursor_execute", listen)
    try:
        with store.read() as work:
            read(work)
    finally:
        sa.event.remove(Engine, "before_cursor_execute", listen)
    return [(one, parameters) for one, parameters in found if one.startswith(("SELECT", "WITH"))]


def _sqlite_scans(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
        scanned = re.match(r"SCAN (\w+)", row.detail)
        if scanned and scanned[1] in BIG and not SMALL_PART.search(row.detail):
            yield row.detail


def _postgres_scans(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    """Where a whole table is read although there is no need to, or many rows of which few are wanted."""
    [found] = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).one()
    plans = [(json.loads(found) if isinstance(found, str) else found)[0]["Plan"]]
    while plans:
        plan = plans.pop()
        plans += plan.get("Plans", ())
        removed = plan.get("Rows Removed by Filter", 0) * plan["Actual Loops"]
        if plan.get("Relation Name") in BIG and (plan["Node Type"] == "Seq Scan" or removed > TICKETS / 4):
            yield f"{plan['Node Type']} of {plan['Relation Name']}, {removed} rows removed by {plan.get('Filter')}"


@pytest.mark.parametrize("name", READS)
def test_no_big_table_is_scanned(large: Store, name: str) -> None:
    said = _said(large, READS[name])
    assert said
    with large._database._reader.connect() as connection:
        postgres = connection.dialect.name == "postgresql"
        if postgres:
            connection.exec_driver_sql("SET enable_seqscan = off")
        scans = _postgres_scans if postgres else _sqlite_scans
        found = [
            (scan, one)
            for one, parameters in said
            for scan in scans(connection, one, parameters)
            if "GROUP BY ticket.state" not in one
        ]
    assert found == []


def test_what_the_totals_read_is_an_index(large: Store) -> None:
    """The number of tickets in each state is counted, in the narrowest way."""
    [counting] = [one for one in _said(large, Work.totals) if "GROUP BY" in one[0]]
    with large._database._reader.connect() as connection:
        if connection.dialect.name == "sqlite":
            [row] = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {counting[0]}", counting[1])
            assert row.detail == "SCAN ticket USING COVERING INDEX ix_ticket_state"
        else:
            connection.exec_driver_sql("SET enable_seqscan = off")
            plan = str(connection.exec_driver_sql(f"EXPLAIN {counting[0]}", counting[1]).all())
            assert "Index Only Scan using ix_ticket_state" in plan
