"""The desk as a whole: keys, nodes, totals, digests, clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from maild.desk.effects import Change
from maild.desk.tokens import RETIRED_KEY_LIFE, Key
from maild.desk.words import Role, State
from maild.errors import BadInput
from store import Store, Work
from store.rows import DigestRow, Node, Totals
from tests.store.samples import LEASE, MINUTE, NOW, carla, keep, mail, open_ticket, put_mail

SECRET = bytes(range(32))


def test_a_new_key_retires_the_old(store: Store) -> None:
    with store.work() as work:
        [first] = work.keys()
        second = work.rotate_keys(NOW, SECRET)
        third = work.rotate_keys(NOW + MINUTE, SECRET[::-1])
    assert second == Key(2, SECRET)
    with store.read() as work:
        assert work.keys() == (
            third,
            Key(2, SECRET, NOW + MINUTE),
            Key(1, first.secret, NOW),
        )


def test_key_numbers_begin_again_when_the_old_ones_are_dead(store: Store) -> None:
    with store.work() as work:
        for number in range(2, 256):
            assert work.rotate_keys(NOW, number.to_bytes(32, "big")).id == number
        with pytest.raises(BadInput, match="255 times"):
            work.rotate_keys(NOW + RETIRED_KEY_LIFE - MINUTE, SECRET)
        assert work.keys()[0].id == 255
        assert work.rotate_keys(NOW + RETIRED_KEY_LIFE, SECRET) == Key(1, SECRET)
        keys = work.keys()
    assert (len(keys), keys[0], keys[1].id) == (255, Key(1, SECRET), 255)


def test_a_node_joins_and_says_that_it_lives(store: Store) -> None:
    one = Node("one", 1, "1.0", NOW, NOW, {"listeners": ["127.0.0.1:25"]}, "here")
    two = Node("two", 2, "1.0", NOW, NOW)
    with store.work() as work:
        assert not work.heartbeat(one)
        assert work.join(two) is None
        assert work.join(one) is None
        assert work.join(one) is None
        assert work.nodes() == [one, two]
        later = replace(one, seen_at=NOW + MINUTE, detail={"listeners": []})
        assert work.heartbeat(later)
        assert work.nodes() == [later, two]


@pytest.mark.parametrize("changes", [{"pid": 3}, {"place": "there"}, {"started_at": NOW + MINUTE}])
def test_a_name_belongs_to_one_process(store: Store, changes: dict[str, Any]) -> None:
    one = Node("one", 1, "1.0", NOW, NOW, {}, "here")
    other = replace(one, seen_at=NOW + MINUTE, **changes)
    with store.work() as work:
        assert work.join(one) is None
        assert work.join(other) == one
        assert not work.heartbeat(other)
        assert work.join(other, instead_of=other) == one
        assert work.nodes() == [one]
        assert work.join(other, instead_of=one) is None
        assert not work.heartbeat(one)
        assert work.nodes() == [other]


def test_a_node_that_is_forgotten_gives_up_its_leases(store: Store) -> None:
    one, two = Node("one", 1, "1.0", NOW, NOW), Node("two", 2, "1.0", NOW, NOW)
    with store.work() as work:
        work.join(one)
        work.join(two)
        for name, node in (("clock", "one"), ("imap support", "two")):
            work.take_lease(name, node, NOW, NOW + MINUTE)
        assert not work.forget_node(replace(one, pid=3))
        assert not work.forget_node(replace(one, seen_at=NOW - MINUTE)), "it has been heard since"
        assert work.forget_node(one)
        assert not work.forget_node(one)
        assert work.nodes() == [two]
        assert work.leases() == {"imap support": ("two", NOW + MINUTE)}


def test_the_time_of_the_database(store: Store) -> None:
    with store.read() as work:
        at = work.time()
    assert at is None or abs((datetime.now(UTC) - at).total_seconds()) < 60


def test_totals_of_an_empty_desk(store: Store) -> None:
    with store.read() as work:
        assert work.totals() == Totals(0, None, 0, 0, None, 0, {})


def test_totals(store: Store) -> None:
    with store.work() as work:
        keep(work, b"done", received_at=NOW - 9 * MINUTE)
        keep(work, b"quarantined", received_at=NOW - 8 * MINUTE)
        keep(work, b"in work", received_at=NOW - 7 * MINUTE)
        keep(work, b"waits", received_at=NOW - 6 * MINUTE)
        rows = work.claim_intake("one", NOW, LEASE, 3)
        work.finish_intake(rows[0].id, "kept", None, NOW)
        work.fail_intake(rows[1].id, "broken", NOW, 1, NOW)
        person = carla(work)
        for number in range(4):
            put_mail(work, mail(person, number, created_at=NOW - number * MINUTE))
        work.mail_failed(4, NOW, "550")
        work.mail_sent(1, NOW, "250")
        for state in (State.OPEN, State.OPEN, State.SOLVED):
            work.change_ticket(open_ticket(work).id, [Change("state", None, state)], NOW)
    with store.read() as work:
        assert work.totals() == Totals(
            2, NOW - 7 * MINUTE, 1, 2, NOW - 2 * MINUTE, 1, {"open": 2, "solved": 1}
        )


def add(work: Work, recipient: str, due: int, ticket: int | None = None) -> int:
    return work.add_digest(
        recipient, Role.RESPONSIBLE, ticket, "Fire", ("replied", "state"), NOW, NOW + due * MINUTE, "daily"
    )


def test_digests(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work).id
        first, second = add(work, "Ana@desk.test", 1, ticket), add(work, "zoe@desk.test", 2)
        third, fourth = add(work, "ana@desk.test", 1), add(work, "ana@desk.test", 5)
        assert work.due_digests(NOW) == {}
        due = work.due_digests(NOW + 2 * MINUTE)
        assert {who: [row.id for row in rows] for who, rows in due.items()} == {
            "ana@desk.test": [first, third],
            "zoe@desk.test": [second],
        }
        assert due["ana@desk.test"][0] == DigestRow(
            first, "Ana@desk.test", Role.RESPONSIBLE, ticket, "Fire", ("replied", "state"), NOW, "daily"
        )
        work.finish_digests([first, third], NOW)
        work.finish_digests([], NOW)
        left = work.due_digests(NOW + 60 * MINUTE)
        assert {who: [row.id for row in rows] for who, rows in left.items()} == {
            "zoe@desk.test": [second],
            "ana@desk.test": [fourth],
        }


def test_clocks(store: Store) -> None:
    """Tickets are found by when there is something to be done about their promises, earliest first; that is no change of them."""
    with store.work() as work:
        numbers = [open_ticket(work, clock_at=NOW + due * MINUTE).id for due in (3, 1, 2, 60)]
        open_ticket(work)
        assert work.due_clocks(NOW, 10) == []
        later = NOW + 59 * MINUTE
        found = [(numbers[1], NOW + MINUTE), (numbers[2], NOW + 2 * MINUTE), (numbers[0], NOW + 3 * MINUTE)]
        assert work.due_clocks(later, 10) == found
        assert work.due_clocks(later, 1) == found[:1]
        before = work.ticket(numbers[1])
        work.set_clocks(numbers[1], {"update": NOW}, None)
        after = work.ticket(numbers[1])
        assert before is not None
        assert after == replace(before, update_due=NOW, first_response_due=None, clock_at=None)
        assert work.due_clocks(later, 10) == found[1:]


def test_with_other_promises_those_of_unfinished_tickets_are_counted_again(store: Store) -> None:
    with store.work() as work:
        first, second = (open_ticket(work).id for _ in range(2))
        work.change_ticket(second, [Change("state", State.NEW, State.SOLVED)], NOW)
        assert work.count_again("a", NOW)
        assert [clock[0] for clock in work.due_clocks(NOW, 10)] == [first]
        work.set_clocks(first, {}, None)
        assert not work.count_again("a", NOW)
        assert work.due_clocks(NOW, 10) == []
        assert work.count_again("b", NOW)
        assert len(work.due_clocks(NOW, 10)) == 1


def test_what_is_due_next(store: Store) -> None:
    with store.work() as work:
        assert work.next_due(NOW) is None
        number = open_ticket(work, clock_at=NOW + 5 * MINUTE).id
        assert work.next_due(NOW) == NOW + 5 * MINUTE
        assert work.next_due(NOW + 5 * MINUTE) is None
        line = add(work, "ana@desk.test", 3)
        assert work.next_due(NOW) == NOW + 3 * MINUTE
        work.finish_digests([line], NOW)
        work.set_clocks(number, {}, None)
        assert work.next_due(NOW) is None
