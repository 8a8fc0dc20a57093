"""Storms and loops: desks and robots that answer each other fall silent, people who write much are heard, on each database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from maild.errors import NotNow
from maild.flow import Flow
from maild.settling import Outbound
from store import Store
from store.rows import Filter
from tests.flow import stage as s

ROBOT = "robot@globex.test"
ROUNDS = 40
Answering = Callable[[EmailMessage, int], tuple[bytes, str]]


@pytest.fixture
def other_store(tmp_path: Path) -> Iterator[Store]:
    """The store of a second desk."""
    opened = Store.open(f"sqlite:///{tmp_path}/other/maild.db", tmp_path / "other" / "files")
    yield opened
    assert opened.check() == []
    opened.close()


@pytest.mark.parametrize("bare", [False, True], ids=["as it is", "stripped of what says automatic"])
def test_two_desks_fall_silent(store: Store, other_store: Store, tmp_path: Path, bare: bool) -> None:
    """The second one's mails pass, if `bare`, through something that strips every header by which they are known as automatic."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    ours = s.stage(tmp_path / "one", store)
    theirs = s.stage(tmp_path / "two", other_store, s.MAILD_TOML.replace("acme", "bravo").replace("Acme", "Bravo"))  # fmt: skip
    ours.take(s.mail("Bravo <support@bravo.test>", "Hello", "Hello, is anybody there? We have a question."), sender="support@bravo.test")  # fmt: skip
    carried = 0
    for _ in range(ROUNDS):
        moved = 0
        for one, other, address in ((ours, theirs, "@bravo.test"), (theirs, ours, "@acme.test")):
            one.work()
            for outbound, mail in one.sent():
                if outbound.row.recipient.endswith(address) and outbound.row.recipient.startswith("support"):
                    raw = stripped(mail) if bare and one is theirs else outbound.row.raw
                    other.take(raw, outbound.row.recipient, sender=outbound.sender or "support@nowhere.test")
                    moved += 1
        carried += moved
        if not moved:
            break
    assert not moved
    assert carried <= (4 if bare else 2)


def stripped(mail: EmailMessage) -> bytes:
    for name in ("Auto-Submitted", "Precedence", "X-Auto-Response-Suppress"):
        del mail[name]
    return mail.as_bytes()


def headers(mail: EmailMessage, number: int) -> tuple[bytes, str]:
    """A robot by the book (RFC 3834)."""
    lines = ["Auto-Submitted: auto-replied", f"In-Reply-To: {mail['Message-ID']}"]
    to = mail["Reply-To"].addresses[0].addr_spec
    return s.mail(ROBOT, f"Auto: {mail['Subject']}", "We got your mail.", 100 + number, to, lines), to


def threaded(mail: EmailMessage, number: int) -> tuple[bytes, str]:
    """One that answers like a person."""
    return s.answer(mail, ROBOT, "Thanks a lot, somebody will look into it soon.", 100 + number)


def tagged(mail: EmailMessage, number: int) -> tuple[bytes, str]:
    """One that keeps nothing but the subject."""
    return s.mail(ROBOT, f"Re: {mail['Subject']}", "Thanks a lot, we will look into it.", 100 + number), "support@acme.test"  # fmt: skip


def alike(_: EmailMessage, number: int) -> tuple[bytes, str]:
    """One that strips headers and quotes and begins anew, always with the same words."""
    return s.mail(ROBOT, f"Case {number}", "Thanks a lot, we will look into it.", 100 + number), "support@acme.test"  # fmt: skip


def varied(_: EmailMessage, number: int) -> tuple[bytes, str]:
    """The same with other words each time."""
    text = f"Thanks a lot for your words; as our number {number * 7919} they will be looked into."
    return s.mail(ROBOT, f"Case {number}", text, 100 + number), "support@acme.test"


