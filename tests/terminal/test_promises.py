"""`maild sla` and `maild replay --sla`: the sum behind due times, and what other policies would have come to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from maild import config
from maild.cli import cli
from maild.promises import promises, would_break
from maild.show_promises import promises as show
from maild.show_promises import span
from maild.site import load
from store import Store
from tests.flow import stage as s

RULES = s.RULES.replace(
    '  always: {timezone: UTC, mon-sun: "00:00-24:00"}',
    '  always: {timezone: UTC, mon-sun: "00:00-24:00"}\n  office: {timezone: Europe/Amsterdam, mon-fri: "09:00-17:00"}',
).replace(
    "  standard: {calendar: always, first_response: 10m, resolution: 24h}",
    "  standard: {calendar: office, first_response: 1h, update: 4h, resolution: 24h, silence: 12h}",
)
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[s.Stage]:
    """Opened at 10:00 in Amsterdam, answered at 11:30 (late), pending since, open again at noon."""
    (tmp_path / "maild.toml").write_text(s.MAILD_TOML, encoding="utf-8")
    settings = config.load(tmp_path / "maild.toml").store
    store = Store.open(settings.url, settings.files)
    stage = s.stage(tmp_path, store, rules=RULES)
    stage.take(s.mail("carla@home.test", "Fire", "It burns."), sender="carla@home.test")
    stage.work()
    stage.now[0] = MONDAY + timedelta(minutes=90)
    stage.flow.act(1, "ana@acme.test", ("#public", "#state pending"), "Where?")
    stage.now[0] = MONDAY + timedelta(hours=2)
    stage.flow.act(1, "ana@acme.test", ("#state open",), "")
    yield stage
    store.close()


def test_the_sum(desk: s.Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with desk.store.read() as work:
        ticket = work.ticket(1)
        assert ticket is not None
        told = promises(desk.flow.site.rulebook, work, ticket, MONDAY + timedelta(hours=3))
    first, update, resolution, silence = told["targets"]
    assert (first["status"], first["met_at"], first["met_of"], first["due"]) == (
        "met late", "2026-03-02T10:30:00Z", "2026-03-02T10:00:00Z", None,
    )  # fmt: skip
    assert (update["status"], update["due_local"], update["left_minutes"]) == (
        "running",
        "2026-03-02 16:00 CET",
        180,
    )
    assert [(line["local"][11:16], line["what"], line["minutes"]) for line in resolution["timeline"]] == [
        ("10:00", "opened", 0), ("11:30", "state pending", 90), ("12:00", "state open", 0), ("13:00", "now", 60), ("10:30", "due", 1290),
    ]  # fmt: skip
    assert (silence["calendar"], silence["timezone"]) == (None, "Europe/Amsterdam")
    show(told)
    shown = capsys.readouterr().out
    assert "first answer: met late, within 1 h, calendar office, Europe/Amsterdam" in shown
    assert "due 2026-03-02 16:00 CET, 3 h left" in shown
    assert "2026-03-02 11:30 CET    1 h 30 min    state pending" in shown


def test_what_stands_still_is_over_or_was_never_promised(
    desk: s.Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    book = desk.flow.site.rulebook
    desk.flow.act(1, "ana@acme.test", ("#state pending",), "")
    with desk.store.read() as work:
        ticket = work.ticket(1)
        assert ticket is not None
        show(promises(book, work, ticket, desk.now[0]))
    assert "stands still, 22 h 30 min left" in capsys.readouterr().out
    desk.flow.act(1, "ana@acme.test", ("#state open",), "")
    with desk.store.read() as work:
        show(promises(book, work, ticket, desk.now[0] + timedelta(days=9)))
    assert "now, and the promise is over" in capsys.readouterr().out
    assert (span(0), span(-61), span(120)) == ("0 min", "0 min", "2 h")


def test_what_other_policies_would_have_broken(desk: s.Stage, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "10.yaml").write_text(
        RULES.replace("first_response: 1h, update: 4h", "first_response: 2h, update: 1h"), encoding="utf-8"
    )
    then = load(tmp_path / "maild.toml", desk.now[0], other).rulebook
    found = list(would_break(desk.store, desk.flow.site.rulebook, then, MONDAY + timedelta(hours=2)))
    assert found == [
        {"ticket": 1, "subject": "Fire", "now": {"first_response": ["2026-03-02T10:00:00Z"]}, "then": {"update": ["2026-03-02T10:00:00Z"]}}
    ]  # fmt: skip
    assert list(would_break(desk.store, then, then, MONDAY)) == []


def test_the_commands(desk: s.Stage, tmp_path: Path) -> None:
    ask = ["--config", str(tmp_path / "maild.toml")]
    run = CliRunner()
    told = json.loads(run.invoke(cli, [*ask, "sla", "1", "--json"], catch_exceptions=False).stdout)
    assert [target["target"] for target in told["targets"]] == [
        "first_response",
        "update",
        "resolution",
        "silence",
    ]
    assert "first answer" in run.invoke(cli, [*ask, "sla", "1"], catch_exceptions=False).stdout
    assert "there is no ticket 9" in str(run.invoke(cli, [*ask, "sla", "9"]).exception)
    again = [*ask, "replay", "--sla", "--rules", str(tmp_path / "rules")]
    assert json.loads(run.invoke(cli, [*again, "--json"], catch_exceptions=False).stdout) == {"different": []}
    assert "0 tickets" in run.invoke(cli, again, catch_exceptions=False).stdout
    assert run.invoke(cli, [*again, "--last", "3"]).exit_code == 2
