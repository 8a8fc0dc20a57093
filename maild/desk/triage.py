"""What the desk has to know of a ticket: what its words ask for, what of that is known, and what a text or a file gives of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from maild.desk import fieldvalues, folding, glossary
from maild.desk.facts import Attachment
from maild.desk.leaving import may_leave
from maild.desk.people import Ticket
from maild.desk.rule_texts import compiled, pattern_of
from maild.desk.rulebook import ATTACHMENT, FieldKind, Need, Rulebook, Word

INLINE_MIN: Final = 1000
"""Octets from which on an image inside the text counts as a file: smaller ones count readers or draw lines."""
SENTENCE_MAX: Final = 500
_BEFORE: Final = 400
"""How much of a sentence may stand before what was found in it, in characters."""
_MATCHES: Final = 20
_BREAK = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|(?<![^\n]{60})\n|\n(?=[ \t]*(?:\n|[-*•>]|\d{1,2}[.)]))")
"""Where a sentence ends; a line break behind a long line is only wrapping."""
_INNER: Final = {
    FieldKind.NUMBER: re.compile(r"\A\s*([+-]?\d+(?:[.,]\d+)?)(?=\s+[^\W\d])(?=[^\d\n]{1,60}\s*\Z)"),
    FieldKind.DATE: re.compile(
        r"(?<![\w./-])(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}\.\s?\d{1,2}\.\s?\d{4})(?![\w/-])"
    ),
    FieldKind.YES_NO: re.compile(r"\A\s*(\w+)\s*[,.;:!–—]"),
}
"""What a sentence says of a field that holds no text: `12 people`, `since 2026-11-20`, `Yes, we have`."""
_compiled = lru_cache(maxsize=1024)(compiled)


@dataclass(frozen=True, slots=True)
class Known:
    """A need of a ticket: the number under which the requester was asked for it (None: he was not), and whether it is given."""

    number: int | None
    need: Need
    given: bool


def needs_of(ticket: Ticket, rulebook: Rulebook) -> tuple[Need, ...]:
    """What has to be known of the ticket because of its type, its category and the values of its fields, in this order, each once."""
    return _each_once(need for word in _words(ticket, rulebook) for need in word.needs)


def _each_once(needs: Iterable[Need]) -> tuple[Need, ...]:
    found: dict[str, Need] = {}
    for need in needs:
        found.setdefault(need.key, need)
    return tuple(found.values())


def _words(ticket: Ticket, rulebook: Rulebook) -> Iterator[Word]:
    """The declared words of the ticket that may need something."""
    words = rulebook.words
    named = [words.types.get(ticket.type or ""), words.categories.get(ticket.category or "")]
    named += [field.words.get(ticket.fields.get(key, "")) for key, field in rulebook.fields.items()]
    return (word for word in named if word is not None)


def every(rulebook: Rulebook) -> Iterator[Need]:
    """All needs of all declared words."""
    words = rulebook.words
    values = (word for field in rulebook.fields.values() for word in field.words.values())
    for word in (*words.types.values(), *words.categories.values(), *values):
        yield from word.needs


def asked(ticket: Ticket, rulebook: Rulebook) -> dict[int, tuple[Need, ...]]:
    """By number what the requester was asked: the need as the ticket's words have it, then others for the same. A number of which the
    files know nothing any more is left out."""
    if not ticket.asked:
        return {}
    known = (*needs_of(ticket, rulebook), *every(rulebook))
    found = {
        number: tuple(need for need in known if need.key == key) for number, key in enumerate(ticket.asked, 1)
    }
    return {number: needs for number, needs in found.items() if needs}


def lacks(need: Need, ticket: Ticket) -> bool:
    """Whether it is neither in its field nor was given otherwise."""
    return need.key not in ticket.met and not (need.field and ticket.fields.get(need.field))


def lacking(ticket: Ticket, rulebook: Rulebook) -> tuple[Need, ...]:
    """What has to be known of the ticket and is not."""
    return tuple(need for need in needs_of(ticket, rulebook) if lacks(need, ticket))


def waiting_for(ticket: Ticket, rulebook: Rulebook) -> tuple[Need, ...]:
    """What was asked and lacks, of words whose tickets wait for it (`ask: wait`)."""
    needs = _each_once(need for word in _words(ticket, rulebook) if word.wait for need in word.needs)
    return tuple(need for need in needs if need.key in ticket.asked and lacks(need, ticket))


def listed(ticket: Ticket, rulebook: Rulebook) -> tuple[Known, ...]:
    """Everything that has to be known of the ticket: first what was asked, by number, then the rest."""
    numbers = {key: number for number, key in enumerate(ticket.asked, 1)}
    known = [Known(numbers.get(need.key), need, not lacks(need, ticket)) for need in needs_of(ticket, rulebook)]  # fmt: skip
    return tuple(sorted(known, key=lambda one: (one.number is None, one.number or 0)))


def question(need: Need, language: str | None, rulebook: Rulebook) -> str:
    """The question in this language, else the desk's, else English, else any."""
    return glossary.in_language(need.ask, language, rulebook.identity.language)


