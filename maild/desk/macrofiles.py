"""The admin's macros (macros/*.md) read: command lines at the top, the text below them, every mistake at its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from maild.desk.commands import Power, carry_out, name_of
from maild.desk.commands.run import nearest
from maild.desk.macros import VARIABLE, VARIABLES
from maild.desk.people import Person, Ticket
from maild.desk.rulebook import Agent, Macro, Rulebook
from maild.desk.script import split
from maild.desk.snapshot import Snapshot
from maild.desk.words import State
from maild.errors import Problem

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")
_BY_TICKET = frozenset(("untag", "unwatch", "link", "received", "due"))
"""Whether these are right depends on the ticket and the day."""
_NEVER = frozenset(("macro", "merge", "split", "requester", "spam", "undo", "send", "help", "away", "back"))
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def read(files: Mapping[str, str], rulebook: Rulebook) -> tuple[dict[str, Macro], list[Problem]]:
    """Macros by name, and what is wrong with them. `files`: texts by shown name (`macros/thanks.md`)."""
    macros: dict[str, Macro] = {}
    problems: list[Problem] = []
    for file, text in files.items():
        name = file.rpartition("/")[2].removesuffix(".md")
        found = _problems(file, name, text, rulebook)
        if name.lower() in (one.lower() for one in macros):
            found.append(Problem(file, 0, 0, f"there is a macro {name!r} already"))
        problems += found
        script = split(text)
        macros[name] = Macro(name, script.commands, script.text)
    return macros, problems


def _problems(file: str, name: str, text: str, rulebook: Rulebook) -> list[Problem]:
    script = split(text)
    found = []
    if not _NAME.fullmatch(name):
        found.append(Problem(file, 0, 0, "a macro's file is named with letters, digits, - and _ only"))
    if not script.commands and not script.text.strip():
        found.append(Problem(file, 0, 0, "the macro is empty"))
    for raw in script.commands:
        why = _refused(raw, rulebook)
        if why:
            found.append(Problem(file, _line(text, raw), 1, f"{raw}: {why}"))
    for raw in script.stray:
        found.append(
            Problem(
                file,
                _line(text, raw),
                1,
                f"{raw}: commands stand at the top (a text that begins with # is written ##)",
            )
        )
    for number, line in enumerate(text.splitlines(), 1):
        for variable in VARIABLE.finditer(line):
            if variable[1] not in VARIABLES:
                near = nearest(variable[1], VARIABLES)
                found.append(
                    Problem(file, number, variable.start() + 1, f"there is no variable {variable[1]!r}{near}")
                )
    return found


def _line(text: str, raw: str) -> int:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if raw in (line.strip(), line)), 1)


def _refused(raw: str, rulebook: Rulebook) -> str:
    """Why this line may not stand in a macro; "" when it may."""
    if VARIABLE.search(raw):
        return "variables stand in the text, not in commands"
    name = name_of(raw)
    if name in _NEVER:
        return f"#{name} may not stand in a macro"
    if name in _BY_TICKET:
        return ""
    ticket = Ticket(
        1, "", State.SOLVED, Person(1, "", "someone@example.org"), _SOME_DAY, _SOME_DAY, _SOME_DAY, level=0
    )
    agent = next(iter(rulebook.agents.values()), Agent("", "", ""))
    outcome = carry_out((raw,), ticket, Power(agent), rulebook, Snapshot(()), _SOME_DAY, "a text")
    return next((line.why for line in outcome.lines if not line.done), "")
