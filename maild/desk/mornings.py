"""When an agent's working day begins, and what he is told then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, Calendar, Rulebook, Weekly
from maild.desk.sla import first_due
from maild.desk.words import State

_AHEAD: Final = 370
_MONDAY_TO_FRIDAY: Final = range(5)
_WAITING: Final = (State.PENDING, State.ON_HOLD)
_DAY: Final = timedelta(days=1)


def zone_of(rulebook: Rulebook, agent: Agent) -> ZoneInfo:
    """The zone in which an agent reads the clock."""
    return ZoneInfo(agent.zone or rulebook.identity.timezone)


def morning_after(rulebook: Rulebook, agent: Agent, at: datetime) -> datetime | None:
    """When (UTC) the first of his working days begins that begins after `at`; None: none does within a year.

    By his calendar, in its zone; without one, and for one that opens at midnight, at `desk.digest_at`: without one from Monday to Friday.
    """
    calendar = rulebook.calendars.get(agent.calendar or "")
    zone = calendar.zone if calendar else zone_of(rulebook, agent)
    today = at.astimezone(zone).date()
    for ahead in range(_AHEAD):
        day = today + ahead * _DAY
        hour = _begins(calendar, day, rulebook.digest_at)
        if hour is not None:
            begins = datetime.combine(day, hour, zone).astimezone(UTC)
            if begins > at:
                return begins
    return None


def _begins(calendar: Calendar | None, day: date, usual: time) -> time | None:
    """When work begins on a local day; None: there is none."""
    if calendar is None:
        return usual if day.weekday() in _MONDAY_TO_FRIDAY else None
    spans = calendar.week[day.weekday()]
    if not spans or day in calendar.holidays:
        return None
    hours, minutes = divmod(spans[0][0], 60)
    return time(hours, minutes) if spans[0][0] else usual


def is_morning(rulebook: Rulebook, agent: Agent, due: datetime, now: datetime) -> bool:
    """Whether what was due at a morning `due` can still be told `now`: on a day on which he works, and which has begun."""
    calendar = rulebook.calendars.get(agent.calendar or "")
    zone = calendar.zone if calendar else zone_of(rulebook, agent)
    local = now.astimezone(zone)
    hour = _begins(calendar, local.date(), rulebook.digest_at)
    return due <= now and hour is not None and datetime.combine(local.date(), hour, zone) <= local


def week_after(weekly: Weekly, zone: ZoneInfo, at: datetime) -> datetime:
    """The first such hour (UTC) after `at`."""
    local = at.astimezone(zone)
    day = local.date() + ((weekly.day - local.weekday()) % 7) * _DAY
    found = (datetime.combine(one, weekly.at, zone).astimezone(UTC) for one in (day, day + 7 * _DAY))
    return next(one for one in found if one > at)


@dataclass(frozen=True, slots=True)
class Part:
    """Tickets of a morning under one heading: overdue, today, mine, unowned, waiting."""

    name: str
    tickets: tuple[Ticket, ...]


def parts(mine: Iterable[Ticket], unowned: Iterable[Ticket], now: datetime, zone: ZoneInfo) -> list[Part]:
    """What an agent finds in the morning, the urgent first: his unfinished tickets and those of his team that nobody has, each once."""
    found: dict[str, list[Ticket]] = {name: [] for name in ("overdue", "today", "mine", "unowned", "waiting")}
    today = now.astimezone(zone).date()
    for name, tickets in (("mine", mine), ("unowned", unowned)):
        for ticket in tickets:
            due = first_due(ticket)
            if due is not None and due < now:
                part = "overdue"
            elif due is not None and due.astimezone(zone).date() == today:
                part = "today"
            else:
                part = "waiting" if ticket.state in _WAITING else name
            found[part].append(ticket)
    for name in ("overdue", "today"):
        found[name].sort(key=_due_first)
    return [Part(name, tuple(tickets)) for name, tickets in found.items() if tickets]


def _due_first(ticket: Ticket) -> tuple[datetime, int, int]:
    due = first_due(ticket)
    assert due is not None
    return due, ticket.priority, ticket.id


def managed(rulebook: Rulebook) -> dict[str, tuple[str, ...] | None]:
    """Who gets the weekly report (by address), and of which teams; None: of all, as admins do."""
    found: dict[str, tuple[str, ...] | None] = {}
    for team in rulebook.teams.values():
        known: Sequence[str] | None = found.get(team.manager or "", ())
        if team.manager and rulebook.agent(team.manager) and known is not None:
            found[team.manager] = (*known, team.key)
    return found | dict.fromkeys(agent.address for agent in rulebook.admins)
