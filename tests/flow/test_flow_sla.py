"""Promises through the whole desk: due times, warnings, breaches, status updates, pauses, restarts, other files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from maild import site
from maild.desk.people import Ticket
from maild.flow import Flow
from store import Store
from tests.flow import stage as s

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
RULES = """\
teams:
  support: {name: First line}
agents:
  - {name: Ana Ruiz, address: ana@acme.test, team: support}
  - {name: Chen Li, address: chen@acme.test, team: support, role: admin}
organisations:
  - {name: Globex, domains: [globex.test], sla: gold}
calendars:
  office: {timezone: Europe/Amsterdam, mon-fri: "09:00-17:00", holidays: NL}
  always: {timezone: UTC, mon-sun: "00:00-24:00"}
sla:
  standard:
    calendar: office
    first_response: {default: 1h, priority 1: 10m}
    update: 4h
    resolution: {default: 24h, priority 1: 8h}
    warn: 75%
  gold: {calendar: always, first_response: 10m, update: 4h, resolution: 24h, warn: 75%}
"""
TO_CARLA, TO_ANA = "carla@home.test", "ana@acme.test"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


def at(desk: s.Stage, when: str) -> None:
    """It is this time now; the daemon has been started anew."""
    desk.now[0] = local(when)
    desk.flow = Flow(desk.flow.site, desk.store, lambda: desk.now[0])


def opened(store: Store, folder: Path, when: str, sender: str = TO_CARLA, rules: str = RULES) -> s.Stage:
    desk = s.stage(folder, store, rules=rules)
    at(desk, when)
    desk.flow.look_again()
    desk.flow.tick()
    desk.take(s.mail(sender, "Fire", "The printer is on fire."), sender=sender)
    desk.work()
    return desk


def tick(desk: s.Stage) -> int:
    done = 0
    while found := desk.flow.tick():
        done += found
    return done


def ticket(desk: s.Stage, number: int = 1) -> Ticket:
    with desk.store.read() as work:
        found = work.ticket(number)
    assert found is not None
    return found


def lines(desk: s.Stage, *events: str, number: int = 1) -> list[tuple[str, object]]:
    with desk.store.read() as work:
        return [(one.event, one.detail.get("target")) for one in work.events(number) if one.event in events]


def mails(desk: s.Stage, to: str) -> list[str]:
    """The texts of what goes to somebody now, and of nobody else's mail."""
    return [s.text_of(mail) for outbound, mail in desk.sent() if outbound.row.recipient == to]


@pytest.mark.parametrize(
    ("when", "sender", "first", "update", "resolution"),
    [
        ("2026-01-13 10:00", TO_CARLA, "2026-01-13 11:00", "2026-01-13 14:00", "2026-01-16 10:00"),
        ("2026-07-14 16:30", TO_CARLA, "2026-07-15 09:30", "2026-07-15 12:30", "2026-07-17 16:30"),
        ("2026-04-24 16:30", TO_CARLA, "2026-04-28 09:30", "2026-04-28 12:30", "2026-04-30 16:30"),
        ("2026-03-27 16:00", TO_CARLA, "2026-03-27 17:00", "2026-03-30 12:00", "2026-04-01 16:00"),
        ("2026-10-24 12:00", TO_CARLA, "2026-10-26 10:00", "2026-10-26 13:00", "2026-10-28 17:00"),
        ("2026-03-28 22:00", "eva@globex.test", "2026-03-28 22:10", "2026-03-29 03:00", "2026-03-29 23:00"),
    ],
    ids=["winter", "summer, over an evening", "over King's Day", "over the change of clocks", "on a Saturday", "round the clock"],
)  # fmt: skip
def test_due_times(
    store: Store, tmp_path: Path, when: str, sender: str, first: str, update: str, resolution: str
) -> None:
    desk = opened(store, tmp_path, when, sender)
    found = ticket(desk)
    assert (found.first_response_due, found.update_due, found.resolution_due) == (local(first), local(update), local(resolution))  # fmt: skip
    assert found.silence_due is None
    assert found.clock_at is not None
    assert found.clock_at < local(first)


