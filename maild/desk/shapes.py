"""What the admin's files may hold, key by key."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter

from maild.desk import week
from maild.desk.rulebook import ANYONE, AgentRole, FieldKind, LogTime
from maild.desk.selection import UNFINISHED
from maild.desk.words import Happening, Notify, Role, State
from maild.reading import (
    Count,
    Domain,
    Duration,
    Flag,
    Language,
    Line,
    ListId,
    Mailbox,
    Shape,
    Text,
    Zone,
    domain,
    duration,
    mailbox,
)

TargetName = Literal["first_response", "update", "resolution", "silence"]
_LINES = TypeAdapter(list[Line])
_BY_LANGUAGE = TypeAdapter(dict[Language, Text])


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _clock_time(value: object) -> time:
    found = re.fullmatch(r"(\d{1,2}):(\d\d)", value) if isinstance(value, str) else None
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError(f"'{value}' is no time of day, like 07:00")
    return time(int(found[1]), int(found[2]))


def day(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"'{value}' is no date, like 2026-12-24") from None


def _weekly(value: object) -> str:
    """`mon 07:00`, or `off`."""
    if not isinstance(value, str) or (value != "off" and week.weekly(value) is None):
        raise ValueError(f"'{value}' is no day and time of day, like mon 07:00, and not off")
    return value


def _percent(value: object) -> int:
    found = re.fullmatch(r"(\d{1,2})\s*%", value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f"'{value}' is no part of a span, from 1% to 99%")
    return int(found[1])


def _warning(value: object) -> int | timedelta:
    """`75%` of a span, or a time before it ends such as `1h`."""
    if isinstance(value, str) and value.strip().endswith("%"):
        return _percent(value)
    try:
        return duration(value)
    except ValueError:
        raise ValueError(
            f"'{value}' is no part of a span, such as 75%, and no time before it ends, such as 30m"
        ) from None


def _label(value: object) -> dict[str, str]:
    if isinstance(value, str) and value.strip():
        return {"": value.strip()}
    if not isinstance(value, dict) or not all(isinstance(text, str) and text for text in value.values()):
        raise ValueError("must be text, or one text for each language, like {en: …, es: …}")
    return _BY_LANGUAGE.validate_python(value)


def _valued(value: object) -> object:
    """Words of which nothing is said, as those of which something is."""
    return dict.fromkeys(_LINES.validate_python(value)) if isinstance(value, list) else value


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _member(value: str) -> str:
    """An address, or a domain for all addresses in it."""
    return mailbox(value) if "@" in value else domain(value)


def _matrix(rows: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    if len(rows) != 3 or any(len(row) != 3 for row in rows):
        raise ValueError("must be three rows (impact 1 to 3) of three priorities (urgency 1 to 3)")
    return rows


def _spanned(value: object) -> object:
    return value if isinstance(value, dict) or value is None else {"default": value}


def _for_all(value: object) -> object:
    """What is required of tickets of every type, as what is required by type ("" stands for every type)."""
    return value if isinstance(value, dict) else {"": value}


def _raised(value: object) -> object:
    if value == "raise" or (isinstance(value, int) and 1 <= value <= 5):
        return value
    raise ValueError(f"'{value}' is no priority from 1 to 5 and not 'raise'")


Lines = Annotated[tuple[Line, ...], BeforeValidator(_listed)]
Priority = Annotated[int, Field(strict=True, ge=1, le=5)]
Third = Annotated[int, Field(strict=True, ge=1, le=3)]
Time = Annotated[time, BeforeValidator(_clock_time)]
Switch = Literal["on", "off"]
Label = Annotated[dict[str, str], BeforeValidator(_label)]
Member = Annotated[str, AfterValidator(_member)]
Solving = Annotated[tuple[Literal["category", "cause", "solution", "time"], ...], BeforeValidator(_listed)]
Hours = Annotated[tuple[tuple[int, int], ...], BeforeValidator(week.hours)]
Holidays = Annotated[tuple[Annotated[str, BeforeValidator(week.holiday)], ...], BeforeValidator(_listed)]


class View(Shape):
    """A list that agents ask for by mail; the conditions are those of `maild tickets`."""

    state: Annotated[tuple[State, ...], BeforeValidator(_listed)] = UNFINISHED
    assignee: Literal["me", "nobody"] | Mailbox | None = None
    team: Line | None = None
    requester: Mailbox | None = None
    tag: Line | None = None
    priority: Annotated[tuple[Priority, ...], BeforeValidator(_listed)] = ()
    overdue: Flag = False
    idle: Duration | None = None
    search: Line | None = None


class Desk(Shape):
    channels: dict[Line, Line] = Field(default_factory=dict)
    default_priority: Priority = 3
    lists: Annotated[tuple[ListId, ...], BeforeValidator(_listed)] = ()
    forms: Annotated[tuple[Mailbox, ...], BeforeValidator(_listed)] = ()
    digest_at: Time = time(7, 0)
    digest: Switch = "on"
    report_at: Annotated[str, BeforeValidator(_weekly)] = "mon 07:00"
    views: dict[Line, View] = Field(default_factory=dict)
    time: LogTime = LogTime.OFF
    cc: Literal["join", "ignore"] = "join"
    open_to: Lines = (ANYONE,)
    required_on_solve: Annotated[dict[str, Solving], BeforeValidator(_for_all)] = Field(default_factory=dict)
    review_after: Duration = timedelta(days=365)
    reopen_days: Count = 14
    survey: Flag = True


class Need(Shape):
    field: Line | None = None
    ask: Label
    met_by: Lines = ()


class Word(Shape):
    label: Label | None = None
    describe: Label | None = None


class NeedingWord(Word):
    """A word whose tickets need to be known better. `ask`: only asked for, or also waited for."""

    needs: tuple[Need, ...] = ()
    ask: Literal["once", "wait"] = "once"


class TypeWord(NeedingWord):
    required_on_solve: Solving = ()


class SeverityWord(Word):
    impact: Third | None = None


class NamedNumber(Word):
    """What a number is called."""

    name: Line


Named = Annotated[NamedNumber, BeforeValidator(_named)]


class FieldShape(Shape):
    label: Label | None = None
    type: FieldKind | None = None
    values: Annotated[dict[Line, NeedingWord | None], BeforeValidator(_valued)] = Field(default_factory=dict)
    required: Flag | Lines = False
    visible: Literal["agents", "requester"] = "agents"


class Team(Shape):
    name: Line | None = None
    level: Annotated[int, Field(strict=True, ge=1, le=9)] = 1
    responsible: Mailbox | None = None
    manager: Mailbox | None = None
    address: Mailbox | None = None
    private: Flag = False
    speaks: Flag = True


class Agent(Shape):
    name: Line
    address: Mailbox
    team: Line
    role: AgentRole = AgentRole.AGENT
    languages: Annotated[tuple[Language, ...], BeforeValidator(_listed)] = ()
    login: Line | None = None
    timezone: Zone | None = None
    skills: Lines = ()
    calendar: Line | None = None
    digest: Switch = "on"


class Organisation(Shape):
    name: Line
    domains: tuple[Domain, ...] = ()
    members: tuple[Member, ...] = ()
    sla: Line | None = None
    language: Language | None = None
    timezone: Zone | None = None


class Group(Shape):
    members: tuple[Member, ...] = ()
    domains: tuple[Domain, ...] = ()
    sla: Line | None = None


class Contact(Shape):
    """Somebody outside who is known before he writes."""

    name: Line
    address: Annotated[tuple[Mailbox, ...], BeforeValidator(_listed)] = ()
    phone: Line | None = None
    organisation: Line | None = None
    groups: Lines = ()
    language: Language | None = None
    timezone: Zone | None = None


class Calendar(Shape):
    """Every other key names days; their meaning together is checked by `week.week`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Hours]
    timezone: Zone | None = None
    holidays: Holidays = ()


