"""Questions by mail and commands without a ticket: who may, what is answered, and to whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from maild.desk.effects import AddMessage, Decision, OpenTicket, Record, Respond, SetAway, Tell
from maild.desk.facts import Address
from maild.desk.people import Person
from maild.desk.questions import Ask
from maild.desk.words import Role, Scope
from tests.desk import worlds as w

LOU = Person(6, "Lou", "lou@acme.test")


def asked(subject: str, text: str = "", person: Person = w.ANA, tickets: Any = (), known: Any = None, to: str = "support@acme.test", **facts: Any) -> Decision:  # fmt: skip
    mail = w.mail(person, text, **({"subject": subject, "proof": w.PASS} | facts))
    return w.decided(w.arrived(mail, to), w.snapshot(*tickets, **(known or {})))


@pytest.mark.parametrize(
    "subject", ["list", "Re: list mine", "show 1", "search fire", "report", "help", "help commands"]
)
def test_a_believed_agent_is_answered_and_no_ticket_is_opened(subject: str) -> None:
    decision = asked(subject, tickets=(w.TICKET,), reply_to=(Address("", "eve@evil.test"),))
    [answer] = w.only(decision, Respond)
    assert (answer.to, answer.role) == (Address("Ana Ruiz", "ana@acme.test"), Role.RESPONSIBLE)
    assert not w.only(decision, OpenTicket)
    assert not w.only(decision, Tell)
    assert [message.ticket for message in w.only(decision, AddMessage)] == [None]
    assert all(record.ticket is None for record in w.only(decision, Record))


@pytest.mark.parametrize("person", [w.EVE, w.CARLA])
def test_a_strangers_question_is_just_a_mail(person: Person) -> None:
    decision = asked("list", person=person)
    assert w.only(decision, OpenTicket)
    assert not w.only(decision, Respond)


@pytest.mark.parametrize("proof", [w.FAIL, replace(w.PASS, dmarc="none")])
def test_an_agents_address_alone_asks_nothing(proof: Any) -> None:
    decision = asked("list", proof=proof)
    assert w.only(decision, OpenTicket)
    assert not w.only(decision, Respond)


def test_a_light_agent_may_ask() -> None:
    assert w.only(asked("list", person=LOU), Respond)


def test_the_token_of_an_answer_is_evidence_for_the_next_question() -> None:
    sent = replace(w.sent_to(w.ANA, Role.RESPONSIBLE, Scope.INTERNAL, 0, kind="list"), ticket=None)
    decision = asked("Re: Acme Support: list", "show 1", tickets=(w.TICKET,), known={"sent": (sent,)}, in_reply_to=(sent.message_id,), proof=replace(w.PASS, dmarc="none"))  # fmt: skip
    [answer] = w.only(decision, Respond)
    assert (answer.question.ask, answer.ticket) == (Ask.SHOW, 1)


def test_another_ones_answer_is_no_evidence() -> None:
    sent = replace(w.sent_to(w.ANA, Role.RESPONSIBLE, Scope.INTERNAL, 0, kind="list"), ticket=None)
    decision = asked("Re: Acme Support: list", "show 1", w.EVE, known={"sent": (sent,)}, in_reply_to=(sent.message_id,), proof=replace(w.PASS, dmarc="none"))  # fmt: skip
    assert not w.only(decision, Respond)
    assert "ana@acme.test" in w.told(decision)


def test_an_answer_to_a_notification_is_no_question() -> None:
    to = w.reply_address(w.ANA, Role.RESPONSIBLE)
    decision = asked("Re: [Acme #1] help", "list", tickets=(replace(w.TICKET, subject="help"),), to=to)
    assert not w.only(decision, Respond)
    typed = asked("list", "", tickets=(w.TICKET,), to=to, proof=replace(w.PASS, dmarc="none"))
    assert w.only(typed, Respond)


def test_a_merged_ticket_is_shown_where_it_lives() -> None:
    merged, living = replace(w.TICKET, merged_into=2), replace(w.TICKET, id=2)
    [answer] = w.only(asked("show 1", tickets=(merged, living)), Respond)
    assert answer.ticket == 2


@pytest.mark.parametrize(
    ("subject", "says"), [("lsit", "Did you mean: list"), ("show 99", "no ticket 99"), ("shwo 12", "show 12")]
)
def test_what_is_not_understood_is_explained(subject: str, says: str) -> None:
    decision = asked(subject)
    assert not w.only(decision, OpenTicket)
    [transcript] = w.only(decision, Tell)
    assert transcript.to.key == "ana@acme.test"
    assert any(says in line for line in transcript.lines)


def test_a_strangers_misspelt_question_is_a_mail() -> None:
    assert w.only(asked("lsit", person=w.EVE), OpenTicket)


def test_commands_alone_without_a_ticket() -> None:
    decision = asked("", "#priority 1")
    assert not w.only(decision, OpenTicket)
    assert "Which ticket?" in w.only(decision, Tell)[0].lines[0]


def test_a_question_that_was_held_is_not_asked_again() -> None:
    decision = w.decided(w.arrived(w.mail(w.ANA, subject="list", proof=w.PASS)), w.snapshot(same=None))
    assert len(w.only(decision, Respond)) == 1


@pytest.mark.parametrize(("text", "opened"), [("#away until 2026-12-01", False), ("#away until 2026-12-01\nThanks", False), ("#away until 2026-12-01\n#tag a\nMy laptop", True)])  # fmt: skip
def test_absence_needs_no_ticket(text: str, opened: bool) -> None:
    decision = asked("bye", text)
    assert bool(w.only(decision, SetAway))
    assert bool(w.only(decision, OpenTicket)) is opened


@pytest.mark.parametrize(
    "mail", [w.mail(w.ANA, subject="list", proof=w.PASS), w.mail(w.CARLA, subject="help")]
)
def test_an_archive_is_answered_nothing(mail: Any) -> None:
    decision = w.decided(w.arrived(mail, route="import"), w.snapshot())
    assert w.only(decision, OpenTicket)
    assert not w.only(decision, Respond)
    assert not w.only(decision, Tell)
