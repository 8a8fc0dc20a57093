"""Who takes a ticket: in turn, with the least to do, on call; by language, team and absence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from maild.desk.people import Person, Ticket
from maild.desk.rulebook import (
    Agent,
    AgentRole,
    Calendar,
    Field,
    FieldKind,
    Identity,
    Rota,
    Rulebook,
    Team,
    Word,
)
from maild.desk.staffing import Staff, choose, owner_of, shift, words_of
from maild.desk.words import State

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANA, BEN, CAT, DAN, EVE = (f"{name}@acme.test" for name in ("ana", "ben", "cat", "dan", "eve"))
BOOK = Rulebook(
    Identity("Acme", "support@acme.test", "Acme", timezone="Europe/Madrid"),
    teams={"support": Team("support", "S"), "tech": Team("tech", "T"), "empty": Team("empty", "E")},
    agents={
        ANA: Agent("Ana", ANA, "support", languages=("es", "en")),
        BEN: Agent("Ben", BEN, "support"),
        CAT: Agent("Cat", CAT, "support", languages=("pt-BR",)),
        DAN: Agent("Dan", DAN, "support", role=AgentRole.LIGHT),
        EVE: Agent("Eve", EVE, "tech", languages=("en",)),
    },
    oncall={"support": Rota("support", (ANA, BEN), timedelta(days=7), date(2026, 2, 23), time(8))},
)


@pytest.mark.parametrize(
    ("team", "language", "last", "away", "agent"),
    [
        ("support", "en", None, {}, ANA),
        ("support", "en", ANA, {}, BEN),
        ("support", "en", BEN, {}, ANA),
        ("support", "en", CAT, {}, ANA),
        ("support", "en", DAN, {}, ANA),
        ("support", "en", "gone@acme.test", {}, ANA),
        ("support", "es-MX", BEN, {}, ANA),
        ("support", "pt", BEN, {}, CAT),
        ("support", "fr", None, {}, BEN),
        ("support", None, BEN, {}, CAT),
        ("support", "en", None, {ANA: None}, BEN),
        ("support", "en", None, {ANA: NOW + timedelta(hours=1)}, BEN),
        ("support", "en", None, {ANA: NOW}, ANA),
        ("support", "en", None, {ANA: None, BEN: None}, None),
        ("tech", "es", None, {}, None),
        ("empty", None, None, {}, None),
        (None, "en", BEN, {}, EVE),
    ],
)
def test_in_turn(team, language, last, away, agent):
    staff = Staff(turn={team or "": last} if last else {}, away=away)
    assert choose("round-robin", team, language, BOOK, staff, NOW).agent == agent


@pytest.mark.parametrize("way", ["round-robin", "least-busy", "oncall"])
def test_nobody_gets_what_he_asks_himself(way):
    chosen = choose(way, "support", "en", BOOK, Staff(), NOW, ANA)
    assert chosen.agent == BEN
    alone = choose(way, "support", "en", BOOK, Staff(away={BEN: None}), NOW, ANA)
    assert alone.agent is None


def test_turns_are_even():
    last, turns = None, []
    for _ in range(6):
        last = choose(
            "round-robin", "support", None, BOOK, Staff({"support": last} if last else {}), NOW
        ).agent
        turns.append(last)
    assert turns == [ANA, BEN, CAT] * 2


@pytest.mark.parametrize(
    ("load", "away", "agent"),
    [
        ({}, {}, ANA),
        ({ANA: 1}, {}, BEN),
        ({ANA: 2, BEN: 1}, {}, BEN),
        ({ANA: 2, BEN: 3}, {}, ANA),
        ({ANA: 9, BEN: 1}, {BEN: None}, ANA),
    ],
)
def test_least_busy(load, away, agent):
    assert choose("least-busy", "support", "en", BOOK, Staff(load=load, away=away), NOW).agent == agent


@pytest.mark.parametrize(
    ("now", "language", "away", "agent"),
    [
        (datetime(2026, 2, 23, 7, 0, tzinfo=UTC), None, {}, ANA),
        (datetime(2026, 2, 23, 6, 59, tzinfo=UTC), None, {}, None),
        (datetime(2026, 3, 2, 6, 59, tzinfo=UTC), None, {}, ANA),
        (datetime(2026, 3, 2, 7, 0, tzinfo=UTC), None, {}, BEN),
        (
            datetime(2026, 3, 30, 5, 59, tzinfo=UTC),
            None,
            {},
            ANA,
        ),  # an hour earlier by UTC: summer time began
        (datetime(2026, 3, 30, 6, 0, tzinfo=UTC), None, {}, BEN),
        (NOW, None, {BEN: None}, ANA),
        (datetime(2026, 2, 24, 9, 0, tzinfo=UTC), "fr", {}, BEN),
        (NOW, "fr", {BEN: None}, None),
        (None, None, {}, None),
    ],
)
def test_on_call(now, language, away, agent):
    for team in ("support", None):
        assert choose("oncall", team, language, BOOK, Staff(away=away), now).agent == agent


def test_no_rota():
    assert choose("oncall", "tech", None, BOOK, Staff(), NOW).why == "no rota of team tech is in `oncall`"


def test_shifts_of_less_than_a_day_run_by_the_wall_clock():
    rota = Rota("support", (ANA, BEN, CAT), timedelta(hours=8), date(2026, 3, 29), time(0))
    zone = ZoneInfo("Europe/Madrid")  # 02:00 becomes 03:00 that night
    local = [datetime(2026, 3, 29, hour, tzinfo=zone) for hour in (0, 7, 8, 16, 23)]
    assert [shift(rota, at, zone) for at in local] == [0, 0, 1, 2, 2]


OFFICE = Calendar("office", ZoneInfo("UTC"), (((540, 1020),),) * 5 + ((),) * 2)
NIGHT = Calendar("night", ZoneInfo("UTC"), (((0, 480),),) * 7)
SKILLED = Rulebook(
    Identity("Acme", "support@acme.test", "Acme"),
    teams={"support": Team("support", "S", responsible=CAT)},
    agents={
        ANA: Agent("Ana", ANA, "support", skills=("Printer", "vpn"), calendar="night"),
        BEN: Agent("Ben", BEN, "support", skills=("printer",), calendar="office"),
        CAT: Agent("Cat", CAT, "support", languages=("es",)),
        DAN: Agent("Dan", DAN, "support", skills=("fax",), calendar="office"),
    },
    calendars={"office": OFFICE, "night": NIGHT},
)
DAY, DARK = NOW.replace(hour=10), NOW.replace(hour=3)


@pytest.mark.parametrize(
    ("shows", "language", "now", "last", "away", "agent", "why"),
    [
        ((), "en", DAY, None, {}, BEN, "the first in turn; at work now"),
        ((), "en", DAY, BEN, {}, DAN, f"in turn after {BEN}; at work now"),
        ((), "es", DAY, BEN, {}, CAT, f"in turn after {BEN}; at work now"),
        (("printer",), "es", DAY, None, {}, BEN, "the first in turn; at work now; knows printer"),
        (("fax", "vpn"), "es", DAY, None, {}, DAN, "the first in turn; at work now; knows fax"),
        (("printer", "vpn"), "en", DARK, None, {}, ANA, "the first in turn; at work now; knows Printer, vpn"),
        (("fax",), "en", DARK, None, {}, ANA, "the first in turn; at work now"),
        (("fax",), "es", DARK, None, {}, ANA, "the first in turn; at work now"),
        (("fax",), "en", DARK, None, {ANA: None}, DAN, "the first in turn; nobody is at work now; knows fax"),
        (("fax",), "en", None, None, {}, DAN, "the first in turn; knows fax"),
        (("laser",), "en", None, None, {}, ANA, "the first in turn"),
    ],
)
def test_who_works_now_and_then_who_knows(shows, language, now, last, away, agent, why):
    staff = Staff(turn={"support": last} if last else {}, away=away)
    chosen = choose("round-robin", "support", language, SKILLED, staff, now, shows=shows)
    assert (chosen.agent, chosen.why) == (agent, why)


def test_skills_go_before_load_and_load_decides_among_the_equal():
    staff = Staff(load={ANA: 9, BEN: 3, CAT: 0, DAN: 0})
    assert choose("least-busy", "support", "en", SKILLED, staff, None, shows=("printer",)).agent == BEN
    known = choose("least-busy", "support", "en", SKILLED, staff, None, shows=("printer", "vpn"))
    assert (known.agent, known.why) == (ANA, "9 unfinished tickets, the least; knows Printer, vpn")


def test_the_rota_goes_before_hours_and_skills():
    book = replace(
        SKILLED, oncall={"support": Rota("support", (DAN, ANA), timedelta(days=7), date(2026, 3, 2), time(0))}
    )
    assert choose("oncall", "support", "en", book, Staff(), DARK, shows=("vpn",)).agent == DAN


def test_turns_stay_even_for_the_rest_when_some_go_by_skill():
    turns, given = {}, {"": [], "fax": []}
    for at in range(24):
        word = "fax" if at % 2 else ""
        chosen = choose(
            "round-robin", "support", "es", SKILLED, Staff(turns), None, shows=(word,) if word else ()
        )
        turns[chosen.turn] = chosen.agent
        given[word].append(chosen.agent)
    assert given["fax"] == [DAN] * 12
    assert given[""] == [ANA, BEN, CAT, DAN] * 3


def test_the_words_of_a_ticket():
    book = replace(
        SKILLED,
        fields={
            "product": Field("product", "Product", {"Laser Jet": Word("Laser Jet")}, FieldKind.CHOICE),
            "doing": Field("doing", "Doing"),
        },
    )
    ticket = Ticket(1, "Fax", State.NEW, Person(1, "Carla", "carla@globex.test"), NOW, NOW, NOW, type="Bug", category="Störung",
                    severity="low", tags=("VIP",), fields={"product": "Laser Jet", "doing": "printer", "old": "fax"})  # fmt: skip
    assert words_of(ticket, book) == {"bug", "storung", "low", "vip", "laser jet"}


@pytest.mark.parametrize(
    ("team", "away", "owner"),
    [("support", (), CAT), ("support", (CAT,), None), ("tech", (), None), (None, (), None)],
)
def test_the_default_owner(team, away, owner):
    assert owner_of(team, SKILLED, away) == owner
