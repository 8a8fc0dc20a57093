"""The admin's files (rules/*.yaml) as a rulebook, or every mistake in them at its place.

All files are read as one document: each top-level key may stand in any of them, lists are joined in the order of the files,
mappings are put together, and the same word defined twice is a mistake that names both places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import re2
from pydantic import ValidationError

from maild.desk import rule_sense, rule_trials, rule_words, rulebook, shapes, sla, week
from maild.desk.clocks import TARGETS
from maild.desk.rulebook import Identity, Limits, NoticeRule, Rulebook
from maild.desk.rulefile_sense import inconsistencies
from maild.desk.rules import Lexicon, compile_rules
from maild.desk.selection import ME, Selection
from maild.desk.yaml_source import Source, read
from maild.errors import Problem
from maild.reading import KeyPath, problems

_MERGED_DEPTH = {"desk": 2, "dictionary": 2} | dict.fromkeys(
    ("fields", "teams", "groups", "calendars", "sla", "oncall"), 1
)
_LATER_OF_DESK = ("time", "cc", "open_to")


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
) -> Loaded:
    """Reads files given as (name, text), in this order. Holidays of countries are counted from the year before `today`.

    `folder` names the whole in complaints about what is missing. `templates`, `runbooks`: the names that rules may use (None: any).
    Words that name nothing (an unknown team) are looked for when everything is in the right form, since a mistake there would make
    right words look wrong; the tests that stand in rules run when all else is right. Never raises for what the files hold.
    """
    source = read(files, folder, _MERGED_DEPTH)
    found, incomplete = list(source.problems), list[KeyPath]()
    malformed = set()
    rules = source.value.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        wrong = list(rule_words.check(rule, ("rules", index), source.places))
        if wrong:
            malformed.add(index)
            found += wrong
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
        found += rule_sense.closed_words(document, source.places)
        words = rule_sense.known(document, templates, runbooks)
        known = {(problem.file, problem.line, problem.column) for problem in found}
        senseless = rule_sense.senseless(document, rules or [], words, malformed, source.places)
        found += [one for one in senseless if (one.file, one.line, one.column) not in known]
    found[before:] = [one for one in found[before:] if not _lacks(one, incomplete, source)]
    if found:
        return Loaded(None, sorted(set(found)), [])
    made = _rulebook(document, identity, limits, today)
    lexicon = _lexicon(document)
    try:
        compiled = compile_rules(_placed(document, source), lexicon)
    except re2.error as error:
        return Loaded(None, [source.places.key(("rules",)).problem(f"too many patterns: {error}")], [])
    made = replace(made, rules=compiled)
    found = _failed_tests(document, made, lexicon, source)
    return Loaded(None, found, []) if found else Loaded(made, [], _warnings(document, source))


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


def _lexicon(document: shapes.Document) -> Lexicon:
    """What rules may write instead of addresses and numbers."""
    dictionary = document.dictionary or shapes.Dictionary()
    names = {agent.name.lower(): agent.address for agent in document.agents}
    return Lexicon(
        agents={**names, **{agent.address: agent.address for agent in document.agents}},
        impacts={name: number for number, name in dictionary.impacts.items()},
        urgencies={name: number for number, name in dictionary.urgencies.items()},
    )


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


def _rulebook(document: shapes.Document, identity: Identity, limits: Limits, today: date) -> Rulebook:
    desk = document.desk
    return Rulebook(
        identity=replace(
            identity,
            lists=tuple(dict.fromkeys((*identity.lists, *desk.lists))),
            forms=tuple(dict.fromkeys((*identity.forms, *desk.forms))),
        ),
        limits=limits,
        teams={
            key: rulebook.Team(key, team.name or key, team.level, team.responsible)
            for key, team in document.teams.items()
        },
        agents={agent.address: _agent(agent) for agent in document.agents},
        organisations={customer.name: _organisation(customer) for customer in document.organisations},
        fields={
            key: rulebook.Field(key, shape.label or key, shape.values)
            for key, shape in document.fields.items()
        },
        notices=tuple(rule for notice in document.notices for rule in _notices(notice)),
        calendars={
            key: _calendar(key, shape, identity.timezone, today) for key, shape in document.calendars.items()
        },
        policies={key: _policy(key, policy) for key, policy in document.sla.items()},
        channels=dict(desk.channels),
        default_priority=desk.default_priority,
        digest_at=desk.digest_at,
        views={name: _view(view) for name, view in desk.views.items()},
        groups={
            key: rulebook.Group(key, group.members, group.domains, group.sla)
            for key, group in document.groups.items()
        },
        words=_words(document.dictionary or shapes.Dictionary()),
        oncall={
            team: rulebook.Rota(team, rota.agents, rota.every, rota.since, rota.at)
            for team, rota in document.oncall.items()
        },
    )


def _words(shape: shapes.Dictionary) -> rulebook.Words:
    return rulebook.Words(
        types=_declared(shape.types),
        categories=_declared(shape.categories),
        severities=_declared(shape.severities),
        tags=_declared(shape.tags),
        impacts=dict(shape.impacts),
        urgencies=dict(shape.urgencies),
        priorities=dict(shape.priorities),
        priority=shape.priority or (),
    )


def _declared(words: Mapping[str, shapes.Word | None]) -> dict[str, rulebook.Word]:
    return {
        key: rulebook.Word(
            key,
            dict(word.label or {}) if word else {},
            word.describe if word else None,
            word.impact if isinstance(word, shapes.SeverityWord) else None,
        )
        for key, word in words.items()
    }


def _view(shape: shapes.View) -> Selection:
    return Selection(
        states=shape.state,
        assignee=shape.assignee,
        team=ME if shape.team == "mine" else shape.team,
        requester=shape.requester,
        tag=shape.tag,
        priorities=shape.priority,
        overdue=shape.overdue,
        idle=shape.idle,
        search=shape.search,
    )


def _agent(shape: shapes.Agent) -> rulebook.Agent:
    return rulebook.Agent(
        name=shape.name,
        address=shape.address,
        team=shape.team,
        role=shape.role,
        languages=shape.languages,
        login=shape.login,
        zone=shape.timezone,
    )


def _organisation(shape: shapes.Organisation) -> rulebook.Organisation:
    return rulebook.Organisation(
        shape.name, shape.domains, shape.members, shape.sla, shape.language, shape.timezone
    )


def _notices(shape: shapes.Notice) -> list[NoticeRule]:
    pairs = product(shape.to or (None,), shape.event or (None,))
    return [NoticeRule(shape.send, role, event, shape.organisation) for role, event in pairs]


def _calendar(key: str, shape: shapes.Calendar, zone: str, today: date) -> rulebook.Calendar:
    spans, _ = week.week(shape.__pydantic_extra__)
    return rulebook.Calendar(
        key, ZoneInfo(shape.timezone or zone), spans, week.free_days(shape.holidays, today)
    )


def _policy(key: str, shape: shapes.Policy) -> rulebook.Policy:
    targets = {
        name: _target(target, shape.met_by)
        for name in TARGETS
        if (target := getattr(shape, name)) is not None
    }
    wanted = {
        name: tuple(map(str, values)) for name in sla.CONDITIONS if (values := getattr(shape.for_, name))
    }
    told = (
        shape.tell
        if shape.tell is not None
        else tuple(name for name in ("first_response",) if name in targets)
    )
    return rulebook.Policy(
        key,
        shape.calendar,
        targets,
        pause=shape.pause,
        for_=wanted,
        tell=told,
        warn=shape.warn,
        update_limit=shape.update_limit,
    )


def _target(shape: shapes.Target, met_by: tuple[str, ...] | None) -> rulebook.Target:
    spans: Mapping[int, timedelta | None] = {at: getattr(shape, f"priority_{at}") for at in range(1, 6)}
    return rulebook.Target(
        shape.default,
        {priority: span for priority, span in spans.items() if span is not None},
        shape.calendar,
        shape.met_by or met_by or ("solved",),
    )


def _warnings(document: shapes.Document, source: Source) -> list[str]:
    """What is checked but without effect in this version, by file, and what leaves the desk without somebody."""
    later: list[tuple[str, str]] = []
    files = Counter(source.places.value(("escalations", at)).file for at in range(len(document.escalations)))
    for file, count in files.items():
        later.append((file, f"{count} steps of escalations" if count > 1 else "1 step of escalations"))
    for key, word in (document.dictionary.types if document.dictionary else {}).items():
        if word and word.needs:
            place = source.places.key(("dictionary", "types", key, "needs"))
            later.append((place.file, f"'dictionary.types.{key}.needs'"))
    for at, rule in enumerate(document.rules):
        if "webhook" in rule.then:
            place = source.places.key(("rules", at, "then", "webhook"))
            later.append((place.file, f"'webhook' of rule '{rule.name}'"))
    for key in _LATER_OF_DESK:
        if getattr(document.desk, key) is not None:
            later.append((source.places.key(("desk", key)).file, f"'desk.{key}'"))
    found = [
        f"{file}: {what} {'are' if what[0] in '23456789' or what[:2].isdigit() else 'is'} checked but not yet applied by this version"
        for file, what in later
    ]
    if not any(agent.role is rulebook.AgentRole.ADMIN for agent in document.agents):
        place = source.places.key(("agents",))
        found.append(
            f"{place}: no agent has `role: admin`: nobody is told when something is wrong with the desk"
        )
    return found
