"""What `decide` may know of the store: first what it wants to know of a mail, then what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from maild.desk.people import Message, Person, SentMail, Ticket
from maild.desk.tokens import Key


@dataclass(frozen=True, slots=True)
class Wanted:
    """Look-ups for one mail. Addresses in lower case; message-ids with brackets; `since` bounds the counting of mail
    sent automatically to `counted`. `identity` and `content_identity` find the same message by another route."""

    message_ids: tuple[str, ...] = ()
    tickets: tuple[int, ...] = ()
    persons: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()
    identity: str = ""
    content_identity: str = ""
    counted: tuple[str, ...] = ()
    outbox: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Automatic mails queued in the window of each limit: to the address, to its domain, and in all (last hour)."""

    address: int = 0
    domain: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store knew when the transaction began.

    `same` is the message with the same identity, if there is one. `sent`: mails of ours by Message-ID.
    `ancestors`: tickets in which a Message-ID has been seen, newest first. `tickets` holds every ticket that any of
    these name, and where merged ones live now; `people` by address (lower case), `persons` by number.
    `automatic`: counts by address (lower case). `ticket_automatic`: automatic mails of each ticket in the last day.
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

    def resolve(self, number: int) -> Ticket | None:
        """The ticket, followed through merges to where it lives now; None when unknown."""
        ticket = self.tickets.get(number)
        seen: set[int] = set()
        while ticket is not None and ticket.merged_into is not None and ticket.id not in seen:
            seen.add(ticket.id)
            ticket = self.tickets.get(ticket.merged_into)
        return ticket