MetBy = Annotated[tuple[Literal["solved", "escalated"], ...], BeforeValidator(_listed)]


class Target(Shape):
    default: Duration | None = None
    priority_1: Duration | None = Field(None, alias="priority 1")
    priority_2: Duration | None = Field(None, alias="priority 2")
    priority_3: Duration | None = Field(None, alias="priority 3")
    priority_4: Duration | None = Field(None, alias="priority 4")
    priority_5: Duration | None = Field(None, alias="priority 5")
    calendar: Line | None = None
    met_by: MetBy | None = None


SpanOrTarget = Annotated[Target | None, BeforeValidator(_spanned)]


class PolicyFor(Shape):
    organisation: Lines = ()
    group: Lines = ()
    type: Lines = ()
    team: Lines = ()
    priority: Annotated[tuple[Priority, ...], BeforeValidator(_listed)] = ()


class Policy(Shape):
    calendar: Line
    first_response: SpanOrTarget = None
    update: SpanOrTarget = None
    resolution: SpanOrTarget = None
    silence: SpanOrTarget = None
    pause: Annotated[tuple[Literal["pending", "on-hold"], ...], BeforeValidator(_listed)] = ("pending",)
    for_: PolicyFor = Field(PolicyFor(), alias="for")
    tell: Annotated[tuple[TargetName, ...], BeforeValidator(_listed)] | None = None
    warn: Annotated[int | timedelta, BeforeValidator(_warning)] | None = None
    met_by: MetBy | None = None
    update_limit: Annotated[int, Field(strict=True, ge=1)] = 3


