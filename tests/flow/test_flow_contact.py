"""At a higher level: who stays the requester's contact, who speaks to him, and what becomes of the answers of a team without a voice."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import Store
from tests.flow import stage as s
from tests.flow.ladders import ANA, BEN, CARLA, CHEN, DAN, DESK, local, opened, ticket, told

SPEAKERS = DESK.replace(
    "engineering: {name: Second line, level: 2}", "engineering: {name: Second line, level: 2, speaks: false}"
)
MOVES = "escalations: [{team: engineering, assignee: dan@acme.test}]\n"


def escalated(store: Store, folder: Path, desk: str = DESK) -> s.Stage:
    stage = opened(store, folder, MOVES, desk=desk)
    stage.flow.act(1, ANA, ("#escalate",), "")
    return stage


def latest(desk: s.Stage, to: str) -> s.EmailMessage:
    """The last mail that goes to somebody now."""
    return [mail for outbound, mail in desk.sent() if outbound.row.recipient == to][-1]


def test_the_first_line_agent_stays_the_contact_and_speaks(store: Store, tmp_path: Path) -> None:
    desk = escalated(store, tmp_path)
    found = ticket(desk)
    assert (found.assignee, found.contact) == (DAN, ANA)
    assert set(told(desk)) == {DAN}  # the requester's contact is the same, who has escalated it herself
    desk.take(s.mail(CARLA, "Re: [Acme #1] Fire", "Any news?", 2), sender=CARLA)
    desk.work()
    to_ana = latest(desk, ANA)
    assert "You get this because you are the requester's contact." in s.text_of(to_ana)
    assert "Contact of the requester: Ana Ruiz" in s.text_of(to_ana)
    raw, address = s.answer(to_ana, f"Ana Ruiz <{ANA}>", "We are at it.", 3)
    desk.take(raw, address, sender=ANA)
    desk.work()
    sent = told(desk)
    assert "We are at it." in sent[CARLA]
    assert DAN in sent
    assert (ticket(desk).assignee, ticket(desk).contact) == (DAN, ANA)
    desk.flow.act(1, "admin", ("#team support",), "")
    assert (ticket(desk).level, ticket(desk).contact) == (1, None)


def test_a_contact_who_is_away_is_stood_in_for_by_the_team(store: Store, tmp_path: Path) -> None:
    desk = escalated(store, tmp_path)
    with desk.store.work() as work:
        work.set_away(ANA, local("2026-01-20 09:00"), desk.now[0])
    told(desk)
    desk.take(s.mail(CARLA, "Re: [Acme #1] Fire", "Any news?", 2), sender=CARLA)
    desk.work()
    assert {ANA, BEN, DAN} <= set(told(desk))


@pytest.mark.parametrize("command", ["", "#public", "#solve"])
def test_what_a_team_without_a_voice_answers_is_left_to_the_contact(
    store: Store, tmp_path: Path, command: str
) -> None:
    desk = escalated(store, tmp_path, SPEAKERS)
    told(desk)
    desk.take(s.mail(CARLA, "Re: [Acme #1] Fire", "Any news?", 2), sender=CARLA)
    desk.work()
    to_dan = latest(desk, DAN)
    assert "Your answer goes to Ana Ruiz, who passes on to the requester what your team writes." in s.text_of(
        to_dan
    )
    raw, address = s.answer(to_dan, f"Dan Wu <{DAN}>", f"{command}\nIt was dust.".lstrip(), 3)
    desk.take(raw, address, sender=DAN)
    desk.work()
    out = {outbound.row.recipient: (outbound.row, s.text_of(mail)) for outbound, mail in desk.sent()}
    assert CARLA not in out
    assert (
        "Your answer was not sent: your team does not write to requesters. It is kept as a note, and left to Ana Ruiz to pass on."
        in out[DAN][1]
    )
    assert ("The state stays" in out[DAN][1]) is (command == "#solve")
    assert "It was dust." in out[ANA][1]
    assert "Dan Wu wrote this for the requester and leaves it to you to pass it on" in out[ANA][1]
    assert ("It is meant to become solved with your answer." in out[ANA][1]) is (command == "#solve")
    found = ticket(desk)
    assert (found.state, found.first_response_at) == ("open", None)
    with desk.store.read() as work:
        note = work.messages(1)[-1]
        assert (note.public, note.reply or note.text) == (False, "It was dust.")
        assert [one.detail["to"] for one in work.events(1) if one.event == "left to the contact"] == [[ANA]]


def test_an_admin_of_the_team_speaks_no_more_than_the_team_and_the_contact_does(
    store: Store, tmp_path: Path
) -> None:
    desk = escalated(store, tmp_path, SPEAKERS)
    told(desk)
    desk.flow.act(1, CHEN, ("#public",), "I am the boss here.")
    sent = told(desk)
    assert CARLA not in sent
    assert "I am the boss here." in sent[ANA]
    desk.flow.act(1, ANA, ("#public", "#solve"), "It was dust.")
    assert "It was dust." in told(desk)[CARLA]


def test_on_this_host_a_team_without_a_voice_does_not_speak_either(store: Store, tmp_path: Path) -> None:
    desk = escalated(store, tmp_path, SPEAKERS)
    told(desk)
    desk.flow.act(1, DAN, ("#public",), "It was dust.")
    sent = told(desk)
    assert CARLA not in sent
    assert "leaves it to you to pass it on" in sent[ANA]
