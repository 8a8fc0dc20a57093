"""The node's end of the pipe to its worker."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import structlog

from maild.daemon import worker, working
from maild.daemon.running import Running
from maild.flow import Flow
from store import Store
from tests.flow import stage as s


class Pipe:
    """The node's end; calls `meanwhile` while the first thing is sent."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.sent: list[object] = []
        self.meanwhile = meanwhile
        self.closed = False

    def send(self, what: object) -> None:
        self.sent.append(what)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()

    def close(self) -> None:
        self.closed = True


def test_files_handed_over_while_a_worker_is_replaced_reach_the_new_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = s.stage(tmp_path, store).flow
    old, new = flow.site, replace(flow.site)
    own = working.OwnProcess(Running(flow, lambda: datetime.now(UTC)))
    own._lost.set()  # the former one has ended
    pipe = Pipe(lambda: own.hand(new))
    process = SimpleNamespace(start=lambda: None)
    context = SimpleNamespace(Pipe=lambda: (pipe, Pipe(lambda: None)), Process=lambda **_: process)
    monkeypatch.setattr(working.multiprocessing, "get_context", lambda method: context)
    own._start("spawn")
    assert pipe.sent == [worker.version(), old, ("site", new, 1)]


def test_a_worker_that_cannot_be_started_is_none(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a stop just then has nothing to end."""

    def start() -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    own = working.OwnProcess(Running(s.stage(tmp_path, store).flow, lambda: datetime.now(UTC)))
    pipes: list[Pipe] = []
    context = SimpleNamespace(
        Pipe=lambda: (pipes.extend(Pipe(lambda: None) for _ in range(2)), tuple(pipes))[1],
        Process=lambda **_: SimpleNamespace(start=start),
    )
    monkeypatch.setattr(working.multiprocessing, "get_context", lambda method: context)
    with pytest.raises(BlockingIOError):
        own._start("spawn")
    own.close()
    assert [pipe.closed for pipe in pipes] == [True, True]


def test_a_worker_of_another_maild_ends_before_it_opens_the_store(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would upgrade the database under the daemon that runs."""
    for name in ("deafen", "be_frugal"):  # this process goes on
        monkeypatch.setattr(worker.isolation, name, lambda: None)
    before = structlog.get_config()
    here, there = multiprocessing.Pipe()
    here.send(("0.0.1", "0001"))
    try:
        with pytest.raises(SystemExit) as ended:
            worker.serve(there, None, "main")
    finally:
        structlog.configure(**before)
    assert ended.value.code == 78
    assert "another maild was installed: restart the daemon" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mails", "rest"), [([], worker.UNUSED), ([3], worker.REST)], ids=["no mail so far", "after mail"]
)
def test_one_that_has_seen_no_mail_ends_sooner(
    monkeypatch: pytest.MonkeyPatch, mails: list[int], rest: float
) -> None:
    clock = [100.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock[0])
    said: list[str] = []
    pipe = cast(Connection, SimpleNamespace(send=lambda what: said.append(what[0])))
    orders = worker.Orders(pipe)
    monkeypatch.setattr(orders, "wait", lambda seconds: clock.append(clock.pop() + (seconds or 0.0)))
    waiting = iter(mails)
    flow = SimpleNamespace(progressed=None, is_called=None, work=lambda: next(waiting, 0))
    worker.Worker(pipe, orders, cast(Flow, flow)).run()
    assert rest < clock[0] - 100.0 <= rest + 1.0
    assert said[-1] == "rests"
