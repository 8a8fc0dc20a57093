"""A database that restarts, a network that comes and goes, a full disk, a lock that lasts: 451 outward, nothing lost, back by itself."""

from __future__ import annotations

import contextlib
import os
import resource
import smtplib
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from maild.errors import NotNow
from store import Store, answering
from tests.crash.network import Server, Wire
from tests.way.desk import CONFIG, Desk, until
from tests.way.letters import DESK, letter
from tests.way.relay import Relay

ASKED = "Hello, the roof of our shed leaks and the rain comes in. When can somebody come?"
FILM = [("film.bin", "application/octet-stream", bytes(range(256)) * 4000)]
SILENCE = 45.0
"""Seconds within which a silent database must have been noticed, on a busy machine."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    made = Wire(server.socket)
    yield made
    made.close()


@pytest.fixture
def desks(tmp_path: Path, world: Relay) -> Iterator[list[Desk]]:
    made: list[Desk] = []
    yield made
    for one in made:
        one.end()


@pytest.fixture
def world() -> Iterator[Relay]:
    opened = Relay()
    yield opened
    opened.close()


def smtp_code(desk: Desk, mail: EmailMessage) -> int:
    """What SMTP says to the mail in the end."""
    with smtplib.SMTP("127.0.0.1", desk.smtp_port, timeout=SILENCE * 2) as client:
        try:
            client.sendmail(str(mail["From"]), DESK, mail.as_bytes())
        except smtplib.SMTPDataError as refused:
            return refused.smtp_code
    return 250


def assert_deferred(desk: Desk, name: str) -> None:
    """By every way in: asked for again later, and nothing of ours is told."""
    assert smtp_code(desk, letter(f"{name}-smtp@globex.test", f"{name} smtp", ASKED)) == 451
    replies = desk.lmtp(
        letter(f"{name}-lmtp@globex.test", f"{name} lmtp", ASKED), to=(DESK, "help@acme.test")
    )
    assert [reply[:9] for reply in replies] == ["451 4.3.0"] * 2
    assert not any("database" in reply or "disk" in reply for reply in replies)


def assert_back(desk: Desk, name: str) -> None:
    """Mail is taken, worked on and answered again, without a restart."""
    mail = letter(f"{name}@globex.test", name, ASKED)
    until(lambda: smtp_code(desk, mail) == 250, "mail is taken again", 60)
    desk.gets(f"{name}@globex.test")


class OnPostgres(Desk):
    """A desk whose database is behind a wire; the test looks at it directly."""

    def __init__(self, folder: Path, relay: Relay, url: str, direct: str) -> None:
        self.direct = direct
        super().__init__(folder, relay, config=CONFIG.replace("sqlite:///var/maild.db", url))

    def check(self) -> list[str]:
        store = Store.open(self.direct, self.folder / "var/files")
        try:
            return store.check()
        finally:
            store.close()


def test_a_database_that_goes_and_comes_back(
    server: Server, wire: Wire, tmp_path: Path, world: Relay, desks: list[Desk]
) -> None:
    direct = server.url.render_as_string(hide_password=False)
    desk = OnPostgres(tmp_path / "desk", world, wire.url(server), direct)
    desks.append(desk)
    desk.start()
    desk.ask("first@globex.test", "First", ASKED)
    server.stop()
    assert_deferred(desk, "stopped")
    assert desk.deliver(letter("pipe@globex.test", "Pipe", ASKED)).returncode == 75
    server.start()
    assert_back(desk, "started")
    wire.go_silent()
    began = time.monotonic()
    assert smtp_code(desk, letter("silent@globex.test", "Silent", ASKED)) == 451
    assert time.monotonic() - began < SILENCE
    wire.speak()
    assert_back(desk, "heard")
    stop = threading.Event()

    def cutting() -> None:
        while not stop.wait(0.15):
            wire.cut()

    knife = threading.Thread(target=cutting)
    knife.start()
    mails = [
        letter(f"cut{n}@globex.test", f"Cut {n}", ASKED, attachments=FILM if n % 3 == 0 else ())
        for n in range(9)
    ]
    for mail in mails:
        until(lambda mail=mail: smtp_code(desk, mail) == 250, "it is taken between two cuts", 90)
    stop.set()
    knife.join(10)
    for mail in mails:
        desk.gets(str(mail["From"]))
    desk.quiet()
    assert desk.process is not None
    desk.maild("quarantine", "retry", "--all")
    desk.quiet()
    subjects = sorted(ticket["subject"] for ticket in desk.show("tickets"))
    assert subjects == sorted(["First", "started", "heard", *(f"Cut {n}" for n in range(9))])


def test_a_silent_server_is_noticed(
    server: Server, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "SILENT", 0.5)
    monkeypatch.setattr(answering, "PROBE", 2.0)
    server.make("silent")
    store = Store.open(f"{wire.url(server).removesuffix('postgres')}silent", tmp_path / "files")
    began = time.monotonic()

    def ask(seconds: float) -> None:
        with store.read() as work:
            work._connection.exec_driver_sql(f"SELECT pg_sleep({seconds})")

    ask(2.0)  # a server at work is waited for
    assert time.monotonic() - began >= 2
    sleeper = threading.Timer(0.3, wire.go_silent)
    sleeper.start()
    with pytest.raises(NotNow):
        ask(1.0)
    assert time.monotonic() - began < 30
    wire.speak()
    ask(0)
    store.close()


class Tmpfs:
    """A disk of 6 MB."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no small disk can be mounted: {done.stderr.decode().strip()}")

    def fill(self, desk: Desk) -> None:
        with (self._folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass

    def free(self, desk: Desk) -> None:
        (self._folder / "filler").unlink()

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self._folder)], check=True)


