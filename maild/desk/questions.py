"""Questions that are asked by mail: `list mine`, `show 12`, `search words`, `report`, `help` (CONTRACT §4).

A question is the subject, or else the only line of the text. Whether the sender may ask it is judged elsewhere.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from maild.desk.facts import Mail
from maild.desk.selection import LISTS

SUBJECT_MAX: Final = 200
OVERDUE: Final = "overdue"
"""The list that may be asked for by its name alone."""
RUNBOOKS: Final = ("runbook", "runbooks")
"""What asks for the list of the guides for agents."""
WORDS: Final = (
    "types",
    "categories",
    "severities",
    "impacts",
    "urgencies",
    "priorities",
    "channels",
    "tags",
    "fields",
)
"""The lists of the desk's words that can be asked for."""
ALL_WORDS: Final = "words"
_ONE_OF: Final = {"type": "types", "category": "categories", "severity": "severities", "impact": "impacts", "urgency": "urgencies",
                  "priority": "priorities", "channel": "channels", "tag": "tags", "field": "fields"}  # fmt: skip
_NEAR: Final = 0.75
_FEW_WORDS: Final = 20
_PREFIX = re.compile(
    r"\s*(?:re|aw|antw|sv|vs|rv|res|rif|odp|ynt|fw|fwd|wg|tr|r)(?:\[\d{1,3}\])?\s?[:：]\s*", re.IGNORECASE
)
_TAG = re.compile(r"\[[^\[\]#]{1,60}#\s?\d{1,12}\s*\]\s*")
_NUMBER = re.compile(r"(?:#|no\.?\s?|ticket\s)?\s?(\d{1,12})")
_RUNBOOK = re.compile(r"\S{1,80}")
_ENDS: Final = " \t.!?…"


class Ask(StrEnum):
    """What is asked."""

    LIST = "list"
    SHOW = "show"
    SEARCH = "search"
    REPORT = "report"
    RUNBOOK = "runbook"
    HELP = "help"
    COMMANDS = "commands"
    WORDS = "words"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Question:
    """`words`: of a list its name ("" for the usual one), of a search what is searched for, of a runbook its name ("": all of them), of `help` with a list of the desk's words that (one of `WORDS`, or `ALL_WORDS`). `number`: the ticket that is meant."""

    ask: Ask
    words: str = ""
    number: int | None = None

    def __str__(self) -> str:
        if self.ask is Ask.COMMANDS:
            return "help commands"
        if self.ask is Ask.WORDS:
            return f"help {self.words}"
        return " ".join(filter(None, (self.ask, self.words, str(self.number) if self.number else "")))


def read(text: str, views: Iterable[str] = ()) -> Question | None:
    """The question that this line is, whole and rightly spelt; None when it is none. `views`: names of the desk's own lists."""
    plain = " ".join(text.replace("\u00a0", " ").split()).strip(_ENDS)
    word, _, rest = plain.partition(" ")
    word, low = word.lower(), rest.lower()
    if word == Ask.LIST:
        return _list(low, views)
    if word == Ask.SHOW and (found := _NUMBER.fullmatch(low)) and int(found[1]):
        return Question(Ask.SHOW, number=int(found[1]))
    if word == Ask.SEARCH and rest:
        return Question(Ask.SEARCH, rest[:SUBJECT_MAX])
    if plain.lower() in RUNBOOKS or (word == Ask.RUNBOOK and _RUNBOOK.fullmatch(rest)):
        return Question(Ask.RUNBOOK, rest.removesuffix(".md"))
    if plain.lower() == OVERDUE:
        return Question(Ask.LIST, OVERDUE)
    if plain.lower() in (Ask.REPORT, Ask.HELP):
        return Question(Ask(plain.lower()))
    return _help(low) if word == Ask.HELP else None


def _help(about: str) -> Question | None:
    """`help commands`, `help words`, `help severities`: the words also in the singular."""
    name = _ONE_OF.get(about, about)
    if name == Ask.COMMANDS:
        return Question(Ask.COMMANDS)
    return Question(Ask.WORDS, name) if name in (*WORDS, ALL_WORDS) else None


def _list(name: str, views: Iterable[str]) -> Question | None:
    name = {"my": "mine", "me": "mine", "my tickets": "mine", "unassigned": "unowned"}.get(name, name)
    known = {view.lower(): view for view in views}
    if not name or name in LISTS or name in known:
        return Question(Ask.LIST, known.get(name, name))
    return None


def nearest(text: str, views: Iterable[str] = ()) -> str | None:
    """What one or two misspelt words were probably meant to ask; None when they are nothing like a question."""
    words = text.replace("\u00a0", " ").strip(_ENDS).lower().split()
    if not 1 <= len(words) <= 2:
        return None
    argument = words[1] if len(words) == 2 else ""
    phrases = list(_phrases(views))
    if argument:
        phrases += [
            f"{ask} {argument}"
            for ask in (Ask.SHOW, Ask.SEARCH, Ask.RUNBOOK)
            if _fits(ask, argument, words[0])
        ]
    close = difflib.get_close_matches(" ".join(words), phrases, 1, _NEAR)
    return close[0] if close else str(Ask.LIST) if words[0] == Ask.LIST else None


def _phrases(views: Iterable[str]) -> Iterator[str]:
    yield from (*RUNBOOKS, Ask.LIST, Ask.REPORT, Ask.HELP, "help commands", Ask.SEARCH)
    for name in (*WORDS, ALL_WORDS):
        yield f"help {name}"
    for name in (*LISTS, *views):
        yield f"list {name.lower()}"


def _fits(ask: Ask, argument: str, word: str) -> bool:
    """Whether a first word with this behind it may mean `ask`: the argument alone must not make the two alike."""
    near = difflib.SequenceMatcher(None, word, ask).ratio() >= _NEAR
    return near and (ask is not Ask.SHOW or _NUMBER.fullmatch(argument) is not None)


def bare(subject: str) -> str:
    """A subject without Re: and tags in front, as often as they stand there."""
    text = " ".join(subject.split())
    while found := _PREFIX.match(text) or _TAG.match(text):
        text = text[found.end() :]
    return text


def only_line(mail: Mail) -> str:
    """The text, when it is one line; else ""."""
    lines = [line.strip() for line in mail.reply.splitlines() if line.strip()]
    return lines[0][:SUBJECT_MAX] if len(lines) == 1 else ""


def asked(mail: Mail, views: Iterable[str], *, body_first: bool) -> Question | None:
    """The question of a mail: its subject, or else its only line; the other way round when it answers such an answer.

    With more than a few words below it, `help`, `report` and `search …` are the subject of a request.
    """
    lines = (mail.reply.strip() and only_line(mail), bare(mail.subject)[:SUBJECT_MAX])
    for line in lines if body_first else reversed(lines):
        found = read(line, views)
        clear = found is not None and found.ask in (Ask.LIST, Ask.SHOW)
        if found is not None and (clear or len(mail.reply.split()) <= _FEW_WORDS):
            return found
    return None


def misspelt(mail: Mail, views: Iterable[str]) -> str | None:
    """The question that a mail was probably meant to be: a subject of one or two words near to one, and nothing much below it."""
    subject = bare(mail.subject)
    if len(mail.reply.split()) > 3 or read(subject, views) is not None:
        return None
    return nearest(subject, views)
