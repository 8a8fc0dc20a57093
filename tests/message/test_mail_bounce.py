"""Failed deliveries: who, why, for good or for now, and of which mail."""

import pytest

from maild.desk.facts import Bounce, FailedRecipient, Kind, Mail
from maild.message.bounce import statuses
from maild.message.parse import parse

RETURNED = (
    "Message-ID: <orig@acme.test>\r\nFrom: support@acme.test\r\nTo: ann@y.example\r\nSubject: Printer\r\n"
)


def dsn(
    *blocks: str, words: str = "Sorry.", returned: str = RETURNED, kind: str = "text/rfc822-headers"
) -> bytes:
    status = "\r\n\r\n".join(["Reporting-MTA: dns; mx.y.example", *blocks])
    return (
        "From: Mail Delivery System <MAILER-DAEMON@y.example>\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
        "Auto-Submitted: auto-replied\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        f"--b\r\n\r\n{words}\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n\r\n"
        f"--b\r\nContent-Type: {kind}\r\n\r\n{returned}\r\n--b--\r\n"
    ).encode()


def block(
    address: str = "ann@y.example",
    action: str = "failed",
    status: str = "5.1.1",
    code: str = "smtp; 550 5.1.1 no such user",
) -> str:
    return f"Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: {code}"


def bounce(raw: bytes) -> Bounce:
    mail = parse(raw).mail
    assert mail.kind is Kind.BOUNCE
    assert mail.kind_reasons
    assert mail.bounce is not None
    return mail.bounce


def test_delivery_status_notification() -> None:
    recipient = FailedRecipient("ann@y.example", "5.1.1", "550 5.1.1 no such user")
    assert bounce(dsn(block())) == Bounce(True, (recipient,), "<orig@acme.test>")


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "message/rfc822-headers"])
def test_original_message(kind: str) -> None:
    assert (
        bounce(dsn(block(), returned=RETURNED + "\r\nIt burns.", kind=kind)).original_message_id
        == "<orig@acme.test>"
    )


@pytest.mark.parametrize(
    ("blocks", "permanent"),
    [
        ([block()], True),
        ([block(action="delayed", status="4.4.1", code="smtp; 451 try later")], False),
        ([block(action="failed", status="4.4.7", code="smtp; expired")], True),
        ([block(action="delayed", status="4.4.1"), block("bob@y.example")], True),
        ([block(action="", status="4.2.2")], False),
        ([block(action="", status="5.2.2")], True),
    ],
)
def test_permanent(blocks: list[str], permanent: bool) -> None:
    assert bounce(dsn(*blocks)).permanent is permanent


def test_several_recipients_once_each() -> None:
    found = bounce(
        dsn(
            block(),
            block("bob@y.example"),
            block("ANN@y.example"),
            block("eve@y.example", action="delivered"),
        )
    )
    assert [recipient.address for recipient in found.recipients] == ["ann@y.example", "bob@y.example"]


def test_success_is_no_bounce() -> None:
    mail = parse(dsn(block(action="delivered", status="2.0.0", code="smtp; 250 ok"))).mail
    assert (mail.kind, mail.bounce) == (Kind.RECEIPT, None)


@pytest.mark.parametrize(
    ("content", "address", "status"),
    [
        (
            b"Final-Recipient: rfc822;<ann@y.example>\nAction: failed\nStatus: 5.0.0 (unknown)",
            "ann@y.example",
            "5.0.0",
        ),
        (
            b"Original-Recipient: rfc822; ann@y.example\nDiagnostic-Code: smtp; 550 5.7.1 no",
            "ann@y.example",
            "5.7.1",
        ),
        (b"Final-Recipient: x-unknown; nobody\nAction: failed", "", None),
        (b"final-recipient:rfc822;\n ann@y.example\nstatus:5.1.2", "ann@y.example", "5.1.2"),
    ],
)
def test_blocks_as_people_write_them(content: bytes, address: str, status: str | None) -> None:
    (found,) = statuses(b"Reporting-MTA: dns; x\r\n\r\n" + content)
    assert (found.address, found.status) == (address, status)


def words(subject: str, body: str, *fields: str, sender: str = "MAILER-DAEMON@y.example") -> bytes:
    return "\r\n".join([f"From: {sender}", f"Subject: {subject}", *fields, "", body]).encode()


QMAIL = (
    "Hi. This is the qmail-send program at y.example.\r\nI'm afraid I wasn't able to deliver your message to the following addresses.\r\n\r\n"
    "<ann@y.example>:\r\n192.0.2.1 does not like recipient.\r\nRemote host said: 550 5.1.1 User unknown\r\nGiving up on 192.0.2.1.\r\n\r\n"
    "--- Below this line is a copy of the message.\r\n\r\n" + RETURNED + "\r\nIt burns."
)


@pytest.mark.parametrize(
    ("raw", "addresses", "status", "permanent"),
    [
        (words("failure notice", QMAIL), ["ann@y.example"], "5.1.1", True),
        (
            words(
                "Mail failure",
                "Your mail was lost.\r\n550 no such user",
                "X-Failed-Recipients: ann@y.example, bob@y.example",
            ),
            ["ann@y.example", "bob@y.example"],
            "5.1.1",
            True,
        ),
        (
            words(
                "Undeliverable: Printer",
                "Delivery has failed to these recipients:\r\nann@y.example\r\nThe mailbox is full.",
            ),
            ["ann@y.example"],
            None,
            True,
        ),
        (
            words("Mail delivery delayed", "ann@y.example: 451 4.4.1 connection failed, will be retried"),
            ["ann@y.example"],
            "4.4.1",
            False,
        ),
        (words("failure notice", "Something went wrong.\r\n\r\n" + RETURNED), ["ann@y.example"], None, True),
    ],
)
def test_bounces_in_words(raw: bytes, addresses: list[str], status: str | None, permanent: bool) -> None:
    found = bounce(raw)
    assert [recipient.address for recipient in found.recipients] == addresses
    assert [recipient.status for recipient in found.recipients] == [status] * len(addresses)
    assert found.permanent is permanent


