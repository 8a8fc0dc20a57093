"""Who takes a ticket: in turn, with the least to do, or on call; only people who speak its language and are there.

Of those who may take it, who is at work now comes first, then who knows most of what it is about; only then turn or load decide.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from maild.desk import calendars
from maild.desk.folding import fold
from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, AgentRole, FieldKind, Rota, Rulebook

_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Staff:
    """What the store knows of the agents, all by address in lower case. `turn`: by `Chosen.turn`, who got the last ticket
    in turn. `load`: unfinished tickets of each. `away`: who is not there, until when (None: not known)."""

    turn: Mapping[str, str] = field(default_factory=dict)
    load: Mapping[str, int] = field(default_factory=dict)
    away: Mapping[str, datetime | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """`agent`: an address, None when nobody fits; `why` says how he was chosen or what was in the way. `turn`: under which word whose turn it
    was is remembered: the team ("" without one), and apart from it for each set of skills, so that turns stay even among those who know the rest.
    """

    agent: str | None
    why: str
    turn: str = ""


def choose(
    way: str,
    team: str | None,
    language: str | None,
    rulebook: Rulebook,
    staff: Staff,
    now: datetime | None,
    asks: str = "",
    shows: Collection[str] = (),
) -> Chosen:
    """An agent for a ticket of this team (None: of all teams) in this language (None: any), by one of `rules.WAYS`.

    Light agents take none, and nobody what he asks himself (`asks`: the requester's address in lower case). `shows`: the ticket's words
    (`words_of`). In turn is the order of the files, after who came last; equal loads go in that order too.
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
    there, said = _at_work(fit, rulebook, now)
    best, skills = _knowing(there, shows)
    said += (f"knows {', '.join(skills)}",) if skills else ()
    key = " ".join((team or "", *(("knows", *skills) if skills else ())))
    if way == "least-busy":
        least = min(best, key=lambda agent: staff.load.get(agent.address, 0))
        why = f"{staff.load.get(least.address, 0)} unfinished tickets, the least"
        return Chosen(least.address, "; ".join((why, *said)))
    last = staff.turn.get(key)
    turn = _next(everybody, best, last)
    return Chosen(turn, "; ".join((f"in turn after {last}" if last else "the first in turn", *said)), key)


def _next(everybody: Sequence[Agent], ready: Sequence[Agent], last: str | None) -> str:
    """Who of those that are ready comes after `last`, in the order of the files."""
    order = [agent.address for agent in everybody]
    after = order.index(last) + 1 if last in order else 0
    addresses = {agent.address for agent in ready}
    return next(address for address in order[after:] + order[:after] if address in addresses)


def _at_work(
    fit: list[Agent], rulebook: Rulebook, now: datetime | None
) -> tuple[list[Agent], tuple[str, ...]]:
    """Those whose calendar says that they work now; who has none always does. All, when nobody works or the time is not known."""
    hours = [rulebook.calendars.get(agent.calendar or "") for agent in fit]
    if now is None or not any(hours):
        return fit, ()
    there = [
        agent
        for agent, calendar in zip(fit, hours, strict=True)
        if calendar is None or calendars.between(calendar, now, now + _INSTANT)
    ]
    if not there:
        return fit, ("nobody is at work now",)
    return there, () if len(there) == len(fit) else ("at work now",)


def _knowing(fit: list[Agent], shows: Collection[str]) -> tuple[list[Agent], tuple[str, ...]]:
    """Those with the most skills that the ticket shows, and which these are."""
    known = [[skill for skill in agent.skills if fold(skill) in shows] for agent in fit]
    most = max(map(len, known))
    best = [(agent, skills) for agent, skills in zip(fit, known, strict=True) if len(skills) == most]
    skills = {fold(skill): skill for _, mine in best for skill in mine}
    return [agent for agent, _ in best], tuple(skills[key] for key in sorted(skills))


def words_of(ticket: Ticket, rulebook: Rulebook) -> frozenset[str]:
    """The words that tell what a ticket is about, folded: type, category, severity, tags, and values of choice fields."""
    choices = (
        value
        for key, value in ticket.fields.items()
        if key in rulebook.fields and rulebook.fields[key].kind is FieldKind.CHOICE
    )
    words = (ticket.type, ticket.category, ticket.severity, *ticket.tags, *choices)
    return frozenset(fold(word) for word in words if word)


def owner_of(team: str | None, rulebook: Rulebook, away: Collection[str] = ()) -> str | None:
    """Who has what comes to a team and is given to nobody (`teams.NAME.responsible`, an address), if he is there."""
    found = rulebook.teams.get(team or "")
    return found.responsible if found and found.responsible not in away else None


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
