"""The command that shows the sum behind every due time, and what other policies would have come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from maild import show, show_promises
from maild.clock import moment, utc_now
from maild.desk.clocks import Clock, clocks
from maild.desk.ladder import due_at, next_step, spoken_step
from maild.desk.people import Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.sla import policy_for, updates
from maild.desk.timeline import Moment, What
from maild.errors import BadInput
from maild.terminal import Desk, json_option
from store import Store, Work
from store.rows import Filter

_PAGE = 500


@click.command()
@click.argument("number", type=click.IntRange(min=1))
@json_option
@click.pass_obj
def sla(desk: Desk, number: int, as_json: bool) -> None:
    """The clocks of a ticket: each promise, when it is due, and the sum that explains it.

    Times are local to the calendar by which the promise is counted; the minutes between are those of its working hours.
    """
    rulebook = desk.load().rulebook
    with desk.store() as store, store.read() as work:
        ticket = work.ticket(number)
        if ticket is None:
            raise BadInput(f"there is no ticket {number}")
        told = promises(rulebook, work, ticket, utc_now())
    if as_json:
        show.as_json(told)
    else:
        show_promises.promises(told)


def promises(rulebook: Rulebook, work: Work, ticket: Ticket, now: datetime) -> dict[str, Any]:
    """The clocks of a ticket as a document: times in UTC and, in the timeline, local as well; spans in minutes."""
    happened = work.moments(ticket)
    found = clocks(rulebook, happened, now, updates=updates(rulebook, ticket))
    return {
        "id": ticket.id,
        "subject": ticket.subject,
        "state": str(ticket.state),
        "priority": ticket.priority,
        "sla": ticket.sla,
        "breached": list(ticket.breached),
        "at": moment(now),
        "targets": [_target(rulebook, ticket, clock, now) for clock in found],
        "escalation": _escalation(rulebook, work, ticket, happened),
    }


def _escalation(
    rulebook: Rulebook, work: Work, ticket: Ticket, moments: Sequence[Moment]
) -> dict[str, Any] | None:
    """The steps that the ticket has taken and the one that comes next, with when if it comes by itself. None: there are none."""
    lines = work.events(ticket.id)
    taken = [line for line in lines if line.event == "escalated"]
    if not taken and not rulebook.escalation:
        return None
    zone = _zone(rulebook, ticket, None)
    step, due = next_step(rulebook, ticket), due_at(rulebook, ticket.step, moments)
    seen = [line for line in lines if line.event == "acknowledged" and taken and line.at >= taken[-1].at]
    return {
        "step": ticket.step,
        "steps": len(rulebook.escalation),
        "taken": [
            {"step": line.detail.get("step"), "at": moment(line.at), "local": _local(line.at, zone), "by": line.actor, **_why(line.detail)}
            for line in taken
        ],
        "acknowledged_by": seen[-1].actor if seen else None,
        "next": spoken_step(step, rulebook) if step else None,
        "next_at": moment(due),
        "next_local": _local(due, zone),
    }  # fmt: skip


def _why(detail: Mapping[str, object]) -> dict[str, object]:
    return {"why": detail.get("why") or "#escalate", "told": detail.get("notify") or []}


def _target(rulebook: Rulebook, ticket: Ticket, clock: Clock, now: datetime) -> dict[str, Any]:
    zone = _zone(rulebook, ticket, clock)
    return {
        "target": clock.target,
        "status": _status(clock, now),
        "calendar": clock.calendar,
        "timezone": zone.key,
        "promised_minutes": _minutes(clock.span),
        "due": moment(clock.due),
        "due_local": _local(clock.due, zone),
        "left_minutes": None if clock.left is None else _minutes(clock.left),
        "met_at": moment(clock.met_at),
        "met_of": moment(clock.promised),
        "broken_at": moment(clock.broken_at),
        "warned_at": moment(clock.warned_at),
        "next_at": moment(clock.next_at),
        "timeline": list(_timeline(clock, zone, now)),
    }


def _status(clock: Clock, now: datetime) -> str:
    over = clock.broken_at or (clock.due is not None and clock.due <= now) or clock.missed
    if clock.met_at is not None:
        return "met late" if over else "met"
    return "broken" if over else "running" if clock.due is not None else "paused"


def _zone(rulebook: Rulebook, ticket: Ticket, clock: Clock | None) -> ZoneInfo:
    policy = rulebook.policies.get(ticket.sla or "")
    key = (clock.calendar if clock else None) or (policy.calendar if policy else None)
    return rulebook.calendars[key].zone if key else ZoneInfo(rulebook.identity.timezone)


def _timeline(clock: Clock, zone: ZoneInfo, now: datetime) -> Iterator[dict[str, Any]]:
    """What happened to it, each with the promised minutes that ran since the line before; at the end what is now and will be."""
    for one in clock.stretches:
        yield _line(one.at, zone, _said(one.what, one.value), one.worked, runs=one.runs)
    if clock.due is None or clock.left is None:
        return
    over = clock.left <= timedelta(0)
    if over:
        yield _line(now, zone, "now, and the promise is over", clock.running, runs=True)
    else:
        yield _line(now, zone, "now", clock.running, runs=True)
        yield _line(clock.due, zone, "due", clock.left, runs=False)


def _line(at: datetime, zone: ZoneInfo, what: str, worked: timedelta, *, runs: bool) -> dict[str, Any]:
    return {
        "at": moment(at),
        "local": _local(at, zone),
        "what": what,
        "minutes": _minutes(worked),
        "running": runs,
    }


def _said(what: What, value: str) -> str:
    """A line of the timeline in words."""
    match what:
        case What.STATE:
            return f"state {value}"
        case What.PRIORITY:
            return f"priority {value}"
        case What.POLICY:
            return f"policy {value or 'none'}"
        case What.ANSWERED:
            return "a person answered"
        case What.CONTACT:
            return "a person spoke to the requester"
        case What.UPDATED:
            return "status update to the requester"
        case _:
            return str(what)


def _local(at: datetime | None, zone: ZoneInfo) -> str | None:
    return None if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _minutes(span: timedelta) -> int:
    """Whole minutes, cut."""
    return int(span / timedelta(minutes=1))


def would_break(store: Store, now: Rulebook, then: Rulebook, at: datetime) -> Iterator[dict[str, Any]]:
    """Tickets for which the rulebook `then` would have broken other promises than `now` would have over what has happened up to
    `at`: number, subject, and what each breaks, by target with the due times that were missed."""
    after = 0
    with store.read() as work:
        while page := work.tickets(Filter(after=after, limit=_PAGE)):
            after = page[-1].id
            for ticket in page:
                moments = work.moments(ticket)
                before, other = (_breaches(book, ticket, moments, at) for book in (now, then))
                if before != other:
                    yield {"ticket": ticket.id, "subject": ticket.subject, "now": before, "then": other}


def _breaches(
    rulebook: Rulebook, ticket: Ticket, moments: Sequence[Moment], at: datetime
) -> dict[str, list[str | None]]:
    """What would have been broken with the policies of a rulebook, whatever the history says: due times by target."""
    policy = policy_for(
        rulebook, organisation=ticket.organisation, address=ticket.requester.key, type=ticket.type, team=ticket.team,
        priority=ticket.priority, groups=ticket.requester.groups,
    )  # fmt: skip
    key = policy.key if policy else ""
    alike = [replace(one, value=key) if one.what is What.POLICY else one for one in moments]
    found = clocks(rulebook, alike, at, recorded=False)
    return {clock.target: [moment(due) for due in dues] for clock in found if (dues := _over(clock, at))}


def _over(clock: Clock, at: datetime) -> list[datetime]:
    late = clock.breach_at
    return [*clock.missed, *([late] if late is not None and late <= at and late not in clock.missed else [])]
