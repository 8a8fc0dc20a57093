"""What requesters and participants ask in a word, with evidence and without."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from maild.desk.effects import AddMessage, ChangeTicket, Decision, OpenTicket, Record, Respond, Tell
from maild.desk.facts import Attachment, Verdict
from maild.desk.people import Person, Ticket
from maild.desk.questions import Ask
from maild.desk.words import Role, State
from tests.desk import worlds as w

SOLVED = replace(w.TICKET, state=State.SOLVED, participants=(w.PIA,))
OPEN = replace(w.TICKET, participants=(w.PIA,))
NONE = replace(w.PASS, dmarc=Verdict.NONE)


def said(text: str, person: Person = w.CARLA, ticket: Ticket = OPEN, role: Role | None = Role.REQUESTER, known: Any = None, **facts: Any) -> Decision:  # fmt: skip
    """An answer to ticket 1 by the person's token, or by the subject tag alone when there is no role."""
    mail = w.mail(person, text, **({"subject": "Re: [Acme #1] Printer on fire"} | facts))
    to = w.reply_address(person, role) if role else "support@acme.test"
    return w.decided(w.arrived(mail, to), w.snapshot(ticket, **(known or {})))


def state(decision: Decision) -> object:
    return next((change.new for effect in w.only(decision, ChangeTicket) for change in effect.changes if change.name == "state"), None)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ticket", "facts", "new"),
    [
        ("close", OPEN, {}, State.CLOSED),
        ("Please close.", SOLVED, {}, State.CLOSED),
        ("por favor cerrar", OPEN, {}, State.CLOSED),
        ("close", OPEN, {"role": None, "proof": w.PASS}, State.CLOSED),
        ("reopen", SOLVED, {}, State.OPEN),
        ("close", OPEN, {"role": None}, None),
        ("close", SOLVED, {"role": None}, State.OPEN),
        ("close", SOLVED, {"person": w.PIA, "role": Role.PARTICIPANT}, State.OPEN),
        ("close", OPEN, {"proof": w.FAIL}, None),
        ("#close", OPEN, {}, None),
        ("close the window", OPEN, {}, None),
        ("close", OPEN, {"attachments": (Attachment("a.png", "image/png", 9, False, "0" * 64),)}, None),
    ],
)
def test_who_closes_and_reopens(text: str, ticket: Ticket, facts: dict[str, Any], new: State | None) -> None:
    decision = said(text, ticket=ticket, **facts)
    assert state(decision) == new


def test_closing_is_kept_and_told_to_agents_only() -> None:
    decision = said("close")
    assert [message.text for message in w.only(decision, AddMessage)] == ["close"]
    assert w.told(decision) == {"ana@acme.test": "notification"}


@pytest.mark.parametrize(
    ("person", "role", "facts", "answered"),
    [
        (w.CARLA, Role.REQUESTER, {}, Role.REQUESTER),
        (w.PIA, Role.PARTICIPANT, {}, Role.PARTICIPANT),
        (w.CARLA, None, {"proof": w.PASS}, Role.REQUESTER),
        (w.CARLA, None, {}, None),
        (w.EVE, None, {"proof": w.PASS}, None),
        (w.CARLA, Role.REQUESTER, {"unanswerable": ("Precedence: bulk",)}, None),
        (w.CARLA, Role.REQUESTER, {"known": {"ticket_automatic": {1: 50}}}, None),
    ],
)
def test_who_is_told_how_it_stands(person: Person, role: Role | None, facts: dict[str, Any], answered: Role | None) -> None:  # fmt: skip
    decision = said("status?", person, role=role, **facts)
    assert [answer.role for answer in w.only(decision, Respond)] == ([answered] if answered else [])
    if answered:
        [answer] = w.only(decision, Respond)
        assert (answer.to.key, answer.question.ask, answer.ticket) == (person.key, Ask.STATUS, 1)
        assert not w.only(decision, Tell)
        assert state(decision) is None


def test_status_in_the_subject() -> None:
    assert w.only(said("", subject="Re: [Acme #1] status"), Respond)
    own = replace(OPEN, subject="Status")
    assert not w.only(said("", ticket=own, subject="Re: [Acme #1] Status"), Respond)


def new(subject: str, text: str = "", proof: Any = NONE, known: Any = None, **facts: Any) -> Decision:
    mail = w.mail(w.CARLA, text, subject=subject, proof=proof, **facts)
    return w.decided(w.arrived(mail), w.snapshot(**(known or {})))


@pytest.mark.parametrize(
    ("decision", "ask"),
    [
        (new("status", proof=w.PASS), Ask.STATUS),
        (new("Estado", proof=w.PASS), Ask.STATUS),
        (new("status"), None),
        (new("status", "of the printer is bad", w.PASS), None),
        (new("help"), Ask.HELP),
        (new("", "ayuda"), Ask.HELP),
        (new("help", "my printer burns"), None),
        (new("Printer", "help"), None),
        (new("help", proof=w.FAIL, unanswerable=("dmarc=fail",)), None),
        (new("help", known={"helped": w.NOW - timedelta(hours=23)}), None),
        (new("help", known={"helped": w.NOW - timedelta(hours=25)}), Ask.HELP),
    ],
)
def test_a_word_without_a_ticket(decision: Decision, ask: Ask | None) -> None:
    answers = w.only(decision, Respond)
    assert [answer.question.ask for answer in answers] == ([ask] if ask else [])
    assert bool(w.only(decision, OpenTicket)) is (ask is None)


def test_help_is_remembered() -> None:
    records = w.only(new("help"), Record)
    assert [record.detail["subject"] for record in records if record.event == "helped"] == [
        "carla@globex.test"
    ]


def test_an_automatic_mail_asks_nothing() -> None:
    mail = w.mail(w.CARLA, "close", kind="auto-reply")
    decision = w.decided(w.arrived(mail, w.reply_address(w.CARLA, Role.REQUESTER)), w.snapshot(OPEN))
    assert state(decision) is None


def test_long_after_closing_nothing_is_reopened() -> None:
    old = replace(OPEN, state=State.CLOSED, closed_at=w.NOW - timedelta(days=60))
    decision = said("reopen", ticket=old)
    assert w.only(decision, OpenTicket)
    assert state(decision) is None
