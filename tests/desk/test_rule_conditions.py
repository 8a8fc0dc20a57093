"""Every condition word: when it holds, when it fails, and when it can't tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.conditions import Truth, shown_span, together
from maild.desk.rule_facts import Facts
from maild.desk.rule_trace import Outcome
from maild.desk.rule_vocabulary import CONDITIONS, names_field
from maild.desk.words import State
from tests.desk.rule_worlds import FACTS, MAIL, WORDS, ruled

HOLDS, FAILS, UNKNOWN = Truth.HOLDS, Truth.FAILS, Truth.UNKNOWN

CASES = [
    ("from: CARLA@globex.test", HOLDS),
    ("from: arla@globex.test", FAILS),
    ("from: carla diaz", HOLDS),
    ("from: [eve@x.test, carla]", HOLDS),
    (r"from: /^Carla D\pL+ <.*globex/", HOLDS),
    ("from: null", FAILS),
    ("from_domain: globex.test", HOLDS),
    ("from_domain: test", HOLDS),
    ("from_domain: lobex.test", FAILS),
    (r"from_domain: /^glo/", HOLDS),
    ("organisation: Globex", HOLDS),
    ("organisation: null", FAILS),
    ("not: {organisation: Globex}", FAILS),
    ("group: pilots", HOLDS),
    ("group: null", FAILS),
    ("to: support@acme.test", HOLDS),
    ("to: boss", HOLDS),
    ("to: help@acme.test", FAILS),
    ("subject: production down", HOLDS),
    ("subject: Production Dowñ", HOLDS),
    ("subject: product", FAILS),
    ("subject: /production/", HOLDS),
    ("subject: /Production/", FAILS),
    ("subject: /(?i)PRODUCTION\\s+down$/", FAILS),
    ("subject: null", FAILS),
    ("body: no funciona", HOLDS),
    ("body: production", FAILS),
    (r"body: '/INV-\d{5}\b/'", HOLDS),
    ("body: 'https://globex.test'", HOLDS),
    ("text: [nothing, production down]", HOLDS),
    ("text: no funciona", HOLDS),
    ("text: 7", FAILS),
    ("header: {x-spam: yes}", HOLDS),
    ("header: {X-Spam: no}", FAILS),
    ("header: {X-Loop: b c}", HOLDS),
    ("header: {X-Loop: a b}", FAILS),
    ("header: {X-Loop: /^a$/}", HOLDS),
    ("header: {X-Spam: yes, X-Loop: [z, a]}", HOLDS),
    ("header: {X-Spam: yes, X-Loop: z}", FAILS),
    ("header: {X-None: null}", HOLDS),
    ("header: {X-Spam: null}", FAILS),
    ("attachment: invoice", HOLDS),
    ("attachment: '*.exe'", HOLDS),
    ("attachment: '*.EXE'", HOLDS),
    ("attachment: '*.ex'", FAILS),
    ("attachment: 'invoice ?.pdf'", HOLDS),
    ("attachment: application/pdf", HOLDS),
    ("attachment: image/*", FAILS),
    ("attachment: yes", HOLDS),
    ("attachment: true", HOLDS),
    ("attachment: no", FAILS),
    ("attachment: null", FAILS),
    ("language: es", HOLDS),
    ("language: [en, de]", FAILS),
    ("language: null", FAILS),
    ("kind: person", HOLDS),
    ("kind: [bulk, report]", FAILS),
    ("channel: email", HOLDS),
    ("channel: phone", FAILS),
    ("hours: {in: office}", HOLDS),
    ("hours: {out: office}", FAILS),
    ("hours: {in: [night, office]}", HOLDS),
    ("hours: out of night", HOLDS),
    ("hours: in night", FAILS),
    ("state: new", HOLDS),
    ("state: [open, pending]", FAILS),
    ("type: null", HOLDS),
    ("type: bug", FAILS),
    ("category: null", HOLDS),
    ("category: billing", FAILS),
    ("severity: null", HOLDS),
    ("severity: low", FAILS),
    ("impact: null", HOLDS),
    ("impact: 1", FAILS),
    ("urgency: [null, 2]", HOLDS),
    ("urgency: [1, 2]", FAILS),
    ("priority: 3", HOLDS),
    ("priority: [1, 2]", FAILS),
    ("priority: '<= 3'", HOLDS),
    ("priority: '<3'", FAILS),
    ("priority: [1, '>2']", HOLDS),
    ("tags: vip", HOLDS),
    ("tags: [outage, VIP]", HOLDS),
    ("tags: null", FAILS),
    ("tags: /^v/", HOLDS),
    ("team: null", HOLDS),
    ("team: support", FAILS),
    ("assignee: null", HOLDS),
    ("assignee: Ana Ruiz", FAILS),
    ("level: 1", HOLDS),
    ("level: '>= 2'", FAILS),
    ("field.hub: north 7", HOLDS),
    ("field.hub: north", FAILS),
    ("field.hub: /North/", HOLDS),
    ("field.product: null", HOLDS),
    ("field.product: flow", FAILS),
    ("idle: 5h", HOLDS),
    ("idle: 301m", FAILS),
    ("idle: '< 6h'", HOLDS),
    ("age: 2d", HOLDS),
    ("age: '<2d'", FAILS),
    ("any: [{subject: nothing}, {subject: down, state: new}]", HOLDS),
    ("any: {subject: nothing, body: funciona}", HOLDS),
    ("all: [{subject: down}, {body: funciona}]", HOLDS),
    ("not: [{subject: nothing}, {body: funciona}]", FAILS),
    ("not: {subject: down, body: nothing}", HOLDS),
    ("{}", HOLDS),
]  # fmt: skip


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("when", "truth"), CASES, ids=[when for when, _ in CASES])
def test_conditions(when, truth, whole):
    inner = when if when.startswith("{") else f"{{{when}}}"
    found = ruled(f"- {{name: r, when: {inner}, then: {{priority: 1}}}}", whole=whole)
    assert found.fired == (("r",) if truth is HOLDS else ())
    assert bool(found.changes) == (truth is HOLDS)


@pytest.mark.parametrize("word", CONDITIONS)
def test_every_condition_is_tried_both_ways(word):
    def of(when: str) -> bool:
        key = when.partition(":")[0]
        return key == word or (names_field(key) and names_field(word))

    assert {truth for when, truth in CASES if of(when)} == {HOLDS, FAILS}


SHORT = replace(FACTS, mail=replace(MAIL, language=None))
NO_MAIL = Facts(organisation="Globex", groups=("pilots",))


@pytest.mark.parametrize(
    ("when", "facts", "truth"),
    [
        ("language: es", SHORT, UNKNOWN),
        ("not: {language: es}", SHORT, UNKNOWN),
        ("language: null", SHORT, HOLDS),
        ("any: [{language: es}, {subject: down}]", SHORT, HOLDS),
        ("any: [{language: es}, {subject: up}]", SHORT, UNKNOWN),
        ("language: es, subject: up", SHORT, FAILS),
        ("language: es, subject: down", SHORT, UNKNOWN),
        ("body: x", NO_MAIL, UNKNOWN),
        ("to: x", NO_MAIL, UNKNOWN),
        ("header: {X-A: x}", NO_MAIL, UNKNOWN),
        ("header: {X-A: null}", NO_MAIL, UNKNOWN),
        ("attachment: yes", NO_MAIL, UNKNOWN),
        ("attachment: no", NO_MAIL, UNKNOWN),
        ("kind: person", NO_MAIL, UNKNOWN),
        ("hours: {in: office}", NO_MAIL, UNKNOWN),
        ("idle: 5h", NO_MAIL, UNKNOWN),
        ("not: {age: 5h}", NO_MAIL, UNKNOWN),
        ("text: x", NO_MAIL, UNKNOWN),
        ("text: production down", NO_MAIL, HOLDS),
        ("subject: production down", NO_MAIL, HOLDS),
        ("subject: x", NO_MAIL, FAILS),
        ("from: carla@globex.test", NO_MAIL, HOLDS),
        ("from_domain: x.test", NO_MAIL, FAILS),
        ("organisation: Globex", NO_MAIL, HOLDS),
        ("group: pilots", NO_MAIL, HOLDS),
        ("language: es", NO_MAIL, HOLDS),
    ],
)
def test_what_cannot_be_told_fires_nothing_and_is_said(when, facts, truth):
    occasion = "time" if facts.mail is None else "ticket"
    rules = f"- {{name: r, on: {occasion}, when: {{{when}}}, then: {{priority: 1}}}}"
    found = ruled(rules, facts=facts, occasion=occasion)
    assert bool(found.fired) == (truth is HOLDS)
    [line] = found.trace.lines()
    assert line.outcome == {HOLDS: Outcome.FIRED, FAILS: Outcome.NOT_MET, UNKNOWN: Outcome.UNKNOWN}[truth]


@pytest.mark.parametrize(
    ("language", "ticket", "fires"),
    [(None, {"id": 7}, True), ("en", {"id": 7}, False), ("es-MX", {}, True), (None, {}, False)],
)
def test_an_answer_too_short_to_tell_speaks_the_language_of_its_ticket(language, ticket, fires):
    facts = replace(FACTS, mail=replace(MAIL, language=language))
    rules = "- {name: r, on: [ticket, reply], when: {language: es}, then: {priority: 1}}"
    assert bool(ruled(rules, facts=facts, occasion="reply", **ticket).fired) == fires


@pytest.mark.parametrize(
    ("rules", "state", "fired"),
    [
        ("assignee: ana@acme.test", {"assignee": "ana@acme.test"}, True),
        ("assignee: ana ruiz", {"assignee": "ana@acme.test"}, True),
        ("impact: everybody", {"impact": "1"}, True),
        ("impact: '<= 2'", {"impact": "3"}, False),
        ("impact: 1", {"impact": "wide"}, False),
        ("state: on-hold", {"state": State.ON_HOLD}, True),
        ("field.product: flow", {"fields": {"product": "Flow"}}, True),
        ("type: incident", {"type": "Incident"}, True),
    ],
)
def test_words_of_tickets(rules, state, fired):
    text = f"- {{name: r, when: {{{rules}}}, then: {{priority: 1}}}}"
    assert bool(ruled(text, WORDS, **state).fired) == fired


def test_the_evidence_is_what_was_written():
    rules = r"""