class Limit:
    """Files of the daemon's processes cannot grow: as full for them, also where nobody may mount a disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()

    def fill(self, desk: Desk) -> None:
        self._set(desk, 1)

    def free(self, desk: Desk) -> None:
        self._set(desk, resource.RLIM_INFINITY)

    def _set(self, desk: Desk, most: int) -> None:
        assert desk.process is not None
        for pid in (desk.process.popen.pid, *_children(desk.process.popen.pid)):
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))

    def close(self) -> None:
        pass


def _children(pid: int) -> list[int]:
    found = [
        int(one)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for one in (task / "children").read_text().split()
    ]
    return [*found, *(one for child in found for one in _children(child))]


@pytest.mark.parametrize("kind", [Tmpfs, pytest.param(Limit, marks=pytest.mark.long)])
def test_a_full_disk(
    kind: type[Tmpfs] | type[Limit], tmp_path: Path, world: Relay, desks: list[Desk]
) -> None:
    if kind is Tmpfs and os.getuid():
        pytest.skip("only root can mount a small disk")
    disk = kind(tmp_path / "disk")
    try:
        desk = Desk(tmp_path / "disk" / "desk", world)
        desk.start()
        desk.ask("first@globex.test", "First", ASKED)
        disk.fill(desk)
        assert_deferred(desk, "full")
        disk.free(desk)
        assert_back(desk, "freed")
        desk.quiet()
        assert sorted(ticket["subject"] for ticket in desk.show("tickets")) == ["First", "freed"]
        desk.end()
    finally:
        disk.close()


@pytest.mark.long
def test_a_database_that_somebody_else_keeps_locked(tmp_path: Path, world: Relay, desks: list[Desk]) -> None:
    desk = Desk(tmp_path / "desk", world)
    desks.append(desk)
    desk.start()
    desk.ask("first@globex.test", "First", ASKED)
    with contextlib.closing(sqlite3.connect(desk.folder / "var/maild.db", timeout=30)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        assert smtp_code(desk, letter("locked@globex.test", "Locked", ASKED)) == 451
        other.execute("ROLLBACK")
    assert_back(desk, "unlocked")
    assert sorted(ticket["subject"] for ticket in desk.show("tickets")) == ["First", "unlocked"]
