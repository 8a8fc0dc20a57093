"""Commands about time: spent, received, hoped for."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from maild.desk.commands.run import No, Run, nothing, some
from maild.desk.days import spoken, until

_HOURS = re.compile(r"([0-9]{1,4}(?:[.,][0-9]{1,3})?)\s*h(?:(?:ou)?rs?)?\.?", re.IGNORECASE)
_SPENT = re.compile(
    r"(?:([0-9]{1,4})\s*h(?:(?:ou)?rs?)?\.?)?\s*(?:([0-9]{1,5})\s*(?:m(?:in(?:ute)?s?)?\.?)?)?", re.IGNORECASE
)
_BY_CLOCK = re.compile(r"([0-9]{1,4}):([0-5][0-9])(?:\s*h)?")
_DAY = 24 * 60
_MOMENT = re.compile(r"(?:(\d{4}-\d{2}-\d{2})(?:[ T]+|$))?(?:(\d{1,2}):(\d{2}))?")
_END_OF_DAY = time(23, 59)


def spent(run: Run, argument: str) -> str:
    """#time 25m, #time 1h30m, #time 1.5h, #time 1:30, #time 90; several add up."""
    minutes = _minutes(some(argument, "a time such as 25m or 1h30m").strip())
    if not minutes:
        raise No(f"{argument!r} is no time such as 25m, 1h30m, 1.5h or 1:30")
    if minutes > _DAY:
        raise No("more than a day in one entry")
    run.note(minutes=(run.outcome.minutes or 0) + minutes)
    return spoken(timedelta(minutes=minutes))


def _minutes(said: str) -> int:
    """The minutes that are meant; 0 when these words are no time."""
    hours = _HOURS.fullmatch(said)
    if hours:
        return round(float(hours[1].replace(",", ".")) * 60)
    found = _BY_CLOCK.fullmatch(said) or _SPENT.fullmatch(said)
    return int(found[1] or 0) * 60 + int(found[2] or 0) if found else 0


def _moment(run: Run, argument: str, example: str, otherwise: time | None) -> datetime:
    """A time of the agent's zone in UTC. Without a date it is today; without a time of day `otherwise` (None: it needs one)."""
    found = _MOMENT.fullmatch(argument.strip())
    try:
        if found is None or not argument.strip():
            raise ValueError
        day = date.fromisoformat(found[1]) if found[1] else run.now.astimezone(run.zone).date()
        at = time(int(found[2]), int(found[3])) if found[2] else otherwise
        if at is None:
            raise ValueError
        return _local(day, at, run.zone)
    except (ValueError, OverflowError):
        raise No(f"{argument!r} is no time such as {example}") from None


def _local(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def received(run: Run, argument: str) -> str:
    """#received 09:40: when the request came in truth; what is promised is counted from then."""
    at = _moment(run, some(argument, "a time such as 09:40"), "09:40 or 2026-11-20 09:40", None)
    if at > run.now:
        raise No(f"{argument} ({run.zone.key}) has not come yet")
    run.put("received_at", at)
    return f"received at {at.astimezone(run.zone):%Y-%m-%d %H:%M} ({run.zone.key})"


def due(run: Run, argument: str) -> str:
    """#due 2026-12-01: when it should be done, which the requester is told; a day alone is its end."""
    at = _moment(
        run, some(argument, "a date such as 2026-12-01"), "2026-12-01 or 2026-12-01 16:00", _END_OF_DAY
    )
    if at <= run.now:
        raise No(f"{argument} ({run.zone.key}) is over")
    run.put("due_at", at)
    return f"due {at.astimezone(run.zone):%Y-%m-%d %H:%M} ({run.zone.key})"


def away(run: Run, argument: str) -> str:
    """#away until 2026-12-01: nothing is assigned to the agent until then."""
    if run.power.agent is None:
        raise No("says who writes it of himself: only by an agent's own mail")
    try:
        end = until(argument, run.now, run.zone)
    except ValueError as error:
        raise No(str(error)) from None
    run.note(away=end, back=False)
    return f"away until {end.astimezone(run.zone):%Y-%m-%d %H:%M}"


def back(run: Run, argument: str) -> str:
    """#back: there again."""
    nothing(argument)
    if run.power.agent is None:
        raise No("says who writes it of himself: only by an agent's own mail")
    run.note(away=None, back=True)
    return "back"
