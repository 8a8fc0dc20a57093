"""What receipts and abuse reports say, and which statuses of failures are written and which guessed."""

from __future__ import annotations

import pytest

from maild.desk.facts import Kind, Report
from maild.message.parse import parse


def report_of(
    kind: str, machine: str, fields: str, returned: str = "", types: str = "message/rfc822"
) -> bytes:
    last = f"--b\nContent-Type: {types}\n\n{returned}\n" if returned else ""
    return (
        f"From: x@globex.test\nSubject: x\nContent-Type: multipart/report; report-type={kind}; boundary=b\n\n"
        f"--b\n\nAbout your mail.\n--b\nContent-Type: message/{machine}\n\n{fields}\n{last}--b--\n"
    ).encode()


RETURNED = "Message-ID: <m1@acme.test>\nSubject: y\n\nhello"


@pytest.mark.parametrize(
    ("disposition", "what"),
    [
        ("manual-action/MDN-sent-manually; displayed", "displayed"),
        ("automatic-action/MDN-sent-automatically;deleted/error", "deleted"),
        ("manual-action/MDN-sent-manually;\n DISPLAYED", "displayed"),
        ("nonsense", "nonsense"),
        ("", "receipt"),
    ],
)
def test_a_receipt(disposition: str, what: str) -> None:
    fields = f"Final-Recipient: rfc822; carla@globex.test\nOriginal-Message-ID: <m1@acme.test>\nDisposition: {disposition}\n"  # fmt: skip
    mail = parse(report_of("disposition-notification", "disposition-notification", fields)).mail
    assert (mail.kind, mail.report) == (Kind.RECEIPT, Report(what, "<m1@acme.test>"))


def test_a_receipt_that_gives_the_mail_back() -> None:
    raw = report_of(
        "disposition-notification", "disposition-notification", "Disposition: a/b; displayed\n", RETURNED
    )
    assert parse(raw).mail.report == Report("displayed", "<m1@acme.test>")


def test_a_report_of_success() -> None:
    fields = "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; carla@globex.test\nAction: relayed\nStatus: 2.0.0\n"
    mail = parse(report_of("delivery-status", "delivery-status", fields, RETURNED)).mail
    assert (mail.kind, mail.report) == (Kind.RECEIPT, Report("relayed", "<m1@acme.test>"))


@pytest.mark.parametrize(
    ("fields", "report"),
    [
        ("Feedback-Type: abuse\nVersion: 1\n", Report("abuse", "<m1@acme.test>")),
        ("Feedback-Type: Not-Spam\nOriginal-Mail-From: <support+t0ken@acme.test>\n", Report("not-spam", "<m1@acme.test>", "support+t0ken@acme.test")),
        ("Version: 1\nOriginal-Mail-From: <>\n", Report("abuse", "<m1@acme.test>")),
    ],
)  # fmt: skip
def test_an_abuse_report(fields: str, report: Report) -> None:
    mail = parse(report_of("feedback-report", "feedback-report", fields, RETURNED)).mail
    assert (mail.kind, mail.report) == (Kind.REPORT, report)


def test_a_person_reports_nothing() -> None:
    assert parse(b"From: a@b.test\nSubject: x\n\nDisposition: a/b; displayed\n").mail.report is None


@pytest.mark.parametrize(
    ("status", "diagnostic", "words", "found"),
    [
        ("Status: 5.1.1\n", "smtp; 550 no", "Sorry.", ("5.1.1", False)),
        ("", "smtp; 550 5.2.1 disabled", "Sorry.", ("5.2.1", False)),
        ("", "smtp; 550 no", "The server said: 550 5.1.10 no such user", ("5.1.10", False)),
        ("", "smtp; 550 no", "The server said: 550 blocked", ("5.1.1", True)),
    ],
)
def test_which_statuses_are_guessed(
    status: str, diagnostic: str, words: str, found: tuple[str, bool]
) -> None:
    fields = f"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; carla@globex.test\nAction: failed\n{status}Diagnostic-Code: {diagnostic}\n"  # fmt: skip
    raw = report_of("delivery-status", "delivery-status", fields).replace(b"About your mail.", words.encode())
    bounce = parse(raw).mail.bounce
    assert bounce is not None
    [failed] = bounce.recipients
    assert (failed.status, failed.guessed) == found
