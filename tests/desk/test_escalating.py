"""The ladder as arithmetic: when a step is due by itself, whom it calls, who stays the contact; and what `maild check` says of steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.ladder import called, contact_of, due_at, next_step, spoken_step
from maild.desk.people import Person, Ticket
from maild.desk.rulebook import (
    Agent,
    AgentRole,
    Calendar,
    Identity,
    Limits,
    Policy,
    Rota,
    Rulebook,
    Step,
    Target,
    Team,
)
from maild.desk.rulefiles import load
from maild.desk.speaking import go_betweens, silent
from maild.desk.timeline import Moment, What, opening
from maild.desk.words import State

MON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OFFICE = Calendar("office", ZoneInfo("UTC"), (((540, 1020),),) * 5 + ((), ()))
STEPS = (Step(notify=("assignee",)), Step(30 * MINUTE, ("team",)), Step(2 * HOUR, ("manager",)))
BOOK = Rulebook(
    Identity("Acme", "support@acme.test", "Acme"),
    teams={
        "support": Team("support", "First line", responsible="ben@acme.test", manager="dan@acme.test"),
        "engineering": Team("engineering", "Second line", 2, speaks=False),
        "empty": Team("empty", "Nobody"),
    },
    agents={
        agent.address: agent
        for agent in (
            Agent("Ana", "ana@acme.test", "support"),
            Agent("Ben", "ben@acme.test", "support"),
            Agent("Chen", "chen@acme.test", "engineering", AgentRole.ADMIN),
            Agent("Dan", "dan@acme.test", "engineering"),
            Agent("Lou", "lou@acme.test", "support", AgentRole.LIGHT),
        )
    },
    calendars={"office": OFFICE},
    policies={"standard": Policy("standard", "office", {"update": Target(HOUR)})},
    oncall={"engineering": Rota("engineering", ("dan@acme.test", "chen@acme.test"), timedelta(days=7), date(2026, 3, 2), MON.time())},
    escalation=STEPS,
)  # fmt: skip
TICKET = Ticket(
    1,
    "Fire",
    State.OPEN,
    Person(1, "Carla", "carla@home.test"),
    MON,
    MON,
    MON,
    team="support",
    assignee="ana@acme.test",
)
ANA, BEN, CHEN, DAN, LOU = BOOK.agents


def step_at(after: timedelta, *, by_hand: bool = False) -> Moment:
    return Moment(MON + after, What.ESCALATED, "1", None, not by_hand)


def acted(after: timedelta, who: str = ANA, what: What = What.ACTED) -> Moment:
    return Moment(MON + after, what, who)


TAKEN = step_at(HOUR)


@pytest.mark.parametrize(
    ("why", "step", "moments", "expected"),
    [
        ("nothing was missed yet, and the first step waits for that", 0, (), None),
        ("behind the step before", 1, (TAKEN,), 1.5),
        ("behind the last of them", 2, (TAKEN, step_at(2 * HOUR)), 4),
        ("asked for by hand", 1, (step_at(HOUR, by_hand=True),), 1.5),
        ("behind the last step", 3, (TAKEN,), None),
        ("more steps than there are", 7, (TAKEN,), None),
        ("in the hours of the policy", 1, (step_at(7 * HOUR + 50 * MINUTE),), 24 + 20 / 60),
        ("an agent's note", 1, (TAKEN, acted(61 * MINUTE)), None),
        ("the admin on this host", 1, (TAKEN, acted(61 * MINUTE, "admin")), None),
        ("#ack", 1, (TAKEN, acted(61 * MINUTE, BEN, What.SEEN)), None),
        ("an answer", 1, (TAKEN, Moment(MON + 61 * MINUTE, What.ANSWERED)), None),
        ("a talk", 1, (TAKEN, Moment(MON + 61 * MINUTE, What.CONTACT)), None),
        ("the requester", 1, (TAKEN, acted(61 * MINUTE, "carla@home.test")), 1.5),
        ("rules", 1, (TAKEN, acted(61 * MINUTE, "rules")), 1.5),
        ("the step's own changes", 1, (TAKEN, acted(HOUR, "escalation")), 1.5),
        ("what was done together with #escalate", 1, (acted(HOUR), step_at(HOUR, by_hand=True)), 1.5),
        ("at once", 1, (TAKEN, acted(HOUR, what=What.SEEN)), None),
        ("before the step", 1, (acted(30 * MINUTE), TAKEN), 1.5),
        ("again after the next step", 2, (TAKEN, acted(61 * MINUTE), step_at(2 * HOUR)), 4),
        ("it waits for the requester", 1, (TAKEN, Moment(MON + 61 * MINUTE, What.STATE, "pending")), None),
        ("solved", 1, (TAKEN, Moment(MON + 61 * MINUTE, What.STATE, "solved")), None),
        ("without a policy by the wall clock", 1, (Moment(MON, What.POLICY, ""), step_at(20 * HOUR)), 20.5),
    ],
)  # fmt: skip
def test_when_a_step_is_due_by_itself(
    why: str, step: int, moments: tuple[Moment, ...], expected: float | None
) -> None:
    happened = (*opening(MON, "open", 3, "standard"), *moments)
    found = due_at(BOOK, step, happened)
    assert (None if found is None else (found - MON) / HOUR) == (
        None if expected is None else pytest.approx(expected)
    ), why


def test_a_first_step_counts_from_the_beginning_until_somebody_acts() -> None:
    book = replace(BOOK, escalation=(Step(HOUR, ("team",)),))
    happened = opening(MON, "new", 3, "standard")
    assert due_at(book, 0, happened) == MON + HOUR
    assert due_at(book, 0, (*happened, Moment(MON, What.ANSWERED))) is None
    assert due_at(book, 0, ()) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([What.ESCALATED, What.ACTED, What.SEEN, What.ANSWERED]), st.integers(0, 400)
        ),
        max_size=8,
    ),
    st.integers(0, 3),
)
def test_it_is_due_exactly_when_nothing_was_done_since_the_last_step(
    happened: list[tuple[What, int]], step: int
) -> None:
    rest = [Moment(MON + at * MINUTE, what, ANA) for what, at in sorted(happened, key=lambda one: one[1])]
    whats = [one.what for one in rest]
    last = next((one.at for one in reversed(rest) if one.what is What.ESCALATED), None)
    idle = bool(whats) and whats[-1] is What.ESCALATED
    found = due_at(BOOK, step, (*opening(MON, "open", 3, None), *rest))
    after = BOOK.escalation[step].after if step < len(BOOK.escalation) else None
    assert found == (last + after if idle and last is not None and after is not None else None)


def names(step: Step, ticket: Ticket = TICKET, away: tuple[str, ...] = (), but: str = "") -> list[str]:
    return [agent.address for agent in called(step, ticket, BOOK, away, MON, but).agents]


@pytest.mark.parametrize(
    ("words", "ticket", "away", "but", "expected"),
    [
        (("assignee",), TICKET, (), "", [ANA]),
        (("assignee",), TICKET, (ANA,), "", [BEN, LOU]),
        (("assignee",), TICKET, (), ANA, [BEN, LOU]),
        (("assignee",), replace(TICKET, assignee=None), (), "", [ANA, BEN, LOU]),
        (("assignee",), replace(TICKET, assignee="gone@acme.test"), (), "", [ANA, BEN, LOU]),
        (("assignee",), replace(TICKET, assignee=None, team="empty"), (), "", [CHEN]),
        (("assignee",), replace(TICKET, assignee=None, team=None), (), "", [CHEN]),
        (("team",), TICKET, (ANA, BEN, LOU), "", [CHEN]),
        (("manager",), TICKET, (), "", [DAN]),
        (("manager",), replace(TICKET, team="engineering"), (), "", [CHEN]),
        (("teams.support.manager",), replace(TICKET, team="engineering"), (), "", [DAN]),
        (("oncall",), replace(TICKET, team="engineering"), (), "", [DAN]),
        (("oncall",), replace(TICKET, team="engineering"), (DAN,), "", [CHEN]),
        (("oncall",), TICKET, (), "", [ANA, BEN, LOU]),
        (("engineering",), TICKET, (), "", [CHEN, DAN]),
        (("dan@acme.test",), TICKET, (DAN,), "", [DAN, CHEN]),
        (("dan@acme.test", "assignee", "admins", "team"), TICKET, (), "", [DAN, ANA, CHEN, BEN, LOU]),
        ((), TICKET, (), "", []),
    ],
)  # fmt: skip
def test_whom_a_step_calls(
    words: tuple[str, ...], ticket: Ticket, away: tuple[str, ...], but: str, expected: list[str]
) -> None:
    assert names(Step(notify=words), ticket, away, but) == expected


def test_mailboxes_and_webhooks_are_no_agents() -> None:
    found = called(Step(notify=("boss@acme.test", "https://hooks.acme.test/x")), TICKET, BOOK, (), MON)
    assert (found.agents, found.mailboxes, found.urls) == (
        (),
        ("boss@acme.test",),
        ("https://hooks.acme.test/x",),
    )


def test_the_next_step() -> None:
    assert [next_step(BOOK, replace(TICKET, step=at)) for at in (0, 2, 3, 9)] == [
        STEPS[0],
        STEPS[2],
        None,
        None,
    ]
    step = Step(None, ("team", DAN), {"priority": ("raise",), "team": ("engineering",)})
    assert spoken_step(step, BOOK) == "tell team, dan@acme.test; priority raise; team Second line"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"assignee": ANA}, {"level": 2}, ANA),
        ({"assignee": None}, {"level": 2}, BEN),
        ({"assignee": "gone@acme.test"}, {"level": 2}, BEN),
        ({"assignee": LOU}, {"level": 2}, BEN),
        ({"assignee": None, "team": "empty"}, {"level": 2}, None),
        ({"assignee": ANA}, {"level": 2, "assignee": ANA}, BEN),
        ({"assignee": DAN, "level": 2, "contact": ANA}, {"level": 3}, ANA),
        ({"assignee": DAN, "level": 3, "contact": ANA}, {"level": 2}, ANA),
        ({"assignee": DAN, "level": 2, "contact": ANA}, {"level": 1}, None),
        ({"assignee": DAN, "level": 2, "contact": ANA}, {"priority": 1}, ANA),
    ],
)
def test_who_stays_the_contact(
    before: dict[str, object], after: dict[str, object], expected: str | None
) -> None:
    old = replace(TICKET, **before)
    assert contact_of(old, replace(old, **{"assignee": DAN, **after}), BOOK) == expected


def test_who_speaks_and_who_passes_on() -> None:
    silent_in = {agent.address for agent in BOOK.agents.values() if silent(agent, BOOK)}
    assert silent_in == {agent.address for agent in BOOK.agents.values() if agent.team == "engineering"}
    assert not silent(None, BOOK)
    assert go_betweens(replace(TICKET, contact=ANA), BOOK, DAN) == (BOOK.agents[ANA],)
    assert go_betweens(TICKET, BOOK, DAN) == (BOOK.agents[BEN],)
    plain = replace(BOOK, teams={**BOOK.teams, "support": Team("support", "First line")})
    assert [agent.address for agent in go_betweens(TICKET, plain, DAN)] == [ANA, BEN]
    mute = replace(BOOK, teams={key: replace(team, speaks=False) for key, team in BOOK.teams.items()})
    assert [agent.address for agent in go_betweens(TICKET, mute, DAN)] == [CHEN]
    assert not silent(BOOK.agents[CHEN], mute)
    assert silent(BOOK.agents[DAN], mute)


DESK = """\
teams: {support: {name: First line, manager: ana@acme.test}, engineering: {name: Second line}}
agents:
  - {name: Ana Ruiz, address: ana@acme.test, team: support, role: admin}
  - {name: Lou, address: lou@acme.test, team: support, role: light}
