"""Whatever file of a reload cannot be read: the rules in force stay whole, and the next reload takes the new ones."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maild import scaffold, site
from maild.errors import NotNow
from maild.flow import Flow
from maild.reloading import Reloading
from store import Store
from tests.crash.faults import Faults


@contextmanager
def reading(folder: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every opening of a file of the desk, and every listing of a folder of it, is a step."""
    real_open, real_scandir, real_listdir = io.open, os.scandir, os.listdir

    def mine(path: Any) -> bool:
        return (
            isinstance(path, str | Path)
            and Path(path).is_relative_to(folder)
            and "var" not in Path(path).parts
        )

    def failing() -> Exception:
        return OSError(5, "Input/output error")

    def opened(file: Any, *args: Any, **more: Any) -> Any:
        if mine(file):
            faults.step("open", failing)
        return real_open(file, *args, **more)

    def listed(path: Any = ".") -> Any:
        if mine(path):
            faults.step("list", failing)
        return real_listdir(path)

    def scanned(path: Any = ".") -> Any:
        if mine(path):
            faults.step("list", failing)
        return real_scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(io, "open", opened)
        patch.setattr(builtins, "open", opened)
        patch.setattr(os, "listdir", listed)
        patch.setattr(os, "scandir", scanned)
        yield


def test_a_reload_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaffold.write(tmp_path)
    config, faults = tmp_path / "maild.toml", Faults()
    store = Store.open(f"sqlite:///{tmp_path}/var/maild.db", tmp_path / "var" / "files")
    flow = Flow(site.load(config, datetime.now(UTC)), store, lambda: datetime.now(UTC))
    files = Reloading(config, flow, lambda: datetime.now(UTC), lambda: None)
    with reading(tmp_path, faults, monkeypatch):
        assert files.reload("test")
    steps = list(faults.steps)
    assert steps.count("open") > 20
    before = flow.site
    extra = tmp_path / "rules" / "99-new.yaml"
    extra.write_text("teams: {night: {name: Night}}\n")
    opens = steps.count("open") + 1
    chosen = [("open", n) for n in (*range(1, 12), *range(12, opens + 1, max(1, opens // 20)))]
    chosen += [("list", n) for n in range(1, steps.count("list") + 1)]
    refused = 0
    for kind, which in chosen:
        faults.reset((kind, which), die=False)
        with reading(tmp_path, faults, monkeypatch):
            if files.reload("test"):
                # what could not be looked at was no part of the rules (a watched folder's listing)
                assert "night" in flow.site.rulebook.teams, (kind, which)
                flow.site = before
            else:
                refused += 1
                assert flow.site is before, (kind, which)
                assert files.refused, (kind, which)
    assert refused > 10
    assert files.reload("test")
    assert "night" in flow.site.rulebook.teams
    assert store.check() == []
    store.close()


def test_a_store_that_fails_during_a_reload_follows_the_new_files_later(tmp_path: Path) -> None:
    scaffold.write(tmp_path)
    config, faults = tmp_path / "maild.toml", Faults()
    store = Store.open(f"sqlite:///{tmp_path}/var/maild.db", tmp_path / "var" / "files")
    flow = Flow(site.load(config, datetime.now(UTC)), store, lambda: datetime.now(UTC))
    files = Reloading(config, flow, lambda: datetime.now(UTC), lambda: None)
    assert files.reload("test")
    faults.watch(store)
    assert files.reload("test")
    steps = list(faults.steps)
    assert len(steps) > 3
    for at in dict.fromkeys((kind, n + 1) for kind in steps for n in range(steps.count(kind))):
        before = flow.site
        faults.reset(at, die=False)
        assert files.reload("test"), "the files are right, and in force"
        assert flow.site is not before
        assert faults.fired
        faults.reset(at, die=False)
        with pytest.raises(NotNow):
            files.follow()
        faults.reset()
        files.follow()
        assert faults.steps == steps, "all of it is done anew"
        faults.reset()
        files.follow()
        assert faults.steps == [], "and once"
    with faults.off():
        assert store.check() == []
    store.close()


def test_a_refusal_is_told_when_the_store_is_there_again(tmp_path: Path) -> None:
    scaffold.write(tmp_path)
    config, faults = tmp_path / "maild.toml", Faults()
    store = Store.open(f"sqlite:///{tmp_path}/var/maild.db", tmp_path / "var" / "files")
    flow = Flow(site.load(config, datetime.now(UTC)), store, lambda: datetime.now(UTC))
    files = Reloading(config, flow, lambda: datetime.now(UTC), lambda: None)
    faults.watch(store)
    (tmp_path / "rules" / "99-new.yaml").write_text("taems: {}\n")
    faults.reset(("statement BEGIN IMMEDIATE", 1), die=False)
    assert not files.reload("test")
    assert faults.fired
    faults.reset()
    assert not files.reload("test"), "the same mistake, which nobody was told so far"
    files.follow()
    with store.read() as work:
        told = [row for row in work.outbox() if row.kind == "alert"]
    assert len({row.recipient for row in told}) == len(told) > 0
    store.close()
