"""People as agents name them: what the words say, and when two spellings are one number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.desk.callers import Caller, addresses_of, meant, name_key, phone_key, read, same_number
from maild.desk.people import Person

WRITTEN: list[tuple[str, Caller | None]] = [
    ("Jan Jansen", Caller("Jan Jansen")),
    ("  Jan   Jansen ", Caller("Jan Jansen")),
    ("+31 20 555 1234", Caller(phone="+31 20 555 1234")),
    ("(020) 555-1234", Caller(phone="(020) 555-1234")),
    ("tel. 020 555 1234", Caller(phone="020 555 1234")),
    ("4711", Caller(phone="4711")),
    ("020 555 1234 ext 12", Caller(phone="020 555 1234 ext 12")),
    ("Jan, +31 20 555 1234 ext. 12", Caller("Jan", phone="+31 20 555 1234 ext. 12")),
    ("+1 415 555 2671 x9 Jan Jansen", Caller("Jan Jansen", phone="+1 415 555 2671 x9")),
    ("Jan Jansen +31 20 555 1234", Caller("Jan Jansen", phone="+31 20 555 1234")),
    ("Jan Jansen, tel: 020 555 1234", Caller("Jan Jansen", phone="tel: 020 555 1234".removeprefix("tel: "))),
    ("+31 20 555 1234 Jan Jansen", Caller("Jan Jansen", phone="+31 20 555 1234")),
    ("Room 12", Caller("Room 12")),
    ("3M Company", Caller("3M Company")),
    ("jan@Globex.TEST", Caller("", "jan@globex.test")),
    ("jan@globex.test.", Caller("", "jan@globex.test")),
    ("Jan Jansen <jan@globex.test>", Caller("Jan Jansen", "jan@globex.test")),
    ('"Jansen, Jan" <jan@globex.test>', Caller("Jansen, Jan", "jan@globex.test")),
    ("Jan <globex>", None),
    ("jan@", None),
]


@pytest.mark.parametrize(("written", "said"), WRITTEN)
def test_what_the_words_name(written: str, said: Caller | None) -> None:
    assert read(written) == said


def test_only_addresses_are_looked_up_as_such() -> None:
    assert addresses_of(("Jan", "Jan <JAN@globex.test>", "+31 20 555 1234", "x@")) == ("jan@globex.test",)


def test_accents_of_names_do_not_count() -> None:
    assert name_key("JOSÉ  Núñez") == name_key("jose nunez") == "jose nunez"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+31 20 555 1234", "0031 20 555 1234", True),
        ("+31 20 555 1234", "020 555 1234", True),
        ("+31 (0)20 555 1234", "+31205551234", True),
        ("020-5551234", "0031205551234", True),
        ("+45 12 34 56 78", "12345678", True),
        ("+32 2 123 45 67", "02 123 45 67", True),
        ("+31 20 555 1234", "+31 20 555 1235", False),
        ("+31 10 555 1234", "+31 20 555 1234", False),
        ("4711", "4711", True),
        ("+31 20 555 1234 ext 12", "020 555 1234 x12", True),
        ("+31 20 555 1234 ext 12", "020 555 1234", True),
        ("+31 20 555 1234 ext 12", "020 555 1234 ext 13", False),
        ("4711", "+31 20 555 4711", False),
        ("", "", False),
    ],
)
def test_spellings_of_a_number(one: str, other: str, same: bool) -> None:
    assert same_number(one, other) is same_number(other, one) is same
    if same:
        assert phone_key(one) == phone_key(other)


JAN = Person(1, "Jan Jansen", "jan@globex.test", phone="+31 20 555 1234")
JANE = Person(2, "Jane Doe", "", phone="020 555 1234")
OTHER_JAN = Person(3, "JAN  Jansen", "jan@initech.test")
NUMBER = Person(4, "", "", phone="0031 20 555 1234")
PEOPLE = (JAN, JANE, OTHER_JAN, NUMBER)


@pytest.mark.parametrize(
    ("asked", "people"),
    [
        (Caller("jan jansen"), (JAN, OTHER_JAN)),
        (Caller(phone="+31 20 5551234"), (JAN, JANE, NUMBER)),
        (Caller("Jan Jansen", phone="020 555 1234"), (JAN,)),
        (Caller("Jan Jansen", phone="020 555 9999"), (OTHER_JAN,)),
        (Caller("Piet", phone="020 555 1234"), (NUMBER,)),
        (Caller("Piet", phone="020 555 9999"), ()),
        (Caller("Jane Doe", phone="020 555 9999"), ()),
        (Caller("Nobody"), ()),
    ],
)
def test_who_is_meant(asked: Caller, people: tuple[Person, ...]) -> None:
    assert meant(asked, PEOPLE) == people


@given(st.text(max_size=300))
def test_no_words_break_it(written: str) -> None:
    found = read(written)
    if found is not None:
        assert (
            bool(found.address)
            or found.phone is not None
            or name_key(found.name) == name_key(written[:300])
            or len(written) > 200
        )
        assert found.name == " ".join(found.name.split()) or found.address
