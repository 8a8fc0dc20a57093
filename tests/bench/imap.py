"""How fast a full mailbox is fetched: `python -m tests.bench.imap [MAILS]` (default 10000), from Dovecot into SQLite, with memory at its most."""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from store import Store
from tests.intake.dovecot import Dovecot
from tests.intake.mailboxes import Box
from tests.intake.test_imap_fetching import letter


async def fetch(count: int) -> None:
    """Put so many mails into a mailbox, fetch and move all of them, and print what that took."""
    server = Dovecot()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store.open(f"sqlite:///{folder}/var/maild.db", folder / "files")
        try:
            server.start()
            server.put(
                *(
                    letter(f"Number {number}", number, f"It is number {number}.")
                    for number in range(1, count + 1)
                )
            )
            box = Box(folder, store).set_up(server.plain, start="all", then="move:Archive")
            began = time.perf_counter()
            async with box.reading():
                await box.quiet(3600)
                seconds = time.perf_counter() - began
            with store.read() as work:
                assert work.totals().waiting == count
            assert len(server.uids("Archive")) == count
        finally:
            store.close()
            server.end()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count} mails in {seconds:.1f} s: {count / seconds:.0f}/s fetched, kept and moved; {most:.0f} MB at most"
    )


if __name__ == "__main__":
    asyncio.run(fetch(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
