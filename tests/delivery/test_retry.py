from __future__ import annotations

import datetime as dt
import itertools

from hypothesis import given
from hypothesis import strategies as st

from maild.delivery.retry import LIFE, next_attempt

START = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)


def test_gaps_grow_to_four_hours() -> None:
    gaps = []
    for attempts in range(1, 11):
        due = next_attempt(attempts, START, START)
        assert due is not None
        gaps.append((due - START).total_seconds() / 60)
    assert gaps == [1 / 6, 1, 5, 15, 30, 60, 120, 240, 240, 240]


@given(row=st.integers(0, 2**63))
def test_a_mail_is_tried_for_five_days_and_then_given_up(row: int) -> None:
    now, attempts = START, 0
    while True:
        attempts += 1
        due = next_attempt(attempts, START, now, row)
        if due is None:
            break
        assert now < due <= START + LIFE
        now = due
    assert now > START + LIFE - dt.timedelta(hours=4.5)
    assert 30 <= attempts <= 40


def test_mails_that_failed_together_come_back_apart_and_always_at_the_same_time() -> None:
    dues = [next_attempt(5, START, START, row) for row in range(1000)]
    assert dues == [next_attempt(5, START, START, row) for row in range(1000)]
    offsets = sorted((due - START).total_seconds() for due in dues if due is not None)
    assert offsets[0] >= 1800
    assert offsets[-1] <= 1980
    assert max(b - a for a, b in itertools.pairwise(offsets)) < 2
