"""What the desk would do with a message and why, as JSON documents: `maild explain`, and the differences of `maild replay`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from enum import Enum
from typing import Any

from maild.clock import moment
from maild.desk.effects import (
    NEW,
    AddMessage,
    Change,
    ChangeTicket,
    Effect,
    OpenTicket,
    Record,
    Respond,
    Tell,
    changed,
)
from maild.desk.people import Person, Ticket
from maild.desk.words import State
from maild.documents import ticket
from maild.flow import Considered
from maild.message.inspect import document

_DUE = "_due"
_MESSAGE = ("message_id", "date", "from", "to", "subject", "language", "kind", "kind_reasons", "unanswerable")


def explained(file: str, found: Considered) -> dict[str, Any]:
    """Everything `maild explain --json` says of one message."""
    mail, reasons = found.parsed.mail, found.decision.reasons
    message = document(file, mail)
    threads = [reason for reason in reasons if reason.step == "thread"]
    after = outcome(found)
    return {
        "file": file,
        "message": {name: message[name] for name in _MESSAGE},
        "known": {"message": found.same.id, "ticket": found.same.ticket} if found.same else None,
        "sender": next((_reason(reason) for reason in reasons if reason.step == "sender"), None),
        "proof": {name: _plain(value) for name, value in asdict(mail.proof).items()},
        "thread": {
            "outcome": next((one.outcome for one in threads if one.outcome != "rejected"), None),
            "evidence": next((one.evidence for one in threads if one.outcome != "rejected"), None),
            "rejected": [one.evidence for one in threads if one.outcome == "rejected"],
        },
        "rules": [trace.as_json() for trace in found.decision.traces],
        "ticket": after["ticket"],
        "clocks": after["clocks"],
        "mails": after["mails"],
        "effects": [_effect(effect) for effect in found.decision.effects],
        "reasons": [_reason(reason) for reason in reasons],
    }


def outcome(found: Considered) -> dict[str, Any]:
    """What would come of it: the ticket as it would stand (None: none), due times that start, and each mail with its reader."""
    effects = found.decision.effects
    opened = next(
        (effect for effect in effects if isinstance(effect, OpenTicket) and effect.key == NEW), None
    )
    stands = _ticket(found.tickets, opened, effects)
    mails = [
        {"to": effect.to.address, "as": str(effect.role), "what": effect.form or effect.template}
        if isinstance(effect, Tell)
        else {"to": effect.to.address, "as": str(effect.role), "what": f"answer to {effect.question.ask}"}
        for effect in effects
        if isinstance(effect, Tell | Respond)
    ]
    due = opened.due if opened else {}
    return {
        "ticket": ticket(stands, []) | {"id": stands.id or None} if stands else None,
        "clocks": {name: moment(at) for name, at in due.items()},
        "mails": mails,
    }


def _ticket(
    known: Mapping[int, Ticket], opened: OpenTicket | None, effects: Iterable[Effect]
) -> Ticket | None:
    """The ticket that the decision is about, with what would be changed."""
    about = [effect for effect in effects if isinstance(effect, AddMessage | ChangeTicket)]
    number = NEW if opened else next((effect.ticket for effect in about if effect.ticket is not None), None)
    before = _blank(opened) if opened else known.get(number or 0)
    if before is None:
        return None
    mine = [one for one in about if isinstance(one, ChangeTicket) and one.ticket == number]
    return changed(before, [change for effect in mine for change in effect.changes])


def _blank(opened: OpenTicket) -> Ticket:
    who = opened.requester
    columns: dict[str, Any] = {f"{name}{_DUE}": at for name, at in opened.due.items()}
    return Ticket(
        NEW, opened.subject, State.NEW, Person(0, who.name, who.address, opened.organisation), opened.received_at, opened.received_at,
        opened.received_at, priority=opened.priority, language=opened.language, channel=opened.channel, organisation=opened.organisation,
        team=opened.team, sla=opened.sla, **columns,
    )  # fmt: skip


def _reason(reason: Any) -> dict[str, str]:
    return {"step": reason.step, "outcome": str(reason.outcome), "evidence": reason.evidence}


def _effect(effect: Effect) -> dict[str, Any]:
    """An effect by its name, with what it holds."""
    if isinstance(effect, Record):
        return {"effect": "Record", "event": effect.event, "actor": effect.actor, **_values(effect.detail)}
    values = {field.name: getattr(effect, field.name) for field in fields(effect)}
    if isinstance(effect, AddMessage):
        values.pop("text")
    return {"effect": type(effect).__name__, **_values(values)}


def _values(values: Mapping[str, object]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> Any:
    """As JSON."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Change):
        return {"name": value.name, "old": _plain(value.old), "new": _plain(value.new)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return _values({field.name: getattr(value, field.name) for field in fields(value)})  # type: ignore[arg-type]


_TICKET = (
    "subject", "state", "type", "category", "severity", "impact", "urgency", "priority", "level", "tags", "fields", "language", "channel",
    "team", "assignee", "sla",
)  # fmt: skip


def differences(now: Considered, then: Considered) -> dict[str, list[Any]]:
    """What would be otherwise with other rules: for each thing what it is now and what it would be. Empty: nothing."""
    before, after = outcome(now), outcome(then)
    one, other = before["ticket"] or {}, after["ticket"] or {}
    found = {name: [one.get(name), other.get(name)] for name in _TICKET if one.get(name) != other.get(name)}
    if bool(one) != bool(other):
        found = {"ticket": [one.get("subject"), other.get("subject")]}
    for name in ("clocks", "mails"):
        if before[name] != after[name]:
            found[name] = [before[name], after[name]]
    rules = _fired(now), _fired(then)
    if found or rules[0] != rules[1]:
        found["rules"] = list(rules)
    return found


def _fired(found: Considered) -> list[str]:
    return [line.rule for trace in found.decision.traces for line in trace.fired()]
