"""Rules that are well written and still wrong: words that name nothing, rules that do nothing or can never fire."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from maild.desk import fieldvalues, glossary, rulefile_values, rules, shapes
from maild.desk.facts import Kind
from maild.desk.folding import fold
from maild.desk.rule_shadow import shadowed
from maild.desk.rule_texts import pattern_of
from maild.desk.rule_vocabulary import FIELD, NO_MATCH, names_field
from maild.desk.rule_words import each, leaves, no_number
from maild.desk.rulebook import Field, FieldKind, Identity, Rulebook, Words
from maild.desk.words import State
from maild.errors import Problem
from maild.reading import KeyPath, Places, unknown

OWN_CHANNELS: Final = ("email", "internal")
_SETTABLE: Final = (State.OPEN, State.PENDING, State.ON_HOLD, State.SOLVED, State.CLOSED)
_LISTED: Final = ("tags", "untag", "watch")
_WHAT: Final = {"watch": "agent", "assignee": "agent", "tags": "tag", "untag": "tag", "reply": "template", "acknowledge": "template"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """Every closed list of words: key of a rule to its words. A key that is not there is open. `labels`: what people call words, by key of a
    rule, for hints. `people`: the agents, for fields that name one."""

    conditions: Mapping[str, tuple[str, ...]]
    actions: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, Field]
    calendars: tuple[str, ...]
    labels: Mapping[str, Mapping[str, str]]
    people: Rulebook


def known(
    document: shapes.Document, templates: Collection[str] | None, runbooks: Collection[str] | None
) -> Known:
    """The words of these files. `templates`, `runbooks`: the names there are; None: not known, so any will do."""
    dictionary = document.dictionary or shapes.Dictionary()
    words = rulefile_values.words_of(dictionary)
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
    numbered = {
        key: tuple(word.name for word in names.values())
        for key, names in (("impact", dictionary.impacts), ("urgency", dictionary.urgencies), ("priority", dictionary.priorities))
    }  # fmt: skip
    both = {**declared, **numbered, "team": tuple(document.teams)}
    conditions = {
        **both,
        "assignee": people,
        "state": tuple(State),
        "kind": tuple(Kind),
        "organisation": tuple(customer.name for customer in document.organisations),
        "group": tuple(document.groups),
    }
    channels = (*document.desk.channels, *dictionary.channels)
    if channels:
        conditions["channel"] = tuple(dict.fromkeys((*OWN_CHANNELS, *channels)))
    acting = {**both, "assignee": (*people, *rules.WAYS), "watch": people, "state": _SETTABLE}
    if "tags" in declared:
        acting["untag"] = declared["tags"]
    if templates is not None:
        acting |= {"reply": tuple(templates), "acknowledge": (*templates, "no")}
    if runbooks is not None:
        acting["runbook"] = tuple(runbooks)
    fields = {key: rulefile_values.field_of(key, shape) for key, shape in document.fields.items()}
    agents = Rulebook(Identity("", "", ""), agents=rulefile_values.agents_of(document))
    return Known(conditions, acting, fields, tuple(document.calendars), _labels(words, fields), agents)


def _labels(words: Words, fields: Mapping[str, Field]) -> dict[str, dict[str, str]]:
    """Each label of each closed list with the word that it is of, by the key of a rule."""
    lists = {"type": words.types, "category": words.categories, "severity": words.severities, "tags": words.tags, "untag": words.tags,
             "channel": words.channels, **{f"{FIELD}{key}": field.words for key, field in fields.items()}}  # fmt: skip
    named = {key: tuple(known.values()) for key, known in lists.items()}
    named |= {
        "impact": tuple(words.impacts.values()),
        "urgency": tuple(words.urgencies.values()),
        "priority": tuple(words.priorities.values()),
    }
    return {
        key: {label: word.key for word in known for label in word.labels.values()}
        for key, known in named.items()
    }


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
            if value is not None and (names_field(key) or not isinstance(value, bool)):
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
        else:
            wrong = _wrong_field(words.fields[name], value, words, acting=lists is words.actions)
            if wrong:
                yield places.value(path).problem(f"{key}: {wrong}")
        return
    numbered = isinstance(value, int) or rules.comparison(value) is not None or value == "raise"
    if key not in lists or (key in ("impact", "urgency", "priority") and numbered):
        return
    text = str(value)
    if key == "priority" and not lists[key]:
        yield places.value(path).problem(f"{key}: {no_number(key, text, compared=lists is words.conditions)}")
        return
    if key in ("assignee", "watch"):
        fits = text.lower() in {word.lower() for word in lists[key]}
    else:
        fits = text in lists[key]
    if not fits:
        yield _unknown(key, _WHAT.get(key, key), text, lists[key], path, places, words.labels.get(key, {}))


def _unknown(
    key: str,
    what: str,
    word: str,
    names: tuple[str, ...],
    path: KeyPath,
    places: Places,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> Problem:
    message = hinted(what, word, names, labels) if names else f"unknown {what} '{word}': none is defined"
    return places.value(path).problem(f"{key}: {message}")


def hinted(what: str, word: str, names: Collection[str], labels: Mapping[str, str]) -> str:
    """The sentence about an unknown word, with the nearest right one; a word that people know by the label stands for that."""
    message = unknown(what, word, names)
    called = glossary.close(word, labels)
    if called and (fold(called) == fold(word) or "did you mean" not in message):
        return f"unknown {what} '{word}' (did you mean '{labels[called]}', which is called '{called}'?)"
    return message


def _wrong_field(field: Field, value: Any, words: Known, *, acting: bool) -> str | None:
    """What is wrong with a value of a field: of a choice it is a key, and an action sets what the field can hold."""
    said, key = str(value), f"{FIELD}{field.key}"
    if isinstance(value, bool):
        return None if field.kind is FieldKind.YES_NO else "must be a text or a number"
    if field.kind is FieldKind.CHOICE:
        fits = said in field.words
        return None if fits else hinted("value", said, field.values, words.labels[key])
    if acting:
        try:
            fieldvalues.value(field, said, words.people)
        except ValueError as error:
            return str(error)
    return None


_UNSIGNED = "needs secret_file or credential under [webhooks] in maild.toml"


def unsigned(document: shapes.Document, places: Places) -> Iterator[Problem]:
    """A complaint for each webhook of a desk that has nothing to sign posts with."""
    for number, rule in enumerate(document.rules):
        if "webhook" in rule.then:
            place = places.key(("rules", number, "then", "webhook"))
            yield place.problem(f"webhook: {_UNSIGNED}")
    for number, step in enumerate(document.escalations):
        for at, word in enumerate(step.notify or ()):
            if "://" in word:
                yield places.value(("escalations", number, "notify", at)).problem(
                    f"notify: a webhook {_UNSIGNED}"
                )
