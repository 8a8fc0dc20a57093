"""Names in notes: whom they mean, who is told, and what their author hears of names that mean nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maild.desk.effects import Digest, Record, Tell
from maild.desk.mentions import mentioned
from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, AgentRole, Rulebook
from maild.desk.words import Role, Scope
from tests.desk import worlds as w

ANA, BEN, CHEN, LOU = "ana@acme.test", "ben@acme.test", "chen@acme.test", "lou@acme.test"
GIL = replace(w.RULEBOOK, agents={**w.RULEBOOK.agents, "agil@acme.test": Agent("Ana Gil", "agil@acme.test", "engineering")})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("@ana please look", [ANA]),
        ("@Ana, please look", [ANA]),
        ("(@ANA)", [ANA]),
        ("Ask @ana.ruiz.", [ANA]),
        ("Ask @Ana-Ruiz!", [ANA]),
        ("Ask @Ana Ruiz about it", [ANA]),
        ("Ask @ana@acme.test: she knows", [ANA]),
        ("@ben and @lou and @ben", [BEN, LOU]),
        ("@engineering has seen it", [CHEN]),
        ("@support", [ANA, BEN, LOU]),
        ("@Second-line", [CHEN]),
        ("@Ána", [ANA]),
        ("ana@acme.test is an address", []),
        ("Write to x@ana or mailto:y.@ana", []),
        ("> @ana wrote", []),
        (">> @ana wrote", []),
        ("    @ana\n\t@ben", []),
        ("```\n@ana\n```\n@ben", [BEN]),
        ("`@ana` is code", []),
        ("https://social.test/@ana", []),
        ("@anabel", []),
        ("@ ana", []),
        ("ana", []),
        ("@support@acme.test is the desk", []),
    ],
)
def test_whom_a_note_names(text: str, meant: list[str]) -> None:
    assert [agent.address for agent in mentioned(text, w.RULEBOOK).agents] == meant


@pytest.mark.parametrize(
    ("text", "rulebook", "said"),
    [
        ("@anna look", w.RULEBOOK, "@anna: nobody of that name; did you mean @ana? The note is kept."),
        ("@chenn@acme.test look", w.RULEBOOK, "@chenn@acme.test: nobody of that name; did you mean @chen@acme.test? The note is kept."),
        ("@anna and @ben look", w.RULEBOOK, None),
        ("@property is Python", w.RULEBOOK, None),
        ("@an", w.RULEBOOK, None),
        ("`@anna` is code", w.RULEBOOK, None),
        ("@Ana Gil", GIL, None),
        ("@agil", GIL, None),
    ],
)  # fmt: skip
def test_names_that_mean_nobody(text: str, rulebook: Rulebook, said: str | None) -> None:
    assert mentioned(text, rulebook).doubtful == ((said,) if said else ())


def test_a_name_of_two_means_neither() -> None:
    twins = replace(GIL, agents={**GIL.agents, ANA: Agent("Ana Ruiz", "ruiz@acme.test", "support")})
    found = mentioned("@ana or @ben", twins)
    assert [agent.address for agent in found.agents] == [BEN]
    assert found.doubtful[0].startswith("@ana could be ruiz@acme.test or agil@acme.test;")


def noted(text: str, ticket: Ticket = w.TICKET, scope: Scope = Scope.INTERNAL) -> list[object]:
    event = w.arrived(w.mail(w.BEN, text), w.reply_address(w.BEN, Role.WATCHER, scope))
    return list(w.decided(event, w.snapshot(ticket)).effects)


def tells(effects: list[object]) -> list[Tell]:
    return [effect for effect in effects if isinstance(effect, Tell)]


def test_who_is_named_is_told_once_and_inside() -> None:
    effects = noted("@chen @ana can you help?")
    sentence = "Ben Okoro mentions you; your answer is a note to this ticket."
    told = {one.to.key: one for one in tells(effects)}
    assert sorted(told) == [ANA, CHEN]
    assert len(tells(effects)) == 2
    assert all(sentence in one.lines and one.scope is Scope.INTERNAL for one in told.values())
    assert not [one for one in effects if isinstance(one, Digest)]
    assert [one.detail for one in effects if isinstance(one, Record) and one.event == "mentioned"] == [
        {"people": [CHEN, ANA]}
    ]


def test_who_is_not_named_is_told_as_ever() -> None:
    effects = noted("chen can you help?")
    assert [one.to.key for one in tells(effects)] == [ANA]
    assert [one.to.key for one in effects if isinstance(one, Digest)] == [CHEN]


def test_in_an_answer_to_the_requester_a_name_means_nobody() -> None:
    effects = noted("Our colleague @chen will call.", scope=Scope.PUBLIC)
    assert "chen@acme.test" not in {one.to.key for one in tells(effects)}
    assert not [one for one in effects if isinstance(one, Record) and one.event == "mentioned"]


def test_who_is_asked_is_not_mentioned_as_well() -> None:
    [chen] = [one for one in tells(noted("#ask chen\n@chen what do you think?")) if one.to.key == CHEN]
    assert [line for line in chen.lines if "Ben" in line] == [
        "Ben Okoro asks you; your answer is a note to this ticket."
    ]


def test_the_author_hears_of_a_name_that_is_nearly_one() -> None:
    effects = noted("@chhen what do you think?")
    [transcript] = [one for one in tells(effects) if one.template == "transcript"]
    assert transcript.to.key == BEN
    assert "did you mean @chen?" in transcript.lines[0]


def test_who_writes_the_name_is_not_told() -> None:
    assert BEN not in {one.to.key for one in tells(noted("@ben: note to myself"))}


def test_light_agents_may_be_named() -> None:
    assert w.RULEBOOK.agents[LOU].role is AgentRole.LIGHT
    assert LOU in {one.to.key for one in tells(noted("@lou look"))}
