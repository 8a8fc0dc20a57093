"""Death and faults at the n-th step of a desk in this process: every statement, both sides of every commit, every touch of a big file."""

from __future__ import annotations

import os
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
            raise Died(what)
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
        fault = broken_disk if engine.dialect.name == "sqlite" else lost_server

        def watched(connection: Any) -> None:
            self.step(f"before commit of {self._first}", fault)
            commit(connection)
            self.step(f"after commit of {self._first}", fault)

        engine.dialect.do_commit = watched  # type: ignore[method-assign]

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
