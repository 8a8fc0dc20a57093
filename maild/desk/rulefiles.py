"""The admin's files (rules/*.yaml) as a rulebook, or every mistake in them at its place.

All files are read as one document: each top-level key may stand in any of them, lists are joined in the order of the files,
mappings are put together, and the same word defined twice is a mistake that names both places.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import re2
from pydantic import ValidationError

from maild.desk import (
    closing_days,
    fieldvalues,
    rule_sense,
    rule_trials,
    rule_words,
    rulebook,
    shapes,
    triage_sense,
    week,
    word_sense,
)
from maild.desk.rulebook import Identity, Limits, Rulebook
from maild.desk.rulefile_sense import inconsistencies
from maild.desk.rulefile_values import rulebook_of
from maild.desk.rules import Lexicon, compile_rules
from maild.desk.yaml_source import Source, read
from maild.errors import Problem
from maild.reading import KeyPath, problems

_MERGED_DEPTH = {"desk": 2, "dictionary": 2} | dict.fromkeys(
    ("fields", "teams", "groups", "calendars", "sla", "oncall"), 1
)


class Loaded(NamedTuple):
    """`rulebook` is None when there are problems. `warnings`: what is right but does not do anything yet, or is hardly meant."""

    rulebook: Rulebook | None
    problems: list[Problem]
    warnings: list[str]


def load(
    files: Sequence[tuple[str, str]],
    identity: Identity,
    limits: Limits,
    today: date,
    folder: str = "rules",
    *,
    templates: Collection[str] | None = None,
    runbooks: Collection[str] | None = None,
    webhooks: bool = True,
    calendars: Mapping[str, str] = MappingProxyType({}),
) -> Loaded:
    """Reads files given as (name, text), in this order. Holidays of countries are counted from the year before `today`.

    `folder` names the whole in complaints about what is missing. `templates`, `runbooks`: the names that rules may use (None: any);
    `webhooks`: whether there is a secret to sign posts with; `calendars`: texts of iCalendar files by their names in the folder.
    Words that name nothing (an unknown team) are looked for when everything is in the right form, since a mistake there would make
    right words look wrong; the tests that stand in rules run when all else is right. Never raises for what the files hold.
    """
    source = read(files, folder, _MERGED_DEPTH)
    found, incomplete = list(source.problems), list[KeyPath]()
    rules = source.value.get("rules")
    malformed = _malformed(rules, source)
    found += [problem for wrong in malformed.values() for problem in wrong]
    found += _misnamed_days(source)
    try:
        document = shapes.Document.model_validate(source.value)
    except ValidationError as error:
        known = {(problem.file, problem.line, problem.column) for problem in found}
        wrong = problems(error, shapes.Document, source.places)
        found += [problem for problem in wrong if (problem.file, problem.line, problem.column) not in known]
        rest = _without_unknown_keys(source.value, error)
        if rest is None:
            return Loaded(None, sorted(set(found)), [])
        document, incomplete = rest
    before = len(found)
    if not source.problems:
        found += inconsistencies(document, identity, source.places)
        found += word_sense.inconsistencies(document, source.places)
        found += closing_days.problems(document, calendars, today, source.places)
        found += triage_sense.senseless(document, source.places)
        found += [] if webhooks else rule_sense.unsigned(document, source.places)
        words = rule_sense.known(document, templates, runbooks)
        known = {(problem.file, problem.line, problem.column) for problem in found}
        senseless = rule_sense.senseless(document, rules or [], words, malformed, source.places)
        found += [one for one in senseless if (one.file, one.line, one.column) not in known]
    found[before:] = [one for one in found[before:] if not _lacks(one, incomplete, source)]
    if found:
        return Loaded(None, sorted(set(found)), [])
    made = rulebook_of(document, identity, limits, today, calendars)
    lexicon = _lexicon(made)
    try:
        compiled = compile_rules(_placed(document, source), lexicon)
    except re2.error as error:
        return Loaded(None, [source.places.key(("rules",)).problem(f"too many patterns: {error}")], [])
    made = replace(made, rules=compiled)
    found = _failed_tests(document, made, lexicon, source)
    return Loaded(None, found, []) if found else Loaded(made, [], _warnings(document, source))


def _malformed(rules: object, source: Source) -> dict[int, list[Problem]]:
    """What is wrong in the words of each rule that is not well written, by its number."""
    wrong = {
        index: list(rule_words.check(rule, ("rules", index), source.places))
        for index, rule in enumerate(rules if isinstance(rules, list) else ())
    }
    return {index: problems for index, problems in wrong.items() if problems}


def _without_unknown_keys(
    value: dict[str, Any], error: ValidationError
) -> tuple[shapes.Document, list[KeyPath]] | None:
    """What is left when the keys that nobody knows are taken out of the files, and where they stood. None: more is wrong with the form."""
    stood: list[KeyPath] = []
    for one in error.errors():
        *above, key = one["loc"]
        inner: Any = value
        for part in above:
            there = (
                part in inner
                if isinstance(inner, dict)
                else isinstance(inner, list) and part in range(len(inner))
            )
            inner = inner[part] if there else None
        if one["type"] != "extra_forbidden" or not isinstance(inner, dict) or key not in inner:
            return None
        del inner[key]
        stood.append(tuple(above))
    return shapes.Document.model_validate(value), stood


def _lacks(problem: Problem, incomplete: Sequence[KeyPath], source: Source) -> bool:
    """Whether it may only be a complaint about something because a misspelt key of that was taken out."""
    places = (place for path in incomplete for place in (source.places.key(path), source.places.value(path)))
    return any(
        (place.line, place.column) == (problem.line, problem.column) and place.file == problem.file
        for place in places
    )


def _placed(document: shapes.Document, source: Source) -> Iterator[tuple[dict[str, Any], str]]:
    for index, rule in enumerate(document.rules):
        yield dict(rule), str(source.places.value(("rules", index)))


def _lexicon(made: Rulebook) -> Lexicon:
    """What rules may write instead of addresses and numbers."""
    words = made.words
    named = (("impact", words.impacts), ("urgency", words.urgencies), ("priority", words.priorities))
    return Lexicon(
        agents={name: agent.address for agent in made.agents.values() for name in (agent.name.lower(), agent.address)},
        numbers={key: {word.key: number for number, word in names.items()} for key, names in named},
        fields={f"field.{key}": partial(_kept, field, made) for key, field in made.fields.items()},
    )  # fmt: skip


def _kept(field: rulebook.Field, made: Rulebook, said: str) -> str:
    return fieldvalues.value(field, said, made)


def _failed_tests(
    document: shapes.Document, made: Rulebook, lexicon: Lexicon, source: Source
) -> list[Problem]:
    """A complaint for each test of a rule that fails: what was expected, what came, and why."""
    found = []
    for index, rule in enumerate(document.rules):
        for at, test in enumerate(rule.tests):
            wrong = rule_trials.failure(rule.name, rule.on[0], test, made, lexicon)
            if wrong is not None:
                place = source.places.value(("rules", index, "tests", at))
                found.append(place.problem(f"test of '{rule.name}' fails: {wrong}"))
    return sorted(found)


def _misnamed_days(source: Source) -> list[Problem]:
    """A complaint for each key of a calendar that is no day. What it says is not taken for hours, nor missed as hours."""
    found = []
    calendars = source.value.get("calendars")
    for name, calendar in calendars.items() if isinstance(calendars, dict) else ():
        for key in list(calendar) if isinstance(calendar, dict) else ():
            if key in shapes.Calendar.model_fields:
                continue
            try:
                week.days(str(key))
            except ValueError as error:
                found.append(source.places.key(("calendars", name, key)).problem(str(error)))
                del calendar[key]
                calendar["mon-sun"] = "00:00-24:00"
    return found


def _warnings(document: shapes.Document, source: Source) -> list[str]:
    """What leaves the desk without somebody."""
    if any(agent.role is rulebook.AgentRole.ADMIN for agent in document.agents):
        return []
    place = source.places.key(("agents",))
    return [f"{place}: no agent has `role: admin`: nobody is told when something is wrong with the desk"]
