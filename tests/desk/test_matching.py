"""The thread decision: which evidence threads, which gives power, and what is only a hint."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from maild.desk.effects import Given
from maild.desk.facts import Mail, Proof
from maild.desk.matching import Evidence, Match, match, subject_numbers
from maild.desk.people import Person
from maild.desk.tokens import Key
from maild.desk.words import Role, Scope, State
from tests.desk import worlds as w

NOTIFIED = w.sent_to(w.ANA, Role.RESPONSIBLE)
NOTED = w.sent_to(w.ANA, Role.RESPONSIBLE, Scope.INTERNAL)
ACKNOWLEDGED = w.sent_to(w.CARLA, Role.REQUESTER)
KNOWN = w.snapshot(w.TICKET, sent=(NOTIFIED, ACKNOWLEDGED), ancestors={"<first@client.test>": (1,)})


def matched(mail: Mail, *to: str, known: object = KNOWN, **envelope: object) -> Match:
    return match(w.arrived(mail, *to, **envelope), known, w.RULEBOOK, Given(w.NOW, "f"))  # type: ignore[arg-type]


REQUESTERS = w.reply_address(w.CARLA, Role.REQUESTER)
AGENTS = w.reply_address(w.ANA, Role.RESPONSIBLE)


@pytest.mark.parametrize(
    ("mail", "to", "evidence", "proved"),
    [
        (w.mail(w.CARLA), REQUESTERS, Evidence.ADDRESS_TOKEN, True),
        (w.mail(w.CARLA), REQUESTERS.upper(), Evidence.ADDRESS_TOKEN, True),
        (w.mail(w.ANA), AGENTS, Evidence.ADDRESS_TOKEN, True),
        (w.mail(w.EVE), REQUESTERS, Evidence.ADDRESS_TOKEN, False),
        (w.mail(w.EVE), AGENTS, Evidence.NONE, False),
        (w.mail(w.CARLA), AGENTS, Evidence.NONE, False),
        (
            w.mail(w.CARLA, in_reply_to=(ACKNOWLEDGED.message_id,)),
            "support@acme.test",
            Evidence.MESSAGE_ID_TOKEN,
            True,
        ),
        (
            w.mail(w.ANA, references=("<x@y>", NOTIFIED.message_id)),
            "support@acme.test",
            Evidence.MESSAGE_ID_TOKEN,
            True,
        ),
        (w.mail(w.EVE, in_reply_to=(NOTIFIED.message_id,)), "support@acme.test", Evidence.NONE, False),
        (w.mail(w.CARLA, references=("<first@client.test>",)), "support@acme.test", Evidence.ANCESTOR, False),
        (w.mail(w.EVE, references=("<first@client.test>",)), "support@acme.test", Evidence.NONE, False),
        (w.mail(w.CARLA, subject="AW: RE: [Acme #1] Printer"), "support@acme.test", Evidence.SUBJECT, False),
        (w.mail(w.EVE, subject="[Acme #1] Printer"), "support@acme.test", Evidence.NONE, False),
        (w.mail(w.ANA, subject="[Acme #1] Printer"), "support@acme.test", Evidence.NONE, False),
        (
            w.mail(w.ANA, subject="[Acme #1] Printer", proof=w.PASS),
            "support@acme.test",
            Evidence.SUBJECT,
            False,
        ),
        (w.mail(w.CARLA, subject="[Acme #99] Printer"), "support@acme.test", Evidence.NONE, False),
        (w.mail(w.CARLA, proof=w.FAIL), REQUESTERS, Evidence.NONE, False),
        (w.mail(w.CARLA, from_=()), "support@acme.test", Evidence.NONE, False),
    ],
)
def test_evidence(mail: Mail, to: str, evidence: Evidence, proved: bool) -> None:
    found = matched(mail, to)
    assert (found.evidence, found.proved) == (evidence, proved)
    assert (found.ticket is not None) is (evidence is not Evidence.NONE)
    assert found.reasons


@pytest.mark.parametrize("subject", ["[Acme #1] Printer", "Re: [ACME#1] Printer", "WG: AW: [ acme #1 ] x"])
def test_a_strangers_number_is_only_related(subject: str) -> None:
    found = matched(w.mail(w.EVE, subject=subject))
    assert found.ticket is None
    assert found.related == (1,)


@pytest.mark.parametrize(
    ("subject", "numbers"),
    [
        ("[Acme #12] x", (12,)),
        ("[Acme #1] [acme #2] [Acme #1]", (1, 2)),
        ("[Other #1] #1 Acme #1", ()),
        ("[Acme #1234567890123]", ()),
    ],
)
def test_numbers_in_subjects(subject: str, numbers: tuple[int, ...]) -> None:
    assert subject_numbers(subject, "Acme") == numbers


def test_a_leaked_agents_token_is_told_and_threads_nothing() -> None:
    found = matched(w.mail(w.EVE), AGENTS)
    assert found.leaked == (w.ANA,)
    assert found.ticket is None


def test_a_token_of_another_ticket_gives_nothing_here() -> None:
    second = replace(w.TICKET, id=2, requester=w.PIA)
    found = matched(w.mail(w.CARLA, subject="[Acme #2] x"), REQUESTERS, known=w.snapshot(w.TICKET, second))
    assert found.ticket == w.TICKET
    assert found.related == (2,)


def test_stronger_evidence_wins_and_the_weaker_is_kept() -> None:
    second = replace(w.TICKET, id=2)
    found = matched(w.mail(w.CARLA, subject="[Acme #2] x"), REQUESTERS, known=w.snapshot(w.TICKET, second))
    assert found.ticket == w.TICKET
    assert any("weaker" in reason.evidence for reason in found.reasons)


def test_a_forged_token_is_no_evidence_and_no_refusal() -> None:
    forged = w.reply_address(w.CARLA, Role.REQUESTER, key=Key(1, b"x" * 32))
    assert matched(w.mail(w.CARLA), forged).ticket is None


def test_a_retired_key_threads_without_power() -> None:
    retired = replace(KNOWN, keys=(Key(2, b"n" * 32), Key(1, w.KEY.secret, w.NOW - timedelta(days=3))))
    found = matched(w.mail(w.ANA), AGENTS, known=retired)
    assert (found.ticket, found.proved) == (w.TICKET, False)


def test_an_unauthenticated_pipe_threads_without_power() -> None:
    found = matched(w.mail(w.ANA, proof=w.PASS), AGENTS, unauthenticated=True)
    assert (found.ticket, found.proved) == (w.TICKET, False)


def test_merges_are_followed() -> None:
    merged = replace(w.TICKET, state=State.MERGED, merged_into=2)
    target = replace(w.TICKET, id=2, merged_into=3, state=State.MERGED)
    last = replace(w.TICKET, id=3)
    found = matched(w.mail(w.CARLA), REQUESTERS, known=w.snapshot(merged, target, last))
    assert found.ticket == last


def test_a_circle_of_merges_ends() -> None:
    one, two = replace(w.TICKET, merged_into=2), replace(w.TICKET, id=2, merged_into=1)
    assert matched(w.mail(w.CARLA), REQUESTERS, known=w.snapshot(one, two)).ticket is not None


@pytest.mark.parametrize(
    ("first", "older", "scope"),
    [(NOTIFIED, NOTED, Scope.PUBLIC), (NOTED, NOTIFIED, Scope.INTERNAL)],
)
def test_the_mail_answered_says_whom_an_answer_reaches(first: object, older: object, scope: Scope) -> None:
    sent = w.snapshot(w.TICKET, sent=(NOTIFIED, NOTED))
    ids = (older.message_id, first.message_id)  # type: ignore[attr-defined]
    assert matched(w.mail(w.ANA, references=ids), known=sent).scope is scope


def test_when_address_and_message_disagree_the_answer_stays_inside() -> None:
    sent = w.snapshot(w.TICKET, sent=(NOTED,))
    assert matched(w.mail(w.ANA, in_reply_to=(NOTED.message_id,)), AGENTS, known=sent).scope is Scope.INTERNAL


def test_another_address_of_the_same_person_is_the_same_person() -> None:
    other = Person(1, "Carla", "carla@home.test")
    known = replace(KNOWN, people={**KNOWN.people, "carla@home.test": w.CARLA})
    assert matched(w.mail(other), REQUESTERS, known=known).proved


def test_our_own_mail_is_known_by_its_message_id_only() -> None:
    assert matched(w.mail(w.EVE, message_id=NOTIFIED.message_id)).ours
    assert not matched(w.mail(Person(9, "Acme", "support@acme.test"))).ours


@pytest.mark.parametrize("proof", [Proof(login="ana@acme.test"), Proof(login="ANA@acme.test")])
def test_a_login_as_the_agent_counts_as_a_pass(proof: Proof) -> None:
    assert matched(w.mail(w.ANA, subject="[Acme #1] x", proof=proof)).evidence is Evidence.SUBJECT
