"""The intake: kept in order, claimed once, finished once, put aside whole."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from store import LeaseLost, Store, Work
from store.rows import Quarantined
from tests.store.samples import LEASE, MINUTE, NOW, envelope, keep, message


def claim(store: Store, limit: int = 10, *, node: str = "one", after: int = 0) -> list[int]:
    """Numbers claimed `after` minutes."""
    with store.work() as work:
        return [row.id for row in work.claim_intake(node, NOW + after * MINUTE, LEASE, limit)]


def fail(store: Store, id: int, *, after: int = 0, attempts_max: int = 3) -> bool:
    with store.work() as work:
        now = NOW + after * MINUTE
        return work.fail_intake(id, "Traceback: it broke", now, attempts_max, now + MINUTE)


def test_kept_in_order_and_given_out_whole(store: Store) -> None:
    with store.work() as work:
        assert work.keep([]) == []
        ids = keep(work, b"one", b"three")
        ids += keep(work, b"five", sender="", route="imap:box", trusted=False, unauthenticated=True)
    assert ids == [1, 2, 3]
    with store.work() as work:
        rows = work.claim_intake("one", NOW, LEASE, 10)
        assert [work.get_content(row.sha256) for row in rows] == [b"one", b"three", b"five"]
    assert [(row.id, row.size, row.attempts, row.alone) for row in rows] == [
        (1, 3, 1, False),
        (2, 5, 1, False),
        (3, 4, 1, False),
    ]
    assert [row.envelope for row in rows] == [
        envelope(),
        envelope(),
        envelope(sender="", route="imap:box", trusted=False, unauthenticated=True),
    ]


def test_a_big_batch_keeps_its_order(store: Store) -> None:
    with store.work() as work:
        ids = keep(work, *(b"%d" % number for number in range(1500)))
    assert ids == list(range(1, 1501))


def test_each_goes_to_one_claimer(store: Store) -> None:
    with store.work() as work:
        ids = keep(work, *(b"%d" % number for number in range(60)))
    taken: list[int] = []

    def take(node: str) -> None:
        while mine := claim(store, 7, node=node):
            taken.extend(mine)

    threads = [threading.Thread(target=take, args=(f"node{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ids


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_claimers_do_not_wait_for_each_other(store: Store) -> None:
    with store.work() as work:
        keep(work, b"1", b"2", b"3", b"4")
    with store.work() as first:
        assert [row.id for row in first.claim_intake("one", NOW, LEASE, 2)] == [1, 2]
        assert claim(store, 2, node="two") == [3, 4]


def test_the_limit(store: Store) -> None:
    with store.work() as work:
        keep(work, b"1", b"2", b"3")
    assert [claim(store, 2), claim(store, 2), claim(store, 2)] == [[1, 2], [3], []]


def test_a_lease_that_ran_out(store: Store) -> None:
    with store.work() as work:
        keep(work, b"1", b"2", b"3")
    assert claim(store, 2) == [1, 2]
    assert claim(store, node="two", after=5) == [3]
    # both are claimed again, but alone; 3 is new to nobody
    assert claim(store, node="two", after=6) == [1]
    assert claim(store, node="two", after=6) == [2]
    assert claim(store, node="two", after=6) == []


def test_whether_one_waits(store: Store) -> None:
    def waits(after: int = 0) -> bool:
        with store.read() as work:
            return work.intake_waits(NOW + after * MINUTE)

    assert not waits()
    with store.work() as work:
        [id] = keep(work, b"one")
    assert waits()
    with store.work() as work:
        work.claim_intake("one", NOW, LEASE, 10)
    assert [waits(), waits(60 * 24)] == [False, True], "until its lease has run out"
    fail(store, id, after=1)
    assert [waits(1), waits(2)] == [False, True], "it is due again a minute later"


def test_what_went_wrong_before_comes_alone(store: Store) -> None:
    with store.work() as work:
        keep(work, b"1", b"2", b"3", b"4")
    assert claim(store, 2) == [1, 2]
    with store.work() as work:
        assert work.release_intake("two") == 0
        assert work.release_intake("one") == 2
    assert claim(store) == [1]
    assert claim(store) == [2]
    assert claim(store) == [3, 4]
    with store.work() as work:
        keep(work, b"5", b"6", b"7")
    fail(store, 4)
    assert claim(store) == [5, 6, 7]
    assert claim(store, after=1) == [4]


def test_new_mail_in_front_of_a_suspect_goes_without_it(store: Store) -> None:
    with store.work() as work:
        keep(work, b"1", b"2")
    assert claim(store, 1) == [1]
    assert claim(store, 1) == [2]
    fail(store, 2)
    with store.work() as work:
        work.unclaim_intake([1], NOW, "one")
        keep(work, b"3")
    assert claim(store, after=1) == [1]
    assert claim(store, after=1) == [2]
    assert claim(store, after=1) == [3]


def test_a_fault_of_ours_does_not_count(store: Store) -> None:
    with store.work() as work:
        keep(work, b"1", b"2")
    claim(store)
    with store.work() as work:
        work.unclaim_intake([1, 2, 4711], NOW + MINUTE, "one")
    assert claim(store) == []
    with store.work() as work:
        rows = work.claim_intake("one", NOW + MINUTE, LEASE, 10)
    assert [(row.id, row.attempts) for row in rows] == [(1, 1), (2, 1)]


def test_finished_once(store: Store) -> None:
    with store.work() as work:
        [id] = keep(work, b"1")
    claim(store)
    with store.work() as work:
        work.finish_intake(id, "ticket 1", work.add_message(message(None, intake=id)), NOW)
    assert claim(store, after=60) == []
    with store.work() as work:
        assert work.release_intake("one") == 0
    assert fail(store, id) is False


def test_two_nodes_cannot_both_finish(store: Store) -> None:
    """The slow one, whose lease ran out, is undone as a whole."""
    with store.work() as work:
        [id] = keep(work, b"1")
    claim(store)
    claim(store, node="two", after=6)

    def finish(work: Work) -> None:
        number = work.add_message(message(None, intake=id))
        work.finish_intake(id, "kept", number, NOW)

    with store.work() as work:
        finish(work)
    with pytest.raises(LeaseLost), store.work() as work:
        finish(work)
    with store.read() as work:
        assert work.message(2) is None


def test_into_quarantine_after_the_last_attempt(store: Store) -> None:
    with store.work() as work:
        [id] = keep(work, b"poison")
    results = []
    for attempt in range(3):
        assert claim(store, after=attempt) == [id]
        results.append(fail(store, id, after=attempt))
        assert claim(store, after=attempt) == []
    assert results == [False, False, True]
    assert claim(store, after=1000) == []
    with store.read() as work:
        [one] = work.quarantined()
        assert work.quarantined_one(id) == one
        assert work.get_content(one.sha256) == b"poison"
    assert one == Quarantined(id, one.sha256, 6, envelope(), 3, NOW + 2 * MINUTE, "Traceback: it broke")


def quarantine(store: Store) -> int:
    with store.work() as work:
        [id] = keep(work, b"poison")
    claim(store)
    assert fail(store, id, attempts_max=1)
    return id


def test_out_of_quarantine_by_a_retry(store: Store) -> None:
    id = quarantine(store)
    with store.work() as work:
        assert work.retry_quarantined(id, NOW)
        assert not work.retry_quarantined(id, NOW)
        assert work.quarantined() == []
        [row] = work.claim_intake("one", NOW, LEASE, 10)
    assert row.attempts == 1


def test_out_of_quarantine_by_dropping(store: Store) -> None:
    id = quarantine(store)
    with store.work() as work:
        assert work.drop_quarantined(id, NOW)
        assert not work.drop_quarantined(id, NOW)
        assert not work.retry_quarantined(id, NOW)
        assert work.quarantined_one(id) is None
    assert claim(store, after=1000) == []
    assert store.content.get("".join(_hashes(store))) == b"poison"


def _hashes(store: Store) -> list[str]:
    with store.read() as work:
        return list(work._connection.exec_driver_sql("SELECT sha256 FROM intake").scalars())


@pytest.mark.parametrize(
    "doing", [Work.quarantined_one, lambda work, id: work.retry_quarantined(id, NOW), lambda work, id: work.drop_quarantined(id, NOW)]
)  # fmt: skip
def test_only_what_is_in_quarantine(store: Store, doing: Callable[[Work, int], object]) -> None:
    with store.work() as work:
        [waiting] = keep(work, b"1")
        assert not doing(work, waiting)
        assert not doing(work, 4711)
