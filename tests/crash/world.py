"""A desk in this process that may die at any step, and people who do not know: clients send again until they hear 250."""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

from maild import documents
from maild.desk.facts import Envelope
from maild.errors import NotNow
from maild.flow import SEND_LEASE, Delivered, Flow, Kept
from maild.site import Site
from store import Store
from store.rows import OutboxRow
from tests.crash.faults import Died, Faults
from tests.way.relay import Received

T = TypeVar("T")
NODE = "node"


class World:
    """`delivered`: every copy that reached somebody. `refused`: recipients that the relay refuses for good."""

    def __init__(self, site: Site, folder: Path, faults: Faults) -> None:
        self.now = datetime.now(UTC)
        self.site, self.folder, self.faults = site, folder, faults
        self.delivered: list[Received] = []
        self.refused: set[str] = set()
        self._unsettled: list[tuple[OutboxRow, Delivered]] = []
        self._start()

    def _start(self) -> None:
        """The daemon starts, as `Daemon.run` does; it may die of that, too, and is started again."""
        self._unsettled = []
        self.store = Store.open(f"sqlite:///{self.folder}/maild.db", self.folder / "files")
        self.faults.watch(self.store)
        self.flow = Flow(self.site, self.store, lambda: self.now, NODE)
        self.survive(self._take_over)

    def _take_over(self) -> None:
        """What it had in work is taken up again."""
        with self.store.work() as work:
            work.release_intake(NODE)
            work.release_outbox(NODE)

    def survive(self, step: Callable[[], T]) -> T:
        """Do it until it is done. A dead daemon is started again; after a fault everybody waits, longer than any lease."""
        while True:
            try:
                return step()
            except Died:
                self.store.close()
                self._start()
            except NotNow:
                self.now += SEND_LEASE + timedelta(minutes=1)

    def accept(self, mail: EmailMessage) -> None:
        """A client hands the mail over, until it is taken."""
        raw = mail.as_bytes()
        envelope = Envelope(str(mail["From"]), ("support@acme.test",), "smtp", "192.0.2.1", self.now)
        self.survive(lambda: self.flow.keep([Kept(io.BytesIO(raw), len(raw), hashlib.sha256(raw).hexdigest(), envelope)]))  # fmt: skip

    def settle_down(self) -> None:
        """Process and send until nothing is left to do."""
        while self._anything_left():
            self.survive(self.flow.work)
            self.survive(self._send)

    def _anything_left(self) -> bool:
        with self.faults.off(), self.store.read() as work:
            totals = work.totals()
        return bool(totals.waiting or totals.queued)

    def _send(self) -> None:
        if not self._unsettled:
            for out in self.flow.outgoing(5):
                self.faults.step("before delivery")
                kind = "failed" if out.row.recipient in self.refused else "sent"
                if kind == "sent":
                    self.delivered.append(Received(out.sender, out.row.recipient, out.row.raw, 0.0))
                self.faults.step("after delivery")
                self._unsettled.append((out.row, Delivered(kind, "550 5.1.1 no" if kind == "failed" else "250 ok")))  # fmt: skip
        if self._unsettled:
            self.flow.settle(self._unsettled)
            self._unsettled = []

    def mails_to(self, address: str) -> list[Received]:
        """The mails somebody has, each once: copies must be the same to the last octet."""
        copies: dict[str, set[tuple[bytes, str]]] = defaultdict(set)
        first: dict[str, Received] = {}
        for mail in self.delivered:
            if mail.recipient == address:
                copies[mail["Message-ID"]].add((mail.raw, mail.sender))
                first.setdefault(mail["Message-ID"], mail)
        assert all(len(different) == 1 for different in copies.values()), "copies of one mail differ"
        return list(first.values())

    def tickets(self) -> list[dict[str, Any]]:
        """All tickets whole, as programs see them."""
        with self.faults.off(), self.store.read() as work:
            found = [documents.whole(work, number) for number in range(1, 10)]
        return [one for one in found if one is not None]

    def close(self) -> None:
        self.store.close()
