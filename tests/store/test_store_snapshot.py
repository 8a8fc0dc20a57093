"""The snapshot: what is wanted, no more, in few statements, and nobody else's to change meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from maild.desk.effects import Change, Reason
from maild.desk.facts import Address
from maild.desk.people import SentMail
from maild.desk.snapshot import Counts, Snapshot, Wanted
from maild.desk.words import Role, Scope, State
from store import Store
from store.rows import Filter
from tests.store.samples import (
    LEASE,
    MINUTE,
    NOW,
    agent,
    carla,
    envelope,
    keep,
    mail,
    message,
    open_ticket,
    put_mail,
)

HOUR = timedelta(hours=1)


def test_nothing_wanted_costs_one_statement(store: Store) -> None:
    before = store.counts.statements
    with store.work() as work:
        found = work.snapshot(Wanted(), NOW)
    assert found == Snapshot(keys=found.keys)
    assert len(found.keys) == 1
    assert store.counts.statements - before == 1


def test_mails_of_ours(store: Store) -> None:
    with store.work() as work:
        person, ana = carla(work), agent(work)
        ticket = open_ticket(work, person).id
        put_mail(work, mail(person, 1, ticket=ticket, recipient="CARLA@customer.test"))
        put_mail(work, mail(ana, 2, role=Role.RESPONSIBLE, scope=None, kind="digest"))
        found = work.snapshot(Wanted(message_ids=("<1@desk.test>", "<x@y>"), outbox=(2, 4711)), NOW)
        assert set(found.tickets) == {ticket}
    assert found.sent == {
        "<1@desk.test>": SentMail(
            "<1@desk.test>", 1, ticket, found.sent["<1@desk.test>"].person, Role.REQUESTER, Scope.PUBLIC, NOW, 1, "acknowledgement", intake=1
        )
    }  # fmt: skip
    assert found.sent["<1@desk.test>"].person.id == person.id
    assert found.sent["<1@desk.test>"].person.address == "CARLA@customer.test"
    assert found.outbox == {
        2: SentMail("<2@desk.test>", 2, None, ana, Role.RESPONSIBLE, Scope.INTERNAL, NOW, 1, "digest", intake=2)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(identity="i"), True),
        (Wanted(identity="other", content_identity="c"), False),
        (Wanted(content_identity="c"), True),
        (Wanted(content_identity="other"), False),
    ],
)
def test_the_same_message(store: Store, wanted: Wanted, found: bool) -> None:
    with store.work() as work:
        ticket = open_ticket(work).id
        number = work.add_message(message(ticket, identity="i", content_identity="c"))
        snapshot = work.snapshot(wanted, NOW)
    assert (snapshot.same.id if snapshot.same else None) == (number if found else None)
    assert set(snapshot.tickets) == ({ticket} if found else set())


def test_the_same_message_without_message_id_within_a_day(store: Store) -> None:
    day = timedelta(hours=24)
    with store.work() as work:
        work.add_message(message(None, identity="i", content_identity="c"))
        times = (-day - MINUTE, -day, timedelta(0), day, day + MINUTE)
        by_content = [
            work.snapshot(Wanted(content_identity="c"), NOW + time).same is not None for time in times
        ]
        by_identity = [work.snapshot(Wanted(identity="i"), NOW + time).same is not None for time in times]
    assert by_content == [False, True, True, True, False]
    assert by_identity == [True] * 5


def test_merged_tickets_to_the_end(store: Store) -> None:
    with store.work() as work:
        one, two, three, four = (open_ticket(work).id for _ in range(4))
        for ticket, into in ((one, two), (two, three)):
            work.change_ticket(
                ticket, [Change("state", None, State.MERGED), Change("merged_into", None, into)], NOW
            )
        found = work.snapshot(Wanted(tickets=(one, 4711)), NOW)
    assert set(found.tickets) == {one, two, three}
    survivor = found.resolve(one)
    assert survivor is not None
    assert survivor.id == three
    assert four not in found.tickets


def test_people(store: Store) -> None:
    with store.work() as work:
        person, ana = carla(work), agent(work)
        wanted = Wanted(addresses=("carla@customer.test", "nobody@x.test"), persons=(ana.id, 4711))
        found = work.snapshot(wanted, NOW)
    assert found.people == {"carla@customer.test": person}
    assert found.persons == {ana.id: ana}


def test_automatic_mail_is_counted(store: Store) -> None:
    """To the requester's side, in the last hour; per ticket in the last day."""
    with store.work() as work:
        person, otto, eva = (
            work.person(Address("", address))
            for address in ("Carla@Customer.test", "otto@customer.test", "eva@elsewhere.test")
        )
        ticket, other = open_ticket(work, person).id, open_ticket(work, otto).id
        queued = [
            (person, {"created_at": NOW - timedelta(minutes=59)}),
            (person, {"created_at": NOW - timedelta(minutes=61)}),
            (person, {"created_at": NOW - timedelta(hours=25)}),
            (person, {"automatic": False}),
            (person, {"role": Role.RESPONSIBLE}),
            (otto, {"role": Role.PARTICIPANT}),
            (eva, {"ticket": None}),
        ]
        for number, (whom, changes) in enumerate(queued):
            put_mail(work, mail(whom, number, **{"ticket": ticket, **changes}))
        wanted = Wanted(counted=("carla@customer.test", "nobody@elsewhere.test"), tickets=(ticket, other))
        found = work.snapshot(wanted, NOW)
        wide = [
            work.snapshot(replace(wanted, bounded=frozenset(bounded)), NOW).automatic["carla@customer.test"]
            for bounded in (("domain",), ("all",), ("domain", "all"))
        ]
    assert found.automatic == {
        "carla@customer.test": Counts(address=1),
        "nobody@elsewhere.test": Counts(),
    }
    assert wide == [Counts(1, 2, 0), Counts(1, 0, 3), Counts(1, 2, 3)]
    assert found.ticket_automatic == {ticket: 3}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_same_message_on_two_nodes_at_once(store: Store) -> None:
    """The second decides only when the first has: it finds the message."""
    found: list[bool] = []

    def second() -> None:
        with store.work() as work:
            found.append(work.snapshot(Wanted(identity="i"), NOW).same is not None)

    other = threading.Thread(target=second)
    with store.work() as work:
        assert work.snapshot(Wanted(identity="i"), NOW).same is None
        other.start()
        other.join(timeout=0.2)
        assert found == []
        work.add_message(message(None, identity="i"))
    other.join(timeout=10)
    assert found == [True]


