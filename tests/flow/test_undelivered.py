"""Mails that do not arrive, and what the desk makes of it, on each database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from maild.desk.words import State
from maild.settling import Delivered, Outbound
from store import Store
from store.rows import HeldBack
from tests.flow import stage as s

CARLA, ANA = "Carla <carla@globex.test>", "Ana Ruiz <ana@acme.test>"
TO_CARLA = "carla@globex.test"
NO_SUCH = Delivered("failed", "550 5.1.1 no such user", "5.1.1")
Sent = list[tuple[Outbound, EmailMessage]]


def hand_over(desk: s.Stage, outcomes: Mapping[str, Delivered] | None = None) -> Sent:
    """Deliver all that is due, with these outcomes by recipient; what was tried, in order."""
    tried: Sent = []
    while batch := desk.flow.outgoing(50):
        taken = Delivered("sent", "250 ok")
        desk.flow.settle([(one.row, (outcomes or {}).get(one.row.recipient, taken)) for one in batch])
        tried += [(one, s.parsed(one.row.raw)) for one in batch]
    return tried


def to(recipient: str, tried: Sent) -> Sent:
    return [(outbound, mail) for outbound, mail in tried if outbound.row.recipient == recipient]


def opened(desk: s.Stage, outcomes: Mapping[str, Delivered] | None = None) -> Sent:
    desk.take(
        s.mail(CARLA, "Printer", "Hello, the printer does not work since this morning. What can we do?")
    )
    desk.work()
    return hand_over(desk, outcomes)


def answered(desk: s.Stage, tried: Sent, text: str = "Please restart it.", number: int = 2) -> None:
    """Ana answers the first notification she got."""
    raw, address = s.answer(to("ana@acme.test", tried)[0][1], ANA, text, number)
    desk.take(raw, address, sender="ana@acme.test")
    desk.work()


def report(
    about: tuple[Outbound, EmailMessage], where: str, *, status: str = "5.1.1", recipient: str = TO_CARLA
) -> bytes:
    """A delivery status notification (RFC 3464) about one of our mails."""
    outbound, mail = about
    return f"""\
From: Mail Delivery System <MAILER-DAEMON@mx.globex.test>
To: {where}
Subject: Undelivered Mail Returned to Sender
Message-ID: <{outbound.row.id}.{status}.{recipient}@mx.globex.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b="

--=b=
Content-Type: text/plain

Your message could not be delivered.

--=b=
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.globex.test

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550 {status} no

--=b=
Content-Type: text/rfc822-headers

Message-ID: {mail["Message-ID"]}

