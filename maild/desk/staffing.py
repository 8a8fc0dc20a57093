"""Who takes a ticket: in turn, with the least to do, or on call; only people who speak its language and are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from maild.desk.rulebook import Agent, AgentRole, Rota, Rulebook


@dataclass(frozen=True, slots=True)
class Staff:
    """What the store knows of the agents, all by address in lower case. `turn`: by team ("" without one), who got the last ticket
    in turn. `load`: unfinished tickets of each. `away`: who is not there, until when (None: not known)."""

    turn: Mapping[str, str] = field(default_factory=dict)
    load: Mapping[str, int] = field(default_factory=dict)
    away: Mapping[str, datetime | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """`agent`: an address, None when nobody fits; `why` says how he was chosen or what was in the way."""

    agent: str | None
    why: str


def choose(
    way: str,
    team: str | None,
    language: str | None,
    rulebook: Rulebook,
    staff: Staff,
    now: datetime | None,
    asks: str = "",
) -> Chosen:
    """An agent for a ticket of this team (None: of all teams) in this language (None: any), by one of `rules.WAYS`.

    Light agents take none, and nobody what he asks himself (`asks`: the requester's address in lower case). In turn is the order of the files, after who came last; equal loads go in that order too.
    """
    if way == "oncall":
        return _on_call(team, language, rulebook, staff, now, asks)
    everybody = rulebook.members(team) if team else tuple(rulebook.agents.values())
    fit, refused = [], []
    for agent in everybody:
        wrong = _unfit(agent, language, staff, now, asks)
        if wrong is None:
            fit.append(agent)
        else:
            refused.append(f"{agent.address} {wrong}")
    if not fit:
        of = f"of team {team}" if team else "at all"
        return Chosen(None, f"nobody {of} can take it: " + ("; ".join(refused) or "it has no members"))
    if way == "least-busy":
        least = min(fit, key=lambda agent: staff.load.get(agent.address, 0))
        return Chosen(least.address, f"{staff.load.get(least.address, 0)} unfinished tickets, the least")
    last = staff.turn.get(team or "")
    order = [agent.address for agent in everybody]
    after = order.index(last) + 1 if last in order else 0
    ready = {agent.address for agent in fit}
    turn = next(address for address in order[after:] + order[:after] if address in ready)
    return Chosen(turn, f"in turn after {last}" if last else "the first in turn")


def _unfit(agent: Agent, language: str | None, staff: Staff, now: datetime | None, asks: str) -> str | None:
    if agent.address == asks:
        return "asks it himself"
    if agent.role is AgentRole.LIGHT:
        return "only writes notes"
    if language and agent.languages and _base(language) not in map(_base, agent.languages):
        return f"does not speak {language}"
    if agent.address in staff.away:
        until = staff.away[agent.address]
        if until is None or now is None or until > now:
            return "is away"
    return None


def _base(language: str) -> str:
    return language.lower().partition("-")[0]


def _on_call(
    team: str | None, language: str | None, rulebook: Rulebook, staff: Staff, now: datetime | None, asks: str
) -> Chosen:
    rota = rulebook.oncall.get(team or "") or (
        next(iter(rulebook.oncall.values()), None) if not team else None
    )
    if rota is None:
        return Chosen(None, f"no rota of team {team} is in `oncall`" if team else "there is no `oncall` rota")
    if now is None:
        return Chosen(None, "the time is not known")
    turn = shift(rota, now, ZoneInfo(rulebook.identity.timezone))
    if turn is None:
        return Chosen(None, f"the rota of {rota.team} begins on {rota.since}")
    for step in range(len(rota.agents)):
        agent = rulebook.agents[rota.agents[(turn + step) % len(rota.agents)]]
        if _unfit(agent, language, staff, now, asks) is None:
            return Chosen(agent.address, "on call" if step == 0 else "next on call: who is, can't take it")
    return Chosen(None, f"nobody of the rota of {rota.team} can take it")


def shift(rota: Rota, now: datetime, zone: ZoneInfo) -> int | None:
    """Whose turn it is, as an index into `rota.agents`; None before the rota begins.

    Shifts change at the same time of the local day, so those over a change of clocks are an hour shorter or longer.
    """
    local = now.astimezone(zone).replace(tzinfo=None)
    passed = local - datetime.combine(rota.since, rota.at)
    return int(passed // rota.every) % len(rota.agents) if passed >= timedelta(0) else None
