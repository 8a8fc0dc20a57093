"""What the rules say: `run` takes a ticket as it stands, what is known beside it, and the rulebook, and returns what follows and why.

Rules go from first to last; a later one sees what the earlier ones set; `stop` ends the pass. What they change is a change, for
which the rules on change get passes of their own, at most `ROUNDS` of them. No rule fires twice for one event.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final

from maild.desk import calendars, conditions
from maild.desk.conditions import Checked, Truth, View
from maild.desk.effects import Change
from maild.desk.people import Ticket
from maild.desk.rule_actions import Action, Draft, merged
from maild.desk.rule_facts import TEXT_MAX, Facts
from maild.desk.rule_trace import Line, Outcome, Round, Trace
from maild.desk.rulebook import Rulebook
from maild.desk.rules import Rule
from maild.desk.staffing import Staff

ROUNDS: Final = 10
_INSTANT: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Ruling:
    """`ticket` as it would stand, `changes` from what it was to that, in order; `actions`: everything else, in order. `fired`: names
    of the rules that did. `problems`: sentences for the admins when rules could not be followed to the end."""

    ticket: Ticket
    changes: tuple[Change, ...] = ()
    actions: tuple[Action, ...] = ()
    fired: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    trace: Trace = field(default_factory=Trace)

    def has(self, kind: type[Action]) -> bool:
        """Whether there is an action of this kind, like `Discard`."""
        return any(isinstance(action, kind) for action in self.actions)


def run(
    occasion: str,
    facts: Facts,
    ticket: Ticket,
    rulebook: Rulebook,
    staff: Staff = Staff(),  # noqa: B008  a frozen value
    *,
    before: Collection[str] = (),
    whole: bool = False,
) -> Ruling:
    """What the rules of one occasion (ticket, reply, change or time) come to for this ticket.

    `before`: names of rules that fired earlier and are not to fire again (on time: since a person last wrote or changed something).
    `whole`: the trace tells of every rule with its evidence, else only of those that fired.
    """
    course = _Course(facts, ticket, rulebook, staff, set(before), whole)
    course.go(occasion)
    draft = course.draft
    return Ruling(
        draft.ticket,
        merged([*draft.changes, Change("chosen", ticket.chosen, draft.ticket.chosen)]),
        tuple(draft.actions),
        tuple(course.fired),
        tuple(course.problems),
        Trace(tuple(course.rounds), course.notes()),
    )


@dataclass(slots=True)
class _Course:
    facts: Facts
    ticket: Ticket
    rulebook: Rulebook
    staff: Staff
    done: set[str]
    whole: bool
    fired: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    draft: Draft = field(init=False)
    view: View = field(init=False)

    def __post_init__(self) -> None:
        rules, ticket = self.rulebook.rules, self.ticket
        self.draft = Draft(ticket, self.facts, self.rulebook, self.staff)
        texts = conditions.texts(self.facts, ticket, rules.matcher.texts())
        hits = rules.matcher.hits(texts)
        is_open = _opening_hours(self.facts, self.rulebook)
        self.view = View(self.facts, ticket, texts, hits, rules.matcher, is_open)

    def go(self, occasion: str) -> None:
        """The pass of the occasion, then passes for what rules changed, as long as that goes on."""
        for turn in range(ROUNDS + 1):
            changes = len(self.draft.changes)
            current = occasion if turn == 0 else "change"
            stopped = self._pass(current) and current == "change"
            if stopped or len(self.draft.changes) == changes or not self.rulebook.rules.any_on("change"):
                return
        self.problems.append(
            f"rules on change went on for {ROUNDS} rounds and were stopped; the last was '{self.fired[-1]}'"
        )

    def _pass(self, occasion: str) -> bool:
        """Every rule (or only those that may fire) once, in order. True: one of them stopped it."""
        rules, lines = self.rulebook.rules, list[Line]()
        stopper: Rule | None = None
        for number in range(len(rules)) if self.whole else rules.possible(occasion, self.view.hits):
            rule = rules.every[number]
            line = self._line(rule, occasion, stopper)
            if line.outcome is Outcome.FIRED and rule.stop:
                stopper = rule
            if self.whole or line.outcome is Outcome.FIRED:
                lines.append(line)
            if stopper is not None and not self.whole:
                break
        self.rounds.append(Round(occasion, tuple(lines)))
        return stopper is not None

    def _line(self, rule: Rule, occasion: str, stopper: Rule | None) -> Line:
        why = ""
        if occasion not in rule.on:
            why = f"it is for {' and '.join(rule.on)}, this is {occasion}"
        elif rule.name in self.done:
            why = "it fired before"
        elif stopper is not None:
            why = f"stopped by '{stopper.name}'"
        if why:
            return Line(rule.name, rule.place, Outcome.NOT_REACHED, why)
        checked = self._check(rule, evidence=self.whole)
        if checked.truth is not Truth.HOLDS:
            outcome = Outcome.UNKNOWN if checked.truth is Truth.UNKNOWN else Outcome.NOT_MET
            return Line(rule.name, rule.place, outcome, conditions=checked.parts)
        if not self.whole:
            checked = self._check(rule, evidence=True)
        self.done.add(rule.name)
        self.fired.append(rule.name)
        did = self.draft.apply(rule)
        self.view.ticket, self.view.spoken = self.draft.ticket, self.draft.spoken
        return Line(rule.name, rule.place, Outcome.FIRED, conditions=checked.parts, did=did)

    def _check(self, rule: Rule, *, evidence: bool) -> Checked:
        self.view.evidence = evidence
        return rule.when.check(self.view)

    def notes(self) -> tuple[str, ...]:
        mail = self.facts.mail
        texts = (("subject", mail.subject), ("body", mail.body)) if mail else ()
        return tuple(
            f"only the first {TEXT_MAX} characters of the {name} were looked at"
            for name, text in texts
            if len(text) > TEXT_MAX
        )


def _opening_hours(facts: Facts, rulebook: Rulebook) -> Callable[[str], bool | None]:
    """Whether a calendar is open now, found out once for each that is asked for."""

    @cache
    def is_open(key: str) -> bool | None:
        if facts.open is not None and key in facts.open:
            return facts.open[key]
        calendar = rulebook.calendars.get(key)
        if facts.now is None or calendar is None:
            return None
        return calendars.between(calendar, facts.now, facts.now + _INSTANT) > timedelta(0)

    return is_open