class Notice(Shape):
    to: Annotated[tuple[Role, ...], BeforeValidator(_listed)] | None = None
    event: Annotated[tuple[Happening, ...], BeforeValidator(_listed)] | None = None
    organisation: Line | None = None
    send: Notify


class Step(Shape):
    """One step of an escalation."""

    after: Duration | None = None
    notify: Lines | None = None
    priority: Annotated[Any, BeforeValidator(_raised)] = None
    team: Line | None = None
    assignee: Line | None = None
    level: Annotated[int, Field(strict=True, ge=1, le=9)] | None = None


class Rota(Shape):
    """Who of a team is on call, in turn."""

    agents: tuple[Mailbox, ...]
    every: Duration
    since: Annotated[date, BeforeValidator(day)]
    at: Time = time(9, 0)


class Dictionary(Shape):
    types: dict[Line, TypeWord | None] = Field(default_factory=dict)
    categories: dict[Line, NeedingWord | None] = Field(default_factory=dict)
    severities: dict[Line, SeverityWord | None] = Field(default_factory=dict)
    tags: dict[Line, Word | None] = Field(default_factory=dict)
    channels: dict[Line, Word | None] = Field(default_factory=dict)
    priorities: dict[Priority, Named] = Field(default_factory=dict)
    impacts: dict[Third, Named] = Field(default_factory=dict)
    urgencies: dict[Third, Named] = Field(default_factory=dict)
    priority: Annotated[tuple[tuple[Priority, ...], ...], AfterValidator(_matrix)] | None = None


class Rule(Shape):
    """The words of `when`, `then` and `tests` are checked by `rule_words`."""

    name: Line
    on: Annotated[tuple[Literal["ticket", "reply", "change", "time"], ...], BeforeValidator(_listed)] = (
        "ticket",
    )
    when: dict[str, Any] = Field(default_factory=dict)
    then: dict[str, Any]
    stop: Flag = False
    tests: tuple[dict[str, Any], ...] = ()


class Document(Shape):
    """All files together."""

    desk: Desk = Desk()
    dictionary: Dictionary | None = None
    fields: dict[str, FieldShape] = Field(default_factory=dict)
    teams: dict[str, Team] = Field(default_factory=dict)
    agents: tuple[Agent, ...] = ()
    organisations: tuple[Organisation, ...] = ()
    groups: dict[str, Group] = Field(default_factory=dict)
    people: tuple[Contact, ...] = ()
    calendars: dict[str, Calendar] = Field(default_factory=dict)
    sla: dict[str, Policy] = Field(default_factory=dict)
    escalations: tuple[Step, ...] = ()
    oncall: dict[str, Rota] = Field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    rules: tuple[Rule, ...] = ()