def is_file(attachment: Attachment) -> bool:
    """Whether somebody has sent a file: no visiting card and no signature, nor an image inside the text that is too small to show anything."""
    return may_leave(attachment) and not (attachment.inline and attachment.size < INLINE_MIN)


def given_by(need: Need, texts: Sequence[str], rulebook: Rulebook, *, files: bool) -> str | None:
    """What in these texts, or files, gives what is needed: the value for its field, "" when it goes into none. None: nothing does."""
    for wanted in need.met_by:
        for said in _said(wanted, texts) if wanted != ATTACHMENT else ():
            value = fitting(need, said, rulebook)
            if value is not None:
                return value
    return "" if files and ATTACHMENT in need.met_by else None


def _said(wanted: str, texts: Sequence[str]) -> Iterator[str]:
    """What stands where a pattern or words are found, as written: the first group of the pattern, else the sentence."""
    pattern = pattern_of(wanted)
    for text in texts:
        if pattern is None:
            span = folding.where(wanted, text)
            if span is not None:
                yield sentence(text, *span)
            continue
        for match in islice(_compiled(pattern).finditer(text), _MATCHES):
            yield _group(match) or sentence(text, *match.span())


def _group(match: Any) -> str:
    """What the first group holds; "" when there is none."""
    return str(match.groups()[0] or "").strip() if match.groups() else ""


def sentence(text: str, start: int, end: int) -> str:
    """The sentence (or line) in which this span stands, on one line, at most `SENTENCE_MAX` characters."""
    first = max(0, start - _BEFORE)
    for found in _BREAK.finditer(text, first, start):
        first = found.end()
    last = first + SENTENCE_MAX
    after = _BREAK.search(text, max(start, end - 1), last)
    return " ".join(text[first : after.start() if after else last].split())


def fitting(need: Need, said: str, rulebook: Rulebook) -> str | None:
    """What is said as the field of the need keeps it, "" when it has none. None: it is no right value."""
    if need.field is None:
        return ""
    field = rulebook.fields.get(need.field)
    if field is None:
        return None
    first = said.strip().partition("\n")[0].rstrip(".!,; ")
    for plain in dict.fromkeys((said, first, *_inner(field.kind, said))):
        try:
            return fieldvalues.value(field, plain, rulebook)
        except ValueError:
            continue
    return _named(said, field.words.values()) if field.kind is FieldKind.CHOICE else None


def _inner(kind: FieldKind, said: str) -> tuple[str, ...]:
    """The only value that a short text has for a field of this kind."""
    found = _INNER[kind].findall(said) if kind in _INNER and len(said) <= SENTENCE_MAX else []
    return tuple(found) if len(set(found)) == 1 else ()


def _named(said: str, words: Iterable[Word]) -> str | None:
    """The only value of a choice that is named in a sentence, by key or label."""
    found = {
        word.key
        for word in words
        if any(folding.where(name, said) is not None for name in (word.key, *word.labels.values()))
    }
    return found.pop() if len(found) == 1 else None
