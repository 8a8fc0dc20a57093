"""A small desk, and a store of values around it: what the tables of this room decide about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from maild.desk import matching, tokens
from maild.desk.decide import decide
from maild.desk.effects import Decision, Effect, Given, Tell
from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Envelope, Mail, Proof, Verdict
from maild.desk.people import Person, SentMail, Ticket
from maild.desk.rulebook import (
    Agent,
    AgentRole,
    Field,
    FieldKind,
    Identity,
    Organisation,
    Rulebook,
    Team,
    Word,
)
from maild.desk.snapshot import Snapshot
from maild.desk.tokens import Claim, Key
from maild.desk.words import Role, Scope, State

E = TypeVar("E", bound=Effect)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = Key(1, b"k" * 32)
CARLA = Person(1, "Carla", "carla@globex.test", "Globex")
ANA = Person(2, "Ana Ruiz", "ana@acme.test")
BEN = Person(3, "Ben Okoro", "ben@acme.test")
EVE = Person(4, "Eve", "eve@evil.test")
PIA = Person(5, "Pia", "pia@globex.test", "Globex")
IDENTITY = Identity("Acme Support", "support@acme.test", "Acme", aliases=("help@acme.test",))
RULEBOOK = Rulebook(
    IDENTITY,
    teams={"support": Team("support", "First line"), "engineering": Team("engineering", "Second line", 2)},
    agents={
        "ana@acme.test": Agent("Ana Ruiz", "ana@acme.test", "support"),
        "ben@acme.test": Agent("Ben Okoro", "ben@acme.test", "support"),
        "chen@acme.test": Agent("Chen Li", "chen@acme.test", "engineering", AgentRole.ADMIN),
        "lou@acme.test": Agent("Lou", "lou@acme.test", "support", AgentRole.LIGHT),
    },
    organisations={"Globex": Organisation("Globex", ("globex.test",))},
    fields={
        "product": Field("product", "Product", {"flow": Word("flow"), "rsr": Word("rsr")}, FieldKind.CHOICE),
        "hub": Field("hub", "Hub"),
    },
)
TICKET = Ticket(
    1,
    "Printer on fire",
    State.OPEN,
    CARLA,
    NOW,
    NOW,
    NOW,
    organisation="Globex",
    team="support",
    assignee="ana@acme.test",
)
PASS = Proof(dmarc=Verdict.PASS, host="mx.acme.test")
FAIL = Proof(dmarc=Verdict.FAIL, host="mx.acme.test")


def sent_to(
    person: Person,
    role: Role,
    scope: Scope = Scope.PUBLIC,
    ticket: int = 1,
    key: Key = KEY,
    kind: str = "notification",
) -> SentMail:
    """A mail of ours that went to this person, with a genuine Message-ID."""
    claim = Claim(matching.holder_of(role), scope, ticket, person.id, key.id)
    mid = tokens.message_id(claim, key, f"{role:.4}{person.id:04}"[:8], "acme.test")
    return SentMail(mid, 100 + person.id, ticket, person, role, scope, NOW - timedelta(hours=1), key.id, kind)


def reply_address(
    person: Person, role: Role, scope: Scope = Scope.PUBLIC, ticket: int = 1, key: Key = KEY
) -> str:
    """The address an answer of this person goes to."""
    claim = Claim(matching.holder_of(role), scope, ticket, person.id, key.id)
    return f"support+{tokens.mint(claim, key)}@acme.test"


def snapshot(*tickets: Ticket, sent: tuple[SentMail, ...] = (), **more: object) -> Snapshot:
    """What the store knows: these tickets, these mails of ours, and everybody in this file."""
    people = (CARLA, ANA, BEN, EVE, PIA)
    found = Snapshot(
        keys=(KEY,),
        tickets={ticket.id: ticket for ticket in tickets},
        sent={one.message_id: one for one in sent},
        people={person.key: person for person in people},
        persons={person.id: person for person in people},
    )
    return replace(found, **more)  # type: ignore[arg-type]


def mail(person: Person | Address, text: str = "Hello", **facts: object) -> Mail:
    """A mail from this person to the desk."""
    sender = Address(person.name, person.address)
    plain = Mail("0" * 64, 100, "<m1@client.test>", from_=(sender,), to=(Address("", "support@acme.test"),), subject="Printer", date=NOW,
                 text=text, reply=text, identity="i", content_identity="c")  # fmt: skip
    return replace(plain, **facts)  # type: ignore[arg-type]


def arrived(message: Mail, *to: str, **envelope: object) -> MessageArrived:
    """The event of this mail coming in for these envelope recipients."""
    sender = message.from_[0].address if message.from_ else ""
    plain = Envelope(sender, to or ("support@acme.test",), "smtp", "192.0.2.1", NOW, trusted=True)
    return MessageArrived(7, message, replace(plain, **envelope))  # type: ignore[arg-type]


def decided(event: MessageArrived, known: Snapshot, rulebook: Rulebook = RULEBOOK) -> Decision:
    """What the desk decides now."""
    return decide(event, known, rulebook, Given(NOW, "fresh123"))


def only(decision: Decision, kind: type[E]) -> list[E]:
    """The effects of one kind."""
    return [effect for effect in decision.effects if isinstance(effect, kind)]


def told(decision: Decision) -> dict[str, str]:
    """Who is told, with which template."""
    return {effect.to.key: effect.template for effect in only(decision, Tell)}
