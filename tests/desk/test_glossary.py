"""Declared words in people's mouths."""

from __future__ import annotations

import pytest

from maild.desk import glossary
from maild.desk.rulebook import Identity, Rulebook, Word, Words

WORDS = [Word("bug", {"es": "Error", "de": "Fehler"}), Word("Error page", {"": "Page"}), Word("question")]


@pytest.mark.parametrize(
    ("said", "key"),
    [("BUG", "bug"), ("error", "bug"), ("error  PAGE", "Error page"), ("page", "Error page"), ("fehlér", "bug"), ("", None), ("eror", None)],
)  # fmt: skip
def test_a_word_is_found_by_key_or_label(said: str, key: str | None) -> None:
    found = glossary.found(WORDS, said)
    assert (found.key if found else None) == key


def test_a_key_goes_before_a_label() -> None:
    words = [Word("bug", {"es": "question"}), Word("question")]
    assert glossary.found(words, "Question") is words[1]


@pytest.mark.parametrize(("said", "key"), [("bgu", "bug"), ("Feler", "bug"), ("quetsion", "question"), ("zzz", None)])  # fmt: skip
def test_the_nearest(said: str, key: str | None) -> None:
    near = glossary.nearest(WORDS, said)
    assert (near.key if near else None) == key


TEXTS = {"en": "one", "es": "uno", "pt-BR": "um"}


@pytest.mark.parametrize(
    ("texts", "languages", "text"),
    [
        (TEXTS, ("es",), "uno"),
        (TEXTS, ("es-MX",), "uno"),
        (TEXTS, ("pt",), "um"),
        (TEXTS, ("pt-PT",), "um"),
        (TEXTS, ("PT-br",), "um"),
        (TEXTS, ("fr", "es"), "uno"),
        (TEXTS, (None, "fr"), "one"),
        ({"": "any", "es": "uno"}, ("fr",), "any"),
        ({"es": "uno"}, ("fr",), "uno"),
        ({}, ("fr",), ""),
    ],
)
def test_the_readers_language(texts: dict[str, str], languages: tuple[str, ...], text: str) -> None:
    assert glossary.in_language(texts, *languages) == text


def test_channels_are_those_of_the_desk_and_of_the_dictionary() -> None:
    words = Words(channels={"phone": Word("phone", {"es": "teléfono"}), "visit": Word("visit")})
    book = Rulebook(Identity("A", "a@b.test", "A"), channels={"phone": "1", "chat": "x"}, words=words)
    assert list(glossary.channels(book)) == ["phone", "chat", "visit"]
    assert glossary.channels(book)["phone"].labels == {"es": "teléfono"}


def test_a_number_by_its_name() -> None:
    names = {1: Word("now", {"es": "ahora"}), 3: Word("whenever")}
    assert [glossary.number(names, said) for said in ("Now", "AHORA", "whenever", "today")] == [1, 1, 3, None]
