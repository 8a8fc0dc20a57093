"""What a ticket's moments come to for each promise: due times, rounds, what meets, what breaks, the sum."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from maild.desk.clocks import Clock, clocks, due_times, next_at
from maild.desk.rulebook import Calendar, Identity, Policy, Rulebook, Target
from maild.desk.timeline import Moment, What, opening

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OFFICE = Calendar("office", ZoneInfo("UTC"), (((540, 1020),),) * 5 + ((), ()))
ALWAYS = Calendar("always", ZoneInfo("UTC"), (((0, 1440),),) * 7)
STANDARD = Policy(
    "standard",
    "office",
    {
        "first_response": Target(HOUR, {1: 10 * MINUTE}),
        "update": Target(4 * HOUR, {1: HOUR}),
        "resolution": Target(24 * HOUR, {1: 8 * HOUR}, "always", ("solved", "escalated")),
        "silence": Target(12 * HOUR),
    },
    warn=75,
)
GOLD = Policy("gold", "always", {"first_response": Target(10 * MINUTE), "update": Target(2 * HOUR)})
BOOK = Rulebook(
    Identity("Acme", "support@acme.test", "Acme"),
    calendars={"office": OFFICE, "always": ALWAYS},
    policies={"standard": STANDARD, "gold": GOLD},
)
NEW = opening(MON, "new", 3, "standard")


def moment(
    after: timedelta, what: What, value: str = "", due: timedelta | None = None, **more: bool
) -> Moment:
    return Moment(MON + after, what, value, MON + due if due is not None else None, **more)


def clock(
    name: str, *moments: Moment, now: timedelta = 1000 * HOUR, book: Rulebook = BOOK, **more: bool
) -> Clock:
    found = {one.target: one for one in clocks(book, (*NEW, *moments), MON + now, **more)}
    return found[name]


def hours(at: datetime | None) -> float | None:
    """Hours after the opening."""
    return None if at is None else (at - MON) / HOUR


def state(after: timedelta, value: str) -> Moment:
    return moment(after, What.STATE, value)


def answered(after: timedelta) -> Moment:
    return moment(after, What.ANSWERED)


PENDING, BACK = state(2 * HOUR, "pending"), state(5 * HOUR, "open")
CASES: list[tuple[str, str, tuple[Moment, ...], float | None]] = [
    ("as promised", "first_response", (), 1),
    ("as promised", "update", (), 4),
    ("as promised", "resolution", (), 24),
    ("as promised", "silence", (), 12),
    ("stands still", "update", (PENDING,), None),
    ("stands still", "resolution", (PENDING,), None),
    ("goes on", "update", (PENDING, BACK), 7),
    ("goes on", "silence", (PENDING, BACK), 15),
    ("on-hold is our affair unless the policy says otherwise", "resolution", (state(HOUR, "on-hold"),), 24),
    ("met", "first_response", (answered(HOUR / 2),), None),
    ("met by a talk", "first_response", (moment(HOUR / 2, What.CONTACT),), None),
    ("met by solving", "first_response", (state(HOUR / 2, "solved"),), None),
    ("met for good by solving", "first_response", (state(HOUR / 2, "solved"), state(HOUR, "open")), None),
    ("from the answer", "update", (answered(HOUR),), 5),
    ("from the last answer", "silence", (answered(HOUR), answered(3 * HOUR)), 15),
    ("no answer", "resolution", (answered(HOUR),), 24),
    ("solved", "resolution", (state(2 * HOUR, "solved"),), None),
    ("solved", "update", (state(2 * HOUR, "solved"),), None),
    ("reopened", "resolution", (state(2 * HOUR, "solved"), state(12 * HOUR, "open")), 34),
    ("escalated", "resolution", (moment(2 * HOUR, What.ESCALATED),), None),
    ("escalated for good", "resolution", (moment(HOUR, What.ESCALATED), state(HOUR, "solved"), state(3 * HOUR, "open")), None),
    ("tighter, from now on", "resolution", (moment(2 * HOUR, What.PRIORITY, "1"),), 10),
    ("tighter, and nearly over", "resolution", (moment(20 * HOUR, What.PRIORITY, "1"),), 24),
    ("looser, from the beginning", "resolution", (moment(2 * HOUR, What.PRIORITY, "1"), moment(3 * HOUR, What.PRIORITY, "3")), 24),
    ("by an escalation", "resolution", (moment(2 * HOUR, What.PRIORITY, "1", escalation=True),), 24),
    ("the next round after an escalation", "update", (moment(HOUR, What.PRIORITY, "1", escalation=True), answered(2 * HOUR)), 3),
    ("while it stands still", "resolution", (PENDING, moment(3 * HOUR, What.PRIORITY, "1"), BACK), 13),
    ("another calendar, tighter", "update", (moment(HOUR, What.POLICY, "gold"),), 3),
    ("another calendar, looser", "first_response", (moment(HOUR / 12, What.POLICY, "gold"), moment(HOUR / 10, What.POLICY, "standard")), 1),
    ("not promised any more", "silence", (moment(HOUR, What.POLICY, "gold"), moment(2 * HOUR, What.POLICY, "standard")), 14),
    ("a status update", "update", (moment(4 * HOUR, What.BROKEN, "update", 4 * HOUR), moment(4 * HOUR, What.UPDATED)), 8),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "target", "moments", "due"), CASES, ids=[f"{one[0]} ({one[1]})" for one in CASES]
)
def test_due(name: str, target: str, moments: tuple[Moment, ...], due: float | None) -> None:
    last = max((one.at for one in moments), default=MON) - MON
    assert hours(clock(target, *moments, now=last).due) == due
    assert hours(clock(target, *moments).due) == due, "a due time does not wander"


def test_what_is_left_while_it_stands_still() -> None:
    paused = clock("update", PENDING)
    assert (paused.left, paused.breach_at, paused.warn_at, paused.notice_at) == (2 * HOUR, None, None, None)


@pytest.mark.parametrize("gone", ["spam", "merged"])
def test_nothing_is_promised_any_more(gone: str) -> None:
    assert clocks(BOOK, (*NEW, state(HOUR, gone)), MON + HOUR) == ()
    assert clocks(BOOK, (), MON) == ()
    assert clocks(BOOK, opening(MON, "new", 3, None), MON) == ()


def test_what_is_next() -> None:
    found = clocks(BOOK, NEW, MON)
    assert due_times(found) == {"first_response": MON + HOUR, "update": MON + 4 * HOUR, "resolution": MON + 24 * HOUR, "silence": MON + 12 * HOUR}  # fmt: skip
    assert next_at(found) == MON + 45 * MINUTE
    warned = (*NEW, moment(45 * MINUTE, What.WARNED, "first_response", HOUR))
    assert next_at(clocks(BOOK, warned, MON + 46 * MINUTE)) == MON + HOUR
    broken = (*warned, moment(HOUR, What.BROKEN, "first_response", HOUR))
    assert next_at(clocks(BOOK, broken, MON + HOUR)) == MON + 3 * HOUR


def test_a_promise_is_broken_once_until_a_person_answers() -> None:
    broken = moment(4 * HOUR, What.BROKEN, "update", 4 * HOUR)
    assert hours(clock("update", broken).broken_at) == 4
    assert clock("update", broken).breach_at is None
    again = clock("update", broken, answered(5 * HOUR))
    assert (again.broken_at, hours(again.breach_at)) == (None, 25)


def test_a_breach_found_after_the_answer_that_was_in_time_for_the_next_round() -> None:
    """The answer lay in the intake when the clock was looked at."""
    late = clock(
        "update", answered(4 * HOUR + MINUTE), moment(4 * HOUR + 2 * MINUTE, What.BROKEN, "update", 4 * HOUR)
    )
    assert (late.broken_at, late.missed) == (None, (MON + 4 * HOUR,))
    assert late.breach_at is not None


def test_what_was_met_is_kept_whatever_the_files_say_later() -> None:
    tight = replace(STANDARD, targets={"first_response": Target(10 * MINUTE), "update": Target(10 * MINUTE)})
    other = replace(BOOK, policies={"standard": tight})
    met = [
        moment(30 * MINUTE, What.MET, name, due)
        for name, due in (("first_response", HOUR), ("update", 4 * HOUR))
    ]
    for name in ("first_response", "update"):
        assert clock(name, answered(30 * MINUTE), *met, book=other).missed == ()
        assert clock(name, answered(30 * MINUTE), book=other).missed == (MON + 10 * MINUTE,)
        assert clock(name, answered(30 * MINUTE), *met, book=other, recorded=False).missed == (
            MON + 10 * MINUTE,
        )
    first = clock("first_response", answered(30 * MINUTE), *met, book=other)
    assert (hours(first.met_at), hours(first.promised), first.met) == (0.5, 1, ())


def test_a_met_promise_is_kept_for_the_history() -> None:
    found = clock("first_response", answered(2 * HOUR))
    assert [(one.target, hours(one.at), hours(one.due)) for one in found.met] == [("first_response", 2, 1)]
    assert found.missed == (MON + HOUR,)


@pytest.mark.parametrize(
    ("warn", "target", "at"),
    [(75, "first_response", 0.75), (75, "update", 3), (50, "resolution", 12), (HOUR, "update", 3), (HOUR, "resolution", 7),
     (HOUR, "silence", 7), (2 * HOUR, "first_response", None), (None, "update", None)],
)  # fmt: skip
def test_warnings(warn: int | timedelta | None, target: str, at: float | None) -> None:
    """A time before is one of the policy's calendar: of a promise that ends in the night people are warned in the last office hour."""
    book = replace(BOOK, policies={"standard": replace(STANDARD, warn=warn)})
    assert hours(clock(target, book=book, now=MINUTE).warn_at) == at