- name: all of it
  when: {text: no funciona, subject: /pro\w+/, from: carla@globex.test, from_domain: test, attachment: "*.exe", header: {x-loop: b},
         priority: 3, hours: {in: office}, idle: 4h, team: null, not: {organisation: Nobody}}
  then: {priority: 1}
"""
    for whole in (True, False):
        found = ruled(rules, "organisations: [{name: Nobody}]\n", whole=whole)
        [line] = found.trace.lines()
        evidence = {checked.condition: checked.evidence for checked in line.conditions}
        assert evidence == {
            "text": 'body: "no FUNCIONÁ."',
            "subject": 'subject: "production"',
            "from": 'from: "carla@globex.test"',
            "from_domain": 'from_domain: "test"',
            "attachment": 'attachment: "run.exe"',
            "header.x-loop": 'header.x-loop: "b"',
            "priority": "it is 3",
            "hours": "office is open",
            "idle": "it is 5h",
            "team": "nothing is set",
            "not": "",
        }


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(minutes=0), "0m"),
        (timedelta(days=5, hours=2, minutes=7), "5d 2h"),
        (timedelta(days=12345), "12345d"),
        (timedelta(hours=1, minutes=30), "1h 30m"),
    ],
)
def test_spans_are_shown_short(span, shown):
    assert shown_span(span) == shown


truths = st.sampled_from(list(Truth))


@settings(max_examples=200)
@given(st.lists(truths, max_size=5))
def test_three_valued_logic(values):
    """Kleene's: `any` is `all` turned round by `not`, `not` of what holds fails, and what is unknown never decides."""
    flipped = [together("not", [value]) for value in values]
    assert together("any", values) == together("not", [together("all", flipped)])
    assert together("not", [together("not", [together("all", values)])]) == together("all", values)
    assert together("not", [HOLDS]) == FAILS
    assert together("not", [FAILS]) == HOLDS
    assert together("not", [UNKNOWN]) == UNKNOWN
    settled = [value for value in values if value is not UNKNOWN]
    if together("all", values) is not UNKNOWN:
        assert together("all", values) == together("all", settled)