def test_hostile_look_ups(store: Store) -> None:
    bad = ("\x00", "\ud800", "x" * 100_000, "' OR 1=1 --", "%")
    with store.work() as work:
        carla(work)
        found = work.snapshot(
            Wanted(message_ids=bad, addresses=bad, counted=bad, identity=bad[2], content_identity=bad[0]), NOW
        )
    assert (found.sent, found.ancestors, found.people, found.same) == ({}, {}, {}, None)
    assert set(found.automatic.values()) == {Counts()}


def test_what_one_mail_costs(store: Store) -> None:
    """A new customer's mail, from its claim to its acknowledgement in the outbox, is one commit and few statements."""
    with store.work() as work:
        keep(work, b"raw")
    with store.work() as work:
        [row] = work.claim_intake("one", NOW, LEASE, 1)
    before = store.counts
    with store.work() as work, work.savepoint():
        wanted = Wanted(
            message_ids=("<0@x>",), addresses=("carla@customer.test",), identity="i", content_identity="c", counted=("carla@customer.test",)
        )  # fmt: skip
        work.snapshot(wanted, NOW)
        person = carla(work)
        ticket = open_ticket(work, person)
        number = work.add_message(
            message(ticket.id, intake=row.id, person=person.id, identity="i", message_id="<1@x>")
        )
        work.add_route(number, row.id, envelope(), NOW)
        work.note_ids(ticket.id, person.id, ["<0@x>", "<1@x>"], written=True, now=NOW)
        work.record(ticket.id, "desk", "created", {}, (Reason("a", "b"),), NOW)
        put_mail(work, mail(person, ticket=ticket.id, message=number))
        work.finish_intake(row.id, "ticket 1", number, NOW)
    statements, commits = store.counts
    # on PostgreSQL a lock, and a bell for other nodes
    more = 2 if store._database.url.get_backend_name() == "postgresql" else 0
    assert (statements - before.statements - more, commits - before.commits) == (18, 1)


def test_a_known_ticket_costs_the_same_however_many_there_are(store: Store) -> None:
    with store.work() as work:
        numbers = tuple(open_ticket(work).id for _ in range(20))
    before = store.counts.statements
    with store.read() as work:
        assert len(work.snapshot(Wanted(tickets=numbers), NOW).tickets) == 20
        assert len(work.tickets(Filter())) == 20
    assert store.counts.statements - before == 1 + 3 + 1 + 3


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_indexes_serve_the_frequent_questions(store: Store) -> None:
    """What every mail or every poll asks must not read whole tables."""
    said: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            said.append((statement, parameters))

    with store.work() as work:
        engine = work._connection.engine
        sa.event.listen(engine, "before_cursor_execute", listen)
        person = carla(work)
        number = open_ticket(work, person).id
        wanted = Wanted(("<0@x>",), (number,), (1,), ("a@x",), "i", "", ("a@x",), (1,))
        work.snapshot(wanted, NOW)
        work.snapshot(Wanted(content_identity="c"), NOW)
        work.claim_intake("one", NOW, LEASE, 1)
        work.claim_outbox("one", NOW, LEASE, 1)
        put_mail(work, mail(person))
        work.next_due(NOW)
        work.due_clocks(NOW, 10)
        work.due_digests(NOW)
        work.quarantined()
        work.agent_mails_since(["a@x"], NOW)
        work.chains(number, [person.id])
        work.messages(number)
        work.events(number)
        work.held_back(NOW)
        work.earlier(person.id, None, 3)
        sa.event.remove(engine, "before_cursor_execute", listen)
        slow = []
        for statement, parameters in said:
            plan = work._connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            slow += [
                (row[3], statement) for row in plan if row[3].startswith("SCAN") and " USING " not in row[3]
            ]
    allowed = (
        "SCAN signing_key",
        "SCAN anon_",
        "SCAN CONSTANT ROW",
        "SCAN destination",
    )  # a handful of keys; the array in one row; no table; the few domains that are paused or waited for
    assert [one for one in slow if not one[0].startswith(allowed)] == []
    assert len(said) > 20
