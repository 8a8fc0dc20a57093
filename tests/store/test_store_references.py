"""Message-IDs seen in tickets, and the history."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maild.desk.effects import Reason
from maild.desk.facts import Address
from maild.desk.snapshot import Wanted
from store import Store
from store.rows import Chain, HistoryLine
from tests.store.samples import MINUTE, NOW, agent, carla, mail, open_ticket

IDS = st.lists(st.sampled_from(["<a@x>", "<b@x>", "<c@x>", "<d@x>"]), max_size=6)


def test_each_has_seen_his_own(store: Store) -> None:
    with store.work() as work:
        customer, other = carla(work), agent(work)
        ticket = open_ticket(work, customer).id
        work.note_ids(ticket, customer.id, ["<1@x>", "<2@x>"], written=True, now=NOW)
        work.note_ids(ticket, None, ["<0@x>"], written=False, now=NOW)
        work.note_ids(ticket, customer.id, ["<3@desk>"], written=False, now=NOW)
        work.note_ids(ticket, other.id, ["<4@desk>"], written=False, now=NOW)
        work.note_ids(open_ticket(work).id, customer.id, ["<5@x>"], written=True, now=NOW)
        assert work.chains(ticket, [customer.id, other.id]) == {
            customer.id: Chain(("<1@x>", "<2@x>", "<3@desk>"), "<2@x>", customer),
            other.id: Chain(("<4@desk>",), None, other),
        }


def test_who_has_seen_nothing(store: Store) -> None:
    with store.work() as work:
        customer, other = carla(work), agent(work)
        ticket = open_ticket(work, customer).id
        work.note_ids(ticket, customer.id, [], written=True, now=NOW)
        assert work.chains(ticket, [other.id, 4711]) == {other.id: Chain((), None, other)}
        assert work.chains(ticket, []) == {}


def test_mails_of_ours_are_seen(store: Store) -> None:
    with store.work() as work:
        customer, ana = carla(work), agent(work)
        ticket = open_ticket(work, customer).id
        work.note_ids(ticket, customer.id, ["<1@x>"], written=True, now=NOW)
        mails = [
            mail(customer, ticket=ticket, message_id="<2@desk>"),
            mail(ana, ticket=ticket, message_id="<3@desk>"),
            mail(ana, message_id="<4@desk>"),
        ]
        for _ in range(2):
            work.note_sent(mails)
        work.note_sent([])
        assert work.chains(ticket, [customer.id, ana.id]) == {
            customer.id: Chain(("<1@x>", "<2@desk>"), "<1@x>", customer),
            ana.id: Chain(("<3@desk>",), None, ana),
        }


def test_seen_first_written_later(store: Store) -> None:
    """A copy of the person's own mail may come back to us in somebody's References before the mail itself."""
    with store.work() as work:
        customer = carla(work)
        ticket = open_ticket(work, customer).id
        work.note_ids(ticket, customer.id, ["<1@x>", "<2@x>"], written=False, now=NOW)
        work.note_ids(ticket, customer.id, ["<1@x>"], written=True, now=NOW)
        assert work.chains(ticket, [customer.id])[customer.id] == Chain(("<1@x>", "<2@x>"), "<1@x>", customer)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(IDS, st.booleans(), st.booleans()), max_size=4))
def test_noting_is_idempotent_and_keeps_the_order(
    store: Store, notes: list[tuple[list[str], bool, bool]]
) -> None:
    order: dict[str, None] = {}
    written: set[str] = set()
    with store.work() as work:
        customer = carla(work)
        ticket = open_ticket(work, customer).id
        for ids, wrote, twice in notes:
            for _ in range(1 + twice):
                work.note_ids(ticket, customer.id, ids, written=wrote, now=NOW)
                work.note_ids(ticket, None, ids, written=False, now=NOW)
            order |= dict.fromkeys(ids)
            written |= {ids[-1]} if ids and wrote else set()
        chain = work.chains(ticket, [customer.id])[customer.id]
    assert chain.ids == tuple(order)
    assert chain.last_written == next((mid for mid in reversed(order) if mid in written), None)


def test_ancestors_newest_sighting_first(store: Store) -> None:
    with store.work() as work:
        customer = carla(work)
        one, two = open_ticket(work, customer).id, open_ticket(work, customer).id
        work.note_ids(two, customer.id, ["<1@x>", "<2@x>"], written=True, now=NOW)
        work.note_ids(one, customer.id, ["<1@x>"], written=True, now=NOW)
        work.note_ids(one, None, ["<1@x>"], written=False, now=NOW)
        found = work.snapshot(Wanted(message_ids=("<1@x>", "<2@x>", "<3@x>")), NOW)
    assert found.ancestors == {"<1@x>": (one, two), "<2@x>": (two,)}
    assert set(found.tickets) == {one, two}


def test_thousands_of_references(store: Store) -> None:
    """More than one statement can take."""
    ids = tuple(f"<{number}@x>" for number in range(12_000))
    with store.work() as work:
        customer = carla(work)
        ticket = open_ticket(work, customer).id
        work.note_ids(ticket, customer.id, ids[::4], written=True, now=NOW)
        assert work.chains(ticket, [customer.id])[customer.id].ids == ids[::4]
        assert len(work.snapshot(Wanted(message_ids=ids), NOW).ancestors) == 3000


def test_the_history_of_a_ticket(store: Store) -> None:
    reasons = (Reason("match", "ticket 1", "token"), Reason("state", "stays new"))
    with store.work() as work:
        ticket, other = open_ticket(work).id, open_ticket(work).id
        first = work.record(
            ticket, "desk", "created", {"subject": "Fire", "tags": ["a"], "n": None}, reasons, NOW
        )
        second = work.record(ticket, "ana@desk.test", "state", {"old": "new"}, (), NOW)
        work.record(other, "desk", "created", {}, (), NOW)
        work.record(None, "desk", "warned", {}, (), NOW)
        assert work.events(ticket) == [
            HistoryLine(
                first, ticket, NOW, "desk", "created", {"subject": "Fire", "tags": ["a"], "n": None}, reasons
            ),
            HistoryLine(second, ticket, NOW, "ana@desk.test", "state", {"old": "new"}, ()),
        ]


def test_the_history_of_the_desk(store: Store) -> None:
    with store.work() as work:
        work.record(open_ticket(work).id, "desk", "warned", {}, (), NOW)
        ids = [
            work.record(None, "desk", event, {}, (), NOW)
            for event in ("warned", "reloaded", "warned", "warned")
        ]
        assert [line.id for line in work.desk_events(10)] == ids[::-1]
        assert [line.id for line in work.desk_events(2, "warned")] == [ids[3], ids[2]]
        assert work.desk_events(10, "nothing") == []


def test_when_somebody_was_last_warned(store: Store) -> None:
    with store.work() as work:
        work.person(Address("", "ana@desk.test"))
        for subject, minute in (("Ana@desk.test", 0), ("ana@desk.test", 2), ("bob@desk.test", 5)):
            work.record(None, "desk", "warned", {"subject": subject}, (), NOW + minute * MINUTE)
        work.record(None, "desk", "greeted", {"subject": "ana@desk.test"}, (), NOW + 9 * MINUTE)
        work.record(None, "desk", "warned", {"subject": ["ana@desk.test"]}, (), NOW + 9 * MINUTE)
        found = work.warned(["ana@Desk.test", "zoe@desk.test"])
    assert found == {"ana@Desk.test": NOW + 2 * MINUTE}
