"""Leases: one node at a time, taken over when their time is over."""

from __future__ import annotations

import threading
from datetime import timedelta

from store import Store
from tests.store.samples import MINUTE, NOW

SECOND = timedelta(seconds=1)


def take(store: Store, node: str, *, at: timedelta = timedelta(0), name: str = "clock") -> bool:
    with store.work() as work:
        return work.take_lease(name, node, NOW + at, NOW + at + MINUTE)


def test_one_node_has_it_until_its_time_is_over(store: Store) -> None:
    assert take(store, "one")
    assert not take(store, "two", at=MINUTE - SECOND)
    assert take(store, "two", at=MINUTE)
    assert not take(store, "one", at=MINUTE)


def test_who_has_it_keeps_it(store: Store) -> None:
    assert take(store, "one")
    assert take(store, "one", at=MINUTE - SECOND)
    assert not take(store, "two", at=MINUTE + SECOND)
    with store.read() as work:
        assert work.leases() == {"clock": ("one", NOW + 2 * MINUTE - SECOND)}


def test_one_given_up_is_free_at_once(store: Store) -> None:
    assert take(store, "one")
    with store.work() as work:
        work.drop_lease("clock", "two")
    assert not take(store, "two")
    with store.work() as work:
        work.drop_lease("clock", "one")
        work.drop_lease("unknown", "one")
        assert work.leases() == {}
    assert take(store, "two")


def test_each_name_is_a_lease_of_its_own(store: Store) -> None:
    assert take(store, "one")
    assert take(store, "two", name="mailbox support")
    with store.read() as work:
        assert list(work.leases()) == ["clock", "mailbox support"]


def test_of_many_that_ask_at_once_one_gets_it(store: Store) -> None:
    names = [f"node {number}" for number in range(6)]
    together = threading.Barrier(len(names))
    got: list[str] = []

    def ask(node: str) -> None:
        together.wait()
        if take(store, node):
            got.append(node)

    threads = [threading.Thread(target=ask, args=(node,)) for node in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(got) == 1
    with store.read() as work:
        assert work.leases()["clock"][0] == got[0]
