"""The outbox: told once, never a note outside, claimed by one, settled once."""

from __future__ import annotations

import contextlib
import itertools
import threading
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from maild.desk.words import Role, Scope
from store import NoteLeak, Store, Work
from store.outbox import RAW_IN_ROW
from store.rows import OutboxRow
from tests.store.samples import LEASE, MINUTE, NOW, agent, carla, mail, message, open_ticket, put_mail


def queue(store: Store, *numbers: int, **changes: Any) -> list[int | None]:
    with store.work() as work:
        return [put_mail(work, mail(carla(work), number, **changes)) for number in numbers]


def claim(store: Store, limit: int = 10, *, node: str = "one", after: int = 0) -> list[OutboxRow]:
    with store.work() as work:
        rows = work.claim_outbox(node, NOW + after * MINUTE, LEASE, limit)
    return [
        replace(row, raw=store.content.get(row.sha256), sha256=None) if row.sha256 else row for row in rows
    ]


def state(store: Store, id: int) -> OutboxRow:
    with store.read() as work:
        row = work.outbox_row(id)
    assert row is not None
    return row


@pytest.mark.parametrize("size", [0, 100, RAW_IN_ROW, RAW_IN_ROW + 1, 300_000])
def test_the_bytes_come_back(store: Store, size: int) -> None:
    raw = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with store.work() as work:
        person = carla(work)
        number = work.add_message(message(open_ticket(work, person).id, direction="out"))
        row = put_mail(
            work, mail(person, ticket=1, message=number, raw=raw, kind="answer", answer=True, automatic=False)
        )
    [claimed] = claim(store)
    assert claimed == OutboxRow(
        id=1, recipient="Carla@customer.test", person=person.id, ticket=1, message=number, message_id="<1@desk.test>",
        role=Role.REQUESTER, scope=Scope.PUBLIC, kind="answer", automatic=False, answer=True, state="sending", attempts=1, due_at=NOW,
        created_at=NOW, sent_at=None, reason="", raw=raw,
    )  # fmt: skip
    assert row == 1
    assert state(store, 1).raw == b""


def test_told_once(store: Store) -> None:
    assert queue(store, 1) == [1]
    assert queue(store, 1, message_id="<other@desk.test>") == [None]
    assert queue(store, 1, message_id="<other@desk.test>", recipient="CARLA@customer.test") == [None]
    [another] = queue(store, 1, message_id="<other@desk.test>", recipient="otto@customer.test")
    [later] = queue(store, 2)
    assert None not in (another, later)
    with store.read() as work:
        assert [row.recipient for row in work.outbox()] == [
            "Carla@customer.test",
            "otto@customer.test",
            "Carla@customer.test",
        ]


def test_several_at_once(store: Store) -> None:
    """One statement; what was told before, or twice in the same breath, is left out."""
    queue(store, 1)
    with store.work() as work:
        person = carla(work)
        mails = [mail(person, number, raw=b"%d" % number * (number * 20_000)) for number in range(1, 6)]
        before = store.counts.statements
        assert work.queue([*mails, mail(person, 3, message_id="<again@desk.test>")]).keys() == {
            f"<{number}@desk.test>" for number in range(2, 6)
        }
        assert store.counts.statements - before == 3  # two are too big for their row
        assert work.queue([]) == {}
    assert sorted(len(row.raw) for row in claim(store)) == [40, 40_000, 60_000, 80_000, 100_000]


def test_one_leak_stops_them_all(store: Store) -> None:
    with store.work() as work:
        person = carla(work)
        with pytest.raises(NoteLeak):
            work.queue([mail(person, 1), mail(person, 2, public=False)])
        assert work.outbox() == []


def test_what_this_transaction_wrote_is_a_note_all_the_same(store: Store) -> None:
    """Also when it wrote it for everybody first, and when that was undone."""
    with store.work() as work:
        person = carla(work)
        ticket = open_ticket(work, person).id
        number = work.add_message(message(None))
        work.fill_message(number, message(ticket, public=False))
        with pytest.raises(NoteLeak):
            put_mail(work, mail(person, 1, message=number))
        with contextlib.suppress(KeyError), work.savepoint():
            undone = work.add_message(message(ticket))
            raise KeyError
        again = work.add_message(message(ticket, public=False))
        assert again in (undone, undone + 1)  # SQLite gives the number once more
        with pytest.raises(NoteLeak):
            put_mail(work, mail(person, 2, message=again))


