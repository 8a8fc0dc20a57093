"""The escalation ladder through the whole desk: steps by missed promises, by request, for nobody acting; restarts; who is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from maild import site
from maild.promises import promises
from maild.show_promises import promises as show
from store import Store
from tests.flow import stage as s
from tests.flow.ladders import ANA, BEN, CARLA, CHEN, DAN, DESK, at, local, opened, steps, ticket, told


def test_each_missed_promise_takes_the_next_step_once(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path)
    at(desk, "2026-01-13 10:45")
    assert set(told(desk)) == {ANA}
    at(desk, "2026-01-13 11:00")
    first = told(desk)
    assert set(first) == {ANA}
    assert "Escalation, step 1 of 3 (breach of first_response): told: Ana Ruiz." in first[ANA]
    assert (
        "The next step (tell team; priority raise) comes with the next missed promise or #escalate."
        in first[ANA]
    )
    assert ticket(desk).step == 1
    at(desk, "2026-01-13 11:30")
    assert told(desk) == {}
    at(desk, "2026-01-13 14:00")
    second = told(desk)
    assert set(second) == {ANA, BEN, CARLA}
    assert "step 2 of 3 (breach of update): priority 3 → 2; told: Ana Ruiz, Ben Okoro." in second[BEN]
    assert "still working on your request" in second[CARLA]
    assert "Escalation" not in second[CARLA]
    found = ticket(desk)
    assert (found.priority, found.step, found.resolution_due) == (2, 2, local("2026-01-16 10:00"))
    at(desk, "2026-01-16 10:00")
    third = told(desk)
    found = ticket(desk)
    assert (found.team, found.level, found.step, found.assignee, found.contact) == (
        "engineering",
        2,
        3,
        None,
        ANA,
    )
    assert {CHEN, ANA} <= set(third)
    assert (
        "step 3 of 3 (breach of resolution): team First line → Second line; level 1 → 2; assignee Ana Ruiz → nobody; told: Chen Li."
        in third[CHEN]
    )
    assert "There is no further step." in third[CHEN]
    assert steps(desk) == [
        (1, "breach of first_response", "escalation"), (2, "breach of update", "escalation"), (3, "breach of resolution", "escalation"),
    ]  # fmt: skip


def test_promises_missed_together_take_their_steps_in_order_in_one_mail(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path)
    at(desk, "2026-01-14 09:00")
    sent = told(desk)
    assert set(sent) == {ANA, BEN, CARLA}
    assert "step 1 of 3 (breach of first_response)" in sent[ANA]
    assert "step 2 of 3 (breach of update)" in sent[ANA]
    assert sent[ANA].count("The next step") == 1
    assert [step for step, _, _ in steps(desk)] == [1, 2]


def test_behind_the_last_step_the_usual_ones_are_told(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "escalations: [{notify: ben@acme.test}]\n")
    at(desk, "2026-01-13 11:00")
    assert set(told(desk)) == {BEN}
    at(desk, "2026-01-13 14:00")
    assert {ANA, CHEN} <= set(told(desk))
    assert (ticket(desk).step, len(steps(desk))) == (1, 1)


def test_priority_raised_by_a_step_leaves_alone_what_runs(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "escalations: [{priority: 1, notify: team}]\n")
    at(desk, "2026-01-13 11:00")
    found = ticket(desk)
    assert (found.priority, found.chosen, found.resolution_due) == (
        1,
        ("priority",),
        local("2026-01-16 10:00"),
    )
    desk.flow.act(1, "admin", ("#priority 2", "#priority 1"), "")
    assert ticket(desk).resolution_due == local("2026-01-16 10:00")
    desk.flow.act(1, "admin", ("#priority 2",), "")
    desk.flow.act(1, "admin", ("#priority 1",), "")
    assert ticket(desk).resolution_due == local("2026-01-14 11:00")


def test_escalate_takes_the_next_step_with_a_reason(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path)
    desk.flow.act(1, "admin", ("#escalate",), "")
    assert set(told(desk)) == {ANA}
    desk.flow.act(1, ANA, ("#escalate needs a developer",), "I can't find it.")
    sent = told(desk)
    assert set(sent) == {BEN}
    assert "step 2 of 3 (#escalate: needs a developer): priority 3 → 2; told: Ben Okoro." in sent[BEN]
    desk.flow.act(1, BEN, ("#escalate",), "")
    assert {CHEN, ANA} <= set(told(desk))
    assert (ticket(desk).level, ticket(desk).contact) == (2, ANA)
    refused = desk.flow.act(1, "admin", ("#escalate",), "")
    assert [one.evidence for one in refused.reasons if one.outcome == "REFUSED"] == [
        "#escalate: there is no further step, and no team stands above level 2"
    ]
    assert steps(desk) == [
        (1, "#escalate", "admin"),
        (2, "#escalate: needs a developer", ANA),
        (3, "#escalate", BEN),
    ]
    assert len(steps(desk)) == ticket(desk).step


def test_who_escalates_what_is_his_own_is_not_told_and_the_team_stands_in(
    store: Store, tmp_path: Path
) -> None:
    desk = opened(store, tmp_path)
    desk.flow.act(1, ANA, ("#escalate",), "")
    assert set(told(desk)) == {BEN}


def test_without_steps_it_goes_to_the_next_level(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "")
    desk.flow.act(1, ANA, ("#escalate needs a developer",), "")
    found = ticket(desk)
    assert (found.team, found.level, found.step, found.contact) == ("engineering", 2, 0, ANA)
    assert steps(desk) == [(None, "needs a developer", ANA)]
    sent = told(desk)
    assert set(sent) == {CHEN, DAN}


AFTER = """\
escalations:
  - {notify: assignee}
  - {after: 30m, notify: team}
  - {after: 2h, notify: manager}
