"""Rules that can never fire, because an earlier one that stops holds whenever they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from maild.desk import shapes
from maild.desk.rule_vocabulary import FIELD, NESTING

_OF_TICKETS = frozenset(
    ("state", "type", "category", "severity", "impact", "urgency", "priority", "tags", "team", "assignee", "level", "language")
)  # fmt: skip
_ALSO_SETS = {"team": ("level", "assignee"), "assignee": ("team", "level"), "severity": ("impact", "priority"),
              "impact": ("priority",), "urgency": ("priority",), "untag": ("tags",), "spam": ("state",)}  # fmt: skip

Part = tuple[str, frozenset[Any]]
"""One condition of those that must all hold: its word, and the values of which any will do. Nested ones are taken as one value."""


def shadowed(rules: Sequence[shapes.Rule]) -> Iterator[tuple[int, int]]:
    """(number of the rule that can never fire, number of the earlier one that stops), only where that is sure."""
    parts = [_parts(rule.when) for rule in rules]
    stoppers: dict[tuple[str, Any], list[int]] = {}
    every: list[int] = []
    for number, rule in enumerate(rules):
        candidates = set(every)
        for word, values in parts[number]:
            for name in (word, "text") if word in ("subject", "body") else (word,):
                candidates.update(stoppers.get((name, next(iter(values), None)), ()))
        for earlier in sorted(candidates):
            if _contains(rules, parts, number, earlier):
                yield number, earlier
                break
        if rule.stop and not parts[number]:
            every.append(number)
        elif rule.stop:
            word, values = parts[number][0]
            for value in values:
                stoppers.setdefault((word, value), []).append(number)


def _contains(rules: Sequence[shapes.Rule], parts: list[tuple[Part, ...]], number: int, earlier: int) -> bool:
    on = set(rules[number].on)
    if "time" in on or not on <= set(rules[earlier].on):
        return False  # on time, a rule that has fired steps aside for those behind it
    if not all(any(_implies(mine, theirs) for mine in parts[number]) for theirs in parts[earlier]):
        return False
    looked_at = _columns(rules[earlier].when)
    return not looked_at or not any(
        looked_at & _sets(between.then) for between in rules[earlier + 1 : number]
    )


def _implies(mine: Part, theirs: Part) -> bool:
    """Whether the condition `theirs` holds whenever `mine` does."""
    if mine[0] == theirs[0]:
        return mine[1] <= theirs[1]
    return theirs[0] == "text" and mine[0] in ("subject", "body") and mine[1] <= theirs[1]


def _parts(when: dict[str, Any]) -> tuple[Part, ...]:
    found: list[Part] = []
    for key, value in when.items():
        if key == "header" and isinstance(value, dict):
            for name, wanted in value.items():
                found.append((f"header.{str(name).lower()}", _values(wanted)))
        elif key == "all" and isinstance(value, dict):
            found += _parts(value)
        elif key in NESTING or isinstance(value, dict):
            found.append((key, frozenset((_frozen(value),))))
        else:
            found.append((key, _values(value)))
    return tuple(found)


def _values(value: Any) -> frozenset[Any]:
    return frozenset(map(_frozen, value if isinstance(value, list) else [value]))


def _frozen(value: Any) -> Any:
    """The value as something that can be compared and looked up; the order of keys and of lists says nothing."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(one)) for key, one in value.items())
    if isinstance(value, list):
        return frozenset(map(_frozen, value))
    return (type(value).__name__, value)


def _columns(when: Any) -> frozenset[str]:
    """The columns of the ticket that conditions look at, at any depth."""
    if isinstance(when, list):
        return frozenset[str]().union(*map(_columns, when))
    found: frozenset[str] = frozenset()
    for key, value in when.items() if isinstance(when, dict) else ():
        if key in NESTING:
            found |= _columns(value)
        elif key in _OF_TICKETS or str(key).startswith(FIELD):
            found |= {str(key)}
    return found


def _sets(then: dict[str, Any]) -> frozenset[str]:
    return frozenset(name for key in then for name in (key, *_ALSO_SETS.get(key, ())))
