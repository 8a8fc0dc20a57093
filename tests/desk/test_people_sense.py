"""People in the admin's files: what is wrong with them, and whom the rulebook then finds where."""

from __future__ import annotations

import pytest

from maild.desk.belonging import groups_of, language_of, organisation_of, reason
from maild.desk.people import Person
from tests.desk.test_rulefiles import DESK, load

GROUPS = "groups: {pilots: {}}\n"
MISTAKES = [
    ("organisations: [{name: Globex}]\npeople: [{name: Jan, organisation: Glob}]\n", "2:36: organisation: unknown organisation 'Glob' (did you mean 'Globex'?)"),
    (GROUPS + "people: [{name: Jan, groups: [pilot]}]\n", "2:31: groups: unknown group 'pilot' (did you mean 'pilots'?)"),
    ("people: [{name: Jan, address: ANA@acme.test}]\n", "1:31: address: 'ana@acme.test' is an agent's: people are those outside"),
    ("people: [{name: Jan, address: [jan@x.test, support+x@acme.test]}]\n", "1:44: address: 'support+x@acme.test' is the desk's own"),
    ("people:\n  - {name: Jan, address: jan@x.test}\n  - {name: Piet, address: [p@x.test, JAN@x.test]}\n", "3:38: address 'jan@x.test' stands twice; before: rules/2.yaml:2:26"),
    ("people: [{name: Jan, phone: upstairs}]\n", "1:29: phone: 'upstairs' is no telephone number, like \"+31 20 555 1234\""),
    ("people: [{name: Jan, phone: '4711'}]\n", "1:29: phone: '4711' is no telephone number, like \"+31 20 555 1234\""),
    ("people: [{name: Jan}, {name: jan}]\n", "1:30: person 'jan' stands twice; before: rules/2.yaml:1:17"),
    ("people:\n  - {name: Jan, phone: 020 555 1234}\n  - {name: Jan, phone: +31 20 555 1234}\n", "3:12: person 'Jan' stands twice; before: rules/2.yaml:2:12"),
    ("organisations:\n  - {name: X, domains: [x.test]}\n  - {name: Y, members: [x.test]}\n", "3:25: domain 'x.test' stands twice; before: rules/2.yaml:2:25"),
    ("organisations: [{name: Globex}, {name: globex}]\n", "1:40: organisation 'globex' stands twice; before: rules/2.yaml:1:24"),
    ("people: [{name: Jan, adress: x@y.test}]\n", "1:22: unknown key 'adress' (did you mean 'address'?)"),
    ("people: [{address: x@y.test}]\n", "1:10: 'name' is missing"),
    (GROUPS + "desk: {open_to: [known, pilot]}\n", "2:25: open_to: unknown group 'pilot' (did you mean 'pilots'?)"),
    ("desk: {open_to: anybody}\n", "1:17: open_to: unknown group 'anybody' (did you mean 'anyone'?)"),
    ("groups: {known: {}}\n", "1:10: 'known' is a word of desk.open_to: call the group otherwise"),
    ("desk: {cc: sometimes}\n", "1:12: cc: 'sometimes' is not one of join, ignore"),
    ("groups: {x: {members: [not a domain]}}\n", "1:24: members: 'not a domain' is no domain name"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "complaint"), MISTAKES)
def test_what_is_wrong(text: str, complaint: str) -> None:
    assert [str(problem) for problem in load(DESK, text).problems] == [f"rules/2.yaml:{complaint}"]


PEOPLE = """\
organisations:
  - {name: Globex, domains: [globex.test]}
  - {name: Globex Lab, domains: [lab.globex.test]}
  - {name: Initech, domains: [initech.test], members: [dan@home.test, annex.test], language: es}
groups:
  pilots: {members: [pia@anywhere.test, lab.test]}
  friends: {domains: [globex.test]}
  readers: {}
people:
  - {name: Jan, address: [jan@x.test, jan@globex.test], groups: readers, organisation: Initech}
  - {name: Dan, address: [dan@home.test, dan@lab.test]}
  - {name: Otto, phone: +49 30 1234567, groups: pilots}
"""


@pytest.mark.parametrize(
    ("address", "organisation", "groups", "why"),
    [
        ("x@globex.test", "Globex", ("friends",), "the domain of the address"),
        ("x@deep.lab.globex.test", "Globex Lab", ("friends",), "the domain of the address"),
        ("x@deep.annex.test", "Initech", (), "the domain of the address"),
        ("dan@home.test", "Initech", ("pilots",), "an address of its members"),
        ("dan@lab.test", "Initech", ("pilots",), "an address of its members"),
        ("jan@x.test", "Initech", ("friends", "readers"), "people of the rule files"),
        ("jan@globex.test", "Initech", ("friends", "readers"), "people of the rule files"),
        ("pia@anywhere.test", None, ("pilots",), ""),
        ("eve@deep.lab.test", None, ("pilots",), ""),
        ("eve@notlab.test", None, (), ""),
        ("", None, (), ""),
    ],
)
def test_to_whom_an_address_belongs(
    address: str, organisation: str | None, groups: tuple[str, ...], why: str
) -> None:
    loaded = load(DESK, PEOPLE)
    assert loaded.problems == []
    assert loaded.rulebook is not None
    person = Person(1, "", address)
    assert organisation_of(person, loaded.rulebook) == organisation
    assert groups_of(person, loaded.rulebook) == groups
    assert language_of(person, loaded.rulebook) == ("es" if organisation == "Initech" else None)
    assert reason(person, loaded.rulebook) == why


def test_what_the_register_was_told_goes_first() -> None:
    rulebook = load(DESK, PEOPLE).rulebook
    assert rulebook is not None
    told = Person(1, "", "x@globex.test", "Initech", language="nl", groups=("pilots", "gone"))
    assert organisation_of(told, rulebook) == "Initech"
    assert groups_of(told, rulebook) == ("pilots", "friends")
    assert language_of(told, rulebook) == "nl"
    assert reason(told, rulebook) == "the register: an agent or the rule files said so"


def test_each_contact_once() -> None:
    rulebook = load(DESK, PEOPLE).rulebook
    assert rulebook is not None
    assert [contact.name for contact in rulebook.contacts] == ["Jan", "Dan", "Otto"]
