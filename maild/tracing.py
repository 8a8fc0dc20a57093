"""`maild trace`: one message's whole way, out of the store: how it came, what was seen in it, what was decided and why, what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from maild import documents, show
from maild.clock import moment
from maild.errors import BadInput
from maild.show import clean
from maild.terminal import Desk, json_option
from store import Work
from store.rows import HistoryLine
from store.tracing import Arrival, Sent

_CAME_BACK: Final = ("undeliverable", "delayed", "complaint", "receipt", "delivered after all")
_VERDICTS: Final = ("kind", "sender", "identity", "loop", "bounce")
"""Steps of a decision that say what a mail is and who is believed; the others say what was done and by which rule."""


def bracketed(message_id: str) -> str:
    """A Message-ID as it is stored, also when it was given without brackets, with blanks around it or as a header line."""
    text = message_id.strip()
    if text.lower().startswith("message-id:"):
        text = text[len("message-id:") :].strip()
    return f"<{text.strip('<> ')}>"


def document(work: Work, message_id: str) -> dict[str, Any]:
    """The way of the mails with this Message-ID (in its brackets). Raises BadInput, with those that look like it, when there is none."""
    arrivals, ours = work.arrivals(message_id), work.outgoing_named(message_id)
    if not arrivals and ours is None:
        raise BadInput(_unknown(work, message_id))
    return {
        "message_id": message_id,
        "incoming": [_arrived(work, one) for one in arrivals],
        "outgoing": _went(work, ours) if ours is not None else None,
    }


def _unknown(work: Work, message_id: str) -> str:
    said = f"no mail with the Message-ID {message_id} came or went"
    tickets, near = work.seen(message_id), work.near(message_id)
    if tickets:
        said += f"; mails of ticket {', '.join(f'#{one}' for one in tickets)} name it"
    return said + (f"; like it are {', '.join(near)}" if near else "")


def _arrived(work: Work, one: Arrival) -> dict[str, Any]:
    message = work.message(one.message) if one.message is not None else None
    tickets = {message.ticket} if message and message.ticket is not None else set()
    said, _, number = (one.outcome or "").partition(" ")
    if said == "ticket" and number.isdecimal():
        tickets.add(int(number))
    lines = work.decided(one.finished_at, tickets) if one.finished_at is not None else []
    reasons = [reason for line in lines for reason in line.reasons]
    return {
        "intake": one.id,
        "received_at": moment(one.received_at),
        "route": one.route,
        "peer": one.peer,
        "helo": one.helo,
        "sender": one.sender,
        "recipients": list(one.recipients),
        "trusted_peer": one.trusted and not one.unauthenticated,
        "size": one.size,
        "sha256": one.sha256,
        "state": one.state,
        "attempts": one.attempts,
        "next_attempt": moment(one.due_at) if one.state == "waiting" else None,
        "node": one.node,
        "error": one.error,
        "finished_at": moment(one.finished_at),
        "outcome": one.outcome,
        "held": [
            {
                "agent": held.agent,
                "why": held.why,
                "at": moment(held.at),
                "released_at": moment(held.finished_at),
            }
            for held in work.holds(one.id)
        ],
        "message": None
        if message is None
        else {
            "id": message.id,
            "ticket": message.ticket,
            "kind": message.kind,
            "direction": message.direction,
            "public": message.public,
            "from": message.from_address or message.from_name,
            "subject": message.subject,
        },
        "verdicts": [_reason(reason) for reason in reasons if reason.step in _VERDICTS],
        "decisions": [_reason(reason) for reason in reasons if reason.step not in _VERDICTS],
        "events": [_line(line) for line in lines],
        "sent": [_sent(work, sent) for sent in work.caused(one.id)],
    }


def _reason(reason: Any) -> dict[str, str]:
    return {"step": reason.step, "outcome": reason.outcome, "evidence": reason.evidence}


def _line(line: HistoryLine) -> dict[str, object]:
    """A line of the history without its reasons, which stand apart."""
    told = documents.event(line)
    return {"ticket": line.ticket, **{name: told[name] for name in ("at", "actor", "event", "detail")}}


def _sent(work: Work, one: Sent) -> dict[str, Any]:
    return {
        "outbox": one.id,
        "to": one.recipient,
        "role": one.role,
        "kind": one.kind,
        "ticket": one.ticket,
        "message_id": one.message_id,
        "state": one.state,
        "attempts": one.attempts,
        "retries": one.retries,
        "queued_at": moment(one.created_at),
        "next_attempt": moment(one.due_at) if one.state in ("queued", "sending") else None,
        "sent_at": moment(one.sent_at),
        "finished_at": moment(one.finished_at),
        "answer": one.reason or None,
        "failed_by": one.failed_by,
        "came_back": [_line(line) for line in work.came_back(one, _CAME_BACK)],
    }


def _went(work: Work, one: Sent) -> dict[str, Any]:
    """A mail of ours, with what it tells of."""
    cause = work.arrival(one.intake) if one.intake is not None else None
    why = {"event": one.event_key, "intake": one.intake, "message_id": cause.message_id if cause else None}
    return {**_sent(work, one), "because": why}


def printed(found: Mapping[str, Any]) -> None:
    """The way for reading, in order of time."""
    click.secho(clean(found["message_id"]), bold=True)
    for number, one in enumerate(found["incoming"]):
        again = number > 0 and one["message"] and one["message"] == found["incoming"][0]["message"]
        _print_arrival(one, again=bool(again))
    if found["outgoing"]:
        sent = found["outgoing"]
        because = sent["because"]
        cause = clean(because["message_id"] or because["event"])
        click.echo(f"\n{sent['queued_at']}  queued as mail {sent['outbox']} of ours, because of {cause}")
        _print_sent(sent)


def _print_arrival(one: Mapping[str, Any], *, again: bool) -> None:
    helo = f" ({clean(one['helo'])})" if one["helo"] else ""
    peer = (
        f" from {clean(one['peer'])}" if one["peer"] != one["route"] else ""
    )  # a pipe and an archive have none
    click.echo(
        f"\n{one['received_at']}  arrived{' again' if again else ''} by {one['route']}{peer}{helo}: "
        f"<{clean(one['sender'])}> to {clean(', '.join(one['recipients']))}, {one['size']} octets, kept as {one['intake']}"
    )
    for held in one["held"]:
        until = f" until {held['released_at']}" if held["released_at"] else ", and still is"
        click.echo(f"  {held['at']}  held{until}: {clean(held['why'])}")
    if one["state"] in ("quarantined", "dropped", "waiting", "working"):
        tries = f", {one['attempts']} attempts" if one["attempts"] else ""
        error = clean(one["error"].strip().splitlines()[-1]) if one["error"] else ""
        click.secho(
            f"  {one['state']}{tries}{': ' + error if error else ''}", fg="red" if one["error"] else None
        )
    message = one["message"]
    if message:
        where = f"of ticket #{message['ticket']}" if message["ticket"] else "of no ticket"
        click.echo(
            f"  {one['finished_at']}  processed: message {message['id']} {where}, {message['kind']}, from {clean(message['from'])}"
        )
    elif one["finished_at"] and one["outcome"]:
        click.echo(f"  {one['finished_at']}  processed: {one['outcome']}")
    for name in ("verdicts", "decisions"):
        for reason in one[name]:
            why = f" — {clean(reason['evidence'])}" if reason["evidence"] else ""
            click.echo(f"    {clean(reason['step'])}: {clean(reason['outcome'])}{why}")
    for event in one["events"]:
        detail = ", ".join(f"{key}: {show.told(value)}" for key, value in event["detail"].items())
        of = f"#{event['ticket']} " if event["ticket"] else ""
        click.echo(
            f"  {event['at']}  {of}{clean(event['actor'])}: {event['event']}{' (' + clean(detail) + ')' if detail else ''}"
        )
    for sent in one["sent"]:
        click.echo(
            f"  {sent['queued_at']}  queued mail {sent['outbox']}: {sent['kind']} to {clean(sent['to'])}, {clean(sent['message_id'])}"
        )
        _print_sent(sent)


def _print_sent(sent: Mapping[str, Any]) -> None:
    tries = f"{sent['attempts']} attempt{'s' * (sent['attempts'] != 1)}"
    said = f": {clean(sent['answer'])}" if sent["answer"] else ""
    match sent["state"]:
        case "sent":
            click.echo(f"    {sent['sent_at']}  to {clean(sent['to'])}: sent, {tries}{said}")
        case "failed":
            by = {"bounce": " (a report came back)", "message-id": " (a report came back)"}.get(
                sent["failed_by"], ""
            )
            click.secho(
                f"    {sent['finished_at']}  to {clean(sent['to'])}: failed{by}, {tries}{said}", fg="red"
            )
        case "dropped":
            click.echo(f"    {sent['finished_at']}  to {clean(sent['to'])}: dropped{said}")
        case state:
            click.echo(f"    to {clean(sent['to'])}: {state}, {tries}, next at {sent['next_attempt']}{said}")
    for line in sent["came_back"]:
        detail = ", ".join(f"{key}: {show.told(value)}" for key, value in line["detail"].items())
        click.echo(f"    {line['at']}  came back: {line['event']} ({clean(detail)})")


@click.command()
@click.argument("message_id", metavar="MESSAGE-ID")
@json_option
@click.pass_obj
def trace(desk: Desk, message_id: str, as_json: bool) -> None:
    """One message's whole way: routes, verdicts, decisions with their reasons, what was sent because of it and how that ended.

    MESSAGE-ID with or without its angle brackets, of a mail that came in or of one of ours.
    """
    with desk.store() as store, store.read() as work:
        found = document(work, bracketed(message_id))
    if as_json:
        show.as_json(found)
    else:
        printed(found)
