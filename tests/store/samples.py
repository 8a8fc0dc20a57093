"""Values that tests of the store put in; every builder takes what the test is about and fills in the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from maild.desk.facts import Address, Envelope
from maild.desk.people import Person, Ticket
from maild.desk.words import Role, Scope
from store import Work
from store.rows import Arrival, NewMail, NewMessage

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(minutes=5)


def envelope(**changes: Any) -> Envelope:
    values: dict[str, Any] = {
        "sender": "carla@customer.test",
        "recipients": ("support@desk.test", "help@desk.test"),
        "route": "smtp",
        "peer": "192.0.2.7",
        "helo": "mail.customer.test",
        "received_at": NOW,
        "trusted": True,
    }
    return Envelope(**values | changes)


def keep(work: Work, *raws: bytes, **changes: Any) -> list[int]:
    """Mails with these bytes in the intake."""
    return work.keep([Arrival(work.put_content(raw), len(raw), envelope(**changes)) for raw in raws])


def carla(work: Work) -> Person:
    return work.person(Address("Carla Ruiz", "Carla@customer.test"), organisation="Customer", language="es")


def agent(work: Work) -> Person:
    return work.person(Address("Ana Agent", "ana@desk.test"))


def open_ticket(work: Work, requester: Person | None = None, **changes: Any) -> Ticket:
    values: dict[str, Any] = {
        "subject": "The printer is on fire",
        "requester": requester or carla(work),
        "received_at": NOW - MINUTE,
        "created_at": NOW,
        "language": "en",
        "channel": "email",
        "organisation": "Customer",
        "team": "support",
        "priority": 3,
        "level": 1,
        "sla": "standard",
        "due": {"first_response": NOW + 10 * MINUTE},
    }
    return work.open_ticket(**values | changes)


def message(ticket: int | None, **changes: Any) -> NewMessage:
    values: dict[str, Any] = {
        "ticket": ticket,
        "at": NOW,
        "created_at": NOW,
        "direction": "in",
        "public": True,
        "kind": "person",
        "from_name": "Carla Ruiz",
        "from_address": "carla@customer.test",
        "to": ("support@desk.test",),
        "cc": (),
        "subject": "The printer is on fire",
        "text": "It burns.\n\n> quoted",
        "reply": "It burns.",
    }
    return NewMessage(**values | changes)


def mail(person: Person, number: int = 1, **changes: Any) -> NewMail:
    """A mail to the requester; `number` tells one from the other."""
    values: dict[str, Any] = {
        "event_key": f"intake:{number}",
        "recipient": person.address,
        "person": person.id,
        "ticket": None,
        "message": None,
        "message_id": f"<{number}@desk.test>",
        "key_id": 1,
        "role": Role.REQUESTER,
        "scope": Scope.PUBLIC,
        "kind": "acknowledgement",
        "public": True,
        "automatic": True,
        "answer": False,
        "raw": b"From: support@desk.test\r\n\r\nWe have it.\r\n",
        "due_at": NOW,
        "created_at": NOW,
    }
    return NewMail(**values | changes)


def put_mail(work: Work, new: NewMail) -> int | None:
    """The number of one queued mail; None when it was told before."""
    return work.queue([new]).get(new.message_id)
