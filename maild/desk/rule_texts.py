"""All words and patterns of all rules looked for in a mail at once, in time linear in the mail.

Each text of a mail (subject, body, a header …) has two RE2 sets: one of words, over the folded text, and one of patterns, over the
text as it is. What is found are atoms: the number of a (text, kind, what) that any number of rules may share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import re2

from maild.desk import folding

_SET_MEMORY = 64 << 20
_PATTERN_MEMORY = 8 << 20
_END = r"\z"  # found in every text: without it among what a set has found, the set gave up
_SHOWN = 80


class Kind(StrEnum):
    WORD = "word"
    PATTERN = "pattern"
    EXACT = "exact"


class Text(NamedTuple):
    """One text of a mail: `raw` as written (several, when the mail has several of it), `exact` values in lower case."""

    raw: tuple[str, ...] = ()
    exact: frozenset[str] = frozenset()


def options(memory: int = _PATTERN_MEMORY) -> Any:
    """RE2's options: `memory` bounds a pattern (or set) in octets; nothing is written to stderr."""
    chosen = re2.Options()
    chosen.log_errors = False
    chosen.max_mem = memory
    return chosen


def wrong_pattern(pattern: str) -> str | None:
    """What is wrong with a pattern, as a sentence; None: nothing."""
    try:
        re2.compile(pattern, options=options())
    except UnicodeEncodeError:
        return "bad pattern: it holds half a character"
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        perl = "perl operator" in text or "escape" in text
        more = " (look-around and back-references are not supported)" if perl else ""
        return f"bad pattern: {text}{more}"
    return None


def pattern_of(value: str) -> str | None:
    """What stands between the slashes of `/…/`; None when the value is no pattern."""
    return value[1:-1] if len(value) > 2 and value.startswith("/") and value.endswith("/") else None


def glob(value: str) -> str:
    """`*.exe` as a pattern for a whole name, without regard to case."""
    parts = (".*" if sign == "*" else "." if sign == "?" else re2.escape(sign) for sign in value)
    return f"(?is)^{''.join(parts)}$"


def compiled(pattern: str) -> Any:
    """The pattern alone, for showing what it matched."""
    return re2.compile(pattern, options=options())


@dataclass(slots=True)
class _Searched:
    """What is looked for in one text: number and pattern of each, in sets as large as memory allows."""

    patterns: list[tuple[int, str]] = field(default_factory=list)
    sets: list[tuple[Any, tuple[tuple[int, str], ...]]] = field(default_factory=list)

    def __getstate__(self) -> tuple[list[tuple[int, str]], bool]:
        """RE2's sets cannot be pickled: they are made anew of their patterns."""
        return self.patterns, bool(self.sets)

    def __setstate__(self, state: tuple[list[tuple[int, str]], bool]) -> None:
        self.patterns, self.sets = state[0], []
        if state[1]:
            self.compile()

    def compile(self) -> None:
        todo = [tuple(self.patterns)] if self.patterns else []
        while todo:
            part = todo.pop()
            found = re2.Set.SearchSet(options(_SET_MEMORY))
            try:
                for _, pattern in part:
                    found.Add(pattern)
                found.Add(_END)
                found.Compile()
            except re2.error:
                if len(part) == 1:
                    raise
                half = len(part) // 2
                todo += [part[half:], part[:half]]
                continue
            self.sets.append((found, part))

    def hits(self, text: str) -> set[int]:
        encoded = text.encode()
        found: set[int] = set()
        for one, part in self.sets:
            numbers = one.Match(encoded) or ()
            if len(part) in numbers:
                found.update(part[at][0] for at in numbers if at < len(part))
            else:  # out of memory on this text: one by one, each within its own bound
                found.update(number for number, pattern in part if compiled(pattern).search(text))
        return found


class Matcher:
    """Filled by `add` while rules are compiled, closed by `compile`, then only asked."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, Kind, str], int] = {}
        self._sought: list[tuple[str, Kind, str]] = []
        self._words: dict[str, _Searched] = {}
        self._patterns: dict[str, _Searched] = {}
        self._texts: set[str] = set()

    def look_at(self, *texts: str) -> None:
        """These texts are wanted, if only to see whether they are there."""
        self._texts.update(texts)

    def add(self, text: str, kind: Kind, what: str) -> int:
        """The atom for `what` in this text. A word has to leave something to find (`folding.needle`)."""
        key = (text, kind, what)
        if key not in self._numbers:
            number = self._numbers[key] = len(self._sought)
            self._sought.append(key)
            if kind is Kind.WORD:
                escaped = re2.escape(folding.needle(what))
                self._words.setdefault(text, _Searched()).patterns.append((number, escaped))
            elif kind is Kind.PATTERN:
                self._patterns.setdefault(text, _Searched()).patterns.append((number, what))
        return self._numbers[key]

    def compile(self) -> None:
        """Builds the sets. Raises re2.error when a pattern alone is too large."""
        for searched in (*self._words.values(), *self._patterns.values()):
            searched.compile()

    def texts(self) -> frozenset[str]:
        """The texts that any rule looks at."""
        return frozenset(self._texts)

    def hits(self, texts: Mapping[str, Text]) -> frozenset[int]:
        """The atoms that are found in these texts."""
        found: set[int] = set()
        for name, text in texts.items():
            if name in self._words and text.raw:
                found |= self._words[name].hits("\n".join(map(folding.haystack, text.raw)))
            if name in self._patterns:
                for raw in text.raw:
                    found |= self._patterns[name].hits(raw)
            found.update(
                number
                for value in text.exact
                if (number := self._numbers.get((name, Kind.EXACT, value))) is not None
            )
        return frozenset(found)

    def evidence(self, atoms: Iterable[int], texts: Mapping[str, Text], hits: frozenset[int]) -> str:
        """The first of these atoms that was found, as it stands in its text: `subject: "production down"`."""
        for number in atoms:
            if number in hits:
                name, kind, what = self._sought[number]
                return f'{name}: "{_shown(kind, what, texts[name])}"'
        return ""


def _shown(kind: Kind, what: str, text: Text) -> str:
    for raw in text.raw:
        if kind is Kind.WORD:
            span = folding.where(what, raw)
            found = raw[slice(*span)] if span else None
        elif kind is Kind.PATTERN:
            match = compiled(what).search(raw)
            found = str(match.group(0)) if match else None
        else:
            found = what
        if found is not None:
            flat = " ".join(found.split())
            return flat if len(flat) <= _SHOWN else f"{flat[: _SHOWN - 1]}…"
    return what
