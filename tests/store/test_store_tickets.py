"""Tickets: opened, changed, found, tied to people and to each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from maild.desk.effects import Change
from maild.desk.facts import Address
from maild.desk.people import Person, Ticket
from maild.desk.words import State
from store import Store, Work
from store.rows import Filter
from tests.store.samples import MINUTE, NOW, agent, carla, message, open_ticket

LATER = NOW + 5 * MINUTE


def change(work: Work, ticket: int, **values: object) -> None:
    work.change_ticket(ticket, [Change(name, None, new) for name, new in values.items()], LATER)


def test_opened(store: Store) -> None:
    with store.work() as work:
        requester = carla(work)
        due = {"first_response": NOW + MINUTE, "resolution": NOW + 60 * MINUTE}
        one = open_ticket(work, requester, due=due)
        assert one == Ticket(
            id=1,
            subject="The printer is on fire",
            state=State.NEW,
            requester=requester,
            received_at=NOW - MINUTE,
            created_at=NOW,
            updated_at=NOW,
            active_at=NOW - MINUTE,
            language="en",
            organisation="Customer",
            team="support",
            sla="standard",
            first_response_due=due["first_response"],
            resolution_due=due["resolution"],
        )
        assert work.ticket(1) == one
        assert work.ticket(2) is None
        with pytest.raises(ValueError, match="unknown target"):
            open_ticket(work, requester, due={"lunch": NOW})


def test_numbers_count_from_one(store: Store) -> None:
    with store.work() as work:
        assert [open_ticket(work).id for _ in range(3)] == [1, 2, 3]


def test_the_address_it_was_opened_with(store: Store) -> None:
    """Mail about the ticket goes there, however the register spells it."""
    with store.work() as work:
        known = carla(work)
        spelled = Person(known.id, known.name, "carla@CUSTOMER.test", known.organisation, known.language)
        found = work.ticket(open_ticket(work, spelled).id)
    assert found is not None
    assert found.requester == spelled


CHANGES: list[tuple[str, object]] = [
    ("subject", "Water too"),
    ("state", State.ON_HOLD),
    ("type", "incident"),
    ("category", "hardware"),
    ("severity", "critical"),
    ("impact", "high"),
    ("urgency", "low"),
    ("priority", 1),
    ("level", 2),
    ("tags", ("fire", "häß'lich\"")),
    ("language", None),
    ("channel", "phone"),
    ("organisation", "Other"),
    ("team", None),
    ("assignee", "ana@desk.test"),
    ("sla", "gold"),
    ("received_at", NOW - 60 * MINUTE),
    ("first_response_at", NOW),
    ("solved_at", NOW),
    ("closed_at", NOW),
    ("first_response_due", None),
    ("update_due", NOW),
    ("resolution_due", NOW),
    ("silence_due", NOW),
    ("breached", ("first_response",)),
    ("cause", "cables"),
    ("solution", "water"),
    ("satisfaction", 5),
    ("minutes_spent", 25),
    ("due_at", NOW),
    ("active_at", NOW),
    ("clock_at", NOW),
    ("look_at", NOW),
    ("urls", ("https://status.test/a",)),
    ("chosen", ("priority", "impact")),
    ("asked", ("version", "ask 0f3a")),
    ("met", ("version",)),
    ("step", 2),
    ("contact", "ben@desk.test"),
    ("runbooks", ("triage",)),
    ("dormant", True),
]


def test_every_column_changes(store: Store) -> None:
    with store.work() as work:
        other = open_ticket(work)
        for name, value in CHANGES:
            before = open_ticket(work)
            change(work, before.id, **{name: value})
            after = work.ticket(before.id)
            assert after == replace(before, **{name: value, "updated_at": LATER})
        assert work.ticket(other.id) == other
    columns = set(Ticket.__dataclass_fields__) - {name for name, _ in CHANGES}
    assert columns == {
        "id",
        "requester",
        "created_at",
        "updated_at",
        "fields",
        "participants",
        "watchers",
        "merged_into",
    }


def test_merged(store: Store) -> None:
    with store.work() as work:
        one, other = open_ticket(work), open_ticket(work)
        change(work, one.id, state=State.MERGED, merged_into=other.id)
        found = work.ticket(one.id)
    assert found is not None
    assert (found.state, found.merged_into) == (State.MERGED, other.id)


def test_fields(store: Store) -> None:
    with store.work() as work:
        number = open_ticket(work).id
        work.change_ticket(
            number, [Change("field.serial", None, "A1"), Change("field.room", None, "12")], NOW
        )
        work.change_ticket(number, [Change("field.room", "12", None), Change("field.a.b", None, "c")], NOW)
        found = work.ticket(number)
    assert found is not None
    assert found.fields == {"serial": "A1", "a.b": "c"}


def test_another_requester(store: Store) -> None:
    with store.work() as work:
        number = open_ticket(work).id
        other = work.person(Address("Otto", "otto@customer.test"))
        work.add_participants(number, [other.id], "desk", NOW)
        change(work, number, requester=other.id)
        found = work.ticket(number)
    assert found is not None
    assert (found.requester, found.participants) == (other, ())


def test_what_cannot_be_changed(store: Store) -> None:
    with store.work() as work:
        number = open_ticket(work).id
        for name in ("id", "created_at", "updated_at", "participants", "watchers", "fields", "nonsense"):
            with pytest.raises(ValueError, match=name):
                change(work, number, **{name: 1})


def test_no_such_ticket(store: Store) -> None:
    with store.work() as work, pytest.raises(LookupError, match="4711"):
        change(work, 4711, priority=1)


def test_participants(store: Store) -> None:
    with store.work() as work:
        one, other = open_ticket(work), open_ticket(work)
        otto, eva = (work.person(Address("", f"{name}@customer.test")) for name in ("otto", "eva"))
        work.add_participants(one.id, [eva.id, one.requester.id], "desk", NOW)
        work.add_participants(one.id, [otto.id, eva.id], "ana@desk.test", LATER)
        work.add_participants(one.id, [], "desk", NOW)
        assert [found.participants for found in work.tickets(Filter())] == [(eva, otto), ()]
        work.remove_participant(one.id, eva.id)
        work.remove_participant(other.id, otto.id)
        assert [found.participants for found in work.tickets(Filter())] == [(otto,), ()]


def test_watchers(store: Store) -> None:
    with store.work() as work:
        one, other = open_ticket(work), open_ticket(work)
        for address in ("Zoe@desk.test", "ana@desk.test", "ana@Desk.test"):
            work.watch(one.id, address, True)
        work.watch(other.id, "ana@desk.test", False)
        assert [found.watchers for found in work.tickets(Filter())] == [
            ("ana@desk.test", "zoe@desk.test"),
            (),
        ]
        work.watch(one.id, "ANA@desk.test", False)
        assert [found.watchers for found in work.tickets(Filter())] == [("zoe@desk.test",), ()]


@pytest.mark.parametrize(
    ("ties", "seen"),
    [
        ([(1, 2, "related")], {1: [(2, "related")], 2: [(1, "related")]}),
        (
            [(1, 2, "related"), (2, 1, "related"), (1, 2, "related")],
            {1: [(2, "related")], 2: [(1, "related")]},
        ),
        ([(1, 2, "parent")], {1: [(2, "parent")], 2: [(1, "child")]}),
        ([(1, 2, "child"), (2, 1, "parent")], {1: [(2, "child")], 2: [(1, "parent")]}),
        ([(2, 1, "follow-up")], {1: [(2, "follow-up")], 2: [(1, "follow-up")]}),
        ([(2, 1, "follow-up"), (1, 2, "follow-up")], {1: [(2, "follow-up")], 2: [(1, "follow-up")]}),
        ([(3, 1, "related"), (1, 2, "child")], {1: [(2, "child"), (3, "related")], 3: [(1, "related")]}),
    ],
)
def test_links(
    store: Store, ties: list[tuple[int, int, str]], seen: dict[int, list[tuple[int, str]]]
) -> None:
    with store.work() as work:
        for _ in range(3):
            open_ticket(work)
        for ticket, other, kind in ties:
            work.link(ticket, other, kind, NOW)
        assert {number: work.links(number) for number in seen} == seen


def test_earlier(store: Store) -> None:
    with store.work() as work:
        requester = carla(work)
        mine = [open_ticket(work, requester).id for _ in range(4)]
        open_ticket(work, agent(work))
        assert [one.id for one in work.earlier(requester.id, mine[2], 10)] == [4, 2, 1]
        assert [one.id for one in work.earlier(requester.id, None, 2)] == [4, 3]
        assert work.earlier(4711, None, 10) == []


# -- lists -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(store: Store) -> Iterator[Work]:
    """Five tickets: 1 plain, 2 taken, 3 solved, 4 of somebody else, 5 overdue and tagged."""
    with store.work() as work:
        for number in range(1, 6):
            requester = work.person(Address("Otto", "Otto@other.test")) if number == 4 else carla(work)
            open_ticket(work, requester, subject=f"Subject {number}", due={})
        change(work, 2, assignee="ana@desk.test", state=State.OPEN, team="network", priority=1)
        change(work, 3, state=State.SOLVED, resolution_due=NOW)
        change(work, 5, tags=("vip", 'quo"te', "ärger"), update_due=NOW)
        work.add_message(message(1, text="My router, serial 100%_sure, burns. STRASSE Grüße"))
        work.add_message(message(4, subject="Dein ÄRGER", text="my Router too"))
    with store.read() as work:
        yield work


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [1, 2, 3, 4, 5]),
    ({"state": "new"}, [1, 4, 5]),
    ({"state": "closed"}, []),
    ({"assignee": "ana@desk.test"}, [2]),
    ({"team": "network"}, [2]),
    ({"requester": "OTTO@other.test"}, [4]),
    ({"requester": "nobody@other.test"}, []),
    ({"priority": 1}, [2]),
    ({"tag": "vip"}, [5]),
    ({"tag": 'quo"te'}, [5]),
    ({"tag": "ärger"}, [5]),
    ({"tag": "vi"}, []),
    ({"overdue_at": NOW}, []),
    ({"overdue_at": LATER}, [5]),
    ({"after": 3}, [4, 5]),
    ({"after": 1, "limit": 2}, [2, 3]),
    ({"limit": 0}, []),
    ({"search": "router"}, [1, 4]),
    ({"search": "ROUTER burns"}, [1]),
    ({"search": "subject 4"}, [4]),
    ({"search": "ärger"}, [4]),
    ({"search": "GRÜSSE"}, [1]),
    ({"search": "GRÜßE"}, [1]),
    ({"search": "straße"}, [1]),
    ({"search": "100%_sure"}, [1]),
    ({"search": "100__sure"}, []),
    ({"search": "%"}, [1]),
    ({"search": "\\"}, []),
    ({"search": "' OR 1=1 --"}, []),
    ({"search": "x" * 100_000}, []),
    ({"search": "\x00\ud800"}, []),
    ({"search": "   "}, [1, 2, 3, 4, 5]),
    ({"search": "router", "state": "new", "after": 1}, [4]),
]


def test_filters(desk: Work) -> None:
    found = [
        (conditions, [one.id for one in desk.tickets(Filter(**conditions))]) for conditions, _ in FILTERS
    ]
    assert found == FILTERS


def test_an_answered_ticket_is_not_overdue_for_its_first_answer(store: Store) -> None:
    with store.work() as work:
        number = open_ticket(work, due={"first_response": NOW}).id
        late = Filter(overdue_at=LATER)
        assert [one.id for one in work.tickets(late)] == [number]
        change(work, number, first_response_at=NOW)
        assert work.tickets(late) == []


def test_a_list_costs_the_same_however_long(store: Store) -> None:
    with store.work() as work:
        otto = work.person(Address("", "otto@customer.test"))
        for _ in range(20):
            number = open_ticket(work).id
            work.add_participants(number, [otto.id], "desk", NOW)
            work.watch(number, "ana@desk.test", True)
    before = store.counts.statements
    with store.read() as work:
        tickets = work.tickets(Filter())
    assert [(len(one.participants), len(one.watchers)) for one in tickets] == [(1, 1)] * 20
    assert store.counts.statements - before == 3
