"""Mails as people's mail programs write them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from tests.way.relay import Received

Attachment = tuple[str, str, bytes]
"""File name, type, content."""

DESK = "support@acme.test"


def letter(
    sender: str,
    subject: str,
    text: str,
    *,
    to: str = DESK,
    cc: str = "",
    headers: Mapping[str, str] | None = None,
    attachments: Sequence[Attachment] = (),
    html: str = "",
) -> EmailMessage:
    """A new mail. `headers` are set last and replace; one with the value "" is left out."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    if cc:
        mail["Cc"] = cc
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{secrets.token_hex(8)}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for name, kind, content in attachments:
        main, _, sub = kind.partition("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    for name, value in (headers or {}).items():
        del mail[name]
        if value:
            mail[name] = value
    return mail


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def answer(
    to: Received,
    sender: str,
    text: str,
    *,
    subject: str | None = None,
    cc: str = "",
    headers: Mapping[str, str] | None = None,
    attachments: Sequence[Attachment] = (),
) -> EmailMessage:
    """What "Reply" makes of a mail: to its Reply-To, threaded, the whole of it quoted below."""
    body = f"{text}\n\nOn {to['Date']}, {to['From']} wrote:\n{quoted(to.text)}\n"
    mail = letter(
        sender, subject or f"Re: {to['Subject']}", body, to=to.reply_address, cc=cc, attachments=attachments
    )
    mail["In-Reply-To"] = to["Message-ID"]
    mail["References"] = f"{to['References']} {to['Message-ID']}".strip()
    for name, value in (headers or {}).items():
        del mail[name]
        if value:
            mail[name] = value
    return mail


def bounce_of(mail: Received, *, permanent: bool = True) -> bytes:
    """The report about a mail of the desk that a mail server sends to its envelope sender (RFC 3464)."""
    status, action = ("5.1.1", "failed") if permanent else ("4.4.1", "delayed")
    lines = f"""\
From: Mail Delivery System <MAILER-DAEMON@mx.globex.test>
To: {mail.sender}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Date: {format_datetime(datetime.now(UTC))}
Message-ID: <{secrets.token_hex(8)}@mx.globex.test>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b="

--=b=
Content-Type: text/plain

This is the mail system at mx.globex.test. Your message could not be delivered.

--=b=
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.globex.test

Final-Recipient: rfc822; {mail.recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 no such user here

--=b=
Content-Type: text/rfc822-headers

Message-ID: {mail["Message-ID"]}
Subject: {mail["Subject"]}

--=b=--
"""
    return lines.replace("\n", "\r\n").encode()
