"""Commands about who has a ticket, who follows it, who is asked, and who asked."""

from __future__ import annotations

import re

from maild.desk.commands.run import No, Requester, Run, agent_named, nearest, nothing, some, team_named
from maild.desk.facts import Address
from maild.desk.words import State
from maild.desk.workflow import Act, Who, after

_ADDRESS = re.compile(r"[^\s<>@,;:\"()\[\]\\]{1,64}@[^\s<>@,;:\"()\[\]\\]{1,190}")
_NAMED = re.compile(r"(?:\"?([^\"<>]{0,200}?)\"?\s*)?<([^<>]+)>")
_PHONE = re.compile(r"\+?[\d\s()./-]{5,30}")


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
        run.put("assignee", run.rulebook.teams[key].responsible)


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
    if run.current("team") != agent.team:
        run.put("team", agent.team)
        if agent.team in run.rulebook.teams:
            run.put("level", run.rulebook.teams[agent.team].level)
    if State(str(run.current("state"))) is State.NEW:
        run.put("state", after(State.NEW, Act.TAKE, Who.AGENT))
    return f"{agent.name} is responsible"


def escalate(run: Run, argument: str) -> str:
    """#escalate: to the first team of the next level up."""
    nothing(argument)
    level, teams = run.current("level"), run.rulebook.teams.values()
    higher = sorted((one for one in teams if one.level > level), key=lambda one: one.level)
    if not higher:
        raise No(f"no team stands above level {level}")
    before = run.current("team")
    hand_over(run, higher[0].key)
    run.note(escalated=(before, higher[0].key))
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
    """#requester ADDRESS, or a name or a number of somebody who called and has no address."""
    word = some(argument, "an address, a name or a telephone number")
    named = _NAMED.fullmatch(word)
    address, name = (named[2].strip(), (named[1] or "").strip()) if named else (word.rstrip("."), "")
    if "@" in address or named:
        if not _ADDRESS.fullmatch(address):
            raise No(f"{argument!r} is no address")
        if run.rulebook.is_own(address):
            raise No(f"{address} is the desk's own address")
        local, _, domain = address.rpartition("@")
        who, phone = Address(name, f"{local}@{domain.lower()}"), None
        if who.key == run.ticket.requester.key:
            raise No(f"{address} is the requester already")
        theirs = run.rulebook.organisation_of(address)
        run.values.setdefault("organisation", theirs.name if theirs else None)
    elif _PHONE.fullmatch(word) and any(char.isdigit() for char in word):
        who, phone = Address(word, ""), word
    else:
        who, phone = Address(word[:200], ""), None
    run.powerful()
    run.note(requester=Requester(who, phone))
    return f"requester {word}" + ("" if who.address else " (without an address: nothing is sent to him)")
