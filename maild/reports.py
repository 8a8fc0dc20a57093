"""Reports made of what the store holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from maild.desk.chronicle import Case, case
from maild.desk.privacy import hidden_from
from maild.desk.reporting import Period, Report, report
from maild.desk.rulebook import Agent, Rulebook
from store import Work


def of_period(
    work: Work,
    rulebook: Rulebook,
    period: Period,
    now: datetime,
    *,
    reader: Agent | None = None,
    teams: tuple[str, ...] | None = None,
) -> Report:
    """What happened in a period to the tickets (of these teams; None: all). `reader`: the agent who reads it; None: an admin on this
    host, who sees everything. The promises that run are counted when the period reaches until `now`."""
    return of_cases(
        cases_of(work, rulebook, period, teams), rulebook, period, now, reader=reader, teams=teams
    )


def cases_of(
    work: Work, rulebook: Rulebook, period: Period, teams: tuple[str, ...] | None = None
) -> list[Case]:
    """What reports of this period are made of: the whole course of every ticket (of these teams; None: all) that it touches, a millisecond each."""
    return [case(one, rulebook) for one in work.chronicles(period.before, period.until, teams)]


def of_cases(
    cases: Sequence[Case],
    rulebook: Rulebook,
    period: Period,
    now: datetime,
    *,
    reader: Agent | None = None,
    teams: tuple[str, ...] | None = None,
) -> Report:
    """The same, of what `cases_of` has found."""
    return report(
        cases,
        period,
        hidden=hidden_from(reader, rulebook) if reader else (),
        running=period.until >= now,
        teams=teams,
    )
