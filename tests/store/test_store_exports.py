"""What an export reads: every row once, page by page."""

from __future__ import annotations

from maild.desk.facts import Address
from store import Store
from tests.store.samples import MINUTE, NOW, carla, keep, message, open_ticket


def test_people_with_all_their_addresses(store: Store) -> None:
    with store.work() as work:
        known = carla(work)
        caller = work.caller("Maria", "+31 20 555 0100")
        other = work.person(Address("Tom", "Tom@Globex.test"))
        work.suppress("tom@globex.test", "refused for good", NOW)
    with store.read() as work:
        every = work.registered(0, 10)
        assert [one.person.id for one in every] == [known.id, caller.id, other.id]
        assert work.registered(caller.id, 10) == every[2:]
        assert work.registered(0, 1) == every[:1]
    assert [key for key, _ in every[0].addresses] == [known.key]
    assert every[1].addresses == ()
    [(key, why)] = every[2].addresses
    assert (key, why and (why.at, why.why)) == ("tom@globex.test", (NOW, "refused for good"))


def test_messages_without_a_ticket(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work)
        kept = [work.add_message(message(None, at=NOW - number * MINUTE)) for number in range(3)]
        work.add_message(message(ticket.id))
    with store.read() as work:
        assert [one.id for one in work.unmatched(0, 2)] == kept[:2]
        assert [one.id for one in work.unmatched(kept[1], 2)] == kept[2:]


def test_the_history_of_the_desk(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work)
        for number in range(3):
            work.record(None, "desk", f"happened {number}", {}, (), NOW)
        work.record(ticket.id, "desk", "of a ticket", {}, (), NOW)
    with store.read() as work:
        [first, *rest] = work.desk_history(0, 10)
        assert first.event == "happened 0"
        assert work.desk_history(first.id, 1) == rest[:1]


def test_mails_as_they_came(store: Store) -> None:
    with store.work() as work:
        rows = keep(work, b"one", b"two")
    with store.read() as work:
        [first, second] = work.came(0, 10)
        assert work.came(first.id, 10) == [second]
    assert [first.id, second.id] == rows
    assert (first.state, first.message, first.ticket) == ("waiting", None, None)
