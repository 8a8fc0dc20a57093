"""The people of the files in the register: they win, they are found by any address and number, and what they gave ends with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from maild.desk.effects import Change
from maild.desk.facts import Address
from maild.desk.people import Person
from maild.desk.rulebook import Contact
from maild.desk.snapshot import Wanted
from store import Store, migration
from store.engine import parse_url
from store.rows import Filter
from tests.store.samples import NOW, open_ticket

JAN = Contact(
    "Jan Jansen",
    ("jan@globex.test", "j.jansen@home.test"),
    "+31 20 555 1234",
    "Globex",
    ("pilots",),
    "nl",
    "Europe/Amsterdam",
)
OTTO = Contact("Otto", phone="+49 30 1234567", groups=("pilots",))


def test_entered_with_all_that_the_files_say(store: Store) -> None:
    with store.work() as work:
        assert work.take_contacts([JAN, OTTO])
        jan = Person(
            1,
            "Jan Jansen",
            "jan@globex.test",
            "Globex",
            "nl",
            "Europe/Amsterdam",
            "+31 20 555 1234",
            ("pilots",),
        )
        assert work.person_at("J.Jansen@home.test") == work.person_at("jan@globex.test") == jan
        assert work.addresses(1) == ("j.jansen@home.test", "jan@globex.test")
        assert work.person_by_id(2) == Person(2, "Otto", "", phone="+49 30 1234567", groups=("pilots",))
    assert store.check() == []


def test_nothing_is_done_twice(store: Store) -> None:
    with store.work() as work:
        assert not work.take_contacts([])
        assert work.take_contacts([JAN, OTTO])
    with store.work() as work:
        before = store.counts.statements
        assert not work.take_contacts([JAN, OTTO])
        assert store.counts.statements - before == 1
        assert work.take_contacts([OTTO, JAN])
        assert [work.person_by_id(number) is None for number in (1, 2, 3)] == [False, False, True]


def test_the_files_win_over_what_was_stored(store: Store) -> None:
    with store.work() as work:
        work.person(Address("J.", "jan@globex.test"), organisation="Initech", language="en", zone="UTC")
        work.take_contacts([JAN])
        assert work.person_at("jan@globex.test") == Person(
            1,
            "Jan Jansen",
            "jan@globex.test",
            "Globex",
            "nl",
            "Europe/Amsterdam",
            "+31 20 555 1234",
            ("pilots",),
        )
        work.take_contacts([Contact("Jan Jansen", ("jan@globex.test",))])
        kept = work.person_at("jan@globex.test")
        assert kept is not None
        assert (kept.organisation, kept.groups, kept.language) == (None, (), "nl")


def test_what_the_files_gave_ends_with_them(store: Store) -> None:
    with store.work() as work:
        work.take_contacts([JAN, OTTO])
        work.take_contacts([])
        jan, otto = work.person_by_id(1), work.person_by_id(2)
        assert jan is not None
        assert otto is not None
        assert (jan.name, jan.organisation, jan.groups, otto.groups) == ("Jan Jansen", None, (), ())


def test_what_an_agent_said_since_stays(store: Store) -> None:
    with store.work() as work:
        work.take_contacts([JAN])
        work.set_organisation(1, "Initech")
        work.take_contacts([])
        jan = work.person_by_id(1)
        assert jan is not None
        assert jan.organisation == "Initech"


@pytest.mark.parametrize("name", ["Otto", ""])
def test_a_caller_is_found_again_and_keeps_his_tickets(store: Store, name: str) -> None:
    with store.work() as work:
        caller = work.caller(name, "030 1234567")
        ticket = open_ticket(work, caller)
        work.take_contacts([OTTO])
        known = work.person_by_id(caller.id)
        assert known is not None
        assert (known.name, known.groups) == ("Otto", ("pilots",))
        assert work.person_by_id(caller.id + 1) is None
        work.take_contacts([Contact("Otto", ("otto@globex.test",), "+49 30 1234567")])
        [mine] = work.tickets(Filter(requester="otto@globex.test"))
        assert mine.id == ticket.id


def test_who_has_another_number_is_somebody_else(store: Store) -> None:
    with store.work() as work:
        caller = work.caller("Otto", "030 7654321")
        work.take_contacts([OTTO])
        assert work.person_by_id(caller.id) == caller
        assert work.person_by_id(caller.id + 1) is not None


def test_two_whom_a_contact_joins_are_one_with_all_their_tickets(store: Store) -> None:
    """History and tokens of old mails name the second entry, so it stays; tickets, places in tickets and seen mails are the first's."""
    with store.work() as work:
        first, second = (work.person(Address("", address)) for address in JAN.addresses)
        carla = work.person(Address("Carla", "carla@globex.test"))
        one, two, both = open_ticket(work, first), open_ticket(work, second), open_ticket(work, carla)
        work.add_participants(one.id, [second.id], "desk", NOW)
        work.add_participants(both.id, [first.id, second.id], "desk", NOW)
        for person in (first, second):
            work.note_ids(two.id, person.id, ["<a@x>", f"<{person.id}@x>"], written=True, now=NOW)
        work.take_contacts([JAN])
        mine = work.tickets(Filter(requester="j.jansen@home.test"))
        assert [ticket.id for ticket in mine] == [one.id, two.id]
        assert {ticket.requester.id for ticket in mine} == {first.id}
        assert [ticket.requester.address for ticket in mine] == list(JAN.addresses)
        assert mine[0].participants == ()
        whole = work.ticket(both.id)
        assert whole is not None
        assert [person.id for person in whole.participants] == [first.id]
        assert work.chains(two.id, [first.id])[first.id].ids == ("<a@x>", "<1@x>", "<2@x>")
        assert work.person_by_id(second.id) is not None
        assert [
            one.id for one in work.snapshot(Wanted(callers=("Jan Jansen",)), NOW).callers["Jan Jansen"]
        ] == [first.id]
    assert store.check() == []


