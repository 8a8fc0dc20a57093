"""Reports made of what the store holds."""

from __future__ import annotations

from datetime import datetime

from maild.desk.chronicle import Case, case
from maild.desk.privacy import hidden_from
from maild.desk.reporting import Period, Report, report
from maild.desk.rulebook import Agent, Rulebook
from store import Work

Cases = dict[tuple[datetime, datetime, tuple[str, ...] | None], list[Case]]
"""What reports are made of, a millisecond for each ticket, by time and teams: read once for all that need the same."""


def of_period(
    work: Work,
    rulebook: Rulebook,
    period: Period,
    now: datetime,
    *,
    reader: Agent | None = None,
    teams: tuple[str, ...] | None = None,
    read: Cases | None = None,
) -> Report:
    """What happened in a period to the tickets (of these teams; None: all). `reader`: the agent who reads it; None: an admin on this
    host, who sees everything. `read`: what was read for other reports, to which is added what this one needs. The promises that run are
    counted when the period reaches until `now`."""
    known, key = {} if read is None else read, (period.before, period.until, teams)
    if key not in known:
        known[key] = [case(one, rulebook) for one in work.chronicles(period.before, period.until, teams)]
    return report(
        known[key],
        period,
        hidden=hidden_from(reader, rulebook) if reader else (),
        running=period.until >= now,
        teams=teams,
    )
