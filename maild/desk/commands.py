"""Agents' commands: lines at the top of an answer that start with `#` (CONTRACT §4). All or nothing.

`carry_out` checks every line against the ticket and gives changes only if all are right.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from maild.desk.effects import Change
from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, AgentRole, Rulebook
from maild.desk.words import State
from maild.desk.workflow import ACT_FOR_STATE, Act, Who, after

WORD = re.compile(r"#\s?([A-Za-z][A-Za-z-]*)[.:]?(?:\s+(.*))?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """One command line and what became of it."""

    raw: str
    done: bool
    why: str


@dataclass(frozen=True, slots=True)
class Power:
    """Who gives the commands. `agent` None: the admin on this host. `both`: proved by token and by aligned pass."""

    agent: Agent | None
    both: bool = True

    @property
    def light(self) -> bool:
        return self.agent is not None and self.agent.role is AgentRole.LIGHT


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the commands come to. `refused`: nothing is to be done or sent..

    `public`: True or False when a line said so. `minutes`: time logged. `watch`, `unwatch`: agents' addresses. `links`: ticket numbers.
    """

    lines: tuple[Line, ...] = ()
    changes: tuple[Change, ...] = ()
    public: bool | None = None
    minutes: int | None = None
    watch: tuple[str, ...] = ()
    unwatch: tuple[str, ...] = ()
    links: tuple[int, ...] = ()
    help: bool = False

    @property
    def refused(self) -> bool:
        return any(not line.done for line in self.lines)


class _No(Exception):
    """A command is refused; the text says why."""


@dataclass(slots=True)
class _Run:
    """The commands of one message being carried out on a ticket as it would become."""

    ticket: Ticket
    power: Power
    rulebook: Rulebook
    known: frozenset[int]
    values: dict[str, object] = field(default_factory=dict)
    outcome: Outcome = Outcome()

    def current(self, name: str) -> object:
        return self.values[name] if name in self.values else _value(self.ticket, name)

    def put(self, name: str, value: object) -> None:
        self.values[name] = value


def _value(ticket: Ticket, name: str) -> object:
    return (
        ticket.fields.get(name.removeprefix("field.")) if name.startswith("field.") else getattr(ticket, name)
    )


def _nearest(word: str, words: Mapping[str, object] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word.lower(), [one.lower() for one in words], 1, 0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _nothing(run: _Run, argument: str) -> None:
    if argument:
        raise _No("takes nothing behind it")


def _some(argument: str, what: str) -> str:
    if not argument:
        raise _No(f"needs {what} behind it")
    return argument


def _note(run: _Run, argument: str) -> str:
    _nothing(run, argument)
    if run.outcome.public is True:
        raise _No("#note and #public exclude each other")
    run.outcome = replace(run.outcome, public=False)
    return "internal"


def _public(run: _Run, argument: str) -> str:
    _nothing(run, argument)
    if run.outcome.public is False:
        raise _No("#note and #public exclude each other")
    if run.power.light:
        raise _No("your role may note, not answer")
    run.outcome = replace(run.outcome, public=True)
    return "public"


def _to_state(state: State) -> Callable[[_Run, str], str]:
    def command(run: _Run, argument: str) -> str:
        _nothing(run, argument)
        return _set_state(run, state)

    return command


def _set_state(run: _Run, state: State) -> str:
    if run.power.light:
        raise _No("your role may note, not change the state")
    if state is State.SPAM and not run.power.both:
        raise _No(
            "needs your token and an aligned pass of your mail server together; ask the admin, or use `maild ticket`"
        )
    old = State(str(run.current("state")))
    new = after(old, ACT_FOR_STATE[state], Who.AGENT)
    if new is None:
        raise _No(f"a ticket that is {old} cannot become {state}")
    run.put("state", new)
    return f"state {new}"


def _state(run: _Run, argument: str) -> str:
    word = _some(argument, "a state").lower().replace(" ", "-")
    names = tuple(str(state) for state in ACT_FOR_STATE)
    if word not in names:
        raise _No(f"{argument!r} is no state to set ({', '.join(names)}){_nearest(word, names)}")
    return _set_state(run, State(word))


def _priority(run: _Run, argument: str) -> str:
    if _some(argument, "1 to 5") not in ("1", "2", "3", "4", "5"):
        raise _No(f"{argument!r} is not 1 to 5 (1 is the most urgent)")
    run.put("priority", int(argument))
    return f"priority {argument}"


def _text_value(name: str) -> Callable[[_Run, str], str]:
    def command(run: _Run, argument: str) -> str:
        run.put(name, " ".join(_some(argument, "words").split())[:500])
        return f"{name} {run.values[name]}"

    return command


def _team(run: _Run, argument: str) -> str:
    teams, word = run.rulebook.teams, _some(argument, "a team").lower()
    key = next((team.key for team in teams.values() if word in (team.key.lower(), team.name.lower())), None)
    if key is None:
        raise _No(f"there is no team {argument!r}{_nearest(word, tuple(teams))}")
    run.put("team", key)
    run.put("level", teams[key].level)
    assignee = run.rulebook.agent(str(run.current("assignee") or ""))
    if assignee is not None and assignee.team != key and "assignee" not in run.values:
        run.put("assignee", teams[key].responsible)
    return f"team {teams[key].name}"


def _agent_named(run: _Run, argument: str, what: str) -> Agent:
    word = argument.lower().strip("<>")
    agents = run.rulebook.agents.values()
    found = [agent for agent in agents if word in (agent.address, agent.name.lower())]
    if not found:
        names = tuple(agent.address for agent in agents)
        raise _No(f"there is no agent {argument!r}{_nearest(word, names)} ({what})")
    return found[0]


def _assign(run: _Run, argument: str) -> str:
    word = re.sub(r"^to\s+", "", _some(argument, "an agent's address, me or nobody"), flags=re.IGNORECASE)
    if word.lower() in ("nobody", "none"):
        run.put("assignee", None)
        return "nobody is responsible"
    if word.lower() == "me":
        if run.power.agent is None:
            raise _No("the admin on this host is no agent; name one")
        agent = run.power.agent
    else:
        agent = _agent_named(run, word, "an address, me or nobody")
    run.put("assignee", agent.address)
    run.put("team", agent.team)
    if State(str(run.current("state"))) is State.NEW:
        run.put("state", after(State.NEW, Act.TAKE, Who.AGENT))
    return f"{agent.name} is responsible"


def _words_of(argument: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            word.strip(",").lower() for word in _some(argument, "one tag or more").split() if word.strip(",")
        )
    )


