"""Tickets that agents open for customers by mail: forwards, and mails of their own with the desk in copy."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage

from tests.way.desk import Desk
from tests.way.letters import DESK, answer, letter

ANA = "Ana Ruiz <ana@acme.test>"
PASS = {"Authentication-Results": "mx.acme.test; dmarc=pass header.from=acme.test"}
PASSED_ON = """\
She is an old friend, be nice.

-------- Forwarded Message --------
Subject: The lift
Date: Mon, 2 Nov 2026 08:00:00 +0100
From: Petra Lang <{customer}>
To: ana@acme.test

Hello Ana,

the lift is stuck between two floors.
"""


def passed_on(customer: str) -> EmailMessage:
    return letter(ANA, "Fwd: The lift", PASSED_ON.format(customer=customer), headers=PASS)


def test_a_forward_and_the_customers_answer(desk: Desk) -> None:
    desk.smtp(passed_on("petra@initech.test"))
    told = desk.gets("petra@initech.test")
    assert "opened a request for you" in told.text
    assert told["Subject"] == f"[Acme #{told.number}] The lift"
    assert "ana@acme.test" not in told.everything()
    assert "friend" not in told.everything()
    ticket = desk.ticket(told.number)
    assert (ticket["requester"]["address"], ticket["assignee"]) == ("petra@initech.test", None)
    original, note = ticket["messages"][:2]
    assert original["text"].startswith("Hello Ana,")
    assert (original["at"], original["public"]) == ("2026-11-02T07:00:00Z", True)
    assert (note["text"], note["public"], note["from"]) == ("She is an old friend, be nice.", False, "ana@acme.test")  # fmt: skip
    desk.smtp(answer(told, "Petra Lang <petra@initech.test>", "It moves again."))
    desk.told("ben@acme.test", told.number, "It moves again.")


def test_an_attached_forward(desk: Desk) -> None:
    inner = letter("Quim <quim@initech.test>", "The lamp", "The lamp is dark.", to="ana@acme.test")
    outer = letter(ANA, "Fwd: The lamp", "For you.", headers=PASS)
    outer.add_attachment(inner)
    desk.smtp(outer.as_bytes(policy=policy.SMTP), sender="ana@acme.test")
    told = desk.gets("quim@initech.test")
    assert told["In-Reply-To"] == inner["Message-ID"]
    assert desk.ticket(told.number)["messages"][0]["text"].strip() == "The lamp is dark."


def test_from_anybody_else_it_is_a_mail_of_theirs(desk: Desk) -> None:
    forged = passed_on("ruth@initech.test")
    del forged["Authentication-Results"]
    desk.smtp(forged)
    desk.smtp(
        letter("Sven <sven@initech.test>", "Fwd: The lift", PASSED_ON.format(customer="ruth@initech.test"))
    )
    own = desk.gets("sven@initech.test")
    desk.quiet()
    assert desk.ticket(own.number)["requester"]["address"] == "sven@initech.test"
    assert not [mail for mail in desk.relay.mails if mail.recipient == "ruth@initech.test"]


def test_a_mail_of_the_agents_own_with_the_desk_in_copy(desk: Desk) -> None:
    customer = "Tara <tara@initech.test>"
    sent = letter(ANA, "Your visit", "Dear Tara, come at nine.", to=customer, cc=DESK, headers=PASS)
    desk.smtp(sent)
    told = desk.gets(customer)
    assert "opened a request for you" in told.text
    assert "ana@acme.test" not in told.everything()
    assert "come at nine" not in told.everything()
    desk.quiet()
    ticket = desk.ticket(told.number)
    assert (ticket["assignee"], ticket["state"]) == ("ana@acme.test", "open")
    first = ticket["messages"][0]
    assert (first["direction"], first["public"], first["delivery"]) == ("out", True, None)
    back = letter(customer, "Re: Your visit", "I shall.", to=ANA, cc=DESK, headers={"In-Reply-To": sent["Message-ID"]})  # fmt: skip
    desk.smtp(back)
    desk.told("ana@acme.test", told.number, "I shall.")
