"""Answers to and fro: how they find their ticket, whom they reach, what they change."""

from __future__ import annotations

import secrets

import pytest

from tests.way.desk import Desk
from tests.way.letters import answer, letter
from tests.way.relay import Received

ANA, BEN, CHEN = "Ana Ruiz <ana@acme.test>", "Ben Okoro <ben@acme.test>", "Chen Li <chen@acme.test>"
ASKED = "Hello, the door of our server room does not open any more since yesterday. Who can help us?"


def open_ticket(desk: Desk, customer: str, subject: str) -> tuple[Received, Received]:
    """The acknowledgement, and Ana's notification."""
    _, acknowledged = desk.ask(customer, subject, ASKED)
    return acknowledged, desk.told("ana@acme.test", acknowledged.number)


def answered(desk: Desk, customer: str, subject: str, text: str = "Please use the spare key.") -> tuple[Received, Received, Received]:  # fmt: skip
    """The acknowledgement, Ana's notification, and her answer as the customer gets it."""
    acknowledged, told = open_ticket(desk, customer, subject)
    desk.smtp(answer(told, ANA, text))
    return acknowledged, told, desk.gets(customer, lambda mail: text in mail.text)


def test_a_whole_conversation(desk: Desk) -> None:
    customer = "Carla Gómez <carla@globex.test>"
    acknowledged, _, reply = answered(desk, customer, "The door")
    number = acknowledged.number
    assert reply["Subject"] == f"[Acme #{number}] The door"
    assert reply.mail["From"].addresses[0].addr_spec == "support@acme.test"
    assert reply["Auto-Submitted"] == reply["Precedence"] == ""
    assert reply.mail.get_content_type() == "multipart/alternative"
    ticket = desk.ticket(number)
    assert (ticket["state"], ticket["assignee"]) == ("open", "ana@acme.test")

    desk.smtp(answer(reply, customer, "The spare key is broken, too."))
    back = desk.told("ana@acme.test", number, "The spare key is broken")
    assert "goes to Carla Gómez" in back.text
    desk.smtp(answer(back, ANA, "#solve\nThen we send the locksmith."))
    end = desk.gets(customer, lambda mail: "locksmith" in mail.text)
    assert "#solve" not in end.text
    desk.quiet()
    ticket = desk.ticket(number)
    assert ticket["state"] == "solved"
    people = [(one["direction"], one["text"].splitlines()[0]) for one in ticket["messages"] if one["kind"] == "person"]  # fmt: skip
    assert people == [
        ("in", ASKED),
        ("out", "Please use the spare key."),
        ("in", "The spare key is broken, too."),
        ("out", "Then we send the locksmith."),
    ]
    assert {one["delivery"] for one in ticket["messages"] if one["direction"] == "out"} == {"sent"}
    after = answer(end, customer, "The locksmith did not come!")
    desk.smtp(after)
    desk.told("ana@acme.test", number, "did not come")
    assert desk.ticket(number)["state"] == "open"


def test_references_thread_in_the_recipients_own_chain(desk: Desk) -> None:
    customer = "chain@globex.test"
    request, acknowledged = desk.ask(customer, "Chain", ASKED)
    told = desk.told("ana@acme.test", acknowledged.number)
    desk.smtp(answer(told, ANA, "First answer."))
    first = desk.gets(customer, lambda mail: "First answer." in mail.text)
    assert first["References"].split() == [request["Message-ID"], acknowledged["Message-ID"]]
    assert first["In-Reply-To"] == request["Message-ID"]
    again = answer(first, customer, "And then?")
    desk.smtp(again)
    back = desk.told("ana@acme.test", acknowledged.number, "And then?")
    assert told["Message-ID"] in back["References"].split()
    assert first["Message-ID"] not in back["References"].split()
    desk.smtp(answer(back, ANA, "Second answer."))
    second = desk.gets(customer, lambda mail: "Second answer." in mail.text)
    assert second["In-Reply-To"] == again["Message-ID"]
    assert told["Message-ID"] not in second.everything()


