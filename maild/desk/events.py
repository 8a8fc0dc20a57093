"""What can happen to the desk: the closed union that `decide` takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maild.desk.facts import Archive, Envelope, Mail


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A mail came in and was parsed. `intake` is its row. `leaking`: names of attachments that hold mail or tokens of ours.
    `lifted`: what held it before and does not any more (`effects.Hold.why`). `archive`: how it is brought in, when it comes out of one."""

    intake: int
    mail: Mail
    envelope: Envelope
    leaking: tuple[str, ...] = ()
    lifted: tuple[str, ...] = ()
    archive: Archive | None = None


@dataclass(frozen=True, slots=True)
class ClockDue:
    """A due time of a ticket has come. `clock` names it. `crowd`: that of many others as well, so that agents get digests."""

    ticket: int
    clock: str
    due: datetime
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Acted:
    """Somebody acted on a ticket by command line or portal: command lines as in CONTRACT §4, and a text.

    `actor` is an agent's address, or "admin" for the admin on this host.
    """

    ticket: int
    actor: str
    commands: tuple[str, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """A mail of ours (its row) was refused for good. `status`: the enhanced code of the relay's reply (RFC 3463), None when it gave none."""

    outbox: int
    reason: str
    status: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveredLate:
    """A mail of ours (its row) that had failed for good was taken after all when it was tried again."""

    outbox: int


Event = MessageArrived | ClockDue | Acted | DeliveryFailed | DeliveredLate
