"""What of a ticket's history counts for its promises: moments, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from maild.desk.people import Ticket

ESCALATION: Final = "escalation"
"""The actor of what a step of the escalations changes: a priority raised so leaves running targets alone."""

IMPORT: Final = "import"
"""The route of mail out of an archive, which starts no clock."""

COUNTED: Final = (
    "changed", "contact", "escalated", "updated", "warned", "breached", "met", "route", "noted", "acknowledged",
)  # fmt: skip
"""The lines of the history that moments are made of, beside the answers."""


class What(StrEnum):
    OPENED = "opened"
    STATE = "state"
    PRIORITY = "priority"
    POLICY = "policy"
    ANSWERED = "answered"
    CONTACT = "contact"
    ACKNOWLEDGED = "acknowledged"
    ESTIMATED = "estimated"
    ESCALATED = "escalated"
    ACTED = "acted"
    SEEN = "seen"
    UPDATED = "updated"
    WARNED = "warned"
    BROKEN = "broken"
    MET = "met"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that counts, at `at` (UTC). `value`: the new state, priority ("1" to "5"), policy or estimate ("" for none), or the target that
    was warned of, broken or met, which was due at `due`; of `ACTED` (somebody noted, or changed state or owner) and `SEEN` (`#ack`) who it was, of
    `ESCALATED` the step. `escalation`: the ladder did it, not a person."""

    at: datetime
    what: What
    value: str = ""
    due: datetime | None = None
    escalation: bool = False


class Line(Protocol):
    """A line of the history as the store has it."""

    @property
    def at(self) -> datetime: ...
    @property
    def actor(self) -> str: ...
    @property
    def event(self) -> str: ...
    @property
    def detail(self) -> Mapping[str, object]: ...


def opening(at: datetime, state: str, priority: int, policy: str | None) -> tuple[Moment, ...]:
    """The moments of a ticket that came at `at` and to which nothing has happened yet."""
    return (*_facts(at, state, priority, policy), Moment(at, What.OPENED))


def _facts(at: datetime, state: str, priority: int, policy: str | None) -> tuple[Moment, ...]:
    return (
        Moment(at, What.STATE, state),
        Moment(at, What.PRIORITY, str(priority)),
        Moment(at, What.POLICY, policy or ""),
    )


def moments(
    ticket: Ticket,
    lines: Sequence[Line],
    answers: Iterable[datetime],
    acknowledged: Iterable[datetime] = (),
    joined: Iterable[tuple[datetime, Sequence[Line]]] = (),
) -> tuple[Moment, ...]:
    """The moments of a ticket, in order; none as long as it only came out of an archive.

    `lines`: those of its history whose event is in `COUNTED`, oldest first. `answers`: when a person's public answers were given that
    did not fail, here and in the tickets that were merged into this one; `joined`: when those came, and their lines. An answer to
    one of them was one to the same requester, and who asked first has waited from then on. `acknowledged`: when acknowledgements went out.
    """
    others = tuple(joined)
    began = _began(ticket.received_at, lines, answers := sorted(answers))
    if began is None:
        return ()
    began = min((began, *(at for at, _ in others)))
    first = min((began, *(line.at for line in lines[:1])))
    found = [*_facts(first, *_first(ticket, lines)), Moment(began, What.OPENED)]
    for line in lines:
        found += _of(line)
    for _, theirs in others:
        found += (one for line in theirs for one in _of(line) if one.what is not What.MET and line.event != "changed")  # fmt: skip
    # What an archive says was answered before is no answer to what is asked now.
    found += (Moment(at, What.ANSWERED) for at in answers if at >= began)
    found += (Moment(at, What.ACKNOWLEDGED) for at in acknowledged)
    return tuple(sorted(found, key=lambda one: (one.at, one.what is What.MET)))


def _began(received_at: datetime, lines: Sequence[Line], answers: Sequence[datetime]) -> datetime | None:
    """When clocks start: with the ticket, but for an archive's when somebody writes."""
    routes = [line for line in lines if line.event == "route"]
    if not routes or routes[0].detail.get("route") != IMPORT:
        return received_at
    written = [
        line.at for line in routes if line.detail.get("route") != IMPORT and not line.detail.get("again")
    ]
    written += [line.at for line in lines if line.event == "contact"]
    written += [at for at in answers if at >= routes[0].at]
    return min(written, default=None)


def _first(ticket: Ticket, lines: Sequence[Line]) -> tuple[str, int, str | None]:
    """State, priority and policy as they were before anything was changed."""
    now: dict[str, object] = {"state": ticket.state, "priority": ticket.priority, "sla": ticket.sla}
    for line in reversed(lines):
        if line.event == "changed":
            now.update((name, old) for name, (old, _) in _pairs(line).items() if name in now)
    state, priority, policy = now.values()
    return str(state), int(str(priority)), None if policy is None else str(policy)


def _pairs(line: Line) -> dict[str, tuple[object, object]]:
    """What a line says was changed, from what to what."""
    return {name: (pair[0], pair[1]) for name, pair in line.detail.items() if isinstance(pair, list | tuple)}


_CHANGES: Final = {
    "state": What.STATE,
    "priority": What.PRIORITY,
    "sla": What.POLICY,
    "due_at": What.ESTIMATED,
}
_OWNED: Final = frozenset(("state", "assignee"))
_DEEDS: Final = {"noted": What.ACTED, "acknowledged": What.SEEN}
_OF_TARGETS: Final = {"warned": What.WARNED, "breached": What.BROKEN}


def _of(line: Line) -> Iterator[Moment]:
    by_escalation = line.actor == ESCALATION
    if line.event == "changed":
        for name, (_, new) in _pairs(line).items():
            if name in _CHANGES:
                yield Moment(line.at, _CHANGES[name], "" if new is None else str(new), None, by_escalation)
        if not _OWNED.isdisjoint(line.detail):
            yield Moment(line.at, What.ACTED, line.actor)
    elif line.event in _OF_TARGETS:
        target = str(line.detail.get("target", ""))
        yield Moment(line.at, _OF_TARGETS[line.event], target, _time(line.detail.get("due")))
    elif line.event == "met":
        dues = line.detail.get("due")
        at = _time(line.detail.get("at")) or line.at
        for target, due in dues.items() if isinstance(dues, Mapping) else ():
            yield Moment(at, What.MET, str(target), _time(due))
    elif line.event in ("contact", "updated"):
        yield Moment(line.at, What(line.event))
    elif line.event == "escalated":
        yield Moment(line.at, What.ESCALATED, str(line.detail.get("step", "")), None, by_escalation)
    elif line.event in _DEEDS:
        yield Moment(line.at, _DEEDS[line.event], line.actor)


def _time(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
