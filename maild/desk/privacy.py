"""Tickets of private teams (`teams.NAME.private`): for their members, for admins, and for whom a member has let in."""

from __future__ import annotations

from maild.desk.effects import NEW
from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, Rulebook


def hidden_from(agent: Agent, rulebook: Rulebook) -> tuple[str, ...]:
    """Keys of the teams whose tickets an agent sees only if he has or follows them."""
    if agent.admin:
        return ()
    return tuple(team.key for team in rulebook.teams.values() if team.private and team.key != agent.team)


def may_see(agent: Agent | None, ticket: Ticket, rulebook: Rulebook) -> bool:
    """Whether an agent may ask for a ticket, and be shown that there is one; None: the admin on this host, who sees all."""
    if agent is None or ticket.team not in hidden_from(agent, rulebook):
        return True
    return agent.address in (ticket.assignee, ticket.contact, *ticket.watchers)


def may_change(agent: Agent | None, ticket: Ticket, rulebook: Rulebook) -> bool:
    """Whether an agent who was told of a ticket may do more than note: who only was asked lets himself in by no command. The manager of
    the team, and who opens the ticket, may."""
    team = rulebook.teams.get(ticket.team or "")
    manages = agent is not None and team is not None and team.manager == agent.address
    return ticket.id == NEW or manages or may_see(agent, ticket, rulebook)


def may_stand_with(other: Ticket, ticket: Ticket, rulebook: Rulebook) -> bool:
    """Whether everybody who is told of a ticket may read of another one beside it: that is of no private team, or of the same."""
    team = rulebook.teams.get(other.team or "")
    return team is None or not team.private or other.team == ticket.team
