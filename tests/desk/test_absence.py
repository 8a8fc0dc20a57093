"""An agent who is away: what is recorded, handed over and told, and who stands in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maild.desk.effects import AddMessage, Decision, HandOver, OpenTicket, SetAway, Tell
from maild.desk.facts import Kind
from maild.desk.people import Ticket
from maild.desk.rulebook import Team
from maild.desk.words import Role
from tests.desk import worlds as w

FRIDAY = datetime(2026, 3, 6, tzinfo=UTC)
DUE = replace(w.TICKET, id=12, subject="Due", resolution_due=w.NOW + timedelta(days=1))
LATER = replace(w.TICKET, id=13, subject="Later", resolution_due=FRIDAY + timedelta(days=1))
ANSWERED = replace(w.TICKET, id=14, first_response_at=w.NOW, first_response_due=w.NOW + timedelta(hours=1))
BEN_LEADS = replace(w.RULEBOOK, teams={**w.RULEBOOK.teams, "support": Team("support", "First line", responsible="ben@acme.test")})  # fmt: skip


def away(
    text: str = "#away until Friday", *owned: Ticket, rulebook: Any = w.RULEBOOK, **known: Any
) -> Decision:
    mail = w.mail(w.ANA, text, subject="bye", proof=w.PASS)
    return w.decided(w.arrived(mail), w.snapshot(owned=owned, **known), rulebook)


def lines(decision: Decision, who: str) -> str:
    return "\n".join(line for tell in w.only(decision, Tell) if tell.to.key == who for line in tell.lines)


def test_away_until_a_day() -> None:
    decision = away()
    assert w.only(decision, SetAway) == [SetAway("ana@acme.test", FRIDAY)]
    assert w.told(decision) == {"ana@acme.test": "transcript"}
    assert [message.ticket for message in w.only(decision, AddMessage)] == [None]


def test_what_falls_due_meanwhile_goes_to_who_is_responsible_for_the_team() -> None:
    decision = away("#away until Friday", DUE, LATER, ANSWERED, rulebook=BEN_LEADS)
    assert w.only(decision, HandOver) == [HandOver(12, "ana@acme.test", "ben@acme.test", DUE.resolution_due or w.NOW)]  # fmt: skip
    assert "#12 Due" in lines(decision, "ben@acme.test")
    assert "#13" not in lines(decision, "ben@acme.test")
    assert "handed over to Ben Okoro: #12" in lines(decision, "ana@acme.test")


@pytest.mark.parametrize(
    ("rulebook", "known"),
    [(w.RULEBOOK, {}), (BEN_LEADS, {"away": {"ben@acme.test": FRIDAY}})],
)
def test_without_one_it_is_nobodys_and_the_team_is_told(rulebook: Any, known: dict[str, Any]) -> None:
    decision = away("#away until Friday", DUE, rulebook=rulebook, **known)
    assert [handed.to for handed in w.only(decision, HandOver)] == [None]
    assert "#12 Due" in lines(decision, "ben@acme.test")
    assert "handed over to nobody" in lines(decision, "ana@acme.test")


def test_back() -> None:
    decision = away("#back", away={"ana@acme.test": FRIDAY})
    assert w.only(decision, SetAway) == [SetAway("ana@acme.test", None)]
    assert "not away" in lines(away("#back"), "ana@acme.test")


def test_away_in_an_answer_with_other_words_and_commands() -> None:
    mail = w.mail(w.ANA, "#away until Friday\n#tag a\nWe are on it.", proof=w.PASS)
    decision = w.decided(w.arrived(mail, w.reply_address(w.ANA, Role.RESPONSIBLE)), w.snapshot(w.TICKET))
    assert w.only(decision, SetAway)
    assert [(message.text, message.public) for message in w.only(decision, AddMessage)] == [("We are on it.", True)]  # fmt: skip


def test_all_or_nothing() -> None:
    mail = w.mail(w.ANA, "#away until Friday\n#priority 9\nWe are on it.", proof=w.PASS)
    decision = w.decided(w.arrived(mail, w.reply_address(w.ANA, Role.RESPONSIBLE)), w.snapshot(w.TICKET))
    assert not w.only(decision, SetAway)
    assert not w.only(away("#away until someday"), SetAway)


def test_only_believed_agents_are_away() -> None:
    decision = w.decided(w.arrived(w.mail(w.ANA, "#away until Friday")), w.snapshot())
    assert not w.only(decision, SetAway)
    assert w.only(decision, OpenTicket)


def test_an_out_of_office_reply_changes_nothing() -> None:
    mail = w.mail(w.ANA, "#away until Friday", kind=Kind.AUTO_REPLY, proof=w.PASS)
    assert not w.only(w.decided(w.arrived(mail), w.snapshot()), SetAway)


def test_the_team_hears_of_an_absent_agents_ticket_too() -> None:
    mail = w.mail(w.CARLA, "Any news?")
    event = w.arrived(mail, w.reply_address(w.CARLA, Role.REQUESTER))
    assert set(w.told(w.decided(event, w.snapshot(w.TICKET)))) == {"ana@acme.test"}
    told = w.told(w.decided(event, w.snapshot(w.TICKET, away={"ana@acme.test": FRIDAY})))
    assert set(told) == {"ana@acme.test", "ben@acme.test", "lou@acme.test"}


def test_nothing_new_goes_to_an_absent_responsible() -> None:
    event = w.arrived(w.mail(w.CARLA))
    known = w.snapshot(away={"ben@acme.test": FRIDAY})
    assert "assigned" in w.told(w.decided(event, w.snapshot(), BEN_LEADS)).values()
    assert "assigned" not in w.told(w.decided(event, known, BEN_LEADS)).values()
