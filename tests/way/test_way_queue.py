"""The way out when the world does not play along: relay away, refusals, unknown outcomes; queue list, retry, drop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.way.desk import Desk, until
from tests.way.letters import answer, letter
from tests.way.relay import Relay

ANA = "Ana Ruiz <ana@acme.test>"
ASKED = "Hello, the coffee machine says error seven and gives no coffee. What shall we do?"


@pytest.fixture
def own(new_desk: Callable[..., Desk]) -> Iterator[Desk]:
    """A running desk of the test's own."""
    made = new_desk()
    made.start()
    return made


def waiting(desk: Desk, address: str) -> dict[str, object]:
    """The mail in the queue for an address, once it was tried."""
    found: dict[str, object] = until(
        lambda: next(
            (one for one in desk.show("queue", "list") if one["to"] == address and one["reason"]), None
        ),
        "it was tried",
    )
    return found


def test_with_the_relay_away_mail_is_taken_and_sent_when_it_is_back(own: Desk, world: Relay) -> None:
    world.down()
    request = letter("wait@globex.test", "Relay away", ASKED)
    own.smtp(request)
    row = waiting(own, "wait@globex.test")
    assert (row["state"], row["ticket"], row["kind"]) == ("queued", 1, "acknowledgement")
    assert row["attempts"] in (1, 2)  # the second follows in ten seconds
    assert "no connection to the relay" in str(row["reason"])
    assert row["next_attempt"]
    assert own.ticket(1)["messages"][1]["delivery"] == "queued"
    shown = own.maild("queue", "list")
    assert (shown.returncode, b"wait@globex.test" in shown.stdout) == (0, True)
    world.up()
    retried = own.maild("queue", "retry")
    assert retried.returncode == 0
    assert own.gets("wait@globex.test")["In-Reply-To"] == request["Message-ID"]
    own.quiet()
    assert own.ticket(1)["messages"][1]["delivery"] == "sent"
    assert own.show("queue", "list") == []


def test_what_is_dropped_is_never_sent(own: Desk, world: Relay) -> None:
    world.down()
    own.smtp(letter("drop@globex.test", "Drop it", ASKED))
    row = waiting(own, "drop@globex.test")
    assert own.maild("queue", "drop", str(row["id"])).returncode == 0
    missing = own.maild("queue", "drop", "4711")
    assert missing.returncode == 65
    assert b"no mail in the queue with number 4711" in missing.stderr
    world.up()
    assert own.maild("queue", "retry", "--all").returncode == 0
    own.gets("ana@acme.test")
    own.quiet()
    assert world.to("drop@globex.test") == []
    assert own.ticket(1)["messages"][1]["delivery"] == "failed"


def test_a_temporary_refusal_is_tried_again(own: Desk, world: Relay) -> None:
    with world.refusing("full@globex.test", "452 4.2.2 mailbox full"):
        own.smtp(letter("full@globex.test", "Full", ASKED))
        row = waiting(own, "full@globex.test")
        assert (row["state"], row["reason"]) == ("queued", "452 4.2.2 mailbox full")
        own.gets("ben@acme.test")  # the others do not wait for it
    assert own.maild("queue", "retry", str(row["id"])).returncode == 0
    assert own.gets("full@globex.test")["Message-ID"] == row["message_id"]


def test_a_permanent_refusal_of_an_answer_reopens_and_is_told(own: Desk, world: Relay) -> None:
    customer = "never@globex.test"
    _, acknowledged = own.ask(customer, "Never", ASKED)
    told = own.told("ana@acme.test", acknowledged.number)
    with world.refusing(customer, "550 5.1.1 no such user"):
        own.smtp(answer(told, ANA, "#state pending\nSwitch it off and on."))
        told = own.told("ana@acme.test", acknowledged.number, "could not be delivered")
    assert "550 5.1.1 no such user" in told.text
    own.quiet()
    ticket = own.ticket(acknowledged.number)
    assert ticket["state"] == "open"
    assert [one["delivery"] for one in ticket["messages"] if one["direction"] == "out"] == ["sent", "failed"]
    [row] = own.show("queue", "list")
    assert (row["state"], row["to"], row["next_attempt"]) == ("failed", customer, None)
    everything = own.maild("queue", "retry")
    assert (everything.returncode, everything.stdout) == (0, b"there is nothing of that in the queue\n")
    assert own.maild("queue", "retry", str(row["id"])).returncode == 0
    own.gets(customer, lambda mail: "Switch it off" in mail.text)
    own.quiet()
    assert own.ticket(acknowledged.number)["messages"][2]["delivery"] == "sent"


def test_a_notification_that_an_agent_cannot_get_is_told_to_his_team_once(own: Desk, world: Relay) -> None:
    with world.refusing("ben@acme.test", "550 5.1.1 no such user"):
        own.ask("one@globex.test", "First", ASKED)
        own.gets("ana@acme.test", lambda mail: "ben@acme.test cannot be delivered" in mail.text)
        own.ask("two@globex.test", "Second", ASKED)
        own.quiet()
    warnings = [mail for mail in world.to("ana@acme.test") if "cannot be delivered" in mail.text]
    assert len(warnings) == 1


def test_after_an_unknown_outcome_the_very_same_mail_goes_again(own: Desk, world: Relay) -> None:
    world.drop("twice@globex.test")
    own.smtp(letter("twice@globex.test", "Twice", ASKED))
    row = waiting(own, "twice@globex.test")
    assert row["state"] == "queued"
    assert own.maild("queue", "retry", str(row["id"])).returncode == 0
    again = own.gets("twice@globex.test")
    [first] = world.dropped
    assert (first.raw, first.sender, first["Message-ID"]) == (again.raw, again.sender, row["message_id"])


def test_a_mail_in_the_queue_survives_kill_9(own: Desk, world: Relay) -> None:
    world.down()
    own.smtp(letter("survivor@globex.test", "Survivor", ASKED))
    row = waiting(own, "survivor@globex.test")
    own.kill9()
    world.up()
    own.start()
    assert own.maild("queue", "retry", "--all").returncode == 0
    assert own.gets("survivor@globex.test")["Message-ID"] == row["message_id"]


def test_the_daemon_stops_in_good_order_while_the_relay_is_silent(own: Desk, world: Relay) -> None:
    world.down()
    for number in range(5):
        own.smtp(letter(f"many{number}@globex.test", f"Many {number}", f"{ASKED} {number}"))
    own.restart()
    world.up()
    assert own.maild("queue", "retry", "--all").returncode == 0
    for number in range(5):
        own.gets(f"many{number}@globex.test")
    own.quiet()
    assert len({mail["Message-ID"] for mail in world.mails}) == len(world.mails)
