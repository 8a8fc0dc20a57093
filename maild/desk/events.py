"""What can happen to the desk: the closed union that `decide` takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maild.desk.facts import Envelope, Mail


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A mail came in and was parsed. `intake` is its row. `leaking`: names of attachments that hold mail or tokens of ours."""

    intake: int
    mail: Mail
    envelope: Envelope
    leaking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockDue:
    """A due time of a ticket has come. `clock` names it."""

    ticket: int
    clock: str
    due: datetime


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
    """A mail of ours failed for good. `answer`: it carried an agent's answer to the requester's side. `inside`: it was to an agent.

    `ticket` None: it was about no ticket.
    """

    ticket: int | None
    recipient: str
    answer: bool
    inside: bool
    reason: str


Event = MessageArrived | ClockDue | Acted | DeliveryFailed
