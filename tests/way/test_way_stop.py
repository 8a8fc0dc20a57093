"""The daemon's end, in this process: what is at work when it stops ends by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from maild import site
from maild.clock import utc_now
from maild.daemon.node import Daemon
from store import Store
from tests.way.desk import Desk
from tests.way.relay import PATIENCE


async def test_a_heartbeat_under_way_ends_before_the_node_is_forgotten(
    new_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = new_desk()
    loaded = site.load(desk.config, utc_now())
    store = Store.open(loaded.settings.store.url, loaded.settings.store.files)
    running = Daemon(desk.config, loaded, store, name="stopping", heartbeat_every=0.05)
    beat, under_way, go_on = Daemon._heartbeat, threading.Event(), threading.Event()

    def slow_beat(one: Daemon) -> None:
        if ready.is_set():
            under_way.set()
            assert go_on.wait(PATIENCE)
        beat(one)

    ready = asyncio.Event()
    monkeypatch.setattr(Daemon, "_heartbeat", slow_beat)
    task = asyncio.create_task(running.run(lambda _: ready.set()))
    await asyncio.to_thread(under_way.wait, PATIENCE)
    running.stop()
    names = {one: one.get_coro().__qualname__ for one in asyncio.all_tasks() - {task}}  # type: ignore[union-attr]
    loops = {
        one for one, name in names.items() if name.endswith((".work", ".run")) and name != "Watching.run"
    }
    assert len(loops) >= 3
    await asyncio.wait(loops)
    done, _ = await asyncio.wait((task,), timeout=0.5)
    go_on.set()
    await task
    assert not done, "it did not wait for the heartbeat"
    with store.read() as work:
        assert work.nodes() == []
    store.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