@pytest.mark.parametrize(
    "subject", ["AW: RE: [Acme #{}] The lift", "[ACME #{}] other words", "Rv: [ acme #{} ]"]
)
def test_the_subject_tag_threads_for_the_requester(desk: Desk, subject: str) -> None:
    customer = f"tag{secrets.token_hex(3)}@globex.test"
    acknowledged, _ = open_ticket(desk, customer, "The lift")
    words = "From another mail program, without any references."
    desk.smtp(letter(customer, subject.format(acknowledged.number), words))
    desk.told("ana@acme.test", acknowledged.number, words)
    desk.quiet()
    assert len(desk.show("tickets", "--requester", customer)) == 1


def test_a_reference_threads_for_the_requester(desk: Desk) -> None:
    customer = "ref@globex.test"
    request, acknowledged = desk.ask(customer, "By reference", ASKED)
    more = {"References": f"<x@globex.test> {request['Message-ID']}"}
    desk.smtp(letter(customer, "no tag here", "One thing I forgot to say.", headers=more))
    desk.told("ana@acme.test", acknowledged.number, "One thing I forgot")
    desk.quiet()
    assert len(desk.show("tickets", "--requester", customer)) == 1


def test_the_token_threads_whoever_writes_and_the_agent_is_told_who_it_was(desk: Desk) -> None:
    acknowledged, _ = open_ticket(desk, "boss@globex.test", "By token")
    note = letter("secretary@globex.test", "whatever", "My boss asks me to add this.", to=acknowledged.reply_address.upper())  # fmt: skip
    desk.smtp(note, to=acknowledged.reply_address.upper())
    told = desk.told("ana@acme.test", acknowledged.number, "My boss asks me")
    assert "secretary@globex.test takes no part in this ticket" in told.text
    desk.quiet()
    assert desk.ticket(acknowledged.number)["participants"] == []


def test_a_stranger_with_the_number_gets_a_ticket_of_his_own(desk: Desk) -> None:
    acknowledged, _ = open_ticket(desk, "victim@globex.test", "Confidential")
    _, own = desk.ask("mallory@else.test", f"Re: [Acme #{acknowledged.number}] Confidential", "Tell me all about it, please.")  # fmt: skip
    assert own.number != acknowledged.number
    ticket = desk.ticket(own.number)
    assert ticket["links"] == [{"id": acknowledged.number, "kind": "related"}]
    assert ticket["requester"]["address"] == "mallory@else.test"
    told = desk.told("ana@acme.test", own.number)
    assert f"Possibly related: ticket {acknowledged.number}" in told.text
    assert all("Tell me all" not in one["text"] for one in desk.ticket(acknowledged.number)["messages"])
    desk.quiet()
    assert len(desk.relay.to("victim@globex.test")) == 1


def test_a_note_stays_inside(desk: Desk) -> None:
    acknowledged, told, _ = answered(desk, "note@globex.test", "Notes")
    desk.smtp(answer(told, ANA, "#note\nHe never pays his bills."))
    desk.quiet()
    ticket = desk.ticket(acknowledged.number)
    note = next(one for one in ticket["messages"] if "never pays" in one["text"])
    assert (note["direction"], note["public"], note["delivery"]) == ("in", False, None)
    assert not any("never pays" in mail.everything() for mail in desk.relay.to("note@globex.test"))


def test_a_colleagues_note_reaches_the_responsible_and_his_answer_to_it_is_internal(desk: Desk) -> None:
    acknowledged, _, _ = answered(desk, "note2@globex.test", "Notes among agents")
    number = acknowledged.number
    desk.smtp(answer(desk.told("ben@acme.test", number), BEN, "#note\nAsk the locksmith in Delft."))
    told = desk.told("ana@acme.test", number, "locksmith in Delft")
    assert "internal note; begin it with #public" in told.text
    desk.smtp(answer(told, ANA, "He is on holiday."))
    desk.quiet()
    ticket = desk.ticket(number)
    assert next(one for one in ticket["messages"] if "on holiday" in one["text"])["public"] is False
    desk.smtp(answer(told, ANA, "#public\nThe locksmith comes on Monday."))
    desk.gets("note2@globex.test", lambda mail: "comes on Monday" in mail.text)
    assert not any("holiday" in mail.everything() or "delft" in mail.everything()
                   for mail in desk.relay.to("note2@globex.test"))  # fmt: skip


