"""What the answers to questions by mail show: lists of tickets, a report, and the words that can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast
from urllib.parse import quote

from maild.delivery import glossaries
from maild.delivery.guides import about
from maild.delivery.notice import Board, Notice, Section
from maild.delivery.reports import summary
from maild.delivery.times import Clock
from maild.desk.people import Ticket
from maild.desk.selection import COUNTED, UNFINISHED
from maild.desk.sla import first_due
from maild.message.write import clean

Values = dict[str, object]


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
        "report": _report(notice, answer, clock, words),
        "page": answer.page,
        "lists": [{"name": f"list {name}", "ask": _ask(notice, f"list {name}")} for name in answer.lists],
        "commands": list(answer.commands),
        "glossary": glossaries.sections(notice, answer.glossary, clock, words),
        "runbooks": [{**about(guide), "ask": _ask(notice, f"runbook {guide.name}")} for guide in answer.runbooks],
    }  # fmt: skip


def _report(notice: Notice, answer: Board, clock: Clock, words: Mapping[str, object]) -> Values | None:
    if answer.report is None:
        return None
    made = summary(answer.report, notice.rulebook, clock, words, notice.language)
    for row in cast("list[Values]", made["undocumented"]):
        row["ask"] = _ask(notice, f"show {row['number']}")
    return made


def _section(section: Section, rows: list[Values]) -> Values:
    more = section.total - len(section.tickets)
    whole = section.total < COUNTED
    return {
        "name": section.name,
        "total": section.total if whole else f"{section.total}+",
        "more": more if whole else f"{more}+",
        "rows": rows,
    }


def _plain(ticket: Ticket, clock: Clock) -> Values:
    return {
        "number": ticket.id,
        "subject": clean(ticket.subject),
        "state": ticket.state.value,
        "received": clock.short(ticket.received_at),
    }


def _row(ticket: Ticket, notice: Notice, answer: Board, clock: Clock, labels: Mapping[str, str]) -> Values:
    due = first_due(ticket) if ticket.state in UNFINISHED else None
    requester = ticket.requester
    return _plain(ticket, clock) | {
        "priority": ticket.priority,
        "requester": clean(requester.name) or requester.address or requester.phone or "",
        "who": _who(ticket, notice, answer, clock, labels),
        "due": clock.short(due),
        "late": due is not None and due < notice.now,
        "since": clock.short(answer.waiting.get(ticket.id)),
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


def _dictionary(words: Mapping[str, object], name: str) -> Mapping[str, str]:
    found = words.get(name)
    return cast("Mapping[str, str]", found) if isinstance(found, dict) else {}
