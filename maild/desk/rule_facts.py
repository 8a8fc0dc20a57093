"""What the conditions of rules look at beside the ticket: the mail that arrived, who wrote it, the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from maild.desk.facts import Address, Mail
from maild.desk.people import Ticket

TEXT_MAX = 100_000
"""How much of one text rules look at, in characters."""


class AttachedFile(NamedTuple):
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class MailFacts:
    """A mail as rules see it. Addresses of `to` in lower case; `header` as written, names compared without case.

    `body`: the new words and a forwarded text, without quotes and signature. `language` None: too short to tell.
    """

    sender: Address | None = None
    to: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    header: tuple[tuple[str, str], ...] = ()
    attachments: tuple[AttachedFile, ...] = ()
    language: str | None = None
    kind: str = "person"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is no column of the ticket. `mail` is None when none arrived (`on: change`, `on: time`).

    `organisation`, `groups`: of who wrote, else of the requester. `now` is aware. `idle`, `age`: wall clock since a person last
    wrote or changed something, and since the ticket came. `open`: calendars known to be in or out of hours, whatever `now` says.
    None: not known, and a condition on it can't tell.
    """

    mail: MailFacts | None = None
    organisation: str | None = None
    groups: tuple[str, ...] = ()
    now: datetime | None = None
    idle: timedelta | None = None
    age: timedelta | None = None
    open: Mapping[str, bool] | None = None


def of_mail(mail: Mail, author: Address, recipients: Iterable[str] = ()) -> MailFacts:
    """The facts of a mail by `author` (From, or for web forms Reply-To); `recipients` are the envelope's."""
    parts = (mail.reply, mail.forwarded.text if mail.forwarded else "")
    to = (*(address.key for address in (*mail.to, *mail.cc)), *(address.lower() for address in recipients))
    return MailFacts(
        sender=author if author.address else None,
        to=tuple(dict.fromkeys(to)),
        subject=mail.subject,
        body="\n".join(part for part in parts if part),
        header=mail.header,
        attachments=tuple(AttachedFile(one.name, one.type) for one in mail.attachments if not one.inline),
        language=mail.language,
        kind=mail.kind,
    )


def of_ticket(ticket: Ticket, now: datetime, last_activity: datetime, groups: tuple[str, ...] = ()) -> Facts:
    """The facts of a ticket without a mail: `on: change` and `on: time`. `last_activity`: when a person last wrote or changed it."""
    return Facts(
        organisation=ticket.organisation,
        groups=groups,
        now=now,
        idle=now - last_activity,
        age=now - ticket.received_at,
    )
