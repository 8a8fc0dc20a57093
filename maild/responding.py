"""Answers to questions by mail: what the store knows now, as a board, rendered and queued in the transaction that is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from maild.delivery.notice import Board, Section
from maild.desk.commands import usages
from maild.desk.effects import Respond, Tell
from maild.desk.people import Ticket
from maild.desk.questions import Ask
from maild.desk.rulebook import Agent, Rulebook
from maild.desk.selection import LISTS, ME, Selection
from maild.desk.words import Scope
from maild.errors import Problem
from maild.site import Site
from maild.telling import Occasion, Telling
from store import Work

ROWS: Final = 50
ROWS_OUTSIDE: Final = 10
PERIOD: Final = timedelta(days=7)
_TEMPLATES: Final = {
    Ask.LIST: "list",
    Ask.SEARCH: "list",
    Ask.SHOW: "show",
    Ask.REPORT: "report",
    Ask.HELP: "questions",
    Ask.COMMANDS: "questions",
    Ask.STATUS: "status",
}


def respond(work: Work, site: Site, effect: Respond, about: Occasion) -> list[Problem]:
    """Answer one question. `about`: what happened, and the ticket that is asked for. Returns what is wrong with own templates."""
    ticket = about.ticket if effect.ticket is not None else None
    template = (
        "help" if effect.role.outside and effect.question.ask is Ask.HELP else _TEMPLATES[effect.question.ask]
    )
    occasion = replace(
        about,
        event_key=f"{about.event_key}/response",
        ticket=ticket,
        message=None,
        changes=(),
        board=board(work, site.rulebook, effect, about, ticket),
        language=effect.language,
    )
    scope = None if ticket is None else Scope.PUBLIC if effect.role.outside else Scope.INTERNAL
    tell = Tell(
        ticket.id if ticket else None, effect.to, effect.role, template, (), scope, effect.role.outside, True,
        lines=(str(effect.question),), answers=True, delay=effect.delay,
    )  # fmt: skip
    telling = Telling(work, site, occasion)
    telling.all([tell])
    return telling.problems


def board(work: Work, rulebook: Rulebook, effect: Respond, about: Occasion, ticket: Ticket | None) -> Board:
    """What the answer shows."""
    question, now = effect.question, about.now
    plain = Board(str(question), away=work.away(now))
    agent = rulebook.agent(effect.to.address)
    if question.ask is Ask.STATUS:
        if ticket is not None:
            return replace(plain, since=work.state_since(ticket))
        mine = Selection(requester=effect.to.key)
        return replace(plain, sections=(_section(work, "mine", mine, about, ROWS_OUTSIDE),))
    if effect.role.outside or agent is None or question.ask is Ask.SHOW:
        return plain
    if question.ask is Ask.REPORT:
        return replace(plain, figures=work.figures(now - PERIOD, now))
    if question.ask in (Ask.HELP, Ask.COMMANDS):
        commands = usages(rulebook) if question.ask is Ask.COMMANDS else ()
        return replace(plain, lists=(*LISTS, *rulebook.views), commands=commands)
    if question.ask is Ask.SEARCH:
        found = Selection(states=(), search=question.words)
        return replace(plain, sections=(_section(work, "search", found, about, ROWS, newest=True),))
    names = (question.words,) if question.words else ("mine", "unowned")
    sections = [_section(work, name, _selected(name, rulebook, agent), about, ROWS) for name in names]
    return replace(plain, sections=tuple(sections))


def _selected(name: str, rulebook: Rulebook, agent: Agent) -> Selection:
    """A list by its name, with `ME` as who asks. An admin's view goes before a list of the same name."""
    chosen = rulebook.views[name] if name in rulebook.views else LISTS[name]
    return replace(
        chosen,
        assignee=agent.address if chosen.assignee == ME else chosen.assignee,
        team=agent.team if chosen.team == ME else chosen.team,
    )


def _section(
    work: Work, name: str, selection: Selection, about: Occasion, limit: int, *, newest: bool = False
) -> Section:
    tickets, total = work.listed(selection, about.now, limit, newest=newest)
    return Section(name, tuple(tickets), total)
