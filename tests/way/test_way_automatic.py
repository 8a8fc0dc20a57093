"""Automatic mail: it changes nothing, is not answered, and no two desks talk for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from tests.way.desk import CONFIG, Desk, until
from tests.way.letters import answer, bounce_of, letter
from tests.way.relay import Received, Relay

ANA = "Ana Ruiz <ana@acme.test>"
ASKED = "Hello, the heating in our office has been off since the weekend and it is getting cold."


def answered(desk: Desk, customer: str, subject: str, text: str) -> tuple[Received, Received]:
    """The acknowledgement, and Ana's answer as the customer gets it."""
    _, acknowledged = desk.ask(customer, subject, ASKED)
    desk.smtp(answer(desk.told("ana@acme.test", acknowledged.number), ANA, text))
    return acknowledged, desk.gets(customer, lambda mail: text.splitlines()[-1] in mail.text)


def test_an_out_of_office_changes_nothing(desk: Desk) -> None:
    customer = "away@globex.test"
    acknowledged, reply = answered(desk, customer, "Heating", "#state pending\nWe are on our way.")
    desk.quiet()
    before, mails = desk.ticket(acknowledged.number), len(desk.relay.mails)
    assert before["state"] == "pending"
    away = answer(
        reply, customer, "I am on holiday until Monday.", headers={"Auto-Submitted": "auto-replied"}
    )
    desk.smtp(away)
    desk.quiet()
    after = desk.ticket(acknowledged.number)
    changed = {name for name in before if before[name] != after[name]} - {"messages", "events"}
    assert changed <= {"updated_at"}
    assert len(desk.relay.mails) == mails
    assert after["messages"][-1]["kind"] == "auto-reply"
    assert len(after["messages"]) == len(before["messages"]) + 1


def test_an_out_of_office_from_nowhere_opens_no_ticket(desk: Desk) -> None:
    desk.smtp(letter("vacant@globex.test", "Automatic reply: Your offer", "I am away.", headers={"Auto-Submitted": "auto-replied"}))  # fmt: skip
    desk.quiet()
    assert desk.show("tickets", "--requester", "vacant@globex.test") == []
    assert desk.relay.to("vacant@globex.test") == []


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("generated", {"Auto-Submitted": "auto-generated"}),
        ("bulk", {"Precedence": "bulk"}),
        ("list", {"List-Id": "<news.globex.test>"}),
        ("oof", {"X-Auto-Response-Suppress": "OOF, DR"}),
        ("all", {"X-Auto-Response-Suppress": "All"}),
        ("spam", {"X-Spam-Flag": "YES"}),
        ("dmarc", {"Authentication-Results": "mx.acme.test; dmarc=fail header.from=globex.test"}),
        ("noreply", {"From": "no-reply@globex.test"}),
    ],
)
def test_what_may_not_be_answered_opens_a_ticket_without_acknowledgement(desk: Desk, name: str, headers: dict[str, str]) -> None:  # fmt: skip
    subject = f"Not to be answered: {name}"
    desk.smtp(letter(f"auto-{name}@globex.test", subject, ASKED, headers=headers))
    told = desk.gets("chen@acme.test", lambda mail: subject in mail["Subject"])
    desk.quiet()
    ticket = desk.ticket(told.number)
    assert ticket["state"] == "new"
    assert desk.relay.to(ticket["requester"]["address"]) == []


def test_the_null_sender_is_not_answered(desk: Desk) -> None:
    desk.smtp(letter("null@globex.test", "From nowhere", ASKED), sender="")
    desk.gets("chen@acme.test", lambda mail: "From nowhere" in mail["Subject"])
    desk.quiet()
    assert desk.relay.to("null@globex.test") == []


def test_the_acknowledgement_goes_to_the_requester_not_to_the_envelope_sender(desk: Desk) -> None:
    desk.smtp(letter("person@globex.test", "Envelope", ASKED), sender="bounces+123@globex.test")
    desk.gets("person@globex.test")
    desk.quiet()
    assert desk.relay.to("bounces+123@globex.test") == []


def test_a_bounce_of_an_answer_marks_it_failed_reopens_and_tells(desk: Desk) -> None:
    customer = "gone@globex.test"
    acknowledged, reply = answered(desk, customer, "Gone", "#state pending\nPlease call us.")
    desk.smtp(bounce_of(reply), to=reply.sender)
    told = desk.told("ana@acme.test", acknowledged.number, "could not be delivered")
    assert "5.1.1" in told.text
    desk.quiet()
    ticket = desk.ticket(acknowledged.number)
    assert ticket["state"] == "open"
    failed = next(one for one in ticket["messages"] if "Please call us" in one["text"] and one["direction"] == "out")  # fmt: skip
    assert failed["delivery"] == "failed"
    assert len(desk.show("tickets", "--requester", customer)) == 1
    assert len(desk.relay.to(customer)) == 2  # the acknowledgement and the answer: nothing about the bounce


