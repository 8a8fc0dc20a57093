"""Two nodes of one desk, each with a store of its own on one PostgreSQL database, at work at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from maild.desk.effects import Change
from maild.flow import Flow
from maild.processing import LEASE
from store import Collided, Contended, Store
from store.rows import Filter
from tests.flow import stage as s

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)

CARLA, DORA = "Carla <carla@globex.test>", "Dora <dora@globex.test>"
ASKED = "Hello, the printer on the second floor is on fire, please help us."
TURNS = (
    s.RULES
    + """\
rules:
  - {name: In turn, when: {team: null}, then: {team: support, assignee: round-robin}}
"""
)


class Two:
    """Both nodes. What the one keeps each of them may take."""

    def __init__(
        self, folder: Path, store: Store, url: str, rules: str = s.RULES, toml: str = s.MAILD_TOML
    ) -> None:
        self.stage = s.stage(folder, store, toml, rules)
        self.other = Store.open(url, folder / "files")
        flow = self.stage.flow
        self.flows = [
            Flow(flow.site, store, flow.clock, "one"),
            Flow(flow.site, self.other, flow.clock, "two"),
        ]

    def work(self) -> None:
        """Both at once, until nothing waits."""
        faults: list[BaseException] = []
        together = threading.Barrier(2)

        def run(flow: Flow) -> None:
            try:
                together.wait(10)
                for _ in range(200):
                    if not flow.work(4) and not self.waiting():
                        return
            except BaseException as fault:  # noqa: BLE001  shown by the test
                faults.append(fault)

        threads = [threading.Thread(target=run, args=(flow,)) for flow in self.flows]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert faults == []
        assert not self.waiting()

    def waiting(self) -> int:
        with self.stage.store.read() as work:
            return work.totals().waiting

    def tickets(self) -> list[Any]:
        with self.stage.store.read() as work:
            return work.tickets(Filter())


@pytest.fixture
def two(store: Store, store_url: str, tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path, store, store_url)
    yield made
    made.other.close()


def test_the_same_mail_on_both_at_once_is_one_message(two: Two) -> None:
    for number in range(6):
        raw = s.mail(CARLA, f"Fire {number}", f"{ASKED} {number}", number)
        for _ in range(2):
            two.stage.take(raw)
    two.work()
    assert sorted(ticket.subject for ticket in two.tickets()) == [f"Fire {number}" for number in range(6)]
    acknowledged = Counter(mail["Subject"] for _, mail in two.stage.sent() if mail["To"] == CARLA)
    assert set(acknowledged.values()) == {1}
    assert len(acknowledged) == 6


def test_mails_of_one_thread_on_both_at_once_all_join_it(two: Two) -> None:
    two.stage.take(s.mail(CARLA, "Fire", ASKED, 1))
    two.stage.work()
    for number in range(2, 10):
        raw = s.mail(
            CARLA,
            "Re: Fire",
            f"It still burns, number {number}.",
            number,
            headers=["References: <1@client.test>"],
        )
        two.stage.take(raw)
    two.work()
    [ticket] = two.tickets()
    with two.stage.store.read() as work:
        texts = [one.text for one in work.messages(ticket.id) if one.kind == "person"]
    assert len(texts) == len(set(texts)) == 9


def test_an_answer_does_not_overtake_the_mail_that_it_answers(two: Two) -> None:
    first = two.stage.take(s.mail(CARLA, "Fire", ASKED, 1))
    [claimed] = _claim(two, "one")
    assert claimed == first
    two.stage.take(s.mail(CARLA, "Re: Fire", "It burns still.", 2, headers=["References: <1@client.test>"]))
    assert two.flows[1].work() == 1
    assert two.tickets() == []
    with two.stage.store.work() as work:
        assert work.release_intake("one") == 1
    two.stage.pass_time(timedelta(seconds=1))
    two.stage.work()
    two.stage.pass_time(timedelta(seconds=1))
    two.stage.work()
    assert [ticket.subject for ticket in two.tickets()] == ["Fire"]
    with two.stage.store.read() as work:
        assert (
            next(one.from_address for one in work.messages(1) if one.kind == "person") == "carla@globex.test"
        )


def _claim(two: Two, node: str) -> list[int]:
    with two.stage.store.work() as work:
        return [row.id for row in work.claim_intake(node, two.stage.now[0], LEASE, 1)]


def test_both_count_the_mails_to_one_address(two: Two) -> None:
    for number in range(24):
        two.stage.take(s.mail(CARLA, f"Fire {number}", f"{ASKED} {number}", number))
    two.work()
    assert len(two.tickets()) == 24
    sent = [mail for _, mail in two.stage.sent() if mail["To"] == CARLA]
    assert len(sent) == two.flows[0].site.rulebook.limits.automatic_per_address_per_hour == 10


@pytest.mark.parametrize(("key", "senders"), [("domain", "globex.test"), ("all", "c{0}.test")])
def test_both_count_the_mails_to_a_domain_and_over_all(
    key: str, senders: str, store: Store, store_url: str, tmp_path: Path
) -> None:
    setting = {"domain": "automatic_per_domain_per_hour", "all": "automatic_per_hour"}[key]
    two = Two(tmp_path, store, store_url, toml=s.MAILD_TOML + f"[limits]\n{setting} = 5\n")
    for number in range(12):
        sender = f"carla{number}@{senders.format(number)}"
        two.stage.take(s.mail(sender, f"Fire {number}", f"{ASKED} {number}", number), sender=sender)
    two.work()
    assert len([mail for _, mail in two.stage.sent() if "carla" in mail["To"]]) == 5
    two.stage.pass_time(timedelta(hours=1, minutes=1))
    assert len([mail for _, mail in two.stage.sent() if "carla" in mail["To"]]) == 5
    two.other.close()


def test_turns_are_given_out_fairly(store: Store, store_url: str, tmp_path: Path) -> None:
    two = Two(tmp_path, store, store_url, TURNS)
    for number in range(16):
        sender = f"carla{number % 3}@globex.test"
        two.stage.take(s.mail(sender, f"Fire {number}", f"{ASKED} {number}", number), sender=sender)
    two.work()
    assert Counter(ticket.assignee for ticket in two.tickets()) == {"ana@acme.test": 8, "ben@acme.test": 8}
    two.other.close()


def test_too_many_notifications_become_a_digest_whoever_queues_them(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    two = Two(
        tmp_path, store, store_url, toml=s.MAILD_TOML + "[limits]\nnotifications_per_agent_per_hour = 6\n"
    )
    for number in range(16):
        sender = f"carla{number}@c{number}.test"
        two.stage.take(s.mail(sender, f"Fire {number}", f"{ASKED} {number}", number), sender=sender)
    two.work()
    told = Counter(mail["To"] for _, mail in two.stage.sent() if "acme.test" in mail["To"])
    assert set(told.values()) == {6}
    two.other.close()


def test_a_clock_that_two_pass_on_at_once_is_told_once(two: Two) -> None:
    two.stage.take(s.mail(CARLA, "Fire", ASKED, 1))
    two.stage.work()
    two.stage.sent()
    two.stage.pass_time(timedelta(minutes=11))
    threads = [threading.Thread(target=flow.tick) for flow in two.flows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    told = Counter(mail["To"] for _, mail in two.stage.sent())
    assert told
    assert set(told.values()) == {1}
    with two.stage.store.read() as work:
        assert [event.event for event in work.events(1)].count("breached") <= 1


def test_work_that_meets_another_node_is_committed_and_goes_on_later(two: Two) -> None:
    """In the middle of a batch nobody waits for another node's locks, so that two never wait for each other."""
    for number, sender in enumerate((CARLA, DORA)):
        two.stage.take(s.mail(sender, f"Fire {number}", f"{ASKED} {number}", number), sender=sender)
    taken: list[int] = []
    with two.other.work() as elsewhere:
        elsewhere.snapshot(_counted("dora@globex.test"), s.NOW)
        worker = threading.Thread(target=lambda: taken.append(two.flows[0].work()))
        worker.start()
        deadline = 200
        while not two.tickets() and deadline:
            worker.join(0.05)
            deadline -= 1
        assert [ticket.subject for ticket in two.tickets()] == ["Fire 0"]
        assert worker.is_alive()
    worker.join(30)
    assert taken == [2]
    assert [ticket.subject for ticket in two.tickets()] == ["Fire 0", "Fire 1"]


