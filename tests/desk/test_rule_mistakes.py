"""The sentence for each mistake in rules that are well-formed YAML: at its place, with the nearest right word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk import rulefiles
from maild.desk.rulebook import Limits
from tests.desk.rule_worlds import DESK, IDENTITY, NOW, WORDS, complaints

# (one rule, behind DESK and WORDS, » before what is wrong (nothing: all of it); what is said)
MISTAKES = [
    # words that name nothing
    ("when: {team: »suport}, then: {note: x}", "team: unknown team 'suport' (did you mean 'support'?)"),
    ("when: {not: {any: [{team: »suport}]}}, then: {note: x}", "team: unknown team 'suport' (did you mean 'support'?)"),
    ("then: {team: »[support]}", "team: takes one value, not a list"),
    ("then: {team: »enginering}", "team: unknown team 'enginering' (did you mean 'engineering'?)"),
    ("when: {organisation: »Globx}, then: {note: x}", "organisation: unknown organisation 'Globx' (did you mean 'Globex'?)"),
    ("when: {group: »pilot}, then: {note: x}", "group: unknown group 'pilot' (did you mean 'pilots'?)"),
    ("when: {assignee: »bob@acme.test}, then: {note: x}", "assignee: unknown agent 'bob@acme.test' (did you mean 'lou@acme.test'?)"),
    ("then: {assignee: »roundrobin}", "assignee: unknown agent 'roundrobin' (did you mean 'round-robin'?)"),
    ("then: {assignee: »lou@acme.test}", "assignee: 'lou@acme.test' is light: he writes notes only"),
    ("then: {watch: [Ana Ruiz, »Anna Ruis]}", "watch: unknown agent 'Anna Ruis' (did you mean 'Ana Ruiz'?)"),
    ("when: {state: »closd}, then: {note: x}", "state: unknown state 'closd' (did you mean 'closed'?)"),
    ("then: {state: »merged}", "state: unknown state 'merged' (known: open, pending, on-hold, solved, closed)"),
    ("when: {kind: »autoreply}, then: {note: x}", "kind: unknown kind 'autoreply' (did you mean 'auto-reply'?)"),
    ("when: {channel: »fone}, then: {note: x}", "channel: unknown channel 'fone' (did you mean 'phone'?)"),
    ("when: {hours: »{in: ofice}}, then: {note: x}", "hours: unknown calendar 'ofice' (did you mean 'office'?)"),
    ("when: {hours: »out of offices}, then: {note: x}", "hours: unknown calendar 'offices' (did you mean 'office'?)"),
    ("then: {type: »bugg}", "type: unknown type 'bugg' (did you mean 'bug'?)"),
    ("when: {severity: [low, »crytical]}, then: {note: x}", "severity: unknown severity 'crytical' (did you mean 'critical'?)"),
    ("then: {tags: [vip, »outtage]}", "tags: unknown tag 'outtage' (did you mean 'outage'?)"),
    ("then: {untag: »vipp}", "untag: unknown tag 'vipp' (did you mean 'vip'?)"),
    ("then: {impact: »nobody}", "impact: unknown impact 'nobody' (known: everybody, a group, one person)"),
    ("then: {impact: »4}", "impact: '4' is not from 1 to 3"),
    ("then: {»field.produkt: flow}", "unknown field 'produkt' (did you mean 'product'?)"),
    ("then: {field.product: »flw}", "field.product: unknown value 'flw' (did you mean 'flow'?)"),
    ("when: {field.product: [flow, »lumn]}, then: {note: x}", "field.product: unknown value 'lumn' (did you mean 'lumen'?)"),
    ("then: {reply: »howtoo}", "reply: unknown template 'howtoo' (did you mean 'howto'?)"),
    ("then: {acknowledge: »[a]}", "acknowledge: takes one value, not a list"),
    ("then: {acknowledge: »outrage}", "acknowledge: unknown template 'outrage' (did you mean 'outage'?)"),
    ("then: {runbook: »triaje}", "runbook: unknown runbook 'triaje' (did you mean 'triage'?)"),
    # what words take
    ("when: {subject: »[]}, then: {note: x}", "subject: must not be empty"),
    ("when: {subject: »' '}, then: {note: x}", "subject: ' ' holds nothing that can be looked for"),
    ("when: {subject: »true}, then: {note: x}", "subject: must be a text or a number, or a list of them"),
    ("when: {header: »X-Spam}, then: {note: x}", "header: must name headers, like {X-Spam: yes}"),
    ("when: {any: »[]}, then: {note: x}", "any: must hold conditions, like {subject: invoice}"),
    ("when: {not: »{}}, then: {note: x}", "not: must hold conditions, like {subject: invoice}"),
    ("when: {priority: »6}, then: {note: x}", "priority: '6' is not from 1 to 5"),
    ("when: {priority: »'> 7'}, then: {note: x}", "priority: '> 7' is not from 1 to 5"),
    ("when: {priority: »high}, then: {note: x}", "priority: 'high' is no number from 1 to 5, a comparison like \"<= 2\""),
    ("when: {level: »two}, then: {note: x}", "level: 'two' is no number from 1 to 9, a comparison like \"<= 2\""),
    ("when: {hours: »office}, then: {note: x}", "hours: must be in or out of a calendar, like {out: office}"),
    ("when: {hours: »{on: office}}, then: {note: x}", "hours: must be in or out of a calendar, like {out: office}"),
    ("when: {idle: »'> 5 days'}, then: {note: x}", "idle: '5 days' is no duration (did you mean '5d'?)"),
    ("when: {age: »null}, then: {note: x}", "age: must not be empty"),
    ("when: {from: »'/[/'}, then: {note: x}", "from: bad pattern: missing ]: ["),
    (r'when: {from: »"/\ud83d/"}, then: {note: x}', "from: bad pattern: it holds half a character"),
    ("when: {body: »'/((a{100}){100}){100}/'}, then: {note: x}", "body: bad pattern: invalid repetition size: {100}"),
    ("then: {priority: »urgent}", "priority: 'urgent' is no number from 1 to 5, or raise"),
    ("then: {priority: »null}", "priority: must not be empty"),
    ("then: {level: »10}", "level: '10' is not from 1 to 9"),
    ("then: {spam: »yes}", "spam: can only be true"),
    ("then: {discard: »false}", "discard: can only be true"),
    ("then: {help: »kb.test/x}", "help: 'kb.test/x' is no link, like https://kb.example.org/printing"),
    ("then: {webhook: »'ftp://x.test'}", "webhook: 'ftp://x.test' is no link, like https://kb.example.org/printing"),
    ("then: {note: »''}", "note: must not be empty"),
    ("then: {note: »{a: b}}", "note: must be a text or a number"),
    ("then: {tags: »[]}", "tags: must not be empty"),
    ("then: {}", "rule 'r' does nothing: it needs actions in `then`, or `stop: true`"),
    # tests of rules
    ("then: {note: x}, tests: [{given: {subject: »[a, b]}, then: no match}]", "subject: must be one text or number: what the mail or ticket of the test has"),
    ("then: {note: x}, tests: [{given: {idle: »long}, then: no match}]", "idle: 'long' is no duration: write a number and a unit, like 30m, 4h, 5d or 1h30m"),
    ("then: {note: x}, tests: [{given: {header: »X}, then: no match}]", "header: must hold headers, like {X-Spam: yes}"),
    ("then: {note: x}, tests: [{given: {priority: »9}, then: no match}]", "priority: '9' is not from 1 to 5"),
    ("then: {note: x}, tests: [{given: {team: »suport}, then: no match}]", "team: unknown team 'suport' (did you mean 'support'?)"),
    ("then: {note: x}, tests: [{given: {}, then: {type: »bugg}}]", "type: unknown type 'bugg' (did you mean 'bug'?)"),
]  # fmt: skip


def said(rule: str) -> list[str]:
    files = [("1.yaml", DESK), ("2.yaml", WORDS), ("3.yaml", f"rules:\n  - {{name: r, {rule}}}\n")]
    loaded = rulefiles.load(
        files, IDENTITY, Limits(), NOW.date(), templates=("howto", "outage"), runbooks=("triage",)
    )
    return [str(problem).removeprefix("3.yaml:2:") for problem in loaded.problems]


@pytest.mark.parametrize(("rule", "expected"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes(rule, expected):
    before, marked, _ = f"  - {{name: r, {rule}".partition("»")
    column = len(before) + 1 if marked else len("  - ") + 1
    assert said(rule.replace("»", "")) == [f"{column}: {expected}"]


FINE = [
    "then: {reply: howto, acknowledge: outage, runbook: triage}",
    "then: {acknowledge: no}",
    "when: {channel: [email, internal, phone]}, then: {category: anything, language: pt}",
    "when: {impact: [everybody, 2, '<= 2'], urgency: null, team: /^sup/, type: /x/}, then: {impact: 1}",
    "when: {assignee: [Ana Ruiz, BEN@acme.test, null]}, then: {assignee: null, team: null, type: null}",
    "stop: true, then: {}",
]


@pytest.mark.parametrize("rule", FINE)
def test_what_is_right(rule):
    assert said(rule) == []


def test_what_is_not_declared_is_open():
    assert complaints("- {name: r, when: {type: any, severity: x}, then: {tags: z, category: y}}") == []


def test_templates_and_runbooks_that_are_not_known_are_not_looked_for():
    assert complaints("- {name: r, then: {reply: anything, runbook: anything}}") == []


def test_words_elsewhere_have_to_be_declared_too():
    policy = "sla: {s: {calendar: office, update: 4h, for: {type: [bug, incidnt]}}}\n"
    assert complaints("", WORDS, policy) == [
        "3.yaml:1:59: type: unknown type 'incidnt' (did you mean 'incident'?)"
    ]


def test_rotas():
    wrong = "oncall: {suport: {agents: [eve@acme.test], every: 7d, since: 2026-02-23}, engineering: {agents: [], every: 1d, since: 2026-01-01}}\n"
    assert complaints("", wrong) == [
        "2.yaml:1:10: unknown team 'suport' (did you mean 'support'?)",
        "2.yaml:1:28: agents: unknown agent 'eve@acme.test' (did you mean 'ben@acme.test'?)",
        "2.yaml:1:97: agents: must not be empty",
    ]


def test_no_rota():
    plain = DESK.partition("oncall:")[0] + "rules: [{name: r, then: {assignee: oncall}}]\n"
    loaded = rulefiles.load([("1.yaml", plain)], IDENTITY, Limits(), NOW.date())
    assert [problem.message for problem in loaded.problems] == [
        "assignee: there is no rota: add one under `oncall`"
    ]


def test_a_name_stands_once():
    assert complaints("- {name: r, then: {note: x}}\n- {name: r, then: {note: y}}") == [
        "2.yaml:3:12: rule 'r' stands twice; before: 2.yaml:2:12"
    ]


def test_all_mistakes_of_one_rule_are_said_at_once():
    rule = "name: a, when: {sujbect: a, team: suport}, then: {priority: 9, assignee: anna@acme.test, field.product: flw}"
    said = complaints(f"- {{{rule}}}")
    assert len(said) == 5
    for word in ("sujbect", "suport", "'9'", "anna@acme.test", "flw"):
        assert sum(word in line for line in said) == 1, said


def test_mistakes_of_form_and_of_sense_at_once_each_said_once():
    assert complaints("- {name: r, when: {subjct: x, team: nobody}, then: {team: nobody}}\n- {name: s, then: {team: nobody}}") == [
        "2.yaml:2:22: unknown condition 'subjct' (did you mean 'subject'?)",
        "2.yaml:2:39: team: unknown team 'nobody' (known: support, engineering)",
        "2.yaml:2:61: team: unknown team 'nobody' (known: support, engineering)",
        "2.yaml:3:28: team: unknown team 'nobody' (known: support, engineering)",
    ]  # fmt: skip


SHADOWS = [
    # conditions (and more) of the rule that stops, what stands between, of the later rule; whether it can never fire
    ("when: {subject: a}", "", "when: {subject: a, body: b}", True),
    ("when: {subject: [a, b]}", "", "when: {subject: b}", True),
    ("when: {subject: b}", "", "when: {subject: [a, b]}", False),
    ("when: {text: a}", "", "when: {subject: a}", True),
    ("when: {subject: a}", "", "when: {text: a}", False),
    ("when: {}", "", "when: {subject: a}", True),
    ("when: {not: {from: x, to: y}}", "", "when: {subject: a, not: {to: y, from: x}}", True),
    ("when: {not: {from: x}}", "", "when: {not: {from: x, to: y}}", False),
    ("when: {any: [{from: x}, {to: y}]}", "", "when: {any: [{to: y}, {from: x}]}", True),
    ("when: {header: {X-A: b}}", "", "when: {header: {x-a: b, X-C: d}}", True),
    ("when: {header: {X-A: b}}", "", "when: {header: {X-C: b}}", False),
    ("when: {all: {subject: a, body: b}}", "", "when: {body: b, subject: a}", True),
    ("on: [ticket, reply], when: {subject: a}", "", "when: {subject: a}", True),
    ("when: {subject: a}", "", "on: [ticket, reply], when: {subject: a}", False),
    ("on: time, when: {idle: 5d}", "", "on: time, when: {idle: 5d, state: open}", False),
    ("when: {team: null}", "", "when: {team: null, subject: a}", True),
    ("when: {team: support}", "then: {team: support}", "when: {team: support}", False),
    ("when: {level: 2}", "then: {team: engineering}", "when: {level: 2}", False),
    ("when: {subject: a}", "then: {team: support}", "when: {subject: a, team: support}", True),
    ("when: {subject: a}", "", "when: {body: a}", False),
]


@pytest.mark.parametrize(("stopper", "between", "later", "never"), SHADOWS)
def test_rules_that_can_never_fire(stopper, between, later, never):
    middle = f"- {{name: between, when: {{subject: zzz}}, {between}}}\n" if between else ""
    text = f"- {{name: first, {stopper}, then: {{note: x}}, stop: true}}\n{middle}- {{name: later, {later}, then: {{note: y}}}}"
    line = 3 + bool(between)
    expected = f"2.yaml:{line}:5: rule 'later' can never fire: whenever its conditions hold, 'first' at 2.yaml:2:5 has stopped before"
    assert complaints(text) == ([expected] if never else [])
    assert complaints(text.replace("stop: true", "stop: false")) == []


TRIALS = [
    ("{given: {subject: Outage}, then: {priority: 1, type: incident}}", None),
    ("{given: {subject: Outage, priority: 2}, then: {priority: 1, tags: [outage]}}", None),
    ("{given: {subject: All fine}, then: no match}", None),
    ("{given: {subject: Outage}, then: no match}", 'expected no match, but it fired: subject outage: holds (subject: "Outage"); type incident: holds (it is incident); not (organisation Globex: fails (nothing is set))'),
    ("{given: {subject: x}, then: {priority: 1}}", "expected it to fire, but it did not: subject outage: fails (not found)"),
    ("{given: {subject: Outage}, then: {priority: 2}}", "expected priority 2, got 1 (fired: 'first', 'r', 'last')"),
    ("{given: {subject: Outage}, then: {team: engineering}}", "expected team engineering, got support (fired: 'first', 'r', 'last')"),
    ("{given: {subject: Outage}, then: {team: support, assignee: round-robin, note: Look}}", None),
    ("{given: {subject: Outage}, then: {assignee: oncall}}", "expected assignee oncall, got round-robin (fired: 'first', 'r', 'last')"),
    ("{given: {subject: Outage}, then: {note: Nope}}", "expected note Nope, which was not done (fired: 'first', 'r', 'last')"),
    ("{given: {subject: Outage}, then: {tags: [outage, vip]}}", "expected tags vip, got tags outage (fired: 'first', 'r', 'last')"),
    ("{given: {subject: Outage, tags: vip}, then: {untag: [vip]}}", "expected untag vip, got tags vip, outage (fired: 'first', 'r', 'last')"),
    ("{given: {subject: Outage}, then: {category: null, field.hub: null}}", None),
    ("{given: {subject: Outage, field.hub: a}, then: {field.hub: b}}", "expected field.hub b, got a (fired: 'first', 'r', 'last')"),
    ("{given: {subject: Outage, from_domain: globex.test}, then: {priority: 1}}", "expected it to fire, but it did not: not (organisation Globex: holds (it is Globex))"),
    ("{given: {subject: Outage, kind: bulk}, then: {priority: 1}}", "expected it to fire, but it did not: stopped by 'stopper'"),
]  # fmt: skip


@pytest.mark.parametrize(("test", "wrong"), TRIALS, ids=range(len(TRIALS)))
def test_tests_of_rules(test, wrong):
    rules = f"""