def _tags(run: _Run) -> tuple[str, ...]:
    tags = run.current("tags")
    return tags if isinstance(tags, tuple) else ()


def _tag(run: _Run, argument: str) -> str:
    words = _words_of(argument)
    run.put("tags", tuple(dict.fromkeys((*_tags(run), *words))))
    return "tagged " + ", ".join(words)


def _untag(run: _Run, argument: str) -> str:
    words = _words_of(argument)
    missing = [word for word in words if word not in _tags(run)]
    if missing:
        raise _No(f"the ticket has no tag {missing[0]!r}{_nearest(missing[0], _tags(run))}")
    run.put("tags", tuple(tag for tag in _tags(run) if tag not in words))
    return "no longer tagged " + ", ".join(words)


def _field(run: _Run, argument: str) -> str:
    name, equals, value = _some(argument, "name=value").partition("=")
    key, value = name.strip().lower(), value.strip()
    if not equals:
        raise _No("needs name=value behind it")
    declared = run.rulebook.fields.get(key)
    if declared is None:
        raise _No(f"there is no field {key!r}{_nearest(key, tuple(run.rulebook.fields))}")
    if declared.values:
        value_found = next((one for one in declared.values if one.lower() == value.lower()), None)
        if value_found is None and value:
            raise _No(
                f"{value!r} is not one of {', '.join(declared.values)}{_nearest(value, declared.values)}"
            )
        value = value_found or ""
    run.put(f"field.{key}", value or None)
    return f"{declared.label}: {value or 'emptied'}"


def _time(run: _Run, argument: str) -> str:
    found = re.fullmatch(
        r"(?:(\d{1,3})\s*h(?:ours?)?)?\s*(?:(\d{1,4})\s*m?(?:in(?:utes?)?)?)?",
        _some(argument, "a time such as 25m or 1h30m").strip(),
    )
    minutes = int(found[1] or 0) * 60 + int(found[2] or 0) if found else 0
    if not minutes:
        raise _No(f"{argument!r} is no time such as 25m or 1h30m")
    run.outcome = replace(run.outcome, minutes=(run.outcome.minutes or 0) + minutes)
    return f"{minutes} minutes"


def _watch(run: _Run, argument: str) -> str:
    agent = (
        run.power.agent
        if argument.lower() in ("", "me") and run.power.agent
        else _agent_named(run, _some(argument, "an agent's address"), "agents watch")
    )
    run.outcome = replace(run.outcome, watch=(*run.outcome.watch, agent.address))
    return f"{agent.name} watches"


def _unwatch(run: _Run, argument: str) -> str:
    word = (
        run.power.agent.address
        if argument.lower() in ("", "me") and run.power.agent
        else _some(argument, "an agent's address").lower()
    )
    if word not in run.ticket.watchers:
        raise _No(f"{word} does not watch this ticket")
    run.outcome = replace(run.outcome, unwatch=(*run.outcome.unwatch, word))
    return f"{word} watches no longer"


