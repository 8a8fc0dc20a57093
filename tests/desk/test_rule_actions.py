"""Every action word: what it does to a ticket, or as which value it comes out."""

from __future__ import annotations

import pytest

from maild.desk import rule_actions as acts
from maild.desk.effects import Change, changed
from maild.desk.rule_vocabulary import ACTIONS, names_field
from maild.desk.words import State
from tests.desk.rule_worlds import TICKET, WORDS, ruled

CHANGES = [
    ("type: incident", {"type": "incident"}),
    ("category: billing", {"category": "billing"}),
    ("severity: odd", {"severity": "odd"}),
    ("impact: 3", {"impact": "3", "chosen": ("impact",)}),
    ("impact: null", {}),
    ("urgency: 2", {"urgency": "2"}),
    ("priority: 1", {"priority": 1, "chosen": ("priority",)}),
    ("priority: 3", {"chosen": ("priority",)}),
    ("priority: raise", {"priority": 2, "chosen": ("priority",)}),
    ("{impact: 1, priority: 2}", {"impact": "1", "priority": 2, "chosen": ("impact", "priority")}),
    ("tags: [outage, vip]", {"tags": ("vip", "outage")}),
    ("tags: vip", {}),
    ("untag: vip", {"tags": ()}),
    ("untag: [nothing, vip]", {"tags": ()}),
    ("field.product: flow", {"field.product": "flow"}),
    ("field.hub: null", {"field.hub": None}),
    ("field.hub: 12", {"field.hub": "12"}),
    ("language: pt-BR", {"language": "pt-BR"}),
    ("team: engineering", {"team": "engineering", "level": 2}),
    ("team: support", {"team": "support"}),
    ("{team: support, level: 3}", {"team": "support", "level": 3}),
    ("assignee: chen@acme.test", {"assignee": "chen@acme.test", "team": "engineering", "level": 2}),
    ("assignee: Chen Li", {"assignee": "chen@acme.test", "team": "engineering", "level": 2}),
    (
        "{team: support, assignee: CHEN@acme.test}",
        {"team": "support", "assignee": "chen@acme.test"},
    ),
    ("level: 2", {"level": 2}),
    ("state: solved", {"state": State.SOLVED}),
    ("spam: true", {"state": State.SPAM}),
]


def braced(words: str) -> str:
    return words if words.startswith("{") else f"{{{words}}}"


@pytest.mark.parametrize(("then", "expected"), CHANGES, ids=[then for then, _ in CHANGES])
def test_changes(then, expected):
    found = ruled(f"- {{name: r, then: {braced(then)}}}")
    assert {change.name: change.new for change in found.changes} == expected
    assert changed(TICKET, found.changes) == found.ticket
    for change in found.changes:
        name = change.name.removeprefix("field.")
        old = TICKET.fields.get(name) if name != change.name else getattr(TICKET, name)
        assert change.old == old