- {{name: stopper, when: {{kind: bulk}}, then: {{note: Bulk}}, stop: true}}
- {{name: first, then: {{type: incident}}}}
- name: r
  when: {{subject: outage, type: incident, not: {{organisation: Globex}}}}
  then: {{priority: 1, tags: outage, note: Look}}
  tests:
    - {test}
- {{name: last, then: {{team: support, assignee: round-robin}}}}
"""
    assert complaints(rules) == ([f"2.yaml:8:9: test of 'r' fails: {wrong}"] if wrong else [])


GIVEN = [
    ("when: {from: boss, from_domain: globex.test}", "{from: 'The Boss <ceo@globex.test>'}"),
    ("when: {from: boss}", "{from: Boss}"),
    ("when: {group: pilots, organisation: Globex}", "{from: carla@globex.test}"),
    ("when: {organisation: null}", "{from: carla@elsewhere.test}"),
    ("when: {organisation: null}", "{from: carla@globex.test, organisation: null}"),
    ("when: {to: help@acme.test}", "{to: [x@y.test, HELP@acme.test]}"),
    ("when: {body: words}", "{text: words}"),
    ("when: {header: {X-Spam: 5}}", "{header: {x-spam: 5}}"),
    ("when: {attachment: '*.png'}", "{attachment: [a.pdf, b.png]}"),
    ("when: {attachment: image/*}", "{attachment: image/png}"),
    ("when: {attachment: yes}", "{attachment: true}"),
    ("when: {attachment: no}", "{}"),
    ("when: {language: de}", "{language: de}"),
    ("when: {hours: {out: office}, kind: bulk, channel: phone}", "{hours: {out: office}, kind: bulk, channel: phone}"),
    ("when: {idle: 5d, age: '<9d', state: pending, subject: x}, on: time", "{idle: 6d, age: 8d, state: pending, subject: x}"),
    ("when: {impact: everybody, urgency: 2, level: 3, priority: 5}", "{impact: everybody, urgency: today, level: 3, priority: 5}"),
    ("when: {assignee: Ana Ruiz, team: support, state: open}, on: reply", "{assignee: ana@acme.test, team: support}"),
    ("when: {tags: vip, field.hub: b, type: bug, severity: low, category: c}", "{tags: vip, field.hub: b, type: bug, severity: low, category: c}"),
]  # fmt: skip


@pytest.mark.parametrize(("when", "facts"), GIVEN)
def test_what_tests_can_give(when, facts):
    rule = f"- {{name: r, {when}, then: {{note: x}}, tests: [{{given: {facts}, then: {{note: x}}}}]}}"
    assert complaints(rule, WORDS) == []
    assert complaints(rule.replace("then: {note: x}}]", "then: no match}]"), WORDS)


EVERY = r"""rules:
  - name: a
    on: [ticket, reply, time]
    when: {text: [a, '/b+/', 3], any: [{from: x@y.test, to: null}, {not: [{kind: bulk}, {header: {X-A: [b, null]}}]}], hours: {in: office}}
    then: {priority: raise, tags: [a, b], assignee: round-robin, team: support, note: 5, help: https://x.test, spam: true}
    stop: true
    tests:
      - {given: {subject: a, idle: 5d, hours: out of office, attachment: yes, tags: [x], header: {X-A: b}}, then: no match}
      - {given: {field.hub: x, priority: 2}, then: no match}
  - {name: b, when: {idle: '< 5d', priority: ['<= 2', 4], field.hub: x, impact: 1, attachment: '*.x', language: null}, then: {acknowledge: no}}
"""  # fmt: skip
PIECES = [
    "null",
    "[]",
    "{}",
    "true",
    "5",
    "'/(/'",
    "'<='",
    "[[a]]",
    "{a: b}",
    "no",
    "''",
    "~",
    "a",
    "-1",
    "1.5",
    "any",
    "not",
    "[",
    ",",
    "\n",
    " ",
]
broken = st.tuples(st.integers(0, len(EVERY)), st.integers(0, 8), st.sampled_from(PIECES))
TOKENS = re.compile(r"[\w@.+*/'<=-]+|\S")


@st.composite
def mutilated(draw: st.DrawFn) -> str:
    """The rules with some words put in place of others, or torn anywhere."""
    text = EVERY
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            at, length, piece = draw(broken)
            text = text[:at] + piece + text[at + length :]
        else:
            spans = [found.span() for found in TOKENS.finditer(text)]
            start, end = draw(st.sampled_from(spans))
            text = text[:start] + draw(st.sampled_from([*PIECES, *TOKENS.findall(EVERY)])) + text[end:]
    return text


@settings(max_examples=70, deadline=None)
@given(mutilated())
def test_whatever_stands_in_rules_is_answered_with_places(text):
    loaded = rulefiles.load([("1.yaml", DESK), ("2.yaml", text)], IDENTITY, Limits(), NOW.date())
    assert (loaded.rulebook is None) == bool(loaded.problems)
    assert all(problem.line for problem in loaded.problems)


def test_the_rules_that_are_torn_are_right_before():
    assert complaints("", EVERY) == []