@pytest.mark.parametrize(
    ("answering", "pause", "most"),
    [(headers, 0, 1), (threaded, 0, 1), (tagged, 0, 1), (alike, 0, 10), (varied, 0, 10), (alike, 10, 11)],
    ids=["headers", "threaded", "tagged", "alike", "varied", "slowly alike"],
)
def test_a_desk_against_a_robot_that_answers_every_mail(
    store: Store, tmp_path: Path, answering: Answering, pause: int, most: int
) -> None:
    desk = s.stage(tmp_path, store)
    desk.take(s.mail(ROBOT, "Hello", "Hello, we would like to know your prices."), sender=ROBOT)
    got: list[Outbound] = []
    for number in range(ROUNDS):
        desk.work()
        mails = [(outbound, mail) for outbound, mail in desk.sent() if outbound.row.recipient == ROBOT]
        if not mails:
            break
        desk.pass_time(timedelta(minutes=pause))
        for outbound, mail in mails:
            raw, to = answering(mail, number)
            desk.take(raw, to, sender=ROBOT)
            got.append(outbound)
    assert not mails
    assert 1 <= len(got) <= most
    with store.read() as work:
        tickets = work.tickets(Filter())
        assert len(tickets) == (1 if most == 1 else len(got) + 1)
        assert all(str(ticket.state) == "new" for ticket in tickets)


MANY = 60


def test_a_person_who_writes_much_and_fast(store: Store, tmp_path: Path) -> None:
    """Acknowledgements stop at the bound, every mail is a ticket, agents get a digest of what was too much."""
    toml = s.MAILD_TOML + "[limits]\nnotifications_per_agent_per_hour = 5\n"
    desk = s.stage(tmp_path, store, toml)
    for number in range(MANY):
        desk.take(s.mail("Carla <carla@globex.test>", f"Case {number}", f"Hello, this is question number {number}, please help.", number))  # fmt: skip
    desk.work()
    sent = desk.sent()
    assert len([1 for one, _ in sent if one.row.recipient == "carla@globex.test"]) == 10
    assert len([1 for one, _ in sent if one.row.recipient == "ana@acme.test"]) == 5
    with store.read() as work:
        assert len(work.tickets(Filter())) == MANY
        assert sum(work.held_back(s.NOW - timedelta(hours=1)).not_sent.values()) == MANY - 10
        assert any(line.event == "not sent" for line in work.events(MANY))
    desk.pass_time(timedelta(hours=1, minutes=1))
    desk.flow.tick()
    digests = [mail for one, mail in desk.sent() if (one.row.recipient, one.row.kind) == ("ana@acme.test", "digest")]  # fmt: skip
    assert len(digests) == 1
    assert all(f"Case {number}" in s.text_of(digests[0]) for number in range(5, MANY))


def test_bounds_outlive_the_daemon(store: Store, tmp_path: Path) -> None:
    for round_ in range(4):
        desk = s.stage(tmp_path, store)
        for number in range(4):
            desk.take(s.mail("Carla <carla@globex.test>", f"Case {round_} {number}", f"Hello, question {round_} {number}", 10 * round_ + number))  # fmt: skip
        desk.work()
    assert len([1 for one, _ in desk.sent() if one.row.recipient == "carla@globex.test"]) == 10


def test_bounds_hold_for_all_nodes_together(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    for number in range(24):
        desk.take(s.mail("Carla <carla@globex.test>", f"Case {number}", f"Hello, this is question {number}", number))  # fmt: skip
    flows = [Flow(desk.flow.site, store, desk.flow.clock, name) for name in ("one", "two")]
    threads = [threading.Thread(target=work_off, args=(flow,)) for flow in flows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([1 for one, _ in desk.sent() if one.row.recipient == "carla@globex.test"]) == 10
    with store.read() as work:
        assert len(work.tickets(Filter())) == 24


def work_off(flow: Flow) -> None:
    """What a node does until nothing waits; a lost transaction is done again."""
    idle = 0
    while idle < 3:
        try:
            idle = 0 if flow.work(2) else idle + 1
        except NotNow:
            idle = 0
