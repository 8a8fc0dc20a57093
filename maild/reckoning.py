"""After a decision: the promises of each ticket that it touched are counted anew, in its transaction, and what follows is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from maild.desk.clocks import TARGETS, Clock, clocks, due_times, estimate, next_at
from maild.desk.effects import (
    NEW,
    AddMessage,
    Change,
    ChangeTicket,
    Effect,
    MarkFailed,
    Merge,
    Record,
    SetRequester,
    changed,
)
from maild.desk.ladder import due_at
from maild.desk.people import Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.sla import policy_for, updates
from maild.desk.timeline import COUNTED
from store import Work

_COLUMNS: Final = frozenset(
    (
        "state",
        "priority",
        "sla",
        "received_at",
        "first_response_at",
        "clock_at",
        "due_at",
        "team",
        "type",
        "organisation",
    )
)
_AT_OPENING: Final = _COLUMNS - {"team", "type"}
"""What a ticket that is just being opened can change about its promises: its policy is that of the team and type it has then."""

_ACTS: Final = frozenset(("noted", "acknowledged", "assignee"))
"""What only counts where a step of the escalations comes when nobody acts."""
_EVENTS: Final = frozenset(COUNTED) - {"changed", "route"} - _ACTS


def touched(
    effects: Iterable[Effect], about: int | None, still: Collection[int], *, acts: bool = False
) -> dict[int, str]:
    """The tickets whose promises may be others after these effects, with who caused it last. `about`: the ticket of a failed mail.
    `still`: tickets in which no clock runs, but may begin to when a mail comes. `acts`: it counts that somebody did something."""
    found: dict[int, str] = {}
    events = _EVENTS | _ACTS if acts else _EVENTS
    for effect in effects:
        match effect:
            case ChangeTicket(ticket, changes):
                names = (_COLUMNS | _ACTS if acts else _COLUMNS) if ticket > NEW else _AT_OPENING
                if any(change.name in names for change in changes):
                    found.setdefault(ticket, "desk")
            case AddMessage(ticket=int(ticket), direction="out", public=True, kind="person"):
                found.setdefault(ticket, "desk")
            case Record(ticket=int(ticket)):
                if effect.event in events or (effect.event == "route" and ticket in still):
                    found.setdefault(ticket, "desk")
                if ticket in found:
                    found[ticket] = effect.actor
            case Merge():
                found.setdefault(effect.into, "desk")
            case SetRequester():
                found.setdefault(effect.ticket, "desk")
            case MarkFailed() if about is not None:
                found.setdefault(about, "desk")
            case _:
                pass
    return found


def reckon(work: Work, rulebook: Rulebook, ticket: Ticket, actor: str, now: datetime) -> Ticket:
    """Count a ticket's promises anew; it as it is then. What was met or missed and is not in the history yet comes there."""
    policy = policy_for(
        rulebook, organisation=ticket.organisation, address=ticket.requester.key, type=ticket.type, team=ticket.team,
        priority=ticket.priority, groups=ticket.requester.groups,
    )  # fmt: skip
    key = policy.key if policy else None
    if key != ticket.sla:
        change = Change("sla", ticket.sla, key)
        work.change_ticket(ticket.id, (change,), now)
        work.record(ticket.id, actor, "changed", {"sla": [ticket.sla, key]}, (), now)
        ticket = changed(ticket, (change,))
    moments = work.moments(ticket)
    found = clocks(rulebook, moments, now, updates=updates(rulebook, ticket))
    ticket = _keep(work, ticket, found, now)
    hoped = estimate(rulebook, moments, now)
    due = due_times(found)
    ahead = (next_at(found), hoped.warn_at if hoped else None, due_at(rulebook, ticket.step, moments))
    clock_at = min((at for at in ahead if at is not None), default=None)
    columns = (
        *(Change(f"{name}_due", None, due.get(name)) for name in TARGETS),
        Change("clock_at", ticket.clock_at, clock_at),
    )
    if changed(ticket, columns) != ticket:
        work.set_clocks(ticket.id, due, clock_at)
    return changed(ticket, columns)


def _keep(work: Work, ticket: Ticket, found: Iterable[Clock], now: datetime) -> Ticket:
    """What was met or missed stands in the history from now on, whatever the files say later."""
    missed = [(clock.target, due) for clock in found for due in clock.missed]
    for target, due in missed:
        work.record(ticket.id, "desk", "breached", {"target": target, "due": due.isoformat()}, (), now)
    broken = tuple(dict.fromkeys((*ticket.breached, *(target for target, _ in missed))))
    if broken != ticket.breached:
        change = Change("breached", ticket.breached, broken)
        work.change_ticket(ticket.id, (change,), now)
        ticket = changed(ticket, (change,))
    met: dict[datetime, dict[str, str | None]] = {}
    for clock in found:
        for one in clock.met:
            met.setdefault(one.at, {})[one.target] = one.due.isoformat() if one.due else None
    for at, dues in sorted(met.items()):
        work.record(ticket.id, "desk", "met", {"at": at.isoformat(), "due": dues}, (), now)
    return ticket
