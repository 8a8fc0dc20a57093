"""Messages of tickets, made of mails that arrived and of what people did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maild.desk.effects import AddMessage
from maild.desk.events import MessageArrived
from maild.desk.facts import Forwarded, Parsed
from maild.desk.leaving import may_leave
from maild.desk.people import Message, Person
from maild.desk.timeline import IMPORT
from store.rows import NewMessage


@dataclass(frozen=True, slots=True)
class Arrived:
    """The mail behind a decision: its event and its parts."""

    event: MessageArrived
    parsed: Parsed
    sha256: str


def of_mail(
    effect: AddMessage, arrived: Arrived, now: datetime, ticket: int | None, person: Person | None
) -> NewMessage:
    """The message that the mail that arrived becomes, `person` being its author."""
    mail, envelope = arrived.parsed.mail, arrived.event.envelope
    own_words = (effect.direction == "out" or not effect.public) and envelope.route != IMPORT
    if effect.original is not None:
        return _of_original(effect, effect.original, arrived, now, ticket, person)
    return NewMessage(
        ticket=ticket, at=envelope.received_at, created_at=now, direction=effect.direction, public=effect.public, kind=effect.kind,
        from_name=effect.author.name, from_address=effect.author.address, to=tuple(address.address for address in mail.to),
        cc=tuple(address.address for address in mail.cc), subject=mail.subject, text=effect.text,
        reply=effect.text if own_words else mail.reply, person=person.id if person else None, message_id=mail.message_id,
        identity=mail.identity if mail.message_id else None, content_identity=mail.content_identity or None,
        html=None if own_words else mail.html, language=mail.language, intake=arrived.event.intake, sha256=arrived.sha256,
        minutes=effect.minutes, attachments=mail.attachments, defects=mail.defects,
    )  # fmt: skip


def _of_original(
    effect: AddMessage, original: Forwarded, arrived: Arrived, now: datetime, ticket: int | None, person: Person | None
) -> NewMessage:  # fmt: skip
    """A message that the mail that arrived only passes on."""
    mail, received = arrived.parsed.mail, arrived.event.envelope.received_at
    at = original.at if original.at is not None and original.at <= received else received
    return NewMessage(
        ticket=ticket, at=at, created_at=now, direction=effect.direction, public=effect.public, kind=effect.kind,
        from_name=effect.author.name, from_address=effect.author.address, to=(), cc=(), subject=original.subject, text=effect.text,
        reply=effect.text, person=person.id if person else None, message_id=mail.message_id,
        identity=mail.identity if mail.message_id else None, content_identity=mail.content_identity or None, language=mail.language,
        intake=arrived.event.intake, sha256=arrived.sha256, defects=mail.defects,
        attachments=tuple(one for one in mail.attachments if may_leave(one)),
    )  # fmt: skip


def of_act(effect: AddMessage, now: datetime, ticket: int | None, person: Person | None) -> NewMessage:
    """The message that an act, or a piece of somebody's words, becomes."""
    return NewMessage(
        ticket=ticket, at=now, created_at=now, direction=effect.direction, public=effect.public, kind=effect.kind,
        from_name=effect.author.name, from_address=effect.author.address, to=(), cc=(), subject="", text=effect.text, reply=effect.text,
        person=person.id if person else None, minutes=effect.minutes,
    )  # fmt: skip


def as_read(number: int, new: NewMessage) -> Message:
    """A message just stored, as others will read it."""
    return Message(
        number, new.ticket, new.at, new.direction, new.public, new.kind, new.from_name, new.from_address, new.to, new.subject, new.text,
        new.reply, new.message_id, new.attachments, new.minutes, None, new.sha256, new.html,
    )  # fmt: skip
