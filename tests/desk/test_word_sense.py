"""Declared lists are closed: the sentence for every word that they do not hold, and for words that are declared wrongly."""

from __future__ import annotations

import pytest

from maild.desk.effects import Change
from tests.desk.rule_worlds import ruled
from tests.desk.test_rulefiles import DESK, book, load

WORDS = """
dictionary:
  types: {bug: {label: {es: Error, de: Fehler}}, feature request: {}}
  categories: {billing: {}}
  severities: {critical: {impact: 1}, low: {}}
  tags: {vip: {}}
  channels: {chat: {}}
  impacts: {1: everybody}
  urgencies: {1: {name: now, label: {es: ahora}}}
  priorities: {1: urgent}
  priority: [[1, 1, 2], [1, 3, 4], [3, 4, 5]]
fields:
  kind: {values: {a: {label: {en: Alpha}}, b: }}
  size: {type: number}
  done: {type: yes/no}
  who: {type: person}
  day: {type: date}
calendars: {c: {mon: 08:00-20:00}}
"""


def complaints(text: str) -> list[str]:
    return [str(problem).removeprefix("rules/") for problem in load(DESK, WORDS, text).problems]


@pytest.mark.parametrize(
    ("rule", "column", "why"),
    [
        ("{when: {type: bgu}, then: {note: x}}", 28, "type: unknown type 'bgu' (did you mean 'bug'?)"),
        ("{when: {type: Fehler}, then: {note: x}}", 28, "type: unknown type 'Fehler' (did you mean 'bug', which is called 'Fehler'?)"),
        ("{when: {type: eror}, then: {note: x}}", 28, "type: unknown type 'eror' (did you mean 'bug', which is called 'Error'?)"),
        ("{then: {category: biling}}", 32, "category: unknown category 'biling' (did you mean 'billing'?)"),
        ("{then: {severity: critcal}}", 32, "severity: unknown severity 'critcal' (did you mean 'critical'?)"),
        ("{then: {tags: [vip, vpi]}}", 34, "tags: unknown tag 'vpi' (did you mean 'vip'?)"),
        ("{then: {untag: vpi}}", 29, "untag: unknown tag 'vpi' (did you mean 'vip'?)"),
        ("{then: {impact: everyone}}", 30, "impact: unknown impact 'everyone' (did you mean 'everybody'?)"),
        ("{then: {urgency: ahora}}", 31, "urgency: unknown urgency 'ahora' (did you mean 'now', which is called 'ahora'?)"),
        ("{when: {priority: urgnt}, then: {note: x}}", 32, "priority: unknown priority 'urgnt' (did you mean 'urgent'?)"),
        ("{when: {channel: chta}, then: {note: x}}", 31, "channel: unknown channel 'chta' (did you mean 'chat'?)"),
        ("{when: {field.kind: c}, then: {note: x}}", 34, "field.kind: unknown value 'c' (known: a, b)"),
        ("{then: {field.kind: alpha}}", 34, "field.kind: unknown value 'alpha' (did you mean 'a', which is called 'Alpha'?)"),
        ("{then: {field.size: big}}", 34, "field.size: 'big' is no number, like 12 or 2.5"),
        ("{then: {field.size: true}}", 34, "field.size: must be a text or a number"),
        ("{then: {field.done: perhaps}}", 34, "field.done: 'perhaps' is neither yes nor no"),
        ("{then: {field.day: 2026-02-30}}", 33, "field.day: '2026-02-30' is no date, like 2026-12-24"),
        ("{then: {field.who: Anna Ruiz}}", 33, "field.who: 'Anna Ruiz' is nobody here and no mail address; did you mean Ana Ruiz?"),
    ],
)  # fmt: skip
def test_a_rule(rule: str, column: int, why: str) -> None:
    expected = f"3.yaml:2:{column}: {why}"
    assert complaints(f"rules:\n  - {{name: r, {rule[1:]}\n") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rules: [{name: r, then: {tags: vip}, tests: [{given: {subject: x, type: bgu}, then: {tags: vip}}]}]", "3.yaml:1:73: type: unknown type 'bgu' (did you mean 'bug'?)"),
        ("rules: [{name: r, then: {tags: vip}, tests: [{given: {subject: x}, then: {tags: vpi}}]}]", "3.yaml:1:81: tags: unknown tag 'vpi' (did you mean 'vip'?)"),
        ("sla: {s: {calendar: c, update: 1h, for: {type: [bug, bgu]}}}", "3.yaml:1:54: type: unknown type 'bgu' (did you mean 'bug'?)"),
        ("desk: {views: {v: {tag: vpi}}}", "3.yaml:1:25: tag: unknown tag 'vpi' (did you mean 'vip'?)"),
        ("fields: {x: {required: [bug, bgu]}}", "3.yaml:1:30: required: unknown type 'bgu' (did you mean 'bug'?)"),
        ("fields: {x: {required: bgu}}", "3.yaml:1:24: required: unknown type 'bgu' (did you mean 'bug'?)"),
        ("fields: {x: {type: number, values: [a]}}", "3.yaml:1:28: values: only a choice has values, this field holds number: leave out `values`, or write `type: choice`"),
        ("fields: {x: {type: choice}}", "3.yaml:1:20: type: a choice needs `values`, like [small, large]"),
        ("fields: {x: {type: nmber}}", "3.yaml:1:20: type: 'nmber' is not one of text, number, date, choice, yes/no, person (did you mean 'number'?)"),
        ("fields: {x: {values: {a: {label: B}, b: {}}}}", "3.yaml:1:38: 'b' and 'a' are both called 'b'"),
        ("fields: {x: {values: {a: {needs: [{field: siez, ask: How big?}]}}}}", "3.yaml:1:43: field: unknown field 'siez' (did you mean 'size'?)"),
        ("dictionary: {types: {odd: {needs: [{field: siez, ask: How big?}]}}}", "3.yaml:1:44: field: unknown field 'siez' (did you mean 'size'?)"),
        ("dictionary: {types: {error: {}}}", "3.yaml:1:22: 'error' and 'bug' are both called 'error'"),
        ("dictionary: {types: {odd: {label: {english: Odd}}}}", "3.yaml:1:36: key 'english': 'english' is no language tag, like en, es or pt-BR"),
        ("dictionary: {types: {odd: {describe: [Odd]}}}", "3.yaml:1:38: describe: must be text, or one text for each language, like {en: …, es: …}"),
    ],
)  # fmt: skip
def test_elsewhere(text: str, expected: str) -> None:
    assert complaints(text + "\n") == [expected]


def test_an_open_list_takes_any_word() -> None:
    text = "sla: {s: {calendar: c, update: 1h, for: {type: any}}}\ncalendars: {c: {mon: 08:00-20:00}}\nfields: {x: {required: any}}\n"
    assert load(DESK, text).problems == []


def test_what_rules_say_of_fields_is_kept_as_the_field_keeps_it() -> None:
    rule = '{name: r, when: {field.day: 24.12.2026}, then: {field.size: "2,5", field.done: true, field.who: ana ruiz, priority: urgent}}'
    made = book(DESK, WORDS, f"rules:\n  - {rule}\n")
    actions = made.rules.every[0].actions
    assert {key: values[-1] for key, values in actions.items()} == {
        "field.size": "2.5",
        "field.done": "yes",
        "field.who": "ana@acme.test",
        "priority": 1,
    }


def test_a_condition_on_a_name_of_a_priority() -> None:
    found = ruled("- {name: r, when: {priority: urgent}, then: {type: bug}}", WORDS, priority=1)
    assert Change("type", None, "bug") in found.changes
