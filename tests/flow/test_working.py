"""The node's end of the pipe to its worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from maild.daemon import working
from maild.daemon.running import Running
from store import Store
from tests.flow import stage as s


class Pipe:
    """The node's end; calls `meanwhile` while the first thing is sent."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.sent: list[object] = []
        self.meanwhile = meanwhile

    def send(self, what: object) -> None:
        self.sent.append(what)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()

    def close(self) -> None:
        pass


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
    assert pipe.sent == [old, ("site", new, 1)]
