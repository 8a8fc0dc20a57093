"""Posts to webhooks: told once, claimed by one, a few to each host, settled once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from store import Store
from store.rows import NewPost, PostRow
from tests.store.samples import LEASE, MINUTE, NOW, open_ticket


def new(number: int, **changes: Any) -> NewPost:
    post = NewPost(
        f"intake:{number}", f"evt_{number}", "https://hooks.test/desk", "hooks.test", "Tell them", 1, '{"a": 1}', NOW
    )  # fmt: skip
    return replace(post, **changes)


def queue(store: Store, *posts: NewPost) -> list[bool]:
    with store.work() as work:
        if work.ticket(1) is None:
            open_ticket(work)
        return [work.queue_post(post) for post in posts]


def claim(store: Store, *, node: str = "one", after: int = 0, limit: int = 10, per_host: int = 10, busy: tuple[str, ...] = ()) -> list[PostRow]:  # fmt: skip
    with store.work() as work:
        return work.claim_posts(node, NOW + after * MINUTE, LEASE, limit, per_host, busy)


def ids(rows: list[PostRow]) -> list[int]:
    return [row.id for row in rows]


def state(store: Store, id: int) -> PostRow:
    with store.read() as work:
        return next(
            row for row in work.posts(("queued", "sending", "sent", "failed", "dropped")) if row.id == id
        )


def test_what_was_queued_is_claimed_once_by_one(store: Store) -> None:
    assert queue(store, new(1, url="https://hooks.test/á?b=1")) == [True]
    [row] = claim(store)
    assert row == PostRow(
        1, "evt_1", "https://hooks.test/á?b=1", "hooks.test", "Tell them", 1, '{"a": 1}', "sending", 1, NOW, NOW, None, ""
    )  # fmt: skip
    assert claim(store, node="two") == []
    [again] = claim(store, node="two", after=6)
    assert (again.id, again.attempts) == (1, 2)
    assert store.check() == []


def test_an_event_is_posted_to_a_url_once(store: Store) -> None:
    assert queue(store, new(1)) == [True]
    assert queue(store, new(1, event_id="evt_9")) == [False]
    assert queue(store, new(1, event_id="evt_2", url="https://hooks.test/other")) == [True]
    assert queue(store, new(2, event_id="evt_3")) == [True]
    with store.read() as work:
        assert [row.event_id for row in work.posts()] == ["evt_1", "evt_2", "evt_3"]


def test_one_host_gets_a_few_and_holds_up_no_other(store: Store) -> None:
    queue(store, *(new(number) for number in range(1, 6)), new(6, host="fast.test", url="https://fast.test/"))
    assert ids(claim(store, per_host=2)) == [1, 2, 6]
    assert ids(claim(store, per_host=2, busy=("hooks.test",))) == []
    assert ids(claim(store, per_host=2)) == [3, 4]
    assert ids(claim(store, limit=1)) == [5]


def test_the_earliest_due_goes_first_and_nothing_before_its_time(store: Store) -> None:
    queue(store, new(1, created_at=NOW + 2 * MINUTE), new(2, created_at=NOW + MINUTE))
    with store.read() as work:
        assert work.next_post_due() == NOW + MINUTE
    assert claim(store) == []
    assert ids(claim(store, after=3)) == [2, 1]
    with store.read() as work:
        assert work.next_post_due() == NOW + 3 * MINUTE + LEASE


def test_later_comes_back_when_it_is_due(store: Store) -> None:
    queue(store, new(1))
    claim(store)
    with store.work() as work:
        work.post_later(1, NOW + 5 * MINUTE, "503 busy")
    assert claim(store, after=4) == []
    [row] = claim(store, after=5)
    assert (row.attempts, row.reason, row.event_id) == (2, "503 busy", "evt_1")


@pytest.mark.parametrize("end", ["sent", "failed", "dropped"])
def test_what_has_ended_is_not_claimed_again(store: Store, end: str) -> None:
    queue(store, new(1))
    if end != "dropped":
        claim(store)
    with store.work() as work:
        if end == "sent":
            work.post_sent(1, NOW, "204 No Content")
        elif end == "failed":
            assert work.post_failed(1, NOW, "410 Gone")
            assert not work.post_failed(1, NOW, "again")
        else:
            assert work.drop_post(1, NOW)
    assert (state(store, 1).state, state(store, 1).finished_at) == (end, NOW)
    assert claim(store, after=9999) == []
    with store.work() as work:
        assert work.retry_post(1, NOW + MINUTE) == (end == "failed")
        assert not work.retry_post(4711, NOW)
    assert ids(claim(store, after=2)) == ([1] if end == "failed" else [])
    assert store.check() == []


def test_what_is_on_the_way_cannot_be_dropped(store: Store) -> None:
    queue(store, new(1))
    claim(store)
    with store.work() as work:
        assert not work.drop_post(1, NOW)


def test_a_node_that_died_or_stops_gives_back_its_own(store: Store) -> None:
    queue(store, new(1), new(2), new(3))
    claim(store, limit=1)
    claim(store, node="two", limit=1)
    with store.work() as work:
        assert work.release_posts("one") == 1
    assert ids(claim(store)) == [1, 3]
    with store.work() as work:
        work.post_released(3, NOW)
    assert (state(store, 3).state, state(store, 3).attempts) == ("queued", 0)


def test_the_totals_count_posts(store: Store) -> None:
    queue(store, new(1), new(2, created_at=NOW - timedelta(hours=1)), new(3))
    with store.work() as work:
        work.post_failed(3, NOW, "410 Gone")
    with store.read() as work:
        totals = work.totals()
    assert (totals.posts_queued, totals.oldest_post, totals.posts_failed) == (2, NOW - timedelta(hours=1), 1)
    assert (totals.queued, totals.failed) == (0, 0)
