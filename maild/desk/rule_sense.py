"""Rules that are well written and still wrong: words that name nothing, rules that do nothing or can never fire."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from maild.desk import rules, shapes
from maild.desk.facts import Kind
from maild.desk.rule_shadow import shadowed
from maild.desk.rule_texts import pattern_of
from maild.desk.rule_vocabulary import FIELD, NO_MATCH, names_field
from maild.desk.rule_words import each, leaves
from maild.desk.words import State
from maild.errors import Problem
from maild.reading import KeyPath, Places, nearest, unknown

OWN_CHANNELS: Final = ("email", "internal")
_SETTABLE: Final = (State.OPEN, State.PENDING, State.ON_HOLD, State.SOLVED, State.CLOSED)
_LISTED: Final = ("tags", "untag", "watch")
_WHAT: Final = {"watch": "agent", "assignee": "agent", "tags": "tag", "untag": "tag", "reply": "template", "acknowledge": "template"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """Every closed list of words: key of a rule to its words. A key that is not there is open."""

    conditions: Mapping[str, tuple[str, ...]]
    actions: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, tuple[str, ...]]
    calendars: tuple[str, ...]


def known(
    document: shapes.Document, templates: Collection[str] | None, runbooks: Collection[str] | None
) -> Known:
    """The words of these files. `templates`, `runbooks`: the names there are; None: not known, so any will do."""
    dictionary = document.dictionary or shapes.Dictionary()
    people = tuple(word for agent in document.agents for word in (agent.address, agent.name))
    declared = {
        key: tuple(words)
        for key, words in (
            ("type", dictionary.types),
            ("category", dictionary.categories),
            ("severity", dictionary.severities),
            ("tags", dictionary.tags),
        )
        if words
    }
    thirds = {"impact": tuple(dictionary.impacts.values()), "urgency": tuple(dictionary.urgencies.values())}
    both = {**declared, **thirds, "team": tuple(document.teams)}
    conditions = {
        **both,
        "assignee": people,
        "state": tuple(State),
        "kind": tuple(Kind),
        "organisation": tuple(customer.name for customer in document.organisations),
        "group": tuple(document.groups),
    }
    if document.desk.channels:
        conditions["channel"] = (*OWN_CHANNELS, *document.desk.channels)
    acting = {**both, "assignee": (*people, *rules.WAYS), "watch": people, "state": _SETTABLE}
    if "tags" in declared:
        acting["untag"] = declared["tags"]
    if templates is not None:
        acting |= {"reply": tuple(templates), "acknowledge": (*templates, "no")}
    if runbooks is not None:
        acting["runbook"] = tuple(runbooks)
    fields = {key: shape.values for key, shape in document.fields.items()}
    return Known(conditions, acting, fields, tuple(document.calendars))


def senseless(
    document: shapes.Document,
    raw: list[Any],
    words: Known,
    malformed: Collection[int],
    places: Places,
) -> Iterator[Problem]:
    """What is wrong in the rules; of those at the numbers `malformed`, only which words name nothing. `raw`: the rules as read."""
    names: dict[str, KeyPath] = {}
    for number, rule in enumerate(document.rules):
        path: KeyPath = ("rules", number)
        if rule.name in names:
            yield places.value((*path, "name")).problem(
                f"rule '{rule.name}' stands twice; before: {places.value(names[rule.name])}"
            )
        names.setdefault(rule.name, (*path, "name"))
        if number in malformed:
            yield from _torn(raw[number], path, words, document, places)
        else:
            yield from _rule(rule, raw[number], path, words, document, places)
    for number, by in shadowed(document.rules):
        if number not in malformed and by not in malformed:
            yield places.value(("rules", number)).problem(
                f"rule '{document.rules[number].name}' can never fire: whenever its conditions hold, "
                f"'{document.rules[by].name}' at {places.value(('rules', by))} has stopped before"
            )


def _rule(
    rule: shapes.Rule, raw: Any, path: KeyPath, words: Known, document: shapes.Document, places: Places
) -> Iterator[Problem]:
    if not rule.then and not rule.stop:
        yield places.value(path).problem(
            f"rule '{rule.name}' does nothing: it needs actions in `then`, or `stop: true`"
        )
    for key, value, at in leaves(raw.get("when"), (*path, "when")):
        yield from _condition(key, value, at, words, places)
    yield from _actions(raw.get("then"), (*path, "then"), words, document, places)
    for index, test in enumerate(raw.get("tests") or ()):
        below = (*path, "tests", index)
        for key, value, at in leaves(test["given"], (*below, "given")):
            yield from _condition(key, value, at, words, places)
        if test["then"] != NO_MATCH:
            yield from _actions(test["then"], (*below, "then"), words, document, places)


def _torn(
    raw: Any, path: KeyPath, words: Known, document: shapes.Document, places: Places
) -> Iterator[Problem]:
    """Words that name nothing in a rule of which other words are wrong: everything is said at once."""
    for key, value, at in leaves(raw.get("when"), (*path, "when")):
        if key != "hours" and isinstance(value, str | int):
            yield from _condition(key, value, at, words, places)
    then = raw.get("then") if isinstance(raw.get("then"), dict) else {}
    plain = {key: value for key, value in then.items() if isinstance(value, str | int) or key in _LISTED}
    yield from _actions(plain, (*path, "then"), words, document, places)


def _condition(key: str, value: Any, path: KeyPath, words: Known, places: Places) -> Iterator[Problem]:
    if key == "hours":
        for name, _ in rules.hours(value):
            if name not in words.calendars:
                yield _unknown("hours", "calendar", name, words.calendars, path, places)
    elif value is not None and not (isinstance(value, str) and pattern_of(value) is not None):
        yield from _word(key, value, words.conditions, path, words, places)


def _actions(
    then: Any, path: KeyPath, words: Known, document: shapes.Document, places: Places
) -> Iterator[Problem]:
    light = {agent.address for agent in document.agents if agent.role == "light"}
    names = {agent.name.lower(): agent.address for agent in document.agents}
    for key, listed in then.items() if isinstance(then, dict) else ():
        for _, value, at in each(key, listed, (*path, key)):
            if value is not None and not isinstance(value, bool):
                yield from _word(key, value, words.actions, at, words, places)
                if key == "assignee" and names.get(str(value).lower(), str(value).lower()) in light:
                    yield places.value(at).problem(f"assignee: '{value}' is light: he writes notes only")
    rota = then.get("assignee") == "oncall" if isinstance(then, dict) else False
    if rota and not document.oncall:
        yield places.value((*path, "assignee")).problem("assignee: there is no rota: add one under `oncall`")


def _word(
    key: str, value: Any, lists: Mapping[str, tuple[str, ...]], path: KeyPath, words: Known, places: Places
) -> Iterator[Problem]:
    """A complaint when the value is not among the words that this key may have."""
    if names_field(key):
        name = key.removeprefix(FIELD)
        if name not in words.fields:
            named = path[: path.index(key) + 1]
            yield places.key(named).problem(
                unknown("field", name, words.fields)
                if words.fields
                else f"unknown field '{name}': none is defined"
            )
        elif words.fields[name] and str(value) not in words.fields[name]:
            yield _unknown(key, "value", str(value), words.fields[name], path, places)
        return
    numbered = isinstance(value, int) or rules.comparison(value) is not None
    if key not in lists or (key in ("impact", "urgency") and numbered):
        return
    text = str(value)
    if key in ("assignee", "watch"):
        fits = text.lower() in {word.lower() for word in lists[key]}
    else:
        fits = text in lists[key]
    if not fits:
        yield _unknown(key, _WHAT.get(key, key), text, lists[key], path, places)


def _unknown(
    key: str, what: str, word: str, names: tuple[str, ...], path: KeyPath, places: Places
) -> Problem:
    message = unknown(what, word, names) if names else f"unknown {what} '{word}': none is defined"
    return places.value(path).problem(f"{key}: {message}")


def closed_words(document: shapes.Document, places: Places) -> Iterator[Problem]:
    """Words outside rules that a declared dictionary does not hold: types in `sla.NAME.for`."""
    types = document.dictionary.types if document.dictionary else {}
    for name, policy in document.sla.items() if types else ():
        for index, word in enumerate(policy.for_.type):
            if word not in types:
                place = places.value(("sla", name, "for", "type", index))
                yield place.problem(f"type: unknown type '{word}'{nearest(word, types)}")
