"""Commands about who has a ticket, who follows it, who is asked, and who asked."""

from __future__ import annotations

import re

from maild.desk import callers
from maild.desk.belonging import organisation_of
from maild.desk.callers import Caller
from maild.desk.commands.run import No, Requester, Run, agent_named, nearest, nothing, some, team_named
from maild.desk.facts import Address
from maild.desk.ladder import spoken_step
from maild.desk.people import Person
from maild.desk.staffing import owner_of
from maild.desk.words import State
from maild.desk.workflow import Act, Who, after

_SHOWN = 5
"""How many people are named who may be meant."""


def team(run: Run, argument: str) -> str:
    """#team engineering: hand it to another team; who is responsible there, if anybody, has it."""
    teams = run.rulebook.teams
    key = team_named(run, some(argument, "a team"))
    if key is None:
        names = (*teams, *(one.name for one in teams.values()))
        raise No(f"there is no team {argument!r}{nearest(argument, names)}")
    hand_over(run, key)
    return f"team {teams[key].name}"


def hand_over(run: Run, key: str) -> None:
    """The team has it, at its level."""
    run.put("team", key)
    run.put("level", run.rulebook.teams[key].level)
    assignee = run.rulebook.agent(str(run.current("assignee") or ""))
    if (assignee is None or assignee.team != key) and "assignee" not in run.values:
        run.put("assignee", owner_of(key, run.rulebook, run.snapshot.away))


def assign(run: Run, argument: str) -> str:
    """#assign ADDRESS, me or nobody."""
    word = re.sub(r"^to\s+", "", some(argument, "an agent's address, me or nobody"), flags=re.IGNORECASE)
    if word.lower() in ("nobody", "none"):
        run.put("assignee", None)
        return "nobody is responsible"
    if word.lower() in ("me", "myself"):
        if run.power.agent is None:
            raise No("the admin on this host is no agent; name one")
        agent = run.power.agent
    else:
        agent = agent_named(run, word, "an address, me or nobody")
    run.put("assignee", agent.address)
    if run.current("team") != agent.team and not _stays_private(run):
        run.put("team", agent.team)
        if agent.team in run.rulebook.teams:
            run.put("level", run.rulebook.teams[agent.team].level)
    if State(str(run.current("state"))) is State.NEW:
        run.put("state", after(State.NEW, Act.TAKE, Who.AGENT))
    return f"{agent.name} is responsible"


def _stays_private(run: Run) -> bool:
    """Whether the ticket is of a private team: who has it may be of another, and it stays where others do not see it."""
    team = run.rulebook.teams.get(str(run.current("team")))
    return team is not None and team.private


def escalate(run: Run, argument: str) -> str:
    """#escalate WHY: the next step of the escalation; when there is none, the first team of the next level up."""
    steps, taken = run.rulebook.escalation, run.ticket.step
    if run.outcome.escalate is not None:
        raise No("stands twice: a mail takes one step")
    if taken < len(steps):
        run.note(escalate=argument)
        return (
            f"step {taken + 1} of {len(steps)} of the escalation: {spoken_step(steps[taken], run.rulebook)}"
        )
    level, teams = run.current("level"), run.rulebook.teams.values()
    higher = sorted((one for one in teams if one.level > level), key=lambda one: one.level)
    if not higher:
        further = "there is no further step, and " if steps else ""
        raise No(f"{further}no team stands above level {level}")
    before = run.current("team")
    hand_over(run, higher[0].key)
    run.note(escalate=argument, escalated=(before, higher[0].key))
    return f"escalated to {higher[0].name}"


def acknowledge(run: Run, argument: str) -> str:
    """#ack: I have seen it and act."""
    nothing(argument)
    run.note(acknowledged=True)
    return "acknowledged"


