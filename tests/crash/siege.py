"""A desk under load whose processes, and whose relay, die at any moment; and what must hold when it is over."""

from __future__ import annotations

import os
import random
import re
import signal
import smtplib
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from maild import documents
from store import Store
from store.rows import Filter
from tests.way.desk import AGENTS, Desk, Done, spawn, until
from tests.way.letters import letter
from tests.way.relay import Relay

ASKED = "Hello, the roof of our shed leaks and the rain comes in. When can somebody come?"
PATIENCE = 120.0
_AWAY = (OSError, smtplib.SMTPException, EOFError)


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run, youngest last."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return [one for child in sorted(found) for one in (child, *children(child))]


class Client(threading.Thread):
    """Sends mails one after the other, each by one route, again and again until it hears that it was taken."""

    def __init__(self, desk: Desk, name: str, route: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.desk, self.route, self.over = desk, route, over
        self.prefix, self.accepted = name, list[EmailMessage]()

    def run(self) -> None:
        """Until it is over; the mail under way is brought to its end."""
        while not self.over.is_set():
            number = len(self.accepted)
            film = [("film.bin", "application/octet-stream", bytes(range(256)) * 600)]
            address = f"{self.prefix}-{number}@globex.test"
            mail = letter(address, f"Load {self.prefix}-{number}", f"{ASKED} {self.prefix}-{number}", attachments=film if number % 6 == 0 else ())  # fmt: skip
            deadline = time.monotonic() + PATIENCE
            while not self._taken(mail):
                assert time.monotonic() < deadline, f"nobody takes the mail of {address}"
                time.sleep(0.05)  # the daemon is away: as a mail server does, try again
            self.accepted.append(mail)

    def _taken(self, mail: EmailMessage) -> bool:
        try:
            if self.route == "smtp":
                self.desk.smtp(mail)
            elif self.route == "lmtp":
                return all(reply.startswith("250") for reply in self.desk.lmtp(mail))
            else:
                done: Done = self.desk.deliver(mail, run=spawn)
                assert done.returncode in (0, 75), done.stderr
                return done.returncode == 0
        except (*_AWAY, AssertionError):
            if self.route == "pipe":
                raise
            return False
        return True


@dataclass
class Siege:
    """`rounds` deaths of `desk` while clients send. `died`: how often what died."""

    desk: Desk
    relay: Relay
    moments: random.Random
    routes: tuple[str, ...] = ("smtp", "smtp", "lmtp", "pipe")
    died: Counter[str] = field(default_factory=Counter)

    def run(self, rounds: int, longest: float = 0.8) -> list[EmailMessage]:
        """The mails that were taken, after the last death and when all is processed and sent."""
        over = threading.Event()
        clients = [Client(self.desk, f"c{n}", route, over) for n, route in enumerate(self.routes)]
        for client in clients:
            client.start()
        try:
            for _ in range(rounds):
                self._round(longest)
        finally:
            over.set()
        for client in clients:
            client.join(PATIENCE)
            assert not client.is_alive()
        until(lambda: all(client.accepted for client in clients), "every client got a mail through")
        self._settle()
        return [mail for client in clients for mail in client.accepted]

    def _round(self, longest: float) -> None:
        time.sleep(self.moments.uniform(0.05, longest))
        what = self.moments.choice(("daemon", "daemon", "part", "relay"))
        process = self.desk.process
        assert process is not None
        parts = children(process.popen.pid)
        if what == "relay":
            self.relay.down()
            time.sleep(self.moments.uniform(0.0, 0.2))
            self.relay.up()
        elif what == "part" and parts:
            os.kill(self.moments.choice(parts), signal.SIGKILL)
        else:
            what = "daemon"
            self.desk.kill9()
            self.desk.start()
        self.died[what] += 1

    def _settle(self) -> None:
        """Mail in work at three deaths in a row may have been put aside: not lost."""
        self.desk.maild(
            "queue", "retry", "--all"
        )  # what waits because the relay was away need not wait longer
        self._rest()
        if self.desk.show("quarantine", "list"):
            assert self.desk.maild("quarantine", "retry", "--all").returncode == 0
            self._rest()

    def _rest(self) -> None:
        """Until no mail waits. A hundred rounds leave thousands: it lasts too long when nothing gets on any more."""
        before, deadline = (-1, -1), 0.0
        while True:
            status = self.desk.show("status")
            waiting = status["intake"]["waiting"] + status["outgoing"]["queued"]
            if not waiting:
                return
            if (waiting, len(self.relay.mails)) != before:
                before, deadline = (waiting, len(self.relay.mails)), time.monotonic() + PATIENCE
            assert time.monotonic() < deadline, (
                f"{waiting} mails do not get on: {status} {self.desk.show('queue', 'list')[:3]}"
            )
            time.sleep(0.1)


def assert_whole(desk: Desk, taken: list[EmailMessage]) -> None:
    """Each mail taken is one ticket with one message, acknowledged once and told once; copies of a mail are the same octets."""
    sent: dict[tuple[str, int], set[str]] = defaultdict(set)
    copies: dict[str, set[tuple[bytes, str, str]]] = defaultdict(set)
    for mail in desk.relay.mails:
        copies[mail["Message-ID"]].add((mail.raw, mail.sender, mail.recipient))
        if tag := re.search(
            r"#(\d+)\]", mail["Subject"]
        ):  # none in what is told of a mail that was put aside
            sent[mail.recipient, int(tag[1])].add(mail["Message-ID"])
    assert [mid for mid, different in copies.items() if len(different) > 1] == []
    store = Store.open(f"sqlite:///{desk.folder}/var/maild.db", desk.folder / "var/files")
    with store.read() as work:
        tickets = {one.requester.address: documents.of_ticket(work, one) for one in work.tickets(Filter())}
        number = len(work.tickets(Filter()))
    store.close()
    assert number == len(tickets)
    assert set(tickets) == {str(mail["From"]) for mail in taken}
    for mail in taken:
        ticket = tickets[str(mail["From"])]
        assert ticket is not None
        kinds = [(one["kind"], one["delivery"]) for one in ticket["messages"]]
        assert kinds == [("person", None), ("acknowledgement", "sent")], (ticket["id"], kinds)
        told = {to: sent[to, ticket["id"]] for to in (str(mail["From"]), *AGENTS)}
        assert all(len(mids) == 1 for mids in told.values()), (ticket["id"], told)
