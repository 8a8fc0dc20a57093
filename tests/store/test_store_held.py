"""What agents' commands ask of the store: held mails, merged and split tickets, what colleagues and they themselves did."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maild.desk.effects import Change
from maild.desk.snapshot import Changed, Held, Wanted
from maild.desk.words import State
from store import Store, Work
from store.held import KNOWN_FOR
from tests.store.samples import LEASE, MINUTE, NOW, agent, carla, keep, mail, message, open_ticket, put_mail

ANA, BEN = "ana@desk.test", "ben@desk.test"


def finished(work: Work, raw: bytes = b"From: ana@desk.test\r\n\r\nx") -> int:
    """A mail of the intake that is done."""
    [number] = keep(work, raw)
    [claimed] = work.claim_intake("one", NOW, LEASE, 1)
    work.finish_intake(claimed.id, "kept", None, NOW)
    return number


def held(work: Work, ticket: int, agent: str = ANA) -> tuple[Held, ...]:
    return work.snapshot(Wanted(agent=agent, tickets=(ticket,)), NOW).held


def test_a_held_mail_waits_for_a_word_and_is_worked_on_again_once(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work).id
        number = finished(work)
        one = work.hold(number, ticket, "Ana@desk.test", "crossing", NOW)
    with store.work() as work:
        assert held(work, ticket) == (Held(one, number, ticket, ANA, "crossing", NOW),)
        assert held(work, ticket, BEN) == ()
        assert work.lifted(number) == ()
        assert work.claim_intake("one", NOW, LEASE, 5) == []
        assert work.release_held(one, NOW)
        assert not work.release_held(one, NOW)
        assert work.lifted(number) == ("crossing",)
        [again] = work.claim_intake("one", NOW, LEASE, 5)
        assert (again.id, again.attempts) == (number, 1)
        assert [found.done for found in held(work, ticket)] == [True]


@pytest.mark.parametrize(
    ("age", "known"), [(KNOWN_FOR - MINUTE, True), (KNOWN_FOR + MINUTE, False)], ids=["known", "forgotten"]
)
def test_what_was_held_is_known_for_some_time(store: Store, age: timedelta, known: bool) -> None:
    with store.work() as work:
        ticket, other = open_ticket(work).id, open_ticket(work).id
        number = finished(work)
        work.hold(number, ticket, ANA, "confirm", NOW - age)
        work.hold(number, other, ANA, "confirm", NOW - age)
        assert bool(held(work, ticket)) is known


def test_a_colleagues_last_public_answer(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work).id
        more = {"direction": "out", "from_address": "Ben@desk.test"}
        work.add_message(message(ticket, text="first", **more))
        last = work.add_message(message(ticket, text="last", at=NOW - MINUTE, created_at=NOW, **more))
        work.add_message(message(ticket, text="mine", direction="out", from_address="Ana@Desk.test"))
        work.add_message(message(ticket, text="note", from_address=BEN, public=False))
        work.add_message(message(ticket, text="robot", kind="acknowledgement", **more))
        found = work.snapshot(Wanted(agent=ANA, tickets=(ticket,)), NOW).answered
        assert {number: (one.id, one.text, one.at) for number, one in found.items()} == {
            ticket: (last, "last", NOW)
        }
        assert work.snapshot(Wanted(tickets=(ticket,)), NOW).answered == {}


def test_the_messages_that_are_answered_and_all_of_the_ticket(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work).id
        one, two = work.add_message(message(ticket)), work.add_message(message(ticket))
        put_mail(work, mail(agent(work), 1, ticket=ticket, message=one, event_key="intake:7/crossing"))
        wanted = Wanted(agent=ANA, message_ids=("<1@desk.test>",))
        found = work.snapshot(wanted, NOW)
        assert set(found.messages) == {one}
        assert [(sent.intake, sent.message) for sent in found.sent.values()] == [(7, one)]
        assert set(work.snapshot(Wanted(tickets=(ticket,), parts=True), NOW).messages) == {one, two}


def test_what_was_done_within_the_hour(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work).id
        for minutes, event, detail in (
            (61, "changed", {}),
            (59, "changed", {"tags": [[], ["a"]], "priority": [3, 1]}),
            (1, "answered", {"by": ANA}),
        ):
            work.record(ticket, ANA, event, detail, (), NOW - minutes * MINUTE)
        found = work.snapshot(Wanted(tickets=(ticket,), undo=True), NOW).done
        assert found == {
            ticket: (
                Changed(NOW - 59 * MINUTE, ANA, {"tags": ([], ["a"]), "priority": (3, 1)}),
                Changed(NOW - MINUTE, ANA, {}),
            )
        }
        assert work.snapshot(Wanted(tickets=(ticket,)), NOW).done == {}


def test_a_merged_tickets_messages_are_shown_with_the_living_one(store: Store) -> None:
    with store.work() as work:
        numbers = [open_ticket(work).id for _ in range(4)]
        texts = []
        for place, number in enumerate(numbers):
            texts.append(f"of {number}")
            work.add_message(message(number, text=texts[-1], at=NOW + place * MINUTE))
        for old, into in ((numbers[0], numbers[1]), (numbers[1], numbers[2])):
            changes = (Change("state", State.NEW, State.MERGED), Change("merged_into", None, into))
            work.change_ticket(old, changes, NOW)
        assert [one.text for one in work.messages(numbers[2])] == texts[:3]
        assert [one.text for one in work.messages(numbers[0])] == texts[:1]
        assert [one.text for one in work.messages(numbers[3])] == texts[3:]


def test_what_was_seen_in_a_merged_ticket_threads_in_the_living_one(store: Store) -> None:
    with store.work() as work:
        person = carla(work)
        old, into, third = (open_ticket(work, person).id for _ in range(3))
        work.note_ids(old, person.id, ["<a@x>", "<b@x>"], written=True, now=NOW)
        work.note_ids(into, person.id, ["<b@x>"], written=False, now=NOW)
        work.link(old, third, "related", NOW)
        work.link(old, into, "related", NOW)
        for _ in range(2):
            work.merge(old, into, NOW)
        assert set(work.chains(into, [person.id])[person.id].ids) == {"<a@x>", "<b@x>"}
        assert work.snapshot(Wanted(message_ids=("<a@x>",)), NOW).ancestors == {"<a@x>": (into, old)}
        assert work.links(into) == [(old, "related"), (third, "related")]


def test_a_message_moves_with_what_answers_it(store: Store) -> None:
    with store.work() as work:
        person = carla(work)
        old, new = open_ticket(work, person).id, open_ticket(work, person).id
        number = work.add_message(message(old, person=person.id, message_id="<m@x>"))
        work.note_ids(old, person.id, ["<m@x>"], written=True, now=NOW)
        plain = work.add_message(message(old))
        for one in (number, plain):
            work.move_message(one, new, NOW)
        assert [one.id for one in work.messages(new)] == [number, plain]
        assert work.messages(old) == []
        assert work.snapshot(Wanted(message_ids=("<m@x>",)), NOW).ancestors == {"<m@x>": (new, old)}


def test_what_was_kept_becomes_a_message(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work).id
        number = work.add_message(message(None, public=False, identity="i", message_id="<m@x>", text="whole"))
        work.fill_message(number, message(ticket, direction="out", text="words", reply="words", minutes=5))
        [one] = work.messages(ticket)
        assert (one.id, one.direction, one.public, one.text, one.minutes) == (number, "out", True, "words", 5)
        assert one.message_id == "<m@x>"
        same = work.snapshot(Wanted(identity="i"), NOW).same
        assert same is not None
        assert same.id == number
