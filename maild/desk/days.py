"""Days as an agent writes them: `until 2026-12-01`, `until Monday`; spans as the desk says them."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

LONGEST: Final = timedelta(days=366)
_DAYS: Final = (
    ("monday", "mon", "lunes"),
    ("tuesday", "tue", "martes"),
    ("wednesday", "wed", "miercoles"),
    ("thursday", "thu", "jueves"),
    ("friday", "fri", "viernes"),
    ("saturday", "sat", "sabado"),
    ("sunday", "sun", "domingo"),
)
_TOMORROW: Final = ("tomorrow", "manana")
_ARGUMENT = re.compile(r"(?:(?:until|till|to|through|hasta)\s+)?(?:(?:el|next|on)\s+)?(.*)")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ t](\d{1,2}):(\d{2}))?")


def until(argument: str, now: datetime, zone: ZoneInfo) -> datetime:
    """When somebody who is away is back, in UTC: `until 2026-12-01` is the beginning of that day in his zone, `until Monday` of the next
    Monday; `2026-12-01 14:00` is exact. Raises ValueError with what is wrong."""
    found = _ARGUMENT.fullmatch(_plain(argument))
    word = found[1].rstrip(".") if found else ""
    if not word:
        raise ValueError("needs a day behind it, such as: #away until 2026-12-01")
    local = now.astimezone(zone)
    back = _moment(word, local).astimezone(now.tzinfo)
    if back <= now:
        raise ValueError(f"{word} is over")
    if back - now > LONGEST:
        raise ValueError(f"{word} is more than a year away")
    return back


def _plain(text: str) -> str:
    flat = unicodedata.normalize("NFKD", text.replace("\u00a0", " ").lower())
    return " ".join("".join(char for char in flat if not unicodedata.combining(char)).split())


def _moment(word: str, local: datetime) -> datetime:
    today, zone = local.date(), local.tzinfo
    for number, names in enumerate(_DAYS):
        if word in names:
            ahead = (number - today.weekday() - 1) % 7 + 1
            return datetime.combine(today + timedelta(days=ahead), time(0), zone)
    if word in _TOMORROW:
        return datetime.combine(today + timedelta(days=1), time(0), zone)
    found = _DAY.fullmatch(word)
    try:
        if found is None:
            raise ValueError
        clock = time(int(found[2]), int(found[3])) if found[2] else time(0)
        return datetime.combine(date.fromisoformat(found[1]), clock, zone)
    except ValueError:
        raise ValueError(f"{word!r} is no day such as 2026-12-01 or Monday") from None


def spoken(span: timedelta) -> str:
    """`1 h 30 min`; less than a minute, and what is over, is 0 min."""
    hours, rest = divmod(max(0, int(span.total_seconds() // 60)), 60)
    return " ".join(filter(None, (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "")))
