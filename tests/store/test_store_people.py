"""The register: found by address, never entered twice, filled in and never overwritten."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest

from maild.desk.facts import Address
from maild.desk.people import Person
from store import Store
from tests.store.samples import carla


def test_found_by_any_spelling(store: Store) -> None:
    with store.work() as work:
        first = carla(work)
        assert first == Person(1, "Carla Ruiz", "Carla@customer.test", "Customer", "es")
        again = work.person(Address("", "CARLA@customer.test"))
        assert again == first
        assert work.person_by_id(first.id) == first
        assert work.person_by_id(4711) is None


@pytest.mark.parametrize(
    ("known", "told", "kept"),
    [
        ({}, {}, {}),
        ({}, {"language": "es", "zone": "Europe/Madrid"}, {"language": "es", "zone": "Europe/Madrid"}),
        ({"language": "es"}, {"language": "en", "organisation": "Customer"}, {"language": "es", "organisation": "Customer"}),
        ({"organisation": "Customer"}, {"organisation": "Other"}, {"organisation": "Customer"}),
        ({"zone": "UTC"}, {"zone": None}, {"zone": "UTC"}),
    ],
)  # fmt: skip
def test_filled_in_not_overwritten(
    store: Store, known: dict[str, Any], told: dict[str, Any], kept: dict[str, Any]
) -> None:
    address = Address("", "c@customer.test")
    with store.work() as work:
        work.person(address, **known)
        one = work.person(address, **told)
        assert work.person(address) == one == Person(1, "", "c@customer.test", **kept)


def test_the_name_is_filled_in(store: Store) -> None:
    with store.work() as work:
        assert work.person(Address("", "c@customer.test")).name == ""
        assert work.person(Address("Carla", "c@customer.test")).name == "Carla"
        assert work.person(Address("Karla", "c@customer.test")).name == "Carla"


def test_several_at_once(store: Store) -> None:
    with store.work() as work:
        known, unnamed = carla(work), work.person(Address("", "otto@customer.test"))
        before = store.counts.statements
        asked = [
            Address("", "CARLA@customer.test"),
            Address("Otto", "otto@customer.test"),
            Address("", "new@customer.test"),
        ]
        people = work.people([*asked, asked[0]])
        assert [person.id for person in people] == [known.id, unnamed.id, 3, known.id]
        assert [person.name for person in people] == ["Carla Ruiz", "Otto", "", "Carla Ruiz"]
        before = store.counts.statements
        assert work.people(asked) == people[:3]
        assert store.counts.statements == before  # this transaction knows them
    with store.work() as work:
        before = store.counts.statements
        assert work.people(asked) == people[:3]
        assert store.counts.statements - before == 1
        assert work.people([]) == []


def test_who_was_entered_in_an_undone_part_is_entered_anew(store: Store) -> None:
    with store.work() as work:
        known = carla(work)
        for name in ("Otto", "Olga"):
            with contextlib.suppress(KeyError), work.savepoint():
                work.person(Address(name, "otto@customer.test"))
                raise KeyError(name)
        otto = work.person(Address("Otto", "otto@customer.test"))
        assert carla(work) == known
    with store.read() as work:
        assert work.person_by_id(otto.id) == otto == Person(otto.id, "Otto", "otto@customer.test")


def test_without_an_address(store: Store) -> None:
    with store.work() as work:
        one = work.caller("Otto", "+49 30 1234")
        two = work.caller("Otto", None)
        assert one == work.person_by_id(one.id) == Person(1, "Otto", "", phone="+49 30 1234")
        assert two.id != one.id
        with pytest.raises(ValueError, match="caller"):
            work.person(Address("Otto", ""))


def test_entered_by_several_nodes_at_once(store: Store) -> None:
    start = threading.Barrier(4)
    found: list[Person] = []

    def enter() -> None:
        start.wait()
        for number in range(10):
            with store.work() as work:
                found.append(work.person(Address(f"Person {number}", f"p{number}@customer.test")))

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    assert len({person.id for person in found}) == len({person.key for person in found}) == 10
    with store.read() as work:
        people = work._connection.exec_driver_sql("SELECT count(*) FROM person").scalar()
    assert people == 10


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_entered_by_another_node_meanwhile(store: Store) -> None:
    """The second waits for the first to commit, then finds what it entered."""
    entered: list[Person] = []

    def second() -> None:
        with store.work() as work:
            entered.append(carla(work))

    other = threading.Thread(target=second)
    with store.work() as work:
        mine = carla(work)
        other.start()
        other.join(timeout=0.2)
        assert entered == []
    other.join(timeout=10)
    assert entered == [mine]
