"""Fetching from pymap, which forgets all mail when it ends and then begins with another UIDVALIDITY."""

from __future__ import annotations

import contextlib
import imaplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.intake.dovecot import free_port
from tests.intake.mailboxes import SECONDS, Box, box, until
from tests.intake.test_imap_fetching import letter

__all__ = ["box"]
USER, PASSWORD = "demouser", "demopass"


@contextlib.contextmanager
def pymap(port: int) -> Iterator[None]:
    """The server, with the mails of its demonstration in it."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from pymap.main import main; main()", "--host", "127.0.0.1", "--port", str(port), "--no-tls", "--no-service", "managesieve", "--no-service",
         "admin", "dict", "--demo-data"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, "pymap does not start"
            assert time.monotonic() < deadline, "pymap does not answer"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait(SECONDS)


def put(port: int, mail: bytes) -> None:
    client = imaplib.IMAP4("127.0.0.1", port, timeout=SECONDS)
    client.login(USER, PASSWORD)
    client.append("INBOX", "", None, mail)  # type: ignore[arg-type]
    client.logout()


def count(port: int, mailbox: str) -> int:
    client = imaplib.IMAP4("127.0.0.1", port, timeout=SECONDS)
    try:
        client.login(USER, PASSWORD)
        return int(client.select(mailbox)[1][0] or 0)  # type: ignore[arg-type]
    finally:
        client.logout()


async def test_a_mailbox_that_is_another_after_each_restart(box: Box) -> None:
    port = free_port()
    box.set_up(port, user=USER, then="move:Sent", timeout="10s")
    (box.folder / "password").write_text(PASSWORD)
    again = letter("One")
    async with box.reading():
        with pymap(port):
            await box.quiet()
            there = count(port, "INBOX")
            assert there > 0, "the demonstration's mails are older than we are"
            put(port, again)
            await until(lambda: box.subjects() == ["One"], "it is announced and taken")
            await until(lambda: count(port, "INBOX") == there, "and moved")
        await until(lambda: box.state.error, "the end is noticed")
        with pymap(port):
            put(port, again)
            put(port, letter("Two"))
            await until(lambda: "Two" in box.subjects(), "it is read again")
            await box.quiet()
    assert box.subjects() == ["One", "Two"]
    assert box.routes(1) == ["imap:support"] * 2
