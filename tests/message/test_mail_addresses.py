"""Address fields: the regular, the recoverable, and what is left alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.message.addresses import display_name, loose, read


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ann <ann@x.example>", [("Ann", "ann@x.example")]),
        ("ann@X.Example", [("", "ann@x.example")]),
        ("Ann@x.example", [("", "Ann@x.example")]),
        ("ann@x.example (Ann Example)", [("Ann Example", "ann@x.example")]),
        ('"Smith, John" <j@x.example>', [("Smith, John", "j@x.example")]),
        ("Smith, John <j@x.example>", [("Smith, John", "j@x.example")]),
        ("boss@corp.example <evil@x.example>", [("boss@corp.example", "evil@x.example")]),
        ('"=?utf-8?q?J=C3=B6rg?=" <j@x.example>', [("Jörg", "j@x.example")]),
        ("=?utf-8?q?a=2C_b_=3Cevil=40x=3E?= <j@x.example>", [("a, b <evil@x>", "j@x.example")]),
        ("'Ann' <ann@x.example>", [("Ann", "ann@x.example")]),
        ("a@x.example, B <b@x.example>", [("", "a@x.example"), ("B", "b@x.example")]),
        ("Group: a@x.example, b@x.example;", [("", "a@x.example"), ("", "b@x.example")]),
        ("undisclosed-recipients:;", []),
        ("<ann@x.example", [("", "ann@x.example")]),
        ("Ann ann@x.example", [("Ann", "ann@x.example")]),
        ("Ann <ann@x.example> trailing", [("Ann", "ann@x.example")]),
        ("<mailto:ann@x.example>", [("", "ann@x.example")]),
        ("=?utf-8?q?Ann_=3Cann=40x=2Eexample=3E?=", [("Ann", "ann@x.example")]),
        ("Foo <a@x.example> <b@x.example>", [("Foo", "a@x.example"), ("", "b@x.example")]),
        ("a@b@c.example", []),
        ("MAILER-DAEMON", []),
        ("<>", []),
        ("", []),
        ("Grüße <g@ü.example>", [("Grüße", "g@ü.example")]),
        ("Dr. A. Bee [X] <a@x.example>", [("Dr. A. Bee [X]", "a@x.example")]),
    ],
)
def test_read(value: str, expected: list[tuple[str, str]]) -> None:
    assert sorted((box.name, box.address) for box in read([value]).addresses) == sorted(expected)


@pytest.mark.parametrize(
    ("values", "certain"),
    [
        (["Ann <ann@x.example>"], True),
        (["boss@corp.example <evil@x.example>"], True),
        (["<ann@x.example"], False),
        (["ann@x.example bob@y.example"], False),
        (["=?utf-8?q?=3Cann=40x=2Eexample=3E?="], False),
        (["Ann <ann@x.example>", "oops <"], False),
    ],
)
def test_only_what_has_one_reading_is_certain(values: list[str], certain: bool) -> None:
    assert read(values).certain is certain


def test_all_fields_of_a_name_are_read() -> None:
    assert [box.address for box in read(["a@x.example", "b@x.example"]).addresses] == [
        "a@x.example",
        "b@x.example",
    ]


def test_addresses_are_capped() -> None:
    assert len(read([", ".join(f"u{number}@x.example" for number in range(900))]).addresses) == 500


def test_display_name_is_one_clean_line() -> None:
    assert display_name(" \"'Ann\r\n\tExample\x00'\" ") == "Ann Example\ufffd"
    assert len(display_name("a" * 999)) == 200


def test_loose() -> None:
    assert loose("<a@X.example>; for b@y.example, nobody") == ["a@x.example", "b@y.example"]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab@.<>(),;:\"\\ =?'[]é"), max_size=60))
def test_read_never_fails_and_gives_usable_addresses(value: str) -> None:
    for box in read([value]).addresses:
        local, _, domain = box.address.rpartition("@")
        assert local
        assert domain
        assert not set(domain) & set(" <>,;\r\n")
        assert "\n" not in box.name
