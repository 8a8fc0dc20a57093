"""When a working day begins, the week's report is due, and what an agent finds in the morning."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.mornings import is_morning, managed, morning_after, parts, week_after
from maild.desk.people import Person, Ticket
from maild.desk.rulebook import Agent, AgentRole, Calendar, Identity, Rulebook, Team, Weekly
from maild.desk.words import State

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
WEEK = (((480, 720), (780, 1020)),) * 4 + ((), (), ())
CALENDARS = {
    "early": Calendar("early", AMSTERDAM, WEEK, frozenset({date(2026, 3, 3)})),
    "always": Calendar("always", ZoneInfo("UTC"), (((0, 1440),),) * 7),
    "never": Calendar("never", AMSTERDAM, ((),) * 7),
    "tokyo": Calendar("tokyo", ZoneInfo("Asia/Tokyo"), (((540, 1020),),) * 7),
}
BOOK = Rulebook(
    Identity("Acme", "support@acme.test", "Acme", timezone="Europe/Amsterdam"), calendars=CALENDARS
)
MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ana(**changes: Any) -> Agent:
    return Agent("Ana", "ana@acme.test", "support", **changes)


@pytest.mark.parametrize(
    ("agent", "after", "begins"),
    [
        (ana(), MONDAY, "2026-03-03 06:00"),
        (ana(), datetime(2026, 3, 6, 6, 0, tzinfo=UTC), "2026-03-09 06:00"),
        (ana(), datetime(2026, 3, 6, 5, 59, tzinfo=UTC), "2026-03-06 06:00"),
        (ana(zone="America/New_York"), MONDAY, "2026-03-03 12:00"),
        (ana(zone="America/New_York"), datetime(2026, 3, 2, 11, 0, tzinfo=UTC), "2026-03-02 12:00"),
        (ana(calendar="early"), MONDAY, "2026-03-04 07:00"),
        (ana(calendar="early"), datetime(2026, 3, 5, 12, 0, tzinfo=UTC), "2026-03-09 07:00"),
        (ana(calendar="always", zone="Asia/Tokyo"), MONDAY, "2026-03-03 07:00"),
        (ana(calendar="always"), datetime(2026, 3, 6, 12, 0, tzinfo=UTC), "2026-03-07 07:00"),
        (ana(calendar="tokyo", zone="Europe/Madrid"), MONDAY, "2026-03-03 00:00"),
        (ana(calendar="early"), datetime(2026, 3, 28, 12, 0, tzinfo=UTC), "2026-03-30 06:00"),
    ],
    ids=["next day", "weekend", "a minute before", "zone", "same day", "holiday", "Friday off", "round the clock",
         "its weekend", "the calendar's zone", "change of clocks"],
)  # fmt: skip
def test_the_next_morning(agent: Agent, after: datetime, begins: str) -> None:
    found = morning_after(BOOK, agent, after)
    assert found is not None
    assert f"{found:%Y-%m-%d %H:%M}" == begins
    assert found > after


def test_who_never_works_has_no_morning() -> None:
    assert morning_after(BOOK, ana(calendar="never"), MONDAY) is None


@pytest.mark.parametrize(
    ("now", "yes"),
    [("2026-03-03 06:00", True), ("2026-03-03 22:30", True), ("2026-03-04 05:00", False), ("2026-03-04 06:00", True),
     ("2026-03-07 12:00", False), ("2026-03-03 05:59", False)],
    ids=["at once", "late the same day", "the night after", "the next morning", "weekend", "not yet"],
)  # fmt: skip
def test_a_morning_that_is_over_is_not_told(now: str, yes: bool) -> None:
    due = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
    assert is_morning(BOOK, ana(), due, datetime.fromisoformat(now).replace(tzinfo=UTC)) is yes


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        ["Europe/Amsterdam", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
    ),
    st.integers(0, 6),
    st.times().map(lambda one: one.replace(second=0, microsecond=0, fold=0)),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
)
def test_the_weekly_hour_is_the_first_that_comes(zone: str, day: int, at: time, now: datetime) -> None:
    place, now = ZoneInfo(zone), now.replace(tzinfo=UTC)
    found = week_after(Weekly(day, at), place, now)
    assert found > now
    assert found - now <= timedelta(days=7, hours=2)
    local = found.astimezone(place)
    skipped = datetime.combine(local.date(), at, place).astimezone(UTC).astimezone(place).time() != at
    assert local.weekday() == day
    assert local.time() == at or skipped


def ticket(number: int, **changes: Any) -> Ticket:
    values: dict[str, Any] = {"subject": "x", "state": State.OPEN, "requester": Person(1, "", "c@globex.test"), "received_at": MONDAY,
                              "created_at": MONDAY, "updated_at": MONDAY}  # fmt: skip
    return Ticket(number, **values | changes)


def test_each_ticket_stands_in_the_first_part_that_fits() -> None:
    mine = [
        ticket(1),
        ticket(2, resolution_due=MONDAY + HOUR),
        ticket(3, update_due=MONDAY - HOUR, resolution_due=MONDAY + HOUR),
        ticket(4, state=State.PENDING),
        ticket(5, state=State.ON_HOLD, due_at=MONDAY - 2 * HOUR),
        ticket(6, first_response_due=MONDAY - HOUR, first_response_at=MONDAY - 2 * HOUR),
        ticket(7, resolution_due=MONDAY + 11 * HOUR),  # 00:00 of the next day in Amsterdam
    ]
    unowned = [
        ticket(8),
        ticket(9, first_response_due=MONDAY),
        ticket(10, first_response_due=MONDAY - 3 * HOUR),
    ]
    found = parts(mine, unowned, MONDAY, AMSTERDAM)
    assert [(part.name, [one.id for one in part.tickets]) for part in found] == [
        ("overdue", [10, 5, 3]),
        ("today", [9, 2]),
        ("mine", [1, 6, 7]),
        ("unowned", [8]),
        ("waiting", [4]),
    ]
    assert parts([], [], MONDAY, AMSTERDAM) == []


def test_who_gets_the_weekly_report() -> None:
    agents = {
        address: Agent(address, address, "support", role)
        for address, role in (("ana", AgentRole.AGENT), ("ben", AgentRole.ADMIN), ("chen", AgentRole.AGENT))
    }
    teams = {
        "support": Team("support", "First", manager="ana"),
        "second": Team("second", "Second", manager="ana"),
        "third": Team("third", "Third", manager="ben"),
        "fourth": Team("fourth", "Fourth", manager="gone"),
        "fifth": Team("fifth", "Fifth"),
    }
    book = Rulebook(BOOK.identity, teams=teams, agents=agents)
    assert managed(book) == {"ana": ("support", "second"), "ben": None}
