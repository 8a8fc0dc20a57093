"""Files that are removed while the same content comes again: nothing that is named is lost, and no transaction waits for files."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from maild.errors import NotNow
from store import Content, Store, engine, tables
from store.rows import Arrival
from tests.store import samples as s

BIG = b"0123456789abcdef" * (Content.SMALL // 16) + b"!"
NAME = hashlib.sha256(BIG).hexdigest()


def put(store: Store) -> None:
    store.content.put_file(io.BytesIO(BIG), len(BIG), NAME)


def keep(store: Store) -> None:
    with store.work() as work:
        work.keep([Arrival(NAME, len(BIG), s.envelope())])


def freed(store: Store) -> None:
    """As an erasure leaves it."""
    with store._database.work() as connection:
        connection.execute(sa.insert(tables.discard), {"sha256": NAME, "at": s.NOW})


def during_a_sweep(store: Store, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """It happens when the sweep is about to remove the file."""
    discard, acted = store._files.discard, []

    def acting(sha256: str) -> None:
        acted.append(act())
        discard(sha256)

    with monkeypatch.context() as patch:
        patch.setattr(store._files, "discard", acting)
        assert store.sweep() == 1
    assert acted


def test_a_mail_that_is_kept_before_the_sweep_stays(store: Store) -> None:
    put(store)
    keep(store)
    freed(store)
    assert store.sweep() == 0
    assert store.content.get(NAME) == BIG
    put(store)
    keep(store)  # and nothing of it is in the way later


def test_a_file_that_a_sweep_removed_after_it_was_put_is_asked_for_again(store: Store) -> None:
    put(store)
    freed(store)
    with pytest.raises(NotNow, match="removed by an erasure"):
        keep(store)
    assert store.sweep() == 1
    with pytest.raises(NotNow, match="removed by an erasure"):
        keep(store)
    put(store)
    keep(store)
    assert store.content.get(NAME) == BIG


def test_a_file_that_is_put_during_a_sweep_is_not_believed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arrives() -> None:
        put(store)  # it is there still
        with pytest.raises(NotNow, match="removed by an erasure"):
            keep(store)

    freed(store)
    during_a_sweep(store, monkeypatch, arrives)
    with pytest.raises(NotNow, match="removed by an erasure"):
        keep(store)
    put(store)
    keep(store)
    assert store.content.get(NAME) == BIG


@pytest.mark.parametrize("far", [False, True])
def test_what_a_transaction_writes_during_a_sweep_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch, far: bool
) -> None:
    monkeypatch.setattr(store._files, "far", far)

    def comes() -> None:
        with store.work() as work:
            s.keep(work, BIG)

    put(store)
    freed(store)
    during_a_sweep(store, monkeypatch, comes)
    assert not store._files.holds(NAME)
    assert store.content.get(NAME) == BIG
    assert store.check() == []
    freed(store)
    assert store.sweep() == 0
    assert store.move_out() == 1
    assert store._files.holds(NAME)
    with store._database.read() as connection:
        assert connection.scalar(sa.select(tables.content.c.sha256).where(tables.content.c.sha256 == NAME)) is None  # fmt: skip
    assert store.content.get(NAME) == BIG
    assert store.move_out() == 0


def test_what_is_erased_before_it_was_moved_out_is_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._files, "far", True)
    with store.work() as work:
        work.put_content(BIG)
    freed(store)
    assert store.sweep() == 1
    assert store.move_out() == 0
    assert list(store._files.hashes()) == []
    with store.read() as work, pytest.raises(KeyError):
        work.get_content(NAME)


def test_what_a_sweep_that_was_broken_off_has_left_goes_with_the_next(store: Store) -> None:
    put(store)
    freed(store)
    assert store.sweep(lambda: False) == 0
    assert store._files.holds(NAME)
    assert store.sweep() == 1
    assert not store._files.holds(NAME)


def test_one_sweep_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a slow one would remove what came after a quick one had ended."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    put(store)
    freed(store)
    faults: list[object] = []

    def other() -> None:
        try:
            store.sweep()
        except NotNow as fault:
            faults.append(fault)

    def at_once() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)

    during_a_sweep(store, monkeypatch, at_once)
    assert len(faults) == 1


def test_files_of_what_is_undone_go_with_the_next_sweep(store: Store) -> None:
    """Of a whole transaction, and of a savepoint; what was written beside stays."""
    contents = [letter * (Content.SMALL + 1) for letter in (b"a", b"b", b"c")]
    undone, aside, kept = (hashlib.sha256(one).hexdigest() for one in contents)
    with contextlib.suppress(RuntimeError), store.work() as work:
        work.put_content(contents[0])
        raise RuntimeError("undone")
    with store.work() as work:
        with contextlib.suppress(RuntimeError), work.savepoint():
            work.put_content(contents[1])
            raise RuntimeError("put aside")
        work.put_content(contents[2])
    files = store.content.files
    assert [files.holds(one) for one in (undone, aside, kept)] == [True, True, True]
    assert store.sweep() == 2
    assert [files.holds(one) for one in (undone, aside, kept)] == [False, False, True]
    assert store.sweep() == 0
