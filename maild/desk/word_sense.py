"""What is wrong with the words that the admin's files declare, and where other parts of the files use words that are not declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from maild.desk import shapes
from maild.desk.folding import fold
from maild.desk.rulebook import FieldKind
from maild.errors import Problem
from maild.reading import KeyPath, Places, unknown, unknown_word

K = TypeVar("K", str, int, str | int)
_LISTS = ("types", "categories", "severities", "tags", "channels", "impacts", "urgencies", "priorities")


def inconsistencies(document: shapes.Document, places: Places) -> Iterator[Problem]:
    """Every mistake in the dictionary and the fields, and every word elsewhere that a declared list does not hold."""
    dictionary = document.dictionary or shapes.Dictionary()
    for name in _LISTS:
        words: Mapping[str | int, shapes.Word | None] = getattr(dictionary, name)
        yield from _ambiguous(words, ("dictionary", name), places)
        yield from _needs(words, ("dictionary", name), document, places)
    for key, field in document.fields.items():
        yield from _field(field, ("fields", key), document, places)
    for name, policy in document.sla.items():
        yield from _listed("type", policy.for_.type, dictionary.types, ("sla", name, "for", "type"), places)
    for kind in document.desk.required_on_solve if dictionary.types else ():
        if kind and kind not in dictionary.types:
            place = places.key(("desk", "required_on_solve", kind))
            yield place.problem(f"required_on_solve: {unknown('type', kind, dictionary.types)}")
    for name, view in document.desk.views.items():
        if dictionary.tags:
            yield from unknown_word("tag", view.tag, dictionary.tags, ("desk", "views", name, "tag"), places)


def _listed(
    what: str, words: Iterable[str], known: Iterable[str], path: KeyPath, places: Places
) -> Iterator[Problem]:
    """A complaint for each word that a declared list does not hold."""
    known = tuple(known)
    for index, word in enumerate(words if known else ()):
        yield from unknown_word(what, word, known, (*path, index), places)


def _field(
    field: shapes.FieldShape, path: KeyPath, document: shapes.Document, places: Places
) -> Iterator[Problem]:
    kind = field.type or (FieldKind.CHOICE if field.values else FieldKind.TEXT)
    if field.values and kind is not FieldKind.CHOICE:
        yield places.key((*path, "values")).problem(
            f"values: only a choice has values, this field holds {kind}: leave out `values`, or write `type: choice`"
        )
    if kind is FieldKind.CHOICE and not field.values:
        yield places.value((*path, "type")).problem("type: a choice needs `values`, like [small, large]")
    types = document.dictionary.types if document.dictionary else {}
    required = () if isinstance(field.required, bool) else field.required
    yield from _listed("type", required, types, (*path, "required"), places)
    yield from _ambiguous(field.values, (*path, "values"), places)
    yield from _needs(field.values, (*path, "values"), document, places)


def _needs(
    words: Mapping[K, shapes.Word | None], path: KeyPath, document: shapes.Document, places: Places
) -> Iterator[Problem]:
    """A complaint for each need that fills a field that there is not."""
    for key, word in words.items():
        for index, need in enumerate(word.needs if isinstance(word, shapes.NeedingWord) else ()):
            at: KeyPath = (*path, str(key), "needs", index, "field")
            yield from unknown_word("field", need.field, document.fields, at, places)


def _ambiguous(words: Mapping[K, shapes.Word | None], path: KeyPath, places: Places) -> Iterator[Problem]:
    """A complaint for each word that is called as another one: nobody could say which is meant."""
    first: dict[str, object] = {}
    for key, word in words.items():
        name = word.name if isinstance(word, shapes.NamedNumber) else str(key)
        labels: Mapping[str, str] = (word.label if word is not None else None) or {}
        for said in dict.fromkeys(map(fold, (name, *labels.values()))):
            other = first.setdefault(said, key)
            if other != key:
                at: KeyPath = (*path, key if isinstance(key, int) else str(key))
                yield places.key(at).problem(f"'{key}' and '{other}' are both called '{said}'")
