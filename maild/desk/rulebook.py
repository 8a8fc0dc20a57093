"""The desk as its files describe it, as values: who it is, who works there, what it promises, who is told what.

Made by `desk.rulefiles` from the admin's files and by `site` from maild.toml; handed to `decide`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from maild.desk.rules import EMPTY, WAYS, Rules
from maild.desk.selection import Selection
from maild.desk.words import Notify, Role


@dataclass(frozen=True, slots=True)
class Identity:
    """The desk's own name and addresses (`[desk]` of maild.toml). Addresses in lower case, `aliases` without `address`."""

    name: str
    address: str
    tag: str
    aliases: tuple[str, ...] = ()
    language: str = "en"
    timezone: str = "UTC"
    reply_address: str = "plus"
    delimiter: str = "+"
    lists: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    message_id_domain: str = ""

    @property
    def local(self) -> str:
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.address, *self.aliases)

    def is_own(self, address: str) -> bool:
        """Whether this is one of the desk's addresses, with or without a token behind the delimiter."""
        local, _, domain = address.lower().rpartition("@")
        plain = local.split(self.delimiter, 1)[0]
        return f"{local}@{domain}" in self.addresses or f"{plain}@{domain}" in self.addresses

    def accepts(self, address: str) -> bool:
        """Whether an envelope recipient is ours: postmaster always is (RFC 5321 §4.5.1)."""
        local, _, domain = address.lower().rpartition("@")
        domains = {own.rpartition("@")[2] for own in self.addresses}
        return (
            address.lower() == "postmaster"
            or (local == "postmaster" and domain in domains)
            or self.is_own(address)
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what the desk does by itself (`[limits]`). None: no bound. Sizes in octets."""

    automatic_per_address_per_hour: int | None = 10
    automatic_per_ticket_per_day: int | None = 50
    automatic_per_domain_per_hour: int | None = None
    automatic_per_hour: int | None = None
    notifications_per_agent_per_hour: int | None = 60
    acknowledge_within: timedelta = timedelta(days=1)
    notify_size: int = 10_000_000
    participants: int = 10
    references: int = 20

    @property
    def bounded(self) -> frozenset[str]:
        """What is bounded beyond an address: "domain", "all"."""
        wide = {"domain": self.automatic_per_domain_per_hour, "all": self.automatic_per_hour}
        return frozenset(name for name, most in wide.items() if most is not None)


@dataclass(frozen=True, slots=True)
class Team:
    """Agents who share work. `responsible`, `manager`: agents' addresses. `address`: a mailbox that gets a copy of what the team is told.
    `private`: only its members and admins see its tickets. `speaks`: its answers go to the requester."""

    key: str
    name: str
    level: int = 1
    responsible: str | None = None
    manager: str | None = None
    address: str | None = None
    private: bool = False
    speaks: bool = True


class AgentRole(StrEnum):
    AGENT = "agent"
    ADMIN = "admin"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who answers. `address` in lower case; `login` is the name the MTA authenticates him as, if another. `skills`: words of tickets
    (type, category, tags, values of fields) that he knows best. `calendar`: the key of his working hours. `digests`: gets a digest at their start."""

    name: str
    address: str
    team: str
    role: AgentRole = AgentRole.AGENT
    languages: tuple[str, ...] = ()
    login: str | None = None
    zone: str | None = None
    skills: tuple[str, ...] = ()
    calendar: str | None = None
    digests: bool = True

    @property
    def admin(self) -> bool:
        return self.role is AgentRole.ADMIN


@dataclass(frozen=True, slots=True)
class Organisation:
    """A customer. `domains` and `members` (addresses, or domains whose every address belongs to it) in lower case."""

    name: str
    domains: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    sla: str | None = None
    language: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """People across organisations. `members` (addresses or domains) and `domains` in lower case."""

    key: str
    members: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    sla: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody outside whom the files know (`people`). `addresses` in lower case, the first is written to; empty for one who only calls."""

    name: str
    addresses: tuple[str, ...] = ()
    phone: str | None = None
    organisation: str | None = None
    groups: tuple[str, ...] = ()
    language: str | None = None
    zone: str | None = None


ATTACHMENT: Final = "attachment"
"""A need that any file meets."""


@dataclass(frozen=True, slots=True)
class Need:
    """What the desk has to know of tickets with a certain word, and asks for. `key` names it in the store: that of its field, or else made
    of the question. `ask`: the question by language ("" for every language). `met_by`: what in a mail gives it: `ATTACHMENT`, a /pattern/ or words."""

    key: str
    ask: Mapping[str, str]
    field: str | None = None
    met_by: tuple[str, ...] = ()


class FieldKind(StrEnum):
    """What a field holds. Values are kept as text: numbers with a point, dates as 2026-12-24, yes or no, people by address."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    YES_NO = "yes/no"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Field:
    """A custom field of tickets. `labels` by language ("" for every language); `label` is that of the desk. `words`: the values of a choice
    with what is known of them; empty: any. `required`: before a ticket is solved, if its type is one of these ("" stands for every type).
    `visible`: the requester's side sees it."""

    key: str
    label: str
    words: Mapping[str, Word] = field(default_factory=dict)
    kind: FieldKind = FieldKind.TEXT
    labels: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    visible: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(self.words)


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """An admin's change of the notices table: this role hears of this event so. None matches any."""

    send: Notify
    role: Role | None = None
    event: str | None = None
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working hours. `week` holds for each weekday (Monday first) the spans (from, to) in minutes of the local day, sorted
    and disjoint, 0 <= from < to <= 1440. `holidays` are local dates without work."""

    key: str
    zone: ZoneInfo
    week: tuple[tuple[tuple[int, int], ...], ...]
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """A promised span of the calendar's time: `default`, or by priority (1 to 5). `met_by`: what meets a resolution, beside closing:
    "solved", "escalated"."""

    default: timedelta | None
    by_priority: Mapping[int, timedelta] = field(default_factory=dict)
    calendar: str | None = None
    met_by: tuple[str, ...] = ("solved",)

    def span(self, priority: int) -> timedelta | None:
        return self.by_priority.get(priority, self.default)


@dataclass(frozen=True, slots=True)
class Policy:
    """An SLA policy: targets by name (first_response, update, resolution, silence), in the order of the file.

    `warn`: after that many hundredths of a target's span, or so much of the policy's calendar before it is due. `update_limit`: how many
    status updates go to the requester before a person answers.
    """

    key: str
    calendar: str
    targets: Mapping[str, Target]
    pause: tuple[str, ...] = ("pending",)
    for_: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tell: tuple[str, ...] = ("first_response",)
    warn: int | timedelta | None = None
    update_limit: int = 3


@dataclass(frozen=True, slots=True)
class Weekly:
    """A time of day on a day of the week (0 is Monday), by the wall clock of whom it concerns."""

    day: int
    at: time


@dataclass(frozen=True, slots=True)
class Rota:
    """Who of a team is on call: the agents (addresses) in turn, each for the days of `every`, from `since` at the time `at` on,
    by the wall clock of the desk's zone."""

    team: str
    agents: tuple[str, ...]
    every: timedelta
    since: date
    at: time = time(9, 0)


MANAGER_OF: Final = re.compile(r"teams\.(.+)\.manager")
"""How a step names the manager of a certain team."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the escalation. `after`: it is taken so long behind the step before when nobody has acted. `notify`: whom it tells: `assignee`,
    `team`, `admins`, `manager`, `oncall`, `teams.KEY.manager`, the key of a team, an address, the URL of a webhook. `actions`: what it does
    to the ticket, by the words of rules (priority, team, assignee, level)."""

    after: timedelta | None = None
    notify: tuple[str, ...] = ()
    actions: Mapping[str, tuple[object, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Word:
    """A declared word. `labels`, `describe` by language, "" for every language. `impact` (of severities): the impact, 1 to
    3, that it implies. `needs`: what must be known of tickets with this word; `wait`: they wait for it in state pending. `required`: what must
    be there before they are solved (`SOLVING`)."""

    key: str
    labels: Mapping[str, str] = field(default_factory=dict)
    describe: Mapping[str, str] = field(default_factory=dict)
    impact: int | None = None
    needs: tuple[Need, ...] = ()
    wait: bool = False
    required: tuple[str, ...] = ()


SOLVING: Final = ("category", "cause", "solution", "time")
"""What may be required before a ticket is solved, beside fields."""


@dataclass(frozen=True, slots=True)
class Words:
    """The dictionary. An empty list is open: any word will do; a declared one is closed. `impacts`, `urgencies`: names of 1 to 3,
    `priorities`: of 1 to 5 (the key of a word is its name). `channels`: ways by which requests come, beside email. `priority`: rows by impact, columns by urgency, empty when priority follows from nothing."""

    types: Mapping[str, Word] = field(default_factory=dict)
    categories: Mapping[str, Word] = field(default_factory=dict)
    severities: Mapping[str, Word] = field(default_factory=dict)
    tags: Mapping[str, Word] = field(default_factory=dict)
    channels: Mapping[str, Word] = field(default_factory=dict)
    impacts: Mapping[int, Word] = field(default_factory=dict)
    urgencies: Mapping[int, Word] = field(default_factory=dict)
    priorities: Mapping[int, Word] = field(default_factory=dict)
    priority: tuple[tuple[int, ...], ...] = ()

    def implied(self, severity: str | None) -> int | None:
        """The impact that a severity implies."""
        word = self.severities.get(severity or "")
        return word.impact if word else None

    def derived(self, impact: object, urgency: object) -> int | None:
        """The priority that follows; urgency 2 when nobody said. None: nothing follows."""
        if not self.priority or impact not in ("1", "2", "3"):
            return None
        column = int(str(urgency)) if urgency in ("1", "2", "3") else 2
        return self.priority[int(str(impact)) - 1][column - 1]


@dataclass(frozen=True, slots=True)
class Macro:
    """An answer written once: command lines, and a text with variables in double braces."""

    name: str
    commands: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Runbook:
    """A guide for agents in Markdown. `status`: such as draft or current; `reviewed_by`, `reviewed_on`: who last read whether it still holds,
    and when."""

    name: str
    title: str
    text: str
    owner: str = ""
    status: str = ""
    reviewed_by: str = ""
    reviewed_on: date | None = None
    language: str = ""


class LogTime(StrEnum):
    """Whether agents have to log their time before a ticket is solved (`desk.time`)."""

    OFF = "off"
    ASK = "ask"
    REQUIRED = "required"


ANYONE: Final = "anyone"
KNOWN: Final = "known"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything `decide` may know of the desk's files. Mappings keep the order of the files.

    `digests`: agents get a digest at the start of their working day; `report_at`: when managers and admins get the weekly report (None: never).
    `people`: contacts by each of their addresses (lower case); `callers`: those without one. `open_to`: who may open tickets: `ANYONE`, `KNOWN`, keys
    of groups. `reopen`: for so long after its closing an answer opens a ticket again. `survey`: requesters are asked how satisfied they are. `copies_join`: people in Cc may take part. `solving`: by type ("" stands for every type) what is required (`SOLVING`)
    before a ticket is solved. `runbooks`: by the names of their files (`NAME.es` is one in another language); after `review_after` they are stale.
    """

    identity: Identity
    limits: Limits = Limits()
    teams: Mapping[str, Team] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    organisations: Mapping[str, Organisation] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    notices: tuple[NoticeRule, ...] = ()
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    default_priority: int = 3
    digest_at: time = time(7, 0)
    digests: bool = True
    report_at: Weekly | None = Weekly(0, time(7, 0))
    reopen: timedelta = timedelta(days=14)
    survey: bool = True
    groups: Mapping[str, Group] = field(default_factory=dict)
    macros: Mapping[str, Macro] = field(default_factory=dict)
    rules: Rules = EMPTY
    words: Words = Words()
    oncall: Mapping[str, Rota] = field(default_factory=dict)
    views: Mapping[str, Selection] = field(default_factory=dict)
    people: Mapping[str, Contact] = field(default_factory=dict)
    callers: tuple[Contact, ...] = ()
    open_to: tuple[str, ...] = (ANYONE,)
    copies_join: bool = True
    time: LogTime = LogTime.OFF
    solving: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    runbooks: Mapping[str, Runbook] = field(default_factory=dict)
    review_after: timedelta = timedelta(days=365)
    escalation: tuple[Step, ...] = ()

    @property
    def ways(self) -> frozenset[str]:
        """The ways (`rules.WAYS`) in which rules and steps look for an agent."""
        return self.rules.ways.union(
            str(way) for step in self.escalation for way in step.actions.get("assignee", ()) if way in WAYS
        )

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """Those of `people`, each once."""
        return (*dict.fromkeys(self.people.values()), *self.callers)

    def agent(self, address: str) -> Agent | None:
        return self.agents.get(address.lower())

    @property
    def admins(self) -> tuple[Agent, ...]:
        return tuple(agent for agent in self.agents.values() if agent.admin)

    def manager(self, team: str | None) -> Agent | None:
        """Who answers for a team (`teams.NAME.manager`); None when the files name nobody."""
        found = self.teams.get(team or "")
        return self.agent(found.manager) if found and found.manager else None

    def members(self, team: str | None) -> tuple[Agent, ...]:
        return tuple(agent for agent in self.agents.values() if agent.team == team)

    def is_own(self, address: str) -> bool:
        """Whether mail to this address comes back to the desk."""
        return self.identity.is_own(address)
