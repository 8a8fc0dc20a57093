"""What a report counts, against tables and against counting by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk import reporting
from maild.desk.chronicle import Case, Chronicle, Promise, Spent, Took, case
from maild.desk.people import Person, Ticket
from maild.desk.reporting import Period, age, grows, measure, middle, percentile, report
from maild.desk.rulebook import (
    Calendar,
    Field,
    FieldKind,
    Group,
    Identity,
    Policy,
    Rulebook,
    Target,
    Word,
    Words,
)
from maild.desk.words import State

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONE = ZoneInfo("Europe/Amsterdam")
PERIOD = Period(NOW - 7 * DAY, NOW, NOW - 14 * DAY, ZONE)
OFFICE = Calendar("office", ZONE, (((540, 1020),),) * 5 + ((), ()))
BOOK = Rulebook(
    Identity("Acme", "support@acme.test", "Acme"),
    calendars={"office": OFFICE},
    policies={"standard": Policy("standard", "office", {"first_response": Target(HOUR)})},
)


@dataclass(frozen=True)
class Line:
    """A line of the history."""

    at: datetime
    event: str
    detail: dict[str, object]
    actor: str = "ana@acme.test"


def ticket(number: int = 1, **changes: Any) -> Ticket:
    values: dict[str, Any] = {
        "subject": "Printer",
        "state": State.NEW,
        "requester": Person(2, "Carla", "carla@globex.test"),
        "received_at": NOW - 2 * DAY,
        "created_at": NOW - 2 * DAY,
        "updated_at": NOW - 2 * DAY,
    }
    return Ticket(number, **values | changes)


def moved(at: datetime, old: str, new: str) -> Line:
    return Line(at, "changed", {"state": [old, new]})


def one(number: int = 1, opened: timedelta = 2 * DAY, **changes: Any) -> Case:
    """A case that came so long ago, open since."""
    start = datetime.min.replace(tzinfo=UTC)
    values: dict[str, Any] = {
        "subject": f"Case {number}", "team": None, "facets": {}, "opened_at": NOW - opened, "states": ((start, State.OPEN),)
    }  # fmt: skip
    return Case(number, **values | changes)


def solved(number: int, ago: timedelta, **changes: Any) -> Case:
    start = datetime.min.replace(tzinfo=UTC)
    states = ((start, State.OPEN), (NOW - ago, State.SOLVED))
    return one(number, ago + DAY, states=states, solutions=(Took(NOW - ago, DAY, None),), **changes)


# -- how long -----------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_the_least_value_that_enough_others_do_not_exceed(
    seconds: list[int], share: int
) -> None:
    ordered = sorted(timedelta(seconds=one) for one in seconds)
    found = percentile(ordered, share)
    enough = [value for value in ordered if sum(other <= value for other in ordered) * 100 >= share * len(ordered)]  # fmt: skip
    assert found == min(enough)
    assert middle(ordered) == timedelta(seconds=sum(sorted(seconds)[at] for at in ((len(seconds) - 1) // 2, len(seconds) // 2)) / 2)  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "median", "ninetieth"),
    [
        ([5], 5, 5),
        ([1, 3], 2, 3),
        (range(1, 11), 5.5, 9),
        (range(1, 12), 6, 10),
        ([0] * 9 + [60], 0, 0),
        ([0] * 8 + [60] * 2, 0, 60),
    ],
)
def test_spans(minutes: list[int], median: float, ninetieth: float) -> None:
    found = reporting.spans(timedelta(minutes=one) for one in minutes)
    assert found == reporting.Spans(len(minutes), timedelta(minutes=median), timedelta(minutes=ninetieth))


def test_spans_of_nothing() -> None:
    assert reporting.spans(()) == reporting.Spans()


# -- one ticket ---------------------------------------------------------------------------------------------------------------


def test_working_hours_where_there_is_a_policy_and_the_wall_clock_besides() -> None:
    friday = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # 16:00 in Amsterdam, an hour before it closes
    answered = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    under = case(Chronicle(ticket(received_at=friday, first_response_at=answered, sla="standard"), ()), BOOK)
    without = case(Chronicle(ticket(received_at=friday, first_response_at=answered), ()), BOOK)
    assert under.first_response == Took(answered, 66 * HOUR, 2 * HOUR)
    assert without.first_response == Took(answered, 66 * HOUR, None)
    assert [took.counted for took in (under.first_response, without.first_response) if took] == [
        2 * HOUR,
        66 * HOUR,
    ]


def test_neither_a_pause_nor_being_solved_is_time_of_the_solution() -> None:
    monday = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)  # 09:00 in Amsterdam
    lines = (
        moved(monday + HOUR, "new", "pending"),
        moved(monday + 3 * HOUR, "pending", "open"),
        moved(monday + 4 * HOUR, "open", "solved"),
        moved(monday + 6 * HOUR, "solved", "open"),
        moved(monday + 7 * HOUR, "open", "closed"),
    )
    found = case(Chronicle(ticket(received_at=monday, state=State.CLOSED, sla="standard"), lines), BOOK)
    assert [(took.wall, took.promised) for took in found.solutions] == [
        (4 * HOUR, 2 * HOUR),
        (7 * HOUR, 3 * HOUR),
    ]
    assert found.reopened == (monday + 6 * HOUR,)
    assert found.closed == (monday + 7 * HOUR,)
    assert [found.unfinished(monday + hours * HOUR) for hours in (0, 1, 5, 6.5, 8)] == [False, True, False, True, False]  # fmt: skip


def test_promises_and_the_policy_they_were_given_under() -> None:
    at = NOW - DAY
    lines = (
        Line(at, "breached", {"target": "first_response", "due": (at - HOUR).isoformat()}),
        Line(at, "met", {"at": at.isoformat(), "due": {"first_response": (at - HOUR).isoformat(), "update": (at + HOUR).isoformat(), "silence": None}}),
        Line(at + HOUR, "changed", {"sla": ["standard", "gold"]}),
        Line(at + 2 * HOUR, "met", {"at": (at + 2 * HOUR).isoformat(), "due": {"update": (at + 2 * HOUR).isoformat()}}),
    )  # fmt: skip
    found = case(Chronicle(ticket(sla="gold", update_due=NOW + HOUR), lines), BOOK)
    assert found.promises == (
        Promise(at - HOUR, "standard", "first_response", kept=False),
        Promise(at, "standard", "update", kept=True),
        Promise(at, "standard", "silence", kept=True),
        Promise(at + 2 * HOUR, "gold", "update", kept=True),
    )
    assert found.running == (("gold", "update", NOW + HOUR),)


def test_an_archives_ticket_has_no_times() -> None:
    lines = (Line(NOW - DAY, "route", {"route": "import"}), moved(NOW - HOUR, "new", "solved"))
    found = case(Chronicle(ticket(state=State.SOLVED, first_response_at=NOW - HOUR), lines), BOOK)
    assert found.first_response is None
    figures = measure([found], PERIOD.since, NOW, ZONE)
    assert (figures.opened, figures.solved, figures.resolution.wall.count) == (1, 1, 0)


def test_what_happens_to_a_ticket_again_is_still_one_ticket() -> None:
    again = (NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - HOUR)
    figures = measure(
        [one(1, escalated=again, reopened=again, closed=again), one(2)], PERIOD.since, NOW, ZONE
    )
    assert (figures.escalated, figures.reopened, figures.closed) == (1, 1, 1)


def test_time_and_rating() -> None:
    lines = (
        Line(NOW - HOUR, "time", {"minutes": 10}, "Ana@Acme.test"),
        Line(NOW - HOUR, "changed", {"satisfaction": [None, 4]}),
    )
    spent = (Spent(NOW - 2 * HOUR, "ben@acme.test", 25),)
    found = case(Chronicle(ticket(satisfaction=4), lines, spent), BOOK)
    assert found.spent == (*spent, Spent(NOW - HOUR, "ana@acme.test", 10))
    assert found.rating == (NOW - HOUR, 4)
    late = case(Chronicle(ticket(satisfaction=2, closed_at=NOW - DAY), ()), BOOK)
    assert late.rating == (NOW - DAY, 2)


def test_facets() -> None:
    book = Rulebook(
        BOOK.identity,
        fields={
            "product": Field("product", "Product", {"flow": Word("flow")}, FieldKind.CHOICE),
            "hub": Field("hub", "Hub"),
        },
        groups={"vip": Group("vip", members=("carla@globex.test",))},
    )
    found = case(
        Chronicle(
            ticket(
                category="bug", fields={"product": "flow", "hub": "7"}, tags=("a", "b"), cause="dust", level=2
            ),
            (),
        ),
        book,
    ).facets
    assert found == {
        "organisation": (), "group": ("vip",), "category": ("bug",), "type": (), "channel": ("email",), "level": ("2",),
        "team": (), "agent": (), "tag": ("a", "b"), "cause": ("dust",), "field.product": ("flow",),
    }  # fmt: skip


# -- many tickets -------------------------------------------------------------------------------------------------------------

moments = st.integers(-20 * 24, 24).map(lambda hours: NOW + hours * HOUR)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any way that a ticket may have gone."""
    opened = draw(moments)
    later = sorted(draw(st.lists(moments, max_size=5, unique=True)))
    states = ((datetime.min.replace(tzinfo=UTC), State.NEW), *((at, draw(st.sampled_from([State.OPEN, State.SOLVED, State.CLOSED, State.PENDING]))) for at in later))  # fmt: skip
    promises = tuple(Promise(draw(moments), draw(st.sampled_from(["a", "b"])), "update", draw(st.booleans())) for _ in range(draw(st.integers(0, 3))))  # fmt: skip
    facets = {"organisation": tuple(draw(st.sets(st.sampled_from(["X", "Y"]), max_size=1)))}
    return one(draw(st.integers(1, 99)), facets=facets, states=states, promises=promises, spent=tuple(Spent(draw(moments), "ana", draw(st.integers(1, 9))) for _ in range(2)), opened_at=opened)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(cases(), max_size=6))
