"""A report as arithmetic: what happened to tickets in a period, beside the period before it. Nothing here is read from a store."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from maild.desk.chronicle import Case, Took

DIMENSIONS: Final = ("organisation", "group", "category", "type", "channel", "level", "team", "agent")
"""By what a report is broken down; choice fields come besides, as `field.NAME`."""

AGES: Final = ("today", "1d", "3d", "7d", "30d", "older")
"""How old unfinished tickets are: of the same day; not more than 1, 3, 7, 30 days; older."""

MORE_BY: Final = 3
MORE_TIMES: Final = 1.5
"""What grows: at least so many more than in the period before, and so many times as many."""

_GROWING: Final = ("category", "organisation", "cause", "tag")
_WORDS: Final = frozenset(("cause", "tag"))
"""What is written on tickets in words of their own, which only those read who may see the ticket."""

_AGE_DAYS: Final = (1, 3, 7, 30)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` until `until` (not included), compared with what was from `before` until `since`. Days are those of `zone`."""

    since: datetime
    until: datetime
    before: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Spans:
    """How long things took: the median, and what nine of ten stayed within (nearest rank). None without any."""

    count: int = 0
    median: timedelta | None = None
    ninetieth: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """The same things by the time that is promised (working hours of the ticket's policy, else the wall clock), and by the wall clock;
    `promised`: how many of them were under a policy."""

    counted: Spans = Spans()
    wall: Spans = Spans()
    promised: int = 0


@dataclass(frozen=True, slots=True)
class Attainment:
    """How many promises of a policy's target were kept and broken in the period, and how many run now."""

    policy: str
    target: str
    kept: int
    broken: int
    running: int = 0

    @property
    def share(self) -> float | None:
        """The part that was kept, 0 to 1; None when nothing was decided."""
        decided = self.kept + self.broken
        return self.kept / decided if decided else None


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of some tickets in a period, each counted once however often it was solved, closed, opened again or escalated. `unfinished` and `backlog` (by `AGES`): at its end. `ratings`: how often each of 1 to 5."""

    opened: int = 0
    solved: int = 0
    closed: int = 0
    reopened: int = 0
    escalated: int = 0
    unfinished: int = 0
    first_response: Times = Times()
    resolution: Times = Times()
    attainment: tuple[Attainment, ...] = ()
    backlog: Mapping[str, int] = field(default_factory=dict)
    minutes: int = 0
    ratings: Mapping[int, int] = field(default_factory=dict)

    @property
    def kept(self) -> Attainment:
        """All promises together."""
        every = self.attainment
        return Attainment(
            "",
            "",
            sum(one.kept for one in every),
            sum(one.broken for one in every),
            sum(one.running for one in every),
        )

    @property
    def satisfaction(self) -> float | None:
        """The mean rating."""
        count = sum(self.ratings.values())
        return sum(rating * times for rating, times in self.ratings.items()) / count if count else None


@dataclass(frozen=True, slots=True)
class Slice:
    """The figures of those with one value; `key` "" for those without any."""

    key: str
    now: Measures
    before: Measures


@dataclass(frozen=True, slots=True)
class Growth:
    """What came up more often than in the period before: `kind` is category, organisation, cause or tag."""

    kind: str
    key: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class Recurring:
    """A cause that stands on several tickets of the period."""

    cause: str
    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Undocumented:
    """A ticket that was solved in the period, and what is not said about it: cause, solution."""

    number: int
    subject: str
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """`by`: dimension to slices, those with the most first. `time`: minutes by agent (an address). `teams`: whose tickets are counted
    (None: all)."""

    period: Period
    now: Measures
    before: Measures
    by: Mapping[str, tuple[Slice, ...]]
    time: Mapping[str, int]
    recurring: tuple[Recurring, ...]
    growing: tuple[Growth, ...]
    undocumented: tuple[Undocumented, ...]
    teams: tuple[str, ...] | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say, of this period nor of that before."""
        return not (says(self.now) or says(self.before))


