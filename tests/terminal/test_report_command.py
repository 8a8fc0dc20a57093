"""`maild report`: as text in 80 columns, for programs, as a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from maild import config, report_command
from maild.cli import cli
from store import Store
from tests.flow import stage as s

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
RULES = s.RULES.replace("  engineering: {name: Second line, level: 2}", "  engineering: {name: Second line, level: 2, private: true}")  # fmt: skip
FIGURES = {
    "opened", "solved", "closed", "reopened", "escalated", "unfinished", "first_response", "resolution", "attainment", "backlog",
    "minutes_spent", "satisfaction",
}  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[s.Stage]:
    (tmp_path / "maild.toml").write_text(s.MAILD_TOML, encoding="utf-8")
    settings = config.load(tmp_path / "maild.toml").store
    store = Store.open(settings.url, settings.files)
    monkeypatch.setenv("MAILD_CONFIG", str(tmp_path / "maild.toml"))
    monkeypatch.setattr(report_command, "utc_now", lambda: NOW)
    yield s.stage(tmp_path, store, rules=RULES)
    store.close()


@pytest.fixture
def desk(empty: s.Stage) -> s.Stage:
    """Four tickets on the Monday of a week ago, three of Globex; one solved after two hours, one answered, one of a private team."""
    for number, sender in enumerate(("carla@globex.test", "dan@globex.test", "nora@home.test", "eve@globex.test"), 1):  # fmt: skip
        empty.take(s.mail(sender, f"Case {number}\x1b[31m", "It burns.", number), sender=sender)
    empty.work()
    empty.pass_time(timedelta(minutes=8))
    empty.flow.act(1, "ana@acme.test", ("#public", "#assign me", "#time 25m"), "Where?")
    empty.pass_time(timedelta(minutes=112))
    empty.flow.act(1, "ana@acme.test", ("#cause dust", "#solve"), "")
    empty.flow.act(3, "chen@acme.test", ("#team engineering", "#cause dust", "#solve"), "")
    return empty


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["report", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    result = run("--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_for_programs(desk: s.Stage) -> None:
    found = told()
    assert (found["since"], found["until"], found["timezone"]) == ("2026-03-02T12:00:00Z", "2026-03-09T12:00:00Z", "UTC")  # fmt: skip
    assert found["now"]["opened"] == 0
    whole = told("--since", "2026-03-02")
    assert set(whole) == {"since", "until", "before", "timezone", "now", "previous", "by", "time", "recurring", "growing", "undocumented"}  # fmt: skip
    assert set(whole["now"]) == set(whole["previous"]) == FIGURES
    now = whole["now"]
    assert (now["opened"], now["solved"], now["unfinished"], now["minutes_spent"]) == (4, 2, 2, 25)
    assert now["first_response"] == {
        "count": 1, "median_minutes": 8.0, "p90_minutes": 8.0, "promised": 1, "wall_median_minutes": 8.0, "wall_p90_minutes": 8.0,
    }  # fmt: skip
    assert now["resolution"]["p90_minutes"] == 120.0
    assert {one["target"]: (one["kept"], one["broken"]) for one in now["attainment"]}["resolution"] == (2, 0)
    assert now["satisfaction"] == {"mean": None, "count": 0, "ratings": dict.fromkeys("12345", 0)}
    assert [(one["key"], one["now"]["opened"]) for one in whole["by"]["organisation"]] == [("Globex", 3), (None, 1)]  # fmt: skip
    assert whole["time"] == [{"agent": "ana@acme.test", "minutes": 25}]
    assert whole["recurring"] == [{"cause": "dust", "tickets": [1, 3]}]
    assert whole["growing"] == [{"kind": "organisation", "key": "Globex", "previous": 0, "now": 3}]


def test_as_text(desk: s.Stage) -> None:
    result = run("--since", "2026-03-02")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "Mon 2 Mar 2026, 00:00 – Mon 9 Mar 2026, 12:00"
    assert max(map(len, lines)) <= 80
    assert ["Opened", "4", "(0)"] in [line.split() for line in lines]
    assert "\x1b" not in result.stdout
    assert "Opened, by organisation" in lines
    assert "Causes that came up several times" in lines


@pytest.mark.parametrize(
    ("word", "title"),
    [("organisation", "Opened, by organisation"), ("assignee", "Opened, by agent"), ("product", "Opened, by Product"), ("field.product", "Opened, by Product")],
)  # fmt: skip
def test_broken_down(desk: s.Stage, word: str, title: str) -> None:
    text = run("--since", "2026-03-02", "--by", word).stdout
    assert [line for line in text.splitlines() if line.startswith("Opened, by")] == [title]
    [only] = told("--since", "2026-03-02", "--by", word)["by"]
    assert only in (word, f"field.{word}", "agent")


class Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_as_a_page(desk: s.Stage) -> None:
    result = run("--since", "2026-03-02", "--html")
    page = result.stdout
    assert page.startswith("<!DOCTYPE html>")
    assert "##-" not in page
    assert "Acme Support: report" in page
    tags = Tags()
    tags.feed(page)
    assert not [
        tag for tag, attributes in tags.found if tag in ("img", "script", "link") or "src" in attributes
    ]
    assert [attributes["width"] for tag, attributes in tags.found if tag == "table" and "width" in attributes]


def test_an_empty_desk_prints_zeros(empty: s.Stage) -> None:
    assert told()["now"]["opened"] == 0
    assert "Opened" in run().stdout
    assert run("--html").exit_code == 0
    assert run("--by", "team").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--since", "yesterday"), "'yesterday' is no date, like 2026-12-01"),
        (("--since", "2026-12-01"), "before it begins"),
        (("--since", "2026-03-01", "--until", "2026-03-01"), "does not belong to it"),
        (("--last", "fortnight"), "no period, like 7d, 4w, month or quarter"),
        (("--last", "7d", "--since", "2026-03-01"), "--last says the whole period"),
        (("--by", "weather"), "broken down by organisation, group, category"),
        (("--json", "--html"), "two ways to print it"),
    ],
)
def test_wrong_usage(empty: s.Stage, arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())
    assert result.stdout == ""