def test_many_are_settled_at_once(store: Store) -> None:
    numbers = queue(store, 1, 2, 3, 4)
    claim(store, 3)
    with store.work() as work:
        work.mail_failed(2, NOW, "no such user")
        before = store.counts.statements
        work.mails_sent([(number, f"250 kept as {number}") for number in numbers if number], NOW)
        assert store.counts.statements - before == 1
        work.mails_sent([], NOW)
    assert [(state(store, number).state, state(store, number).reason) for number in (1, 2, 3, 4)] == [
        ("sent", "250 kept as 1"),
        ("failed", "no such user"),
        ("sent", "250 kept as 3"),
        ("sent", "250 kept as 4"),
    ]
    assert state(store, 1).sent_at == NOW


def test_told_once_even_when_dropped(store: Store) -> None:
    queue(store, 1)
    with store.work() as work:
        assert work.drop_mail(1, NOW)
    assert queue(store, 1, message_id="<other@desk.test>") == [None]


def test_a_message_id_is_never_used_twice(store: Store) -> None:
    queue(store, 1)
    with pytest.raises(sa.exc.IntegrityError):
        queue(store, 2, message_id="<1@desk.test>")


def test_told_once_by_several_nodes(store: Store) -> None:
    queue(store, 0)
    start = threading.Barrier(3)
    told: list[int | None] = []

    def tell(node: int) -> None:
        start.wait()
        for number in range(1, 11):
            told.extend(queue(store, number, message_id=f"<{node}.{number}@desk.test>"))

    threads = [threading.Thread(target=tell, args=(node,)) for node in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(told), sum(row is not None for row in told)) == (30, 10)


# -- a note never reaches a requester ------------------------------------------------------------------------------------------


def test_no_note_leaves(store: Store) -> None:
    """Every role, mails that show public things or not, that carry nothing, a message or a note."""
    leaked = []
    with store.work() as work:
        person, ticket = carla(work), open_ticket(work).id
        carried = {None: None, True: work.add_message(message(ticket))}
        carried[False] = work.add_message(message(ticket, public=False))
        cases = list(itertools.product(Role, (True, False), carried))
        for number, (role, public, what) in enumerate(cases):
            try:
                put_mail(work, mail(person, number, role=role, public=public, message=carried[what]))
            except NoteLeak:
                leaked.append((role, public, what))
        queued = work.outbox()
    assert leaked == [case for case in cases if case[0].outside and (not case[1] or case[2] is False)]
    assert len(queued) == len(cases) - len(leaked)


def test_the_database_itself_refuses(store: Store) -> None:
    queue(store, 1)
    with pytest.raises(sa.exc.IntegrityError), store.work() as work:
        work._connection.execute(sa.text("UPDATE outbox SET public = (1 = 0)"))


# -- claims --------------------------------------------------------------------------------------------------------------------


def test_earliest_due_first(store: Store) -> None:
    queue(store, 1, due_at=NOW - MINUTE)
    queue(store, 2, due_at=NOW + MINUTE)
    queue(store, 3, due_at=NOW - 2 * MINUTE)
    queue(store, 4, due_at=NOW - MINUTE)
    assert [row.id for row in claim(store, 2)] == [3, 1]
    assert [row.id for row in claim(store)] == [4]
    assert [row.id for row in claim(store, after=1)] == [2]


