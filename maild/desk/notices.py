"""Who is told what: one table, event x role -> each | digest | off, which the admin's `notices` change.

rules/README.md prints the table; a test keeps it so. Nobody is told what he did himself; changes of one transaction are one mail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from types import MappingProxyType

from maild.desk.facts import Address
from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, Rulebook
from maild.desk.words import Happening, Notify, Role

_ALL = tuple(Happening)
_TOLD_REQUESTER = (
    Happening.CREATED,
    Happening.ANSWERED,
    Happening.STATE,
    Happening.ASSIGNED,
    Happening.ESTIMATED,
    Happening.UPDATED,
    Happening.SUPPLIED,
)


def _shipped() -> dict[tuple[Happening, Role], Notify]:
    table = {(event, role): Notify.OFF for event in _ALL for role in Role}
    for event in _TOLD_REQUESTER:
        table[event, Role.REQUESTER] = Notify.EACH
    for event in (Happening.ANSWERED, Happening.STATE, Happening.ESTIMATED):
        table[event, Role.PARTICIPANT] = Notify.EACH
    for event in _ALL:
        if event in (Happening.UPDATED, Happening.SUPPLIED):
            continue  # agents are told of the breach, of the reply that comes with it
        for role in (
            Role.RESPONSIBLE,
            Role.NEW_RESPONSIBLE,
            Role.TEAM,
            Role.TEAM_COPY,
            Role.CONTACT,
            Role.WATCHER,
        ):
            table[event, role] = Notify.EACH
        table[event, Role.ADMIN] = (
            Notify.EACH if event in (Happening.CREATED, Happening.BREACHED) else Notify.DIGEST
        )
    return table


SHIPPED = MappingProxyType(_shipped())


def setting(rulebook: Rulebook, event: Happening, role: Role, organisation: str | None) -> Notify:
    """How this role hears of this event: the last rule of the admin's that fits, else the shipped table. What is said of a team holds for
    the copy to its mailbox."""
    meant = (None, role, Role.TEAM) if role is Role.TEAM_COPY else (None, role)
    for rule in reversed(rulebook.notices):
        if rule.role in meant and rule.event in (None, event) and rule.organisation in (None, organisation):
            return rule.send
    return SHIPPED[event, role]


_BY_STEPS = frozenset((Role.RESPONSIBLE, Role.NEW_RESPONSIBLE, Role.TEAM, Role.TEAM_COPY, Role.ADMIN))
"""Who hears of a missed promise by the steps of the escalation, when there are some."""


@dataclass(frozen=True, slots=True)
class Call:
    """The steps of the escalation that were taken tell these agents of these events at once. `instead`: of those, the ones of which others
    than followers are not told then."""

    agents: tuple[Agent, ...]
    events: frozenset[Happening]
    instead: frozenset[Happening] = frozenset()


_RECEIPTS = frozenset((Happening.CREATED, Happening.SUPPLIED))
"""What the requester is told although he did it himself."""
NO_CALL = Call((), frozenset())


@dataclass(frozen=True, slots=True)
class Told:
    """One person, as whom, and what of the transaction: at once, and in a digest."""

    to: Address
    role: Role
    each: tuple[Happening, ...]
    digest: tuple[Happening, ...]


def _roles(
    ticket: Ticket,
    rulebook: Rulebook,
    new_responsible: bool,
    internal: bool,
    away: Collection[str],
    call: Call,
) -> Iterable[tuple[Address, Role]]:
    """Everybody the ticket concerns, strongest role first. `internal`: nothing here is for the requester's side. The team stands in for
    a responsible agent who is `away`; its mailbox hears of all its tickets."""
    requester = Address(ticket.requester.name, ticket.requester.address)
    if not internal:
        yield requester, Role.REQUESTER
        if (
            ticket.first_response_at is not None
        ):  # CONTRACT §4: nothing automatic to them before a first public answer
            for person in ticket.participants:
                yield Address(person.name, person.address), Role.PARTICIPANT
    responsible = rulebook.agent(ticket.assignee) if ticket.assignee else None
    if responsible is not None:
        role = Role.NEW_RESPONSIBLE if new_responsible else Role.RESPONSIBLE
        yield Address(responsible.name, responsible.address), role
    if responsible is None or responsible.address in away:
        for agent in rulebook.members(ticket.team):
            yield Address(agent.name, agent.address), Role.TEAM
    for agent in _contacts(ticket, rulebook, away):
        yield Address(agent.name, agent.address), Role.CONTACT
    for address in ticket.watchers:
        watcher = rulebook.agent(address)
        if watcher is not None:  # who left the files is told nothing
            yield Address(watcher.name, watcher.address), Role.WATCHER
    for agent in call.agents:
        yield Address(agent.name, agent.address), Role.WATCHER
    for agent in rulebook.admins:
        yield Address(agent.name, agent.address), Role.ADMIN
    team = rulebook.teams.get(ticket.team or "")
    if team is not None and team.address:
        copied = rulebook.agent(team.address)
        to = Address(copied.name if copied else team.name, team.address)
        yield to, Role.TEAM if copied else Role.TEAM_COPY


def _contacts(ticket: Ticket, rulebook: Rulebook, away: Collection[str]) -> tuple[Agent, ...]:
    """Who speaks to the requester while others have the ticket; when he is away, his team too."""
    contact = rulebook.agent(ticket.contact) if ticket.contact else None
    if contact is None:
        return ()
    return (contact, *(rulebook.members(contact.team) if contact.address in away else ()))


def _way(event: Happening, to: Address, role: Role, ticket: Ticket, rulebook: Rulebook, call: Call) -> Notify:
    if event in call.events and not role.outside and any(agent.address == to.key for agent in call.agents):
        return Notify.EACH
    unsaid = event in call.instead and role in _BY_STEPS
    kept = event is Happening.ASSIGNED and role.outside and ticket.contact is not None
    return Notify.OFF if unsaid or kept else setting(rulebook, event, role, ticket.organisation)


def tell(
    rulebook: Rulebook,
    ticket: Ticket,
    happenings: tuple[Happening, ...],
    *,
    by: str,
    new_responsible: bool = False,
    already: frozenset[str] = frozenset(),
    internal: bool = False,
    away: Collection[str] = (),
    call: Call = NO_CALL,
) -> tuple[Told, ...]:
    """Who hears of what happened. `by` (lower case) caused it and is not told; `already` (lower case) have the mail itself;
    with `internal` the requester's side is left out; `away`: agents who are; `call`: whom the escalation tells. Each person once, in the strongest role that hears anything at once."""
    found: dict[str, Told] = {}
    outside = {ticket.requester.key, *(person.key for person in ticket.participants)}
    for to, role in _roles(ticket, rulebook, new_responsible, internal, away, call):
        receipt = role is Role.REQUESTER and Happening.SUPPLIED in happenings
        has_it = to.key in already and (role.outside or role is Role.TEAM_COPY) and not receipt
        if not to.key or has_it or (not role.outside and to.key in outside):
            continue
        ways = {event: _way(event, to, role, ticket, rulebook, call) for event in happenings}
        each = tuple(event for event in happenings if ways[event] is Notify.EACH)
        digest = tuple(event for event in happenings if ways[event] is Notify.DIGEST)
        acknowledged = role is Role.REQUESTER and not _RECEIPTS.isdisjoint((*each, *digest))
        if to.key == by and not acknowledged:
            continue
        had = found.get(to.key)
        if (each or digest) and (had is None or (each and not had.each)):
            found[to.key] = Told(to, role, each, digest)
    return tuple(found.values())


def as_markdown() -> str:
    """The shipped table as rules/README.md shows it."""
    lines = ["| event | " + " | ".join(Role) + " |", "| --- " * (len(Role) + 1) + "|"]
    for event in Happening:
        lines.append(f"| {event} | " + " | ".join(SHIPPED[event, role] for role in Role) + " |")
    return "\n".join(lines)
