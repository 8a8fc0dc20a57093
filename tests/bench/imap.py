"""How fast a full mailbox is fetched: `python -m tests.bench.imap [MAILS]` (default 10000), from Dovecot by a daemon on SQLite.

Prints for each tenth of the mails how many were fetched, kept and moved in a second while the daemon worked on them as well; how long that took
in all, and until all were worked on; and the most that was held in memory (MiB): by the process that fetches, and by it, the worker and its reader,
who has 80 of them for the languages he knows.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from maild.intake.imap.uids import Uids
from store import Store
from tests.bench.mails import mails
from tests.crash.load import MEBIBYTE, resident
from tests.intake.dovecot import PASSWORD, USER, Dovecot
from tests.way.desk import CONFIG, Desk
from tests.way.relay import Relay

_BATCH = 500
_SILENT = 300.0
"""Mails made at a time; seconds without progress after which it is given up."""

_TABLE = f"""
[[imap]]
name = "support"
host = "127.0.0.1"
port = %d
tls = "none"
user = "{USER}"
password_file = "imap.password"
then = "move:Archive"
start = "all"
"""


class Watched:
    """A running desk: how far it is, and the most octets that were held by the process that fetches (`alone`), and by all of them with shared
    pages counted once (`shares`) and for each (`whole`)."""

    def __init__(self, desk: Desk) -> None:
        self.alone = self.shares = self.whole = 0
        assert desk.process is not None
        self.pid = desk.process.popen.pid
        self.store = Store.open(f"sqlite:///{desk.folder}/var/maild.db", desk.folder / "var/files")

    def taken(self) -> int:
        """Mails that were kept."""
        with self.store.read() as work:
            row = work.mailbox("support")
        return len(Uids.parse(row.taken)) if row is not None else 0

    def worked(self) -> int:
        """Mails that were worked on."""
        with self.store.read() as work:
            return self.taken() - work.totals().waiting

    def until(self, number: Callable[[], int], wanted: int) -> float:
        """The time at which the number is reached."""
        seen, at = -1, time.monotonic()
        while (found := number()) < wanted:
            if found != seen:
                seen, at = found, time.monotonic()
            assert time.monotonic() - at < _SILENT, (
                f"{found} of {wanted} mails, and no more in {_SILENT:.0f} s"
            )
            whole, shares = resident(self.pid)
            self.whole, self.shares = max(self.whole, whole), max(self.shares, shares)
            self.alone = max(self.alone, resident(self.pid, alone=True)[0])
            time.sleep(0.25)  # to look at the memory takes its time, too
        return time.monotonic()


def fill(server: Dovecot, count: int) -> None:
    """Put so many mails into the mailbox."""
    for first in range(0, count, _BATCH):
        server.put(*(one.raw for one in mails(min(_BATCH, count - first), seed=1 + first)))


def fetch(desk: Desk, server: Dovecot, count: int) -> None:
    """Start the desk on the full mailbox and print what comes of it."""
    desk.start(by_exec=True)
    began = before = time.monotonic()
    watched = Watched(desk)
    try:
        for tenth in range(1, 11):
            here = count * tenth // 10
            now = watched.until(watched.taken, here)
            print(f"{here:6} mails: {(here - count * (tenth - 1) // 10) / (now - before):5.0f}/s", flush=True)
            before = now
        moved = watched.until(lambda: count - len(server.uids()), count) - began
        print(f"fetched, kept and moved in {moved:.0f} s: {count / moved:.0f}/s", flush=True)
        worked = watched.until(watched.worked, count) - began
        print(f"worked on in {worked:.0f} s: {count / worked:.0f}/s")
        alone, shares, whole = (
            octets / MEBIBYTE for octets in (watched.alone, watched.shares, watched.whole)
        )
        print(
            f"memory at most: {alone:.0f} MiB where it is fetched, {shares:.0f} in all ({whole:.0f} with shared pages counted for each)"
        )
        assert len(server.uids("Archive")) == count
        with watched.store.read() as work:
            assert work.unfetched("support") == {}
    finally:
        watched.store.close()
        desk.end()


def main(count: int) -> None:
    relay, server = Relay(), Dovecot(storage="100G")
    try:
        server.start()
        fill(server, count)
        with tempfile.TemporaryDirectory() as name:
            desk = Desk(Path(name) / "desk", relay, config=CONFIG + _TABLE % server.plain)
            (desk.folder / "imap.password").write_text(PASSWORD)
            fetch(desk, server, count)
    finally:
        relay.close()
        server.end()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
