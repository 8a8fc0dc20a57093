"""What reports are counted from, and the appointments of mails that come regularly."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maild.desk.chronicle import Spent
from maild.desk.effects import Change
from maild.desk.words import State
from store import Store, reports
from tests.store.samples import MINUTE, NOW, message, open_ticket

DAY = timedelta(days=1)


def filled(store: Store) -> None:
    """1 new, 2 solved yesterday, 3 solved long ago, 4 spam, 5 merged, 6 to come, 7 long open; 2 and 7 of another team."""
    with store.work() as work:
        for number in range(1, 8):
            at = NOW + DAY if number == 6 else NOW - 30 * DAY if number in (3, 7) else NOW - MINUTE
            open_ticket(work, received_at=at, created_at=at, team="second" if number in (2, 7) else "support")
        for number, state, at in (
            (2, State.SOLVED, NOW - DAY),
            (3, State.SOLVED, NOW - 20 * DAY),
            (4, State.SPAM, NOW),
            (5, State.MERGED, NOW),
        ):
            work.change_ticket(number, [Change("state", State.NEW, state)], at)
            if state is State.MERGED:
                work.change_ticket(number, [Change("merged_into", None, 1)], at)
            work.record(number, "ana@desk.test", "changed", {"state": ["new", str(state)]}, (), at)
        work.record(1, "ana@desk.test", "noted", {}, (), NOW)
        work.record(1, "ana@desk.test", "time", {"minutes": 5}, (), NOW)
        work.add_message(message(1, minutes=25, from_address="Ana@desk.test"))
        work.add_message(message(1))
        work.add_message(message(None))  # fmt: skip


def numbers(store: Store, since: timedelta, teams: tuple[str, ...] | None = None) -> list[int]:
    with store.read() as work:
        return [one.ticket.id for one in work.chronicles(NOW - since, NOW, teams)]


@pytest.mark.parametrize("page", [500, 1, 2])
def test_the_tickets_of_a_period(store: Store, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(reports, "_PAGE", page)
    filled(store)
    assert numbers(store, 7 * DAY) == [1, 2, 7]
    assert numbers(store, 60 * DAY) == [1, 2, 3, 7]
    assert numbers(store, 7 * DAY, ("second",)) == [2, 7]
    assert numbers(store, 7 * DAY, ()) == []


def test_with_what_counts_of_their_history(store: Store) -> None:
    filled(store)
    with store.read() as work:
        first, second, _ = work.chronicles(NOW - 7 * DAY, NOW)
    assert [(line.event, line.actor) for line in first.lines] == [("time", "ana@desk.test")]
    assert first.spent == (Spent(NOW, "ana@desk.test", 25),)
    [line] = second.lines
    assert (line.at, line.event, line.detail) == (NOW - DAY, "changed", {"state": ["new", "solved"]})


def test_appointments(store: Store) -> None:
    with store.work() as work:
        assert work.appointments() == {}
        work.appoint("Ana@desk.test", "morning", NOW + DAY)
        work.appoint("ana@desk.test", "weekly", NOW + 2 * DAY)
        work.appoint("ben@desk.test", "morning", NOW)
    with store.work() as work:
        assert work.next_due(NOW) == NOW + DAY
        assert work.next_due(NOW + DAY) == NOW + 2 * DAY
        work.appoint("ana@desk.test", "morning", NOW + 3 * DAY)
        work.appoint("ben@desk.test", "morning", None)
        work.appoint("nobody@desk.test", "morning", None)
        assert work.appointments() == {
            ("ana@desk.test", "morning"): NOW + 3 * DAY,
            ("ana@desk.test", "weekly"): NOW + 2 * DAY,
        }