def test_the_original_is_found_in_words() -> None:
    assert bounce(words("failure notice", QMAIL)).original_message_id == "<orig@acme.test>"


@pytest.mark.parametrize(
    "raw",
    [
        words(
            "Re: failure notice",
            "I got the notice below, what does 550 mean? bob@z.example",
            "In-Reply-To: <1@x>",
            sender="ann@x.example",
        ),
        words(
            "Out of office",
            "I am away. For failures write to bob@z.example",
            "Return-Path: <>",
            sender="ann@x.example",
        ),
        words(
            "Automatic reply: x",
            "Unable to read mail. Write to bob@z.example",
            "Auto-Submitted: auto-replied",
            "Return-Path: <>",
            sender="ann@x.example",
        ),
        words("Printer", "550 pages failed to print, tell bob@z.example", sender="ann@x.example"),
    ],
)
def test_what_is_no_bounce(raw: bytes) -> None:
    mail = parse(raw).mail
    assert mail.kind is not Kind.BOUNCE
    assert mail.bounce is None


def reported(*fields: str) -> Mail:
    report = "\r\n".join(["Reporting-MTA: dns; mx.x.example", "", *fields])
    raw = (
        "From: MAILER-DAEMON@x.example\r\nSubject: Undelivered\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        f"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n{report}\r\n\r\n--b--\r\n"
    )
    return parse(raw.encode()).mail


@pytest.mark.parametrize(
    ("status", "diagnostic", "found"),
    [
        ("5.0.0", "smtp; 550 5.1.1 <gone@y.example>: unknown", "5.1.1"),
        ("5.0.0", "smtp; 550 #5.1.0 Address rejected.", "5.1.0"),
        ("5.0.0", "smtp; 550 no", "5.0.0"),
        ("5.0.0", "smtp; 450 4.2.2 full", "5.0.0"),
        ("4.4.7", "smtp; 450 4.2.2 full", "4.2.2"),
        ("5.2.2", "smtp; 550 5.1.1 unknown", "5.2.2"),
    ],
)
def test_the_more_telling_status(status: str, diagnostic: str, found: str) -> None:
    mail = reported(
        "Final-Recipient: rfc822; gone@y.example",
        "Action: failed",
        f"Status: {status}",
        f"Diagnostic-Code: {diagnostic}",
    )
    assert mail.bounce is not None
    assert mail.bounce.recipients[0].status == found


@pytest.mark.parametrize(
    ("final", "original", "address"),
    [
        ("gone@y.example", None, "gone@y.example"),
        ("@relay.y.example:gone@y.example", None, "gone@y.example"),
        ("@relay.y.example:gone@ims_daemon", "gone@y.example", "gone@y.example"),
        ("gone@mailbox", "gone@y.example", "gone@y.example"),
        ("gone@mailbox", None, "gone@mailbox"),
        ("gone@new.example", "gone@y.example", "gone@new.example"),
    ],
)
def test_the_address_that_means_something_outside(final: str, original: str | None, address: str) -> None:
    fields = [f"Final-Recipient: rfc822; {final}", "Action: failed", "Status: 5.1.1"]
    mail = reported(*fields, *([f"Original-Recipient: rfc822; {original}"] if original else []))
    assert mail.bounce is not None
    assert [one.address for one in mail.bounce.recipients] == [address]


def test_a_report_written_into_the_text() -> None:
    raw = (
        b"From: MAILER-DAEMON@x.example\r\nSubject: Undelivered Mail Returned to Sender\r\n\r\nPlease see below.\r\n\r\n----\r\nReturn-Path: <>\r\n\r\n"
        b"Final-Recipient: rfc822; gone@y.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 unknown\r\n"
    )
    mail = parse(raw).mail
    assert mail.kind is Kind.BOUNCE
    assert mail.bounce is not None
    assert [(one.address, one.status) for one in mail.bounce.recipients] == [("gone@y.example", "5.1.1")]


def test_a_mail_by_nobody_that_names_an_invalid_user() -> None:
    raw = b"From: <>\r\nTo: a@x.example\r\nAuto-Submitted: auto-replied\r\nIn-Reply-To: <1@x.example>\r\n\r\nYou sent mail to gone@y.example. That's not a valid user here.\r\n"
    mail = parse(raw).mail
    assert mail.kind is Kind.BOUNCE
    assert mail.bounce is not None
    assert [one.address for one in mail.bounce.recipients] == ["gone@y.example"]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("Original-Envelope-Id: a+2Bb.c+3D@acme.test", "<a+b.c=@acme.test>"),
        ("original-envelope-id: a@b", "<a@b>"),
        ("Original-Envelope-Id: QQ314159", None),
        ("Original-Envelope-Id: a+3Ex@acme.test", None),
        ("Original-Envelope-Id: a@b@c\r\nX: y", None),
        ("X-Original-Envelope-Id: a@b", None),
    ],
)
def test_the_name_under_which_the_mail_was_handed_over_where_nothing_of_it_came_back(
    line: str, named: str | None
) -> None:
    raw = dsn(block(), returned="From: support@acme.test\r\n").replace(
        b"Reporting-MTA", f"{line}\r\nReporting-MTA".encode()
    )
    assert bounce(raw).original_message_id == named
    returned = dsn(block()).replace(b"Reporting-MTA", f"{line}\r\nReporting-MTA".encode())
    assert bounce(returned).original_message_id == "<orig@acme.test>"
