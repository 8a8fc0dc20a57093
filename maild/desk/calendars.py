"""Business time: arithmetic on working hours, exact through DST, midnight and holidays.

An instant is working time when a clock on the wall of the calendar's zone shows a minute of that weekday's spans and the date is
no holiday. All sums are done in UTC; local time only tells which spans are open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from maild.desk.rulebook import Calendar

HORIZON = timedelta(days=5 * 366)
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_SECOND = timedelta(seconds=1)


def add(calendar: Calendar, start: datetime, span: timedelta) -> datetime:
    """The instant (UTC) at which `span` of working time has passed since `start` (aware).

    A span that fills a day's hours ends when they end, not when the next begin; no span at all ends at `start`.
    Raises ValueError for a negative span, and when the calendar has no such time within five years.
    """
    if span < timedelta(0):
        raise ValueError("a span of working time cannot be negative")
    left, start = span, start.astimezone(UTC)
    if not left:
        return start
    for opens, closes in _open(calendar, start):
        if opens - start > HORIZON:
            break
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise ValueError(
        f"calendar '{calendar.key}' has no {span} of working time within five years of {start:%Y-%m-%d}"
    )


def between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """The working time from `start` to `end` (aware); zero when `end` is not later."""
    stretches = _within(calendar, start.astimezone(UTC), end.astimezone(UTC))
    return sum((closes - opens for opens, closes in stretches), timedelta(0))


def _within(calendar: Calendar, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of working time between these (UTC)."""
    for opens, closes in _open(calendar, start):
        if opens >= end:
            return
        yield opens, min(closes, end)


def before(calendar: Calendar, end: datetime, span: timedelta) -> datetime:
    """The last instant (UTC) from which `span` (more than none) of working time is left until `end` (aware).

    Raises ValueError when the calendar has no such time within five years.
    """
    left, until = span, end.astimezone(UTC)
    first = until - HORIZON
    while until > first:
        start = until - _WEEK
        for opens, closes in reversed(list(_within(calendar, start, until))):
            if left <= closes - opens:
                return closes - left
            left -= closes - opens
        until = start
    raise ValueError(
        f"calendar '{calendar.key}' has no {span} of working time within five years before {end:%Y-%m-%d}"
    )


def opening(calendar: Calendar, at: datetime) -> datetime:
    """The first instant (UTC) of working time that is not before `at` (aware). Raises ValueError when there is none for five years."""
    at = at.astimezone(UTC)
    opens, _ = next(_open(calendar, at), (None, None))
    if opens is None or opens - at > HORIZON:
        raise ValueError(f"calendar '{calendar.key}' has no working time within five years of {at:%Y-%m-%d}")
    return opens


def _open(calendar: Calendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of working time from `start` (UTC) on, in order, in UTC; none at all for a calendar without hours."""
    if not any(calendar.week):
        return
    at = start
    while at.year < 9999:
        offset = _offset(calendar, at)
        local = (at + offset).replace(tzinfo=None)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        until = (midnight + _DAY - offset).replace(tzinfo=UTC)
        if _offset(calendar, until - _SECOND) != offset:
            until = _transition(calendar, at, until)
        if midnight.date() not in calendar.holidays:
            for first, last in calendar.week[midnight.weekday()]:
                opens = (midnight + timedelta(minutes=first) - offset).replace(tzinfo=UTC)
                closes = (midnight + timedelta(minutes=last) - offset).replace(tzinfo=UTC)
                if max(opens, at) < min(closes, until):
                    yield max(opens, at), min(closes, until)
        at = until


def _offset(calendar: Calendar, at: datetime) -> timedelta:
    return at.astimezone(calendar.zone).utcoffset() or timedelta(0)


def _transition(calendar: Calendar, start: datetime, end: datetime) -> datetime:
    """The first second in (start, end) at which the zone's offset is no longer that of `start`."""
    offset, start = _offset(calendar, start), start.replace(microsecond=0)
    low, high = 0, int((end - start).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(calendar, start + middle * _SECOND) == offset:
            low = middle
        else:
            high = middle
    return start + high * _SECOND