def test_each_goes_to_one_claimer(store: Store) -> None:
    ids = queue(store, *range(40))
    taken: list[int] = []

    def take(node: str) -> None:
        while mine := claim(store, 5, node=node):
            taken.extend(row.id for row in mine)

    threads = [threading.Thread(target=take, args=(f"node{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ids


def test_a_lease_that_ran_out(store: Store) -> None:
    queue(store, 1)
    assert [row.attempts for row in claim(store)] == [1]
    assert claim(store, node="two", after=5) == []
    assert [row.attempts for row in claim(store, node="two", after=6)] == [2]


def test_released_at_the_start(store: Store) -> None:
    queue(store, 1, 2)
    claim(store)
    with store.work() as work:
        assert work.release_outbox("two") == 0
        assert work.release_outbox("one") == 2
    assert [row.attempts for row in claim(store)] == [2, 2]


# -- settling ------------------------------------------------------------------------------------------------------------------


def test_sent(store: Store) -> None:
    queue(store, 1)
    claim(store)
    with store.work() as work:
        work.mail_sent(1, NOW + MINUTE, "250 2.0.0 queued as A1")
    row = state(store, 1)
    assert (row.state, row.sent_at, row.reason) == ("sent", NOW + MINUTE, "250 2.0.0 queued as A1")
    assert claim(store, after=1000) == []


def test_sent_by_the_node_that_lost_its_lease(store: Store) -> None:
    queue(store, 1)
    claim(store)
    with store.work() as work:
        work.release_outbox("one")
        work.mail_sent(1, NOW, "250 ok")
        work.mail_later(1, NOW, "421 busy")
    assert state(store, 1).state == "sent"


def test_later(store: Store) -> None:
    queue(store, 1)
    claim(store)
    with store.work() as work:
        work.mail_later(1, NOW + MINUTE, "451 greylisted")
    assert (state(store, 1).state, state(store, 1).reason) == ("queued", "451 greylisted")
    assert claim(store) == []
    assert [row.attempts for row in claim(store, after=1)] == [2]


def test_claimed_but_not_tried(store: Store) -> None:
    queue(store, 1)
    claim(store)
    with store.work() as work:
        work.mail_released(1, NOW)
    assert [row.attempts for row in claim(store)] == [1]


def test_failed_then_tried_again(store: Store) -> None:
    queue(store, 1)
    claim(store)
    with store.work() as work:
        work.mail_failed(1, NOW, "550 no such user")
    assert (state(store, 1).state, state(store, 1).reason) == ("failed", "550 no such user")
    assert claim(store, after=1000) == []
    with store.work() as work:
        assert work.retry_mail(1, NOW)
    assert [row.attempts for row in claim(store)] == [1]


def test_a_bounce_after_it_was_sent(store: Store) -> None:
    queue(store, 1)
    claim(store)
    with store.work() as work:
        work.mail_sent(1, NOW, "250 ok")
        work.mail_failed(1, NOW + MINUTE, "5.1.1 unknown")
    row = state(store, 1)
    assert (row.state, row.sent_at, row.reason) == ("failed", NOW, "5.1.1 unknown")


@pytest.mark.parametrize(
    ("before", "retried", "dropped"),
    [("queued", True, True), ("sending", False, False), ("sent", False, False), ("failed", True, True), ("dropped", False, False)],
)  # fmt: skip
def test_what_an_admin_may_retry_or_drop(store: Store, before: str, retried: bool, dropped: bool) -> None:
    def prepare(work: Work, number: int) -> int:
        row = put_mail(work, mail(carla(work), number, due_at=NOW - MINUTE))
        assert row is not None
        if before in ("sending", "sent", "failed"):
            work.claim_outbox("one", NOW, LEASE, 10)
        match before:
            case "sent":
                work.mail_sent(row, NOW, "")
            case "failed":
                work.mail_failed(row, NOW, "")
            case "dropped":
                work.drop_mail(row, NOW)
        return row

    with store.work() as work:
        one, two = prepare(work, 1), prepare(work, 2)
        assert work.retry_mail(one, NOW) is retried
        assert work.drop_mail(two, NOW) is dropped
        after = [row.state for row in (work.outbox_row(one), work.outbox_row(two)) if row]
        assert work.outbox_row(4711) is None
        assert not work.retry_mail(4711, NOW)
    assert after == ["queued" if retried else before, "dropped" if dropped else before]


def test_lists_by_state(store: Store) -> None:
    queue(store, 1, 2, 3, 4, 5)
    with store.work() as work:
        work.mail_sent(1, NOW, "")
        work.mail_failed(2, NOW, "550 no")
        work.drop_mail(3, NOW)
        work.retry_mail(4, NOW - MINUTE)
        work.claim_outbox("one", NOW, LEASE, 1)
        assert [(row.id, row.state) for row in work.outbox()] == [
            (2, "failed"),
            (4, "sending"),
            (5, "queued"),
        ]
        assert [row.id for row in work.outbox(["sent", "dropped"])] == [1, 3]
        assert work.outbox([]) == []


def test_mails_to_an_agent(store: Store) -> None:
    with store.work() as work:
        ana = agent(work)
        for number, changes in enumerate(
            [
                {"created_at": NOW},
                {"created_at": NOW - MINUTE},
                {"recipient": "ANA@desk.test", "role": Role.WATCHER},
                {"automatic": False},
                {"role": Role.REQUESTER},
                {"recipient": "zoe@desk.test"},
            ]
        ):
            put_mail(work, mail(ana, number, **{"role": Role.RESPONSIBLE, **changes}))
        assert work.agent_mails_since(["Ana@desk.test"], NOW) == {"ana@desk.test": 2}
        both = ["ana@desk.test", "nobody@desk.test", "zoe@desk.test"]
        assert work.agent_mails_since(both, NOW - MINUTE) == {"ana@desk.test": 3, "zoe@desk.test": 1}
        assert work.agent_mails_since([], NOW) == {}
