"""Mails that come regularly, over days and weeks: told once, at the right hour, to the right people, with what is in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from maild import site
from maild.desk.chronicle import Chronicle
from maild.settling import Outbound
from store import Store, Work
from store.rows import Filter
from tests.flow import stage as s

CARLA = "Carla Ruiz <carla@globex.test>"
RULES = (
    s.RULES.replace("{name: First line}", "{name: First line, manager: ben@acme.test}")
    .replace("{name: Second line, level: 2}", "{name: Second line, level: 2, private: true}")
    .replace("Ben Okoro, address: ben@acme.test,", "Ben Okoro, address: ben@acme.test, calendar: office,")
    .replace(
        "calendars:",
        'calendars:\n  office: {timezone: Europe/Amsterdam, mon-thu: "08:30-17:00", holidays: [2026-03-03]}',
    )
    .replace("first_response: 10m, resolution: 24h", "resolution: 24h")
)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = s.NOW  # 2026-03-02 09:00 UTC
Mails = list[tuple[Outbound, EmailMessage]]


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> s.Stage:
    made = s.stage(tmp_path, store, rules=RULES)
    assert made.flow.tick() == 0
    return made


def at(desk: s.Stage, day: int, hour: int, minute: int = 0) -> Mails:
    """Everything regular that goes out when it is then (March 2026, UTC)."""
    desk.now[0] = datetime(2026, 3, day, hour, minute, tzinfo=UTC)
    while desk.flow.tick():
        pass
    return [one for one in desk.sent() if one[0].row.kind in ("morning", "weekly", "digest")]


def told(mails: Mails) -> list[tuple[str, str]]:
    return [(outbound.row.recipient.partition("@")[0], outbound.row.kind) for outbound, _ in mails]


def opened(desk: s.Stage, subject: str = "Printer on fire", sender: str = CARLA, *commands: str) -> int:
    """A ticket with these commands of Chen's."""
    with desk.store.read() as work:
        number = len(work.tickets(Filter())) + 1
    desk.take(s.mail(sender, subject, "It burns.", number), sender=sender.partition("<")[2].rstrip(">"))
    desk.work()
    if commands:
        desk.flow.act(number, "chen@acme.test", commands, "")
    desk.sent()
    return number


def test_the_morning_of_those_who_have_something(desk: s.Stage) -> None:
    opened(desk, "Mine", CARLA, "#team support", "#assign ana@acme.test")
    opened(desk, "Nobody's", CARLA, "#team support")
    opened(desk, "Waits", CARLA, "#team support", "#assign ana@acme.test", "#state pending")
    assert told(at(desk, 3, 6, 59)) == []
    mails = at(desk, 3, 7)
    assert told(mails) == [("ana", "morning")]  # Ben's calendar has a holiday
    text = s.text_of(mails[0][1])
    assert [line for line in text.splitlines() if line.endswith(")")] == ["Vencen hoy (2)", "A la espera de alguien (1)"]  # fmt: skip
    assert "desde lun 2 mar" in text
    assert mails[0][1]["Auto-Submitted"] == "auto-generated"
    assert "Lo ocurrido" not in text
    assert told(at(desk, 3, 7, 1)) == []
    assert told(at(desk, 4, 7, 30)) == [("ana", "morning"), ("ben", "morning")]


def test_kept_lines_come_in_the_same_mail(desk: s.Stage) -> None:
    opened(desk, "Changed", CARLA, "#assign ana@acme.test")
    desk.flow.act(1, "ana@acme.test", ("#category bug",), "")
    [(outbound, mail)] = [one for one in at(desk, 3, 7) if one[0].row.recipient == "chen@acme.test"]
    assert (outbound.row.kind, outbound.row.ticket) == ("morning", None)
    assert "What happened and was kept for this mail" in s.text_of(mail)
    assert "#1 Changed" in s.text_of(mail)
    with desk.store.read() as work:
        assert work.due_digests(desk.now[0] + 30 * DAY) == {}


def test_nothing_is_told_when_there_is_nothing_or_somebody_is_away(desk: s.Stage) -> None:
    assert told(at(desk, 3, 7)) == []
    opened(desk, "Mine", CARLA, "#team support", "#assign ben@acme.test")
    desk.flow.act(1, "ben@acme.test", ("#away until 2026-03-06",), "")
    desk.sent()
    assert ("ben", "morning") not in told(at(desk, 4, 8))
    assert ("ben", "morning") not in told(at(desk, 5, 8))
    desk.flow.act(1, "ben@acme.test", ("#back", "#assign me"), "")
    desk.sent()
    assert ("ben", "morning") in told(at(desk, 9, 7, 30))


def test_after_a_pause_there_is_one_and_only_while_it_is_still_that_day(desk: s.Stage) -> None:
    opened(desk, "Mine", CARLA, "#team support", "#assign ana@acme.test")
    assert told(at(desk, 5, 15)).count(("ana", "morning")) == 1
    assert told(at(desk, 5, 16)) == []
    late = at(desk, 7, 12)  # a Saturday: Friday's is over
    assert ("ana", "morning") not in told(late)
    assert told(at(desk, 8, 12)) == []
    assert ("ana", "morning") in told(at(desk, 9, 7))


