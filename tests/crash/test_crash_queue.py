"""A relay that is away for long: thousands of mails wait, nothing else is slower for it, it is told, and they go when the relay is back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maild.daemon.running import Running
from maild.daemon.sending import Sending
from maild.delivery import send
from maild.desk.facts import Address
from maild.settling import Delivered
from maild.show_status import status_document
from store import Store
from store.rows import HeldBack, Node
from tests.flow import stage as s
from tests.store.samples import mail
from tests.way.relay import Relay

MANY = 2000
SENT = 600
AWAY = Delivered("later", "127.0.0.1:25: nobody listens there", of="relay")


def queue(store: Store, first: int, number: int) -> None:
    """So many mails to people in many domains, due now."""
    with store.work() as work:
        for n in range(first, first + number):
            person = work.person(Address(f"Customer {n}", f"c{n}@d{n % 97}.test"))
            work.queue([mail(person, n, due_at=s.NOW, created_at=s.NOW, raw=f"Subject: {n}\r\n\r\nHello.\r\n".encode())])  # fmt: skip


def statements(store: Store, act: Callable[[], object]) -> int:
    before = store.counts.statements
    act()
    return store.counts.statements - before


def test_what_waits_makes_nothing_dearer(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    numbers = iter(range(1, 100))

    def arrival() -> None:
        number = next(numbers)
        desk.take(s.mail(f"a{number}@globex.test", f"Printer {number}", "It burns.", number), sender=f"a{number}@globex.test")  # fmt: skip
        desk.work()

    def attempt() -> None:
        claimed = desk.flow.outgoing(20)
        assert len(claimed) == 20
        desk.flow.settle([(one.row, AWAY) for one in claimed])

    def look() -> None:
        with store.read() as work:
            work.totals()
            work.next_due(desk.now[0])

    for number in (1, 2):
        arrival()
        queue(store, 1000 * number, 50)
        attempt()
    few = [statements(store, act) for act in (arrival, attempt, look)]
    queue(store, 5000, MANY)
    many = [statements(store, act) for act in (arrival, attempt, look)]
    assert many == few
    claimed = Counter(one.row.attempts for _ in range(10) for one in desk.flow.outgoing(20))
    assert set(claimed) == {1, 2}, "to find no relay there is no attempt"
    with store.read() as work:
        told = status_document([], work.totals(), HeldBack({}, 0, 0, 0), {}, desk.now[0])
        tickets = sum(told["tickets"].values())
    assert (told["outgoing"]["queued"], tickets) == (MANY + 100 + 4 * 4, 4)
    assert told["outgoing"]["oldest"].startswith("2026-03-02T09:00:00")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_they_go_when_the_relay_is_back(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "AWAY_SECONDS", (0.3,))
    relay = Relay()
    here = f'address = "127.0.0.1:{relay.port}"\ntls = "none"'
    desk = s.stage(tmp_path, store, s.MAILD_TOML.replace('address = "127.0.0.1:2526"', here))
    running = Running(desk.flow, lambda: desk.now[0])
    sending = Sending(running)
    await asyncio.to_thread(queue, store, 1, SENT)
    relay.down()
    loop = asyncio.create_task(sending.run())
    try:
        while not sending.relays()[0]["away"]:
            await asyncio.sleep(0.01)
        before = store.counts.commits
        for number in range(3):
            desk.take(s.mail("carla@globex.test", f"Fire {number}", "It burns.", 9000 + number))
            await asyncio.to_thread(desk.work)
            running.mail_waits.set()
        kept = store.counts.commits - before
        await asyncio.sleep(1.0)
        assert store.counts.commits - before < kept + 40, "it looks for the relay, not for mail"
        node = Node("one", 1, "1", s.NOW, s.NOW, {"relays": sending.relays()})
        with store.read() as work:
            told: dict[str, Any] = status_document([node], work.totals(), HeldBack({}, 0, 0, 0), {}, s.NOW)
        assert "onnect" in told["nodes"][0]["relays"][0]["away"]
        assert told["outgoing"]["queued"] == SENT + 3 * 4
        relay.up()
        await asyncio.to_thread(relay.wait_for_some, lambda _: True, SENT + 3 * 4)
        assert sending.relays()[0]["away"] is None
    finally:
        running.stop()
        await loop
        relay.close()
    assert Counter(one.raw for one in relay.mails).most_common(1)[0][1] == 1
    with store.read() as work:
        assert work.outbox(("queued", "sending", "failed")) == []
        assert {one.attempts for one in work.outbox(("sent",))} <= {1, 2}