def test_a_warning_when_the_office_is_closed_is_counted_by_the_promise_s_own_calendar() -> None:
    saturday = MON + timedelta(days=5)
    book = replace(BOOK, policies={"standard": replace(STANDARD, warn=HOUR)})
    found = {one.target: one for one in clocks(book, opening(saturday, "new", 3, "standard"), saturday)}
    assert found["resolution"].warn_at == saturday + 23 * HOUR


def test_a_warning_whose_time_has_passed_while_it_stood_still_comes_when_it_goes_on() -> None:
    moments = (state(2 * HOUR, "pending"), moment(3 * HOUR, What.PRIORITY, "1"), state(5 * HOUR, "open"))
    short = replace(BOOK, policies={"standard": replace(STANDARD, warn=10)})
    assert hours(clock("update", *moments, book=short, now=5 * HOUR).warn_at) == 5 + 0.1
    assert hours(clock("update", state(3.5 * HOUR, "pending"), BACK, now=5 * HOUR).warn_at) == 5


def test_status_updates_wait_for_working_hours_and_end() -> None:
    greeted = moment(timedelta(0), What.ACKNOWLEDGED)
    assert hours(clock("update", greeted, now=4 * HOUR).notice_at) == 4
    assert clock("update", greeted, updates=False).notice_at is None
    assert clock("update", now=4 * HOUR).notice_at is None, "who was never acknowledged may be a machine"
    late = state(4 * HOUR, "open"), answered(4 * HOUR)
    assert hours(clock("update", *late, now=8 * HOUR).notice_at) == 8, (
        "17:00 is the end of the day, and in time"
    )
    assert hours(clock("update", *late, now=8 * HOUR + 20 * MINUTE).notice_at) == 24
    sent = [greeted, moment(4 * HOUR, What.BROKEN, "update", 4 * HOUR)]
    for number, due in enumerate((8, 28, None), 1):
        sent.append(moment(timedelta(hours=(4, 8, 28)[number - 1]), What.UPDATED))
        assert hours(clock("update", *sent, now=sent[-1].at - MON).notice_at) == due


def test_the_sum() -> None:
    found = clock("update", moment(HOUR, What.PRIORITY, "2"), PENDING, BACK, answered(6 * HOUR), now=7 * HOUR)
    assert [(hours(one.at), one.what, one.value, one.worked, one.runs) for one in found.stretches] == [
        (0, What.OPENED, "", timedelta(0), True),
        (2, What.STATE, "pending", 2 * HOUR, False),
        (5, What.STATE, "open", timedelta(0), True),
        (6, What.ANSWERED, "", HOUR, True),
    ]
    assert (found.running, found.left) == (HOUR, 3 * HOUR)
    assert found.left is not None
    assert clock("update", now=9 * HOUR).left == -4 * HOUR