def test_found_by_name_and_number(store: Store) -> None:
    asked = (
        "jan  JANSEN",
        "020 555 1234",
        "Jan Jansen 0031 20 555 1234",
        "Jan Jansen 020 555 9999",
        "x@y.test",
        "Otto",
    )
    with store.work() as work:
        work.take_contacts([JAN])
        work.caller("Otto", None)
        work.caller("Otto", None)
        found = work.snapshot(Wanted(callers=asked), NOW)
        assert {text: [one.id for one in people] for text, people in found.callers.items()} == {
            "jan  JANSEN": [1],
            "020 555 1234": [1],
            "Jan Jansen 0031 20 555 1234": [1],
            "Jan Jansen 020 555 9999": [],
            "Otto": [2, 3],
        }
        assert found.people["jan@globex.test"].id == 1
        assert "jan@globex.test" in found.automatic


def test_a_name_that_is_filled_in_later_is_found(store: Store) -> None:
    with store.work() as work:
        work.person(Address("", "carla@globex.test"))
        work.person(Address("Carla", "carla@globex.test"))
        caller = work.caller("", "020 555 1234")
        assert work.called(caller.id, "Piet", None) == Person(caller.id, "Piet", "", phone="020 555 1234")
        assert work.called(4711, "Piet", None) is None
        found = work.snapshot(Wanted(callers=("carla", "piet")), NOW).callers
        assert [[one.id for one in people] for people in found.values()] == [[1], [caller.id]]


def test_acquainted_is_who_takes_part_in_a_ticket(store: Store) -> None:
    with store.work() as work:
        carla, dan, eve = (
            work.person(Address("", f"{name}@globex.test")) for name in ("carla", "dan", "eve")
        )
        ticket, spam = open_ticket(work, carla), open_ticket(work, eve)
        work.add_participants(ticket.id, [dan.id], "desk", NOW)
        work.change_ticket(spam.id, (Change("state", "new", "spam"),), NOW)
        known = {
            name: work.snapshot(Wanted(newcomer=f"{name}@globex.test"), NOW).acquainted
            for name in ("carla", "dan", "eve", "frank")
        }
        assert known == {"carla": True, "dan": True, "eve": False, "frank": False}
        work.record(None, "desk", "refused", {"subject": "frank@globex.test"}, (), NOW)
        assert work.snapshot(Wanted(newcomer="frank@globex.test"), NOW).refused == NOW
        assert work.snapshot(Wanted(newcomer="carla@globex.test"), NOW).refused is None


def test_an_older_database_forgets_what_followed_from_domains(
    new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wrote the organisation of an address down when somebody came; callers' was said. Everybody is found by name and number."""
    url = new_database()
    with monkeypatch.context() as older:
        older.setattr(migration, "HEAD", "0007")
        migration.migrate(parse_url(url))
    people = [
        {
            "id": 1,
            "name": "Carla  Ruíz",
            "address": "carla@globex.test",
            "organisation": "Globex",
            "phone": None,
        },
        {"id": 2, "name": "Otto", "address": "", "organisation": "Globex", "phone": "+49 (0)30 1234567"},
    ]
    engine = sa.create_engine(parse_url(url))
    with engine.begin() as connection:
        statement = "INSERT INTO person (id, name, address, organisation, phone) VALUES (:id, :name, :address, :organisation, :phone)"
        connection.execute(sa.text(statement), people)
    engine.dispose()
    upgraded = Store.open(url, tmp_path / "files")
    with upgraded.read() as work:
        found = work.snapshot(Wanted(callers=("carla ruiz", "030 1234567")), NOW).callers
        assert [(one.id, one.organisation, one.groups) for people in found.values() for one in people] == [
            (1, None, ()),
            (2, "Globex", ()),
        ]
    upgraded.close()
