"""The periods of reports."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from maild.desk.periods import between, last, last_days, moment, whole_week
from maild.desk.reporting import Period

ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def shown(period: Period) -> tuple[str, str, str]:
    """Before, since, until on the wall."""
    before, since, until = (
        f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}" for at in (period.before, period.since, period.until)
    )
    return before, since, until


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", ("2026-11-09 13:00", "2026-11-16 13:00", "2026-11-23 13:00")),
        ("2w", ("2026-10-26 13:00", "2026-11-09 13:00", "2026-11-23 13:00")),
        ("30d", ("2026-09-24 13:00", "2026-10-24 13:00", "2026-11-23 13:00")),
        ("month", ("2026-09-01 00:00", "2026-10-01 00:00", "2026-11-01 00:00")),
        ("quarter", ("2026-04-01 00:00", "2026-07-01 00:00", "2026-10-01 00:00")),
    ],
)
def test_the_last(text: str, expected: tuple[str, str, str]) -> None:
    assert shown(last(text, NOW, ZONE)) == expected


def test_the_last_month_and_quarter_in_january() -> None:
    january = datetime(2026, 1, 1, 0, 30, tzinfo=ZONE)
    assert shown(last("month", january, ZONE)) == ("2025-11-01 00:00", "2025-12-01 00:00", "2026-01-01 00:00")
    assert shown(last("quarter", january, ZONE))[1:] == ("2025-10-01 00:00", "2026-01-01 00:00")


@pytest.mark.parametrize("text", ["", "0d", "week", "7", "-3d", "7 months", "99999d", "4000d"])
def test_no_period(text: str) -> None:
    with pytest.raises(ValueError, match="7d, 4w, month or quarter"):
        last(text, NOW, ZONE)


def test_a_week_is_of_local_days_over_the_change_of_clocks() -> None:
    found = whole_week(datetime(2026, 3, 30, 5, 0, tzinfo=UTC), ZONE)
    assert shown(found) == ("2026-03-16 00:00", "2026-03-23 00:00", "2026-03-30 00:00")
    assert found.until - found.since != found.since - found.before


def test_between() -> None:
    found = between(moment("2026-11-01", ZONE), moment("2026-12-01", ZONE), ZONE)
    assert shown(found) == ("2026-10-02 00:00", "2026-11-01 00:00", "2026-12-01 00:00")
    assert found.since.tzinfo is UTC
    assert shown(last_days(7, NOW, ZONE)) == shown(last("7d", NOW, ZONE))


@pytest.mark.parametrize(
    ("since", "until", "says"),
    [("2026-11-02", "2026-11-01", "ends .* before it begins"), ("2026-11-02", "2026-11-02", "does not belong to it")],
)  # fmt: skip
def test_nothing_between(since: str, until: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        between(moment(since, ZONE), moment(until, ZONE), ZONE)


@pytest.mark.parametrize(
    ("text", "utc"),
    [("2026-12-01", "2026-11-30 23:00"), (" 2026-07-01 09:30", "2026-07-01 07:30"), ("2026-07-01T9:30", "2026-07-01 07:30")],
)  # fmt: skip
def test_moments(text: str, utc: str) -> None:
    assert f"{moment(text, ZONE):%Y-%m-%d %H:%M}" == utc


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "2026-02-30", "2026-12-01 25:00", "01.12.2026"]
)
def test_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="is no date, like 2026-12-01"):
        moment(text, ZONE)
