"""What becomes of mail that cannot leave now: no relay there, a domain that takes none, a pause; on each database."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from maild.daemon.running import Running
from maild.daemon.sending import Sending
from maild.settling import Delivered
from store import Store
from tests.flow import stage as s

CARLA = "Carla <carla@globex.test>"
AWAY = Delivered("later", "no connection to the relay: refused", of="relay")
BUSY = Delivered("later", "451 4.7.1 too many mails", "4.7.1", "domain")
TAKEN = Delivered("sent", "250 ok")
ASKED = "Hello, the printer does not work since this morning. What can we do?"


def ask(desk: s.Stage, number: int = 1) -> None:
    desk.take(
        s.mail(f"c{number}@globex.test", f"Printer {number}", ASKED, number), sender=f"c{number}@globex.test"
    )
    desk.work()


def test_without_a_relay_mail_stays_due_for_five_days_however_often_it_was_tried(
    store: Store, tmp_path: Path
) -> None:
    desk = s.stage(tmp_path, store)
    ask(desk)
    queued = 0
    for _ in range(12):
        claimed = desk.flow.outgoing(50)
        queued = queued or len(claimed)
        assert len(claimed) == queued
        desk.flow.settle([(one.row, AWAY) for one in claimed])
        desk.now[0] += timedelta(minutes=7)
    later = Delivered("later", "450 4.2.0 greylisted")
    desk.flow.settle([(one.row, later) for one in desk.flow.outgoing(50)])
    with store.read() as work:
        waits = [row.due_at - desk.now[0] for row in work.outbox()]
    assert max(waits) < timedelta(minutes=2), "the first refusal by a relay is a first refusal"
    desk.now[0] += timedelta(days=5)
    desk.flow.settle([(one.row, AWAY) for one in desk.flow.outgoing(50)])
    with store.read() as work:
        assert {row.state for row in work.outbox() if row.kind == "acknowledgement"} == {"failed"}


def test_a_domain_that_defers_again_and_again_is_left_alone_and_the_others_are_not(
    store: Store, tmp_path: Path
) -> None:
    desk = s.stage(tmp_path, store)
    for number in range(1, 4):
        ask(desk, number)
    for _ in range(2):  # three mails wait, each of which is deferred
        claimed = desk.flow.outgoing(50)
        outcomes = [(one.row, BUSY if one.row.domain == "globex.test" else TAKEN) for one in claimed]
        desk.flow.settle(outcomes)
        desk.now[0] += timedelta(seconds=20)
    held = desk.flow.held_destinations()
    assert held == {"globex.test": BUSY.text}
    ask(desk, 4)
    ask(desk, 5)
    desk.take(s.mail("otto@other.test", "Another", ASKED, 99), sender="otto@other.test")
    desk.work()
    claimed = desk.flow.outgoing(50)
    assert {one.row.domain for one in claimed} == {"acme.test", "other.test"}
    desk.flow.settle([(one.row, TAKEN) for one in claimed])
    desk.now[0] += timedelta(minutes=1)
    claimed = desk.flow.outgoing(50)
    assert {one.row.domain for one in claimed} == {"globex.test"}
    desk.flow.settle([(claimed[0].row, TAKEN), *((one.row, BUSY) for one in claimed[1:2])])
    assert desk.flow.held_destinations() == {}, "what it takes ends it"


def test_a_pause_keeps_all_and_loses_nothing(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    with store.work() as work:
        work.pause_mail(None, desk.now[0])
    ask(desk)
    assert desk.flow.outgoing(50) == []
    assert desk.flow.held_destinations() == {None: "paused"}
    desk.now[0] += timedelta(days=30)
    with store.work() as work:
        work.resume_mail(None)
    assert {one.row.recipient for one in desk.flow.outgoing(50)} >= {"c1@globex.test"}


def test_a_mail_that_breaks_the_signer_holds_up_no_other(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    ask(desk)
    with store.read() as work:
        first, *others = [row.id for row in work.outbox()]
    asked: list[bytes] = []

    def sign(raw: bytes, at: datetime) -> bytes:
        asked.append(raw)
        if len(asked) == 1:
            raise MemoryError
        return raw

    sending = Sending(Running(desk.flow, lambda: desk.now[0]))
    sending._signer = SimpleNamespace(sign=sign)  # type: ignore[assignment]
    assert [one.row.id for one in sending._claim(10, [])] == others
    with store.read() as work:
        row = work.outbox_row(first)
    assert row is not None
    assert (row.state, row.reason, row.due_at > desk.now[0]) == (
        "queued",
        "a fault of maild: MemoryError",
        True,
    )
