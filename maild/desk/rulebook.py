"""The desk as its files describe it, as values: who it is, who works there, what it promises, who is told what.

Made by `desk.rulefiles` from the admin's files and by `site` from maild.toml; handed to `decide`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from maild.desk.rules import EMPTY, Rules
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
    reopen: timedelta = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Team:
    key: str
    name: str
    level: int = 1
    responsible: str | None = None


class AgentRole(StrEnum):
    AGENT = "agent"
    ADMIN = "admin"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who answers. `address` in lower case; `login` is the name the MTA authenticates him as, if another."""

    name: str
    address: str
    team: str
    role: AgentRole = AgentRole.AGENT
    languages: tuple[str, ...] = ()
    login: str | None = None
    zone: str | None = None

    @property
    def admin(self) -> bool:
        return self.role is AgentRole.ADMIN


@dataclass(frozen=True, slots=True)
class Organisation:
    """A customer. `domains` and `members` (addresses) in lower case."""

    name: str
    domains: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    sla: str | None = None
    language: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """People across organisations. `members` (addresses) and `domains` in lower case."""

    key: str
    members: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    sla: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A custom field of tickets. `values` empty: any text."""

    key: str
    label: str
    values: tuple[str, ...] = ()


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
class Rota:
    """Who of a team is on call: the agents (addresses) in turn, each for the days of `every`, from `since` at the time `at` on,
    by the wall clock of the desk's zone."""

    team: str
    agents: tuple[str, ...]
    every: timedelta
    since: date
    at: time = time(9, 0)


@dataclass(frozen=True, slots=True)
class Word:
    """A declared word of the dictionary. `labels` by language, "" for every language. `impact` (of severities): the impact, 1 to
    3, that it implies."""

    key: str
    labels: Mapping[str, str] = field(default_factory=dict)
    describe: str | None = None
    impact: int | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """The dictionary. An empty list is open: any word will do; a declared one is closed. `impacts`, `urgencies`: names of 1 to 3,
    `priorities`: of 1 to 5. `priority`: rows by impact, columns by urgency, empty when priority follows from nothing."""

    types: Mapping[str, Word] = field(default_factory=dict)
    categories: Mapping[str, Word] = field(default_factory=dict)
    severities: Mapping[str, Word] = field(default_factory=dict)
    tags: Mapping[str, Word] = field(default_factory=dict)
    impacts: Mapping[int, str] = field(default_factory=dict)
    urgencies: Mapping[int, str] = field(default_factory=dict)
    priorities: Mapping[int, str] = field(default_factory=dict)
    priority: tuple[tuple[int, ...], ...] = ()

    def implied(self, severity: str | None) -> int | None:
        """The impact that a severity implies."""
        word = self.severities.get(severity or "")
        return word.impact if word else None

    def derived(self, impact: str | None, urgency: str | None) -> int | None:
        """The priority that follows; urgency 2 when nobody said. None: nothing follows."""
        if not self.priority or impact not in ("1", "2", "3"):
            return None
        column = int(urgency) if urgency in ("1", "2", "3") else 2
        return self.priority[int(impact) - 1][column - 1]


@dataclass(frozen=True, slots=True)
class Macro:
    """An answer written once: command lines, and a text with variables in double braces."""

    name: str
    commands: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything `decide` may know of the desk's files. Mappings keep the order of the files."""

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
    groups: Mapping[str, Group] = field(default_factory=dict)
    macros: Mapping[str, Macro] = field(default_factory=dict)
    rules: Rules = EMPTY
    words: Words = Words()
    oncall: Mapping[str, Rota] = field(default_factory=dict)
    views: Mapping[str, Selection] = field(default_factory=dict)

    def agent(self, address: str) -> Agent | None:
        return self.agents.get(address.lower())

    @property
    def admins(self) -> tuple[Agent, ...]:
        return tuple(agent for agent in self.agents.values() if agent.admin)

    def members(self, team: str | None) -> tuple[Agent, ...]:
        return tuple(agent for agent in self.agents.values() if agent.team == team)

    def organisation_of(self, address: str) -> Organisation | None:
        """By member address first, then by the domain or a parent domain of it."""
        key = address.lower()
        domain = key.rpartition("@")[2]
        parents = {domain[at:] for at in range(len(domain)) if at == 0 or domain[at - 1] == "."}
        by_domain = None
        for organisation in self.organisations.values():
            if key in organisation.members:
                return organisation
            if by_domain is None and parents.intersection(organisation.domains):
                by_domain = organisation
        return by_domain

    def groups_of(self, address: str) -> tuple[str, ...]:
        """The groups of a person, by address or domain."""
        key = address.lower()
        domain = key.rpartition("@")[2]
        groups = self.groups.values()
        return tuple(group.key for group in groups if key in group.members or domain in group.domains)

    def is_own(self, address: str) -> bool:
        """Whether mail to this address comes back to the desk."""
        return self.identity.is_own(address)
