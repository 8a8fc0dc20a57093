"""An agent's absence: `#away until 2026-12-01` and `#back`, and what becomes of his tickets meanwhile (CONTRACT §4)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from maild.desk.commands import Outcome
from maild.desk.course import Course
from maild.desk.effects import HandOver, Record, SetAway, Tell
from maild.desk.facts import Address
from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, Rulebook
from maild.desk.sla import first_due
from maild.desk.staffing import owner_of
from maild.desk.words import Role


def zone_of(agent: Agent, rulebook: Rulebook) -> ZoneInfo:
    return ZoneInfo(agent.zone or rulebook.identity.timezone)


def said(course: Course, outcome: Outcome, author: Address) -> tuple[str, ...]:
    """What `#away` and `#back` among an agent's commands come to. Returns lines for his transcript."""
    agent = course.rulebook.agent(author.address)
    if agent is None:
        return ()
    if outcome.away is not None:
        return leave(course, agent, outcome.away)
    return come_back(course, agent) if outcome.back else ()


def leave(course: Course, agent: Agent, back: datetime) -> tuple[str, ...]:
    """The agent is away until then; what falls due before is handed over. Returns lines for his transcript."""
    course.add(SetAway(agent.address, back))
    course.add(Record(None, agent.address, "away", {"agent": agent.address, "until": back.isoformat()}))
    course.why("absence", f"{agent.address} is away", f"until {back.isoformat()}")
    shown = f"{back.astimezone(zone_of(agent, course.rulebook)):%A %d %B %Y, %H:%M}"
    handed = [
        (ticket, due)
        for ticket in course.snapshot.owned
        if ticket.assignee == agent.address and (due := first_due(ticket)) is not None and due < back
    ]
    lines = [f"You are away until {shown}. Meanwhile no ticket is assigned to you by itself, and what concerns yours is told to your team too. "
             "To end it before, write #back."]  # fmt: skip
    told: dict[str, list[str]] = {}
    for ticket, due in handed:
        heir = _heir(course, agent, ticket)
        course.add(HandOver(ticket.id, agent.address, heir.address if heir else None, due))
        what = f"#{ticket.id} {ticket.subject} (due {due:%Y-%m-%d %H:%M} UTC)"
        lines.append(f"handed over to {heir.name if heir else 'nobody, the team is told'}: {what}")
        for one in (heir,) if heir else course.rulebook.members(ticket.team):
            if one.address not in (agent.address, course.actor):
                told.setdefault(one.address, []).append(what)
    for address, whats in told.items():
        _tell(course, agent, course.rulebook.agents[address], shown, whats)
    if not handed:
        lines.append("None of your tickets falls due before.")
    return tuple(lines)


def come_back(course: Course, agent: Agent) -> tuple[str, ...]:
    """The agent is there again. Returns lines for his transcript."""
    course.why("absence", f"{agent.address} is back")
    if agent.address not in course.snapshot.away:
        return ("You were not away.",)
    course.add(SetAway(agent.address, None))
    course.add(Record(None, agent.address, "back", {"agent": agent.address}))
    return ("You are back: tickets can be assigned to you again.",)


def _heir(course: Course, agent: Agent, ticket: Ticket) -> Agent | None:
    """Who takes a ticket of somebody who is away: the one who is responsible for its team, if he is there."""
    found = owner_of(ticket.team, course.rulebook, (*course.snapshot.away, agent.address))
    return course.rulebook.agent(found) if found else None


def _tell(course: Course, agent: Agent, to: Agent, shown: str, whats: list[str]) -> None:
    lead = f"{agent.name} is away until {shown} and was responsible for what follows. "
    lines = (lead + "If it is not yours now, somebody of the team has to take it:", *whats)
    course.add(Tell(None, Address(to.name, to.address), Role.TEAM, "alert", (), None, False, True, lines))
