"""Colleagues who are drawn into a ticket: asked with `#ask`, or named in a note as `@ana`, `@ana.ruiz`, `@ana@acme.test` or `@engineering`.

They get the note as a notification, once, whether they follow the ticket or not; their answer is a note.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from maild.desk.course import Course
from maild.desk.effects import Digest, Tell
from maild.desk.facts import Address
from maild.desk.folding import fold
from maild.desk.rulebook import Agent, Rulebook
from maild.desk.words import Happening, Role, Scope

MENTION: Final = "mention"
"""The step, among a decision's reasons, that says which names mean nobody."""

_AT: Final = re.compile(r"(?<![\w@.+%/-])@(\w[\w.+-]*(?:@[\w-]+(?:\.[\w-]+)+)?)")
_FENCE: Final = re.compile(r"\s*(?:```|~~~)")
_CODE: Final = re.compile(r"`[^`\n]*`")
_INDENTED: Final = ("    ", "\t")
_BEHIND: Final = re.compile(r"[ \t]+(\w[\w'-]*)")
_TOLD: Final = ("notification", "assigned")
_NEAR: Final = 0.75
_SHORTEST_NEAR: Final = 3
"""Of shorter words too many are alike."""


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Who is named in a note. `doubtful`: sentences about names that mean nobody, or several."""

    agents: tuple[Agent, ...] = ()
    doubtful: tuple[str, ...] = ()


def mentioned(text: str, rulebook: Rulebook) -> Mentioned:
    """The agents that a note names with @. Not looked at: addresses, quoted lines, code (fenced, indented, in backticks)."""
    agents: dict[str, Agent] = {}
    unclear: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for name, behind in _names(text):
        found = _meant(name, behind, rulebook)
        if len(found) == 1 or name_of_team(name, rulebook):
            agents |= {agent.address: agent for agent in found}
        elif found:
            unclear[f"@{name} could be {' or '.join(agent.address for agent in found)}; the note is kept, and none of them was told of it."] = None  # fmt: skip
        elif near := _near(name, rulebook):
            unknown[f"@{name}: nobody of that name; did you mean @{near}? The note is kept."] = None
    return Mentioned(tuple(agents.values()), (*unclear, *(unknown if not agents else ())))


def _names(text: str) -> Iterator[tuple[str, str]]:
    """Each name that stands behind an @, with the word that follows it."""
    fenced = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        if fenced or line.startswith(_INDENTED) or line.lstrip().startswith(">"):
            continue
        plain = _CODE.sub(" ", line)
        for found in _AT.finditer(plain):
            behind = _BEHIND.match(plain, found.end())
            yield found[1].rstrip(".-+"), behind[1] if behind else ""


def name_of_team(name: str, rulebook: Rulebook) -> str | None:
    """The key of the team that is called so, by key or name."""
    word = _joined(name)
    return next((team.key for team in rulebook.teams.values() if word in (_joined(team.key), _joined(team.name))), None)  # fmt: skip


def _meant(name: str, behind: str, rulebook: Rulebook) -> tuple[Agent, ...]:
    """Whom the name means: an address, a whole name, what stands before the @ of an address, a first name, else a team's members."""
    word = _joined(name)
    agents = tuple(rulebook.agents.values())
    local = tuple(one for one in agents if word == _joined(one.address.partition("@")[0]))
    whole = tuple(one for one in agents if name.lower() == one.address or word == _joined(one.name))
    both = tuple(one for one in agents if behind and _joined(f"{name} {behind}") == _joined(one.name))
    first = tuple(one for one in agents if word == _joined(one.name.partition(" ")[0]))
    alike = whole or both or tuple(dict.fromkeys((*local, *first)))
    if alike:
        return alike
    key = name_of_team(name, rulebook)
    return rulebook.members(key) if key else ()


def _joined(name: str) -> str:
    """A name as names are compared: folded, however its words are tied together."""
    return re.sub(r"[\s._-]+", "", fold(name))


def _near(name: str, rulebook: Rulebook) -> str | None:
    """The name of an agent that was probably meant; None: it is like none."""
    if len(name) < _SHORTEST_NEAR:
        return None
    known: dict[str, str] = {}
    for agent in rulebook.agents.values():
        local, first = agent.address.partition("@")[0], agent.name.partition(" ")[0]
        known |= {fold(first): first, fold(local): local, fold(agent.address): agent.address}
    close = difflib.get_close_matches(fold(name), known, 1, _NEAR)
    return known[close[0]] if close else None


def draw_in(
    course: Course, agents: Iterable[Agent], sentence: str, why: str, lines: tuple[str, ...] = ()
) -> None:
    """Each of these gets the note of the course as a mail with this sentence and `lines`; who is told of it anyway, with the sentence in
    that mail."""
    ticket = course.ticket
    assert ticket is not None
    for agent in agents:
        mine = [
            one
            for one in course.effects
            if isinstance(one, Tell | Digest) and one.to.key == agent.address and one.ticket == ticket.id
        ]
        had = next((one for one in mine if isinstance(one, Tell) and one.template in _TOLD), None)
        if had is not None:
            course.effects[course.effects.index(had)] = replace(had, lines=(*had.lines, sentence))
            continue
        later = [one for one in mine if isinstance(one, Digest)]
        course.effects = [one for one in course.effects if one not in later]
        events = (happening for one in later for happening in one.happenings)
        happenings = tuple(dict.fromkeys((Happening.NOTED, *events)))
        course.why(why, f"to {agent.address}", sentence)
        to = Address(agent.name, agent.address)
        course.add(Tell(ticket.id, to, Role.WATCHER, "notification", happenings, Scope.INTERNAL, False, True, (sentence, *lines)))  # fmt: skip


def ask(course: Course, author: Address, agents: tuple[Agent, ...]) -> None:
    """`#ask`: they get the note as a question."""
    if agents:
        draw_in(course, agents, f"{author.name} asks you; your answer is a note to this ticket.", "asked")
        course.record("asked", people=[agent.address for agent in agents])


def mention(
    course: Course, author: Address, text: str, asked: tuple[Agent, ...] = (), lines: tuple[str, ...] = ()
) -> None:
    """Tell whom a note names; `asked` are told already. `lines`: what they should read besides. Its author hears of names that mean nobody."""
    found = mentioned(text, course.rulebook)
    agents = tuple(one for one in found.agents if one.address != author.key and one not in asked)
    if agents:
        sentence = f"{author.name} mentions you; your answer is a note to this ticket."
        draw_in(course, agents, sentence, "mentioned", lines)
        course.record("mentioned", people=[agent.address for agent in agents])
    if found.doubtful and course.rulebook.agent(author.address) is not None:
        course.transcript(author, found.doubtful)
    for line in found.doubtful:
        course.why(MENTION, line)
