"""What `decide` may know of the store: first what it wants to know of a mail, then what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from maild.desk.people import Answer, Message, Person, SentMail, Suppression, Ticket
from maild.desk.staffing import Staff
from maild.desk.timeline import Moment
from maild.desk.tokens import Key


@dataclass(frozen=True, slots=True)
class Wanted:
    """Look-ups for one mail. Addresses in lower case; message-ids with brackets; `since` bounds the counting of mail
    sent automatically to `counted`. `identity` and `content_identity` find the same message by another route.
    `agent`: the address of an agent who may have written it: then what colleagues answered meanwhile, what is held of him and the
    messages that he answers are looked up; `parts`: all messages of the tickets; `undo`: what he changed in the last hour.
    `away`: who of the agents is. `owned`: an agent, for the tickets he is responsible for. `helped`: an address, for when help went there.
    `clocks`: what counts for the promises of the tickets.
    `callers`: names and telephone numbers as somebody wrote them, for whom of the register they mean. `newcomer`: an address, for whether it takes
    part in any ticket. `written_at`: when a mail out of an archive was, so that its like is looked for around that time.
    `bounded`: where automatic mail is bounded beyond an address: "domain", "all"; then others do not count there meanwhile.
    `staff`: the ways of `rules.WAYS` by which rules assign. `fired`: a ticket, for the rules on time that fired for it since then."""

    message_ids: tuple[str, ...] = ()
    tickets: tuple[int, ...] = ()
    persons: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()
    identity: str = ""
    content_identity: str = ""
    counted: tuple[str, ...] = ()
    outbox: tuple[int, ...] = ()
    agent: str = ""
    parts: bool = False
    undo: bool = False
    away: bool = False
    owned: str = ""
    helped: str = ""
    staff: frozenset[str] = frozenset()
    fired: tuple[int, datetime] | None = None
    clocks: bool = False
    callers: tuple[str, ...] = ()
    newcomer: str = ""
    bounded: frozenset[str] = frozenset()
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A mail of an agent that was not carried out, and may be yet. `intake`: its row. `why`: crossing or confirm."""

    id: int
    intake: int
    ticket: int
    agent: str
    why: str
    at: datetime
    done: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """A line of the history in which somebody did something: what was changed from what to what, as JSON values."""

    at: datetime
    actor: str
    names: Mapping[str, tuple[object, object]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Automatic mails queued in the last hour: to the address; to its domain and in all 0 unless `Wanted.bounded`."""

    address: int = 0
    domain: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store knew when the transaction began.

    `same` is the message with the same identity, if there is one. `sent`: mails of ours by Message-ID.
    `ancestors`: tickets in which a Message-ID has been seen, newest first. `tickets` holds every ticket that any of
    these name, and where merged ones live now; `people` by address (lower case), `persons` by number.
    `answered`: the last public answer in each ticket of an agent other than `Wanted.agent`. `messages` by number: those that the mails
    in `sent` carry, or all of the tickets. `held`: what waits of that agent. `done`: what he did in each ticket within the last
    hour, oldest first.
    `automatic`: counts by address (lower case). `ticket_automatic`: automatic mails of each ticket in the last day.
    `suppressed`: those of the addresses counted that get nothing automatic. `repeated`: how many messages with the same author and
    words came within a day. `away`: agents who are, with when each is back. `owned`: unfinished tickets of `Wanted.owned`. `helped`: when
    help last went to `Wanted.helped`. `callers`: those of the register whom each of `Wanted.callers` may mean. `acquainted`: `Wanted.newcomer` is
    the requester or a participant of a ticket; `refused`: when the desk last answered it that it takes no requests from there. `answers`: agents' answers in each ticket, when the event is about a mail of `outbox`.
    """

    keys: tuple[Key, ...]
    same: Message | None = None
    sent: Mapping[str, SentMail] = field(default_factory=dict)
    outbox: Mapping[int, SentMail] = field(default_factory=dict)
    ancestors: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    tickets: Mapping[int, Ticket] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    persons: Mapping[int, Person] = field(default_factory=dict)
    automatic: Mapping[str, Counts] = field(default_factory=dict)
    ticket_automatic: Mapping[int, int] = field(default_factory=dict)
    warned: Mapping[str, datetime] = field(default_factory=dict)
    suppressed: Mapping[str, Suppression] = field(default_factory=dict)
    repeated: int = 0
    answers: Mapping[int, tuple[Answer, ...]] = field(default_factory=dict)
    answered: Mapping[int, Message] = field(default_factory=dict)
    messages: Mapping[int, Message] = field(default_factory=dict)
    held: tuple[Held, ...] = ()
    done: Mapping[int, tuple[Changed, ...]] = field(default_factory=dict)
    away: Mapping[str, datetime] = field(default_factory=dict)
    owned: tuple[Ticket, ...] = ()
    helped: datetime | None = None
    staff: Staff = field(default_factory=Staff)
    fired: tuple[str, ...] = ()
    moments: Mapping[int, tuple[Moment, ...]] = field(default_factory=dict)
    callers: Mapping[str, tuple[Person, ...]] = field(default_factory=dict)
    acquainted: bool = False
    refused: datetime | None = None

    def is_at(self, person: Person, key: str) -> bool:
        """Whether this address (lower case) is one of the person's."""
        known = self.people.get(key)
        return bool(key) and (person.key == key or (known is not None and known.id == person.id))

    def resolve(self, number: int) -> Ticket | None:
        """The ticket, followed through merges to where it lives now; None when unknown."""
        ticket = self.tickets.get(number)
        seen: set[int] = set()
        while ticket is not None and ticket.merged_into is not None and ticket.id not in seen:
            seen.add(ticket.id)
            ticket = self.tickets.get(ticket.merged_into)
        return ticket