organisations: [{name: Globex, domains: [globex.test]}]
escalations:
  - """


def complaints(step: str, **more: bool) -> list[tuple[int, int, str]]:
    found = load(
        [("10.yaml", DESK + step + "\n")],
        Identity("A", "support@acme.test", "A"),
        Limits(),
        date(2026, 3, 2),
        **more,
    )
    return [(one.line, one.column, one.message) for one in found.problems]


@pytest.mark.parametrize(
    ("step", "column", "message"),
    [
        ("{notify: assigne}", 14, "notify: unknown 'assigne' (did you mean 'assignee'?)"),
        ("{notify: [team, suport]}", 21, "notify: unknown 'suport' (did you mean 'support'?)"),
        ("{notify: teams.suport.manager}", 14, "notify: unknown team 'suport' (did you mean 'support'?)"),
        ("{notify: teams.engineering.manager}", 14, "notify: team 'engineering' has no `manager`"),
        ("{notify: oncall}", 14, "notify: there is no rota: add one under `oncall`"),
        ("{notify: support@acme.test}", 14, "notify: 'support@acme.test' is the desk's own: a team needs a mailbox of its own, or none"),
        ("{notify: eva@globex.test}", 14, "notify: 'eva@globex.test' belongs to Globex: what is for agents must not go to customers"),
        ("{notify: ana@@acme.test}", 14, "notify: 'ana@@acme.test' is no mail address, like name@example.org"),
        ("{notify: ftp://acme.test}", 14, "notify: 'ftp://acme.test' is no URL of a webhook, like https://hooks.example.org/desk"),
        ("{team: suport, notify: team}", 12, "team: unknown team 'suport' (did you mean 'support'?)"),
        ("{assignee: anna@acme.test}", 16, "assignee: unknown agent 'anna@acme.test' (did you mean 'ana@acme.test'?)"),
        ("{assignee: lou}", 16, "assignee: 'lou' is light: he writes notes only"),
        ("{assignee: oncall}", 16, "assignee: there is no rota: add one under `oncall`"),
        ("{after: 30m}", 5, "a step has to tell or change something: `notify`, `priority`, `team`, `assignee` or `level`"),
        ("{notify: team, priority: rise}", 30, "priority: 'rise' is no priority from 1 to 5 and not 'raise'"),
    ],
)  # fmt: skip
def test_what_check_says_of_a_step(step: str, column: int, message: str) -> None:
    assert complaints(step) == [(7, column, message)]


def test_a_webhook_of_a_step_needs_a_secret() -> None:
    assert complaints("{notify: https://hooks.acme.test/x}") == []
    [(line, column, message)] = complaints("{notify: https://hooks.acme.test/x}", webhooks=False)
    assert (line, column) == (7, 14)
    assert message.startswith("notify: a webhook needs secret_file")


def test_steps_as_the_desk_knows_them() -> None:
    text = (
        DESK
        + "{notify: [Ana Ruiz, TEAM@acme.test, manager], after: 1h30m, priority: raise, assignee: Ana Ruiz}\n  - {team: engineering, level: 2}\n"
    )
    found = load([("10.yaml", text)], Identity("A", "support@acme.test", "A"), Limits(), date(2026, 3, 2))
    assert (found.problems, found.warnings) == ([], [])
    assert found.rulebook is not None
    assert found.rulebook.escalation == (
        Step(
            90 * MINUTE,
            ("ana@acme.test", "team@acme.test", "manager"),
            {"priority": ("raise",), "assignee": ("ana@acme.test",)},
        ),
        Step(None, (), {"team": ("engineering",), "level": (2,)}),
    )
    assert found.rulebook.ways == frozenset()
