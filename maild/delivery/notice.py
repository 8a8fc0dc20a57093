"""What a template is told: everything a mail of ours may show, gathered by `flow`, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from maild.desk.effects import Change
from maild.desk.people import Message, Person, Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.selection import Figures
from maild.desk.words import Happening, Role, Scope


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One thing in a digest."""

    at: datetime
    ticket: int | None
    subject: str
    happenings: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Tickets of one list, in the order in which they are shown; `total`: how many it holds in all."""

    name: str
    tickets: tuple[Ticket, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Board:
    """The answer to a question by mail: `question` as it was understood. `away`: agents by address, with when each is back.
    `since`: how long the ticket of the mail has been in its state. `lists`, `commands`: what help lists."""

    question: str
    sections: tuple[Section, ...] = ()
    away: Mapping[str, datetime] = field(default_factory=dict)
    figures: Figures | None = None
    since: datetime | None = None
    lists: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail to one person before it is rendered.

    `message` is the one it is about (for an outside recipient always a public one); `history` the whole ticket, oldest first,
    already cut down to what the recipient may see. `changes` since the last mail. `earlier`: other tickets of the requester, newest
    first. `actor` is the name of who caused it, "" for the desk. `reply_address` is where an answer goes. `lines`, `digest`, `named` (other
    tickets) for templates that list things. `opened_for_you`: somebody else opened the ticket for its requester. `board`: the answer to a question.
    """

    template: str
    recipient: Person
    role: Role
    happenings: tuple[Happening, ...]
    scope: Scope | None
    language: str
    now: datetime
    rulebook: Rulebook
    reply_address: str
    ticket: Ticket | None = None
    message: Message | None = None
    history: tuple[Message, ...] = ()
    changes: tuple[Change, ...] = ()
    earlier: tuple[Ticket, ...] = ()
    actor: str = ""
    lines: tuple[str, ...] = ()
    digest: tuple[DigestLine, ...] = ()
    omitted: tuple[str, ...] = ()
    named: tuple[Ticket, ...] = ()
    opened_for_you: bool = False
    board: Board | None = None
