"""What somebody says for a field, and what the field keeps of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.desk import fieldvalues
from maild.desk.rulebook import Agent, Contact, Field, FieldKind, Identity, Rulebook, Word

BOOK = Rulebook(
    Identity("Acme", "support@acme.test", "Acme"),
    agents={
        "ana@acme.test": Agent("Ana Ruiz", "ana@acme.test", "support"),
        "ben@acme.test": Agent("Ben", "ben@acme.test", "support"),
        "ben2@acme.test": Agent("Ben", "ben2@acme.test", "support"),
    },
    people={
        address: Contact("Pia Post", ("pia@x.test", "pp@x.test")) for address in ("pia@x.test", "pp@x.test")
    },
)
SIZES = {"small": Word("small", {"es": "pequeño", "de": "klein"}), "large": Word("large")}


def kept(kind: FieldKind, said: str) -> str:
    return fieldvalues.value(Field("f", "F", SIZES if kind is FieldKind.CHOICE else {}, kind), said, BOOK)


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        (FieldKind.TEXT, "  printing\n\nand more ", "printing\n\nand more"),
        (FieldKind.NUMBER, "12", "12"),
        (FieldKind.NUMBER, " 2,50 ", "2.50"),
        (FieldKind.NUMBER, "-0.5", "-0.5"),
        (FieldKind.NUMBER, "+007", "7"),
        (FieldKind.NUMBER, "1 000 000,25", "1000000.25"),
        (FieldKind.DATE, "2026-12-24", "2026-12-24"),
        (FieldKind.DATE, "2026/2/9", "2026-02-09"),
        (FieldKind.DATE, "24.12.2026", "2026-12-24"),
        (FieldKind.CHOICE, "SMALL", "small"),
        (FieldKind.CHOICE, "Pequeno", "small"),
        (FieldKind.CHOICE, "Klein", "small"),
        (FieldKind.YES_NO, "Yes.", "yes"),
        (FieldKind.YES_NO, "SÍ", "yes"),
        (FieldKind.YES_NO, "True", "yes"),
        (FieldKind.YES_NO, "Não", "no"),
        (FieldKind.YES_NO, "nein", "no"),
        (FieldKind.PERSON, "ana ruiz", "ana@acme.test"),
        (FieldKind.PERSON, "Ana@Acme.test", "ana@acme.test"),
        (FieldKind.PERSON, "pia post", "pia@x.test"),
        (FieldKind.PERSON, "Otto <otto@y.test>", "otto@y.test"),
    ],
)
def test_what_is_kept(kind: FieldKind, said: str, expected: str) -> None:
    assert kept(kind, said) == expected


@pytest.mark.parametrize(
    ("kind", "said", "why"),
    [
        (FieldKind.TEXT, "  ", "must not be empty"),
        (FieldKind.NUMBER, "twelve", "'twelve' is no number"),
        (FieldKind.NUMBER, "1.000,5", "is no number"),
        (FieldKind.NUMBER, "2 GB", "is no number"),
        (FieldKind.DATE, "2026-02-30", "'2026-02-30' is no date, like 2026-12-24"),
        (FieldKind.DATE, "tomorrow", "is no date"),
        (FieldKind.CHOICE, "smal", "'smal' is not one of small, large; did you mean small?"),
        (FieldKind.CHOICE, "peqeño", "did you mean small?"),
        (FieldKind.YES_NO, "perhaps", "is neither yes nor no"),
        (FieldKind.PERSON, "Ana Ruis", "is nobody here and no mail address; did you mean Ana Ruiz?"),
        (FieldKind.PERSON, "Ben", "could be ben@acme.test or ben2@acme.test"),
    ],
)
def test_what_is_refused_and_why(kind: FieldKind, said: str, why: str) -> None:
    with pytest.raises(ValueError) as refused:
        kept(kind, said)
    assert why in str(refused.value)


def test_a_long_text_is_cut() -> None:
    assert len(kept(FieldKind.TEXT, "x" * 5000)) == fieldvalues.TEXT_MAX


@given(st.sampled_from(FieldKind), st.text(max_size=30))
def test_what_is_kept_is_kept_again_as_it_is(kind: FieldKind, said: str) -> None:
    try:
        once = kept(kind, said)
    except ValueError:
        return
    assert kept(kind, once) == once
