"""Reports made of what the store holds."""

from __future__ import annotations

from datetime import datetime

from maild.desk.chronicle import case
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
    cases = [case(one, rulebook) for one in work.chronicles(period.before, period.until, teams)]
    return report(
        cases,
        period,
        hidden=hidden_from(reader, rulebook) if reader else (),
        running=period.until >= now,
        teams=teams,
    )
