"""What of a ticket's history a report counts: when it came, was answered, solved, reopened; what was promised and kept; who worked on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from maild.desk import calendars
from maild.desk.belonging import groups_of
from maild.desk.clocks import TARGETS
from maild.desk.people import Ticket
from maild.desk.rulebook import FieldKind, Policy, Rulebook
from maild.desk.selection import UNFINISHED
from maild.desk.timeline import IMPORT, Line
from maild.desk.words import State

READ: Final = ("changed", "escalated", "breached", "met", "route", "time")
"""The lines of the history that a chronicle is made of."""

DOCUMENTED: Final = ("cause", "solution")
"""What is to be known of a solved ticket."""

_FINISHED: Final = frozenset((State.SOLVED, State.CLOSED))
_STILL: Final = (State.SOLVED, State.CLOSED, State.SPAM, State.MERGED)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Spent:
    """Time that somebody (an address) logged."""

    at: datetime
    agent: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Chronicle:
    """A ticket with those lines of its history whose event is in `READ`, oldest first, and the time logged in its messages."""

    ticket: Ticket
    lines: Sequence[Line]
    spent: tuple[Spent, ...] = ()


@dataclass(frozen=True, slots=True)
class Took:
    """How long it took until `at`: by the wall clock, and in the promised time of the ticket's policy (None: it had none). `clocked`:
    clocks ran, as they do for all but what came out of an archive."""

    at: datetime
    wall: timedelta
    promised: timedelta | None
    clocked: bool = True

    @property
    def counted(self) -> timedelta:
        return self.wall if self.promised is None else self.promised


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise that was kept, or broken, at `at`."""

    at: datetime
    policy: str
    target: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket as reports see it. `facets`: its values by dimension (`reporting.DIMENSIONS`, `field.NAME`, tag, cause). `states`: each
    with since when. `running`: the promises (policy, target, when due) that are to be kept now. `rating`: when and how the requester rated. `documented`,
    `lacks`: what of `DOCUMENTED` is said of it and is not; `obliged`: what must be said before it is solved."""

    number: int
    subject: str
    team: str | None
    facets: Mapping[str, tuple[str, ...]]
    opened_at: datetime
    states: tuple[tuple[datetime, State], ...]
    first_response: Took | None = None
    solutions: tuple[Took, ...] = ()
    closed: tuple[datetime, ...] = ()
    reopened: tuple[datetime, ...] = ()
    escalated: tuple[datetime, ...] = ()
    promises: tuple[Promise, ...] = ()
    running: tuple[tuple[str, str, datetime], ...] = ()
    spent: tuple[Spent, ...] = ()
    rating: tuple[datetime, int] | None = None
    documented: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    obliged: tuple[str, ...] = ()

    def unfinished(self, at: datetime) -> bool:
        """Whether it had come and was not finished just before `at`."""
        state = next(state for since, state in reversed(self.states) if since < at)
        return self.opened_at < at and state in UNFINISHED

    def solution(self, since: datetime, until: datetime) -> Took | None:
        """The last time that it was solved from `since` until `until`, which is not included."""
        return next((took for took in reversed(self.solutions) if since <= took.at < until), None)


def case(chronicle: Chronicle, rulebook: Rulebook) -> Case:
    """What a report counts of a ticket."""
    ticket, lines = chronicle.ticket, chronicle.lines
    states = tuple((at, State(str(value))) for at, value in _course(lines, "state", ticket.state))
    policies = [(at, str(value or "")) for at, value in _course(lines, "sla", ticket.sla)]
    moves = [(at, old, new) for (_, old), (at, new) in pairwise(states)]
    clock = _Clock(rulebook, ticket.received_at, states, policies, _clocked(lines))
    answered = ticket.first_response_at
    return Case(
        ticket.id,
        ticket.subject,
        ticket.team,
        _facets(ticket, rulebook),
        ticket.received_at,
        states,
        first_response=clock.took("first_response", answered) if answered and clock.clocked else None,
        solutions=tuple(
            clock.took("resolution", at)
            for at, old, new in moves
            if new in _FINISHED and old not in _FINISHED
        ),
        closed=tuple(at for at, _, new in moves if new is State.CLOSED),
        reopened=tuple(at for at, old, new in moves if old in _FINISHED and new in UNFINISHED),
        escalated=tuple(line.at for line in lines if line.event == "escalated"),
        promises=tuple(_promises(lines, policies)),
        running=tuple(_running(ticket)),
        spent=(*chronicle.spent, *_logged(lines)),
        rating=_rating(ticket, lines),
        documented=tuple(name for name in DOCUMENTED if getattr(ticket, name)),
        lacks=tuple(name for name in DOCUMENTED if not getattr(ticket, name)),
        obliged=_obliged(ticket, rulebook),
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    """Counts spans of one ticket that came at `since`."""

    rulebook: Rulebook
    since: datetime
    states: Sequence[tuple[datetime, State]]
    policies: Sequence[tuple[datetime, str]]
    clocked: bool

    def took(self, target: str, at: datetime) -> Took:
        policy = self.rulebook.policies.get(_then(self.policies, at))
        wall = max(at - self.since, timedelta(0))
        return Took(at, wall, self._worked(policy, target, at) if policy else None, self.clocked)

    def _worked(self, policy: Policy, target: str, until: datetime) -> timedelta:
        """The time of the target's calendar in which the ticket was neither paused nor finished."""
        promise = policy.targets.get(target)
        calendar = self.rulebook.calendars[(promise.calendar if promise else None) or policy.calendar]
        ends = [*(at for at, _ in self.states[1:]), until]
        found = timedelta(0)
        for (start, state), end in zip(self.states, ends, strict=True):
            if state not in policy.pause and state not in _STILL:
                found += calendars.between(calendar, max(start, self.since), min(end, until))
        return found


