"""What may follow from an event: the closed union that `decide` returns and `flow` applies in order, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from maild.desk.facts import Address, Forwarded
from maild.desk.people import Ticket
from maild.desk.questions import Question
from maild.desk.rule_trace import Trace
from maild.desk.words import Happening, Role, Scope

NEW: Final = 0
"""Stands for the ticket that this decision opens: its number is born when it is stored. Further new ones are -1, -2 …"""


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """`due`: due times by target name, in UTC; `clock_at`: when there is something to be done about them first. `key`: what stands for it in this decision.
    `person`: the requester's number, for one without an address; `phone`: the telephone number of one who is new. `look_at`: when rules on
    time should look at it."""

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
    key: int = NEW
    person: int | None = None
    look_at: datetime | None = None
    clock_at: datetime | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class AddMessage:
    """The mail that arrived (or the text of an act) becomes a message of the ticket, None: kept without one.

    `direction` "in", or "out" for what an agent answers to the requester's side. `text` is what is shown and, going out, sent.
    `instead_of`: the message as which the same mail was kept before. `part`: a piece of somebody's words, without the mail's files.
    `original`: it is not the mail itself but what that passes on, and `by` has passed it on. `heard`: people of the requester's side who have
    the mail itself.
    """

    ticket: int | None
    author: Address
    direction: str
    public: bool
    kind: str
    text: str
    minutes: int | None = None
    instead_of: int | None = None
    part: bool = False
    original: Forwarded | None = None
    by: Address | None = None
    heard: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class MoveMessage:
    """A message becomes one of another ticket."""

    message: int
    ticket: int


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
class Merge:
    """What is known by the ticket (ancestors, links) is known by `into` from now on. States and people are other effects."""

    ticket: int
    into: int


@dataclass(frozen=True, slots=True)
class SetRequester:
    """Somebody else is the requester; without an address a caller, who is written nothing. `person`: his number, when the register has him."""

    ticket: int
    requester: Address
    phone: str | None = None
    person: int | None = None


@dataclass(frozen=True, slots=True)
class BelongsTo:
    """The ticket's requester belongs to this organisation from now on (None: to that of his address)."""

    ticket: int
    organisation: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """The mail that arrived waits for a word of its author. `why`: crossing (a colleague answered before) or confirm."""

    ticket: int
    agent: str
    why: str


@dataclass(frozen=True, slots=True)
class Release:
    """A held mail is decided anew, without what held it."""

    held: int


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the history. `detail` holds JSON values only. `ticket` None: of the desk, not of a ticket."""

    ticket: int | None
    actor: str
    event: str
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_warning(self) -> bool:
        """Whether somebody is warned of something wrong, which `detail["subject"]` names: he is once a day at most."""
        return self.ticket is None and self.event == "warned"


@dataclass(frozen=True, slots=True)
class Tell:
    """One mail to one person, about everything that happened in this transaction.

    `scope` says whom an answer to it reaches (None: nobody). `public` is true for what only shows public things.
    `automatic`: marked and counted as automatic mail (every mail but an agent's own answer).
    `lines` are texts for the template (a transcript's lines, an alert's sentences). `answers`: it is in answer to the mail that arrived.
    `named`: other tickets that it speaks of. `form`: the template it is made of, when that is not `template`. An acknowledgement's
    `lines` are links that may help; `opened_for_you`: somebody else opened the ticket for him. `runbooks`: guides (names) that an
    agent is shown. `supplied`: what the reader gave of what he was asked, as key of the need and value of its field, "" for what is not repeated.
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
    named: tuple[int, ...] = ()
    form: str = ""
    opened_for_you: bool = False
    runbooks: tuple[str, ...] = ()
    supplied: tuple[tuple[str, str], ...] = ()


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
class SetAway:
    """An agent (address in lower case) is away until then; None: he is back."""

    agent: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class HandOver:
    """A ticket of an agent who is away falls due, at `due`, before he is back: it is another one's now, None: nobody's."""

    ticket: int
    agent: str
    to: str | None
    due: datetime


@dataclass(frozen=True, slots=True)
class TookTurn:
    """This agent (address) got the last ticket that was given in this turn (`staffing.Chosen.turn`)."""

    turn: str
    agent: str


@dataclass(frozen=True, slots=True)
class Fired:
    """These rules on time fired for the ticket, and will not again until a person writes or changes something."""

    ticket: int
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Respond:
    """A question that came by mail is answered by mail, with what the store knows when it is written. `role` says what the reader may
    see; `ticket`: the one that is asked for, if it is one; `languages`: those in which the words that ask are said."""

    to: Address
    role: Role
    question: Question
    ticket: int | None = None
    languages: tuple[str, ...] = ()
    delay: datetime | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """The ticket, as it stands when this decision is applied, is posted to the URL. `rule` asked for it on that `occasion` (ticket, reply,
    change or time; escalation for a step)."""

    ticket: int
    url: str
    rule: str
    occasion: str


@dataclass(frozen=True, slots=True)
class MarkFailed:
    """A mail of ours did not arrive. `by` as in `people.SentMail.failed_by`."""

    outbox: int
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Suppress:
    """Nothing automatic goes to this address any more."""

    address: str
    why: str


@dataclass(frozen=True, slots=True)
class Allow:
    """Automatic mail may go to this address again."""

    address: str


Effect = (
    OpenTicket
    | AddMessage
    | AddRoute
    | ChangeTicket
    | AddParticipants
    | RemoveParticipant
    | Watch
    | Link
    | MoveMessage
    | Merge
    | SetRequester
    | BelongsTo
    | Hold
    | Release
    | Record
    | Tell
    | Digest
    | SetAway
    | HandOver
    | TookTurn
    | Fired
    | Respond
    | Post
    | MarkFailed
    | Suppress
    | Allow
)


@dataclass(frozen=True, slots=True)
class Given:
    """What the world lends to a decision: the time (aware, UTC) and, for identifiers, characters never used before.

    `whole`: somebody wants to know of every rule, not only of those that fired.
    """

    now: datetime
    fresh: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: which step, what it came to, on what evidence. Kept with the event and shown when somebody asks."""

    step: str
    outcome: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """`traces`: what the rules looked at, one for each time they were asked."""

    effects: tuple[Effect, ...]
    reasons: tuple[Reason, ...]
    traces: tuple[Trace, ...] = ()
