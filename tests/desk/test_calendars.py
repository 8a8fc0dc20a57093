"""Business time against an obviously right count of minutes, and at the corners of the year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.calendars import add, between
from maild.desk.rulebook import Calendar

MINUTE = timedelta(minutes=1)
OFFICE = ((540, 720), (780, 1050))
ALWAYS = ((0, 1440),)


def calendar(zone: str, *week: tuple[tuple[int, int], ...], holidays: tuple[date, ...] = ()) -> Calendar:
    return Calendar("c", ZoneInfo(zone), tuple(week) if len(week) == 7 else week * 7, frozenset(holidays))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


WORKDAYS = (OFFICE, OFFICE, OFFICE, OFFICE, ((540, 900),), (), ())
# (calendar, the fortnight in which its clock does something odd)
ODD = [
    (calendar("Europe/Berlin", *WORKDAYS, holidays=(date(2026, 4, 3), date(2026, 4, 6))), "2026-03-26"),
    (
        calendar("Europe/Berlin", ((90, 150), (165, 200)), holidays=(date(2026, 3, 30),)),
        "2026-03-26",
    ),  # spans in the missing hour
    (calendar("Europe/Berlin", ((90, 150), (165, 200))), "2026-10-22"),  # spans in the hour that comes twice
    (calendar("America/New_York", ALWAYS), "2026-10-29"),
    (calendar("Asia/Kathmandu", *WORKDAYS), "2026-03-26"),
    (calendar("Africa/Cairo", ((0, 30), (60, 90), (1410, 1440))), "2026-04-20"),  # midnight is missing
    (
        calendar("America/Havana", ((0, 30), (1410, 1440)), holidays=(date(2026, 11, 1),)),
        "2026-10-29",
    ),  # midnight comes twice
    (calendar("Australia/Lord_Howe", ((100, 140), (1000, 1440))), "2026-04-01"),  # half an hour of DST
    (
        calendar("Pacific/Apia", ALWAYS, holidays=(date(2011, 12, 31),)),
        "2011-12-27",
    ),  # a whole day is missing
]


def is_open(calendar: Calendar, at: datetime) -> bool:
    local = at.astimezone(calendar.zone)
    minute = local.hour * 60 + local.minute
    spans = () if local.date() in calendar.holidays else calendar.week[local.weekday()]
    return any(start <= minute < end for start, end in spans)


odd = st.tuples(st.sampled_from(ODD), st.integers(0, 12 * 1440)).map(
    lambda drawn: (drawn[0][0], utc(f"{drawn[0][1]}T00:00:00+00:00") + drawn[1] * MINUTE)
)


@settings(max_examples=150, deadline=None)
@given(odd, st.integers(0, 3000))
def test_between_counts_the_open_minutes(start, minutes):
    calendar, at = start
    expected = sum(is_open(calendar, at + minute * MINUTE) for minute in range(minutes))
    assert between(calendar, at, at + minutes * MINUTE) == expected * MINUTE


@settings(max_examples=80, deadline=None)
@given(odd, st.integers(1, 600))
def test_add_ends_with_the_last_minute_that_was_needed(start, minutes):
    calendar, at = start
    left, clock = minutes, at
    while left:
        left -= is_open(calendar, clock)
        clock += MINUTE
    assert add(calendar, at, minutes * MINUTE) == clock


@settings(max_examples=200, deadline=None)
@given(odd, st.integers(0, 59_999_999), st.timedeltas(timedelta(0), timedelta(days=3)))
def test_what_is_added_is_between(start, microseconds, span):
    calendar, at = start
    at += timedelta(microseconds=microseconds)
    end = add(calendar, at, span)
    assert end >= at
    assert between(calendar, at, end) == span


@pytest.mark.parametrize(
    ("start", "span", "end"),
    [
        ("2026-04-02T15:00:00+02:00", timedelta(hours=8), "2026-04-07T15:30:00+02:00"),  # Easter, and lunch
        ("2026-03-27T14:00:00+01:00", timedelta(hours=2), "2026-03-30T10:00:00+02:00"),  # over the DST change
        ("2026-11-20T03:00:00+01:00", timedelta(minutes=10), "2026-11-20T09:10:00+01:00"),  # before hours
        ("2026-11-20T15:00:00+01:00", timedelta(minutes=1), "2026-11-23T09:01:00+01:00"),  # at closing time
        (
            "2026-11-20T09:00:00+01:00",
            timedelta(hours=6),
            "2026-11-20T15:00:00+01:00",
        ),  # fills the day, does not spill over
        ("2026-11-21T12:00:00+01:00", timedelta(0), "2026-11-21T12:00:00+01:00"),  # nothing to wait for
    ],
)
def test_office_hours(start, span, end):
    office = ODD[0][0]
    assert add(office, utc(start), span) == utc(end)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-28T12:00:00+01:00", "2026-03-29T13:00:00+02:00"),
        ("2026-10-24T12:00:00+02:00", "2026-10-25T11:00:00+01:00"),
    ],
)
def test_a_day_has_24_hours_whatever_the_clock_shows(start, end):
    assert add(calendar("Europe/Berlin", ALWAYS), utc(start), timedelta(hours=24)) == utc(end)


def test_the_answer_is_in_utc():
    assert (
        add(
            calendar("Asia/Tokyo", ALWAYS), datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")), MINUTE
        ).tzinfo
        is UTC
    )


def test_backwards_is_nothing():
    whole = calendar("UTC", ALWAYS)
    assert between(whole, utc("2026-01-02T00:00:00+00:00"), utc("2026-01-01T00:00:00+00:00")) == timedelta(0)
    with pytest.raises(ValueError, match="negative"):
        add(whole, utc("2026-01-02T00:00:00+00:00"), -MINUTE)


@pytest.mark.parametrize(
    ("calendar", "start"),
    [
        (calendar("UTC", ()), "2026-01-01T00:00:00+00:00"),
        (calendar("UTC", ((0, 1),)), "2026-01-01T00:00:00+00:00"),
        (calendar("UTC", ALWAYS), "9999-12-30T00:00:00+00:00"),
    ],
    ids=["empty", "a minute a day", "end of time"],
)
def test_no_such_time_within_five_years(calendar, start):
    with pytest.raises(ValueError, match="within five years"):
        add(calendar, utc(start), timedelta(days=30))


def test_an_empty_calendar_has_no_time():
    assert between(
        calendar("UTC", ()), utc("2026-01-01T00:00:00+00:00"), utc("2027-01-01T00:00:00+00:00")
    ) == timedelta(0)
