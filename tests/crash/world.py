"""A desk in this process that may die at any step, and people who do not know: clients send again until they hear 250."""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeVar

from maild import documents
from maild.desk.facts import Envelope
from maild.errors import NotNow
from maild.flow import Flow
from maild.keeping import Kept
from maild.settling import SEND_LEASE, Delivered
from maild.site import Site
from store import Store
from store.rows import Filter, OutboxRow
from tests.crash.faults import Died, Faults
from tests.way.relay import Received

T = TypeVar("T")
NODE = "node"


class World:
    """`delivered`: every copy that reached somebody. `refused`: recipients that the relay refuses for good.

    When the process dies, all that it had in memory is gone; the store keeps nothing there, so it is used on.
    """

    def __init__(self, site: Site, folder: Path, url: str = "") -> None:
        self.now = datetime.now(UTC)
        self.site, self.faults = site, Faults()
        self.delivered: list[Received] = []
        self.refused: set[str] = set()
        self.store = Store.open(url or f"sqlite:///{folder}/maild.db", folder / "files")
        self.faults.watch(self.store)
        self._start()

    def _start(self) -> None:
        """The daemon starts, as `Daemon.run` does; it may die of that, too, and is started again."""
        self._unsettled: list[tuple[OutboxRow, Delivered]] = []
        self.flow = Flow(self.site, self.store, lambda: self.now, NODE)
        self.survive(self._take_over)

    def _take_over(self) -> None:
        """What it had in work is taken up again."""
        with self.store.work() as work:
            work.release_intake(NODE)
            work.release_outbox(NODE)

    def survive(self, step: Callable[[], T], between: Callable[[], None] = lambda: None) -> T:
        """Do it until it is done. A dead daemon is started again; after a fault everybody waits, longer than any lease."""
        while True:
            try:
                return step()
            except Died:
                self._start()
            except NotNow:
                self.now += SEND_LEASE + timedelta(minutes=1)
            between()

    def accept(self, mail: EmailMessage) -> None:
        """A client hands the mail over, until it is taken; the desk does not wait for the next attempt."""
        raw = mail.as_bytes()
        sha256 = hashlib.sha256(raw).hexdigest()
        envelope = Envelope(str(mail["From"]), ("support@acme.test",), "smtp", "192.0.2.1", self.now)

        def keep() -> None:
            self.flow.keep([Kept(io.BytesIO(raw), len(raw), sha256, envelope)])

        self.survive(keep, between=self.settle_down)

    @property
    def today(self) -> dict[str, str]:
        """The Date field of what is written now."""
        return {"Date": format_datetime(self.now)}

    def settle_down(self) -> None:
        """Process and send until nothing is left to do; a mail that fails is tried again while time goes on."""
        for _ in range(100):
            if not self._anything_left():
                return
            self.now += timedelta(seconds=10)
            self.survive(self.flow.work)
            self.survive(self._send)
        raise AssertionError("it does not come to rest")

    def _anything_left(self) -> bool:
        with self.faults.off(), self.store.read() as work:
            totals = work.totals()
        return bool(totals.waiting or totals.queued)

    def _send(self) -> None:
        if not self._unsettled:
            for out in self.flow.outgoing(5):
                self._unsettled.append((out.row, self._deliver(out.row, out.sender)))
        if self._unsettled:
            self.flow.settle(self._unsettled)
            self._unsettled = []

    def _deliver(self, row: OutboxRow, sender: str) -> Delivered:
        self.faults.step("before delivery")
        if row.recipient in self.refused:
            return Delivered("failed", "550 5.1.1 no such user")
        self.delivered.append(Received(sender, row.recipient, row.raw, 0.0))
        self.faults.step("after delivery")
        return Delivered("sent", "250 2.0.0 ok")

    def mails_to(self, address: str, ticket: int) -> list[Received]:
        """The mails that somebody has of a ticket, each once: copies must be the same to the last octet."""
        copies: dict[str, set[tuple[bytes, str]]] = defaultdict(set)
        first: dict[str, Received] = {}
        for mail in self.delivered:
            if mail.recipient == address and mail.number == ticket:
                copies[mail["Message-ID"]].add((mail.raw, mail.sender))
                first.setdefault(mail["Message-ID"], mail)
        assert all(len(different) == 1 for different in copies.values()), "copies of one mail differ"
        return list(first.values())

    def tickets(self, requester: str) -> list[dict[str, Any]]:
        """The tickets of somebody, whole, as programs see them."""
        with self.faults.off(), self.store.read() as work:
            found = [documents.of_ticket(work, one) for one in work.tickets(Filter(requester=requester))]
        return [one for one in found if one is not None]

    def end(self) -> None:
        """Nothing is untrue in the store, nothing was put aside."""
        with self.faults.off():
            problems = self.store.check()
            with self.store.read() as work:
                aside = work.quarantined()
        self.store.close()
        assert problems == []
        assert aside == []
