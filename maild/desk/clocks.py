"""A ticket's promises as arithmetic over its moments. Nothing is ever added to a due time: each is counted anew from what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from maild.desk import calendars
from maild.desk.rulebook import Calendar, Policy, Rulebook, Target
from maild.desk.timeline import Moment, What
from maild.desk.words import State

ESTIMATE: Final = "estimate"
TARGETS: Final = ("first_response", "update", "resolution", "silence")
GRACE: Final = timedelta(minutes=15)
"""So long after its due time a status update still belongs to the working hours that end with it."""

_FINISHED: Final = frozenset((State.SOLVED, State.CLOSED))
_GONE: Final = frozenset((State.SPAM, State.MERGED))
_AGAIN: Final = frozenset(("update", "silence"))
"""Targets that begin again with each answer, and run while it is our turn."""

_NONE: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A line of the sum: what happened `at`; `worked`: the promised time that ran since the line before; `runs`: whether it runs on."""

    at: datetime
    what: What
    value: str
    worked: timedelta
    runs: bool


@dataclass(frozen=True, slots=True)
class Met:
    """A promise that was kept at `at`, or late; it was due at `due` (None: it stood still)."""

    target: str
    at: datetime
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise. Times in UTC.

    `due` None: it is met, or stands still; then `left` (of the calendar's time) goes on when it runs again; below zero: it is over.
    `calendar` None: it runs by the wall clock. `broken_at`: the due time that was missed and is in the history. `breach_at`, `warn_at`,
    `notice_at`: when a breach, a warning, a status update to the requester is to follow; None: none is. `met`, `missed`: promises met,
    and due times that were missed when somebody answered or solved it, which are not in the history yet. `running`: what ran since the
    last of `stretches`.
    """

    target: str
    calendar: str | None
    span: timedelta
    due: datetime | None
    left: timedelta | None
    met_at: datetime | None
    promised: datetime | None
    broken_at: datetime | None
    warned_at: datetime | None
    breach_at: datetime | None
    warn_at: datetime | None
    notice_at: datetime | None
    met: tuple[Met, ...]
    missed: tuple[datetime, ...]
    stretches: tuple[Stretch, ...]
    running: timedelta

    @property
    def next_at(self) -> datetime | None:
        """When there is something to be done about it."""
        return min((at for at in (self.breach_at, self.warn_at, self.notice_at) if at), default=None)


def clocks(
    rulebook: Rulebook,
    moments: Sequence[Moment],
    now: datetime,
    *,
    updates: bool = True,
    recorded: bool = True,
) -> tuple[Clock, ...]:
    """The promises of a ticket with these moments, as they stand `now`, in the order of `TARGETS`.

    `updates`: the requester may be sent status updates. Without `recorded` what the history holds of warnings, breaches and met promises
    counts for nothing: then this is what would have been with the policies of this rulebook, and `missed` holds every breach.
    Raises ValueError when a calendar has no working time within five years.
    """
    found = (_Course(name, rulebook, moments, recorded).clock(now, updates=updates) for name in TARGETS)
    return tuple(clock for clock in found if clock is not None)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The date that a person told the requester (`#due`). `warn_at`: when the people of the desk are to be warned of it; None: they are
    not, or were."""

    due: datetime
    warn_at: datetime | None


def estimate(rulebook: Rulebook, moments: Sequence[Moment], now: datetime) -> Estimate | None:
    """What was last told, while the ticket is not finished. It is warned of like a target, once for each date."""
    state, policy, due, since, warned = "", "", "", None, False
    for one in moments:
        match one.what:
            case What.STATE:
                state = one.value
            case What.POLICY:
                policy = one.value
            case What.ESTIMATED:
                due, since, warned = one.value, one.at, False
            case What.WARNED:
                warned = warned or one.value == ESTIMATE
            case _:
                pass
    if not due or since is None or state in _FINISHED | _GONE:
        return None
    found, at = rulebook.policies.get(policy), datetime.fromisoformat(due)
    span = None if found is None or warned or at <= now else at - since
    return Estimate(at, _warning(rulebook, found, since, at, span) if found and span else None)


def _warning(
    rulebook: Rulebook, policy: Policy, since: datetime, due: datetime, span: timedelta
) -> datetime | None:
    if isinstance(policy.warn, int):
        return since + span * policy.warn / 100
    return _before(rulebook, policy, None, due, since) if policy.warn else None


def _before(
    rulebook: Rulebook, policy: Policy, calendar: Calendar | None, due: datetime, since: datetime
) -> datetime | None:
    """So much of the policy's calendar before something is due; when that is before `since`, so much of its own calendar."""
    assert isinstance(policy.warn, timedelta)
    ways = (rulebook.calendars[policy.calendar], calendar)
    found = (calendars.before(way, due, policy.warn) if way else due - policy.warn for way in ways)
    return next((at for at in found if at > since), None)


def due_times(found: Iterable[Clock]) -> dict[str, datetime]:
    """When each promise that runs is due, by target."""
    return {clock.target: clock.due for clock in found if clock.due is not None}


def next_at(found: Iterable[Clock]) -> datetime | None:
    """The first moment at which there is something to be done about any of them."""
    return min((clock.next_at for clock in found if clock.next_at is not None), default=None)


class _Course:
    """One target's way through the moments. `since`: since when it runs without a break; `ran`: the stretches before, in this round;
    `start`: when this round began; `late`: the due time that has passed in it."""

    def __init__(self, name: str, rulebook: Rulebook, moments: Sequence[Moment], recorded: bool) -> None:
        self.name, self.rulebook, self.moments, self.recorded = name, rulebook, moments, recorded
        self.state, self.priority = State.NEW, 3
        self.policy: Policy | None = None
        self.target: Target | None = None
        self.calendar: Calendar | None = None
        self.span: timedelta | None = None
        self.left = _NONE
        self.start: datetime | None = None
        self.since: datetime | None = None
        self.due: datetime | None = None
        self.late: datetime | None = None
        self.met_at: datetime | None = None
        self.promised: datetime | None = None
        self.broken_at: datetime | None = None
        self.warned_at: datetime | None = None
        self.for_good = False
        self.notices = 0
        self.spoken = False
        self.worked = _NONE
        self.ran: list[tuple[datetime, datetime]] = []
        self.met: list[Met] = []
        self.missed: list[datetime] = []
        self.stretches: list[Stretch] = []
        self.known = (
            {(one.value, one.at): one.due for one in moments if one.what is What.MET} if recorded else {}
        )

    # -- what passes ----------------------------------------------------------------------------------------------------------

    def clock(self, now: datetime, *, updates: bool) -> Clock | None:
        for moment in self.moments:
            self._take(moment)
        if self.start is None or self.span is None or self.state in _GONE:
            return None
        at = max(now, self.moments[-1].at)
        if (
            self.state in _FINISHED
            and self.late is not None
            and self.broken_at is None
            and self.met_at is None
        ):
            self.missed.append(self.late)
        running = self._between(self.since, at) if self.since is not None else _NONE
        left = self.left - running
        over = self.late or (self.due if self.due is not None and self.due <= now else None)
        warn_at = None if self.broken_at or over or self.warned_at else self._warn_at()
        breach_at = (
            None if self.broken_at or self.met_at or self.state in _FINISHED else self.late or self.due
        )
        return Clock(
            target=self.name, calendar=self.calendar.key if self.calendar else None, span=self.span, due=self.due,
            left=None if self.met_at else left, met_at=self.met_at, promised=self.promised, broken_at=self.broken_at,
            warned_at=self.warned_at, breach_at=breach_at, warn_at=warn_at, notice_at=self._notice_at(now) if updates else None,
            met=tuple(self.met), missed=tuple(self.missed), stretches=tuple(self.stretches),
            running=self.worked + running,
        )  # fmt: skip

    def _take(self, moment: Moment) -> None:
        self.worked += self._advance(moment.at)
        shown = self._happen(moment)
        self._run(moment.at)
        if shown and self.start is not None and self.span is not None:
            runs = self.since is not None
            self.stretches.append(Stretch(moment.at, moment.what, moment.value, self.worked, runs))
            self.worked = _NONE

    def _happen(self, moment: Moment) -> bool:
        """What a moment does to this target; whether that is a line of its sum."""
        match moment.what:
            case What.OPENED:
                self._begin(moment.at)
            case What.STATE:
                return self._in_state(State(moment.value), moment.at)
            case What.PRIORITY:
                self.priority = int(moment.value)
                return self._promise_anew(moment)
            case What.POLICY:
                self.policy = self.rulebook.policies.get(moment.value)
                return self._promise_anew(moment)
            case What.ANSWERED | What.CONTACT:
                self.spoken = True
                return self._answered(moment.at)
            case What.ACKNOWLEDGED:
                self.spoken = True
                return False
            case What.ESCALATED:
                return not moment.escalation and self._escalated(moment.at)
            case _:
                return self.recorded and self._in_history(moment)
        return True

    def _begin(self, at: datetime) -> None:
        """A round begins: with the ticket, and for some targets with each answer."""
        self._look_up()
        self.start, self.span = at, self._span()
        self.left = self.span or _NONE
        self.since = self.due = self.late = self.broken_at = self.warned_at = None
        self.notices, self.ran = 0, []

    def _in_state(self, state: State, at: datetime) -> bool:
        before, self.state = self.state, state
        if state in _FINISHED:
            by_solving = self.target is not None and "solved" in self.target.met_by
            if self.name == "first_response" or (self.name == "resolution" and by_solving):
                self._meet(at)
        elif before in _FINISHED and self.name == "resolution" and not self.for_good:
            self.met_at = self.promised = None
        return state in _FINISHED or (before is not state and self.met_at is None)

    def _answered(self, at: datetime) -> bool:
        if self.name == "first_response":
            shown = self.met_at is None
            self._meet(at)
            return shown
        if self.name in _AGAIN and self.start is not None and at >= self.start:
            self._meet(at)
            self.met_at = self.promised = None
            self._begin(at)
            return True
        return False

    def _escalated(self, at: datetime) -> bool:
        if self.name != "resolution" or self.target is None or "escalated" not in self.target.met_by:
            return False
        self._meet(at)
        self.for_good = True
        return True

    def _meet(self, at: datetime) -> None:
        """The promise is kept; what is not in the history of it yet belongs there."""
        if self.met_at is not None:
            return
        self.met_at, self.promised = at, self.late or self.due
        if self.span is None or self.start is None:
            return
        if (self.name, at) in self.known:
            self.promised = self.known[self.name, at]
            return
        if self.late is not None and self.broken_at is None:
            self.missed.append(self.late)
        self.met.append(Met(self.name, at, self.promised))

    def _in_history(self, moment: Moment) -> bool:
        """What the history says was done. It belongs to this round if its due time does."""
        if moment.what is What.UPDATED:
            if self.name == "update" and self.start is not None and self.span is not None:
                self.notices += 1
                self.left, self.since, self.due, self.ran = self.span, None, None, []
                return True
            return False
        of_this = self.start is not None and moment.due is not None and moment.due > self.start
        if moment.value != self.name or not of_this or moment.what is What.MET:
            return False
        if moment.what is What.BROKEN:
            self.broken_at = moment.due
        else:
            self.warned_at = moment.at
        return True

    # -- what is promised -----------------------------------------------------------------------------------------------------

    def _promise_anew(self, moment: Moment) -> bool:
        """Other facts promise something else: looser from the beginning on; tighter by the earlier of the old due time and the new span
        from now on. An escalation leaves what runs alone."""
        old = (self.target, self.calendar, self.span)
        if self.start is not None and moment.escalation and self.span is not None:
            return False
        self._look_up()
        span = self._span()
        if self.start is None or (self.calendar, span) == old[1:]:
            return False
        left, was = self.left, old[1]
        self.span = span
        if span is None or self.met_at is not None:
            return True
        if old[2] is None:
            self.left, self.ran = span, []
        elif left > _NONE:
            self.left = self._left_then(moment.at, left, was, span)
        if self.since is not None:
            self.since, self.due = None, None
        return True

    def _left_then(self, at: datetime, left: timedelta, was: Calendar | None, span: timedelta) -> timedelta:
        """What is left at `at` of a promise with another span, of which `left` was left by the calendar it had."""
        whole = span - sum((self._between(*stretch) for stretch in self.ran), _NONE)
        if was == self.calendar:
            return whole if whole >= left else min(left, span)
        due = _after(was, at, left)
        if whole > _NONE and _after(self.calendar, at, whole) >= due:
            return whole
        return min(self._between(at, due), span)

    def _look_up(self) -> None:
        """What the policy says of this target. Silence is counted by the wall clock, the others by the policy's calendar, unless the
        target names one."""
        self.target = self.policy.targets.get(self.name) if self.policy else None
        self.calendar = None
        if self.policy is not None and self.target is not None:
            key = self.target.calendar or (None if self.name == "silence" else self.policy.calendar)
            self.calendar = self.rulebook.calendars[key] if key is not None else None

    def _span(self) -> timedelta | None:
        return self.target.span(self.priority) if self.target else None

    # -- how time passes ------------------------------------------------------------------------------------------------------

    @property
    def _runs(self) -> bool:
        if self.start is None or self.span is None or self.policy is None or self.met_at is not None:
            return False
        ours = self.name not in _AGAIN or self.state is not State.PENDING
        return ours and self.state not in _FINISHED | _GONE and self.state not in self.policy.pause

    def _run(self, at: datetime) -> None:
        """From `at` on it runs, or stands still."""
        if not self._runs:
            self.since = self.due = None
        elif self.since is None:
            self.since = at
            over = self.left <= _NONE and self.late is not None
            self.due = self.late if over else _after(self.calendar, at, max(self.left, _NONE))

    def _advance(self, at: datetime) -> timedelta:
        """Time passes until `at`; how much of it counted."""
        if self.since is None or at <= self.since:
            return _NONE
        if self.due is not None and self.due < at and self.late is None and not self.notices:
            self.late = self.due
        worked = self._between(self.since, at)
        self.ran.append((self.since, at))
        self.left -= worked
        self.since = at
        return worked

    def _between(self, start: datetime, end: datetime) -> timedelta:
        return calendars.between(self.calendar, start, end) if self.calendar else max(end - start, _NONE)

    # -- what is to be done ---------------------------------------------------------------------------------------------------

    def _warn_at(self) -> datetime | None:
        """When the people of the desk are to be warned: after a part of the span, or so much of the policy's calendar before it is due."""
        warn = self.policy.warn if self.policy else None
        if (
            self.policy is None
            or warn is None
            or self.since is None
            or self.due is None
            or self.span is None
            or self.start is None
        ):
            return None
        if isinstance(warn, int):
            rest = self.span * (100 - warn) / 100
            return _after(self.calendar, self.since, self.left - rest) if self.left > rest else self.since
        return _before(self.rulebook, self.policy, self.calendar, self.due, self.start)

    def _notice_at(self, now: datetime) -> datetime | None:
        """When the requester is to hear that somebody is still at it: when an update is due, in working hours. Who was never
        acknowledged nor answered may be a machine, and hears nothing by himself."""
        due = self.due if self.notices else self.late or self.due
        enough = self.policy is None or self.notices >= self.policy.update_limit
        if self.name != "update" or enough or not self.spoken or self.since is None or due is None:
            return None
        if now <= due + GRACE or self.calendar is None:
            return due
        return calendars.opening(self.calendar, now)


def _after(calendar: Calendar | None, start: datetime, span: timedelta) -> datetime:
    return calendars.add(calendar, start, span) if calendar else start.astimezone(UTC) + span
