"""Answers to questions by mail: what the store knows now, as a board, rendered and queued in the transaction that is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from maild.delivery.notice import Board, Section
from maild.desk import runbooks
from maild.desk.belonging import language_of
from maild.desk.commands import usages
from maild.desk.effects import Respond, Tell
from maild.desk.mornings import zone_of
from maild.desk.people import Ticket
from maild.desk.periods import WEEK, including, last_days
from maild.desk.privacy import hidden_from
from maild.desk.questions import ALL_WORDS, WORDS, Ask
from maild.desk.rulebook import Agent, Rulebook, Runbook
from maild.desk.selection import LISTS, ME, Selection
from maild.desk.words import Scope
from maild.errors import Problem
from maild.reports import of_period
from maild.showing import Occasion
from maild.site import Site
from maild.telling import Telling
from store import Work

ROWS: Final = 50
ROWS_OUTSIDE: Final = 10
_TEMPLATES: Final = {
    Ask.LIST: "list",
    Ask.SEARCH: "list",
    Ask.SHOW: "show",
    Ask.REPORT: "report",
    Ask.RUNBOOK: "runbook",
    Ask.WORDS: "glossary",
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
        language=_language(work, site.rulebook, effect),
    )
    scope = None if ticket is None else Scope.PUBLIC if effect.role.outside else Scope.INTERNAL
    asked = (effect.question.words,) if effect.question.ask is Ask.RUNBOOK and effect.question.words else ()
    tell = Tell(
        ticket.id if ticket else None, effect.to, effect.role, template, (), scope, effect.role.outside, True,
        lines=(str(effect.question),), answers=True, delay=effect.delay, runbooks=asked,
    )  # fmt: skip
    telling = Telling(work, site, occasion)
    telling.all([tell])
    return telling.problems


def _language(work: Work, rulebook: Rulebook, effect: Respond) -> str | None:
    """The language of the words that ask. Of several that share them the person's own, that of the person's last request, the desk's, or
    the first. None: they are of none."""
    if len(effect.languages) < 2:
        return next(iter(effect.languages), None)
    person = work.person_at(effect.to.key)
    likely = (
        [language_of(person, rulebook), *(one.language for one in work.earlier(person.id, None, 1))]
        if person
        else []
    )
    return next(
        (one for one in (*likely, rulebook.identity.language) if one in effect.languages), effect.languages[0]
    )


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
        period = last_days(WEEK, including(now), zone_of(rulebook, agent))
        return replace(plain, report=of_period(work, rulebook, period, now, reader=agent))
    if question.ask is Ask.RUNBOOK:
        return replace(plain, runbooks=_guides(rulebook, agent))
    if question.ask is Ask.WORDS:
        return replace(plain, glossary=WORDS if question.words == ALL_WORDS else (question.words,))
    if question.ask in (Ask.HELP, Ask.COMMANDS):
        commands = usages(rulebook) if question.ask is Ask.COMMANDS else ()
        return replace(plain, lists=(*LISTS, *rulebook.views), commands=commands)
    if question.ask is Ask.SEARCH:
        found = _for(agent, Selection(states=(), search=question.words), rulebook)
        return replace(plain, sections=(_section(work, "search", found, about, ROWS, newest=True),))
    names = (question.words,) if question.words else ("mine", "unowned")
    sections = [_section(work, name, _selected(name, rulebook, agent), about, ROWS) for name in names]
    return replace(plain, sections=tuple(sections))


def _guides(rulebook: Rulebook, agent: Agent) -> tuple[Runbook, ...]:
    """Every guide once, in the agent's language if there is one, in order of name."""
    language = agent.languages[0] if agent.languages else rulebook.identity.language
    found = (runbooks.find(rulebook, name, language) for name in sorted(runbooks.named(rulebook)))
    return tuple(guide for guide in found if guide is not None)


def _selected(name: str, rulebook: Rulebook, agent: Agent) -> Selection:
    """A list by its name, with `ME` as who asks. An admin's view goes before a list of the same name."""
    chosen = rulebook.views[name] if name in rulebook.views else LISTS[name]
    return replace(
        _for(agent, chosen, rulebook),
        assignee=agent.address if chosen.assignee == ME else chosen.assignee,
        team=agent.team if chosen.team == ME else chosen.team,
    )


def _for(agent: Agent, selection: Selection, rulebook: Rulebook) -> Selection:
    """Without what is hidden from who asks."""
    return replace(selection, hidden=hidden_from(agent, rulebook), viewer=agent.address)


def _section(
    work: Work, name: str, selection: Selection, about: Occasion, limit: int, *, newest: bool = False
) -> Section:
    tickets, total = work.listed(selection, about.now, limit, newest=newest)
    return Section(name, tuple(tickets), total)
