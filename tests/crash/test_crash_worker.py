"""The process that works: one that hangs is replaced, and a mail that kills it every time is put aside, while those around it are worked on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from maild import logs, processing
from maild.daemon import worker, working
from maild.daemon.running import Running
from maild.daemon.working import OwnProcess
from maild.flow import Flow
from maild.parsing import InProcess
from store import Store, Work
from store.rows import Filter, Intake
from tests.flow import stage as s

# SQLite cannot be carried over a fork.
pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
ASKED = "Hello, the fire door does not close any more. Could somebody look at it, please?"
PATIENCE = 60.0


class Here(InProcess):
    """Reads in the worker itself."""

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker is forked, so that it starts at once and has what the test has changed; what it says goes where pytest's own errors go."""
    start, serve = OwnProcess._start, worker.serve

    def serve_here(*args: Any) -> None:
        sys.stdout = sys.stderr = os.fdopen(2, "w", closefd=False)
        serve(*args)

    monkeypatch.setattr(worker, "serve", serve_here)
    monkeypatch.setattr(worker, "InWorker", lambda method: Here())
    monkeypatch.setattr(logs, "configure", lambda *_: None)  # it would close pytest's files
    monkeypatch.setattr(OwnProcess, "_start", lambda self, _: start(self, "fork"))


@contextlib.asynccontextmanager
async def at_work(desk: s.Stage) -> AsyncIterator[tuple[OwnProcess, Running]]:
    """The loop that works, with a process of its own."""
    running = Running(desk.flow, lambda: desk.now[0])
    own = OwnProcess(running)
    own.start()
    await own.ready()
    loop = asyncio.create_task(own.run())
    try:
        yield own, running
    finally:
        running.stop()
        await loop


async def done(store: Store, number: int) -> None:
    """Until so many mails are worked on or put aside."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with store.read() as work:
                totals = work.totals()
            if not totals.waiting and sum(totals.tickets.values()) + totals.quarantined >= number:
                return
            await asyncio.sleep(0.02)


def subjects(store: Store) -> list[str]:
    with store.read() as work:
        return sorted(one.subject for one in work.tickets(Filter()))


def letter(number: int, subject: str) -> bytes:
    return s.mail(f"c{number}@globex.test", subject, f"{ASKED} {number}", number)


async def test_one_that_hangs_is_ended_and_replaced(
    store: Store, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    desk = s.stage(folder, store, toml(store_url, tmp_path))
    desk.take(letter(1, "First"))
    with capture_logs() as said:
        async with at_work(desk) as (own, running):
            await done(store, 1)
            first = own._process
            assert first is not None
            assert first.pid is not None
            os.kill(first.pid, signal.SIGSTOP)
            desk.take(letter(2, "Second"))
            running.work_waits.set()
            with monkeypatch.context() as patch:
                patch.setattr(working, "SILENCE", 1.0)
                while not own.restarts:
                    await asyncio.sleep(0.02)
            await done(store, 2)
            assert own.restarts == 1
    assert [one["event"] for one in said if one["log_level"] == "error"] == [
        "the worker hangs and is replaced",
        "the worker ended and is replaced",
    ]
    assert subjects(store) == ["First", "Second"]


async def at_rest(own: OwnProcess) -> None:
    """Until the worker has ended."""
    async with asyncio.timeout(PATIENCE):
        while own._process is not None:
            await asyncio.sleep(0.02)


async def test_it_ends_without_mail_and_comes_back_with_the_next_one(
    store: Store, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "REST", 0.0)
    monkeypatch.setattr(worker, "UNUSED", 0.0)
    folder = tmp_path / "desk"
    folder.mkdir()
    desk = s.stage(folder, store, toml(store_url, tmp_path))
    with capture_logs() as said:
        async with at_work(desk) as (own, running):
            await at_rest(own)
            desk.take(letter(1, "By another process"))
            await done(store, 1)
            await at_rest(own)
            desk.take(letter(2, "Here"))
            running.work_waits.set()
            await done(store, 2)
            await at_rest(own)
            files = desk.flow.site
            identity = replace(files.rulebook.identity, tag="NEW")
            await asyncio.to_thread(
                own.hand, replace(files, rulebook=replace(files.rulebook, identity=identity))
            )
            assert own._process is None
            desk.take(letter(3, "By new files"))
            await done(store, 3)
            await at_rest(own)
            assert own.restarts == 0
            assert running.pulses.stalled() == []
    assert not [one for one in said if one["log_level"] == "error"]
    assert subjects(store) == ["By another process", "By new files", "Here"]
    with store.read() as work:
        told = [
            one.subject for number in (1, 2, 3) for one in work.messages(number) if one.direction == "out"
        ]
    assert ["[NEW #" in subject for subject in told] == [False, False, True]


async def test_a_mail_that_kills_it_every_time_is_put_aside(
    store: Store, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Flow._process

    def deadly(self: Flow, work: Work, row: Intake, parsed: Any, *, alone: bool) -> Any:
        later = real(self, work, row, parsed, alone=alone)
        if "deadly" in row.envelope.sender:
            os.kill(os.getpid(), signal.SIGKILL)
        return later

    monkeypatch.setattr(Flow, "_process", deadly)
    monkeypatch.setattr(processing, "KILLS", 3)
    folder = tmp_path / "desk"
    folder.mkdir()
    desk = s.stage(folder, store, toml(store_url, tmp_path))
    desk.take(letter(1, "Before"))
    killer = desk.take(letter(2, "Deadly"), sender="deadly@globex.test")
    for number in range(3, 7):
        desk.take(letter(number, f"After {number}"))
    async with at_work(desk) as (own, _):
        await done(store, 6)
        assert own.restarts == 3, "once among others, and then alone"
    assert subjects(store) == ["After 3", "After 4", "After 5", "After 6", "Before"]
    with store.read() as work:
        [aside] = work.quarantined()
    assert (aside.id, aside.attempts) == (killer, 4)
    assert "stopped" in (aside.error or "")


def toml(url: str, folder: Path) -> str:
    """That of the stage, with the store of the test, which the worker opens for itself."""
    return s.MAILD_TOML + f'[store]\nurl = "{url}"\nfiles = "{folder}/files"\n'
