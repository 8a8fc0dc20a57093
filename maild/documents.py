"""Tickets as programs see them (CONTRACT §6): JSON documents made of what the store holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from maild.clock import moment
from maild.desk.people import Message, Ticket
from store import Work
from store.rows import DestinationRow, HistoryLine, OutboxRow, PostRow, Quarantined


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
            "phone": one.requester.phone,
            "organisation": one.organisation,
        },
        "participants": [person.address for person in one.participants],
        "watchers": list(one.watchers),
        "team": one.team,
        "assignee": one.assignee,
        "contact": one.contact,
        "escalated": one.step,
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


def time_spent(messages: Sequence[Message], alone: Sequence[HistoryLine]) -> list[dict[str, object]]:
    """The minutes that each agent has logged: with `messages`, and `alone` in a mail or on this host."""
    logged: Counter[str] = Counter()
    for one in messages:
        if one.minutes:
            logged[one.from_address or one.from_name] += one.minutes
    for line in alone:
        logged[str(line.detail.get("by", line.actor))] += int(str(line.detail["minutes"]))
    return [{"agent": agent, "minutes": minutes} for agent, minutes in logged.items()]


def of_ticket(work: Work, found: Ticket) -> dict[str, object]:
    """A ticket whole, oldest first."""
    times = work.times_logged(found.id) if found.minutes_spent else ()
    return whole(found, work.links(found.id), work.messages(found.id), times, work.events(found.id))


def whole(
    found: Ticket,
    links: list[tuple[int, str]],
    messages: Sequence[Message],
    times: Sequence[HistoryLine],
    events: Sequence[HistoryLine],
) -> dict[str, object]:
    """A ticket with what belongs to it, oldest first; `times`: lines by which time was logged without a text."""
    return {
        **ticket(found, links),
        "time": time_spent(messages, times),
        "messages": [message(one) for one in messages],
        "events": [event(one) for one in events],
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


def held_destination(row: DestinationRow) -> dict[str, object]:
    """A recipient domain (null: all) that gets no mail now: paused since then, or left alone until then, and why."""
    return {
        "domain": row.domain,
        "paused_at": moment(row.paused_at),
        "until": moment(row.wait_until) if row.paused_at is None else None,
        "reason": row.reason or None,
    }


def posted(row: PostRow) -> dict[str, object]:
    """A post to a webhook that waits or failed, like a mail; its number begins with w."""
    return {
        "id": f"w{row.id}",
        "to": row.url,
        "ticket": row.ticket,
        "kind": "webhook",
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt": moment(row.due_at) if row.state != "failed" else None,
        "created_at": moment(row.created_at),
        "message_id": row.event_id,
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
