"""Whether a rule is written in the words of rules, each with what it takes. What the words mean together is `rule_sense`'s part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from maild.desk import folding, rules
from maild.desk.rule_texts import pattern_of, wrong_pattern
from maild.desk.rule_vocabulary import (
    ACTIONS,
    CONDITIONS,
    NESTING,
    NO_MATCH,
    Takes,
    action,
    condition,
    names_field,
)
from maild.errors import Problem
from maild.reading import KeyPath, Places, duration, unknown

_TEST_KEYS = ("given", "then")
_SCALARS = "must be a text or a number, or a list of them"
_RANGES = {"priority": (1, 5), "level": (1, 9), "impact": (1, 3), "urgency": (1, 3)}
_MANY_GIVEN = ("to", "attachment", "tags", "group", "hours")


def check(rule: Any, path: KeyPath, places: Places) -> Iterator[Problem]:
    """What is wrong in the conditions, actions and tests of a rule at `path`. What has the wrong form is left to `shapes`."""
    if not isinstance(rule, dict):
        return
    yield from _conditions(rule.get("when"), (*path, "when"), places)
    yield from _actions(rule.get("then"), (*path, "then"), places)
    tests = rule.get("tests")
    for index, test in enumerate(tests if isinstance(tests, list) else ()):
        if isinstance(test, dict):
            yield from _test(test, (*path, "tests", index), places)


def _conditions(when: Any, path: KeyPath, places: Places) -> Iterator[Problem]:
    for key, value in when.items() if isinstance(when, dict) else ():
        inner = (*path, key)
        if key in NESTING:
            items = enumerate(value) if isinstance(value, list) and value else ((None, value),)
            for at, item in items:
                below = inner if at is None else (*inner, at)
                if isinstance(item, dict) and item:
                    yield from _conditions(item, below, places)
                else:
                    yield places.value(below).problem(
                        f"{key}: must hold conditions, like {{subject: invoice}}"
                    )
        elif condition(key) is not None:
            yield from _values(key, value, inner, places)
        else:
            yield places.key(inner).problem(unknown("condition", str(key), (*CONDITIONS, *NESTING)))


def _values(key: str, value: Any, path: KeyPath, places: Places) -> Iterator[Problem]:
    if key == "header":
        if not isinstance(value, dict) or not value:
            yield places.value(path).problem("header: must name headers, like {X-Spam: yes}")
            return
        for name, wanted in value.items():
            yield from _each(str(name), Takes.TEXT, wanted, (*path, name), places)
        return
    word = condition(key)
    assert word is not None
    yield from _each(key, word.takes, value, path, places)


def _each(key: str, takes: Takes, value: Any, path: KeyPath, places: Places) -> Iterator[Problem]:
    if value == []:
        yield places.value(path).problem(f"{key}: must not be empty")
    for at, item in enumerate(value) if isinstance(value, list) else ((None, value),):
        wrong = _wrong_value(key, takes, item)
        if wrong:
            yield places.value(path if at is None else (*path, at)).problem(f"{key}: {wrong}")


def _wrong_value(key: str, takes: Takes, value: Any) -> str | None:
    """What is wrong with one value of a condition."""
    if takes is Takes.HOURS or takes is Takes.SPAN:
        if value is None:
            return "must not be empty"
        try:
            rules.hours(value) if takes is Takes.HOURS else rules.span(value)
        except ValueError as error:
            return str(error)
        return None
    if isinstance(value, dict | list):
        return _SCALARS
    if value is None or isinstance(value, bool):
        return None if value is None or key == "attachment" or names_field(key) else _SCALARS
    pattern = pattern_of(value) if isinstance(value, str) else None
    if takes in (Takes.NUMBER, Takes.THIRD):
        return _wrong_number(key, takes, value, compared=True)
    if pattern is not None:
        return wrong_pattern(pattern)
    if takes is Takes.TEXT and not folding.needle(str(value)).strip():
        return f"'{value}' holds nothing that can be looked for"
    return None if str(value).strip() else "must not be empty"


def _wrong_number(key: str, takes: Takes, value: Any, *, compared: bool) -> str | None:
    low, high = _RANGES[key]
    pair = rules.comparison(value) if compared else None
    number = pair[1] if pair else value
    if isinstance(number, int) and not isinstance(number, bool):
        return None if low <= number <= high else f"'{value}' is not from {low} to {high}"
    if (takes is Takes.THIRD or key == "priority") and isinstance(value, str) and pair is None:
        return None  # a name of the dictionary, for `rule_sense`
    return no_number(key, value, compared=compared)


def no_number(key: str, value: object, *, compared: bool) -> str:
    """The sentence about what is no number that this word may have."""
    low, high = _RANGES[key]
    more = ', a comparison like "<= 2"' if compared else ", or raise" if key == "priority" else ""
    return f"'{value}' is no number from {low} to {high}{more}"


def _actions(then: Any, path: KeyPath, places: Places) -> Iterator[Problem]:
    for key, value in then.items() if isinstance(then, dict) else ():
        word, inner = action(key), (*path, key)
        if word is None:
            yield places.key(inner).problem(unknown("action", str(key), ACTIONS))
            continue
        if isinstance(value, list) and not word.many:
            yield places.value(inner).problem(f"{key}: takes one value, not a list")
            continue
        if value == []:
            yield places.value(inner).problem(f"{key}: must not be empty")
        for at, item in enumerate(value) if isinstance(value, list) else ((None, value),):
            wrong = _wrong_act(key, word.takes, item, emptied=not word.many)
            if wrong:
                yield places.value(inner if at is None else (*inner, at)).problem(f"{key}: {wrong}")


def _wrong_act(key: str, takes: Takes, value: Any, *, emptied: bool) -> str | None:
    """What is wrong with one value of an action. `emptied`: null takes away what was set."""
    if takes is Takes.FLAG:
        return None if value is True else "can only be true"
    if value is False and key == "acknowledge":
        return None
    if isinstance(value, dict | list) or (isinstance(value, bool) and not names_field(key)):
        return "must be a text or a number"
    if value is None:
        kept = ("priority", "level", "state", "language", "acknowledge")
        return None if emptied and key not in kept else "must not be empty"
    if takes in (Takes.NUMBER, Takes.THIRD):
        return (
            None
            if value == "raise" and key == "priority"
            else _wrong_number(key, takes, value, compared=False)
        )
    if takes is Takes.LINK and not str(value).startswith(("https://", "http://")):
        return f"'{value}' is no link, like https://kb.example.org/printing"
    return None if str(value).strip() else "must not be empty"


def _test(test: dict[Any, Any], path: KeyPath, places: Places) -> Iterator[Problem]:
    for key in test:
        if key not in _TEST_KEYS:
            yield places.key((*path, key)).problem(unknown("key", str(key), _TEST_KEYS))
    for key in _TEST_KEYS:
        if key not in test:
            yield places.key(path).problem(f"'{key}' is missing")
    given, then = test.get("given"), test.get("then")
    for key, value in given.items() if isinstance(given, dict) else ():
        inner = (*path, "given", key)
        if condition(key) is None:
            yield places.key(inner).problem(unknown("word of a mail", str(key), CONDITIONS))
            continue
        wrong = _wrong_given(key, value)
        if wrong:
            yield places.value(inner).problem(f"{key}: {wrong}")
    if "given" in test and not isinstance(given, dict):
        yield places.value((*path, "given")).problem(
            "given: must hold what a mail says, like {subject: invoice}"
        )
    if isinstance(then, dict):
        yield from _actions(then, (*path, "then"), places)
    elif "then" in test and then != NO_MATCH:
        yield places.value((*path, "then")).problem(f"then: must hold actions, or be '{NO_MATCH}'")


def _wrong_given(key: str, value: Any) -> str | None:
    """What is wrong with a fact of a test: it is what a mail or ticket has, so one value, and no pattern."""
    if key == "header":
        fine = isinstance(value, dict) and all(isinstance(one, str | int) for one in value.values())
        return None if fine else "must hold headers, like {X-Spam: yes}"
    if key in ("idle", "age"):
        try:
            duration(value)
        except ValueError as error:
            return str(error)
        return None
    if key == "hours":
        return _wrong_value(key, Takes.HOURS, value)
    if isinstance(value, list) and (key in _MANY_GIVEN):
        return next((_SCALARS for one in value if isinstance(one, dict | list)), None)
    if isinstance(value, dict | list) or (
        isinstance(value, bool) and key != "attachment" and not names_field(key)
    ):
        return "must be one text or number: what the mail or ticket of the test has"
    if key in _RANGES and value is not None:
        takes = Takes.THIRD if key in ("impact", "urgency") else Takes.NUMBER
        return _wrong_number(key, takes, value, compared=False)
    return None


def leaves(when: Any, path: KeyPath) -> Iterator[tuple[str, Any, KeyPath]]:
    """Every (condition, one value, its path) inside `when`, however nested. The names of headers are left out."""
    for key, value in when.items() if isinstance(when, dict) else ():
        inner = (*path, key)
        if key in NESTING:
            for at, item in enumerate(value) if isinstance(value, list) else ((None, value),):
                yield from leaves(item, inner if at is None else (*inner, at))
        elif key != "header":
            yield from each(key, value, inner)


def each(key: str, value: Any, path: KeyPath) -> Iterator[tuple[str, Any, KeyPath]]:
    """(key, one value, its path) for a value or each of a list."""
    for at, item in enumerate(value) if isinstance(value, list) else ((None, value),):
        yield key, item, path if at is None else (*path, at)