def _course(lines: Iterable[Line], name: str, now: object) -> list[tuple[datetime, object]]:
    """The values that something had, each with since when; `now`: what it is."""
    found: list[tuple[datetime, object]] = []
    for line in lines:
        pair = line.detail.get(name) if line.event == "changed" else None
        if isinstance(pair, list | tuple):
            found = found or [(_FIRST, pair[0])]
            found.append((line.at, pair[1]))
    return found or [(_FIRST, now)]


def _then(course: Sequence[tuple[datetime, str]], at: datetime) -> str:
    """What it was when `at` came."""
    return next((value for since, value in reversed(course) if since < at), course[0][1])


def _clocked(lines: Iterable[Line]) -> bool:
    """Whether it came some other way than out of an archive."""
    route = next((line for line in lines if line.event == "route"), None)
    return route is None or route.detail.get("route") != IMPORT


def _promises(lines: Iterable[Line], policies: Sequence[tuple[datetime, str]]) -> Iterator[Promise]:
    """Each kept in time, when it was, and each broken, when it was due. What was kept too late has been broken before."""
    for line in lines:
        if line.event == "breached":
            missed = _time(line.detail.get("due")) or line.at
            yield Promise(missed, _then(policies, missed), str(line.detail.get("target", "")), kept=False)
        elif line.event == "met":
            at, dues = _time(line.detail.get("at")) or line.at, line.detail.get("due")
            for target, when in dues.items() if isinstance(dues, Mapping) else ():
                due = _time(when)
                if due is None or at <= due:
                    yield Promise(at, _then(policies, at), str(target), kept=True)


def _time(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _running(ticket: Ticket) -> Iterator[tuple[str, str, datetime]]:
    if ticket.sla and ticket.state in UNFINISHED:
        for target in TARGETS:
            due = getattr(ticket, f"{target}_due")
            if due is not None:
                yield ticket.sla, target, due


def _logged(lines: Iterable[Line]) -> Iterator[Spent]:
    """Time that was logged without any words."""
    for line in lines:
        minutes = line.detail.get("minutes") if line.event == "time" else None
        if isinstance(minutes, int):
            yield Spent(line.at, line.actor.lower(), minutes)


def _rating(ticket: Ticket, lines: Iterable[Line]) -> tuple[datetime, int] | None:
    """The rating that counts, since when; without a line of the history that says so, since the ticket was finished."""
    if ticket.satisfaction is None:
        return None
    said = [line.at for line in lines if line.event == "changed" and "satisfaction" in line.detail]
    at = said[-1] if said else ticket.closed_at or ticket.solved_at or ticket.updated_at
    return at, ticket.satisfaction


def _facets(ticket: Ticket, rulebook: Rulebook) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {
        "organisation": _one(ticket.organisation),
        "group": groups_of(ticket.requester, rulebook),
        "category": _one(ticket.category),
        "type": _one(ticket.type),
        "channel": _one(ticket.channel),
        "level": (str(ticket.level),),
        "team": _one(ticket.team),
        "agent": _one(ticket.assignee),
        "tag": ticket.tags,
        "cause": _one(ticket.cause),
    }
    for key, field in rulebook.fields.items():
        if field.kind is FieldKind.CHOICE:
            found[f"field.{key}"] = _one(ticket.fields.get(key))
    return found


def _one(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()


def _obliged(ticket: Ticket, rulebook: Rulebook) -> tuple[str, ...]:
    word = rulebook.words.types.get(ticket.type or "")
    required = (*rulebook.solving, *(word.required if word else ()))
    return tuple(name for name in DOCUMENTED if name in required)
