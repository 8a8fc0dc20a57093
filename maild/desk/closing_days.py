"""Days without work out of iCalendar files (RFC 5545): all-day events, for one day or several, once or again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from maild.desk import shapes
from maild.desk.week import FILES
from maild.errors import Problem
from maild.reading import Places, nearest

_LONGEST: Final = 1_000_000
_MOST: Final = 5_000
_LONGEST_EVENT: Final = timedelta(days=366)
_HARDLY_OPEN: Final = 350
"""Days without work in a year that no desk means."""
_RULES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_DAY: Final = timedelta(days=1)


def problems(
    document: shapes.Document, files: Mapping[str, str], today: date, places: Places
) -> Iterator[Problem]:
    """A complaint at the place of each `holidays` that names a file which is not there, or is no calendar. `files`: texts by name."""
    for key, calendar in document.calendars.items():
        for index, name in enumerate(calendar.holidays):
            why = _wrong(name, files, today) if name.endswith(FILES) else ""
            if why:
                yield places.value(("calendars", key, "holidays", index)).problem(f"holidays: {why}")


def _wrong(name: str, files: Mapping[str, str], today: date) -> str:
    if name not in files:
        return f"there is no file '{name}' in the folder of these files{nearest(name, files)}"
    try:
        days(files[name], today)
    except ValueError as error:
        return f"'{name}' {error}"
    return ""


@lru_cache(maxsize=32)
def days(text: str, today: date) -> frozenset[date]:
    """The dates of the all-day events in a calendar, from last year's to those five years ahead. Events with hours, and cancelled ones, count for nothing.

    Raises ValueError with the end of a sentence that begins with the name of the file.
    """
    # a fifth of the time and memory that rules take, for desks that name such a file
    import recurring_ical_events
    from icalendar import Calendar

    if len(text) > _LONGEST:
        raise ValueError(f"has more than {_LONGEST:,} characters")
    try:
        calendar = Calendar.from_ical(text)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"is no calendar (RFC 5545): {str(error)[:200]}") from None
    if not isinstance(calendar, Calendar):
        raise ValueError("is no calendar (RFC 5545): it does not begin with BEGIN:VCALENDAR")
    events = [event for event in calendar.walk("VEVENT") if _counts(event)]
    if not events:
        raise ValueError("holds no all-day event")
    if len(events) > _MOST:
        raise ValueError(f"holds more than {_MOST:,} events")
    plain = Calendar()
    for event in events:
        plain.add_component(event)
    first, behind = date(today.year - 1, 1, 1), date(today.year + 6, 1, 1)
    try:
        found = recurring_ical_events.of(plain).between(first, behind)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(
            f"holds an event that comes again in a way that is not understood: {str(error)[:200]}"
        ) from None
    free = frozenset(day for event in found for day in _of(event) if first <= day < behind)
    full = [year for year, count in Counter(day.year for day in free).items() if count > _HARDLY_OPEN]
    if full:
        raise ValueError(f"leaves no day to work in {min(full)}")
    return free


def _counts(event: Any) -> bool:
    """Whether it is an all-day event that is held. Raises ValueError for one that is broken, or comes again within a day."""
    name = f"the event '{str(event.get('SUMMARY', 'without a name'))[:80]}'"
    if event.errors:
        raise ValueError(f"holds {name}, of which this is wrong: {' '.join(map(str, event.errors[0]))[:200]}")
    if "DTSTART" not in event:
        raise ValueError(f"holds {name}, which has no DTSTART")
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if any(str(freq).upper() not in _RULES for freq in rule.get("FREQ", [])):
            raise ValueError(f"holds {name}, which comes again within a day")
    start = event["DTSTART"].dt
    if isinstance(start, datetime) or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return False
    end = event["DTEND"].dt if "DTEND" in event else start + _DAY
    if isinstance(end, datetime) or not start < end <= start + _LONGEST_EVENT:
        raise ValueError(
            f"holds {name}, which ends before it begins, within a day, or after more than a year"
        )
    return True


def _of(event: Any) -> Iterator[date]:
    """The days of one all-day event. Its end is the day behind the last (RFC 5545 §3.6.1); without one it lasts a day."""
    start, end = event["DTSTART"].dt, getattr(event.get("DTEND"), "dt", None)
    last = max(end - _DAY, start) if end is not None else start
    day = start
    while day <= last:
        yield day
        day += _DAY
