"""Death and faults at the n-th step of a desk in this process: every statement, both sides of every commit, every touch of a big file."""

from __future__ import annotations

import builtins
import io
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect

from store import Store


class Died(BaseException):
    """The process is gone, as by kill -9: nothing behind this step happened."""


def broken_disk() -> Exception:
    """What SQLite raises when the disk fails for a moment."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


def lost_server() -> Exception:
    """What psycopg raises when the server is gone."""
    return psycopg.OperationalError("server closed the connection unexpectedly")


def full_disk() -> Exception:
    """What the system raises when a file cannot grow."""
    return OSError(28, "No space left on device")


@dataclass
class Faults:
    """At step `at`, a kind and which one of it, counted from 1 (None: never), `die` decides between death and a fault that passes.

    `steps` says what each was: two that are equal do the same statement, or end a transaction that began with the same one.
    """

    at: tuple[str, int] | None = None
    die: bool = True
    fired: bool = False
    steps: list[str] = field(default_factory=list)
    death: Callable[[str], BaseException] = Died
    _on: bool = True
    _first: str = ""

    def reset(self, at: tuple[str, int] | None = None, *, die: bool = True) -> None:
        """Count anew."""
        self.at, self.die, self.fired = at, die, False
        self.steps.clear()

    @contextmanager
    def off(self) -> Iterator[None]:
        """What is done inside is the test's own look at the desk."""
        self._on = False
        try:
            yield
        finally:
            self._on = True

    def step(self, what: str, fault: Callable[[], Exception] | None = None) -> None:
        """One step. Without a `fault` it can only be died at."""
        if not self._on:
            return
        self.steps.append(what)
        if self.at != (what, self.steps.count(what)):
            return
        self.fired = True
        if self.die:
            raise self.death(what)
        if fault is not None:
            raise fault()

    def watch(self, store: Store) -> None:
        """Every statement and commit of this store is a step from now on."""
        database = store._database
        self._watch_engine(database._writer)
        if database._reader.dialect is not database._writer.dialect:
            self._watch_engine(database._reader)

    def _watch_engine(self, engine: Engine) -> None:
        for name in ("do_execute", "do_execute_no_params", "do_executemany"):
            event.listen(engine, name, self._statement)
        if engine.dialect.name == "postgresql":  # whose BEGIN is no statement
            event.listen(engine, "begin", self._begun)
        commit = engine.dialect.do_commit
        fault = _FAULTS[engine.dialect.name]

        def watched(connection: Any) -> None:
            self.step(f"before commit of {self._first}", fault)
            commit(connection)
            self.step(f"after commit of {self._first}", fault)

        engine.dialect.do_commit = watched  # type: ignore[method-assign]

    @contextmanager
    def watching_databases(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Every statement and commit of whatever engine is made or used inside is a step."""
        commit = DefaultDialect.do_commit

        def statement(cursor: Any, text: str, *more: Any) -> None:
            def fault() -> Exception:
                cursor.close()  # of a lost connection SQLAlchemy closes none, and psycopg would warn
                return _FAULTS[more[-1].dialect.name]()

            self.step(f"statement {text}", fault)

        def watched(dialect: Any, connection: Any) -> None:
            self.step("before commit", _FAULTS[dialect.name])
            commit(dialect, connection)
            self.step("after commit", _FAULTS[dialect.name])

        names = ("do_execute", "do_execute_no_params", "do_executemany")
        with monkeypatch.context() as patch:
            patch.setattr(DefaultDialect, "do_commit", watched)
            for name in names:
                event.listen(Engine, name, statement)
            try:
                yield
            finally:
                for name in names:
                    event.remove(Engine, name, statement)

    def _begun(self, _connection: object) -> None:
        self._first = ""

    def _statement(self, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("BEGIN"):
            self._first = ""
        elif not self._first:
            self._first = statement
        self.step(f"statement {statement}", broken_disk)

    @contextmanager
    def watching_files(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """The calls that make a file durable are steps."""
        real_sync, real_replace = os.fsync, Path.replace

        def fsync(handle: int) -> None:
            self.step("before fsync", full_disk)
            real_sync(handle)

        def replace(path: Path, target: Any) -> Path:
            self.step("before rename", full_disk)
            moved = real_replace(path, target)
            self.step("after rename", full_disk)
            return moved

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            patch.setattr(Path, "replace", replace)
            yield

    @contextmanager
    def watching_folder(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
        """Every file that is opened below a folder, every piece that is written to one, and every call that makes files durable, names
        them or makes a folder for them, is a step."""
        real: dict[str, Callable[..., Any]] = {
            name: getattr(os, name) for name in ("open", "fdopen", "fsync", "replace", "link", "mkdir")
        }
        real_open = io.open
        disk = self

        def mine(path: Any, more: dict[str, Any]) -> bool:
            named = isinstance(path, str | Path) and Path(path).is_absolute()
            return any(one in more for one in ("dir_fd", "src_dir_fd")) or (
                named and Path(path).is_relative_to(folder)
            )

        class Raw(io.FileIO):
            def write(self, data: Any, /) -> int:
                disk.step("write", full_disk)
                return super().write(data)

        def stepping(name: str) -> Callable[..., Any]:
            def call(path: Any, *args: Any, **more: Any) -> Any:
                if name == "fsync" or mine(path, more):
                    self.step(name, full_disk)
                done = real[name](path, *args, **more)
                if name in ("replace", "link") and mine(path, more):
                    self.step(f"after {name}", full_disk)
                return done

            return call

        def fdopen(handle: int, mode: str = "r", *args: Any, **more: Any) -> Any:
            return (
                io.BufferedWriter(Raw(handle, mode))
                if mode == "wb"
                else real["fdopen"](handle, mode, *args, **more)
            )

        def opened(file: Any, *args: Any, **more: Any) -> Any:
            if mine(file, {}):
                self.step("open", full_disk)
            return real_open(file, *args, **more)

        with monkeypatch.context() as patch:
            for name in ("open", "fsync", "replace", "link", "mkdir"):
                patch.setattr(os, name, stepping(name))
            patch.setattr(os, "fdopen", fdopen)
            patch.setattr(io, "open", opened)
            patch.setattr(builtins, "open", opened)
            yield

    def killed(self, at: tuple[str, int], act: Callable[[], object]) -> bool:
        """Do it in a process of its own that is killed at this step; False: it ended before."""
        process = os.fork()
        if not process:
            try:
                self.reset(at)
                self.death = _kill
                act()
            finally:
                os._exit(0)
        _, status = os.waitpid(process, 0)
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


_FAULTS: dict[str, Callable[[], Exception]] = {"sqlite": broken_disk, "postgresql": lost_server}


def _kill(what: str) -> BaseException:
    os.kill(os.getpid(), signal.SIGKILL)
    return Died(what)


def chosen(steps: list[str], most: int) -> list[tuple[str, int]]:
    """The first of each kind of step and as many others, evenly spread, that there are `most` or hardly more; in order."""
    numbers = {steps.index(kind) for kind in dict.fromkeys(steps)}
    if len(numbers) > most:
        numbers = set(sorted(numbers)[:: len(numbers) // most + 1])
    numbers |= set(range(0, len(steps), max(1, len(steps) // max(1, most - len(numbers)))))
    return [(steps[n], steps[: n + 1].count(steps[n])) for n in sorted(numbers)]
