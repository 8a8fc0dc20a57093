"""The desk's declared words in people's mouths: found by key or label, named and explained in a reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from maild.desk.folding import fold
from maild.desk.rulebook import Rulebook, Word

_NEAR: Final = 0.6


def in_language(texts: Mapping[str, str], *languages: str | None) -> str:
    """The text in the first of these languages (BCP 47) that there is, `pt` also for pt-BR and the other way round; else that for every
    language, the English one, any. "" when there is none."""
    return _understood(texts, *languages) or next(iter(texts.values()), "")


def _understood(texts: Mapping[str, str], *languages: str | None) -> str:
    """As `in_language`, but none in a language that is neither asked for nor English."""
    by_tag = {tag.lower(): text for tag, text in texts.items()}
    for language in filter(None, languages):
        tag = language.lower()
        primary = tag.partition("-")[0]
        kin = (text for other, text in by_tag.items() if other.partition("-")[0] == primary)
        found = by_tag.get(tag) or by_tag.get(primary) or next(kin, "")
        if found:
            return found
    return by_tag.get("") or by_tag.get("en") or ""


def label(word: Word, *languages: str | None) -> str:
    """What the word is called; its key when it has no label that the reader would understand."""
    return _understood(word.labels, *languages) or word.key


def definition(word: Word, *languages: str | None) -> str:
    """What the word means, "" when nothing is said."""
    return in_language(word.describe, *languages)


def _names(words: Iterable[Word]) -> Iterator[tuple[str, Word]]:
    """Everything that the words are called: keys first, so that a label never hides another word's key."""
    words = tuple(words)
    yield from ((word.key, word) for word in words)
    yield from ((text, word) for word in words for text in word.labels.values())


def found(words: Iterable[Word], said: str) -> Word | None:
    """The word that is said by its key, or by a label of any language, in any case, with accents or without."""
    plain = " ".join(fold(said).split())
    return next((word for name, word in _names(words) if " ".join(fold(name).split()) == plain), None)


def nearest(words: Iterable[Word], said: str) -> Word | None:
    """The word whose key or label is nearest to what is said, if one is near."""
    by_name: dict[str, Word] = {}
    for name, word in _names(words):
        by_name.setdefault(name, word)
    near = close(said, by_name)
    return by_name[near] if near else None


def close(said: str, names: Iterable[str]) -> str:
    """The nearest of these names, "" when none is near."""
    by_fold: dict[str, str] = {}
    for name in names:
        by_fold.setdefault(fold(name), name)
    near = get_close_matches(fold(said), by_fold, 1, _NEAR)
    return by_fold[near[0]] if near else ""


def number(names: Mapping[int, Word], said: str) -> int | None:
    """The number whose name this is; None when it is nobody's."""
    by_key = {word.key: at for at, word in names.items()}
    one = found(names.values(), said)
    return None if one is None else by_key[one.key]


def channels(rulebook: Rulebook) -> dict[str, Word]:
    """The declared ways by which requests come, of `desk.channels` and the dictionary, beside email; empty: any."""
    return {**{key: Word(key) for key in rulebook.channels}, **rulebook.words.channels}
