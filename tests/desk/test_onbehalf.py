"""Agents who open tickets for others: forwarded mail, their own mail to customers, calls that they log."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from maild.desk.effects import NEW, AddMessage, ChangeTicket, Decision, Link, OpenTicket, Tell
from maild.desk.facts import Address, Attachment, Forwarded, Kind
from maild.desk.people import Person, Ticket
from maild.desk.words import Role, State
from tests.desk import worlds as w

DAN = Address("Dan Wu", "dan@initech.test")
LOU = Person(6, "Lou", "lou@acme.test")
DESK = Address("", "support@acme.test")
SENT = w.NOW - timedelta(hours=3)


def forward(
    above: str = "Please look.", text: str = "Our door is broken.", sender: Any = w.ANA, **facts: Any
) -> Any:
    """An agent's mail that passes Dan's on."""
    original = Forwarded(facts.pop("from_", DAN), "Re: Broken door", "Monday", text, SENT, above, facts.pop("original_id", None))  # fmt: skip
    whole = f"{above}\n\n---------- Forwarded message ----------\nFrom: Dan Wu <dan@initech.test>\n\n{text}"
    plain: dict[str, Any] = {"subject": "Fwd: Broken door", "forwarded": original, "proof": w.PASS, "cc": (Address("", "eva@initech.test"),)}  # fmt: skip
    return w.mail(sender, whole, **(plain | facts))


def decided(mail: Any, *tickets: Ticket, to: str = "support@acme.test", **known: Any) -> Decision:
    return w.decided(w.arrived(mail, to), w.snapshot(*tickets, **known))


def changes(decision: Decision) -> dict[str, object]:
    return {change.name: change.new for effect in w.only(decision, ChangeTicket) for change in effect.changes}


def outside(decision: Decision) -> list[Tell]:
    return [tell for tell in w.only(decision, Tell) if tell.role.outside]


def test_a_forward_opens_the_customers_ticket() -> None:
    decision = decided(forward())
    [opened] = w.only(decision, OpenTicket)
    assert (opened.subject, opened.requester, opened.received_at) == ("Broken door", DAN, w.NOW)
    note, message = w.only(decision, AddMessage)
    assert (note.author.key, note.public, note.part, note.text) == ("ana@acme.test", False, True, "Please look.")  # fmt: skip
    assert (message.author, message.direction, message.public, message.text) == (DAN, "in", True, "Our door is broken.")  # fmt: skip
    assert message.original is not None
    assert (message.original.subject, message.original.at) == ("Re: Broken door", SENT)
    assert message.by == Address("Ana Ruiz", "ana@acme.test")


def test_the_customer_is_told_that_it_was_opened_for_him_and_no_more() -> None:
    decision = decided(forward())
    [told] = outside(decision)
    assert (told.to, told.template, told.opened_for_you, told.public, told.lines) == (DAN, "acknowledgement", True, True, ())  # fmt: skip
    agents = [tell for tell in w.only(decision, Tell) if not tell.role.outside]
    assert {tell.to.key for tell in agents} == {"ben@acme.test", "lou@acme.test", "chen@acme.test"}
    assert all("Please look." in tell.lines for tell in agents)


def test_nobody_in_copy_of_a_forward_takes_part_and_nobody_owns_it() -> None:
    decision = decided(forward())
    assert "assignee" not in changes(decision)
    assert not [effect for effect in decision.effects if type(effect).__name__ == "AddParticipants"]


def test_commands_above_a_forward_hold_for_the_new_ticket() -> None:
    decision = decided(forward("#priority 1\n#tag door\n#assign ben@acme.test\nHe is important."))
    wanted = {"priority": 1, "tags": ("door",), "assignee": "ben@acme.test"}
    assert wanted.items() <= changes(decision).items()
    assert w.only(decision, AddMessage)[0].text == "He is important."
    assert w.told(decision)["ben@acme.test"] == "assigned"


@pytest.mark.parametrize("above", ["#priority 9", "#frobnicate", "#merge 1", "#public", "Hello\n#tag late"])
def test_a_wrong_line_above_a_forward_opens_nothing(above: str) -> None:
    decision = decided(forward(above), w.TICKET)
    assert not w.only(decision, OpenTicket)
    assert w.told(decision) == {"ana@acme.test": "transcript"}
    assert [message.ticket for message in w.only(decision, AddMessage)] == [None]


@pytest.mark.parametrize(
    ("facts", "requester"),
    [
        ({"proof": w.FAIL}, "ana@acme.test"),
        ({"proof": replace(w.PASS, dmarc="none")}, "ana@acme.test"),
        ({"sender": w.EVE}, "eve@evil.test"),
        ({"from_": None}, "ana@acme.test"),
        ({"from_": Address("Dan", "")}, "ana@acme.test"),
        ({"from_": Address("", "support@acme.test")}, "ana@acme.test"),
        ({"from_": Address("Ben", "ben@acme.test")}, "ana@acme.test"),
    ],
)
def test_anything_else_is_a_mail_of_its_sender(facts: dict[str, Any], requester: str) -> None:
    [opened] = w.only(decided(forward(cc=(), **facts)), OpenTicket)
    assert opened.requester.key == requester


def test_a_robot_is_not_acknowledged() -> None:
    decision = decided(forward(from_=Address("", "no-reply@shop.test")))
    assert w.only(decision, OpenTicket)
    assert not outside(decision)


@pytest.mark.parametrize("known", ["id", "thread", "tag"])
def test_a_forward_of_what_is_a_ticket_already_is_a_note_there(known: str) -> None:
    ticket = replace(w.TICKET, requester=Person(9, DAN.name, DAN.address))
    facts: dict[str, dict[str, Any]] = {
        "id": {"original_id": "<o@initech.test>"},
        "thread": {"references": ("<o@initech.test>",)},
        "tag": {"subject": "Fwd: [Acme #1] Broken door"},
    }
    decision = decided(
        forward("#tag door\nOnce more.", **facts[known]),
        ticket,
        ancestors={} if known == "tag" else {"<o@initech.test>": (1,)},
    )
    assert not w.only(decision, OpenTicket)
    [message] = w.only(decision, AddMessage)
    assert (message.ticket, message.public, message.author.key) == (1, False, "ana@acme.test")
    assert (
        message.text
        == "Once more.\n\nDan Wu <dan@initech.test>, Monday: Re: Broken door\n\nOur door is broken."
    )
    assert changes(decision)["tags"] == ("door",)
    assert w.told(decision)["ana@acme.test"] == "transcript"
    assert not outside(decision)


def test_a_thread_with_a_customers_token_does_not_make_a_forward_public() -> None:
    ticket = replace(w.TICKET, requester=w.CARLA)
    ours = w.sent_to(w.CARLA, Role.REQUESTER)
    mail = forward(from_=Address("Carla", "carla@globex.test"), references=(ours.message_id,))
    decision = decided(mail, ticket, sent=(ours,))
    assert not outside(decision)
    assert [message.public for message in w.only(decision, AddMessage)] == [False]


def test_a_tag_of_another_ones_ticket_is_only_related() -> None:
    decision = decided(forward(subject="Fwd: [Acme #1] Broken door"), w.TICKET)
    assert w.only(decision, OpenTicket)
    assert w.only(decision, Link) == [Link(NEW, 1, "related")]


def test_a_forward_to_a_reply_address_is_an_answer() -> None:
    decision = decided(forward(), w.TICKET, to=w.reply_address(w.ANA, Role.RESPONSIBLE))
    assert not w.only(decision, OpenTicket)
    assert [tell.to.key for tell in outside(decision)] == ["carla@globex.test"]


@pytest.mark.parametrize("mail", [forward(sender=LOU), w.mail(LOU, to=(DAN,), cc=(DESK,), proof=w.PASS)])
def test_a_light_agent_opens_nothing_for_others(mail: Any) -> None:
    decision = decided(mail)
    assert not w.only(decision, OpenTicket)
    assert w.told(decision) == {"lou@acme.test": "transcript"}


def test_an_agents_mail_to_a_customer_opens_the_customers_ticket() -> None:
    eva = Address("Eva", "eva@initech.test")
    mail = w.mail(
        w.ANA, "Your invoice is wrong.", to=(DAN, eva), cc=(DESK,), proof=w.PASS, subject="Re: Invoice"
    )
    decision = decided(mail)
    [opened] = w.only(decision, OpenTicket)
    assert (opened.requester, opened.subject) == (DAN, "Invoice")
    [message] = w.only(decision, AddMessage)
    assert (message.direction, message.public, message.heard) == ("out", True, (DAN, eva))
    done = changes(decision)
    assert (done["assignee"], done["first_response_at"], done["state"]) == ("ana@acme.test", w.NOW, State.OPEN)  # fmt: skip
    [told] = outside(decision)
    assert (told.to, told.template, told.opened_for_you) == (DAN, "acknowledgement", True)


@pytest.mark.parametrize(
    ("to", "cc", "requester"),
    [
        ((DAN,), (), "dan@initech.test"),
        ((DAN, DESK), (), "dan@initech.test"),
        ((DESK,), (DAN,), "ana@acme.test"),
        ((Address("", "ben@acme.test"), DESK), (), "ana@acme.test"),
        ((Address("", "ben@acme.test"),), (DAN, DESK), "dan@initech.test"),
        ((Address("", "no-reply@shop.test"),), (DESK,), "ana@acme.test"),
    ],
)
def test_whose_ticket_it_is(to: tuple[Address, ...], cc: tuple[Address, ...], requester: str) -> None:
    [opened] = w.only(decided(w.mail(w.ANA, to=to, cc=cc, proof=w.PASS)), OpenTicket)
    assert opened.requester.key == requester


def test_without_evidence_it_is_the_strangers_own() -> None:
    [opened] = w.only(decided(w.mail(w.ANA, to=(DAN,), cc=(DESK,))), OpenTicket)
    assert opened.requester.key == "ana@acme.test"


def test_an_own_message_id_that_shows_the_agent_stays_out_of_others_chains() -> None:
    mail = w.mail(w.ANA, to=(DAN,), cc=(DESK,), proof=w.PASS, message_id="<1.ana@acme.test>")
    assert w.only(decided(mail), AddMessage)[0].heard == ()


def test_an_answer_to_all_by_the_agent_himself_is_public_and_not_sent_again() -> None:
    ticket = replace(w.TICKET, participants=(w.PIA,), first_response_at=w.NOW)
    mail = w.mail(w.ANA, "Corrected.", to=(Address("", "carla@globex.test"),), cc=(DESK,), references=("<a@x>",), proof=w.PASS)  # fmt: skip
    decision = decided(mail, ticket, ancestors={"<a@x>": (1,)})
    [message] = w.only(decision, AddMessage)
    assert (message.direction, message.public) == ("out", True)
    assert [tell.to.key for tell in outside(decision)] == ["pia@globex.test"]


def test_what_must_not_leave_is_not_sent_to_the_others() -> None:
    ticket = replace(w.TICKET, participants=(w.PIA,), first_response_at=w.NOW)
    mail = w.mail(w.ANA, "Write to ana@acme.test", to=(Address("", "carla@globex.test"),), cc=(DESK,), references=("<a@x>",), proof=w.PASS)  # fmt: skip
    assert not outside(decided(mail, ticket, ancestors={"<a@x>": (1,)}))


def test_an_agents_own_request_with_commands() -> None:
    decision = decided(w.mail(w.ANA, "#priority 2\n#tag laptop\nI need a laptop", proof=w.PASS))
    [opened] = w.only(decision, OpenTicket)
    assert opened.requester.key == "ana@acme.test"
    assert [message.text for message in w.only(decision, AddMessage)] == ["I need a laptop"]
    assert {"priority": 2, "tags": ("laptop",)}.items() <= changes(decision).items()


@pytest.mark.parametrize(
    "text", ["#priority 9\nI need a laptop", "#send\nI need a laptop", "I need\n#tag a laptop"]
)
def test_an_own_request_with_a_wrong_line(text: str) -> None:
    decision = decided(w.mail(w.ANA, text, proof=w.PASS))
    refused = text.startswith("#")
    assert bool(w.only(decision, OpenTicket)) is not refused
    assert ("transcript" in w.told(decision).values()) is refused


def test_a_call_that_is_logged() -> None:
    decision = decided(w.mail(w.ANA, "#requester dan@initech.test\nDan called.", proof=w.PASS))
    [opened] = w.only(decision, OpenTicket)
    assert opened.requester.key == "dan@initech.test"
    assert [(message.public, message.author.key) for message in w.only(decision, AddMessage)] == [(False, "ana@acme.test")]  # fmt: skip
    [told] = outside(decision)
    assert told.opened_for_you


def test_automatic_mail_opens_nothing_for_others() -> None:
    decision = decided(forward(kind=Kind.AUTO_REPLY))
    assert not w.only(decision, OpenTicket)


def test_files_go_with_a_forward() -> None:
    files = (Attachment("door.jpg", "image/jpeg", 9, False, "0" * 64),)
    assert w.only(decided(forward(attachments=files)), OpenTicket)
