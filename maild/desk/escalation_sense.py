"""What is wrong with the steps of the escalation: words that name nobody, steps that do nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from maild.desk import shapes
from maild.desk.rulebook import MANAGER_OF, Identity, Rulebook
from maild.desk.rules import WAYS
from maild.desk.staff_sense import not_inside
from maild.errors import Problem
from maild.reading import KeyPath, Places, mailbox, nearest, unknown_word

CALLED: Final = ("assignee", "team", "admins", "manager", "oncall")
"""Whom a step tells without naming anybody."""


def inconsistencies(document: shapes.Document, identity: Identity, places: Places) -> Iterator[Problem]:
    """Every mistake in the steps that shows only beside the other files."""
    for at, step in enumerate(document.escalations):
        path: KeyPath = ("escalations", at)
        if not step.model_fields_set - {"after"}:
            yield places.value(path).problem(
                "a step has to tell or change something: `notify`, `priority`, `team`, `assignee` or `level`"
            )
        yield from unknown_word("team", step.team, document.teams, (*path, "team"), places)
        yield from _assignee(step, (*path, "assignee"), document, places)
        for index, word in enumerate(step.notify or ()):
            why = _nobody(word, document, identity)
            if why:
                yield places.value((*path, "notify", index)).problem(f"notify: {why}")


def _assignee(
    step: shapes.Step, path: KeyPath, document: shapes.Document, places: Places
) -> Iterator[Problem]:
    agents = {word: agent for agent in document.agents for word in (agent.address, agent.name.lower())}
    if step.assignee is None or step.assignee in WAYS:
        if step.assignee == "oncall" and not document.oncall:
            yield places.value(path).problem("assignee: there is no rota: add one under `oncall`")
    elif step.assignee.lower() not in agents:
        known = (
            *(agent.address for agent in document.agents),
            *(agent.name for agent in document.agents),
            *WAYS,
        )
        yield from unknown_word("agent", step.assignee, known, path, places)
    elif agents[step.assignee.lower()].role == "light":
        yield places.value(path).problem(f"assignee: '{step.assignee}' is light: he writes notes only")


def _nobody(word: str, document: shapes.Document, identity: Identity) -> str:
    """Why nobody is told by this word of `notify`; "" when somebody is."""
    agents = {name for agent in document.agents for name in (agent.address, agent.name.lower())}
    managed = MANAGER_OF.fullmatch(word)
    if word == "manager" and not any(team.manager for team in document.teams.values()):
        return "no team has a `manager`"
    if word == "oncall" and not document.oncall:
        return "there is no rota: add one under `oncall`"
    if word in CALLED or word in document.teams or word.lower() in agents:
        return ""
    if managed:
        team = document.teams.get(managed[1])
        if team is None:
            return f"unknown team '{managed[1]}'{nearest(managed[1], document.teams)}"
        return "" if team.manager else f"team '{managed[1]}' has no `manager`"
    if "://" in word:
        fits = word.startswith(("https://", "http://"))
        return "" if fits else f"'{word}' is no URL of a webhook, like https://hooks.example.org/desk"
    if "@" in word:
        return _no_mailbox(word, document, identity)
    return f"unknown '{word}'{nearest(word, _known(document))}"


def _known(document: shapes.Document) -> Iterable[str]:
    managers = (f"teams.{key}.manager" for key, team in document.teams.items() if team.manager)
    names = (name for agent in document.agents for name in (agent.address, agent.name))
    return (*CALLED, *document.teams, *managers, *names)


def _no_mailbox(word: str, document: shapes.Document, identity: Identity) -> str:
    try:
        address = mailbox(word)
    except ValueError as error:
        return str(error)
    why = not_inside(address, document, Rulebook(identity))
    return f"'{word}' {why}" if why else ""