def test_a_restart_tells_nothing_again(desk: s.Stage, tmp_path: Path) -> None:
    opened(desk, "Mine", CARLA, "#team support", "#assign ana@acme.test")
    assert ("ana", "morning") in told(at(desk, 3, 7))
    again = s.stage(tmp_path, desk.store, rules=RULES)
    again.flow.look_again()
    assert told(at(again, 3, 7, 5)) == []
    assert ("ana", "morning") in told(at(again, 4, 7))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("teams:", "desk: {digest: off}\nteams:"),
        ("languages: [es, en]}", "languages: [es, en], digest: off}"),
    ],
    ids=["for all", "for her"],
)
def test_off(desk: s.Stage, tmp_path: Path, old: str, new: str) -> None:
    opened(desk, "Mine", CARLA, "#team support", "#assign ana@acme.test")
    (tmp_path / "rules" / "10.yaml").write_text(RULES.replace(old, new), encoding="utf-8")
    desk.flow.site = site.load(tmp_path / "maild.toml", MONDAY)
    assert ("ana", "morning") not in told(at(desk, 3, 7))
    with desk.store.read() as work:
        assert ("ana@acme.test", "morning") not in work.appointments()


def test_another_hour_holds_from_the_next_look_on(desk: s.Stage, tmp_path: Path) -> None:
    opened(desk, "Mine", CARLA, "#team support", "#assign ana@acme.test")
    later = RULES.replace("teams:", 'desk: {digest_at: "10:15"}\nteams:')
    (tmp_path / "rules" / "10.yaml").write_text(later, encoding="utf-8")
    desk.flow.site = site.load(tmp_path / "maild.toml", MONDAY)
    assert told(at(desk, 2, 10)) == []
    assert ("ana", "morning") in told(at(desk, 2, 10, 15))


def test_the_weekly_report(desk: s.Stage) -> None:
    opened(desk, "Team's", CARLA, "#team support")
    opened(desk, "Secret", "Nora <nora@home.test>", "#team engineering", "#cause theft", "#solve")
    opened(desk, "Secret too", "Nora <nora@home.test>", "#team engineering", "#solve")
    assert ("chen", "weekly") not in told(at(desk, 8, 23))
    mails = at(desk, 9, 7)
    weekly = {outbound.row.recipient: mail for outbound, mail in mails if outbound.row.kind == "weekly"}
    assert set(weekly) == {"ben@acme.test", "chen@acme.test"}
    admins, teams = (s.text_of(weekly[f"{name}@acme.test"]) for name in ("chen", "ben"))
    assert weekly["chen@acme.test"]["Subject"] == "Acme Support: report, Mon 2 Mar 2026 – Sun 8 Mar 2026"
    assert weekly["chen@acme.test"]["Auto-Submitted"] == "auto-generated"
    assert "Opened: 3 (0)" in admins
    assert "#3 Secret too" in admins
    assert "Opened: 1 (0)" in teams
    assert "First line" in teams
    assert "Secret" not in teams
    assert told(at(desk, 9, 7, 5)) == []


def test_weeks_without_the_daemon_are_one_report(desk: s.Stage) -> None:
    opened(desk, "Team's", CARLA, "#team support")
    mails = at(desk, 25, 12)  # a Wednesday, two reports later
    [mail] = [mail for outbound, mail in mails if told([(outbound, mail)]) == [("chen", "weekly")]]
    assert mail["Subject"] == "Acme Support: report, Mon 16 Mar 2026 – Sun 22 Mar 2026"
    assert ("chen", "weekly") not in told(at(desk, 29, 12))
    assert ("chen", "weekly") in told(at(desk, 30, 7))


def test_a_desk_without_tickets_reports_nothing(desk: s.Stage) -> None:
    assert told(at(desk, 9, 7)) == []


def test_off_and_another_day(store: Store, tmp_path: Path) -> None:
    rules = RULES.replace("teams:", "desk: {report_at: fri 16:30}\nteams:")
    desk = s.stage(tmp_path, store, rules=rules)
    desk.flow.tick()
    opened(desk, "Team's", CARLA, "#team support")
    assert ("chen", "weekly") not in told(at(desk, 6, 16, 29))
    assert ("chen", "weekly") in told(at(desk, 6, 16, 30))
    off = s.stage(tmp_path, store, rules=RULES.replace("teams:", "desk: {report_at: off}\nteams:"))
    assert ("chen", "weekly") not in told(at(off, 20, 17))
    assert {kind for _, kind in read(store)} == {"morning"}


def read(store: Store) -> set[tuple[str, str]]:
    with store.read() as work:
        return set(work.appointments())


def test_a_storm_drops_neither(store: Store, tmp_path: Path) -> None:
    desk = s.stage(
        tmp_path, store, s.MAILD_TOML + "[limits]\nnotifications_per_agent_per_hour = 1\n", rules=RULES
    )
    desk.flow.tick()
    opened(desk, "Mine", CARLA, "#team support", "#assign ana@acme.test")
    desk.now[0] = datetime(2026, 3, 3, 6, 59, tzinfo=UTC)
    opened(desk, "Another", CARLA, "#team support", "#assign ana@acme.test")
    opened(desk, "A third", CARLA, "#team support", "#assign ana@acme.test")
    assert ("ana", "morning") in told(at(desk, 3, 7))


def test_a_report_that_breaks_takes_nobody_elses(desk: s.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(desk)
    real = Work.chronicles

    def chronicles(
        work: Work, since: datetime, until: datetime, teams: Collection[str] | None = None
    ) -> Iterator[Chronicle]:
        if teams is not None:
            raise ValueError("a ticket of that team breaks it")
        return real(work, since, until, teams)

    with monkeypatch.context() as patch:
        patch.setattr(Work, "chronicles", chronicles)
        desk.now[0] = datetime(2026, 3, 9, 12, tzinfo=UTC)
        desk.flow.tick()
        assert ("chen", "weekly") in told(desk.sent())
    desk.flow.tick()
    assert told(desk.sent()) == [("ben", "weekly")]
