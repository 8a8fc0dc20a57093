"""Lists and absences, as questions by mail need them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maild.desk.effects import Change
from maild.desk.facts import Address
from maild.desk.selection import LISTS, NOBODY, Selection
from maild.desk.words import State
from store import Store, lists, search
from tests.store.samples import MINUTE, NOW, carla, open_ticket

DAY = timedelta(days=1)


def filled(store: Store) -> None:
    """Five tickets: 1 new and unowned, 2 Ana's and urgent, 3 pending, 4 overdue and long idle, 5 solved."""
    with store.work() as work:
        otto = work.person(Address("Otto", "otto@other.test"))
        for number in range(1, 6):
            due = {"first_response": NOW + 10 * MINUTE} if number != 4 else {"first_response": NOW - DAY}
            open_ticket(work, otto if number == 5 else carla(work), received_at=NOW - (5 * DAY if number == 4 else MINUTE), due=due, team="support" if number < 4 else "second")  # fmt: skip
        work.change_ticket(2, [Change("assignee", None, "ana@desk.test"), Change("priority", 3, 1), Change("tags", (), ("vip",))], NOW)  # fmt: skip
        work.change_ticket(3, [Change("state", State.NEW, State.PENDING)], NOW)
        work.change_ticket(1, [Change("contact", None, "ben@desk.test")], NOW)
        work.watch(3, "ben@desk.test", on=True)
        work.change_ticket(4, [Change("state", State.NEW, State.OPEN), Change("breached", (), ("first_response",))], NOW)  # fmt: skip
        work.change_ticket(5, [Change("state", State.NEW, State.SOLVED), Change("solved_at", None, NOW), Change("first_response_at", None, NOW)], NOW)  # fmt: skip


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (LISTS["all"], [2, 4, 1, 3]),
        (LISTS["unowned"], [4, 1, 3]),
        (LISTS["new"], [2, 1]),
        (LISTS["waiting"], [3]),
        (LISTS["overdue"], [4]),
        (LISTS["stale"], [4]),
        (Selection(assignee="ana@desk.test"), [2]),
        (Selection(assignee=NOBODY, team="support"), [1, 3]),
        (Selection(requester="OTTO@other.test"), []),
        (Selection(states=(), requester="otto@other.test"), [5]),
        (Selection(tag="vip"), [2]),
        (Selection(priorities=(1, 2)), [2]),
        (Selection(search="fire printer"), [2, 4, 1, 3]),
        (Selection(search="water"), []),
        (Selection(hidden=("support",)), [4]),
        (Selection(hidden=("support",), viewer="ana@desk.test"), [2, 4]),
        (Selection(hidden=("support", "second"), viewer="ben@desk.test"), [1, 3]),
        (Selection(states=(), hidden=("second",), search="printer"), [2, 1, 3]),
    ],
)
def test_lists(store: Store, selection: Selection, numbers: list[int]) -> None:
    filled(store)
    with store.read() as work:
        found, total = work.listed(selection, NOW, 50)
        assert ([ticket.id for ticket in found], total) == (numbers, len(numbers))


def test_the_first_of_many(store: Store) -> None:
    filled(store)
    with store.read() as work:
        found, total = work.listed(Selection(states=()), NOW, 2, newest=True)
        assert ([ticket.id for ticket in found], total) == ([5, 4], 5)


def test_a_long_list_is_counted_so_far(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "COUNTED", 3)
    filled(store)
    with store.read() as work:
        found, total = work.listed(Selection(states=()), NOW, 50)
        assert (len(found), total) == (5, 3)


@pytest.mark.parametrize("few", [0, 1, 2, 100])
def test_few_and_many_finds_are_the_same(store: Store, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(search, "FEW", few)
    filled(store)
    with store.read() as work:
        for selection, numbers in (
            (Selection(search="fire"), [2, 4, 1, 3]),
            (Selection(tag="vip"), [2]),
            (Selection(search="no"), []),
        ):
            assert [ticket.id for ticket in work.listed(selection, NOW, 50)[0]] == numbers


def test_since_when_a_ticket_is_as_it_is(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work)
        assert work.state_since(ticket) == ticket.created_at
        work.record(ticket.id, "ana@desk.test", "changed", {"state": ["new", "open"]}, (), NOW + MINUTE)
        work.record(ticket.id, "ana@desk.test", "changed", {"priority": [3, 1]}, (), NOW + 2 * MINUTE)
        assert work.state_since(ticket) == NOW + MINUTE


def test_absences_end_by_themselves(store: Store) -> None:
    with store.work() as work:
        work.set_away("Ana@desk.test", NOW + DAY, NOW)
        work.set_away("ben@desk.test", NOW + DAY, NOW)
        work.set_away("ana@desk.test", NOW + 2 * DAY, NOW)
        assert work.away(NOW) == {"ana@desk.test": NOW + 2 * DAY, "ben@desk.test": NOW + DAY}
        assert work.away(NOW + DAY) == {"ana@desk.test": NOW + 2 * DAY}
        work.set_away("ana@desk.test", None, NOW)
        assert work.away(NOW) == {"ben@desk.test": NOW + DAY}


def test_what_an_agent_owns_with_something_due(store: Store) -> None:
    filled(store)
    with store.read() as work:
        assert [ticket.id for ticket in work.owned("Ana@desk.test")] == [2]
        assert work.owned("ben@desk.test") == []


def test_when_help_went_to_somebody(store: Store) -> None:
    with store.work() as work:
        assert work.told("helped", "carla@customer.test") is None
        work.record(None, "desk", "helped", {"subject": "carla@customer.test"}, (), NOW)
        assert work.told("helped", "Carla@customer.test") == NOW