def test_commands_change_the_ticket_and_are_not_sent(desk: Desk) -> None:
    acknowledged, told = open_ticket(desk, "cmd@globex.test", "Commands")
    desk.smtp(answer(told, ANA, "#priority 1\n#tag door broken\n#field product=flow\n#time 25m\n#team engineering\n\nOn our way."))  # fmt: skip
    reply = desk.gets("cmd@globex.test", lambda mail: "On our way" in mail.text)
    assert "#" not in reply.text.replace(f"[Acme #{reply.number}]", "")
    ticket = desk.ticket(acknowledged.number)
    assert (ticket["priority"], ticket["tags"], ticket["fields"]) == (
        1,
        ["door", "broken"],
        {"product": "flow"},
    )
    assert (ticket["minutes_spent"], ticket["team"], ticket["level"]) == (25, "engineering", 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#prioritty 1\nOn our way.", "did you mean priority?"),
        ("#priority 9\nOn our way.", "is not 1 to 5"),
        ("On our way.\n\n#solve", "a command stands where it is not one"),
        ("#field produkt=flow\nOn our way.", "did you mean product?"),
    ],
)
def test_one_wrong_line_and_nothing_is_done_and_the_agent_gets_all_back(
    desk: Desk, text: str, why: str
) -> None:
    customer = f"wrong{secrets.token_hex(3)}@globex.test"
    acknowledged, told = open_ticket(desk, customer, "Wrong lines")
    mail = answer(told, ANA, text)
    desk.smtp(mail)
    transcript = desk.gets("ana@acme.test", lambda one: one["In-Reply-To"] == mail["Message-ID"])
    assert transcript["Auto-Submitted"] == "auto-replied"
    assert why in transcript.text
    assert "On our way." in transcript.text
    desk.quiet()
    assert len(desk.relay.to(customer)) == 1
    ticket = desk.ticket(acknowledged.number)
    assert (ticket["state"], ticket["priority"], len(ticket["messages"])) == ("new", 3, 2)


def test_an_answer_to_somebody_elses_ticket_leaves_it_with_him(desk: Desk) -> None:
    acknowledged, _, _ = answered(desk, "owned@globex.test", "Owned")
    desk.smtp(answer(desk.told("ben@acme.test", acknowledged.number), BEN, "#send\nBen adds a word."))
    desk.gets("owned@globex.test", lambda mail: "Ben adds a word" in mail.text)
    assert desk.ticket(acknowledged.number)["assignee"] == "ana@acme.test"
    desk.told("ana@acme.test", acknowledged.number, "Ben adds a word")


def test_the_admin_on_the_host_acts_with_the_same_commands(desk: Desk) -> None:
    acknowledged, _ = open_ticket(desk, "host@globex.test", "From the host")
    number = str(acknowledged.number)
    done = desk.maild("ticket", number, "#assign ben@acme.test", "#tag door", "--json")
    assert done.returncode == 0, done.stderr
    assert desk.ticket(acknowledged.number)["assignee"] == "ben@acme.test"
    told = desk.gets("ben@acme.test", lambda mail: "You are now responsible" in mail.text and f"#{number}]" in mail["Subject"])  # fmt: skip
    assert ASKED in " ".join(told.text.split())
    refused = desk.maild("ticket", number, "assign", "bem@acme.test")
    assert refused.returncode == 65
    assert b"did you mean ben@acme.test" in refused.stderr
    desk.quiet()
    named = desk.relay.to("host@globex.test")[-1]
    assert "Ben Okoro" in named.text
    assert "ben@acme.test" not in named.everything()
