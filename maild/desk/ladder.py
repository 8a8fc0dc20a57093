"""The escalation ladder: which step is next, when it is taken by itself, and whom it tells. Arithmetic only; `escalating` takes the steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from maild.desk import calendars
from maild.desk.people import Ticket
from maild.desk.rulebook import MANAGER_OF, Agent, AgentRole, Rulebook, Step
from maild.desk.staffing import Staff, choose
from maild.desk.timeline import Moment, What
from maild.desk.words import State

ADMIN: Final = "admin"
"""The actor who is the admin on this host."""

_RESTING: Final = frozenset((State.PENDING, State.SOLVED, State.CLOSED, State.SPAM, State.MERGED))
_DEEDS: Final = frozenset((What.ANSWERED, What.CONTACT, What.ACTED, What.SEEN))


@dataclass(frozen=True, slots=True)
class Called:
    """Whom a step tells: agents, `mailboxes` of others (addresses in lower case), `urls` of webhooks."""

    agents: tuple[Agent, ...] = ()
    mailboxes: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """As they are shown to agents."""
        return (*(agent.name for agent in self.agents), *self.mailboxes, *self.urls)


def next_step(rulebook: Rulebook, ticket: Ticket) -> Step | None:
    """The first step that the ticket has not taken; None after the last. Steps are counted, so that other files repeat none."""
    steps = rulebook.escalation
    return steps[ticket.step] if ticket.step < len(steps) else None


def due_at(rulebook: Rulebook, step: int, moments: Sequence[Moment]) -> datetime | None:
    """When the next step of a ticket that has taken `step` steps is due by itself (UTC); None: not as things stand.

    That is its `after` behind the last step, or for the first step behind the beginning, in the calendar of the ticket's policy (without one
    by the wall clock), unless an agent has answered, noted, acknowledged or changed state or owner since. While the ticket waits for the
    requester or is finished nothing is due.
    """
    after = rulebook.escalation[step].after if step < len(rulebook.escalation) else None
    if after is None:
        return None
    state, key = State.NEW, ""
    since: datetime | None = None
    for one in moments:
        match one.what:
            case What.STATE:
                state = State(one.value)
            case What.POLICY:
                key = one.value
            case What.OPENED if step == 0:
                since = one.at
            case What.ESCALATED:
                since = one.at
            case what if what in _DEEDS:
                since = None if _by_agent(one, rulebook) else since
            case _:
                pass
    policy = rulebook.policies.get(key)
    if since is None or state in _RESTING or (policy is not None and state in policy.pause):
        return None
    return calendars.add(rulebook.calendars[policy.calendar], since, after) if policy else since + after


def _by_agent(one: Moment, rulebook: Rulebook) -> bool:
    """An answer and a talk are always somebody's of the desk."""
    return (
        one.what in (What.ANSWERED, What.CONTACT)
        or one.value == ADMIN
        or rulebook.agent(one.value) is not None
    )


def called(
    step: Step, ticket: Ticket, rulebook: Rulebook, away: Collection[str], now: datetime, but: str = ""
) -> Called:
    """Whom the step tells of this ticket as it is after the step. `away`: agents who are; `but`: who asked for the step himself (lower case).

    For a responsible agent who is missing or away the team stands in; for whoever else is missing, and when nobody whom the step names is
    there, the admins.
    """
    agents: dict[str, Agent] = {}
    mailboxes, urls = [], []
    for word in step.notify:
        if "://" in word:
            urls.append(word)
        elif "@" in word and rulebook.agent(word) is None:
            mailboxes.append(word)
        else:
            found = _of_word(word, ticket, rulebook, away, now, but)
            agents |= {agent.address: agent for agent in found if agent.address != but}
    reached = mailboxes or urls or any(agent.address not in away for agent in agents.values())
    if step.notify and not reached:
        agents |= {agent.address: agent for agent in rulebook.admins if agent.address != but}
    return Called(tuple(agents.values()), tuple(mailboxes), tuple(urls))


def _of_word(
    word: str, ticket: Ticket, rulebook: Rulebook, away: Collection[str], now: datetime, but: str
) -> Iterable[Agent]:
    def there(found: Iterable[Agent | None]) -> list[Agent]:
        return [agent for agent in found if agent and agent.address not in away and agent.address != but]

    def team() -> Iterable[Agent]:
        return there(rulebook.members(ticket.team)) or rulebook.admins

    def managers(key: str | None) -> Iterable[Agent]:
        manager = rulebook.manager(key)
        return (manager,) if manager else ()

    def oncall() -> Iterable[Agent]:
        chosen = choose("oncall", ticket.team, None, rulebook, Staff(away=dict.fromkeys(away)), now)
        return there((rulebook.agent(chosen.agent or ""),)) or team()

    words: dict[str, Callable[[], Iterable[Agent]]] = {
        "assignee": lambda: there((rulebook.agent(ticket.assignee or ""),)) or team(),
        "team": team,
        "admins": lambda: rulebook.admins,
        "manager": lambda: managers(ticket.team),
        "oncall": oncall,
    }
    if word in words:
        return words[word]()
    managed = MANAGER_OF.fullmatch(word)
    if managed:
        return managers(managed[1])
    if word in rulebook.teams:
        return rulebook.members(word)
    agent = rulebook.agent(word)
    return (agent,) if agent else ()


def contact_of(before: Ticket, after: Ticket, rulebook: Rulebook) -> str | None:
    """Who of the first line stays the contact (address) of a ticket that goes from one level to another: who had it, or is responsible
    for the team that had it. Back at the level from which it came there is none."""
    contact = rulebook.agent(after.contact or "")
    if after.level == before.level:
        return after.contact
    if after.level < before.level:
        home = rulebook.teams[contact.team].level if contact and contact.team in rulebook.teams else 1
        return after.contact if after.level > home else None
    if contact is not None:
        return contact.address
    team = rulebook.teams.get(before.team or "")
    had = (rulebook.agent(before.assignee or ""), rulebook.agent(team.responsible or "") if team else None)
    fit = (agent.address for agent in had if agent is not None and agent.role is not AgentRole.LIGHT)
    return next((address for address in fit if address != after.assignee), None)


def spoken_step(step: Step, rulebook: Rulebook) -> str:
    """What a step does, in words for agents: `tell team; priority: raise; team Second line`."""
    parts = [f"tell {', '.join(step.notify)}"] if step.notify else []
    for name, values in step.actions.items():
        team = rulebook.teams.get(str(values[-1])) if name == "team" else None
        parts.append(f"{name} {team.name if team else values[-1]}")
    return "; ".join(parts)
