"""People as the register knows them, and tickets and messages as the desk sees them: views of what the store holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from maild.desk.facts import Attachment
from maild.desk.words import Role, Scope, State


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of the register. `address` is where mail goes ("" for a caller without one), in its own spelling."""

    id: int
    name: str
    address: str
    organisation: str | None = None
    language: str | None = None
    zone: str | None = None
    phone: str | None = None
    groups: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.address.lower()


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as stored. Times are aware, in UTC. `participants` and `watchers` do not hold the requester.

    `due_at` is when an agent hopes to have it done; the promises' due times are the others. `urls`: related pages outside.
    `active_at`: when a person last wrote or changed something. `look_at`: when rules on time should look at it again; None: never.
    `clock_at`: when there is something to be done about its promises. `chosen`: columns (priority, impact) that a rule or an agent has set, so that
    they follow from nothing else. `asked`: keys of needs in the order in which the requester was asked for them, so that the first is question 1;
    `met`: those that were given. `step`: how many steps of the escalation it has taken; `contact`: the first-line agent who stays its contact.
    `dormant`: it came out of an archive and nobody has written or changed anything since, so that nothing happens to it by itself.
    """

    id: int
    subject: str
    state: State
    requester: Person
    received_at: datetime
    created_at: datetime
    updated_at: datetime
    type: str | None = None
    category: str | None = None
    severity: str | None = None
    impact: str | None = None
    urgency: str | None = None
    priority: int = 3
    level: int = 1
    tags: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None
    channel: str = "email"
    organisation: str | None = None
    team: str | None = None
    assignee: str | None = None
    sla: str | None = None
    participants: tuple[Person, ...] = ()
    watchers: tuple[str, ...] = ()
    first_response_at: datetime | None = None
    solved_at: datetime | None = None
    closed_at: datetime | None = None
    first_response_due: datetime | None = None
    update_due: datetime | None = None
    resolution_due: datetime | None = None
    silence_due: datetime | None = None
    breached: tuple[str, ...] = ()
    due_at: datetime | None = None
    active_at: datetime | None = None
    look_at: datetime | None = None
    clock_at: datetime | None = None
    urls: tuple[str, ...] = ()
    cause: str | None = None
    solution: str | None = None
    merged_into: int | None = None
    satisfaction: int | None = None
    minutes_spent: int = 0
    chosen: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    met: tuple[str, ...] = ()
    step: int = 0
    contact: str | None = None
    runbooks: tuple[str, ...] = ()
    dormant: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message or note of a ticket, for views and mails. `text` is the whole, `reply` the new words.

    `direction` is "in" or "out"; `kind` as in CONTRACT §6. `sha256` names the raw mail of an incoming message.
    """

    id: int
    ticket: int | None
    at: datetime
    direction: str
    public: bool
    kind: str
    from_name: str
    from_address: str
    to: tuple[str, ...]
    subject: str
    text: str
    reply: str
    message_id: str | None = None
    attachments: tuple[Attachment, ...] = ()
    minutes: int | None = None
    delivery: str | None = None
    sha256: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail of ours that an incoming one names: to whom it went, about what, and whom an answer to it reaches.

    `intake`: the mail whose arrival it told of (a transcript: the mail it is in answer to). `message`: the one it carries.
    `failed_by`: how it is known that it did not arrive: "relay", "bounce" (at its bounce address), "message-id" (a report that could be
    forged); None as long as it has not failed.
    """

    message_id: str
    outbox: int
    ticket: int | None
    person: Person
    role: Role
    scope: Scope
    at: datetime
    key_id: int
    kind: str
    intake: int | None = None
    message: int | None = None
    failed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An agent's answer on its way to the requester: when it was given, and by which mail (`outbox`) it goes."""

    at: datetime
    outbox: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Suppression:
    """Since when and why nothing automatic goes to an address."""

    at: datetime
    why: str
