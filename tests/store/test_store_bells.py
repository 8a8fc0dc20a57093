"""What one process does on PostgreSQL wakes another; the place of files is the same for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maild.daemon.member import name_of
from maild.daemon.running import FENCED_AFTER, Running, boot_time
from maild.daemon.waking import hear
from maild.errors import ConfigError
from store import Store
from store.bells import EVERYTHING, MAIL, OUTBOX, Bells
from store.nodes import DEAD_AFTER
from store.rows import Node
from tests.store.samples import NOW, carla, keep, mail, put_mail

on_postgres = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def bells(store: Store) -> Iterator[Bells]:
    made = store.bells()
    assert made is not None
    assert made.wait(0) == EVERYTHING
    yield made
    made.close()


@on_postgres
def test_what_is_committed_rings(store: Store, bells: Bells) -> None:
    assert bells.wait(0) == frozenset()
    with store.work() as work:
        keep(work, b"1")
        assert bells.wait(0.1) == frozenset()
    assert bells.wait(5) == {MAIL}
    with store.work() as work:
        put_mail(work, mail(carla(work)))
    assert bells.wait(5) == {OUTBOX}


@on_postgres
def test_what_is_undone_does_not_and_nobody_is_called_by_who_is_alone(store: Store, bells: Bells) -> None:
    def undone() -> None:
        with store.work() as work:
            keep(work, b"1")
            raise KeyError("undo")

    with pytest.raises(KeyError, match="undo"):
        undone()
    store.alone = True
    with store.work() as work:
        keep(work, b"2")
    assert bells.wait(0.2) == frozenset()


@on_postgres
async def test_a_loop_is_woken_and_finds_its_way_back(store: Store, bells: Bells) -> None:
    flow: Any = None
    running = Running(flow, lambda: NOW)
    looked: list[int] = []

    async def look() -> None:
        looked.append(1)

    hearing = asyncio.create_task(hear(running, bells, look))
    for _ in range(2):
        running.work_waits.clear()
        with store.work() as work:
            keep(work, b"1")
        began = time.monotonic()
        await asyncio.wait_for(running.work_waits.wait(), 10)
        assert time.monotonic() - began < 5
        with store.work() as work:  # as a server that restarts
            work._connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(query, 'LISTEN') AND datname = current_database()"
            )
    deadline = time.monotonic() + 20
    while not looked and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert looked, "after a new connection everything is looked at"
    running.stop()
    await asyncio.wait_for(hearing, 10)


@on_postgres
def test_nodes_with_files_of_their_own_are_refused(new_database: Callable[[], str], tmp_path: Path) -> None:
    url, now = new_database(), datetime.now(UTC)
    first = Store.open(url, tmp_path / "one")
    with first.work() as work:
        work.join(Node("one", 1, "1.0", now, now))
    with pytest.raises(ConfigError, match="is not where node one of this desk keeps its files"):
        Store.open(url, tmp_path / "two")
    Store.open(url, tmp_path / "one").close()
    with first.work() as work:
        [one] = work.nodes()
        work.forget_node(one)
    Store.open(url, tmp_path / "two").close()  # nobody is at work, and there is nothing that could be missed
    with first.work() as work:
        keep(work, b"x" * 300_000)
    with pytest.raises(
        ConfigError, match=r"none of the newest 1 is there.*write [0-9a-f]{32} into .*three/desk"
    ) as wrong:
        Store.open(url, tmp_path / "three")
    word = str(wrong.value).partition("write ")[2][:32]
    (tmp_path / "three" / "desk").write_text(word)
    Store.open(url, tmp_path / "three").close()
    (tmp_path / "one").rename(tmp_path / "moved")
    Store.open(url, tmp_path / "moved").close()
    first.close()


def test_a_node_that_is_not_heard_sends_nothing() -> None:
    flow: Any = None
    running = Running(flow, lambda: NOW)
    assert not running.fenced
    running.heard_at = boot_time() - FENCED_AFTER + 5
    assert not running.fenced
    running.heard_at = boot_time() - FENCED_AFTER - 0.1
    assert running.fenced
    assert FENCED_AFTER < DEAD_AFTER


def test_two_files_on_one_host_are_two_nodes(tmp_path: Path) -> None:
    one, two = name_of(tmp_path / "a.toml", ""), name_of(tmp_path / "b.toml", "")
    assert one != two
    assert one == name_of(tmp_path / "a.toml", "")
    assert name_of(tmp_path / "a.toml", "mail-1") == "mail-1"
