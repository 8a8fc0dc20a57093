"""The real daemon and a real mailbox: answers reach it there, it may die at any moment, and it says how its mailboxes are."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from store import Store
from tests.intake.dovecot import PASSWORD, USER, Dovecot
from tests.intake.imap_servers import Cuttable
from tests.way.desk import CONFIG, Desk, until
from tests.way.letters import letter

ASKED = "Our printer prints every page twice since this morning, can you help us please?"
MAILBOX = """
[[imap]]
name = "support"
host = "{host}"
port = {port}
{tls}
user = "{user}"
password_file = "imap.password"
then = "move:Archive"
timeout = "5s"
{more}
"""


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot()
    try:
        server.start()
        yield server
    finally:
        server.end()


def mailbox(new_desk: Callable[..., Desk], port: int, *, tls: str = 'tls = "none"', host: str = "127.0.0.1", more: str = "") -> Desk:  # fmt: skip
    """A desk that fetches from a mailbox as well."""
    table = MAILBOX.format(host=host, port=port, tls=tls, user=USER, more=more)
    desk = new_desk(config=CONFIG + table.replace("{", "{{").replace("}", "}}"))
    (desk.folder / "imap.password").write_text(PASSWORD)
    return desk


def state(desk: Desk) -> dict[str, object]:
    found = json.loads(desk.maild("status", "--json").stdout)
    boxes = [box for node in found["nodes"] for box in node.get("mailboxes", [])]
    return boxes[0] if boxes else {}


def read_at(desk: Desk) -> datetime | None:
    """When the mailbox was last read to its end: as the store has it, for `status` is only told every few seconds."""
    store = Store.open(f"sqlite:///{desk.folder}/var/maild.db", desk.folder / "var/files")
    try:
        with store.read() as work:
            row = work.mailbox("support")
        return row.read_at if row is not None else None
    finally:
        store.close()


def started(desk: Desk) -> None:
    """It runs, and its mailbox is read."""
    before = datetime.now(UTC)
    desk.start()
    until(lambda: (at := read_at(desk)) is not None and at > before, "the mailbox is read")


class Way(threading.Thread):
    """A connection that can be cut, beside the test."""

    def __init__(self, way: Cuttable) -> None:
        super().__init__(daemon=True)
        self.way, self.port = way, 0
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._over = asyncio.Event()
        self.start()
        assert self._ready.wait(10)

    def run(self) -> None:
        async def serve() -> None:
            async with self.way.serving() as self.port:
                self._ready.set()
                await self._over.wait()

        self._loop.run_until_complete(serve())
        self._loop.close()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self.join(10)


def test_a_conversation_by_way_of_a_mailbox(dovecot: Dovecot, new_desk: Callable[..., Desk]) -> None:
    desk = mailbox(new_desk, dovecot.tls, tls=f'tls = "implicit"\nca_file = "{dovecot.ca}"', host="localhost")
    assert desk.maild("check").returncode == 0
    dovecot.put(letter("old@globex.test", "Long ago", ASKED).as_bytes())
    started(desk)
    request = letter("eva@globex.test", "By mailbox", ASKED)
    dovecot.put(request.as_bytes())
    acknowledged = desk.gets("eva@globex.test")
    assert acknowledged["In-Reply-To"] == request["Message-ID"]
    assert acknowledged.number == 1
    until(lambda: len(dovecot.uids()) == 1, "it is moved")
    desk.smtp(request)
    desk.quiet()
    assert len(desk.show("tickets")) == 1
    assert desk.relay.to("old@globex.test") == []
    until(lambda: state(desk).get("state") == "idle", "status says that it is read")
    said = desk.maild("status").stdout.decode()
    assert "mailbox support: idle, last read 20" in said
    began = time.monotonic()
    desk.stop()
    assert time.monotonic() - began < 10
    started(desk)
    assert len(desk.show("tickets")) == 1


@pytest.mark.parametrize(
    "hold", [r"UID MOVE", pytest.param(r"UID FETCH \d+ \(UID BODY", marks=pytest.mark.long)]
)
def test_the_daemon_is_killed_around_the_commit(
    dovecot: Dovecot, new_desk: Callable[..., Desk], hold: str
) -> None:
    way = Way(Cuttable(dovecot.plain, hold=hold))
    try:
        desk = mailbox(new_desk, way.port)
        started(desk)
        dovecot.put(letter("eva@globex.test", "Once", ASKED).as_bytes())
        until(way.way.held.is_set, "the daemon is where it is to die")
        desk.kill9()
        assert len(dovecot.uids()) == 1
        way.way.hold = ""
        desk.start()
        assert desk.gets("eva@globex.test").number == 1
        until(lambda: not dovecot.uids(), "it is moved after all")
        desk.quiet()
        assert len(dovecot.uids("Archive")) == 1
        assert [one["subject"] for one in desk.show("tickets")] == ["Once"]
        assert len(desk.relay.to("eva@globex.test")) == 1
    finally:
        way.end()


def test_a_mailbox_that_cannot_be_read_is_told_by_mail_and_in_status(
    dovecot: Dovecot, new_desk: Callable[..., Desk]
) -> None:
    desk = mailbox(new_desk, dovecot.plain, more='stale_after = "2s"\npoll = "1s"')
    started(desk)
    dovecot.kill()
    stale = desk.gets("chen@acme.test", lambda mail: "has not been read since" in mail.text)
    assert "mailbox 'support'" in stale.text
    found = until(lambda: state(desk).get("error") and state(desk), "status says so")
    assert (found["state"], found["error_at"] is None) == ("failing", False)
    assert "refused" in desk.maild("status").stdout.decode()
    _, mail = desk.ask("eva@globex.test", "By SMTP", ASKED)
    assert mail.number == 1
    assert len([mail for mail in desk.relay.to("chen@acme.test") if "has not been read" in mail.text]) == 1
    dovecot.start()
    desk.gets("chen@acme.test", lambda mail: "is read again since" in mail.text)