def report(
    cases: Sequence[Case],
    period: Period,
    *,
    hidden: Collection[str] = (),
    running: bool = True,
    teams: tuple[str, ...] | None = None,
) -> Report:
    """The report about these tickets. `hidden`: teams of whose tickets the reader sees numbers and no words. `running`: the period
    reaches until now, so that the promises that run belong to it. `teams`: those whose tickets they are (None: all)."""
    shown = [case for case in cases if case.team not in hidden]
    time = _time(cases, period)
    return Report(
        period,
        measure(cases, period.since, period.until, period.zone, running=running),
        measure(cases, period.before, period.since, period.zone),
        _by(cases, period, time, running=running),
        time,
        _recurring(shown, period),
        _growing(cases, shown, period),
        _undocumented(shown, period),
        teams,
    )


def measure(
    cases: Iterable[Case], since: datetime, until: datetime, zone: ZoneInfo, *, running: bool = False
) -> Measures:
    """The figures of these tickets from `since` until `until`, which is not included."""
    cases = tuple(cases)

    def within(moments: Iterable[datetime]) -> int:
        return sum(since <= at < until for at in moments)

    unfinished = [case for case in cases if case.unfinished(until)]
    solutions = (case.solution(since, until) for case in cases)
    ratings = (case.rating[1] for case in cases if case.rating and since <= case.rating[0] < until)
    return Measures(
        opened=within(case.opened_at for case in cases),
        solved=sum(any(since <= took.at < until for took in case.solutions) for case in cases),
        closed=sum(bool(within(case.closed)) for case in cases),
        reopened=sum(bool(within(case.reopened)) for case in cases),
        escalated=sum(
            bool(within(case.escalated)) for case in cases
        ),  # tickets, however many steps each took
        unfinished=len(unfinished),
        first_response=_times(
            case.first_response
            for case in cases
            if case.first_response and since <= case.first_response.at < until
        ),
        resolution=_times(took for took in solutions if took is not None and took.clocked),
        attainment=_attainment(cases, since, until, unfinished if running else ()),
        backlog=_backlog(unfinished, until, zone),
        minutes=sum(one.minutes for case in cases for one in case.spent if since <= one.at < until),
        ratings=dict(sorted(Counter(ratings).items())),
    )


def _times(taken: Iterable[Took]) -> Times:
    every = tuple(taken)
    promised = sum(took.promised is not None for took in every)
    return Times(spans(took.counted for took in every), spans(took.wall for took in every), promised)


def spans(values: Iterable[timedelta]) -> Spans:
    """Their number, median and ninetieth percentile."""
    ordered = sorted(values)
    return Spans(len(ordered), middle(ordered), percentile(ordered, 90)) if ordered else Spans()


