"""A run of the rules: order, stop, occasions, chains of changes, and the trace that explains it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from maild.desk.effects import Change
from maild.desk.facts import Address, Attachment, Forwarded, Mail
from maild.desk.rule_facts import TEXT_MAX, of_mail, of_ticket
from maild.desk.rule_trace import Outcome
from maild.desk.ruling import ROUNDS
from maild.desk.staffing import Staff
from maild.desk.words import State
from tests.desk.rule_worlds import FACTS, MAIL, NOW, TICKET, book, ruled

CHAIN = """
- {name: first, when: {subject: production down}, then: {type: incident, team: engineering}}
- {name: sees it, when: {type: incident, team: engineering, level: 2}, then: {tags: [seen], language: en}}
- {name: speaks, when: {language: en, tags: seen}, then: {priority: 1}, stop: true}
- {name: never, then: {priority: 5}}
"""


@pytest.mark.parametrize("whole", [True, False])
def test_later_rules_see_what_earlier_ones_set_until_one_stops(whole):
    found = ruled(CHAIN, whole=whole)
    assert found.fired == ("first", "sees it", "speaks")
    assert found.ticket.priority == 1
    assert found.changes == (
        Change("type", None, "incident"),
        Change("team", None, "engineering"),
        Change("level", 1, 2),
        Change("tags", ("vip",), ("vip", "seen")),
        Change("language", "es", "en"),
        Change("priority", 3, 1),
        Change("chosen", (), ("priority",)),
    )


def test_the_trace_tells_of_every_rule_or_of_those_that_fired():
    found = ruled(
        CHAIN
        + "- {name: other, on: [reply, time], then: {priority: 5}}\n- {name: up, when: {subject: up}, then: {priority: 5}}"
    )
    assert [(line.rule, line.outcome, line.why) for line in found.trace.lines()] == [
        ("first", Outcome.FIRED, ""),
        ("sees it", Outcome.FIRED, ""),
        ("speaks", Outcome.FIRED, ""),
        ("never", Outcome.NOT_REACHED, "stopped by 'speaks'"),
        ("other", Outcome.NOT_REACHED, "it is for reply and time, this is ticket"),
        ("up", Outcome.NOT_REACHED, "stopped by 'speaks'"),
    ]  # fmt: skip
    brief = ruled(CHAIN, whole=False)
    assert brief.trace.fired() == tuple(brief.trace.lines())
    assert [line.did for line in brief.trace.fired()] == [line.did for line in found.trace.fired()]
    assert [line.conditions for line in brief.trace.fired()] == [
        line.conditions for line in found.trace.fired()
    ]


@pytest.mark.parametrize("occasion", ["ticket", "reply", "change", "time"])
def test_rules_are_for_occasions(occasion):
    rules = "\n".join(
        f"- {{name: {name}, on: {name}, then: {{note: {name}}}}}"
        for name in ("ticket", "reply", "change", "time")
    )
    assert ruled(rules, occasion=occasion).fired == (occasion,)


def test_what_rules_change_is_a_change_and_goes_on_while_it_lasts():
    rules = """
- {name: c, on: change, when: {tags: b}, then: {tags: c}}
- {name: b, on: change, when: {tags: a}, then: {tags: b}}
- {name: a, then: {tags: a}, stop: true}
- {name: both, on: [ticket, change], when: {tags: c}, then: {priority: 1}}
"""
    found = ruled(rules)
    assert found.fired == ("a", "b", "c", "both")
    assert [one.occasion for one in found.trace.rounds] == ["ticket", "change", "change", "change"]
    lines = [line for line in found.trace.rounds[2].lines if line.rule == "b"]
    assert [line.why for line in lines] == ["it fired before"]
    assert found.problems == ()


def test_stop_in_a_round_of_changes_ends_them():
    rules = """
