"""Runbooks at work: which guides a ticket has, whose notification shows them, and that they do not leave with an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from maild.desk.effects import Change, ChangeTicket, Effect
from maild.desk.people import Ticket
from maild.desk.rulebook import Rulebook, Runbook
from maild.desk.words import Role

_READERS: Final = frozenset((Role.RESPONSIBLE, Role.NEW_RESPONSIBLE, Role.TEAM))
"""Who is told only when the ticket is theirs to work on: of a team its members are when no one of them is responsible, or he is away."""
_QUOTED = re.compile(r"(?:[ \t]*>)+[ \t]?(.*)")
_WORD = re.compile(r"[^\W\d_]+")
_PART: Final = 20
"""Characters that a part of a guide must have to be known as the guide's wherever it stands."""


def named(rulebook: Rulebook) -> tuple[str, ...]:
    """The names of the desk's guides, each once, whatever languages it is there in."""
    return tuple(dict.fromkeys(guide.name for guide in rulebook.runbooks.values()))


def find(rulebook: Rulebook, name: str, language: str) -> Runbook | None:
    """The guide of this name: in the reader's language, else the one without a language in its file's name, else any."""
    versions = [guide for guide in rulebook.runbooks.values() if guide.name.lower() == name.lower()]
    wanted = (language.lower(), language.lower().partition("-")[0])
    by_suffix = {key.removeprefix(f"{guide.name}.").lower(): guide for key, guide in rulebook.runbooks.items() if guide in versions}  # fmt: skip
    chosen = next((by_suffix[tag] for tag in wanted if tag in by_suffix), None)
    plain = next((rulebook.runbooks[guide.name] for guide in versions if guide.name in rulebook.runbooks), None)  # fmt: skip
    return chosen or plain or next(iter(versions), None)


def added(ticket: Ticket, name: str) -> tuple[Change, ...]:
    """What gives the ticket a guide; nothing when it has that already."""
    return () if name in ticket.runbooks else (Change("runbooks", ticket.runbooks, (*ticket.runbooks, name)),)


def carried(role: Role, ticket: Ticket, new: tuple[str, ...], effects: Iterable[Effect]) -> tuple[str, ...]:
    """The guides (names) that go with a notification: those that the ticket has just been given (`new`), and all it has to whoever newly
    gets it."""
    if role not in _READERS:
        return ()
    handed = role is Role.NEW_RESPONSIBLE or (role is Role.TEAM and _other_team(ticket, effects))
    return ticket.runbooks if handed else new


def _other_team(ticket: Ticket, effects: Iterable[Effect]) -> bool:
    changes = (one.changes for one in effects if isinstance(one, ChangeTicket) and one.ticket == ticket.id)
    return any(change.name == "team" for some in changes for change in some)


def without_guides(text: str, rulebook: Rulebook) -> str:
    """An agent's words without the quoted lines that a guide says: they are not for the requester's side. Words that he does not quote
    are his own. Mail programs wrap lines anew and show Markdown in their own way, so only the words are compared."""
    if not rulebook.runbooks or ">" not in text:
        return text
    lines = text.split("\n")
    guides = [_words(f"{guide.title}\n{guide.text}") for guide in rulebook.runbooks.values()]
    theirs = _guides_lines(lines, guides, _whole(rulebook))
    if not theirs:
        return text
    kept = [line for at, line in enumerate(lines) if at not in theirs]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")


def _guides_lines(lines: list[str], guides: list[str], whole: frozenset[str]) -> set[int]:
    """Which of the lines are quoted ones that a guide says: those that are long enough to tell, and shorter ones beside them."""
    said: dict[int, str] = {}
    for at, line in enumerate(lines):
        if found := _QUOTED.fullmatch(line):
            said[at] = _words(found[1])
    possible = {at for at, words in said.items() if any(words in guide for guide in guides)}
    sure = {at for at in possible if said[at] in whole or len(said[at]) >= _PART}
    for near in (range(len(lines)), range(len(lines) - 1, -1, -1)):
        for at in near:
            if at in possible and sure.intersection((at - 1, at + 1)):
                sure.add(at)
    return sure


def _whole(rulebook: Rulebook) -> frozenset[str]:
    """The lines of all guides, as words."""
    guides = rulebook.runbooks.values()
    every = (_words(line) for guide in guides for line in (guide.title, *guide.text.splitlines()))
    return frozenset(words for words in every if words)


def _words(text: str) -> str:
    """Its words in lower case with a blank around each: no signs, no numbers of lists."""
    return f" {' '.join(_WORD.findall(text.lower()))} " if _WORD.search(text.lower()) else ""
