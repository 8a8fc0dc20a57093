"""How the figures of a report are written."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maild.delivery.reports import mean, percent, span, summary
from maild.delivery.samples import RULEBOOK, samples
from maild.delivery.times import Clock, known_zone

WORDS = {"report": {}, "labels": {}}


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(None, "–"), (0, "0 min"), (59.6, "1 h"), (65, "1 h 5 min"), (120, "2 h"), (99 * 60 + 59, "99 h 59 min"), (6000, "100 h"), (6059, "100 h")],
)  # fmt: skip
def test_spans(minutes: float | None, shown: str) -> None:
    assert span(None if minutes is None else timedelta(minutes=minutes)) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(None, "–"), (0, "0 %"), (0.999, "99 %"), (1, "100 %"), (0.29, "29 %"), (2 / 3, "66 %")],
)
def test_only_all_is_a_hundred_percent(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_means() -> None:
    assert (mean(None), mean(4.25), mean(5)) == ("–", "4.2", "5.0")


def test_bars_are_as_long_as_their_share_and_little_is_not_nothing() -> None:
    report = next(notice.board.report for notice in samples("report") if notice.board and notice.board.report)
    zone = known_zone("UTC")
    assert zone is not None
    found = summary(report, RULEBOOK, Clock(zone, "en"), WORDS, "en", most=1)
    charts = {chart["title"]: chart for chart in found["charts"]}
    rows = [row for chart in charts.values() for row in chart["rows"]]
    assert all(len(row["bar"]) == 10 and 0 <= row["share"] <= 100 for row in rows)
    assert all((row["share"] > 0) == ("█" in row["bar"]) for row in rows)
    assert (len(charts["by team"]["rows"]), charts["by team"]["more"]) == (1, 1)
    assert charts["by team"]["rows"][0]["label"] == "First line"
    assert "by field.product" not in charts
    assert [row["label"] for row in charts["by Product"]["rows"]] == ["flow"]
    assert found["teams"] == "First line"