--=b=--
""".replace("\n", "\r\n").encode()


def suppressed(store: Store) -> bool:
    with store.read() as work:
        return work.suppression(TO_CARLA) is not None


def events(store: Store) -> list[str]:
    with store.read() as work:
        return [line.event for line in work.events(1)]


def test_a_refused_address_gets_nothing_automatic_until_somebody_writes_from_there(
    store: Store, tmp_path: Path
) -> None:
    desk = s.stage(tmp_path, store)
    opened(desk, {TO_CARLA: NO_SUCH})
    assert suppressed(store)
    hand_over(desk)
    desk.flow.act(1, "admin", ("#solve",), "")
    tried = hand_over(desk)
    assert not to(TO_CARLA, tried)
    assert "5.1.1" in s.text_of(to("ana@acme.test", tried)[0][1])
    assert "not sent" in events(store)
    desk.take(s.mail(CARLA, "Another question", "Hello, may I ask another thing about the printer?", 5))
    desk.work()
    assert not suppressed(store)
    assert [outbound.row.kind for outbound, _ in to(TO_CARLA, hand_over(desk))] == ["acknowledgement"]


def test_the_admin_allows_an_address_again(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    opened(desk, {TO_CARLA: NO_SUCH})
    hand_over(desk)
    with store.work() as work:
        assert work.allow("Carla@Globex.test")
        assert not work.allow(TO_CARLA)
    desk.flow.act(1, "admin", ("#solve",), "")
    assert len(to(TO_CARLA, hand_over(desk))) == 1


def test_an_answer_to_a_suppressed_address_is_tried_and_its_author_told(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    tried = opened(desk, {TO_CARLA: NO_SUCH})
    hand_over(desk)
    answered(desk, tried)
    again = hand_over(desk)
    assert [outbound.row.kind for outbound, _ in to(TO_CARLA, again)] == ["answer"]
    [(outbound, transcript)] = to("ana@acme.test", again)
    assert outbound.row.kind == "transcript"
    assert "failed before" in s.text_of(transcript)


@pytest.mark.parametrize(
    ("status", "recipient", "by_address", "silences"),
    [
        ("5.1.1", TO_CARLA, True, True),
        ("5.2.2", TO_CARLA, True, False),
        ("5.1.1", "carla@elsewhere.test", True, False),
        ("5.1.1", TO_CARLA, False, False),
    ],
)
def test_what_a_report_does(
    store: Store, tmp_path: Path, status: str, recipient: str, by_address: bool, silences: bool
) -> None:
    desk = s.stage(tmp_path, store)
    answered(desk, opened(desk), "#state pending\nPlease restart it.")
    [about] = to(TO_CARLA, hand_over(desk))
    where = about[0].sender if by_address else "support@acme.test"
    for _ in range(2):
        desk.take(report(about, where, status=status, recipient=recipient), where, sender="")
    desk.take(
        report(about, where, status=status, recipient=recipient).replace(b"<", b"<x", 2), where, sender=""
    )
    desk.work()
    with store.read() as work:
        ticket = work.ticket(1)
        assert ticket is not None
        assert ticket.state is (State.OPEN if by_address else State.PENDING)
        assert (ticket.first_response_at is None) is by_address
        assert [one.delivery for one in work.messages(1) if one.direction == "out"][-1] == "failed"
        assert work.ticket(2) is None
    assert suppressed(store) is silences
    assert [outbound.row.recipient for outbound, _ in hand_over(desk)] == ["ana@acme.test"] * by_address


def test_a_second_failure_is_told_again_and_a_late_success_meets_the_promise(
    store: Store, tmp_path: Path
) -> None:
    desk = s.stage(tmp_path, store)
    answered(desk, opened(desk))
    refused = Delivered("failed", "554 5.7.1 we do not like it", "5.7.1")
    for _ in range(2):
        tried = hand_over(desk, {TO_CARLA: refused})
        [(outbound, _)] = to(TO_CARLA, tried)
        assert outbound.row.kind == "answer"
        assert "5.7.1" in s.text_of(to("ana@acme.test", tried)[0][1])
        with store.work() as work:
            ticket = work.ticket(1)
            assert ticket is not None
            assert ticket.first_response_at is None
            assert work.retry_mail(outbound.row.id, desk.now[0])
        desk.pass_time(timedelta(minutes=11))
    assert desk.flow.tick() == 1  # the clock ran again, and the promise is broken
    assert len(to(TO_CARLA, hand_over(desk))) == 1
    with store.read() as work:
        ticket = work.ticket(1)
        assert ticket is not None
        assert (ticket.first_response_at, ticket.breached) == (desk.now[0], ("first_response",))
    assert events(store).count("undeliverable") == 2
    assert events(store).count("delivered after all") == 1


def test_a_mail_that_never_failed_is_not_delivered_late(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    desk.take(s.mail(CARLA, "Printer", "Hello, the printer does not work."))
    desk.work()
    with store.work() as work:
        for row in work.outbox():
            assert work.retry_mail(row.id, desk.now[0])
    hand_over(desk)
    assert "delivered after all" not in events(store)


def test_a_receipt_is_a_line_of_the_history(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    [(_, acknowledged)] = to(TO_CARLA, opened(desk))
    read = (
        f"From: {CARLA}\r\nTo: support@acme.test\r\nSubject: Read: {acknowledged['Subject']}\r\nMessage-ID: <r@x>\r\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n\r\nYour mail was read.\r\n"
        "--b\r\nContent-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; carla@globex.test\r\n"
        f"Original-Message-ID: {acknowledged['Message-ID']}\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n"
    )
    desk.take(read.encode())
    desk.work()
    with store.read() as work:
        assert [line.detail["what"] for line in work.events(1) if line.event == "receipt"] == ["displayed"]
        assert work.ticket(2) is None
    assert hand_over(desk) == []


@pytest.mark.parametrize("proved", [True, False])
def test_a_complaint(store: Store, tmp_path: Path, proved: bool) -> None:
    desk = s.stage(tmp_path, store)
    [(outbound, acknowledged)] = to(TO_CARLA, opened(desk))
    sender = f"Original-Mail-From: <{outbound.sender}>\r\n" if proved else ""
    abuse = (
        "From: abuse@globex.test\r\nTo: support@acme.test\r\nSubject: FW: x\r\nMessage-ID: <a@x>\r\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nAn abuse report.\r\n"
        f"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n{sender}\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {acknowledged['Message-ID']}\r\nSubject: x\r\n\r\nx\r\n--b--\r\n"
    )
    for number in range(2):
        desk.take(abuse.replace("<a@x>", f"<a{number}@x>").encode(), sender="abuse@globex.test")
        desk.work()
    assert suppressed(store) is proved
    tried = hand_over(desk)
    assert [(one.row.recipient, one.row.kind) for one, _ in tried] == [("chen@acme.test", "alert")]
    assert TO_CARLA in s.text_of(tried[0][1])


def test_what_was_held_back_in_a_day(store: Store, tmp_path: Path) -> None:
    toml = s.MAILD_TOML + "[limits]\nautomatic_per_address_per_hour = 3\nautomatic_per_domain_per_hour = 4\n"
    desk = s.stage(tmp_path, store, toml)
    for number in range(5):
        desk.take(s.mail(CARLA, f"Case {number}", f"Hello, this is question number {number}.", number))
    for number in range(5, 7):
        desk.take(s.mail("Dora <dora@globex.test>", f"Case {number}", "Hello, a question.", number))
    desk.take(s.mail("Away <away@globex.test>", "Automatic reply: x", "I am away.", 8, headers=("Auto-Submitted: auto-replied",)))  # fmt: skip
    desk.work()
    with store.read() as work:
        held = work.held_back(desk.now[0] - timedelta(days=1))
        assert held == HeldBack({"limits.automatic_per_address_per_hour": 2}, 1, 0, 1)
        assert work.held_back(desk.now[0]) == HeldBack({}, 0, 0, 0)
    assert len([one for one, _ in hand_over(desk) if not one.row.recipient.endswith("acme.test")]) == 4
    desk.pass_time(timedelta(hours=1, minutes=1))
    assert [one.row.recipient for one, _ in hand_over(desk)] == ["dora@globex.test"]
