"""The periods that reports are about, in local days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from maild.desk.reporting import Period

WEEK: Final = 7
LONGEST: Final = 3660
_LAST = re.compile(r"(\d{1,4})\s*([dw])")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{1,2}):(\d{2}))?")


def including(now: datetime) -> datetime:
    """The end of a period that holds all that has happened until now."""
    return now + timedelta.resolution


def last_days(days: int, until: datetime, zone: ZoneInfo) -> Period:
    """So many days by the wall clock until then, beside as many before."""
    return Period(_back(until, days, zone), until.astimezone(UTC), _back(until, 2 * days, zone), zone)


def whole_week(at: datetime, zone: ZoneInfo) -> Period:
    """The seven days before the local day of `at`."""
    return last_days(WEEK, _midnight(at.astimezone(zone).date(), zone), zone)


def last(text: str, now: datetime, zone: ZoneInfo) -> Period:
    """`7d`, `4w`: so much until now. `month`, `quarter`: the last whole one. Raises ValueError."""
    months = {"month": 1, "quarter": 3}.get(text)
    if months:
        today = now.astimezone(zone).date()
        first = today.replace(day=1, month=today.month - (today.month - 1) % months)
        since, until, before = (_midnight(_months_back(first, months * step), zone) for step in (1, 0, 2))
        return Period(since, until, before, zone)
    found = _LAST.fullmatch(text)
    days = int(found[1]) * (WEEK if found[2] == "w" else 1) if found else 0
    if not 1 <= days <= LONGEST:
        raise ValueError(f"'{text}' is no period, like 7d, 4w, month or quarter")
    return last_days(days, including(now), zone)


def between(since: datetime, until: datetime, zone: ZoneInfo) -> Period:
    """From one time to another, beside as much by the wall clock before. Raises ValueError when there is nothing between."""
    if since >= until:
        raise ValueError(
            f"the period ends ({_shown(until, zone)}) before it begins ({_shown(since, zone)})"
            if since > until
            else "the period ends when it begins: the day of --until does not belong to it"
        )
    span = until.astimezone(zone).replace(tzinfo=None) - since.astimezone(zone).replace(tzinfo=None)
    before = (since.astimezone(zone) - span).astimezone(UTC)
    return Period(since.astimezone(UTC), until.astimezone(UTC), before, zone)


def moment(text: str, zone: ZoneInfo) -> datetime:
    """`2026-12-01` (its beginning) or `2026-12-01 14:00`, local, in UTC. Raises ValueError."""
    found = _MOMENT.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        hour = time(int(found[2]), int(found[3])) if found[2] else time(0)
        return datetime.combine(date.fromisoformat(found[1]), hour, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is no date, like 2026-12-01 or '2026-12-01 14:00'") from None


def _back(at: datetime, days: int, zone: ZoneInfo) -> datetime:
    return (at.astimezone(zone) - timedelta(days=days)).astimezone(UTC)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _months_back(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return day.replace(year=years, month=month + 1)


def _shown(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