def test_counts_by_hand(some: list[Case]) -> None:
    since, until = PERIOD.since, PERIOD.until
    found = measure(some, since, until, ZONE)
    assert found.opened == len([case for case in some if since <= case.opened_at < until])
    state_then = [[state for at, state in case.states if at < until][-1] for case in some]
    left = [
        case
        for case, state in zip(some, state_then, strict=True)
        if case.opened_at < until and state not in (State.SOLVED, State.CLOSED)
    ]
    assert found.unfinished == len(left) == sum(found.backlog.values())
    decided = [promise for case in some for promise in case.promises if since <= promise.at < until]
    for attained in found.attainment:
        mine = [promise.kept for promise in decided if promise.policy == attained.policy]
        assert (attained.kept, attained.broken) == (mine.count(True), mine.count(False))
        assert attained.share is not None
        assert math.isclose(attained.share, sum(mine) / len(mine))
    assert found.kept.kept + found.kept.broken == len(decided)
    assert found.minutes == sum(spent.minutes for case in some for spent in case.spent if since <= spent.at < until)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(cases(), max_size=6))
def test_the_slices_of_a_dimension_make_the_whole(some: list[Case]) -> None:
    found = report(some, PERIOD)
    slices = found.by.get("organisation", ())
    for name in ("opened", "unfinished", "minutes"):
        assert sum(getattr(part.now, name) for part in slices) == getattr(found.now, name)
        assert sum(getattr(part.before, name) for part in slices) == getattr(found.before, name)
    assert found.time == ({"ana": found.now.minutes} if found.now.minutes else {})


