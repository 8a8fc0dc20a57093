"""Which policy a ticket falls under, and what is due when it is opened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from maild.desk.rulebook import Calendar, Group, Identity, Organisation, Policy, Rulebook, Target
from maild.desk.sla import policy_for, promised

HOUR = timedelta(hours=1)


def policy(key: str, **conditions: tuple[str, ...]) -> Policy:
    return Policy(key, "office", {"update": Target(HOUR)}, for_=conditions)


BOOK = Rulebook(
    Identity("Acme", "support@acme.test", "Acme"),
    organisations={
        "Globex": Organisation("Globex", sla="gold"),
        "Initech": Organisation("Initech"),
        "Hooli": Organisation("Hooli"),
    },
    groups={
        "pilots": Group("pilots", members=("pia@anywhere.test",), sla="pilot"),
        "readers": Group(
            "readers", members=("rita@anywhere.test", "pia@anywhere.test"), domains=("read.test",)
        ),
    },
    policies={
        "hooli": policy("hooli", organisation=("Hooli",), priority=("1", "2")),
        "readers": policy("readers", group=("readers",)),
        "incidents": policy("incidents", type=("incident", "bug"), team=("engineering",)),
        "standard": policy("standard"),
        "gold": policy("gold"),
        "pilot": policy("pilot"),
    },
)


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({}, "standard"),
        ({"organisation": "Globex"}, "gold"),
        ({"organisation": "Globex", "type": "incident", "team": "engineering"}, "gold"),
        ({"organisation": "Initech"}, "standard"),
        ({"organisation": "Nobody"}, "standard"),
        ({"organisation": "Hooli", "priority": 2}, "hooli"),
        ({"organisation": "Hooli", "priority": 3}, "standard"),
        ({"organisation": "Hooli"}, "standard"),
        ({"type": "bug", "team": "engineering"}, "incidents"),
        ({"type": "bug", "team": "support"}, "standard"),
        ({"type": "question", "team": "engineering"}, "standard"),
        ({"address": "Rita@Anywhere.test"}, "readers"),
        ({"address": "x@read.test"}, "readers"),
        ({"address": "x@notread.test"}, "standard"),
        ({"address": "pia@anywhere.test", "organisation": "Globex"}, "pilot"),
    ],
)
def test_policy(facts, key):
    found = policy_for(BOOK, **facts)
    assert found is not None
    assert found.key == key


def test_no_policy_fits():
    assert policy_for(Rulebook(BOOK.identity)) is None
    assert policy_for(Rulebook(BOOK.identity, policies={"a": policy("a", team=("x",))}), team="y") is None


def test_due_times():
    office = Calendar("office", ZoneInfo("Europe/Amsterdam"), (((540, 1020),),) * 5 + ((), ()))
    always = Calendar("always", ZoneInfo("UTC"), (((0, 1440),),) * 7)
    standard = Policy(
        "standard",
        "office",
        {
            "first_response": Target(HOUR, {1: timedelta(minutes=10)}),
            "update": Target(None, {2: HOUR}),
            "resolution": Target(24 * HOUR, calendar="always"),
            "silence": Target(12 * HOUR),
        },
    )
    book = Rulebook(
        BOOK.identity, calendars={"office": office, "always": always}, policies={"standard": standard}
    )
    friday = datetime(2026, 11, 20, 16, 45, tzinfo=ZoneInfo("Europe/Amsterdam"))
    due, first = promised(book, standard, 3, friday)
    assert due == {
        "first_response": datetime(2026, 11, 23, 8, 45, tzinfo=UTC),
        "resolution": datetime(2026, 11, 21, 15, 45, tzinfo=UTC),
        "silence": datetime(2026, 11, 21, 3, 45, tzinfo=UTC),
    }
    assert first == min(due.values())
    assert promised(book, None, 3, friday) == ({}, None)
    urgent, _ = promised(book, standard, 1, friday)
    assert urgent["first_response"] == datetime(2026, 11, 20, 15, 55, tzinfo=UTC)
    assert promised(book, standard, 2, friday)[0]["update"] == datetime(2026, 11, 23, 8, 45, tzinfo=UTC)


def test_silence_counts_in_a_calendar_that_it_names():
    office = Calendar("office", ZoneInfo("UTC"), (((540, 1020),),) * 7)
    quiet = Policy("quiet", "office", {"silence": Target(2 * HOUR, calendar="office")})
    book = Rulebook(BOOK.identity, calendars={"office": office}, policies={"quiet": quiet})
    evening = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
    due, _ = promised(book, quiet, 3, evening)
    assert due == {"silence": datetime(2026, 11, 21, 11, 0, tzinfo=UTC)}
