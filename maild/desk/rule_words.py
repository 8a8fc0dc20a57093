"""The words of rules: which conditions and actions there are, and whether a rule is written in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import re2

from maild.errors import Problem
from maild.reading import KeyPath, Places, duration, unknown

NESTING = ("any", "all", "not")
MAIL_CONDITIONS = (
    "from", "from_domain", "organisation", "group", "to", "subject", "body", "text", "header", "attachment", "language", "kind",
    "channel", "hours",
)  # fmt: skip
TICKET_CONDITIONS = (
    "state", "type", "category", "severity", "impact", "urgency", "priority", "tags", "team", "assignee", "level", "idle", "age",
)  # fmt: skip
CONDITIONS = MAIL_CONDITIONS + TICKET_CONDITIONS
ACTIONS = (
    "type", "category", "severity", "impact", "urgency", "priority", "tags", "untag", "language", "team", "assignee", "level",
    "state", "watch", "note", "reply", "acknowledge", "help", "runbook", "webhook", "spam", "discard",
)  # fmt: skip
NO_MATCH = "no match"
FIELD = "field."
_TEST_KEYS = ("given", "then")


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
            for at, item in enumerate(value) if isinstance(value, list) else ((None, value),):
                below = inner if at is None else (*inner, at)
                if isinstance(item, dict):
                    yield from _conditions(item, below, places)
                else:
                    yield places.value(below).problem(
                        f"{key}: must hold conditions, like {{subject: invoice}}"
                    )
        elif key in CONDITIONS or _names_field(key):
            yield from _values(key, value, inner, places)
        else:
            words = (*CONDITIONS, *NESTING, f"{FIELD}NAME")
            yield places.key(inner).problem(unknown("condition", str(key), words))


def _values(key: str, value: Any, path: KeyPath, places: Places) -> Iterator[Problem]:
    if isinstance(value, dict) and key == "header":
        for name, wanted in value.items():
            yield from _values(str(name), wanted, (*path, name), places)
        return
    for at, item in enumerate(value) if isinstance(value, list) else ((None, value),):
        wrong = _wrong_value(key, item)
        if wrong:
            yield places.value(path if at is None else (*path, at)).problem(f"{key}: {wrong}")


def _wrong_value(key: str, value: Any) -> str | None:
    if isinstance(value, dict | list):
        return "must be a text or a number, or a list of them"
    if key in ("idle", "age"):
        try:
            duration(value)
        except ValueError as error:
            return str(error)
    if isinstance(value, str) and len(value) > 2 and value.startswith("/") and value.endswith("/"):
        return _wrong_pattern(value[1:-1])
    return None


def _wrong_pattern(pattern: str) -> str | None:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        more = (
            " (look-around and back-references are not supported)"
            if "perl operator" in text or "escape" in text
            else ""
        )
        return f"bad pattern: {text}{more}"
    return None


def _actions(then: Any, path: KeyPath, places: Places) -> Iterator[Problem]:
    for key in then if isinstance(then, dict) else ():
        if key not in ACTIONS and not _names_field(key):
            yield places.key((*path, key)).problem(unknown("action", str(key), (*ACTIONS, f"{FIELD}NAME")))


def _test(test: dict[Any, Any], path: KeyPath, places: Places) -> Iterator[Problem]:
    for key in test:
        if key not in _TEST_KEYS:
            yield places.key((*path, key)).problem(unknown("key", str(key), _TEST_KEYS))
    for key in _TEST_KEYS:
        if key not in test:
            yield places.key(path).problem(f"'{key}' is missing")
    given, then = test.get("given"), test.get("then")
    for key in given if isinstance(given, dict) else ():
        if key not in CONDITIONS and not _names_field(key):
            yield places.key((*path, "given", key)).problem(unknown("word of a mail", str(key), CONDITIONS))
    if "given" in test and not isinstance(given, dict):
        yield places.value((*path, "given")).problem(
            "given: must hold what a mail says, like {subject: invoice}"
        )
    if isinstance(then, dict):
        yield from _actions(then, (*path, "then"), places)
    elif "then" in test and then != NO_MATCH:
        yield places.value((*path, "then")).problem(f"then: must hold actions, or be '{NO_MATCH}'")


def _names_field(key: Any) -> bool:
    return isinstance(key, str) and key.startswith(FIELD) and len(key) > len(FIELD)
