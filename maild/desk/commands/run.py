"""One message's commands being carried out: what they may look at, what they come to, how they refuse."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from maild.desk.deriving import with_choice, without_choice
from maild.desk.effects import Change
from maild.desk.facts import Address
from maild.desk.people import Person, Ticket
from maild.desk.rulebook import Agent, AgentRole, Rulebook
from maild.desk.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Line:
    """One command line and what became of it."""

    raw: str
    done: bool
    why: str


@dataclass(frozen=True, slots=True)
class Power:
    """Who gives the commands. `agent` None: the admin on this host. `both`: proved by token and by aligned pass, or confirmed."""

    agent: Agent | None
    both: bool = True

    @property
    def light(self) -> bool:
        return self.agent is not None and self.agent.role is AgentRole.LIGHT


@dataclass(frozen=True, slots=True)
class Requester:
    """Who is to be the requester; a caller when there is no address. `person`: as the register knows him, None: not at all."""

    who: Address
    phone: str | None = None
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The ticket is to go into another. `together`: although their requesters are different people."""

    into: Ticket
    together: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the commands come to. `refused`: nothing is to be done or sent.

    `public`: True or False when a line said so. `minutes`: time logged. `watch`, `unwatch`: agents' addresses. `links`: ticket numbers.
    `send`: the crossing is known. `text`: words of macros, before the agent's own. `contact`: by which way he spoke with the requester.
    `ask`: agents who are asked. `splits`: subjects of tickets to be made of parts of this one. `undone`: what was taken back.
    `confirm`: this much needs token and pass together, or a confirming answer. `escalate`: it is escalated, and why ("": nobody said); `escalated`: from
    which team to which, when the ladder has no step for it.
    `away`: until when the agent is not there; `back`: he is. `belongs`: to which
    organisation the requester belongs from now on, "" for that of his address. `anyway`: it is solved although something lacks, `without` that.
    """

    lines: tuple[Line, ...] = ()
    changes: tuple[Change, ...] = ()
    public: bool | None = None
    minutes: int | None = None
    watch: tuple[str, ...] = ()
    unwatch: tuple[str, ...] = ()
    links: tuple[int, ...] = ()
    help: bool = False
    send: bool = False
    text: str = ""
    contact: str | None = None
    ask: tuple[Agent, ...] = ()
    acknowledged: bool = False
    escalate: str | None = None
    escalated: tuple[str | None, str] | None = None
    requester: Requester | None = None
    merge: Joined | None = None
    splits: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    confirm: bool = False
    away: datetime | None = None
    back: bool = False
    belongs: str | None = None
    anyway: bool = False
    without: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        return any(not line.done for line in self.lines)


class No(Exception):
    """A command is refused; the text says why."""


@dataclass(slots=True)
class Run:
    """The commands of one message being carried out on a ticket as it would become. `text`: what stands below them."""

    ticket: Ticket
    power: Power
    rulebook: Rulebook
    snapshot: Snapshot
    now: datetime
    text: str = ""
    values: dict[str, object] = field(default_factory=dict)
    outcome: Outcome = Outcome()

    def current(self, name: str) -> Any:
        return self.values[name] if name in self.values else value_of(self.ticket, name)

    def put(self, name: str, value: object) -> None:
        self.values[name] = value

    def choose(self, name: str, value: object) -> None:
        """Sets impact or priority, which follow from nothing else from now on."""
        self.put(name, value)
        self.put("chosen", with_choice(self.current("chosen"), name))

    def give_back(self, name: str) -> None:
        """Impact or priority follow from the rest again."""
        self.put("chosen", without_choice(self.current("chosen"), name))

    def note(self, **found: Any) -> None:
        """Remember what a command comes to, beside values."""
        self.outcome = replace(self.outcome, **found)

    def inside(self, word: str) -> None:
        """This command's text stays among agents."""
        if self.outcome.public is True:
            raise No(f"#{word} and #public exclude each other")
        self.note(public=False)

    def powerful(self) -> None:
        """This command needs more than one proof (CONTRACT §4)."""
        if not self.power.both:
            self.note(confirm=True)

    @property
    def zone(self) -> ZoneInfo:
        """In which the agent means a time of day."""
        agent = self.power.agent
        return ZoneInfo((agent.zone if agent else None) or self.rulebook.identity.timezone)

    @property
    def requester_key(self) -> str:
        asked = self.outcome.requester
        return asked.who.key if asked else self.ticket.requester.key


def value_of(ticket: Ticket, name: str) -> object:
    """A column of the ticket, or `field.NAME`."""
    return (
        ticket.fields.get(name.removeprefix("field.")) if name.startswith("field.") else getattr(ticket, name)
    )


def nearest(word: str, words: Iterable[str]) -> str:
    """The nearest right word as the end of a sentence, "" when none is near."""
    close = difflib.get_close_matches(word.lower(), [one.lower() for one in words], 1, 0.6)
    return f"; did you mean {close[0]}?" if close else ""


def unquoted(said: str) -> str:
    """What is said without one pair of quotes around all of it."""
    quote = said[:1]
    whole = len(said) > 1 and quote in ('"', "'") and said.endswith(quote) and quote not in said[1:-1]
    return said[1:-1].strip() if whole else said


def nothing(argument: str) -> None:
    if argument:
        raise No("takes nothing behind it")


def some(argument: str, what: str) -> str:
    if not argument:
        raise No(f"needs {what} behind it")
    return argument


def agent_named(run: Run, argument: str, what: str) -> Agent:
    """The agent of this address or name; `ana` or `@ana` is whose address or name begins with that word, if only one's does."""
    word = argument.lower().strip("<>")
    agents = run.rulebook.agents.values()
    found = [agent for agent in agents if word in (agent.address, agent.name.lower())]
    if not found:
        short = word.removeprefix("@")
        found = [
            agent
            for agent in agents
            if short in (agent.address.partition("@")[0], agent.name.lower().partition(" ")[0])
        ]
    if len(found) > 1:
        raise No(f"{argument!r} could be {' or '.join(agent.address for agent in found)}")
    if not found:
        names = (*(agent.address for agent in agents), *(agent.name for agent in agents))
        raise No(f"there is no agent {argument!r}{nearest(word, names)} ({what})")
    return found[0]


def team_named(run: Run, argument: str) -> str | None:
    """The key of the team of this key or name."""
    word = argument.lower().removeprefix("@")
    teams = run.rulebook.teams.values()
    return next((team.key for team in teams if word in (team.key.lower(), team.name.lower())), None)
