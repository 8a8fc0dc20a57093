"""What rules do: changes of the ticket, applied one rule after the other, and the other actions as small values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from maild.desk.deriving import following, with_choice, without_choice
from maild.desk.effects import Change, changed
from maild.desk.people import Ticket
from maild.desk.rule_facts import Facts
from maild.desk.rulebook import Rulebook
from maild.desk.rules import WAYS, Rule
from maild.desk.staffing import Staff, choose, words_of
from maild.desk.words import State

FIELD: Final = "field."


@dataclass(frozen=True, slots=True)
class Watch:
    """This agent (address) follows the ticket."""

    address: str


@dataclass(frozen=True, slots=True)
class AddNote:
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A template goes to the requester's side."""

    template: str


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The acknowledgement is this template; None: there is none."""

    template: str | None


@dataclass(frozen=True, slots=True)
class Help:
    """A link for the acknowledgement."""

    link: str


@dataclass(frozen=True, slots=True)
class Runbook:
    """A guide for the responsible's notification."""

    name: str


@dataclass(frozen=True, slots=True)
class Webhook:
    url: str


@dataclass(frozen=True, slots=True)
class Spam:
    """The ticket is spam: its state says so, nobody is told or acknowledged."""


@dataclass(frozen=True, slots=True)
class Discard:
    """The mail is kept, and nothing else comes of it."""


@dataclass(frozen=True, slots=True)
class Assign:
    """An agent was looked for, by one of `rules.WAYS`, in this team. `agent` None: nobody fits, and the ticket stays without. `turn`: as in
    `staffing.Chosen`."""

    way: str
    team: str | None
    agent: str | None
    why: str
    turn: str = ""


Action = Watch | AddNote | Reply | Acknowledge | Help | Runbook | Webhook | Spam | Discard | Assign

_MADE: Final[Mapping[str, type[Watch | AddNote | Reply | Help | Runbook | Webhook]]] = {
    "watch": Watch,
    "note": AddNote,
    "reply": Reply,
    "help": Help,
    "runbook": Runbook,
    "webhook": Webhook,
}


def other_action(key: str, value: object) -> Action | None:
    """The action that is no change of a column, as a value; None for the words that are."""
    if key in _MADE:
        return _MADE[key](str(value))
    if key == "acknowledge":
        return Acknowledge(None if value in ("no", False) else str(value))
    return Spam() if key == "spam" else Discard() if key == "discard" else None


@dataclass(slots=True)
class Draft:
    """A ticket while rules work on it. `ticket` is as it stands now. `spoken`: a rule has set its language."""

    ticket: Ticket
    facts: Facts
    rulebook: Rulebook
    staff: Staff
    actions: list[Action] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    spoken: bool = False

    def apply(self, rule: Rule) -> tuple[str, ...]:
        """Takes the rule's actions, columns first. Returns what was done, one line each."""
        before = len(self.changes)
        told: list[str] = []
        for key, values in rule.actions.items():
            self._column(key, values)
        self._priority(rule)
        self._people(rule, told)
        if "state" in rule.actions:
            self.put("state", State(str(rule.actions["state"][-1])))
        for key, values in rule.actions.items():
            for value in values:
                action = other_action(key, value)
                if action is not None and action not in self.actions:
                    self.actions.append(action)
                    told.append(key if value in (True, None) else f"{key}: {value}")
        if Spam() in self.actions:
            self.put("state", State.SPAM)
        return (*map(shown, self.changes[before:]), *told)

    def put(self, name: str, new: object) -> None:
        """Sets a column (or `field.NAME`), if that changes anything."""
        key = name.removeprefix(FIELD)
        old = self.ticket.fields.get(key) if name != key else getattr(self.ticket, name)
        if old != new:
            change = Change(name, old, new)
            self.changes.append(change)
            self.ticket = changed(self.ticket, (change,))

    def _column(self, key: str, values: tuple[object, ...]) -> None:
        value = values[-1] if values else None
        if key in ("type", "category", "severity", "impact", "urgency", "language") or key.startswith(FIELD):
            self.put(key, None if value is None else str(value))
            self.spoken = self.spoken or key == "language"
            if key == "impact":
                self._choose("impact", given=value is not None)
        elif key == "tags":
            self.put("tags", tuple(dict.fromkeys((*self.ticket.tags, *map(str, values)))))
        elif key == "untag":
            self.put("tags", tuple(tag for tag in self.ticket.tags if tag not in values))

    def _priority(self, rule: Rule) -> None:
        """Set by the rule; else as it follows from what the rule has set."""
        if "priority" in rule.actions:
            value = rule.actions["priority"][-1]
            self._choose("priority")
            self.put("priority", max(1, self.ticket.priority - 1) if value == "raise" else int(str(value)))
        for name, new in following(
            self.rulebook.words, lambda name: getattr(self.ticket, name), rule.actions.keys()
        ).items():
            self.put(name, new)

    def _choose(self, name: str, *, given: bool = True) -> None:
        """It follows from nothing else from now on. No change that rules on change would look at."""
        take = with_choice if given else without_choice
        self.ticket = replace(self.ticket, chosen=take(self.ticket.chosen, name))

    def _people(self, rule: Rule, told: list[str]) -> None:
        """Team, level, assignee: a team brings its level and drops who is not in it, an agent brings his team if there is none."""
        actions, rulebook = rule.actions, self.rulebook
        if "team" in actions:
            key = actions["team"][-1]
            self.put("team", key)
            team = rulebook.teams.get(str(key))
            if team is not None:
                self.put("level", team.level)
            assigned = rulebook.agent(self.ticket.assignee or "")
            if assigned is not None and assigned.team != key:
                self._hand_to(None)
        if "assignee" in actions:
            self._assign(actions["assignee"][-1], told)
        if "level" in actions:
            self.put("level", int(str(actions["level"][-1])))

    def _assign(self, wish: object, told: list[str]) -> None:
        found: Assign | None = None
        if wish in WAYS:
            team, now = self.ticket.team, self.facts.now
            chosen = choose(
                str(wish),
                team,
                self.ticket.language,
                self.rulebook,
                self.staff,
                now,
                self.ticket.requester.key,
                words_of(self.ticket, self.rulebook),
            )
            found = Assign(str(wish), team, chosen.agent, chosen.why, chosen.turn)
            told.append(f"assignee {wish}: {chosen.agent or 'nobody'} ({chosen.why})")
            wish = chosen.agent or self.ticket.assignee
        self._hand_to(wish)
        if found is not None:
            self.actions.append(found)
        agent = self.rulebook.agent(str(wish)) if wish is not None else None
        if agent is not None and self.ticket.team is None:
            self.put("team", agent.team)
            self.put("level", self.rulebook.teams[agent.team].level)

    def _hand_to(self, address: object) -> None:
        """Another choice takes back the one before: who was chosen first has not had his turn."""
        self.actions = [action for action in self.actions if not isinstance(action, Assign)]
        self.put("assignee", address)


def shown(change: Change) -> str:
    """`priority: 3 → 1`."""
    old, new = (
        ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for value in (change.old, change.new)
    )
    return f"{change.name}: {old if change.old not in (None, ()) else '—'} → {new if change.new not in (None, ()) else '—'}"


def merged(changes: list[Change]) -> tuple[Change, ...]:
    """One change for each column, from what it was at first to what it is at last, in the order in which they were first touched."""
    whole: dict[str, Change] = {}
    for change in changes:
        first = whole.get(change.name, change)
        whole[change.name] = Change(change.name, first.old, change.new)
    return tuple(change for change in whole.values() if change.old != change.new)