- {name: a, on: change, when: {tags: x}, then: {tags: a}, stop: true}
- {name: b, on: change, then: {priority: 1}}
- {name: x, then: {tags: x}}
"""
    assert ruled(rules).fired == ("x", "a")
    assert ruled(rules, occasion="change", tags=("x",)).fired == ("a",)


def test_chains_of_changes_are_bounded_and_the_admins_are_told():
    links = [
        f"- {{name: r{at}, on: change, when: {{tags: t{at}}}, then: {{tags: t{at + 1}}}}}" for at in range(30)
    ]
    found = ruled("\n".join(["- {name: start, then: {tags: t0}}", *reversed(links)]))
    assert len(found.fired) == 1 + ROUNDS
    assert found.problems == (
        f"rules on change went on for {ROUNDS} rounds and were stopped; the last was 'r{ROUNDS - 1}'",
    )


def test_no_change_no_round():
    rules = "- {name: a, then: {note: x}}\n- {name: b, on: change, then: {priority: 1}}"
    assert ruled(rules).fired == ("a",)


def test_what_fired_before_does_not_fire_again():
    rules = "- {name: a, on: time, then: {tags: a}, stop: true}\n- {name: b, on: time, then: {tags: b}}"
    assert ruled(rules, occasion="time", before=("a",)).fired == ("b",)
    assert ruled(rules, occasion="time", before=("a", "b")).changes == ()


def test_turns_come_from_the_store():
    rules = "- {name: a, when: {team: null}, then: {team: support, assignee: round-robin}}"
    assert ruled(rules).ticket.assignee == "ana@acme.test"
    assert ruled(rules, staff=Staff({"support": "ana@acme.test"})).ticket.assignee == "ben@acme.test"
    german = ruled(rules, language="de")
    assert german.ticket.assignee == "ben@acme.test"


def test_only_the_beginning_of_a_text_is_looked_at_and_it_is_said():
    long = replace(FACTS, mail=replace(MAIL, body="x " * (TEXT_MAX // 2) + "needle", subject="short"))
    rules = "- {name: a, when: {text: needle}, then: {priority: 1}}"
    found = ruled(rules, facts=long)
    assert found.fired == ()
    assert found.trace.notes == (f"only the first {TEXT_MAX} characters of the body were looked at",)
    assert "note: only the first" in found.trace.as_text()


def test_the_trace_as_json_and_as_text():
    rules = """
- name: Wishes
  when: {any: [{subject: wish}, {body: [nothing, no funciona]}], not: {organisation: Initech}}
  then: {priority: 4, note: A wish}
- {name: Spoken, when: {language: de, state: open}, then: {priority: 1}}
"""
    found = ruled(rules, "organisations: [{name: Initech}]\n")
    told = json.loads(json.dumps(found.trace.as_json()))
    [first, second] = told["rounds"][0]["rules"]
    assert first == {
        "rule": "Wishes",
        "place": "3.yaml:2:5",
        "outcome": "fired",
        "why": "",
        "conditions": [
            {
                "condition": "any",
                "value": "holds",
                "parts": [
                    {"condition": "all", "value": "fails", "parts": [
                        {"condition": "subject", "value": "fails", "wanted": "wish", "evidence": "not found"},
                    ]},
                    {"condition": "all", "value": "holds", "parts": [
                        {"condition": "body", "value": "holds", "wanted": "nothing, no funciona", "evidence": 'body: "no FUNCIONÁ."'},
                    ]},
                ],
            },
            {"condition": "not", "value": "holds", "parts": [
                {"condition": "organisation", "value": "fails", "wanted": "Initech", "evidence": "it is Globex"},
            ]},
        ],
        "did": ["priority: 3 → 4", "note: A wish"],
    }  # fmt: skip
    assert second["outcome"] == "not met"
    assert (
        found.trace.as_text()
        == """\
fired        Wishes
    holds       any
        fails       subject: wish — not found
        holds       body: nothing, no funciona — body: "no FUNCIONÁ."
    holds       not
        fails       organisation: Initech — it is Globex
    => priority: 3 → 4
    => note: A wish
not met      Spoken
    fails       language: de — it is es
    fails       state: open — it is new"""
    )


def test_without_rules():
    found = ruled("")
    assert (found.changes, found.actions, found.fired) == ((), (), ())
    assert found.trace.as_text() == "on ticket: there are no rules"


def test_facts_of_a_mail():
    author = Address("Form", "carla@globex.test")
    mail = Mail(
        "0" * 64, 10, to=(Address("", "Support@acme.test"),), cc=(Address("", "x@y.test"),), subject="S", reply="mine", text="all of it",
        forwarded=Forwarded(None, "F", "", "theirs"), language="en", header=(("X-A", "b"),),
        attachments=(Attachment("a.pdf", "application/pdf", 1, False, "0"), Attachment("b.png", "image/png", 1, True, "1")),
    )  # fmt: skip
    facts = of_mail(mail, author, ("SUPPORT@acme.test", "help@acme.test"))
    assert facts.to == ("support@acme.test", "x@y.test", "help@acme.test")
    assert (facts.sender, facts.subject, facts.body) == (author, "S", "mine\ntheirs")
    assert [one.name for one in facts.attachments] == ["a.pdf"]
    assert of_mail(mail, Address("", "")).sender is None


def test_facts_of_a_ticket():
    facts = of_ticket(replace(TICKET, state=State.SOLVED), NOW, NOW, ("pilots",))
    assert (facts.organisation, facts.groups, facts.mail) == ("Globex", ("pilots",), None)
    assert facts.idle is not None
    assert (facts.idle.total_seconds(), facts.age) == (0.0, facts.idle)


def test_the_spans_that_rules_on_time_wait_for():
    made = book("""
- {name: a, on: time, when: {idle: 5d}, then: {state: closed}}
- {name: b, on: [time, reply], when: {any: [{age: "<4h"}, {not: {idle: 30m}}]}, then: {note: x}}
- {name: c, when: {idle: 1h}, then: {note: x}}
""")
    assert [span.total_seconds() / 3600 for span in made.rules.waits] == [0.5, 4, 120]
