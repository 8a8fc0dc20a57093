"""What follows when a mail of ours did not arrive, and from reports about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from maild.desk.decide import decide
from maild.desk.effects import (
    AddMessage,
    Allow,
    Change,
    ChangeTicket,
    Decision,
    Given,
    MarkFailed,
    OpenTicket,
    Record,
    Suppress,
    Tell,
)
from maild.desk.events import Acted, DeliveredLate, DeliveryFailed
from maild.desk.facts import Address, Bounce, FailedRecipient, Kind, Mail, Proof, Report, Verdict
from maild.desk.people import Answer, Person, SentMail, Suppression, Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Snapshot
from maild.desk.tokens import Claim, Holder, mint
from maild.desk.words import Role, Scope, State
from tests.desk import worlds as w

CARLA = "carla@globex.test"
DAEMON = Person(9, "", "mailer-daemon@globex.test")
ANSWERED = w.sent_to(w.CARLA, Role.REQUESTER, kind="answer")
SOLVED = replace(w.TICKET, state=State.SOLVED)
NO_SUCH = (FailedRecipient(CARLA, "5.1.1", "no such user"),)
SILENT = {CARLA: Suppression(w.NOW - timedelta(days=3), "5.1.1, said by relay")}


def bounced(permanent: bool = True, original: str | None = None, failed: tuple[FailedRecipient, ...] = NO_SUCH) -> Mail:  # fmt: skip
    return w.mail(DAEMON, kind=Kind.BOUNCE, bounce=Bounce(permanent, failed, original))


def bounce_address(sent: SentMail) -> str:
    return f"support+{mint(Claim(Holder.BOUNCE, Scope.PUBLIC, 1, sent.outbox), w.KEY)}@acme.test"


def known(sent: SentMail, ticket: Ticket = w.TICKET, **more: object) -> Snapshot:
    return w.snapshot(ticket, sent=(sent,), outbox={sent.outbox: sent}, **more)


def refused(sent: SentMail, snapshot: Snapshot, status: str | None = "5.1.1") -> Decision:
    """Our relay refuses this mail for good."""
    event = DeliveryFailed(sent.outbox, f"550 {status} no", status)
    return decide(event, snapshot, w.RULEBOOK, Given(w.NOW, "fresh123"))


def changes(decision: Decision) -> dict[str, object]:
    return {change.name: change.new for effect in w.only(decision, ChangeTicket) for change in effect.changes}


def recorded(decision: Decision, event: str) -> list[Record]:
    return [record for record in w.only(decision, Record) if record.event == event]


# -- failures


@pytest.mark.parametrize("by", ["address", "message-id"])
def test_a_bounced_answer_reopens_by_its_bounce_address_only(by: str) -> None:
    report = bounced(original=None if by == "address" else ANSWERED.message_id)
    to = bounce_address(ANSWERED) if by == "address" else "support@acme.test"
    decision = w.decided(w.arrived(report, to, sender=""), known(ANSWERED, SOLVED))
    how = "bounce" if by == "address" else "message-id"
    assert w.only(decision, MarkFailed) == [MarkFailed(ANSWERED.outbox, "5.1.1 no such user", how)]
    assert changes(decision).get("state") == (State.OPEN if by == "address" else None)
    assert w.told(decision) == ({"ana@acme.test": "notification"} if by == "address" else {})
    assert bool(w.only(decision, Suppress)) is (by == "address")
    assert not w.only(decision, OpenTicket)


@pytest.mark.parametrize("kind", ["answer", "acknowledgement", "notice"])
@pytest.mark.parametrize("state", [State.PENDING, State.SOLVED, State.OPEN, State.ON_HOLD, State.CLOSED])
def test_only_a_refused_answer_reopens(kind: str, state: State) -> None:
    sent = replace(ANSWERED, kind=kind)
    decision = refused(sent, known(sent, replace(w.TICKET, state=state)))
    reopens = kind == "answer" and state in (State.PENDING, State.SOLVED)
    assert changes(decision).get("state") == (State.OPEN if reopens else None)
    assert w.told(decision) == {"ana@acme.test": "notification"}
    assert any(CARLA in line for tell in w.only(decision, Tell) for line in tell.lines)


def test_a_participant_who_gets_no_answer_is_told_and_reopens_nothing() -> None:
    sent = w.sent_to(w.PIA, Role.PARTICIPANT, kind="answer")
    decision = refused(sent, known(sent, replace(SOLVED, participants=(w.PIA,))))
    assert "state" not in changes(decision)
    assert w.told(decision) == {"ana@acme.test": "notification"}


@pytest.mark.parametrize(("failed_by", "told"), [(None, True), ("message-id", True), ("relay", False), ("bounce", False)])  # fmt: skip
def test_a_failure_is_told_once(failed_by: str | None, told: bool) -> None:
    sent = replace(ANSWERED, failed_by=failed_by)
    decision = w.decided(w.arrived(bounced(), bounce_address(sent), sender=""), known(sent, SOLVED))
    assert bool(w.only(decision, Tell)) is told
    assert ("state" in changes(decision)) is told
    assert recorded(decision, "undeliverable")


def test_a_delay_is_only_recorded() -> None:
    decision = w.decided(w.arrived(bounced(permanent=False), bounce_address(ANSWERED), sender=""), known(ANSWERED))  # fmt: skip
    assert not w.only(decision, MarkFailed)
    assert not w.only(decision, Tell)
    assert recorded(decision, "delayed")


@pytest.mark.parametrize(("permanent", "opens"), [(True, True), (False, False)])
def test_a_report_about_an_unknown_mail(permanent: bool, opens: bool) -> None:
    decision = w.decided(w.arrived(bounced(permanent, original="<who@knows>"), sender=""), w.snapshot())
    assert bool(w.only(decision, OpenTicket)) is opens
    assert len(w.only(decision, AddMessage)) == 1
    assert "acknowledgement" not in w.told(decision).values()


@pytest.mark.parametrize(("kind", "told"), [(Kind.PERSON, {"ana@acme.test": "notification"}), (Kind.AUTO_REPLY, {})])  # fmt: skip
def test_a_bounce_address_is_never_answered_and_changes_nothing(kind: Kind, told: dict[str, str]) -> None:
    decision = w.decided(w.arrived(w.mail(w.EVE, kind=kind), bounce_address(ANSWERED)), known(ANSWERED, SOLVED, suppressed={w.EVE.key: SILENT[CARLA]}))  # fmt: skip
    assert not w.only(decision, OpenTicket)
    assert not w.only(decision, ChangeTicket)
    assert not w.only(decision, Allow)
    assert w.told(decision) == told


# -- suppression


def recipient(address: str = CARLA, status: str | None = "5.1.1", guessed: bool = False) -> tuple[FailedRecipient, ...]:  # fmt: skip
    return (FailedRecipient(address, status, "no", guessed),)


@pytest.mark.parametrize(
    ("failed", "suppressed"),
    [(recipient(status=status), True) for status in ("5.1.1", "5.1.6", "5.1.10", "5.2.1")]
    + [(recipient(status=status), False) for status in ("5.2.2", "5.7.1", "5.0.0", "5.1.2", "5.1.3", "4.1.1", None)]
    + [
        (recipient("CARLA@Globex.test"), True),
        (recipient("carla@elsewhere.test"), False),
        (recipient("carla@elsewhere.test") + recipient(), True),
        (recipient(guessed=True), False),
        ((), False),
    ],
)  # fmt: skip
def test_which_bounces_suppress_an_address(failed: tuple[FailedRecipient, ...], suppressed: bool) -> None:
    decision = w.decided(w.arrived(bounced(failed=failed), bounce_address(ANSWERED), sender=""), known(ANSWERED))  # fmt: skip
    assert [one.address for one in w.only(decision, Suppress)] == ([CARLA] if suppressed else [])
    assert any("maild person allow" in line for tell in w.only(decision, Tell) for line in tell.lines) is suppressed  # fmt: skip


@pytest.mark.parametrize(
    ("status", "suppressed"),
    [("5.1.1", True), ("5.2.1", True), ("5.7.1", False), ("5.4.7", False), ("4.4.7", False), (None, False)],
)
def test_which_refusals_of_the_relay_suppress_an_address(status: str | None, suppressed: bool) -> None:
    assert bool(w.only(refused(ANSWERED, known(ANSWERED), status), Suppress)) is suppressed


@pytest.mark.parametrize("role", [Role.REQUESTER, Role.RESPONSIBLE, Role.TEAM])
def test_agents_are_never_suppressed(role: Role) -> None:
    sent = w.sent_to(w.ANA, role)
    assert not w.only(refused(sent, known(sent, replace(w.TICKET, requester=w.ANA))), Suppress)


def test_what_comes_first_in_the_history_holds_the_reasons() -> None:
    """They go with the first line that is written, which must be one of the ticket."""
    first = w.only(refused(ANSWERED, known(ANSWERED)), Record)[0]
    assert (first.ticket, first.event) == (1, "undeliverable")


def test_a_suppressed_address_gets_no_notice_and_agents_see_that() -> None:
    ticket = replace(w.TICKET, participants=(w.PIA,), first_response_at=w.NOW)
    decision = decide_solve(w.snapshot(ticket, suppressed=SILENT))
    assert CARLA not in w.told(decision)
    assert w.told(decision)["pia@globex.test"] == "notice"
    [unsent] = recorded(decision, "not sent")
    assert (unsent.detail["to"], unsent.ticket) == (CARLA, 1)
    notified = [tell for tell in w.only(decision, Tell) if tell.to.key == "ana@acme.test"]
    assert notified
    assert all(any(CARLA in line and "5.1.1" in line for line in tell.lines) for tell in notified)
    assert not any(CARLA in line for tell in w.only(decision, Tell) if tell.role.outside for line in tell.lines)  # fmt: skip


def decide_solve(snapshot: Snapshot) -> Decision:
    """The admin on this host solves ticket 1."""
    return decide(Acted(1, "admin", ("#solve",)), snapshot, w.RULEBOOK, Given(w.NOW, "fresh123"))


def test_an_agents_answer_is_tried_all_the_same_and_he_is_told() -> None:
    to = w.reply_address(w.ANA, Role.RESPONSIBLE)
    sent = w.sent_to(w.ANA, Role.RESPONSIBLE)
    mail = w.mail(w.ANA, "Please restart it.", in_reply_to=(sent.message_id,))
    decision = w.decided(w.arrived(mail, to), w.snapshot(w.TICKET, sent=(sent,), suppressed=SILENT))
    assert w.told(decision) == {CARLA: "answer", "ana@acme.test": "transcript"}
    [transcript] = [tell for tell in w.only(decision, Tell) if tell.template == "transcript"]
    assert "5.1.1" in transcript.lines[0]
    assert recorded(decision, "answer is doubtful")


@pytest.mark.parametrize(
    ("mail", "envelope", "again"),
    [
        (w.mail(w.CARLA), {}, True),
        (w.mail(w.CARLA, proof=Proof(dmarc=Verdict.FAIL)), {}, False),
        (w.mail(w.CARLA, kind=Kind.AUTO_REPLY), {}, False),
        (w.mail(w.CARLA, kind=Kind.BULK), {}, False),
        (w.mail(w.CARLA, unanswerable=("Precedence: bulk",)), {}, False),
        (w.mail(w.CARLA), {"received_at": w.NOW - timedelta(days=9), "route": "import"}, False),
        (w.mail(w.EVE), {}, False),
    ],
    ids=["a person", "forged", "auto-reply", "bulk", "not answerable", "written before", "somebody else"],
)
def test_who_writes_again_is_written_to_again(mail: Mail, envelope: dict[str, object], again: bool) -> None:
    decision = w.decided(w.arrived(mail, **envelope), w.snapshot(suppressed=SILENT))
    assert [one.address for one in w.only(decision, Allow)] == ([CARLA] if again else [])
    assert (CARLA in w.told(decision)) is again
    assert len(recorded(decision, "allowed")) == again


# -- promises


FIRST, SECOND = w.NOW - timedelta(hours=2), w.NOW - timedelta(hours=1)
MINE = Answer(FIRST, ANSWERED.outbox, False)


@pytest.mark.parametrize(
    ("responded", "others", "expected"),
    [
        (FIRST, (), {"first_response_at": None}),
        (FIRST, (Answer(SECOND, 1, True),), {"first_response_at": None}),
        (FIRST, (Answer(SECOND, 1, False),), {"first_response_at": SECOND}),
        (SECOND, (Answer(SECOND, 1, False),), {}),
        (FIRST - timedelta(hours=1), (), {}),
        (None, (), {}),
    ],
    ids=["the only one", "the other failed too", "another arrived", "another came first", "not by mail", "none"],
)  # fmt: skip
def test_a_failed_answer_meets_no_promise(responded: datetime | None, others: tuple[Answer, ...], expected: dict[str, object]) -> None:  # fmt: skip
    ticket = replace(w.TICKET, first_response_at=responded)
    decision = refused(ANSWERED, known(ANSWERED, ticket, answers={1: (MINE, *others)}))
    assert changes(decision) == expected
    assert bool(recorded(decision, "first answer taken back")) is bool(expected)


@pytest.mark.parametrize(
    ("kind", "role", "responded", "meets"),
    [
        ("answer", Role.REQUESTER, None, True),
        ("answer", Role.REQUESTER, FIRST, False),
        ("answer", Role.PARTICIPANT, None, False),
        ("acknowledgement", Role.REQUESTER, None, False),
    ],
)
def test_an_answer_that_arrives_after_all(kind: str, role: Role, responded: datetime | None, meets: bool) -> None:  # fmt: skip
    sent = replace(ANSWERED, kind=kind, role=role)
    snapshot = known(sent, replace(w.TICKET, first_response_at=responded))
    decision = decide(DeliveredLate(sent.outbox), snapshot, w.RULEBOOK, Given(w.NOW, "f"))
    changed = [change for effect in w.only(decision, ChangeTicket) for change in effect.changes]
    assert changed == ([Change("first_response_at", None, w.NOW)] if meets else [])
    assert recorded(decision, "delivered after all")
    assert not w.only(decision, Tell)


# -- mails to agents


def only_in_team(*names: str) -> Rulebook:
    kept = {key: agent for key, agent in w.RULEBOOK.agents.items() if key.partition("@")[0] in names}
    return replace(w.RULEBOOK, agents=kept)


@pytest.mark.parametrize(
    ("agents", "told"),
    [
        (("ana", "ben", "chen"), {"ben@acme.test"}),
        (("ana", "chen"), {"chen@acme.test"}),
        (("chen",), {"chen@acme.test"}),
        (("ana",), set()),
    ],
    ids=["the team", "nobody else in the team", "no agent any more", "nobody"],
)
def test_a_failed_notification_is_told_to_the_team_else_to_the_admins(agents: tuple[str, ...], told: set[str]) -> None:  # fmt: skip
    sent = w.sent_to(w.ANA, Role.RESPONSIBLE)
    address, rulebook = bounce_address(sent), only_in_team(*agents)
    decision = w.decided(w.arrived(bounced(), address, sender=""), known(sent), rulebook)
    assert w.told(decision) == dict.fromkeys(told, "alert")
    warned = known(sent, warned={"ana@acme.test": w.NOW - timedelta(hours=3)})
    assert not w.only(w.decided(w.arrived(bounced(), address, sender=""), warned, rulebook), Tell)


# -- complaints and receipts


def complaint(sender: str = "abuse@globex.test", proof: Proof = Proof(), **report: str) -> Mail:  # noqa: B008 - an immutable value
    return w.mail(Address("", sender), kind=Kind.REPORT, proof=proof, report=Report("abuse", ANSWERED.message_id, **report))  # fmt: skip


@pytest.mark.parametrize(
    ("mail", "to", "proved"),
    [
        (complaint(), "support@acme.test", False),
        (complaint(), bounce_address(ANSWERED), True),
        (complaint(original_sender=bounce_address(ANSWERED)), "support@acme.test", True),
        (complaint(proof=w.PASS), "support@acme.test", True),
        (complaint("fbl@test", w.PASS), "support@acme.test", True),
        (complaint("mallory@globex.test", w.PASS), "support@acme.test", False),
        (complaint("abuse@evil.test", w.PASS), "support@acme.test", False),
        (complaint("abuse@lobex.test", w.PASS), "support@acme.test", False),
        (complaint(proof=w.FAIL), "support@acme.test", False),
    ],
    ids=["bare", "bounce address", "sender reported", "pass", "above", "a user", "other domain", "suffix", "fail"],
)  # fmt: skip
def test_a_complaint_silences_an_address_only_with_evidence(mail: Mail, to: str, proved: bool) -> None:
    decision = w.decided(w.arrived(mail, to), known(ANSWERED, replace(w.TICKET, state=State.PENDING)))
    assert bool(w.only(decision, Suppress)) is proved
    assert w.told(decision) == {"chen@acme.test": "alert"}
    assert not w.only(decision, ChangeTicket)
    assert not w.only(decision, MarkFailed)
    assert recorded(decision, "complaint")
    warned = known(ANSWERED, warned={CARLA: w.NOW - timedelta(hours=3)})
    assert not w.only(w.decided(w.arrived(mail, to), warned), Tell)


@pytest.mark.parametrize("what", ["displayed", "deleted", "delivered"])
@pytest.mark.parametrize("state", [State.PENDING, State.SOLVED])
def test_a_receipt_is_a_line_of_the_history(what: str, state: State) -> None:
    mail = w.mail(w.CARLA, kind=Kind.RECEIPT, report=Report(what, ANSWERED.message_id))
    decision = w.decided(w.arrived(mail), known(ANSWERED, replace(w.TICKET, state=state)))
    assert [record.detail["what"] for record in recorded(decision, "receipt")] == [what]
    assert not w.only(decision, ChangeTicket)
    assert not w.only(decision, Tell)
    assert not w.only(decision, OpenTicket)
    assert [one.ticket for one in w.only(decision, AddMessage)] == [1]


def test_a_receipt_for_a_mail_of_somebody_else_is_kept_unmatched() -> None:
    mail = w.mail(w.CARLA, kind=Kind.RECEIPT, report=Report("displayed", "<who@knows>"))
    decision = w.decided(w.arrived(mail), known(ANSWERED))
    assert [one.ticket for one in w.only(decision, AddMessage)] == [None]
    assert not w.only(decision, OpenTicket)
