"""What follows when a mail arrives, as a table of decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from maild.desk import answerable
from maild.desk.effects import (
    AddMessage,
    AddParticipants,
    AddRoute,
    ChangeTicket,
    Digest,
    Link,
    OpenTicket,
    Record,
    RemoveParticipant,
    Tell,
)
from maild.desk.facts import Address, Kind, Mail, Proof
from maild.desk.people import Message, Person
from maild.desk.rulebook import Identity
from maild.desk.snapshot import Counts
from maild.desk.words import Happening, Role, Scope, State
from tests.desk import worlds as w

CC = (Address("", "support@acme.test"),)


def state_of(decision: object) -> object:
    changes = [
        change
        for effect in w.only(decision, ChangeTicket)
        for change in effect.changes
        if change.name == "state"
    ]  # type: ignore[arg-type]
    return changes[-1].new if changes else None


def test_a_new_mail_opens_a_ticket_and_is_acknowledged() -> None:
    decision = w.decided(w.arrived(w.mail(w.CARLA)), w.snapshot())
    [opened] = w.only(decision, OpenTicket)
    assert (opened.subject, opened.requester.address, opened.organisation, opened.team) == (
        "Printer",
        "carla@globex.test",
        "Globex",
        "support",
    )
    assert w.told(decision) == {
        "carla@globex.test": "acknowledgement",
        "ana@acme.test": "notification",
        "ben@acme.test": "notification",
        "lou@acme.test": "notification",
        "chen@acme.test": "notification",
    }
    ack = next(tell for tell in w.only(decision, Tell) if tell.role is Role.REQUESTER)
    assert (ack.public, ack.automatic, ack.answers, ack.scope) == (True, True, True, Scope.PUBLIC)
    assert all(tell.scope is Scope.PUBLIC for tell in w.only(decision, Tell))
    assert decision.reasons


def refused(decision: object) -> tuple[object, ...]:
    return tuple(record.detail["why"] for record in w.only(decision, Record) if record.event == "not sent")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mail", "envelope"),
    [
        (w.mail(w.CARLA, unanswerable=("List-Id",)), {}),
        (w.mail(w.CARLA), {"sender": ""}),
        (w.mail(w.CARLA, kind=Kind.BULK), {}),
        (w.mail(w.CARLA, date=w.NOW - timedelta(days=2)), {}),
        (w.mail(Person(9, "", "help@acme.test")), {}),
        (w.mail(w.CARLA, from_=(Address("", "carla@globex.test"), Address("", "eve@evil.test"))), {}),
        (w.mail(w.CARLA, from_=()), {}),
        (w.mail(Person(9, "", "x" * 65 + "@globex.test")), {}),
    ],
    ids=["list", "null sender", "bulk", "old", "ourselves", "two From", "no From", "impossible address"],
)
def test_what_may_not_be_answered_still_opens_a_ticket(mail: Mail, envelope: dict[str, object]) -> None:
    decision = w.decided(w.arrived(mail, **envelope), w.snapshot())
    assert len(w.only(decision, OpenTicket)) == 1
    assert "acknowledgement" not in w.told(decision).values()
    assert refused(decision) or not mail.from_
    assert "ana@acme.test" in w.told(decision)


def test_bounds_on_automatic_mail_refuse_or_delay() -> None:
    full = w.snapshot(automatic={"carla@globex.test": Counts(address=10)})
    decision = w.decided(w.arrived(w.mail(w.CARLA)), full)
    assert "carla@globex.test" not in w.told(decision)
    assert refused(decision)
    limits = replace(w.RULEBOOK.limits, automatic_per_hour=5)
    busy = w.snapshot(automatic={"carla@globex.test": Counts(total=5)})
    late = w.decided(w.arrived(w.mail(w.CARLA)), busy, replace(w.RULEBOOK, limits=limits))
    [ack] = [tell for tell in w.only(late, Tell) if tell.template == "acknowledgement"]
    assert ack.delay == w.NOW + timedelta(hours=1)


def test_bounds_that_are_off_bound_nothing() -> None:
    limits = replace(w.RULEBOOK.limits, automatic_per_address_per_hour=None)
    given = w.Given(w.NOW, "f")
    assert (
        answerable.bounds(
            "a@b.test", w.snapshot(automatic={"a@b.test": Counts(10**6)}), limits, given
        ).refusals
        == ()
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (State.NEW, None),
        (State.OPEN, None),
        (State.PENDING, State.OPEN),
        (State.ON_HOLD, State.OPEN),
        (State.SOLVED, State.OPEN),
        (State.CLOSED, State.OPEN),
    ],
)
def test_a_reply_threads_and_wakes_the_ticket(old: State, new: State | None) -> None:
    ticket = replace(w.TICKET, state=old, closed_at=w.NOW if old is State.CLOSED else None)
    decision = w.decided(
        w.arrived(w.mail(w.CARLA), w.reply_address(w.CARLA, Role.REQUESTER)), w.snapshot(ticket)
    )
    assert not w.only(decision, OpenTicket)
    assert state_of(decision) == new
    assert w.told(decision) == {"ana@acme.test": "notification"}
    assert {digest.to.key for digest in w.only(decision, Digest)} == {"chen@acme.test"}


def test_an_answer_long_after_closing_opens_a_follow_up() -> None:
    ticket = replace(w.TICKET, state=State.CLOSED, closed_at=w.NOW - timedelta(days=15))
    decision = w.decided(
        w.arrived(w.mail(w.CARLA), w.reply_address(w.CARLA, Role.REQUESTER)), w.snapshot(ticket)
    )
    assert w.only(decision, Link) == [Link(0, 1, "follow-up")]
    assert w.told(decision)["carla@globex.test"] == "acknowledgement"


def test_a_strangers_number_gets_a_linked_ticket_of_its_own() -> None:
    decision = w.decided(w.arrived(w.mail(w.EVE, subject="Re: [Acme #1] Printer")), w.snapshot(w.TICKET))
    [opened] = w.only(decision, OpenTicket)
    assert opened.subject == "Re: Printer"
    assert w.only(decision, Link) == [Link(0, 1, "related")]
    assert "carla@globex.test" not in w.told(decision)


def test_spam_stays_spam_and_nobody_is_told() -> None:
    decision = w.decided(
        w.arrived(w.mail(w.CARLA), w.reply_address(w.CARLA, Role.REQUESTER)),
        w.snapshot(replace(w.TICKET, state=State.SPAM)),
    )
    assert w.only(decision, AddMessage)
    assert not w.only(decision, Tell)
    assert state_of(decision) is None


def test_the_same_mail_again_only_adds_a_route() -> None:
    same = Message(
        5, 1, w.NOW, "in", True, "person", "Carla", "carla@globex.test", (), "Printer", "Hello", "Hello"
    )
    decision = w.decided(w.arrived(w.mail(w.CARLA)), w.snapshot(w.TICKET, same=same))
    assert w.only(decision, AddRoute) == [AddRoute(5)]
    assert not w.only(decision, Tell)
    assert not w.only(decision, OpenTicket)


def test_our_own_mail_that_comes_back_is_kept_without_a_ticket() -> None:
    ours = w.sent_to(w.CARLA, Role.REQUESTER)
    decision = w.decided(
        w.arrived(w.mail(w.CARLA, message_id=ours.message_id)), w.snapshot(w.TICKET, sent=(ours,))
    )
    [message] = w.only(decision, AddMessage)
    assert message.ticket is None
    assert not w.only(decision, Tell)


@pytest.mark.parametrize("kind", [Kind.AUTO_REPLY, Kind.RECEIPT, Kind.REPORT, Kind.BULK, Kind.BOUNCE])
def test_automatic_mail_changes_nothing_of_a_ticket(kind: Kind) -> None:
    ticket = replace(w.TICKET, state=State.PENDING)
    decision = w.decided(
        w.arrived(w.mail(w.CARLA, kind=kind), w.reply_address(w.CARLA, Role.REQUESTER)), w.snapshot(ticket)
    )
    assert len(w.only(decision, AddMessage)) == 1
    assert not w.only(decision, ChangeTicket)
    assert not w.only(decision, Tell)


@pytest.mark.parametrize(
    ("kind", "opens"),
    [(Kind.AUTO_REPLY, False), (Kind.RECEIPT, False), (Kind.BULK, True), (Kind.REPORT, True)],
)
def test_automatic_mail_that_belongs_nowhere(kind: Kind, opens: bool) -> None:
    decision = w.decided(w.arrived(w.mail(w.CARLA, kind=kind)), w.snapshot())
    assert bool(w.only(decision, OpenTicket)) is opens
    assert "acknowledgement" not in w.told(decision).values()
    assert len(w.only(decision, AddMessage)) == 1


@pytest.mark.parametrize(
    ("sender", "by", "joins"),
    [
        (w.CARLA, "token", True),
        (w.CARLA, "pass", True),
        (w.CARLA, "tag", False),
        (w.PIA, "pass", False),
        (w.ANA, "pass", False),
    ],
)
def test_who_stands_in_copy(sender: Person, by: str, joins: bool) -> None:
    copied = w.mail(
        sender,
        cc=(
            Address("Tom", "tom@globex.test"),
            Address("", "noreply@globex.test"),
            Address("", "ben@acme.test"),
            *CC,
        ),
        subject="[Acme #1] x",
        proof=w.PASS if by == "pass" else Proof(),
    )
    ticket = replace(w.TICKET, participants=(w.PIA,))
    to = w.reply_address(w.CARLA, Role.REQUESTER) if by == "token" else "support@acme.test"
    decision = w.decided(w.arrived(copied, to), w.snapshot(ticket))
    assert [effect.people for effect in w.only(decision, AddParticipants)] == (
        [(Address("Tom", "tom@globex.test"),)] if joins else []
    )
    assert "tom@globex.test" not in w.told(decision)


def test_at_most_ten_take_part() -> None:
    crowd = tuple(Address("", f"p{number}@globex.test") for number in range(30))
    decision = w.decided(w.arrived(w.mail(w.CARLA, cc=crowd, proof=w.PASS)), w.snapshot())
    [joined] = w.only(decision, AddParticipants)
    assert len(joined.people) + 1 <= w.RULEBOOK.limits.participants


@pytest.mark.parametrize("proof", [w.mail(w.ANA).proof, w.FAIL])
def test_an_impostor_is_a_stranger_and_the_agent_is_told(proof: object) -> None:
    event = w.arrived(w.mail(w.ANA, subject="[Acme #1] x", proof=proof))
    decision = w.decided(event, w.snapshot(w.TICKET))
    assert len(w.only(decision, OpenTicket)) == 1
    alerts = [tell for tell in w.only(decision, Tell) if tell.template == "alert"]
    assert [tell.to.key for tell in alerts] == ["ana@acme.test"]
    again = w.decided(event, w.snapshot(w.TICKET, warned={"ana@acme.test": w.NOW - timedelta(hours=1)}))
    assert "alert" not in w.told(again).values()


def test_what_an_impostor_adds_by_a_leaked_token_is_not_the_agents_doing_and_he_is_told() -> None:
    event = w.arrived(w.mail(w.ANA, "Pay here."), w.reply_address(w.CARLA, Role.REQUESTER))
    decision = w.decided(event, w.snapshot(w.TICKET))
    assert {tell.to.key: tell.template for tell in w.only(decision, Tell) if tell.ticket} == {
        "ana@acme.test": "notification"
    }
    assert {line.actor for line in w.only(decision, Record) if line.ticket} == {
        "ana@acme.test (without proof)"
    }


def test_a_leaked_token_is_told_although_an_impostor_was_today() -> None:
    event = w.arrived(w.mail(w.EVE), w.reply_address(w.ANA, Role.RESPONSIBLE))
    warned = {"ana@acme.test": w.NOW - timedelta(hours=1)}
    decision = w.decided(event, w.snapshot(w.TICKET, warned=warned))
    [alert] = [tell for tell in w.only(decision, Tell) if tell.template == "alert"]
    assert alert.to.key == "ana@acme.test"
    assert "eve@evil.test" in alert.lines[0]
    [told] = [line for line in w.only(decision, Record) if line.event == "warned"]
    warned[str(told.detail["subject"])] = w.NOW
    again = w.decided(event, w.snapshot(w.TICKET, warned=warned))
    assert "alert" not in w.told(again).values()


def test_an_agents_own_mail_opens_a_ticket_for_the_agent() -> None:
    decision = w.decided(w.arrived(w.mail(w.ANA, proof=w.PASS)), w.snapshot())
    [opened] = w.only(decision, OpenTicket)
    assert opened.requester.address == "ana@acme.test"
    assert w.told(decision)["ana@acme.test"] == "acknowledgement"


def test_a_proved_form_speaks_for_the_reply_to() -> None:
    identity = replace(w.IDENTITY, forms=("form@acme.test",))
    form = Person(8, "Form", "form@acme.test")
    reply_to = (Address("Zoe", "zoe@home.test"),)
    for proof, requester in ((w.PASS, "zoe@home.test"), (w.mail(form).proof, "form@acme.test")):
        decision = w.decided(
            w.arrived(w.mail(form, reply_to=reply_to, proof=proof)),
            w.snapshot(),
            replace(w.RULEBOOK, identity=identity),
        )
        assert w.only(decision, OpenTicket)[0].requester.address == requester


@pytest.mark.parametrize(
    ("address", "ours"),
    [("support@acme.test", True), ("SUPPORT+x@ACME.test", True), ("postmaster", True), ("Postmaster@acme.test", True), ("help@acme.test", True),
     ("nobody@acme.test", False), ("support@evil.test", False), ("postmaster@evil.test", False), ("", False)],
)  # fmt: skip
def test_which_recipients_are_ours(address: str, ours: bool) -> None:
    assert Identity("A", "support@acme.test", "A", aliases=("help@acme.test",)).accepts(address) is ours


def test_happenings_of_one_mail_are_one_mail() -> None:
    ticket = replace(w.TICKET, state=State.SOLVED)
    decision = w.decided(
        w.arrived(w.mail(w.CARLA), w.reply_address(w.CARLA, Role.REQUESTER)), w.snapshot(ticket)
    )
    [tell] = w.only(decision, Tell)
    assert tell.happenings == (Happening.REPLIED, Happening.STATE)


@pytest.mark.parametrize(
    ("sender", "text", "by", "leaves"),
    [
        (w.PIA, "#unwatch", "token", True),
        (w.PIA, " #Unwatch \n", "token", True),
        (w.PIA, "#unwatch", "tag", False),
        (w.PIA, "#unwatch, please", "token", False),
        (w.CARLA, "#unwatch", "token", False),
        (w.CARLA, "#close", "token", False),
    ],
)
def test_a_participant_leaves_by_unwatch_alone_and_with_proof(
    sender: Person, text: str, by: str, leaves: bool
) -> None:
    ticket = replace(w.TICKET, participants=(w.PIA,), first_response_at=w.NOW)
    role = Role.REQUESTER if sender is w.CARLA else Role.PARTICIPANT
    to = w.reply_address(sender, role) if by == "token" else "support@acme.test"
    decision = w.decided(w.arrived(w.mail(sender, text, subject="[Acme #1] x"), to), w.snapshot(ticket))
    assert w.only(decision, RemoveParticipant) == (
        [RemoveParticipant(1, "pia@globex.test")] if leaves else []
    )
    assert bool(w.only(decision, AddMessage)) is not leaves
    assert state_of(decision) is None
