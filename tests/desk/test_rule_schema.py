"""The JSON Schema of rule files: it takes what maild takes, and knows every word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from maild.desk import shapes
from maild.desk.rule_schema import schema
from maild.desk.rule_vocabulary import ACTIONS, CONDITIONS, NESTING, condition
from maild.desk.yaml_source import read
from tests.desk.rule_worlds import DESK, WORDS
from tests.desk.test_rule_conditions import CASES
from tests.desk.test_rulefiles import DESK as OTHER_DESK
from tests.desk.test_rulefiles import PEOPLE
from tests.desk.test_word_sense import WORDS as CLOSED_WORDS

RULES = Path(__file__).parents[2] / "rules"
SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def value(text: str) -> Any:
    source = read([("x.yaml", text)], "rules", {})
    assert source.problems == []
    return source.value


def wrong(text: str) -> list[list[str | int]]:
    return [list(error.absolute_path) for error in VALIDATOR.iter_errors(value(text))]


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def examples() -> list[str]:
    readme = (RULES / "README.md").read_text("utf-8")
    return [part.partition("```")[0] for part in readme.split("```yaml\n")[1:]]


SHIPPED = [file.read_text("utf-8") for file in sorted(RULES.glob("*.yaml"))]


@pytest.mark.parametrize(
    "text", [DESK, WORDS, CLOSED_WORDS, OTHER_DESK, PEOPLE, "rules:\nsla:\n", *SHIPPED, *examples()]
)
def test_what_maild_takes_it_takes(text):
    assert wrong(text) == []


@pytest.mark.parametrize("when", [when for when, _ in CASES])
def test_every_condition_that_maild_takes_it_takes(when):
    inner = when if when.startswith("{") else f"{{{when}}}"
    assert wrong(f"rules: [{{name: r, when: {inner}, then: {{priority: 1}}}}]") == []


@pytest.mark.parametrize(
    "text",
    [
        "rule: []",
        "teams: {a: {levl: 1}}",
        "sla: {a: {calendar: b, update: soon}}",
        "rules: [{name: a}]",
        "fields: {a: {type: nmber}}",
        "fields: {a: {visible: everybody}}",
        "dictionary: {types: {a: {needs: [{field: b}]}}}",
        "dictionary: {severities: {a: {impact: 4}}}",
        "dictionary: {priority: [[1, 2, 9]]}",
        "rules: [{name: a, when: {subjct: b}, then: {note: c}}]",
        "rules: [{name: a, when: {priority: 7}, then: {note: c}}]",
        "rules: [{name: a, when: {any: [{not: {form: x}}]}, then: {note: c}}]",
        "rules: [{name: a, then: {prority: 1}}]",
        "rules: [{name: a, then: {team: [b]}}]",
        "rules: [{name: a, then: {spam: maybe}}]",
        "rules: [{name: a, then: {help: kb.test}}]",
        "rules: [{name: a, on: ticked, then: {note: c}}]",
        "rules: [{name: a, then: {note: c}, tests: [{given: {}, then: none}]}]",
        "rules: [{name: a, when: {idle: long}, then: {note: c}}]",
    ],
)
def test_mistakes_it_marks(text):
    assert wrong(text)


def test_it_knows_every_word():
    definitions = SCHEMA["$defs"]
    assert set(SCHEMA["properties"]) == set(shapes.Document.model_fields)
    own = {"field.NAME"}
    assert set(definitions["Conditions"]["properties"]) == {*CONDITIONS, *NESTING} - own
    assert set(definitions["Actions"]["properties"]) == {*ACTIONS} - own
    assert all(part["description"] for part in definitions["Actions"]["properties"].values())


@pytest.mark.parametrize(("table", "inside"), [(CONDITIONS, "when"), (ACTIONS, "then")])
def test_every_example_of_a_word_is_one(table, inside):
    for name, word in table.items():
        other = "" if inside == "then" else "    then: {note: x}\n"
        found = value(f"rules:\n  - name: r\n    {inside}:\n      {word.example}\n{other}")
        assert VALIDATOR.is_valid(found), name
        [key] = found["rules"][0][inside]
        assert key == name or (name == "field.NAME" and key.startswith("field."))
        assert inside == "then" or condition(key) is word
