"""Agents ask the desk by mail, from their own mail programs."""

from __future__ import annotations

import pytest

from tests.way.desk import Desk
from tests.way.letters import answer, letter

ANA, CHEN = "Ana Ruiz <ana@acme.test>", "Chen Li <chen@acme.test>"
PASS = {"Authentication-Results": "mx.acme.test; dmarc=pass header.from=acme.test"}


@pytest.fixture(scope="module")
def number(desk: Desk) -> int:
    """A ticket to ask about."""
    _, acknowledged = desk.ask("Carla <carla@globex.test>", "The boiler", "The boiler is cold and we freeze.")
    return acknowledged.number


@pytest.mark.parametrize(
    ("question", "words"),
    [("list", "The boiler"), ("list new", "Carla"), ("search boiler freeze", "The boiler"), ("report", "Opened"), ("help", "list mine"), ("lsit", "Did you mean: list")],
)  # fmt: skip
def test_the_answer_comes_by_mail(desk: Desk, number: int, question: str, words: str) -> None:
    asked = letter(CHEN, question, "", headers=PASS | {"Reply-To": "elsewhere@evil.test"})
    desk.smtp(asked)
    told = desk.gets(CHEN, lambda mail: mail["In-Reply-To"] == asked["Message-ID"])
    assert words in told.text
    assert told["Auto-Submitted"] == "auto-replied"
    desk.quiet()
    assert not [mail for mail in desk.relay.mails if "evil.test" in mail.recipient]
    assert len(desk.show("tickets")) == 1


def test_show_and_an_answer_to_it(desk: Desk, number: int) -> None:
    asked = letter(CHEN, f"show {number}", "", headers=PASS)
    desk.smtp(asked)
    told = desk.gets(CHEN, lambda mail: mail["In-Reply-To"] == asked["Message-ID"])
    assert "we freeze" in told.text
    desk.smtp(answer(told, CHEN, "I know this boiler."))
    desk.told("ana@acme.test", number, "I know this boiler.")
    desk.quiet()
    assert not [mail for mail in desk.relay.mails if mail.recipient == "carla@globex.test" and "I know this boiler" in mail.text]  # fmt: skip


def test_away_and_back(desk: Desk, number: int) -> None:
    gone = letter(ANA, "Holidays", "#away until Monday", headers=PASS)
    desk.smtp(gone)
    assert "You are away until" in desk.gets(ANA, lambda mail: mail["In-Reply-To"] == gone["Message-ID"]).text
    assert [one["agent"] for one in desk.show("status")["away"]] == ["ana@acme.test"]
    there = letter(ANA, "Here", "#back", headers=PASS)
    desk.smtp(there)
    assert "You are back" in desk.gets(ANA, lambda mail: mail["In-Reply-To"] == there["Message-ID"]).text
    assert desk.show("status")["away"] == []


def test_a_strangers_question_is_just_a_mail(desk: Desk, number: int) -> None:
    _, acknowledged = desk.ask("Uwe <uwe@initech.test>", f"show {number}", "")
    assert acknowledged.number != number
    desk.smtp(letter(ANA, f"show {number}", ""))
    desk.quiet()
    shown = [
        mail for mail in desk.relay.mails if mail.recipient == "ana@acme.test" and "we freeze" in mail.text
    ]
    assert all("[Acme #" in mail["Subject"] and mail["Auto-Submitted"] == "auto-generated" for mail in shown)
