"""What a search finds: the terms of a text, and those that a search asks for.

A piece between white space is made of parts: words, numbers, symbols such as € % #, and in scripts without spaces between words each
character. A text's terms are its parts and every two that follow each other in a piece, so that `order-4711`, `ana@example.org` and
東京 are found as they stand, and `order`, `example.org` and 京都 within them. All are folded (`folding.fold`): no case, no accents.
A term holds no white space, no quote, and no ASCII sign, so that databases take each for one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from maild.desk.folding import JOINED, fold, tokens

READ: Final = 200_000
"""Characters of a text whose terms are found."""

LONGEST: Final = 64
"""Characters of a word that count: longer ones are found by their beginning."""

ASKED: Final = 32
"""Most terms that one search asks for; what stands behind them does not narrow it."""

_BEGINS: Final = 3
_REMEMBERED: Final = 40
_PAIR: Final = "·"
_TAG: Final = "§"
_SIGNS: Final = str.maketrans("#$%&+", "＃＄％＆＋")
_CHARACTER = re.compile(f"[{JOINED}]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A term that must be there. `begins`: or one that begins with it."""

    term: str
    begins: bool = False


def terms(text: str) -> set[str]:
    """All terms of a text."""
    found: set[str] = set()
    for piece in set(fold(text[:READ]).split()):
        found.update(_of_piece(piece) if len(piece) <= _REMEMBERED else _terms(_parts(piece)))
    return found


def tag_term(tag: str) -> str:
    """What stands among a ticket's terms for one of its tags, and in no text. Tags that differ in signs only share it."""
    return _TAG + "".join(char for char in fold(tag) if char.isalnum())[:LONGEST]


def wanted(search: str) -> tuple[Wanted, ...] | None:
    """What a search asks for, all of it: whole numbers, and words that begin with what was written if that has three letters or a
    `*` behind it. Signs that no text is searched for are left out. None: nothing is asked."""
    pieces = fold(search[:READ]).split()
    if not pieces:
        return None
    found = dict.fromkeys(one for piece in pieces for one in _asked(piece))
    return tuple(found)[:ASKED]


def _asked(piece: str) -> Iterable[Wanted]:
    parts = _parts(piece)
    if not parts:
        return
    last = parts[-1]
    word = last[0].isalnum() and not _CHARACTER.match(last)
    begins = word and (piece.endswith("*") or (len(last) >= _BEGINS and not last.isdecimal()))
    if len(parts) == 1:
        yield Wanted(last, begins)
        return
    pairs = [_PAIR.join(pair) for pair in pairwise(parts)]
    yield from map(Wanted, pairs[:-1])
    yield Wanted(pairs[-1], begins)


def _parts(folded: str) -> list[str]:
    if folded.isascii() and folded.isalnum():
        return [folded[:LONGEST]]
    return [token[:LONGEST].translate(_SIGNS) for token in tokens(folded) if _counts(token)]


@lru_cache(maxsize=4096)
def _sign_counts(char: str) -> bool:
    return char in "#$%&+" if char.isascii() else unicodedata.category(char)[0] in "SLNM"


def _counts(token: str) -> bool:
    return token[0].isalnum() or _sign_counts(token[0])


def _terms(parts: list[str]) -> set[str]:
    return {*parts, *(_PAIR.join(pair) for pair in pairwise(parts))}


@lru_cache(maxsize=16384)
def _of_piece(piece: str) -> frozenset[str]:
    return frozenset(_terms(_parts(piece)))
