"""Who takes a ticket: in turn, with the least to do, on call; by language, team and absence."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from maild.desk.rulebook import Agent, AgentRole, Identity, Rota, Rulebook, Team
from maild.desk.staffing import Staff, choose, shift

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
