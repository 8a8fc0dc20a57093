"""From the admin's files in the right form to a rulebook: values of `shapes` become those that the desk works with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from maild.desk import closing_days, shapes, sla, week
from maild.desk import rulebook as book
from maild.desk.clocks import TARGETS
from maild.desk.rulebook import FieldKind, Identity, Limits, NoticeRule, Rulebook
from maild.desk.selection import ME, Selection


def rulebook_of(
    document: shapes.Document, identity: Identity, limits: Limits, today: date, files: Mapping[str, str]
) -> Rulebook:
    """The rulebook, still without rules and macros. `files`: the texts of iCalendar files by name."""
    desk, contacts = document.desk, tuple(map(_contact, document.people))
    return Rulebook(
        identity=replace(
            identity,
            lists=tuple(dict.fromkeys((*identity.lists, *desk.lists))),
            forms=tuple(dict.fromkeys((*identity.forms, *desk.forms))),
        ),
        limits=limits,
        teams={
            key: book.Team(
                key,
                team.name or key,
                team.level,
                team.responsible,
                team.manager,
                team.address,
                team.private,
                team.speaks,
            )
            for key, team in document.teams.items()
        },
        agents=agents_of(document),
        organisations={customer.name: _organisation(customer) for customer in document.organisations},
        fields={key: field_of(key, shape, identity.language) for key, shape in document.fields.items()},
        notices=tuple(rule for notice in document.notices for rule in _notices(notice)),
        calendars={
            key: _calendar(key, shape, identity.timezone, today, files)
            for key, shape in document.calendars.items()
        },
        policies={key: _policy(key, policy) for key, policy in document.sla.items()},
        channels=dict(desk.channels),
        default_priority=desk.default_priority,
        digest_at=desk.digest_at,
        digests=desk.digest == "on",
        report_at=week.weekly(desk.report_at),
        reopen=timedelta(days=desk.reopen_days),
        survey=desk.survey,
        views={name: _view(view) for name, view in desk.views.items()},
        groups={
            key: book.Group(key, group.members, group.domains, group.sla)
            for key, group in document.groups.items()
        },
        words=words_of(document.dictionary or shapes.Dictionary()),
        oncall={
            team: book.Rota(team, rota.agents, rota.every, rota.since, rota.at)
            for team, rota in document.oncall.items()
        },
        people={address: contact for contact in contacts for address in contact.addresses},
        callers=tuple(contact for contact in contacts if not contact.addresses),
        open_to=desk.open_to,
        copies_join=desk.cc == "join",
        time=desk.time,
        solving=dict(desk.required_on_solve),
        review_after=desk.review_after,
        escalation=tuple(_step(step, document.agents) for step in document.escalations),
    )


def agents_of(document: shapes.Document) -> dict[str, book.Agent]:
    """The agents by address."""
    return {agent.address: _agent(agent) for agent in document.agents}


def words_of(shape: shapes.Dictionary) -> book.Words:
    """The dictionary."""
    return book.Words(
        types=_declared(shape.types),
        categories=_declared(shape.categories),
        severities=_declared(shape.severities),
        tags=_declared(shape.tags),
        channels=_declared(shape.channels),
        impacts=_numbers(shape.impacts),
        urgencies=_numbers(shape.urgencies),
        priorities=_numbers(shape.priorities),
        priority=shape.priority or (),
    )


def _declared(words: Mapping[str, shapes.Word | None]) -> dict[str, book.Word]:
    return {key: _word(key, word or shapes.Word()) for key, word in words.items()}


def _word(key: str, shape: shapes.Word) -> book.Word:
    needing = shape if isinstance(shape, shapes.NeedingWord) else shapes.NeedingWord()
    return book.Word(
        key,
        dict(shape.label or {}),
        dict(shape.describe or {}),
        shape.impact if isinstance(shape, shapes.SeverityWord) else None,
        tuple(map(_need, needing.needs)),
        needing.ask == "wait",
        shape.required_on_solve if isinstance(shape, shapes.TypeWord) else (),
    )


def _need(shape: shapes.Need) -> book.Need:
    """Its key is that of the field, or made of the question, so that it outlives other changes of the files."""
    question = next(iter(shape.ask.values()), "")
    key = shape.field or "ask " + hashlib.sha256(question.encode()).hexdigest()[:12]
    return book.Need(key, dict(shape.ask), shape.field, shape.met_by)


def _numbers(names: Mapping[int, shapes.NamedNumber]) -> dict[int, book.Word]:
    return {number: _word(shape.name, shape) for number, shape in names.items()}


def field_of(key: str, shape: shapes.FieldShape, language: str = "") -> book.Field:
    """A custom field. `language`: the desk's, in which its label is wanted."""
    labels = dict(shape.label or {})
    required = ("",) if shape.required is True else shape.required or ()
    return book.Field(
        key,
        labels.get("") or labels.get(language) or next(iter(labels.values()), key),
        {word: _word(word, of or shapes.NeedingWord()) for word, of in shape.values.items()},
        shape.type or (FieldKind.CHOICE if shape.values else FieldKind.TEXT),
        labels,
        required,
        shape.visible == "requester",
    )


