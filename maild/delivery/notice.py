"""What a template is told: everything a mail of ours may show, gathered by `flow`, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from maild.desk.effects import Change
from maild.desk.people import Message, Person, Ticket
from maild.desk.reporting import Report
from maild.desk.rulebook import Rulebook, Runbook
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
    """The answer to a question by mail: `question` as it was understood ("" for what comes unasked). `away`: agents by address, with when
    each is back. `since`: how long the ticket of the mail has been in its state. `lists`, `commands`: what help lists. `glossary`: lists of words (`questions.WORDS`) that are explained. `waiting`: since
    when tickets of the lists have been in their state. `page`: it is shown as a page and not mailed."""

    question: str
    sections: tuple[Section, ...] = ()
    away: Mapping[str, datetime] = field(default_factory=dict)
    report: Report | None = None
    since: datetime | None = None
    lists: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    runbooks: tuple[Runbook, ...] = ()
    glossary: tuple[str, ...] = ()
    waiting: Mapping[int, datetime] = field(default_factory=dict)
    page: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """What a requester is asked when his request is solved: an address for each answer, "" where there is none. `ratings`: from 1 to 5."""

    confirm: str = ""
    ratings: tuple[str, ...] = ("",) * 5


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail to one person before it is rendered.

    `message` is the one it is about (for an outside recipient always a public one); `history` the whole ticket, oldest first,
    already cut down to what the recipient may see. `changes` since the last mail. `earlier`: other tickets of the requester, newest
    first. `actor` is the name of who caused it, "" for the desk. `reply_address` is where an answer goes. `lines`, `digest`, `named` (other
    tickets) for templates that list things. `opened_for_you`: somebody else opened the ticket for its requester. `board`: the answer to a question.
    `survey`: the requester is asked whether it helped. `solution`: what was last answered in public, for a mail that closes.
    `supplied`: as in `Tell`.
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
    runbooks: tuple[Runbook, ...] = ()
    survey: Survey | None = None
    solution: Message | None = None
    supplied: tuple[tuple[str, str], ...] = ()