OTHERS = [
    ("watch: [chen@acme.test, Ana Ruiz]", [acts.Watch("chen@acme.test"), acts.Watch("ana@acme.test")]),
    ("note: Look twice", [acts.AddNote("Look twice")]),
    ("reply: howto", [acts.Reply("howto")]),
    ("acknowledge: no", [acts.Acknowledge(None)]),
    ("acknowledge: false", [acts.Acknowledge(None)]),
    ("acknowledge: outage", [acts.Acknowledge("outage")]),
    ("help: [https://kb.test/a, https://kb.test/b]", [acts.Help("https://kb.test/a"), acts.Help("https://kb.test/b")]),
    ("runbook: triage", [acts.Runbook("triage")]),
    ("webhook: https://hooks.test/x", [acts.Webhook("https://hooks.test/x")]),
    ("spam: true", [acts.Spam()]),
    ("discard: true", [acts.Discard()]),
    (
        "assignee: round-robin",
        [acts.Assign("round-robin", None, "ana@acme.test", "the first in turn")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("then", "expected"), OTHERS, ids=[then for then, _ in OTHERS])
def test_other_actions(then, expected):
    found = ruled(f"- {{name: r, then: {braced(then)}}}")
    assert list(found.actions) == expected
    assert found.has(type(expected[0]))
    assert not found.has(acts.Reply if then != "reply: howto" else acts.Help)


@pytest.mark.parametrize("word", ACTIONS)
def test_every_action_is_tried(word):
    tried = [then.strip("{").partition(":")[0] for then, _ in (*CHANGES, *OTHERS)]
    assert any(key == word or (names_field(key) and names_field(word)) for key in tried)


def test_a_team_drops_who_is_not_in_it():
    found = ruled("- {name: r, then: {team: engineering}}", team="support", assignee="ana@acme.test")
    assert found.ticket.assignee is None
    kept = ruled("- {name: r, then: {team: engineering}}", team="support", assignee="chen@acme.test")
    assert kept.ticket.assignee == "chen@acme.test"


def test_the_assignee_is_looked_for_in_the_team_of_the_same_rule():
    found = ruled("- {name: r, then: {assignee: least-busy, team: engineering}}", language="en")
    assert (found.ticket.team, found.ticket.assignee) == ("engineering", "chen@acme.test")


def test_nobody_fits():
    found = ruled("- {name: r, then: {team: engineering, assignee: round-robin}}", language="fr")
    assert found.ticket.assignee is None
    why = "nobody of team engineering can take it: chen@acme.test does not speak fr"
    assert found.actions == (acts.Assign("round-robin", "engineering", None, why),)
    assert f"assignee round-robin: nobody ({why})" in found.trace.fired()[0].did


PRIORITIES = [
    # rules' actions one after the other, ticket, (impact, priority)
    (["severity: critical"], {}, ("1", 1)),
    (["severity: low"], {}, ("3", 4)),
    (["severity: odd"], {}, (None, 3)),
    (["severity: critical, urgency: 3"], {}, ("1", 2)),
    (["severity: critical", "urgency: whenever"], {}, ("1", 2)),
    (["severity: critical, impact: 3"], {}, ("3", 4)),
    (["impact: a group"], {}, ("2", 3)),
    (["impact: 2", "severity: critical"], {}, ("2", 3)),
    (["severity: critical, priority: 5"], {}, ("1", 5)),
    (["priority: 5", "severity: critical"], {}, ("1", 5)),
    (["severity: critical", "priority: raise", "urgency: 3"], {}, ("1", 1)),
    (["severity: critical"], {"chosen": ("priority",)}, ("1", 3)),
    (["impact: 2", "impact: null", "severity: critical"], {}, ("1", 1)),
    (["severity: low"], {"severity": "critical", "impact": "1"}, ("3", 4)),
    (["severity: low"], {"severity": "critical", "impact": "2", "chosen": ("impact",)}, ("2", 3)),
    (["type: bug"], {"impact": "1"}, ("1", 3)),
    (["urgency: 1"], {"impact": "everything"}, ("everything", 3)),
]


@pytest.mark.parametrize(("actions", "ticket", "expected"), PRIORITIES)
def test_priority_follows_from_impact_and_urgency_unless_somebody_chose_it(actions, ticket, expected):
    rules = "\n".join(f"- {{name: r{at}, then: {{{then}}}}}" for at, then in enumerate(actions))
    found = ruled(rules, WORDS, **ticket)
    assert (found.ticket.impact, found.ticket.priority) == expected


@pytest.mark.parametrize("later", ["team: engineering", "assignee: null", "assignee: ben@acme.test"])
def test_who_was_chosen_and_is_not_taken_has_not_had_his_turn(later):
    found = ruled(
        f"- {{name: a, then: {{team: support, assignee: round-robin}}}}\n- {{name: b, then: {{{later}}}}}"
    )
    assert found.ticket.assignee != "ana@acme.test"
    assert found.actions == ()


def test_a_column_changed_twice_is_one_change():
    found = ruled("- {name: a, then: {priority: 1, type: x}}\n- {name: b, then: {priority: 2}}")
    chosen = Change("chosen", (), ("priority",))
    assert found.changes == (Change("type", None, "x"), Change("priority", 3, 2), chosen)
    back = ruled("- {name: a, then: {priority: 1}}\n- {name: b, then: {priority: 3}}")
    assert back.changes == (chosen,)
    assert [line.did for line in back.trace.fired()] == [("priority: 3 → 1",), ("priority: 1 → 3",)]
