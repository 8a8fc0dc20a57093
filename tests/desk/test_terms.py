"""Terms: what a text is found by, and what a search asks for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.terms import ASKED, LONGEST, Wanted, tag_term, terms, wanted


def found(text: str, search: str) -> bool:
    """As the databases do it."""
    asked = wanted(search)
    assert asked is not None
    had = terms(text)
    return bool(asked) and all(
        one.term in had or (one.begins and any(term.startswith(one.term) for term in had)) for one in asked
    )


TEXT = """The PRINTER in Straße 5 burns. Order-4711, ana.ruiz@example.org (not 47110), 50% of 3.5 V, C++ & R&D, don't.
Grüße aus Łódź, café, ﬁnal, 東京都に行きます。 ภาษาไทย हिन्दी Ελλάς €20 🔥 192.0.2.7 v2.10.1-rc3 x_y"""


@pytest.mark.parametrize(
    "search",
    [
        "printer",
        "PRINTER burns",
        "print",
        "print*",
        "strasse",
        "straße",
        "STRASSE",
        "straße 5",
        "order-4711",
        "order",
        "4711",
        "471*",
        "47110",
        "ana.ruiz@example.org",
        "<ana.ruiz@example.org>",
        "example.org",
        "@example.org",
        "ruiz",
        "50%",
        "%",
        "c++",
        "r&d",
        "don't",
        "don’t",
        "grusse lodz",
        "GRÜSSE",
        "cafe\u0301",
        "final",
        "東京",
        "京都",
        "都",
        "行きます",
        "ภาษา",
        "हिन्दी",
        "ελλας",
        "€20",
        "€",
        "🔥",
        "192.0.2.7",
        "v2.10",
        "rc3",
        "x_y",
        '"printer"',
        "- printer -",
    ],
)
def test_found(search: str) -> None:
    assert found(TEXT, search)


@pytest.mark.parametrize(
    "search",
    ["rinter", "471", "order-47", "order 47", "4711-order", "example.com", "京東", "東都", "c#", "100%", "pr", "🔥🔥", "£20", "v2.11"],
)  # fmt: skip
def test_not_found(search: str) -> None:
    assert not found(TEXT, search)


@pytest.mark.parametrize("search", ["", "  \n", "\u00a0", "\u200b"])
def test_nothing_is_asked(search: str) -> None:
    assert wanted(search) is None


@pytest.mark.parametrize("search", ["\\", "'\"", "(*) -", "\x00\ud800"])
def test_nothing_that_could_be_found(search: str) -> None:
    assert wanted(search) == ()


def test_bounds() -> None:
    assert wanted("x" * 100_000) == (Wanted("x" * LONGEST, begins=True),)
    assert found("x" * 99_000, "x" * 98_000)
    assert len(wanted(" ".join(map(str, range(10_000)))) or ()) == ASKED
    assert wanted("fire fire FIRE") == (Wanted("fire", begins=True),)


def test_a_tag_is_no_text() -> None:
    assert tag_term("VIP") == tag_term("vip") != tag_term("vi")
    assert not terms("§vip § vip") & {tag_term("vip"), tag_term("")}


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=60))
def test_a_piece_is_found_in_every_text_that_holds_it(before: str, piece: str, after: str) -> None:
    for one in piece.split():
        if wanted(one):
            assert found(f"{before} {one} {after}", one)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_terms_are_plain_words(text: str) -> None:
    for term in terms(text) | {tag_term(text)} | {one.term for one in wanted(text) or ()}:
        assert term
        assert term.split() == [term]
        assert all(char.isalnum() for char in term if char.isascii())
        term.encode()
