"""Mails that come regularly: the digest at the start of an agent's working day, the weekly report of managers and admins.

When the next of each is due to whom is kept in the store, so that it is told once, whatever happens to the daemon: after a pause at most one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from maild.delivery.notice import Board, DigestLine, Section
from maild.desk.effects import Tell
from maild.desk.facts import Address
from maild.desk.mornings import Part, is_morning, managed, morning_after, parts, week_after, zone_of
from maild.desk.people import Ticket
from maild.desk.periods import whole_week
from maild.desk.reporting import Report
from maild.desk.rulebook import Agent, Rulebook
from maild.desk.selection import NOBODY, Selection
from maild.desk.words import Happening, Role
from maild.reports import Cases, of_period
from maild.showing import Occasion
from maild.site import Site
from maild.telling import Telling
from store import Work
from store.rows import DigestRow

MORNING: Final = "morning"
WEEKLY: Final = "weekly"
READ: Final = 500
ROWS: Final = 20
Appointments = Mapping[tuple[str, str], datetime]
_Following = Callable[[datetime], datetime | None]


@dataclass(frozen=True, slots=True)
class Plan:
    """`changes`: appointments to be made (None: taken away), by recipient and kind. `due`: to whom which mail is due."""

    changes: Mapping[tuple[str, str], datetime | None]
    due: tuple[tuple[Agent, str], ...]


@dataclass(frozen=True, slots=True)
class Weekly:
    """A report, and the day on which its week was over."""

    until: date
    report: Report


def plan(rulebook: Rulebook, kept: Appointments, now: datetime) -> Plan:
    """What follows from the desk's files and the appointments that are kept: those to come are as the files have them now."""
    wanted = _wanted(rulebook)
    changes: dict[tuple[str, str], datetime | None] = {key: None for key in kept if key not in wanted}
    due = []
    for key, (agent, following) in wanted.items():
        at = kept.get(key)
        if at is not None and at <= now:
            due.append((agent, key[1]))
        elif (coming := following(now)) != at:
            changes[key] = coming
    return Plan({key: at for key, at in changes.items() if at is not None or key in kept}, tuple(due))


def _wanted(rulebook: Rulebook) -> dict[tuple[str, str], tuple[Agent, _Following]]:
    """Who gets what, and what says when the next comes."""
    found: dict[tuple[str, str], tuple[Agent, _Following]] = {}
    for agent in rulebook.agents.values():
        if rulebook.digests and agent.digests:
            found[agent.address, MORNING] = (
                agent,
                partial(morning_after, rulebook, agent),
            )
    at = rulebook.report_at
    if at is None:
        return found
    for address in managed(rulebook):
        agent = rulebook.agents[address]
        found[address, WEEKLY] = (agent, partial(week_after, at, zone_of(rulebook, agent)))
    return found


def make(work: Work, changes: Mapping[tuple[str, str], datetime | None]) -> None:
    """Keep these appointments."""
    for (recipient, kind), at in changes.items():
        work.appoint(recipient, kind, at)


def weekly(work: Work, site: Site, agent: Agent, now: datetime, read: Cases) -> Weekly:
    """The report that is due to an agent: of the week before the last time it was. `read` as in `of_period`."""
    rulebook = site.rulebook
    zone, teams = zone_of(rulebook, agent), managed(rulebook)[agent.address]
    assert rulebook.report_at is not None
    last = week_after(rulebook.report_at, zone, now).astimezone(zone) - timedelta(days=7)
    period = whole_week(last.astimezone(now.tzinfo), zone)
    found = of_period(work, rulebook, period, now, reader=agent, teams=teams, read=read)
    return Weekly(period.until.astimezone(zone).date(), found)


def hold(
    work: Work, site: Site, agent: Agent, kind: str, now: datetime, reports: Mapping[str, Weekly]
) -> None:
    """Tell an agent what is due to him, if there is anything, and appoint the next. `reports`: what `weekly` has made, by recipient."""
    rulebook = site.rulebook
    due = work.appointments().get((agent.address, kind), now)
    if due > now:  # another node has told it meanwhile
        return
    if kind == WEEKLY:
        _weekly(work, site, agent, now, reports[agent.address])
    elif is_morning(rulebook, agent, due, now) and agent.address not in work.away(now):
        _morning(work, site, agent, now)
    _, following = _wanted(rulebook)[agent.address, kind]
    work.appoint(agent.address, kind, following(now))


def _morning(work: Work, site: Site, agent: Agent, now: datetime) -> None:
    """His tickets, those of his team that nobody has, and what was kept for him, in one mail; none when there is nothing."""
    zone = zone_of(site.rulebook, agent)
    mine, _ = work.listed(Selection(assignee=agent.address), now, READ)
    unowned, _ = work.listed(Selection(assignee=NOBODY, team=agent.team), now, READ)
    rows = work.due_digests(now).get(agent.address, [])
    found = parts(mine, unowned, now, zone)
    if not found and not rows:
        return
    board = Board("", tuple(map(_section, found)), away=work.away(now), waiting=_since(work, found))
    occasion = Occasion(
        f"{MORNING}:{agent.address}:{now.astimezone(zone).date()}", now, digest=digest_lines(work, rows), board=board
    )  # fmt: skip
    _tell(work, site, agent, occasion, MORNING)
    work.finish_digests([row.id for row in rows], now)


def _section(part: Part) -> Section:
    return Section(part.name, part.tickets[:ROWS], len(part.tickets))


def _since(work: Work, found: Sequence[Part]) -> dict[int, datetime]:
    """Since when those wait that wait."""
    waiting = (ticket for part in found if part.name == "waiting" for ticket in part.tickets[:ROWS])
    return {ticket.id: work.state_since(ticket) for ticket in waiting}


def _weekly(work: Work, site: Site, agent: Agent, now: datetime, made: Weekly) -> None:
    """A desk of which there is nothing to say tells nothing."""
    if not made.report.empty:
        key = f"{WEEKLY}:{agent.address}:{made.until}"
        _tell(work, site, agent, Occasion(key, now, board=Board("", report=made.report)), WEEKLY, "report")


def _tell(work: Work, site: Site, agent: Agent, occasion: Occasion, kind: str, form: str = "") -> None:
    tell = Tell(None, Address(agent.name, agent.address), Role.ADMIN, kind, (), None, False, True)
    Telling(work, site, occasion).all([replace(tell, form=form) if form else tell])


def digest_lines(work: Work, rows: Sequence[DigestRow]) -> tuple[DigestLine, ...]:
    """What digests show of these rows."""
    tickets: dict[int, Ticket | None] = {row.ticket: work.ticket(row.ticket) for row in rows if row.ticket}
    return tuple(_line(row, tickets.get(row.ticket) if row.ticket else None) for row in rows)


def _line(row: DigestRow, ticket: Ticket | None) -> DigestLine:
    happenings = tuple(Happening(happening) for happening in row.happenings)
    return DigestLine(row.at, row.ticket, ticket.subject if ticket else row.subject, happenings)
