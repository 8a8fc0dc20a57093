"""What is wrong with what the admin's words need: no question, and patterns and words that can find nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Final

from maild.desk import folding, shapes
from maild.desk.rule_texts import pattern_of, wrong_pattern
from maild.desk.rulebook import ATTACHMENT
from maild.errors import Problem
from maild.reading import KeyPath, Places

_MEANT: Final = 0.85
"""How much a word must be like `attachment` to be hardly meant as a word."""


def senseless(document: shapes.Document, places: Places) -> Iterator[Problem]:
    for path, need in _needs(document):
        if not need.ask:
            yield places.key((*path, "ask")).problem("ask: needs a question, like {en: What did you do?}")
        for index, wanted in enumerate(need.met_by):
            wrong = _wrong(wanted)
            if wrong is not None:
                yield places.value((*path, "met_by", index)).problem(f"met_by: {wrong}")


def _needs(document: shapes.Document) -> Iterator[tuple[KeyPath, shapes.Need]]:
    """Every need, with where it stands."""
    dictionary = document.dictionary or shapes.Dictionary()
    groups: list[tuple[KeyPath, Mapping[str, shapes.NeedingWord | None]]] = [
        (("dictionary", "types"), dictionary.types),
        (("dictionary", "categories"), dictionary.categories),
        *((("fields", key, "values"), field.values) for key, field in document.fields.items()),
    ]
    for path, words in groups:
        for key, word in words.items():
            for index, need in enumerate(word.needs if word else ()):
                yield (*path, key, "needs", index), need


def _wrong(wanted: str) -> str | None:
    """Why nothing can be found by it; None: all is well."""
    pattern = pattern_of(wanted)
    if pattern is not None:
        return wrong_pattern(pattern)
    if wanted == ATTACHMENT:
        return None
    if SequenceMatcher(None, wanted.lower(), ATTACHMENT).ratio() >= _MEANT:
        return f"'{wanted}' is looked for as a word (did you mean '{ATTACHMENT}'? as a word write /(?i){wanted}/)"
    return None if folding.needle(wanted).strip() else f"'{wanted}' leaves nothing to look for"
