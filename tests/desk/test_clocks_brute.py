"""Due times against counting minute by minute, in twenty zones, over changes of clocks, holidays, midnights and leap days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk import calendars
from maild.desk.clocks import clocks
from maild.desk.rulebook import Calendar, Identity, Policy, Rulebook, Target
from maild.desk.timeline import Moment, What, opening

MINUTE = timedelta(minutes=1)
ZONES = (
    "Europe/Amsterdam", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Chisinau", "America/New_York", "America/St_Johns",
    "America/Santiago", "America/Sao_Paulo", "America/Havana", "Africa/Casablanca", "Africa/Cairo", "Asia/Kathmandu", "Asia/Kolkata",
    "Asia/Beirut", "Asia/Gaza", "Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Chatham", "UTC",
)  # fmt: skip
WEEKS = (
    (((540, 1020),),) * 5 + ((), ()),
    (((540, 720), (780, 1050)),) * 6 + ((),),
    (((0, 360), (1320, 1440)),) * 7,
    (((0, 1440),),) * 7,
    (((0, 1),), ((1439, 1440),), (), ((600, 601), (700, 900)), (), ((120, 180),), ((60, 240),)),
)
DAYS = (date(2026, 3, 7), date(2026, 3, 28), date(2026, 4, 4), date(2026, 4, 24), date(2026, 10, 24), date(2026, 10, 31), date(2028, 2, 28), date(2026, 12, 30))  # fmt: skip


@st.composite
def a_calendar(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar, and a minute near one of the days that are hard."""
    day = draw(st.sampled_from(DAYS))
    off = frozenset(day + timedelta(days=one) for one in draw(st.sets(st.integers(0, 6), max_size=2)))
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + draw(st.integers(-1500, 4000)) * MINUTE
    return Calendar("c", zone, draw(st.sampled_from(WEEKS)), off), start


def works(calendar: Calendar, at: datetime) -> bool:
    """Whether a clock on the wall shows a working minute."""
    local = at.astimezone(calendar.zone)
    minute = local.hour * 60 + local.minute
    spans = calendar.week[local.weekday()]
    return local.date() not in calendar.holidays and any(first <= minute < last for first, last in spans)


@settings(max_examples=60, deadline=None)
@given(a_calendar(), st.integers(1, 900))
def test_backwards_is_what_forwards_comes_to(given: tuple[Calendar, datetime], span: int) -> None:
    calendar, start = given
    end = calendars.add(calendar, start, span * MINUTE)
    begin = calendars.before(calendar, end, span * MINUTE)
    assert begin >= calendars.opening(calendar, start)
    assert calendars.between(calendar, begin, end) == span * MINUTE
    assert calendars.between(calendar, begin + MINUTE, end) < span * MINUTE


@settings(max_examples=60, deadline=None)
@given(a_calendar())
def test_the_first_working_minute(given: tuple[Calendar, datetime]) -> None:
    calendar, at = given
    while not works(calendar, at):
        at += MINUTE
    assert calendars.opening(calendar, given[1]) == at


ACTS = st.lists(
    st.tuples(st.integers(0, 2500), st.sampled_from(("pending", "open", "1", "3", "answer"))), max_size=7
)


@settings(max_examples=80, deadline=None)
@given(
    a_calendar(),
    st.sampled_from(("first_response", "update", "resolution")),
    st.integers(30, 1200),
    st.integers(10, 600),
    ACTS,
)
def test_a_due_time_is_what_counting_minutes_comes_to(
    given: tuple[Calendar, datetime], target: str, span: int, tight: int, acts: list[tuple[int, str]]
) -> None:  # fmt: skip
    calendar, start = given
    spans = {3: span, 1: tight}
    policy = Policy("p", "c", {target: Target(span * MINUTE, {1: tight * MINUTE})})
    book = Rulebook(Identity("A", "a@a.test", "A"), calendars={"c": calendar}, policies={"p": policy})
    acts = sorted(acts, key=lambda act: act[0])
    moments = (*opening(start, "new", 3, "p"), *(_moment(start, *act) for act in acts))
    now = moments[-1].at
    [found] = clocks(book, moments, now)
    due = _counted(calendar, start, target, spans, acts)
    if due is None or due > now:
        assert found.due == due
    else:
        assert found.due in (due, None)
        assert found.breach_at == due


def _moment(start: datetime, after: int, act: str) -> Moment:
    what = What.ANSWERED if act == "answer" else What.PRIORITY if act in "13" else What.STATE
    return Moment(start + after * MINUTE, what, "" if act == "answer" else act)


def _counted(calendar: Calendar, start: datetime, target: str, spans: dict[int, int], acts: list[tuple[int, str]]) -> datetime | None:  # fmt: skip
    """When it is due, found by looking at every minute; None: it stands still or is met."""
    priority, runs, left, used, over = 3, True, spans[3], 0, None
    for (at, act), (until, _) in pairwise([(0, "open"), *acts, (100_000, "")]):
        if act == "answer" and target == "first_response":
            return None
        if act == "answer" and target == "update":
            left, used, over = spans[priority], 0, None
        elif act in ("1", "3"):
            priority = int(act)
            whole = spans[priority] - used
            left = left if left <= 0 else whole if whole >= left else min(left, spans[priority])
        elif act in ("pending", "open"):
            runs = act == "open"
        for minute in range(at, until) if runs else ():
            if left <= 0:  # what stops the clock at this very minute comes in time
                over = over or start + minute * MINUTE
                break
            if works(calendar, start + minute * MINUTE):
                left, used = left - 1, used + 1
    return over if runs or (over is not None and over < start + acts[-1][0] * MINUTE) else None