"""


def test_nobody_acting_takes_the_next_step_in_the_hours_of_the_policy(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, AFTER, "2026-01-13 14:50")
    at(desk, "2026-01-13 15:50")
    assert "or after 30 min if nobody answers, notes or writes #ack" in told(desk)[ANA]
    assert ticket(desk).clock_at == local("2026-01-13 16:20")
    at(desk, "2026-01-13 16:19")
    assert told(desk) == {}
    at(desk, "2026-01-13 16:20")
    sent = told(desk)
    assert set(sent) == {ANA, BEN}
    assert "step 2 of 3 (nobody has acted for 30 min): told: Ana Ruiz, Ben Okoro." in sent[BEN]
    at(desk, "2026-01-14 09:00")
    at(desk, "2026-01-14 10:19")
    assert len(steps(desk)) == 2
    told(desk)
    at(desk, "2026-01-14 10:20")
    assert DAN in told(desk)
    assert [why for _, why, _ in steps(desk)] == [
        "breach of first_response",
        "nobody has acted for 30 min",
        "nobody has acted for 2 h",
    ]


@pytest.mark.parametrize(
    ("who", "commands", "text"),
    [(BEN, ("#ack",), ""), (BEN, ("#note",), "I am at it."), (ANA, ("#public",), "We are at it."), ("admin", ("#state on-hold",), ""),
     (ANA, ("#assign ben@acme.test",), ""), (ANA, ("#contact phone",), "I called her.")],
)  # fmt: skip
def test_who_acts_stops_the_next_step_until_the_next_missed_promise(
    store: Store, tmp_path: Path, who: str, commands: tuple[str, ...], text: str
) -> None:
    desk = opened(store, tmp_path, AFTER)
    at(desk, "2026-01-13 11:00")
    at(desk, "2026-01-13 11:20")
    desk.flow.act(1, who, commands, text)
    at(desk, "2026-01-13 12:30")
    assert len(steps(desk)) == 1
    at(desk, "2026-01-16 10:00")
    assert len(steps(desk)) >= 2


@pytest.mark.parametrize(("commands", "text"), [(("#priority 2",), ""), (("#tag urgent",), "")])
def test_what_is_no_action_stops_nothing(
    store: Store, tmp_path: Path, commands: tuple[str, ...], text: str
) -> None:
    desk = opened(store, tmp_path, AFTER)
    at(desk, "2026-01-13 11:00")
    desk.flow.act(1, "admin", commands, text)
    desk.take(s.mail(CARLA, "Re: [Acme #1] Fire", "Hurry!", 2), sender=CARLA)
    desk.work()
    at(desk, "2026-01-13 11:30")
    assert len(steps(desk)) == 2


def test_an_acknowledgement_is_told_and_recorded(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, AFTER)
    at(desk, "2026-01-13 11:00")
    told(desk)
    desk.flow.act(1, BEN, ("#ack",), "")
    sent = told(desk)
    assert set(sent) == {ANA}
    assert "Acknowledged by Ben Okoro, who has seen it and acts." in sent[ANA]
    with desk.store.read() as work:
        assert [(one.actor, one.detail) for one in work.events(1) if one.event == "acknowledged"] == [
            (BEN, {"by": BEN})
        ]


def test_a_first_step_with_a_time_needs_no_promise(store: Store, tmp_path: Path) -> None:
    plain = DESK[: DESK.index("sla:")] + DESK[DESK.index("rules:") :]
    desk = opened(store, tmp_path, "escalations: [{after: 45m, notify: team}]\n", "2026-01-13 23:00", plain)
    assert ticket(desk).clock_at == local("2026-01-13 23:45")
    at(desk, "2026-01-13 23:44")
    assert told(desk) == {}
    at(desk, "2026-01-13 23:45")
    assert {ANA, BEN} <= set(told(desk))
    assert ticket(desk).clock_at is None


def test_other_steps_in_the_files_repeat_none_and_are_counted_anew(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, AFTER)
    at(desk, "2026-01-13 11:00")
    (tmp_path / "rules" / "10.yaml").write_text(DESK + AFTER.replace("30m", "90m"), encoding="utf-8")
    desk.flow.site = site.load(tmp_path / "maild.toml", desk.now[0])
    desk.flow.look_again()
    at(desk, "2026-01-13 11:30")
    assert (len(steps(desk)), ticket(desk).clock_at) == (1, local("2026-01-13 12:30"))
    (tmp_path / "rules" / "10.yaml").write_text(DESK + "escalations: [{notify: team}]\n", encoding="utf-8")
    desk.flow.site = site.load(tmp_path / "maild.toml", desk.now[0])
    at(desk, "2026-01-13 14:00")
    assert (len(steps(desk)), ticket(desk).step) == (1, 1)


def test_an_absent_responsible_means_the_team_and_nobody_there_the_admins(
    store: Store, tmp_path: Path
) -> None:
    desk = opened(store, tmp_path, "escalations: [{notify: assignee}, {notify: assignee}]\n")
    desk.flow.act(1, ANA, ("#away until 2026-01-20", "#assign me"), "")
    told(desk)
    desk.flow.act(1, "admin", ("#escalate",), "")
    assert BEN in told(desk)
    with desk.store.work() as work:
        work.set_away(BEN, local("2026-01-20 09:00"), desk.now[0])
    desk.flow.act(1, "admin", ("#escalate",), "")
    assert "told: Chen Li" in told(desk)[CHEN]


def test_mailboxes_hear_of_steps_without_any_power(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, "escalations: [{notify: [boss@acme.test, teams.support.manager]}]\n")
    desk.flow.act(1, "admin", ("#escalate it burns",), "")
    sent = {outbound.row.recipient: mail for outbound, mail in desk.sent() if outbound.row.ticket}
    assert {"boss@acme.test", DAN} <= set(sent)
    mail = sent["boss@acme.test"]
    text = s.text_of(mail)
    assert "an answer to it does not reach the ticket. Speak to Ana Ruiz." in text
    assert "step 1 of 1 (#escalate: it burns): told: Dan Wu, boss@acme.test." in text
    assert "The printer is on fire." in text
    assert "#solve" not in text
    assert str(mail["Reply-To"].addresses[0].addr_spec) == "support@acme.test"
    raw, address = s.answer(mail, "boss@acme.test", "#close", 9)
    desk.take(raw, address, sender="boss@acme.test")
    desk.work()
    assert ticket(desk).state == "new"
    with desk.store.read() as work:
        assert [one.from_address for one in work.messages(1) if one.direction == "in"] == [CARLA]
        assert work.ticket(2) is not None


def test_a_mailbox_of_the_requester_is_never_written_to(store: Store, tmp_path: Path) -> None:
    desk = opened(store, tmp_path, f"escalations: [{{notify: [team, {CARLA}]}}]\n")
    desk.flow.act(1, "admin", ("#escalate",), "")
    assert CARLA not in told(desk)


def test_maild_sla_shows_the_steps_taken_and_the_next(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = opened(store, tmp_path, AFTER)
    at(desk, "2026-01-13 11:00")
    with desk.store.read() as work:
        found = promises(desk.flow.site.rulebook, work, ticket(desk), desk.now[0])
    show(found)
    shown = capsys.readouterr().out
    assert "escalation: 1 of 3 steps taken" in shown
    assert "2026-01-13 11:00 CET  step 1: breach of first_response, told: ana@acme.test" in shown
    assert "next: tell team, at 2026-01-13 11:30 CET if nobody acts" in shown
    desk.flow.act(1, BEN, ("#ack",), "")
    with desk.store.read() as work:
        found = promises(desk.flow.site.rulebook, work, ticket(desk), desk.now[0])
    show(found)
    shown = capsys.readouterr().out
    assert "acknowledged by ben@acme.test" in shown
    assert "next: tell team, with the next missed promise or #escalate" in shown


def test_after_a_long_night_agents_get_digests_and_mailboxes_are_told_all_the_same(
    store: Store, tmp_path: Path
) -> None:
    desk = opened(store, tmp_path, "escalations: [{notify: [assignee, boss@acme.test]}]\n")
    for number in range(2, 23):
        desk.take(
            s.mail(f"c{number}@home.test", f"Fire {number}", "Again.", number), sender=f"c{number}@home.test"
        )
    desk.work()
    desk.sent()
    at(desk, "2026-01-14 03:00")
    kinds = [(outbound.row.recipient, outbound.row.kind) for outbound, _ in desk.sent()]
    assert kinds.count(("boss@acme.test", "escalated")) == 22
    assert kinds.count((ANA, "digest")) == 1
    assert (ANA, "notification") not in kinds
