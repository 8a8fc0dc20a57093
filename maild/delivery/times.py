"""Times as a reader finds them: in his zone and language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time

_PATTERNS: Final = MappingProxyType({"en": "EEEE d MMMM y", "es": "EEEE d 'de' MMMM 'de' y"})
_SHORT: Final = MappingProxyType(
    {
        **dict.fromkeys(("en", "es", "fr", "nl", "it"), "EEE d MMM"),
        "de": "EEE, d. MMM",
        "pt": "EEE, d 'de' MMM",
    }
)
_WITH_YEAR: Final = MappingProxyType(
    {language: f"{day} 'de' y" if language == "pt" else f"{day} y" for language, day in _SHORT.items()}
)


@dataclass(frozen=True, slots=True)
class Clock:
    """Writes times for one reader: `Monday 23 November 2026, 14:05 (CET)`."""

    zone: ZoneInfo
    locale: str

    def __call__(self, at: datetime | None) -> str:
        return _written(_minute(at), self.zone, self.locale) if at else ""

    def short(self, at: datetime | None) -> str:
        """For tables: `Mon 23 Nov, 14:05`, without year and zone."""
        return _written_short(_minute(at), self.zone, self.locale) if at else ""

    def period(self, since: datetime, until: datetime) -> str:
        """From one time until another; whole days by their names: `Mon 16 Nov 2026 – Sun 22 Nov 2026`."""
        first, last = (at.astimezone(self.zone) for at in (since, until))
        if first.time() == last.time() == time(0):
            last -= timedelta(days=1)
            return f"{self._day(first)} – {self._day(last)}"
        return f"{self._day(first)}, {_clock_time(first, self.locale)} – {self._day(last)}, {_clock_time(last, self.locale)}"

    def _day(self, local: datetime) -> str:
        return format_date(local, _WITH_YEAR.get(self.locale.partition("_")[0], "medium"), self.locale)


def _minute(at: datetime) -> datetime:
    """All that is shown of a time, so that the mails of one minute need its words once."""
    return at.replace(second=0, microsecond=0)


@lru_cache(maxsize=2048)
def _written(at: datetime, zone: ZoneInfo, locale: str) -> str:
    local = at.astimezone(zone)
    day = format_date(local, _PATTERNS.get(locale.partition("_")[0], "full"), locale)
    name = local.tzname() or ""
    name = name if name[:1].isalpha() else f"UTC{name}"
    return f"{day}, {_clock_time(local, locale)} ({name})"


@lru_cache(maxsize=2048)
def _written_short(at: datetime, zone: ZoneInfo, locale: str) -> str:
    local = at.astimezone(zone)
    return f"{format_date(local, _SHORT.get(locale.partition('_')[0], 'medium'), locale)}, {_clock_time(local, locale)}"


def _clock_time(local: datetime, locale: str) -> str:
    return format_time(local, "short", locale="en_GB" if locale == "en" else locale)


@lru_cache(maxsize=256)
def known_zone(name: str) -> ZoneInfo | None:
    """The IANA zone of this name; None when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=256)
def locale_of(wanted: str, language: str) -> str:
    """The reader's locale if it belongs to the template's language, else that of the template."""
    same = wanted.partition("-")[0].lower() == language.partition("-")[0].lower()
    for tag in (wanted, language) if same else (language,):
        try:
            return str(Locale.parse(tag, sep="-"))
        except (UnknownLocaleError, ValueError):
            continue
    return "en"