def middle(ordered: Sequence[timedelta]) -> timedelta:
    """The median of these values (sorted, at least one); of an even number the mean of the two in the middle."""
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def percentile(ordered: Sequence[timedelta], share: int) -> timedelta:
    """The least of these values (sorted, at least one) that so many of a hundred of them do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def _attainment(
    cases: Iterable[Case], since: datetime, until: datetime, open_now: Iterable[Case]
) -> tuple[Attainment, ...]:
    kept: Counter[tuple[str, str]] = Counter()
    broken: Counter[tuple[str, str]] = Counter()
    for case in cases:
        for one in case.promises:
            if since <= one.at < until:
                (kept if one.kept else broken)[one.policy, one.target] += 1
    runs = Counter(
        (policy, target) for case in open_now for policy, target, due in case.running if due >= until
    )
    keys = sorted({*kept, *broken, *runs})
    return tuple(Attainment(*key, kept[key], broken[key], runs[key]) for key in keys)


def _backlog(unfinished: Iterable[Case], at: datetime, zone: ZoneInfo) -> dict[str, int]:
    found = Counter(age(case.opened_at, at, zone) for case in unfinished)
    return {name: found[name] for name in AGES}


def age(opened_at: datetime, at: datetime, zone: ZoneInfo) -> str:
    """Which of `AGES` a ticket has that came at `opened_at`."""
    if opened_at.astimezone(zone).date() == at.astimezone(zone).date():
        return "today"
    days = (at - opened_at) / _DAY
    return next((f"{most}d" for most in _AGE_DAYS if days <= most), "older")


def _by(
    cases: Sequence[Case], period: Period, time: Mapping[str, int], *, running: bool
) -> dict[str, tuple[Slice, ...]]:
    """Broken down by each dimension. A case with several values stands under each of them."""
    parts: dict[str, dict[str, list[Case]]] = {name: {} for name in DIMENSIONS}
    for case in cases:
        for name, keys in case.facets.items():
            for key in keys or ("",) if name not in _WORDS else ():
                parts.setdefault(name, {}).setdefault(key, []).append(case)
    for agent in time:
        parts["agent"].setdefault(agent, [])
    found = {}
    for name, some in parts.items():
        slices = (_slice(key, own, period, running=running) for key, own in some.items())
        if name == "agent":
            slices = (replace(one, now=replace(one.now, minutes=time.get(one.key, 0))) for one in slices)
        kept = [one for one in slices if says(one.now) or says(one.before)]
        found[name] = tuple(sorted(kept, key=_order(name)))
    return {name: slices for name, slices in found.items() if slices}


def _slice(key: str, cases: Sequence[Case], period: Period, *, running: bool) -> Slice:
    return Slice(
        key,
        measure(cases, period.since, period.until, period.zone, running=running),
        measure(cases, period.before, period.since, period.zone),
    )


def says(one: Measures) -> bool:
    """Whether anything happened or is left to do."""
    counts = (one.opened, one.solved, one.closed, one.reopened, one.escalated, one.unfinished, one.minutes)
    return any(counts) or bool(one.first_response.wall.count or one.attainment or one.ratings)


def _order(name: str) -> Callable[[Slice], tuple[object, ...]]:
    if name == "level":
        return lambda one: (one.key,)
    return lambda one: (
        not one.key,
        -one.now.opened,
        -one.now.unfinished,
        -one.now.solved,
        one.key.casefold(),
    )


def _time(cases: Iterable[Case], period: Period) -> dict[str, int]:
    """Minutes in the period by who spent them, those with the most first."""
    found: Counter[str] = Counter()
    for case in cases:
        for one in case.spent:
            if period.since <= one.at < period.until:
                found[one.agent] += one.minutes
    return dict(found.most_common())


def _recurring(cases: Iterable[Case], period: Period) -> tuple[Recurring, ...]:
    """Causes are the same whatever their case; they are shown as they were written first."""
    written: dict[str, str] = {}
    found: dict[str, list[int]] = {}
    for case in cases:
        for cause in case.facets.get("cause", ()):
            if _in_period(case, period):
                written.setdefault(cause.casefold(), cause)
                found.setdefault(cause.casefold(), []).append(case.number)
    several = [Recurring(written[key], tuple(numbers)) for key, numbers in found.items() if len(numbers) > 1]
    return tuple(sorted(several, key=lambda one: (-len(one.tickets), one.cause.casefold())))


def _in_period(case: Case, period: Period) -> bool:
    came = period.since <= case.opened_at < period.until
    return came or case.solution(period.since, period.until) is not None


def _growing(every: Sequence[Case], shown: Sequence[Case], period: Period) -> tuple[Growth, ...]:
    found = []
    for kind in _GROWING:
        now: Counter[str] = Counter()
        before: Counter[str] = Counter()
        for case in shown if kind in _WORDS else every:
            keys = case.facets.get(kind, ())
            if period.since <= case.opened_at < period.until:
                now.update(keys)
            elif period.before <= case.opened_at < period.since:
                before.update(keys)
        found += [Growth(kind, key, before[key], count) for key, count in now.items() if grows(before[key], count)]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (one.before - one.now, one.kind, one.key.casefold())))


def grows(before: int, now: int) -> bool:
    """Whether a count is so much more than in the period before that it is worth a look."""
    return now - before >= MORE_BY and now >= before * MORE_TIMES


def _undocumented(cases: Iterable[Case], period: Period) -> tuple[Undocumented, ...]:
    """Solved tickets without what is required of them; or, of what others of the period have, as soon as one has it."""
    solved = [
        case
        for case in cases
        if case.solution(period.since, period.until) and not case.unfinished(period.until)
    ]
    usual = {name for case in solved for name in case.documented}
    found = (
        Undocumented(
            case.number, case.subject, tuple(one for one in case.lacks if one in usual or one in case.obliged)
        )
        for case in solved
    )
    return tuple(one for one in found if one.lacks)