def _contact(shape: shapes.Contact) -> book.Contact:
    return book.Contact(
        shape.name,
        shape.address,
        shape.phone,
        shape.organisation,
        shape.groups,
        shape.language,
        shape.timezone,
    )


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


def _agent(shape: shapes.Agent) -> book.Agent:
    return book.Agent(
        name=shape.name,
        address=shape.address,
        team=shape.team,
        role=shape.role,
        languages=shape.languages,
        login=shape.login,
        zone=shape.timezone,
        skills=shape.skills,
        calendar=shape.calendar,
        digests=shape.digest == "on",
    )


def _organisation(shape: shapes.Organisation) -> book.Organisation:
    return book.Organisation(
        shape.name, shape.domains, shape.members, shape.sla, shape.language, shape.timezone
    )


def _notices(shape: shapes.Notice) -> list[NoticeRule]:
    pairs = product(shape.to or (None,), shape.event or (None,))
    return [NoticeRule(shape.send, role, event, shape.organisation) for role, event in pairs]


def _step(shape: shapes.Step, agents: Iterable[shapes.Agent]) -> book.Step:
    """Agents are known by their addresses from here on, whatever name the files use."""
    names = {agent.name.lower(): agent.address for agent in agents}
    actions: dict[str, tuple[object, ...]] = {
        name: (value,)
        for name in ("priority", "team", "level")
        if (value := getattr(shape, name)) is not None
    }
    if shape.assignee is not None:
        actions["assignee"] = (names.get(shape.assignee.lower(), shape.assignee),)
    return book.Step(shape.after, tuple(_called(word, names) for word in shape.notify or ()), actions)


def _called(word: str, names: Mapping[str, str]) -> str:
    known = names.get(word.lower(), word)
    return known.lower() if "@" in known and "://" not in known else known


def _calendar(
    key: str, shape: shapes.Calendar, zone: str, today: date, files: Mapping[str, str]
) -> book.Calendar:
    spans, _ = week.week(shape.__pydantic_extra__)
    closed = [closing_days.days(files[name], today) for name in shape.holidays if name.endswith(week.FILES)]
    free = week.free_days(shape.holidays, today).union(*closed)
    return book.Calendar(key, ZoneInfo(shape.timezone or zone), spans, free)


def _policy(key: str, shape: shapes.Policy) -> book.Policy:
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
    return book.Policy(
        key,
        shape.calendar,
        targets,
        pause=shape.pause,
        for_=wanted,
        tell=told,
        warn=shape.warn,
        update_limit=shape.update_limit,
    )


def _target(shape: shapes.Target, met_by: tuple[str, ...] | None) -> book.Target:
    spans: Mapping[int, timedelta | None] = {at: getattr(shape, f"priority_{at}") for at in range(1, 6)}
    return book.Target(
        shape.default,
        {priority: span for priority, span in spans.items() if span is not None},
        shape.calendar,
        shape.met_by or met_by or ("solved",),
    )
