"""What may follow from an event: the closed union that `decide` returns and `flow` applies in order, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from maild.desk.facts import Address
from maild.desk.people import Ticket
from maild.desk.words import Happening, Role, Scope

NEW: Final = 0
"""Stands for the ticket that this decision opens: its number is born when it is stored."""


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """`due`: due times by target name, in UTC."""

    subject: str
    requester: Address
    received_at: datetime
    language: str | None
    channel: str
    organisation: str | None
    team: str | None
    priority: int
    sla: str | None
    due: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AddMessage:
    """The mail that arrived (or the text of an act) becomes a message of the ticket, None: kept without one.

    `direction` "in", or "out" for what an agent answers to the requester's side. `text` is what is shown and, going out, sent.
    """

    ticket: int | None
    author: Address
    direction: str
    public: bool
    kind: str
    text: str
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class AddRoute:
    """The mail is a message we have: only the way by which it came again is kept."""

    message: int


@dataclass(frozen=True, slots=True)
class Change:
    """A ticket's column `name` (or `field.NAME`) goes from `old` to `new`. Values are those of `people.Ticket`."""

    name: str
    old: object
    new: object


def changed(ticket: Ticket, changes: Iterable[Change]) -> Ticket:
    """The ticket with these changes."""
    columns: dict[str, Any] = {}
    fields = dict(ticket.fields)
    for change in changes:
        name = change.name.removeprefix("field.")
        if name == change.name:
            columns[name] = change.new
        elif change.new is None:
            fields.pop(name, None)
        else:
            fields[name] = str(change.new)
    return replace(ticket, fields=fields, **columns)


@dataclass(frozen=True, slots=True)
class ChangeTicket:
    ticket: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class AddParticipants:
    ticket: int
    people: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class RemoveParticipant:
    ticket: int
    address: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody among the agents follows the ticket, or (`on` false) no longer."""

    ticket: int
    address: str
    on: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    ticket: int
    other: int
    kind: str


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the history. `detail` holds JSON values only. `ticket` None: of the desk, not of a ticket."""

    ticket: int | None
    actor: str
    event: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tell:
    """One mail to one person, about everything that happened in this transaction.

    `scope` says whom an answer to it reaches (None: nobody). `public` is true for what only shows public things.
    `automatic`: marked and counted as automatic mail (every mail but an agent's own answer).
    `lines` are texts for the template (a transcript's lines, an alert's sentences). `answers`: it is in answer to the mail that arrived.
    """

    ticket: int | None
    to: Address
    role: Role
    template: str
    happenings: tuple[Happening, ...]
    scope: Scope | None
    public: bool
    automatic: bool
    lines: tuple[str, ...] = ()
    answers: bool = False
    delay: datetime | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """To be told later, together with other things, at `due`. `why`: daily or storm."""

    ticket: int | None
    to: Address
    role: Role
    happenings: tuple[Happening, ...]
    due: datetime
    why: str


@dataclass(frozen=True, slots=True)
class MarkFailed:
    """A mail of ours did not arrive."""

    outbox: int
    reason: str


Effect = (
    OpenTicket
    | AddMessage
    | AddRoute
    | ChangeTicket
    | AddParticipants
    | RemoveParticipant
    | Watch
    | Link
    | Record
    | Tell
    | Digest
    | MarkFailed
)


@dataclass(frozen=True, slots=True)
class Given:
    """What the world lends to a decision: the time (aware, UTC) and, for identifiers, characters never used before."""

    now: datetime
    fresh: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: which step, what it came to, on what evidence. Kept with the event and shown when somebody asks."""

    step: str
    outcome: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    effects: tuple[Effect, ...]
    reasons: tuple[Reason, ...]
