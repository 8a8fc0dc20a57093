"""Tickets as programs see them (CONTRACT §6): JSON documents made of what the store holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from maild.desk.people import Message, Person, Suppression, Ticket
from store import Work
from store.rows import HistoryLine, OutboxRow, Quarantined


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def ticket(one: Ticket, links: list[tuple[int, str]]) -> dict[str, object]:
    """A ticket as `maild tickets --json` lists it."""
    return {
        "id": one.id,
        "subject": one.subject,
        "state": str(one.state),
        "type": one.type,
        "category": one.category,
        "severity": one.severity,
        "impact": one.impact,
        "urgency": one.urgency,
        "priority": one.priority,
        "level": one.level,
        "tags": list(one.tags),
        "fields": dict(one.fields),
        "language": one.language,
        "channel": one.channel,
        "requester": {
            "name": one.requester.name,
            "address": one.requester.address or None,
            "organisation": one.organisation,
        },
        "participants": [person.address for person in one.participants],
        "watchers": list(one.watchers),
        "team": one.team,
        "assignee": one.assignee,
        "sla": one.sla,
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "received_at": moment(one.received_at),
        "first_response_due": moment(one.first_response_due),
        "update_due": moment(one.update_due),
        "resolution_due": moment(one.resolution_due),
        "silence_due": moment(one.silence_due),
        "due_at": moment(one.due_at),
        "breached": list(one.breached),
        "cause": one.cause,
        "solution": one.solution,
        "merged_into": one.merged_into,
        "links": [{"id": number, "kind": kind} for number, kind in links],
        "urls": list(one.urls),
        "minutes_spent": one.minutes_spent,
        "satisfaction": one.satisfaction,
    }


def message(one: Message) -> dict[str, object]:
    """One message or note of a ticket."""
    return {
        "id": one.id,
        "at": moment(one.at),
        "direction": one.direction,
        "public": one.public,
        "kind": one.kind,
        "from": one.from_address or one.from_name,
        "from_name": one.from_name,
        "to": list(one.to),
        "subject": one.subject,
        "text": one.text,
        "reply": one.reply,
        "attachments": [
            {
                "name": part.name,
                "type": part.type,
                "size": part.size,
                "inline": part.inline,
                "sha256": part.sha256,
            }
            for part in one.attachments
        ],
        "minutes": one.minutes,
        "delivery": one.delivery,
    }


def event(one: HistoryLine) -> dict[str, object]:
    """One line of the history, with the reasons of the decision it belongs to."""
    return {
        "at": moment(one.at),
        "actor": one.actor,
        "event": one.event,
        "detail": dict(one.detail),
        "reasons": [
            {"step": reason.step, "outcome": reason.outcome, "evidence": reason.evidence}
            for reason in one.reasons
        ],
    }


def whole(work: Work, number: int) -> dict[str, object] | None:
    """A ticket whole, oldest first; None when there is none."""
    found = work.ticket(number)
    if found is None:
        return None
    return {
        **ticket(found, work.links(number)),
        "messages": [message(one) for one in work.messages(number)],
        "events": [event(one) for one in work.events(number)],
    }


def person(one: Person, suppressed: Suppression | None, tickets: list[Ticket]) -> dict[str, object]:
    """Somebody of the register at one address: what is known, why nothing automatic goes there (None: it may), the tickets as requester."""
    return {
        "name": one.name,
        "address": one.address,
        "organisation": one.organisation,
        "language": one.language,
        "zone": one.zone,
        "phone": one.phone,
        "suppressed": {"at": moment(suppressed.at), "why": suppressed.why} if suppressed else None,
        "tickets": [ticket.id for ticket in tickets],
    }


def queued(row: OutboxRow) -> dict[str, object]:
    """A mail that waits or failed, with the reason."""
    return {
        "id": row.id,
        "to": row.recipient,
        "ticket": row.ticket,
        "kind": row.kind,
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt": moment(row.due_at) if row.state != "failed" else None,
        "created_at": moment(row.created_at),
        "message_id": row.message_id,
        "reason": row.reason or None,
    }


def quarantined(row: Quarantined) -> Mapping[str, object]:
    """A mail that could not be processed."""
    envelope = row.envelope
    return {
        "id": row.id,
        "at": moment(row.at),
        "received_at": moment(envelope.received_at),
        "sender": envelope.sender,
        "recipients": list(envelope.recipients),
        "route": envelope.route,
        "size": row.size,
        "sha256": row.sha256,
        "attempts": row.attempts,
        "error": row.error,
    }