def test_what_is_on_the_edge_belongs_to_the_period_that_begins() -> None:
    edge = [one(1, 7 * DAY), one(2, timedelta(0)), one(3, 7 * DAY + timedelta(seconds=1))]
    found = report(edge, PERIOD)
    assert (found.now.opened, found.before.opened) == (1, 1)
    assert (found.now.unfinished, found.before.unfinished) == (2, 1)


@pytest.mark.parametrize(
    ("ago", "name"),
    [
        (timedelta(0), "today"),
        (12 * HOUR, "today"),
        (13 * HOUR + timedelta(minutes=1), "1d"),
        (DAY, "1d"),
        (DAY + HOUR, "3d"),
        (3 * DAY, "3d"),
        (7 * DAY, "7d"),
        (8 * DAY, "30d"),
        (31 * DAY, "older"),
    ],
)
def test_ages(ago: timedelta, name: str) -> None:
    assert age(NOW - ago, NOW, ZONE) == name


def test_only_promises_not_yet_over_run_and_only_now() -> None:
    running = (("gold", "update", NOW + HOUR), ("gold", "resolution", NOW - HOUR))
    [attained] = report([one(running=running)], PERIOD).now.attainment
    assert (attained.target, attained.running, attained.share) == ("update", 1, None)
    assert report([one(running=running)], PERIOD, running=False).now.attainment == ()