def _link(run: _Run, argument: str) -> str:
    word = _some(argument, "a ticket's number").lstrip("#")
    if not word.isdecimal() or int(word) not in run.known or int(word) == run.ticket.id:
        raise _No(f"there is no other ticket {argument!r}")
    run.outcome = replace(run.outcome, links=(*run.outcome.links, int(word)))
    return f"linked to {word}"


def _help(run: _Run, argument: str) -> str:
    run.outcome = replace(run.outcome, help=True)
    return "see below"


COMMANDS: Mapping[str, tuple[Callable[[_Run, str], str], str]] = MappingProxyType(
    {
        "note": (_note, "#note: the whole message is internal"),
        "public": (_public, "#public: the message goes to the requester"),
        "state": (_state, "#state pending: open, pending, on-hold, solved, closed"),
        "solve": (_to_state(State.SOLVED), "#solve: the answer solves it"),
        "close": (_to_state(State.CLOSED), "#close"),
        "reopen": (_to_state(State.OPEN), "#reopen"),
        "priority": (_priority, "#priority 1: 1 (most urgent) to 5"),
        "subject": (_text_value("subject"), "#subject TEXT: a better subject"),
        "type": (_text_value("type"), "#type incident"),
        "category": (_text_value("category"), "#category billing"),
        "severity": (_text_value("severity"), "#severity critical"),
        "impact": (_text_value("impact"), "#impact 2"),
        "urgency": (_text_value("urgency"), "#urgency 1"),
        "team": (_team, "#team engineering: hand it to another team"),
        "assign": (_assign, "#assign me, #assign ADDRESS, #assign nobody"),
        "tag": (_tag, "#tag a b"),
        "untag": (_untag, "#untag a"),
        "field": (_field, "#field name=value"),
        "time": (_time, "#time 25m: time spent"),
        "cause": (_text_value("cause"), "#cause WORDS"),
        "solution": (_text_value("solution"), "#solution WORDS"),
        "watch": (_watch, "#watch me, #watch ADDRESS: hear of everything"),
        "unwatch": (_unwatch, "#unwatch me"),
        "link": (_link, "#link 12: related tickets"),
        "spam": (_to_state(State.SPAM), "#spam"),
        "help": (_help, "#help: this list"),
    }
)

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {"solved": "solve", "resolve": "solve", "resolved": "solve", "closed": "close", "reopened": "reopen", "internal": "note", "prio": "priority",
     "owner": "assign", "assignee": "assign", "tags": "tag", "status": "state", "take": "assign"}
)  # fmt: skip

LATER = frozenset(
    (
        "send",
        "escalate",
        "ack",
        "ask",
        "contact",
        "channel",
        "received",
        "due",
        "merge",
        "split",
        "requester",
        "organisation",
        "macro",
        "away",
        "back",
        "undo",
    )
)
"""Commands that this version knows of but does not carry out: refused with that reason, and never sent as text."""


def _one(run: _Run, raw: str) -> Line:
    found = WORD.match(raw)
    word = found[1].lower() if found else raw.lstrip("#").split(" ")[0].lower()
    name = SYNONYMS.get(word, word)
    if name in LATER:
        return Line(raw, False, "this version of maild does not carry it out yet")
    if not found or name not in COMMANDS:
        return Line(
            raw,
            False,
            f"there is no command #{word}{_nearest(word, (*COMMANDS, *SYNONYMS))} (to begin a text with #, write ##)",
        )
    argument = (found[2] or "").strip()
    if word == "take":
        argument = argument or "me"
    before, values = run.outcome, dict(run.values)
    try:
        return Line(raw, True, COMMANDS[name][0](run, argument))
    except _No as no:
        run.outcome, run.values = before, values
        return Line(raw, False, str(no))


def carry_out(
    commands: tuple[str, ...],
    ticket: Ticket,
    power: Power,
    rulebook: Rulebook,
    known: frozenset[int] = frozenset(),
) -> Outcome:
    """What these command lines do to the ticket. `known`: numbers of tickets that exist, as far as they are named."""
    run = _Run(ticket, power, rulebook, known)
    lines = tuple(_one(run, raw) for raw in commands)
    changes = tuple(
        Change(name, _value(ticket, name), value)
        for name, value in run.values.items()
        if _value(ticket, name) != value
    )
    return replace(run.outcome, lines=lines, changes=changes)


def as_markdown() -> str:
    """The commands as rules/README.md lists them."""
    return "\n".join(
        f"- `{usage.partition(':')[0]}`{':' + rest if (rest := usage.partition(':')[2]) else ''}"
        for _, usage in COMMANDS.values()
    )