def test_a_delay_is_no_failure(desk: Desk) -> None:
    customer = "slow@globex.test"
    acknowledged, reply = answered(desk, customer, "Slow", "#state pending\nPlease wait for us.")
    desk.quiet()
    desk.smtp(bounce_of(reply, permanent=False), to=reply.sender)
    desk.quiet()
    ticket = desk.ticket(acknowledged.number)
    assert ticket["state"] == "pending"
    assert {one["delivery"] for one in ticket["messages"] if one["direction"] == "out"} == {"sent"}


def test_a_bounce_address_gives_no_rights_and_is_never_answered(desk: Desk) -> None:
    customer = "probe@globex.test"
    acknowledged, reply = answered(desk, customer, "Probe", "#state pending\nYour turn.")
    desk.quiet()
    desk.smtp(
        letter("mallory@else.test", "Hi", "I write to the bounce address.", to=reply.sender), to=reply.sender
    )
    desk.quiet()
    ticket = desk.ticket(acknowledged.number)
    assert ticket["state"] == "pending"
    assert not any("bounce address" in one["text"] and one["public"] for one in ticket["messages"])
    assert desk.relay.to("mallory@else.test") == []


def test_a_bounce_of_a_notification_is_told_to_the_team_not_to_the_requester(desk: Desk) -> None:
    customer = "calm@globex.test"
    _, acknowledged = desk.ask(customer, "Calm", ASKED)
    told = desk.told("ben@acme.test", acknowledged.number)
    desk.smtp(bounce_of(told), to=told.sender)
    desk.gets("ana@acme.test", lambda mail: "ben@acme.test cannot be delivered" in mail.text)
    desk.quiet()
    assert len(desk.relay.to(customer)) == 1
    assert desk.ticket(acknowledged.number)["state"] == "new"


def test_our_own_mail_that_comes_back_opens_nothing(desk: Desk) -> None:
    customer = "mirror@globex.test"
    acknowledged, reply = answered(desk, customer, "Mirror", "Here is your mirror.")
    tickets = len(desk.show("tickets"))
    desk.smtp(reply.raw, sender="forwarder@globex.test")
    desk.smtp(acknowledged.raw, sender="forwarder@globex.test")
    desk.quiet()
    assert len(desk.show("tickets")) == tickets
    assert len(desk.relay.to(customer)) == 2


def test_ten_automatic_mails_an_hour_to_one_address_and_no_more(desk: Desk) -> None:
    for number in range(13):
        desk.smtp(letter("flood@globex.test", f"Flood {number}", f"{ASKED} This is number {number}."))
    desk.quiet()
    assert len(desk.show("tickets", "--requester", "flood@globex.test")) == 13
    assert len(desk.relay.to("flood@globex.test")) == 10


def test_two_desks_that_write_to_each_other_fall_silent(new_desk: Callable[..., Desk], world: Relay) -> None:
    """Ours writes to one that is also a maild: an acknowledgement each, and then silence."""
    other = CONFIG.replace("acme.test", "bravo.test").replace("Acme", "Bravo")
    one, two = new_desk(), new_desk(config=other)
    one.start()
    two.start()
    begun = letter("support@bravo.test", "Is anybody there", ASKED, headers={"Date": format_datetime(datetime.now(UTC))})  # fmt: skip
    one.smtp(begun)
    carried: set[str] = set()

    def carry() -> int:
        """Hand what each desk sent to the other one, as the network does; how many were new."""
        fresh = [mail for mail in world.mails if mail["Message-ID"] not in carried and mail.recipient.startswith("support@")]  # fmt: skip
        for mail in fresh:
            carried.add(mail["Message-ID"])
            to = two if mail.recipient.endswith("bravo.test") else one
            to.smtp(mail.raw, to=mail.recipient.lower(), sender=mail.sender)
        one.quiet()
        two.quiet()
        return len(fresh)

    until(lambda: carry() == 0, "silence")
    sent = [(mail["From"], mail.recipient) for mail in world.mails if mail.recipient.startswith("support@")]
    assert len([to for _, to in sent if to == "support@bravo.test"]) == 1
    assert len([to for _, to in sent if to == "support@acme.test"]) <= 1