def ask(run: Run, argument: str) -> str:
    """#ask AGENT|TEAM: consult without handing over."""
    some(argument, "an agent or a team")
    key = team_named(run, argument)
    if key is not None:
        asked = run.rulebook.members(key)
        what = f"team {run.rulebook.teams[key].name}"
    else:
        names = (*run.rulebook.teams, *(one.name for one in run.rulebook.teams.values()))
        try:
            asked = (agent_named(run, argument, "an agent or a team"),)
        except No as no:
            raise No(f"{no}{nearest(argument, names)}") from None
        what = asked[0].name
    me = run.power.agent
    asked = tuple(one for one in asked if me is None or one.address != me.address)
    if not asked:
        raise No("there is nobody but you to ask")
    run.inside("ask")
    run.note(ask=tuple(dict.fromkeys((*run.outcome.ask, *asked))))
    return f"{what} is asked"


def watch(run: Run, argument: str) -> str:
    """#watch me, #watch ADDRESS."""
    if argument.lower() in ("", "me") and run.power.agent:
        agent = run.power.agent
    else:
        agent = agent_named(run, some(argument, "an agent's address"), "agents watch")
    run.note(watch=(*run.outcome.watch, agent.address))
    return f"{agent.name} watches"


def unwatch(run: Run, argument: str) -> str:
    """#unwatch me; somebody who left the files can be taken out by his address."""
    if argument.lower() in ("", "me") and run.power.agent:
        word = run.power.agent.address
    else:
        word = some(argument, "an agent's address").lower()
    if word not in run.ticket.watchers:
        word = agent_named(run, argument, "agents watch").address
    if word not in run.ticket.watchers:
        raise No(f"{word} does not watch this ticket")
    run.note(unwatch=(*run.outcome.unwatch, word))
    return f"{word} watches no longer"


def requester(run: Run, argument: str) -> str:
    """#requester ADDRESS, a name, a number, or both: somebody of the register, else somebody new."""
    asked = callers.read(some(argument, "an address, a name or a telephone number"))
    if asked is None:
        raise No(f"{argument!r} is no address")
    found = _by_address(run, asked) if asked.address else _by_call(run, argument, asked)
    who, person = found.who, found.person
    if (who.key and who.key == run.ticket.requester.key) or (
        person and person.id == run.ticket.requester.id and (person.address or not who.address)
    ):
        raise No(f"{callers.shown(who, found.phone)} is the requester already")
    if who.key or person is not None:
        theirs = organisation_of(person or Person(0, who.name, who.address), run.rulebook)
        run.values.setdefault("organisation", theirs)
    run.powerful()
    run.note(requester=found)
    return f"requester {_told(person or who, found.phone, run)}" + (
        "" if who.address else " (without an address: nothing is sent)"
    )


def _by_address(run: Run, asked: Caller) -> Requester:
    if run.rulebook.is_own(asked.address):
        raise No(f"{asked.address} is the desk's own address")
    person = run.snapshot.people.get(asked.address.lower())
    if person is None:
        caller, name = run.ticket.requester, callers.name_key(asked.name)
        same = not caller.address and name is not None and name == callers.name_key(caller.name)
        return Requester(Address(asked.name, asked.address), person=caller if same and caller.id else None)
    return Requester(Address(person.name or asked.name, person.address), person=person)


def _by_call(run: Run, argument: str, asked: Caller) -> Requester:
    """Whom the register knows by this name or number; nobody: a caller to be entered."""
    known = run.snapshot.callers.get(argument, ())
    found = [one for one in known if not one.address or not run.rulebook.is_own(one.address)]
    if len(found) > 1:
        people = "; ".join(_told(one, one.phone, run) for one in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise No(f"{argument!r} could be {people}{more}: say the address, or name and number together")
    if not found:
        return Requester(Address(asked.name, ""), asked.phone)
    person = found[0]
    return Requester(Address(person.name or asked.name, person.address), person.phone or asked.phone, person)


def _told(one: Person | Address, phone: str | None, run: Run) -> str:
    """Somebody as agents are told of him: name, address or number, organisation."""
    address = f"<{one.address}>" if one.address and one.name else one.address
    place = organisation_of(one, run.rulebook) if isinstance(one, Person) else None
    parts = (one.name, address, "" if one.address else phone or "", f"({place})" if place else "")
    return " ".join(filter(None, parts))
