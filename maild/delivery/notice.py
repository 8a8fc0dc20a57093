"""What a template is told: everything a mail of ours may show, gathered by `flow`, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maild.desk.effects import Change
from maild.desk.people import Message, Person, Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.words import Happening, Role, Scope


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One thing in a digest."""

    at: datetime
    ticket: int | None
    subject: str
    happenings: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail to one person before it is rendered.

    `message` is the one it is about (for an outside recipient always a public one); `history` the whole ticket, oldest first,
    already cut down to what the recipient may see. `changes` since the last mail. `earlier`: other tickets of the requester, newest
    first. `actor` is the name of who caused it, "" for the desk. `reply_address` is where an answer goes. `lines`, `digest` for templates
    that list things.
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
