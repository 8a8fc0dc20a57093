"""Content by its hash: small in the table, big as files, whole or not there."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import store.files as store_files
from maild.errors import NotNow
from store import Content, Store, Work

SMALL = b"Subject: small\r\n\r\n"
BIG = b"0123456789abcdef" * (Content.SMALL // 16) + b"!"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files(store: Store) -> list[str]:
    return sorted(
        str(path.relative_to(store._files.folder))
        for path in store._files.folder.rglob("*")
        if path.is_file() and path.name != "desk"
    )


@pytest.mark.parametrize("data", [b"", SMALL, BIG[:-1], BIG, bytes(range(256)) * 2000])
def test_what_is_put_comes_back(store: Store, data: bytes) -> None:
    with store.work() as work:
        name = work.put_content(data)
        assert work.put_content(data) == name == sha256(data)
        assert work.get_content(name) == data
    assert store.content.get(name) == data
    with store.content.open(name) as file:
        assert file.read(5) == data[:5]
    with store.read() as work:
        assert work.get_content(name) == data
    assert files(store) == ([f"{name[:2]}/{name[2:]}"] if len(data) > Content.SMALL else [])


def test_small_content_is_part_of_the_transaction(store: Store) -> None:
    def undone(work: Work) -> None:
        work.put_content(SMALL)
        raise KeyError("undo")

    with pytest.raises(KeyError, match="undo"), store.work() as work:
        undone(work)
    with pytest.raises(KeyError, match=sha256(SMALL)):
        store.content.get(sha256(SMALL))


def test_the_same_big_file_twice(store: Store) -> None:
    for _ in range(2):
        store.content.put_file(io.BytesIO(BIG), len(BIG), sha256(BIG))
    assert store.content.get(sha256(BIG)) == BIG


def test_the_spool_is_read_from_its_start(store: Store) -> None:
    spool = io.BytesIO(BIG)
    spool.seek(0, io.SEEK_END)
    store.content.put_file(spool, len(BIG), sha256(BIG))
    assert store.content.get(sha256(BIG)) == BIG


@pytest.mark.parametrize("name", ["", "0" * 64, "../../etc/passwd", "A" * 64, "0" * 63, "\x00"])
def test_an_unknown_name(store: Store, name: str) -> None:
    with pytest.raises(KeyError):
        store.content.get(name)
    with pytest.raises(KeyError), store.read() as work:
        work.get_content(name)


def test_a_short_spool_leaves_nothing(store: Store) -> None:
    with pytest.raises(ValueError, match="announced"):
        store.content.put_file(io.BytesIO(BIG[:100]), len(BIG), sha256(BIG))
    assert files(store) == []


def test_a_file_cut_short_is_written_again(store: Store) -> None:
    store.content.put_file(io.BytesIO(BIG), len(BIG), sha256(BIG))
    store._files.path(sha256(BIG)).write_bytes(BIG[:10])
    store.content.put_file(io.BytesIO(BIG), len(BIG), sha256(BIG))
    assert store.content.get(sha256(BIG)) == BIG


class Killed(BaseException):
    """As if the process ended here."""


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_killed_before_the_rename(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """What lies about harms nobody, is not taken for content, and is gone after the next start; then it works again."""

    def die(*_: object) -> None:
        raise Killed

    store._files.path(sha256(BIG)).parent.mkdir()  # so that the first thing to be synced is the file
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda *_, **__: None)  # a dead process tidies nothing up
        patched.setattr(store_files.os if at == "fsync" else Path, at, die)
        with pytest.raises(Killed):
            store.content.put_file(io.BytesIO(BIG), len(BIG), sha256(BIG))
    [left] = files(store)
    assert left.startswith("partial/")
    with pytest.raises(KeyError):
        store.content.get(sha256(BIG))
    assert store.check() == []
    Store.open(store_url, store._files.folder).close()
    assert files(store) == []
    store.content.put_file(io.BytesIO(BIG), len(BIG), sha256(BIG))
    assert store.content.get(sha256(BIG)) == BIG


def test_a_start_leaves_alone_what_another_process_writes(store: Store, store_url: str) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            Store.open(store_url, store._files.folder).close()
            return super().read(size)

    store.content.put_file(Slow(BIG), len(BIG), sha256(BIG))
    assert store.content.get(sha256(BIG)) == BIG


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_big_file_is_synced_before_and_after_its_name(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        steps.append("sync " + ("partial" if path.parent.name == "partial" else path.name))
        sync(handle)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", rename)
    store.content.put_file(io.BytesIO(BIG), len(BIG), sha256(BIG))
    assert steps == ["sync files", "sync partial", "rename", f"sync {sha256(BIG)[:2]}"]


def put(store: Store) -> None:
    store.content.put_file(io.BytesIO(BIG), len(BIG), sha256(BIG))


def put_within(store: Store) -> None:
    with store.work() as work:
        work.put_content(BIG)


@pytest.mark.parametrize("doing", [put, put_within])
def test_a_folder_that_cannot_be_written(
    store: Store, doing: Callable[[Store], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store._files.folder
    (folder / "partial").rmdir()
    (folder / "partial").write_text("a file where a folder should be")
    with pytest.raises(NotNow, match="folder of files"):
        doing(store)
    (folder / "partial").unlink()
    (folder / "partial").mkdir()
    doing(store)


def test_a_full_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store_files.os, "fsync", full)
        with pytest.raises(NotNow, match="No space left"):
            put(store)
    assert files(store) == []