def test_a_warning_a_breach_and_status_updates_once_each_after_restarts(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    desk.sent()
    at(desk, "2026-01-13 10:44")
    assert tick(desk) == 0
    at(desk, "2026-01-13 10:45")
    assert tick(desk) == 1
    [told] = mails(desk, TO_ANA)
    assert "a promise is about to be missed" in told
    assert "The first answer is due in 15 min" in told
    at(desk, "2026-01-13 11:00")
    assert tick(desk) == 1
    [told] = mails(desk, TO_ANA)
    assert "The first answer was due and did not come. Promised within 1 h." in told
    assert "Missed: – → First answer" in told
    assert ticket(desk).breached == ("first_response",)
    assert tick(desk) == 0
    at(desk, "2026-01-13 14:00")  # the warning of the update has had its time while nobody was there
    assert tick(desk) == 1
    sent = desk.sent()
    [update] = [mail for outbound, mail in sent if outbound.row.recipient == TO_CARLA]
    assert "we are still working on your request 1" in s.text_of(update)
    assert "You will hear from us again by Wednesday 14 January 2026, 10:00 (CET)" in s.text_of(update)
    assert update["Auto-Submitted"] == "auto-generated"
    assert lines(desk, "breached", "warned", "updated") == [
        ("warned", "first_response"), ("breached", "first_response"), ("breached", "update"), ("updated", None),
    ]  # fmt: skip
    assert ticket(desk).update_due == local("2026-01-14 10:00")
    at(desk, "2026-01-13 16:59")
    assert tick(desk) == 0
    for when, count in (("2026-01-14 10:00", 1), ("2026-01-14 14:00", 1), ("2026-01-15 10:00", 0)):
        at(desk, when)
        tick(desk)
        assert len(mails(desk, TO_CARLA)) == count
    assert lines(desk, "breached") == [("breached", "first_response"), ("breached", "update")]


def test_an_answer_meets_and_begins_the_next_round(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    at(desk, "2026-01-13 10:30")
    desk.flow.act(1, "ana@acme.test", ("#public",), "Is it still burning?")
    found = ticket(desk)
    assert (found.first_response_due, found.breached) == (None, ())
    assert (found.update_due, found.resolution_due) == (local("2026-01-13 14:30"), local("2026-01-16 10:00"))
    assert lines(desk, "met") == [("met", None)]
    at(desk, "2026-01-13 14:30")
    tick(desk)
    at(desk, "2026-01-13 15:00")
    desk.flow.act(1, "ana@acme.test", ("#public",), "Sorry. And now?")
    at(desk, "2026-01-14 11:00")
    tick(desk)
    assert lines(desk, "breached") == [("breached", "update")] * 2
    assert ticket(desk).breached == ("update",)


@pytest.mark.parametrize("commands", [("#note",), ("#priority 2",), ("#ack",)])
def test_what_meets_no_promise(store: Store, tmp_path: Path, commands: tuple[str, ...]) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    due = ticket(desk).first_response_due
    at(desk, "2026-01-13 10:30")
    desk.flow.act(1, "ana@acme.test", commands, "Hm." if commands == ("#note",) else "")
    assert ticket(desk).first_response_due == due
    desk.take(s.mail(TO_CARLA, "Re: [Acme #1] Fire", "Hurry!", 2), sender=TO_CARLA)
    desk.work()
    assert ticket(desk).update_due == local("2026-01-13 14:00")


@pytest.mark.parametrize("command", ["#contact phone", "#solve"])
def test_a_talk_and_solving_meet_the_first_answer(store: Store, tmp_path: Path, command: str) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    desk.flow.act(1, "ana@acme.test", (command,), "")
    assert ticket(desk).first_response_due is None
    assert lines(desk, "met") == [("met", None)]


def test_pauses_and_a_reopened_ticket_go_on_where_they_stopped(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    at(desk, "2026-01-13 11:00")
    desk.flow.act(1, "ana@acme.test", ("#public", "#state pending"), "Which printer?")
    found = ticket(desk)
    assert (found.update_due, found.resolution_due, found.clock_at) == (None, None, None)
    at(desk, "2026-01-14 11:00")
    desk.take(s.mail(TO_CARLA, "Re: [Acme #1] Fire", "The red one.", 2), sender=TO_CARLA)
    desk.work()
    found = ticket(desk)
    assert (found.update_due, found.resolution_due) == (local("2026-01-14 15:00"), local("2026-01-19 10:00"))
    at(desk, "2026-01-14 12:00")
    desk.flow.act(1, "ana@acme.test", ("#solve",), "It is out.")
    assert ticket(desk).resolution_due is None
    at(desk, "2026-01-15 09:00")
    desk.flow.act(1, "ana@acme.test", ("#reopen",), "")
    assert ticket(desk).resolution_due == local("2026-01-19 15:00")
    assert lines(desk, "breached") == []


def test_priority_that_rises_tightens_what_is_due(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    at(desk, "2026-01-13 10:20")
    desk.flow.act(1, "admin", ("#priority 1",), "")
    found = ticket(desk)
    assert (found.first_response_due, found.resolution_due) == (
        local("2026-01-13 10:30"),
        local("2026-01-14 10:20"),
    )
    desk.flow.act(1, "admin", ("#priority 3",), "")
    assert ticket(desk).first_response_due == local("2026-01-13 11:00")


def test_an_answer_that_bounces_meets_nothing(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    desk.sent()
    at(desk, "2026-01-13 10:10")
    desk.flow.act(1, "ana@acme.test", ("#public",), "Is it still burning?")
    assert ticket(desk).first_response_due is None
    desk.sent("failed", "550 5.7.1 no")
    found = ticket(desk)
    assert (found.first_response_due, found.update_due) == (
        local("2026-01-13 11:00"),
        local("2026-01-13 14:00"),
    )


def test_other_files_change_open_targets_only(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    at(desk, "2026-01-13 10:30")
    desk.flow.act(1, "ana@acme.test", ("#public",), "Is it still burning?")
    (tmp_path / "rules" / "10.yaml").write_text(
        RULES.replace("default: 1h", "default: 5m").replace("default: 24h", "default: 20h"), encoding="utf-8"
    )
    desk.flow.site = site.load(tmp_path / "maild.toml", desk.now[0])
    desk.flow.look_again()
    tick(desk)
    found = ticket(desk)
    assert (found.first_response_due, found.resolution_due) == (None, local("2026-01-15 14:00"))
    assert found.breached == ()
    assert lines(desk, "breached") == []


def test_after_a_long_night_agents_get_a_digest_and_every_requester_one_update(
    store: Store, tmp_path: Path
) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    for number in range(2, 23):
        desk.take(
            s.mail(f"c{number}@home.test", f"Fire {number}", "Again.", number), sender=f"c{number}@home.test"
        )
    desk.work()
    desk.sent()
    at(desk, "2026-01-14 03:00")
    assert tick(desk) > 22
    told = desk.sent()
    assert sorted({(outbound.row.recipient, outbound.row.kind) for outbound, _ in told}) == [
        ("ana@acme.test", "digest"), ("chen@acme.test", "digest"),
    ]  # fmt: skip
    assert len(told) == 2
    at(desk, "2026-01-14 09:00")
    tick(desk)
    assert len([1 for outbound, _ in desk.sent() if outbound.row.kind == "notice"]) == 22
    assert tick(desk) == 0


def test_an_archive_starts_no_clock_until_somebody_writes(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    at(desk, "2026-01-13 10:00")
    desk.take(s.mail(TO_CARLA, "Fire", "Long ago."), sender=TO_CARLA, route="import")
    desk.work()
    assert ticket(desk).clock_at is None
    desk.flow.act(1, "admin", ("#priority 1",), "")
    assert (ticket(desk).clock_at, ticket(desk).first_response_due) == (None, None)
    at(desk, "2026-01-14 10:00")
    desk.take(s.mail(TO_CARLA, "Re: [Acme #1] Fire", "It burns again.", 2), sender=TO_CARLA)
    desk.work()
    assert ticket(desk).first_response_due == local("2026-01-14 10:10")


def test_what_is_promised_counts_from_when_it_was_received(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    desk.flow.act(
        1, "admin", ("#received 09:20",), ""
    )  # the admin writes in the desk's zone, UTC, and it is 09:00 there
    assert ticket(desk).first_response_due == local("2026-01-13 11:00")
    desk.flow.act(1, "admin", ("#received 08:20",), "")
    assert ticket(desk).first_response_due == local("2026-01-13 10:20")


def test_another_requester_brings_the_promises_of_his_organisation(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    desk.flow.act(1, "admin", ("#requester eva@globex.test",), "")
    found = ticket(desk)
    assert (found.sla, found.first_response_due) == ("gold", local("2026-01-13 10:10"))


def test_a_merged_ticket_brings_its_time_along(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    at(desk, "2026-01-13 10:40")
    desk.take(s.mail(TO_CARLA, "Smoke", "There is smoke.", 2), sender=TO_CARLA)
    desk.work()
    assert ticket(desk, 2).first_response_due == local("2026-01-13 11:40")
    desk.flow.act(1, "admin", ("#merge 2",), "")
    assert ticket(desk, 2).first_response_due == local("2026-01-13 11:00")
    assert (ticket(desk).first_response_due, ticket(desk).clock_at) == (None, None)


def test_a_machine_that_was_not_acknowledged_gets_no_status_update(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    at(desk, "2026-01-13 10:00")
    robot = s.mail("monitor@home.test", "Disk full", "99%", headers=["Auto-Submitted: auto-generated"])
    desk.take(robot, sender="monitor@home.test")
    desk.work()
    at(desk, "2026-01-13 14:00")
    assert tick(desk) == 1
    assert {outbound.row.recipient for outbound, _ in desk.sent()} == {TO_ANA, "chen@acme.test"}
    assert lines(desk, "breached", "updated") == [("breached", "first_response"), ("breached", "update")]


def test_the_date_that_was_told_is_warned_of_once_for_each_date(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "2026-01-13 10:00")
    desk.flow.act(
        1, "ana@acme.test", ("#public", "#due 2026-01-13 13:00"), "This afternoon."
    )  # 14:00 in Amsterdam
    desk.sent()
    at(desk, "2026-01-13 12:59")
    assert tick(desk) == 0
    at(desk, "2026-01-13 13:00")
    assert tick(desk) == 1  # three quarters of four hours
    assert lines(desk, "warned") == [("warned", "update"), ("warned", "estimate")]
    [told] = mails(desk, TO_ANA)
    assert "told that it would be done in 1 h" in told
    desk.flow.act(1, "ana@acme.test", ("#due 2026-01-13 12:40",), "")
    assert ticket(desk).clock_at == local("2026-01-13 13:30")
    desk.flow.act(1, "ana@acme.test", ("#due 2026-01-13 15:00",), "")
    at(desk, "2026-01-13 15:15")
    tick(desk)
    assert lines(desk, "warned").count(("warned", "estimate")) == 2
    desk.flow.act(1, "ana@acme.test", ("#due 2026-01-14 15:00", "#solve"), "")
    assert ticket(desk).clock_at is None
