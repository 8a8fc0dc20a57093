"""What the answers to questions by mail show: lists of tickets, a short report, and the words that can be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import cast
from urllib.parse import quote

from maild.delivery.notice import Board, Notice, Section
from maild.delivery.times import Clock
from maild.desk.people import Ticket
from maild.desk.selection import UNFINISHED, Figures
from maild.desk.sla import first_due

Values = dict[str, object]
Rows = list[dict[str, str]]


def board(notice: Notice, answer: Board, clock: Clock, words: Mapping[str, object]) -> Values:
    """The variables under `board`. The requester's side is shown number, subject and state of its own tickets, and no more."""
    if notice.role.outside:
        sections = [
            _section(one, [_plain(ticket, clock) for ticket in one.tickets]) for one in answer.sections
        ]
        return {"question": answer.question, "since": clock(answer.since), "sections": sections}
    labels = _dictionary(words, "labels")
    sections = [
        _section(one, [_row(ticket, notice, answer, clock, labels) for ticket in one.tickets])
        for one in answer.sections
    ]
    return {
        "question": answer.question,
        "since": clock(answer.since),
        "sections": sections,
        "figures": _figures(answer.figures, notice, words) if answer.figures else [],
        "lists": [{"name": f"list {name}", "ask": _ask(notice, f"list {name}")} for name in answer.lists],
        "commands": list(answer.commands),
    }  # fmt: skip


def _section(section: Section, rows: list[Values]) -> Values:
    return {
        "name": section.name,
        "total": section.total,
        "more": section.total - len(section.tickets),
        "rows": rows,
    }


def _plain(ticket: Ticket, clock: Clock) -> Values:
    return {
        "number": ticket.id,
        "subject": ticket.subject,
        "state": ticket.state.value,
        "received": clock.short(ticket.received_at),
    }


def _row(ticket: Ticket, notice: Notice, answer: Board, clock: Clock, labels: Mapping[str, str]) -> Values:
    due = first_due(ticket) if ticket.state in UNFINISHED else None
    requester = ticket.requester
    return _plain(ticket, clock) | {
        "priority": ticket.priority,
        "requester": requester.name or requester.address,
        "who": _who(ticket, notice, answer, clock, labels),
        "due": clock.short(due),
        "late": due is not None and due < notice.now,
        "ask": _ask(notice, f"show {ticket.id}"),
    }


def _who(ticket: Ticket, notice: Notice, answer: Board, clock: Clock, labels: Mapping[str, str]) -> str:
    """Who has it: the agent, marked when away, else the team."""
    if ticket.assignee is None:
        return _team(ticket.team, notice)
    name = _agent(ticket.assignee, notice)
    back = answer.away.get(ticket.assignee)
    return f"{name} ({labels.get('away', 'away until')} {clock.short(back)})" if back else name


def _agent(address: str, notice: Notice) -> str:
    agent = notice.rulebook.agent(address)
    return agent.name if agent else address


def _team(key: str | None, notice: Notice) -> str:
    team = notice.rulebook.teams.get(key or "")
    return team.name if team else key or ""


def _ask(notice: Notice, question: str) -> str:
    """A link that asks the desk by mail (RFC 6068)."""
    return f"mailto:{quote(notice.rulebook.identity.address, safe='@')}?subject={quote(question)}"


def _figures(figures: Figures, notice: Notice, words: Mapping[str, object]) -> list[Values]:
    """Groups of label and value, in the reader's language; an empty group is left out."""
    labels, states = _dictionary(words, "labels"), _dictionary(words, "states")
    priorities = _dictionary(words, "priorities")

    def label(name: str) -> str:
        return labels.get(name, name)

    median = _span(figures.first_response) if figures.first_response is not None else "–"
    week = [
        (label("opened"), figures.opened),
        (label("solved_count"), figures.solved),
        (label("answered_count"), figures.answered),
        (label("median_first_response"), median),
    ]
    groups: list[tuple[str, Iterable[tuple[str, object]]]] = [
        ("week", week),
        ("missed", ((label(name), count) for name, count in figures.breached.items())),
        ("by_state", ((states.get(name, name), count) for name, count in figures.states.items())),
        ("by_priority", ((priorities.get(str(at), str(at)), count) for at, count in figures.priorities.items())),
        ("by_team", ((_team(key, notice) or "–", count) for key, count in figures.teams.items())),
        ("by_agent", ((_agent(key, notice) if key else label("nobody"), count) for key, count in figures.agents.items())),
    ]  # fmt: skip
    made = [
        (label(name), [{"label": what, "value": str(value)} for what, value in rows]) for name, rows in groups
    ]
    return [{"title": title, "rows": rows} for title, rows in made if rows]


def _span(span: timedelta) -> str:
    """`2 d 3 h`, `1 h 5 min`, `12 min`."""
    minutes = round(span.total_seconds() / 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _dictionary(words: Mapping[str, object], name: str) -> Mapping[str, str]:
    found = words.get(name)
    return cast("Mapping[str, str]", found) if isinstance(found, dict) else {}
