"""`maild import` that is killed and begun again, and one beside a running daemon: every mail is there once, and nobody is written to."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maild import bringing, importing
from maild.parsing import InProcess
from store import Store
from store.rows import Filter
from tests.crash.faults import Faults
from tests.way.desk import AGENTS, Desk, maild, starter, until
from tests.way.desk import environment as around
from tests.way.letters import letter
from tests.way.relay import Relay

MARCH = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
ASKED = "Hello, the fire door does not close any more. Could somebody look at it, please?"


def archive(folder: Path, threads: int) -> Path:
    """Conversations: a request, what the desk wrote, the customer's answer."""
    folder.mkdir()
    for thread in range(threads):
        carla, desk, chain = f"old{thread}@globex.test", "support@acme.test", ""
        for number, (sender, to) in enumerate(((carla, desk), (desk, carla), (carla, desk))):
            date = (MARCH + timedelta(hours=10 * number + thread)).strftime("%a, %d %b %Y %H:%M:%S +0000")
            own = f"<{thread}.{number}@old.test>"
            lines = [f"From: {sender}", f"To: {to}", f"Subject: Old {thread}", f"Message-ID: {own}", f"Date: {date}"]  # fmt: skip
            lines += [f"References: {chain}"] if chain else []
            text = f"{ASKED} This is letter {number} of {thread}."
            (folder / f"{thread:03}-{number}.eml").write_bytes("\r\n".join([*lines, "", text, ""]).encode())
            chain = f"{chain} {own}".strip()
    return folder


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{folder}/var/maild.db", folder / "var/files")
    try:
        yield store
    finally:
        store.close()


def imported(folder: Path) -> int:
    """How many mails of the archive are in."""
    with opened(folder) as store, store.read() as work:
        return sum(len(work.messages(one.id)) for one in work.tickets(Filter()) if "Old " in one.subject)


def assert_once(folder: Path, threads: int, known: tuple[str, ...] = (), live: str = "") -> None:
    """Each conversation is one ticket with its three messages, and nothing of it goes out. `known`: who was written to for another cause;
    `live`: the subject of one whose first mail may have come now."""
    with opened(folder) as store:
        assert store.check() == []
        with store.read() as work:
            tickets = [one for one in work.tickets(Filter()) if one.subject.startswith("Old ")]
            assert Counter(one.subject for one in tickets) == Counter(f"Old {n}" for n in range(threads))
            for ticket in tickets:
                texts = [one.text.partition("letter ")[2][:1] for one in work.messages(ticket.id)]
                came_now = ticket.subject == live and texts[-1] == "0"
                assert (sorted(texts) if came_now else texts) == ["0", "1", "2"], (ticket.id, texts)
                assert ticket.clock_at is None or came_now
            mails = work.outbox(("queued", "sending", "sent", "failed"))
            assert [one.recipient for one in mails if one.recipient not in known] == []
            assert work.quarantined() == []


class Here(InProcess):
    """Reads in the process that is killed."""

    def close(self) -> None:
        pass


def test_killed_at_any_step_and_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert maild("init", cwd=tmp_path).returncode == 0
    config = tmp_path / "maild.toml"
    config.write_text(config.read_text().replace("support@example.test", "support@acme.test"))
    folder = archive(tmp_path / "old", 8)
    monkeypatch.setattr(bringing, "InWorker", Here)
    monkeypatch.setattr(importing, "MAILS", 5)
    monkeypatch.setattr(importing, "HELD", 0.0)
    assert maild("tickets", cwd=tmp_path).returncode == 0
    faults, killed = Faults(), 0
    with faults.watching_databases(monkeypatch):
        for at in (("before commit", 2), ("after commit", 3), ("statement RELEASE SAVEPOINT part", 3), ("before commit", 4), ("after commit", 1)):  # fmt: skip
            before = imported(tmp_path)
            killed += faults.killed(at, lambda: maild("import", str(folder), cwd=tmp_path))
            assert imported(tmp_path) >= before
    now = letter("now@globex.test", "Now", ASKED)
    assert maild("deliver", cwd=tmp_path, stdin=now.as_bytes()).returncode == 0
    assert killed == 5
    assert 0 < imported(tmp_path) < 24
    done = maild("import", str(folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_once(tmp_path, 8, known=("now@globex.test", "ana@example.test"))


@pytest.mark.long
def test_killed_beside_a_running_daemon_that_goes_on_taking_mail(tmp_path: Path) -> None:
    threads, relay = 36, Relay()
    desk = Desk(tmp_path / "desk", relay)
    folder = archive(tmp_path / "old", threads)
    words = ["--config", str(desk.config), "import", str(folder)]
    try:
        desk.start()
        for number, least in enumerate((3, 30)):
            process = starter().start(words, around())
            until(lambda least=least: imported(desk.folder) >= least, "some of it is in")
            desk.smtp(letter(f"now{number}@globex.test", "Now", ASKED))
            process.kill()
            process.wait(30)
            process.stderr.close()
            assert imported(desk.folder) < 3 * threads
            desk.gets(f"now{number}@globex.test")
        # A mail of the archive comes by SMTP while it is imported.
        desk.smtp((folder / "035-0.eml").read_bytes(), sender="old35@globex.test")
        process = starter().start(words, around())
        desk.ask("now2@globex.test", "Now", ASKED)
        assert process.wait(60) == 0, process.stderr.read().decode()
        process.stderr.close()
        desk.quiet()
        live = tuple(f"now{number}@globex.test" for number in range(3))
        assert_once(desk.folder, threads, (*live, *AGENTS), live="Old 35")
        assert {mail.recipient for mail in relay.mails} == {*live, *AGENTS}
        told = {mail["Subject"] for mail in relay.mails if mail.recipient in AGENTS}
        assert {subject.partition("] ")[2] for subject in told} <= {"Now", "Old 35"}
    finally:
        desk.end()
        relay.close()
