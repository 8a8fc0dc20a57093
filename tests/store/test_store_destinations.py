"""Destinations: pauses, domains that are left alone, paces; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from store import Store
from store.rows import DestinationRow, Pace
from tests.store.samples import LEASE, MINUTE, NOW, carla, mail, put_mail

SECOND = timedelta(seconds=1)


def fill(store: Store, *domains: str) -> None:
    with store.work() as work:
        person = carla(work)
        for number, domain in enumerate(domains, 1):
            put_mail(work, mail(person, number, recipient=f"p{number}@{domain}"))


def claim(
    store: Store, limit: int = 10, *, after: timedelta = 0 * SECOND, node: str = "one", **paces: Pace
) -> list[int]:
    with store.work() as work:
        rows = work.claim_outbox(
            node, NOW + after, LEASE, limit, lambda domain: paces.get(domain.removesuffix(".test"), Pace())
        )
        return [row.id for row in rows]


def test_a_pause_of_everything_and_of_one_domain(store: Store) -> None:
    fill(store, "a.test", "b.test", "A.TEST")
    with store.work() as work:
        assert work.pause_mail("a.test", NOW)
        assert not work.pause_mail("a.test", NOW + MINUTE)
        assert work.destinations(NOW) == [DestinationRow("a.test", NOW, None, "")]
    assert claim(store, 1) == [2]
    with store.work() as work:
        assert work.pause_mail(None, NOW + MINUTE)
        assert [one.domain for one in work.destinations(NOW)] == [None, "a.test"]
        assert work.resume_mail("a.test")
        assert not work.resume_mail("a.test")
    assert claim(store) == []
    with store.work() as work:
        assert work.resume_mail(None)
        assert not work.resume_mail(None)
        assert work.destinations(NOW) == []
    assert claim(store) == [1, 3]


def test_a_domain_is_left_alone_until_then_and_what_it_takes_ends_that(store: Store) -> None:
    fill(store, "a.test", "b.test", "a.test")
    with store.work() as work:
        assert [work.destination_deferred("a.test", NOW, f"{n}") for n in range(3)] == [1, 2, 3]
        work.leave_alone("a.test", NOW + MINUTE)
        assert work.destination_deferred("a.test", NOW, "too") == 0
        assert work.destinations(NOW) == [DestinationRow("a.test", None, NOW + MINUTE, "2")]
        assert work.destinations(NOW + MINUTE) == []
    assert claim(store) == [2]
    with store.work() as work:
        [one] = work.claim_outbox("one", NOW + MINUTE, LEASE, 1)
        assert (one.id, one.troubled, one.domain) == (1, True, "a.test")
        assert work.destination_deferred("a.test", NOW + MINUTE, "again") == 4
        work.leave_alone("a.test", NOW + 9 * MINUTE)
    assert claim(store, after=2 * MINUTE) == []
    with store.work() as work:
        work.destinations_reached(["a.test", "unknown.test"])
        [other] = work.claim_outbox("one", NOW + 2 * MINUTE, LEASE, 9)
        assert (other.id, other.troubled) == (3, False)


def test_no_domain_gets_more_of_a_claim_than_it_may_and_the_others_get_the_rest(store: Store) -> None:
    fill(store, *["a.test"] * 5, *["b.test"] * 3, "c.test")
    assert claim(store, 4, a=Pace(2), b=Pace(1)) == [1, 2, 6, 9]
    assert claim(store, 4, a=Pace(0)) == [7, 8]
    assert claim(store, 9, a=Pace(-1)) == []
    assert claim(store, 2) == [3, 4]


def test_one_claim_of_a_domain_with_bound_costs_no_more_statements(store: Store) -> None:
    fill(store, "a.test", "b.test")
    before = store.counts.statements
    assert claim(store, 2, a=Pace(5), b=Pace(5)) == [1, 2]
    assert store.counts.statements - before == 2


@pytest.mark.parametrize("per_minute", [1, 30, 600])
def test_in_no_minute_there_are_more_than_the_pace_allows(store: Store, per_minute: int) -> None:
    gap = (MINUTE + SECOND) / per_minute
    taken: list[timedelta] = []
    with store.work() as work:
        for second in (*range(70), *range(90, 160)):  # with a rest between, which may not be made up for
            now = second * SECOND
            turns = work.take_turns("a.test", NOW + now, gap, 10_000)
            taken += [now] * turns
        assert work.take_turns("a.test", NOW + 9 * MINUTE, gap, 0) == 0
    for begin in taken:
        assert sum(begin <= at < begin + MINUTE for at in taken) <= per_minute
    assert len(taken) >= per_minute * 2


def test_the_turns_of_a_domain_are_shared_by_all_nodes(store: Store) -> None:
    fill(store, *["a.test"] * 6)
    pace = Pace(None, timedelta(seconds=30))
    assert claim(store, a=pace) == [1]
    assert claim(store, a=pace, node="two") == []
    assert claim(store, a=pace, node="two", after=29 * SECOND) == []
    assert claim(store, a=pace, node="two", after=30 * SECOND) == [2]
    assert claim(store, a=pace, after=2 * MINUTE) == [3]


def test_a_try_without_any_relay_does_not_count(store: Store) -> None:
    fill(store, "a.test")
    for _ in range(3):
        assert claim(store) == [1]
        with store.work() as work:
            work.mail_later(1, NOW, "no relay", counted=False)
            row = work.outbox_row(1)
        assert row is not None
        assert (row.attempts, row.state) == (1, "queued")
