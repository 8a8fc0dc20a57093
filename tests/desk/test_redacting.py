"""Taking a person out of others' words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.redacting import Redaction

CARLA = Redaction(
    "erased person 7",
    ("Carla Ruiz", "carla"),
    ("carla@globex.test",),
    ("+49 171 555 12",),
    ("Refund for lamp 4711", "My lamp broke on the way.\nThanks"),
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Carla Ruiz wrote", "erased person 7 wrote"),
        ("CARLA  RUIZ wrote", "erased person 7 wrote"),
        ("Dear Carla,", "Dear erased person 7,"),
        ("Mrs Ruiz called", "Mrs erased person 7 called"),
        ("to Carla@Globex.test.", "to erased person 7."),
        ("call +49 171 555 12 now", "call erased person 7 now"),
        ("Carlanda and xcarla@globex.test", "Carlanda and xcarla@globex.test"),
        ("nobody else", "nobody else"),
    ],
)
def test_who_it_is(text: str, left: str) -> None:
    assert CARLA.identity(text) == left


@pytest.mark.parametrize(
    ("text", "quotes", "left"),
    [
        ("We send a new one.\n> My lamp broke on the way.\n> and more", True, "We send a new one."),
        (
            "We send a new one.\n> My lamp broke on the way.\n> of Dora's",
            False,
            "We send a new one.\n> of Dora's",
        ),
        ("Outlook says:\nMy lamp broke on  the way.\nbye", False, "Outlook says:\nbye"),
        ("About Refund for lamp 4711: yes", False, "About [erased]: yes"),
        ("Thanks", True, "Thanks"),
    ],
)
def test_what_he_said(text: str, quotes: bool, left: str) -> None:
    assert CARLA.words(text, quotes=quotes) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('subject "lamp 4711"', 'subject "[erased]"'),
        ("body: 'broke on the way'", "body: '[erased]'"),
        ("from carla@globex.test is in 'globex'", "from erased person 7 is in 'globex'"),
        ('state "open"', 'state "open"'),
    ],
)
def test_the_evidence_of_rules(text: str, left: str) -> None:
    assert CARLA.evidence(text) == left


def test_values_of_the_history() -> None:
    told = {
        "requester": "carla@globex.test",
        "state": ["new", "open"],
        "minutes": 5,
        "why": None,
        "subject": "Refund for lamp 4711",
    }
    assert CARLA.value(told) == {
        "requester": "erased person 7", "state": ["new", "open"], "minutes": 5, "why": None, "subject": "[erased]",
    }  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.text(), st.text(), st.text())
def test_whatever_somebody_is_called_the_rest_stays(name: str, address: str, text: str) -> None:
    redaction = Redaction("erased", (name,), (address,), (), (name,))
    assert address.strip() == "" or address not in redaction.identity(f" {address} ").replace("erased", "")
    assert Redaction("erased").identity(text) == text
