"""iCalendar files of days without work: what counts, what is refused, and where the complaint stands."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.closing_days import days
from maild.desk.rulebook import Identity, Limits
from maild.desk.rulefiles import load

TODAY = date(2026, 3, 2)
DESK = """\
teams: {support: {}}
agents: [{name: Ana, address: ana@acme.test, team: support, role: admin}]
calendars:
  office: {mon-fri: "09:00-17:00", holidays: [NL, closing-days.ics, 2026-12-31]}
"""


def calendar(*events: str) -> str:
    whole = "".join(f"BEGIN:VEVENT\nUID:{at}\n{event}\nEND:VEVENT\n" for at, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{whole}END:VCALENDAR\n".replace("\n", "\r\n")


ONE_DAY = "DTSTART;VALUE=DATE:20260515"
MAY_15 = [date(year, 5, 15) for year in range(2025, 2032)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ONE_DAY, [date(2026, 5, 15)]),
        (f"{ONE_DAY}\nDTEND;VALUE=DATE:20260516", [date(2026, 5, 15)]),
        (f"{ONE_DAY}\nDURATION:P2D", [date(2026, 5, 15), date(2026, 5, 16)]),
        ("DTSTART;VALUE=DATE:20251231\nDTEND;VALUE=DATE:20260103", [date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 2)]),
        ("DTSTART;VALUE=DATE:20241231\nDTEND;VALUE=DATE:20250102", [date(2025, 1, 1)]),
        ("DTSTART;VALUE=DATE:20200515\nRRULE:FREQ=YEARLY", MAY_15),
        ("DTSTART;VALUE=DATE:20200515\nRRULE:FREQ=YEARLY;UNTIL=20270101\nEXDATE;VALUE=DATE:20260515", MAY_15[:1]),
        ("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY", [date(2028, 2, 29)]),
        ("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;COUNT=2", [date(2026, 1, 1), date(2026, 2, 1)]),
        (f"{ONE_DAY}\nTRANSP:TRANSPARENT", [date(2026, 5, 15)]),
    ],
)  # fmt: skip
def test_all_day_events_are_days_without_work(event: str, expected: list[date]) -> None:
    assert sorted(days(calendar(event), TODAY)) == expected


@pytest.mark.parametrize(
    "event", ["DTSTART:20260516T100000Z\nDTEND:20260516T120000Z", f"{ONE_DAY}\nSTATUS:CANCELLED"]
)
def test_what_counts_for_nothing(event: str) -> None:
    assert days(calendar("DTSTART;VALUE=DATE:20260601", event), TODAY) == {date(2026, 6, 1)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no calendar"),
        ("closed on Friday", "is no calendar"),
        ("BEGIN:VCALENDAR\r\n", "is no calendar"),
        ("BEGIN:VEVENT\r\nEND:VEVENT\r\n", "does not begin with BEGIN:VCALENDAR"),
        (calendar(), "holds no all-day event"),
        (calendar("SUMMARY:Party"), "the event 'Party', which has no DTSTART"),
        (calendar("SUMMARY:Party\nDTSTART;VALUE=DATE:20260599"), "the event 'Party', of which this is wrong"),
        (calendar(f"{ONE_DAY}\nDTEND;VALUE=DATE:20260514"), "ends before it begins"),
        (calendar(f"{ONE_DAY}\nDTEND:20260516T100000Z"), "ends before it begins, within a day"),
        (calendar("DTSTART;VALUE=DATE:20200101\nDTEND;VALUE=DATE:99991231"), "after more than a year"),
        (calendar(f"{ONE_DAY}\nRRULE:FREQ=SECONDLY"), "comes again within a day"),
        (calendar("DTSTART:20260515T100000Z\nRRULE:FREQ=HOURLY"), "comes again within a day"),
        (calendar(f"{ONE_DAY}\nRRULE:FREQ=SOMETIMES"), "of which this is wrong"),
        (calendar("DTSTART;VALUE=DATE:20200101\nRRULE:FREQ=DAILY"), "leaves no day to work in 2025"),
        ("x" * 1_000_001, "has more than"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        days(text, TODAY)


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="BEGINVCALDRT:;=\r\n0123456789WXYZ-", max_size=200))
def test_nothing_else_than_a_sentence_comes_of_a_broken_file(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(2025 <= day.year <= 2031 for day in days(calendar(text), TODAY))


def test_the_files_days_join_the_others_of_the_calendar() -> None:
    found = load(
        [("10.yaml", DESK)],
        Identity("A", "support@acme.test", "A"),
        Limits(),
        TODAY,
        calendars={"closing-days.ics": calendar(ONE_DAY)},
    )
    assert found.problems == []
    assert found.rulebook is not None
    free = found.rulebook.calendars["office"].holidays
    assert {date(2026, 5, 15), date(2026, 12, 31), date(2026, 4, 27)} <= free


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holidays: there is no file 'closing-days.ics' in the folder of these files"),
        ({"closing-day.ics": calendar(ONE_DAY)}, "holidays: there is no file 'closing-days.ics' in the folder of these files (did you mean 'closing-day.ics'?)"),
        ({"closing-days.ics": calendar()}, "holidays: 'closing-days.ics' holds no all-day event"),
    ],
)  # fmt: skip
def test_a_missing_or_broken_file_is_complained_of_where_it_is_named(
    files: dict[str, str], message: str
) -> None:
    found = load(
        [("10.yaml", DESK)], Identity("A", "support@acme.test", "A"), Limits(), TODAY, calendars=files
    )
    [problem] = found.problems
    assert (problem.line, problem.column, problem.message) == (4, 51, message)
