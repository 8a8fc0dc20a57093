"""Who speaks to the requester. Agents of a team with `speaks: false` don't: what they answer is a note, for the ticket's contact to pass on."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from maild.desk.commands import Outcome
from maild.desk.course import Course
from maild.desk.effects import Change
from maild.desk.mentions import draw_in
from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, AgentRole, Rulebook
from maild.desk.words import State

_OF_ANSWERS: Final = (State.PENDING, State.SOLVED, State.CLOSED)
"""States that the requester learns of by the answer that goes with them."""


def silent(agent: Agent | None, rulebook: Rulebook) -> bool:
    """Whether this agent's answers go to the contact: his team does not speak. Those of the admin on this host (None) never do, those of
    an admin not where no team speaks, for then he is who passes on."""
    team = rulebook.teams.get(agent.team) if agent is not None else None
    if agent is None or team is None or team.speaks:
        return False
    return not agent.admin or any(other.speaks for other in rulebook.teams.values())


def go_betweens(ticket: Ticket, rulebook: Rulebook, but: str = "") -> tuple[Agent, ...]:
    """Who passes on what others write: the contact; without one the responsible of the first team that speaks (of the lowest level), else
    its members, else the admins; light agents, who answer nobody, never. `but`: the author (address in lower case)."""
    contact = rulebook.agent(ticket.contact or "")
    speaking = sorted((team for team in rulebook.teams.values() if team.speaks), key=lambda team: team.level)
    first = speaking[0] if speaking else None
    responsible = rulebook.agent(first.responsible or "") if first else None
    ways = (
        (contact,) if contact else (),
        (responsible,) if responsible else (),
        rulebook.members(first.key) if first else (),
        rulebook.admins,
    )
    fit = (
        tuple(agent for agent in way if agent.address != but and agent.role is not AgentRole.LIGHT)
        for way in ways
    )
    return next((way for way in fit if way), ())


def kept_inside(outcome: Outcome) -> Outcome:
    """The commands of an answer that becomes a note: the ticket is not solved, closed or pending before the requester has the answer."""
    changes = tuple(change for change in outcome.changes if not _of_answer(change))
    return replace(outcome, changes=changes, public=False)


def _of_answer(change: Change) -> bool:
    return change.name == "state" and change.new in _OF_ANSWERS


def hand_on(course: Course, agent: Agent, outcome: Outcome) -> tuple[str, ...]:
    """The answer stands as a note: the contact hears that it is for him to pass on. Returns lines for its author. `outcome`: his commands
    as he wrote them."""
    ticket = course.ticket
    assert ticket is not None
    wished = next((change.new for change in outcome.changes if _of_answer(change)), None)
    people = go_betweens(ticket, course.rulebook, agent.address)
    names = " or ".join(one.name for one in people) or "nobody"
    line = f"{agent.name} wrote this for the requester and leaves it to you to pass it on: answer the requester's last mail, or this one with #public."
    if wished is not None:
        line += f" It is meant to become {wished} with your answer."
    draw_in(course, people, line, "left to the contact")
    course.record("left to the contact", by=agent.address, to=[one.address for one in people])
    course.why("scope", "internal", f"team {agent.team} does not speak to requesters; told: {names}")
    stays = (
        f" The state stays {ticket.state}: it is for the answer to change it." if wished is not None else ""
    )
    return (
        f"Your answer was not sent: your team does not write to requesters. It is kept as a note, and left to {names} to pass on.{stays}",
    )
