"""The words in which admins write working hours: days, hours of a day, holidays.

mon-fri: "09:00-12:00, 13:00-17:00"     a range of days, several spans
sat,sun: closed                         a list of days
fri: "09:00-15:00"                      a single day overrides a range that names it
holidays: [NL, DE-BY, 2026-12-24]       countries, parts of countries, single dates
holidays: [NL, closing-days.ics]        the all-day events of an iCalendar file
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from itertools import pairwise

from maild.desk.rulebook import Weekly
from maild.reading import nearest

Spans = tuple[tuple[int, int], ...]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_OF_DAY = 1440
_HOURS = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)")
_WEEKLY = re.compile(r"([a-z]{3}) +(\d{1,2}):(\d\d)")
_YEARS_AHEAD = 5
FILES = ".ics"
"""How the name of an iCalendar file ends."""


def hours(value: object) -> Spans:
    """`"09:00-12:00, 13:00-17:00"` (or a list of such texts, or `closed`) as spans in minutes of the day, sorted.

    Raises ValueError with what is wrong.
    """
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError('must be hours like "09:00-17:00", several with commas between, or closed')
    if [part.strip() for part in parts] == ["closed"]:
        return ()
    spans = sorted(_span(part.strip()) for part in parts)
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            raise ValueError(f"'{value}' names some hours twice")
    return tuple(spans)


def _span(text: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(text.replace("–", "-"))
    if found is None:
        raise ValueError(f"'{text}' is no span of hours, like 09:00-17:00")
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if int(found[2]) > 59 or int(found[4]) > 59 or max(start, end) > MINUTES_OF_DAY:
        raise ValueError(f"'{text}' is no span of hours: they run from 00:00 to 24:00")
    if end <= start:
        raise ValueError(
            f"'{text}' ends before it begins: a night is written as 22:00-24:00 and, the next day, 00:00-06:00"
        )
    return start, end


def days(key: str) -> tuple[int, ...]:
    """The weekdays (0 is Monday) of `mon`, `mon-fri`, `sat-mon` or `mon,wed`. Raises ValueError with the nearest word."""
    found: list[int] = []
    for part in key.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        for word in (first, last) if dash else (first,):
            if word not in DAYS:
                hint = nearest(word, (*DAYS, "timezone", "holidays"))
                raise ValueError(f"unknown key '{key}': days are written mon, mon-fri or mon,wed{hint}")
        start = DAYS.index(first)
        length = (DAYS.index(last) - start) % 7 if dash else 0
        found += [(start + step) % 7 for step in range(length + 1)]
    return tuple(dict.fromkeys(found))


def week(written: Mapping[str, Spans]) -> tuple[tuple[Spans, ...], list[tuple[str, str]]]:
    """The spans of each weekday, and (key, what is wrong with it). A key that names fewer days goes before one with more.

    Raises ValueError for a key that `days` refuses.
    """
    wrong: list[tuple[str, str]] = []
    named = {key: days(key) for key in written}
    chosen: dict[int, str] = {}
    for key, numbers in named.items():
        for day in numbers:
            other = chosen.get(day)
            if other is not None and len(named[other]) == len(numbers):
                wrong.append((key, f"'{key}' and '{other}' both say when {DAYS[day]} is open"))
            elif other is None or len(numbers) < len(named[other]):
                chosen[day] = key
    return tuple(written[chosen[day]] if day in chosen else () for day in range(7)), wrong


def weekly(value: str) -> Weekly | None:
    """`mon 07:00` as a day of the week and a time of day; None when it is none."""
    found = _WEEKLY.fullmatch(value.strip().lower())
    if found is None or found[1] not in DAYS or int(found[2]) > 23 or int(found[3]) > 59:
        return None
    return Weekly(DAYS.index(found[1]), time(int(found[2]), int(found[3])))


def holiday(value: object) -> str:
    """A country (`NL`), a part of one (`DE-BY`), a date (`2026-12-24`) or an iCalendar file (`closing-days.ics`), as written. Raises ValueError
    with the nearest."""
    if not isinstance(value, str):
        raise ValueError(
            f"'{value}' is no country like NL or DE-BY, no date like 2026-12-24 and no file like closing-days.ics"
        )
    if value.endswith(FILES):
        return value
    if value[:1].isdigit():
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError(f"'{value}' is no date, like 2026-12-24") from None
    import holidays  # costs a tenth of a second, which a desk without holidays does not pay

    country, _, part = value.upper().partition("-")
    supported = holidays.list_supported_countries().get(country)
    if supported is None:
        raise ValueError(f"unknown country '{value}'{_country_hint(value)}")
    parts = {name.upper(): name for name in supported}
    if part and part not in parts:
        known = ", ".join(f"{country}-{name}" for name in supported) or f"{country} only"
        raise ValueError(f"unknown part of a country '{value}' (known: {known})")
    return f"{country}-{parts[part]}" if part else country


def _country_hint(value: str) -> str:
    from holidays.registry import COUNTRIES

    names: dict[str, str] = {}
    for name, *codes in COUNTRIES.values():
        names.update(dict.fromkeys((name.lower(), *(code.lower() for code in codes)), codes[0]))
    code = names.get(value.lower().replace(" ", ""))
    hint = f" (did you mean '{code}'?)" if code else ""
    return hint or ": write its ISO 3166 code, like NL, or with a part, like DE-BY"


def free_days(written: Iterable[str], today: date) -> frozenset[date]:
    """The dates of `holiday` values that are no files, for countries from last year to five years ahead."""
    found: set[date] = set()
    for value in written:
        if value.endswith(FILES):
            continue
        if value[:1].isdigit():
            found.add(date.fromisoformat(value))
            continue
        import holidays

        country, _, part = value.partition("-")
        years = range(today.year - 1, today.year + _YEARS_AHEAD + 1)
        found.update(holidays.country_holidays(country, subdiv=part or None, years=years))
    return frozenset(found)