@pytest.mark.parametrize(
    ("before", "now", "yes"),
    [
        (0, 3, True),
        (0, 2, False),
        (6, 9, True),
        (7, 10, False),
        (10, 14, False),
        (10, 15, True),
        (5, 1, False),
    ],
)
def test_what_grows(before: int, now: int, yes: bool) -> None:
    assert grows(before, now) is yes


def test_growth_and_recurring_causes() -> None:
    def some(numbers: range, opened: timedelta, **facets: tuple[str, ...]) -> list[Case]:
        return [one(number, opened, facets=dict(facets)) for number in numbers]

    found = report(
        [
            *some(range(1, 5), DAY, category=("bug",), tag=("vip", "crash"), cause=("Dust",)),
            *some(range(5, 6), 8 * DAY, category=("bug",), tag=("crash",), cause=("dust",)),
            *some(range(6, 8), 8 * DAY, tag=("vip",)),
            *some(range(8, 9), DAY, cause=("dust",)),
        ],
        PERIOD,
    )
    assert [(grown.kind, grown.key, grown.before, grown.now) for grown in found.growing] == [
        ("cause", "Dust", 0, 4),
        ("category", "bug", 1, 4),
        ("tag", "crash", 1, 4),
    ]
    assert [(again.cause, again.tickets) for again in found.recurring] == [("Dust", (1, 2, 3, 4, 8))]
    assert "tag" not in found.by


@pytest.mark.parametrize(
    ("some", "expected"),
    [
        ([solved(1, DAY, lacks=("cause", "solution"))], []),
        ([solved(1, DAY, lacks=("cause", "solution"), obliged=("solution",))], [(1, ("solution",))]),
        (
            [
                solved(1, DAY, lacks=("cause",), documented=("solution",)),
                solved(2, DAY, lacks=("cause", "solution")),
            ],
            [(2, ("solution",))],
        ),
        ([solved(1, 8 * DAY, lacks=("cause",), obliged=("cause",))], []),
        ([solved(1, DAY, team="staff", lacks=("cause",), obliged=("cause",))], []),
    ],
    ids=["nobody documents", "required", "others do", "long ago", "private"],
)
def test_still_to_document(some: list[Case], expected: list[tuple[int, tuple[str, ...]]]) -> None:
    found = report(some, PERIOD, hidden=("staff",)).undocumented
    assert [(undone.number, undone.lacks) for undone in found] == expected


def test_of_a_private_team_there_are_numbers_and_no_words() -> None:
    secret = [one(number, DAY, team="staff", facets={"team": ("staff",), "cause": ("theft",), "tag": ("police",)}) for number in range(4)]  # fmt: skip
    found = report(secret, PERIOD, hidden=("staff",))
    assert found.now.opened == 4
    assert found.by["team"][0].now.opened == 4
    assert (found.growing, found.recurring) == ((), ())
    shown = report(secret, PERIOD)
    assert {grown.key for grown in shown.growing} == {"theft", "police"}


def test_agents_time_is_theirs_wherever_they_spent_it() -> None:
    spent = (Spent(NOW - HOUR, "ben", 30), Spent(NOW - HOUR, "ana", 10))
    found = report([one(1, DAY, facets={"agent": ("ana",)}, spent=spent)], PERIOD)
    assert found.time == {"ben": 30, "ana": 10}
    assert {part.key: part.now.minutes for part in found.by["agent"]} == {"ana": 10, "ben": 30}


def test_the_mean_of_ratings() -> None:
    rated = [one(number, DAY, rating=(NOW - HOUR, rating)) for number, rating in enumerate((5, 5, 2))]
    found = report([*rated, one(9, DAY, rating=(NOW - 9 * DAY, 1))], PERIOD)
    assert (found.now.ratings, found.now.satisfaction) == ({2: 1, 5: 2}, 4)
    assert (found.before.ratings, found.before.satisfaction) == ({1: 1}, 1)


def test_nothing() -> None:
    found = report((), PERIOD)
    assert found.empty
    assert (found.now.satisfaction, found.now.kept.share, found.by) == (None, None, {})
    assert not report([one(1, 9 * DAY)], PERIOD).empty


def test_required_words_of_a_type() -> None:
    book = Rulebook(BOOK.identity, words=Words(types={"bug": Word("bug", required=("cause", "time"))}), solving=("solution",))  # fmt: skip
    found = case(Chronicle(ticket(type="bug", solution="x"), ()), book)
    assert (found.obliged, found.documented, found.lacks) == (
        ("cause", "solution"),
        ("solution",),
        ("cause",),
    )