def test_in_a_crowded_transaction_nothing_is_waited_for(two: Two) -> None:
    with two.other.work() as elsewhere, two.stage.store.work() as work:
        elsewhere.snapshot(_counted("dora@globex.test"), s.NOW)
        work.crowded = True
        work.snapshot(_counted("carla@globex.test"), s.NOW)
        with pytest.raises(Contended), work.savepoint():
            work.snapshot(_counted("dora@globex.test"), s.NOW)


def _counted(address: str) -> Any:
    from maild.desk.snapshot import Wanted

    return Wanted(counted=(address,))


def test_two_that_wait_for_each_other_both_go_on(two: Two) -> None:
    """The server gives one of them up; that is no fault of the database's."""
    for number in (1, 2):
        two.stage.take(s.mail(CARLA, f"Fire {number}", f"{ASKED} {number}", number))
    two.stage.work()
    together = threading.Barrier(2)
    ended: list[str] = []

    def change(store: Store, first: int, second: int) -> None:
        try:
            with store.work() as work:
                work.change_ticket(first, (Change("priority", 3, 2),), s.NOW)
                together.wait(10)
                work.change_ticket(second, (Change("priority", 3, 1),), s.NOW)
            ended.append("done")
        except Collided:
            ended.append("collided")

    threads = [
        threading.Thread(target=change, args=(two.stage.store, 1, 2)),
        threading.Thread(target=change, args=(two.other, 2, 1)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ended) == ["collided", "done"]
