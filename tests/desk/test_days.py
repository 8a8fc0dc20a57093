"""Days as agents write them behind #away."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from maild.desk.days import until

NOW = datetime(
    2026, 3, 27, 23, 30, tzinfo=UTC
)  # in Amsterdam Saturday, half past midnight; summer time begins on Sunday
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("words", "back"),
    [
        ("until 2026-04-01", datetime(2026, 3, 31, 22, tzinfo=UTC)),
        ("2026-04-01", datetime(2026, 3, 31, 22, tzinfo=UTC)),
        ("till 2026-04-01 14:30", datetime(2026, 4, 1, 12, 30, tzinfo=UTC)),
        ("until Monday", datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("until next saturday.", datetime(2026, 4, 3, 22, tzinfo=UTC)),
        ("sun", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("tomorrow", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("hasta el miércoles", datetime(2026, 3, 31, 22, tzinfo=UTC)),
        ("until\u00a02026-04-01", datetime(2026, 3, 31, 22, tzinfo=UTC)),
    ],
)
def test_when_somebody_is_back(words: str, back: datetime) -> None:
    assert until(words, NOW, AMSTERDAM) == back


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "needs a day"),
        ("until", "no day such as"),
        ("until someday", "no day such as"),
        ("until 2026-02-30", "no day such as"),
        ("2026-04-01 25:00", "no day such as"),
        ("2026-03-01", "is over"),
        ("2026-03-28", "is over"),
        ("2028-01-01", "more than a year"),
    ],
)
def test_what_is_no_day_to_be_back(words: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        until(words, NOW, AMSTERDAM)
