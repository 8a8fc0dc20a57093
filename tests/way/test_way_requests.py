"""Requesters close, reopen, and ask how things stand by a word."""

from __future__ import annotations

from tests.way.desk import Desk
from tests.way.letters import answer, letter


def test_close_reopen_and_status(desk: Desk) -> None:
    customer = "Vera <vera@globex.test>"
    _, acknowledged = desk.ask(customer, "The window", "The window does not shut.")
    number = acknowledged.number
    asked = answer(acknowledged, customer, "status?")
    desk.smtp(asked)
    told = desk.gets(customer, lambda mail: mail["In-Reply-To"] == asked["Message-ID"])
    assert "It has arrived and waits for its turn." in told.text
    assert told["Auto-Submitted"] == "auto-replied"
    assert "@acme.test" not in told.text.replace("support@acme.test", "")
    desk.smtp(answer(acknowledged, customer, "Please close, thanks!"))
    desk.quiet()
    assert desk.ticket(number)["state"] == "closed"
    desk.smtp(answer(acknowledged, customer, "Reopen"))
    desk.quiet()
    assert desk.ticket(number)["state"] == "open"


def test_without_evidence_it_is_only_a_word(desk: Desk) -> None:
    customer = "Will <will@globex.test>"
    _, acknowledged = desk.ask(customer, "The roof", "The roof leaks.")
    number = acknowledged.number
    for word in ("close", "status"):
        desk.smtp(letter(customer, f"Re: [Acme #{number}] The roof", word))
    desk.quiet()
    ticket = desk.ticket(number)
    assert ticket["state"] == "new"
    assert [one["text"].strip() for one in ticket["messages"] if one["kind"] == "person"][1:] == ["close", "status"]  # fmt: skip


def test_help(desk: Desk) -> None:
    _, told = desk.ask("Xenia <xenia@initech.test>", "help", "")
    assert "one request, one mail" in told.text.lower()
    assert told["Subject"] == "How to work with Acme Support"
    desk.quiet()
    assert "xenia@initech.test" not in [one["requester"]["address"] for one in desk.show("tickets")]
