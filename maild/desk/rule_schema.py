"""The JSON Schema (2020-12) of all rule files, for editors: made of the shapes and of the words of rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from maild.desk import shapes
from maild.desk.rule_vocabulary import (
    ACTIONS,
    CONDITIONS,
    NESTING,
    NO_MATCH,
    Action,
    Condition,
    Takes,
)

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final = {"type": "string"}
_UNITS: Final = r"(\d+\s*[wdhmsWDHMS]\s*)+$"
_SPAN: Final = {"type": "string", "pattern": rf"^\s*{_UNITS}", "examples": ["30m", "4h", "5d"]}
_SCALAR: Final = {"type": ["string", "number", "null"]}
_SCALAR_OR_FLAG: Final = {"type": ["string", "number", "null", "boolean"]}
_SIGN: Final = "(<=|>=|<|>)"
_WRITTEN: Final[Mapping[str, dict[str, Any]]] = {
    "duration": _SPAN,
    "_clock_time": {"type": "string", "pattern": r"^\d{1,2}:\d\d$"},
    "_day": {"type": "string", "format": "date"},
    "_weekly": {"type": "string", "pattern": r"^(off|[A-Za-z]{3} +\d{1,2}:\d\d)$"},
    "_percent": {"type": "string", "pattern": r"^\d{1,2}\s*%$"},
    "_label": {"anyOf": [_TEXT, {"type": "object", "additionalProperties": _TEXT}]},
    "_raised": {"enum": ["raise", 1, 2, 3, 4, 5, None]},
    "hours": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
    "holiday": _TEXT,
}
"""How values are written that a validator of this name reads."""


class _Generator(GenerateJsonSchema):
    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        name = getattr(schema["function"]["function"], "__name__", "")
        if name in _WRITTEN:
            return dict(_WRITTEN[name])
        inner = super().function_before_schema(schema)
        if name == "_listed":
            return {"anyOf": [inner, inner.get("items", {})]}
        if name == "_valued":
            return {"anyOf": [inner, {"type": "array", "items": _TEXT}]}
        if name == "_named":
            return {"anyOf": [_TEXT, inner]}
        if name == "_for_all":
            return {"anyOf": [inner, inner["additionalProperties"]]}
        return {"anyOf": [_SPAN, inner]} if name == "_spanned" else inner


def schema() -> dict[str, Any]:
    """The schema of a file that holds any of the top-level keys."""
    found = shapes.Document.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions = found["$defs"]
    for name, part in found["properties"].items():
        found["properties"][name] = {"anyOf": [part, {"type": "null"}]}
    rule = definitions["Rule"]["properties"]
    rule["when"] = {"$ref": "#/$defs/Conditions"}
    rule["then"] = {"$ref": "#/$defs/Actions"}
    rule["tests"] = {"type": "array", "items": {"$ref": "#/$defs/Test"}}
    definitions["Conditions"] = _conditions()
    definitions["Actions"] = _words(ACTIONS, {name: _acting(name, word) for name, word in ACTIONS.items()})
    definitions["Test"] = _test()
    for name in ("title", "description"):
        found.pop(name, None)
    return {"$schema": _DIALECT, "title": "Rule files of maild", **found}


def _words(
    table: Mapping[str, Condition] | Mapping[str, Action], parts: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """An object with these words, and with `field.NAME` for any name."""
    described = {
        name: {**part, "description": table[name].means, "examples": [table[name].example]}
        for name, part in parts.items()
    }
    own = described.pop("field.NAME")
    return {
        "type": "object",
        "properties": described,
        "patternProperties": {r"^field\..+": own},
        "additionalProperties": False,
    }


def _conditions() -> dict[str, Any]:
    found = _words(CONDITIONS, {name: _asked(name, word) for name, word in CONDITIONS.items()})
    inside = {"$ref": "#/$defs/Conditions"}
    for name in NESTING:
        found["properties"][name] = {"anyOf": [inside, {"type": "array", "items": inside, "minItems": 1}]}
    return found


def _many(one: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _asked(name: str, word: Condition) -> dict[str, Any]:
    """What a condition takes."""
    if word.takes is Takes.HEADER:
        return {"type": "object", "additionalProperties": _many(_SCALAR), "minProperties": 1}
    if word.takes is Takes.SPAN:
        return _many({"type": "string", "pattern": rf"^{_SIGN}?\s*{_UNITS}"})
    if word.takes is Takes.HOURS:
        side = _many(_TEXT)
        return _many({"anyOf": [_TEXT, {"type": "object", "properties": {"in": side, "out": side}, "additionalProperties": False}]})  # fmt: skip
    if word.takes is Takes.NUMBER:
        high = 9 if name == "level" else 5
        compared = _TEXT if name == "priority" else {"type": "string", "pattern": rf"^{_SIGN}\s*\d$"}
        return _many(
            {"anyOf": [{"type": "integer", "minimum": 1, "maximum": high}, compared, {"type": "null"}]}
        )
    return _many(_SCALAR_OR_FLAG if name in ("attachment", "field.NAME") else _SCALAR)


def _acting(name: str, word: Action) -> dict[str, Any]:
    """What an action takes."""
    if word.takes is Takes.FLAG:
        return {"const": True}
    if word.takes is Takes.NUMBER:
        number = {"type": "integer", "minimum": 1, "maximum": 9 if name == "level" else 5}
        return {"anyOf": [number, _TEXT]} if name == "priority" else number
    if word.takes is Takes.LINK:
        one: dict[str, Any] = {"type": "string", "pattern": "^https?://"}
    else:
        one = {"acknowledge": {"type": ["string", "boolean"]}, "field.NAME": _SCALAR_OR_FLAG}.get(
            name, _SCALAR
        )
    return _many(one) if word.many else one


def _test() -> dict[str, Any]:
    given = _words(CONDITIONS, {name: {} for name in CONDITIONS})
    then = {"anyOf": [{"$ref": "#/$defs/Actions"}, {"const": NO_MATCH}]}
    return {
        "type": "object",
        "properties": {"given": given, "then": then},
        "required": ["given", "then"],
        "additionalProperties": False,
    }
