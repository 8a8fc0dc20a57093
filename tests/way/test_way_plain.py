"""reply_address = "plain": the token is in the Message-ID only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.way.desk import Desk
from tests.way.letters import answer, bounce_of, letter
from tests.way.relay import Relay

ANA = "Ana Ruiz <ana@acme.test>"
ASKED = "Hello, our stapler has vanished again, and so has the one of the neighbours. What now?"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, relay: Relay) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("p") / "desk", relay, reply_address="plain")
    made.start()
    yield made
    made.end()


def test_a_conversation_without_tokens_in_addresses(desk: Desk) -> None:
    customer = "carla@globex.test"
    _, acknowledged = desk.ask(customer, "Stapler", ASKED)
    assert acknowledged.reply_address == "support@acme.test"
    assert acknowledged.sender == ""
    told = desk.told("ana@acme.test", acknowledged.number)
    assert (told.reply_address, told.sender) == ("support@acme.test", "")
    desk.smtp(answer(told, ANA, "#state pending\nWe have a new one for you."))
    reply = desk.gets(customer, lambda mail: "a new one" in mail.text)
    assert (reply.reply_address, reply.sender) == ("support@acme.test", "support@acme.test")
    assert "+" not in reply["Reply-To"]
    desk.smtp(answer(reply, customer, "Thank you very much."))
    desk.told("ana@acme.test", acknowledged.number, "Thank you very much")
    desk.quiet()
    ticket = desk.ticket(acknowledged.number)
    assert (ticket["state"], ticket["assignee"]) == ("open", "ana@acme.test")


def test_an_agent_without_the_message_id_answered_is_nobody(desk: Desk) -> None:
    customer = "otto@globex.test"
    _, acknowledged = desk.ask(customer, "Nobody", ASKED)
    desk.smtp(letter(ANA, acknowledged["Subject"], "#solve\nI found it."))
    desk.gets("ana@acme.test", lambda mail: "without proof" in mail.text)
    desk.quiet()
    assert desk.ticket(acknowledged.number)["state"] == "new"
    assert len(desk.relay.to(customer)) == 1


def test_a_bounce_that_only_names_our_message_id_marks_the_delivery_and_no_more(desk: Desk) -> None:
    """Everybody who knows the Message-ID could have written it."""
    customer = "gone@globex.test"
    _, acknowledged = desk.ask(customer, "Gone", ASKED)
    desk.smtp(answer(desk.told("ana@acme.test", acknowledged.number), ANA, "#state pending\nIs it back?"))
    reply = desk.gets(customer, lambda mail: "Is it back" in mail.text)
    desk.quiet()
    desk.smtp(bounce_of(reply), to="support@acme.test", sender="")
    desk.quiet()
    ticket = desk.ticket(acknowledged.number)
    assert ticket["state"] == "pending"
    assert [one["delivery"] for one in ticket["messages"] if "Is it back" in one["text"]] == ["failed"]
    assert len(desk.show("tickets", "--requester", customer)) == 1
