"""Conditions of rules, compiled: each holds, fails, or can't be told yet, and says on what evidence."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from maild.desk.folding import fold
from maild.desk.people import Ticket
from maild.desk.rule_facts import TEXT_MAX, Facts
from maild.desk.rule_texts import Matcher, Text

COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


class Truth(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "can't tell"


@dataclass(frozen=True, slots=True)
class Checked:
    """A condition with its value. `wanted` is what the rule says, `evidence` what was found; `parts`: those inside any, all, not."""

    condition: str
    truth: Truth
    wanted: str = ""
    evidence: str = ""
    parts: tuple[Checked, ...] = ()


def _truth(holds: bool) -> Truth:
    return Truth.HOLDS if holds else Truth.FAILS


@dataclass(slots=True)
class View:
    """What conditions look at: facts of the mail that stand still, and the ticket as the rules before left it.

    `texts`: of the mail by name; a text that is not there is not known. `hits`: the atoms found in them. `spoken`: the language,
    once a rule has set it. `is_open`: whether a calendar is in its hours; None: not known.
    """

    facts: Facts
    ticket: Ticket
    texts: Mapping[str, Text]
    hits: frozenset[int]
    matcher: Matcher
    is_open: Callable[[str], bool | None]
    spoken: bool = False
    evidence: bool = False


def texts(facts: Facts, ticket: Ticket, wanted: frozenset[str]) -> dict[str, Text]:
    """The texts of these names (`Matcher.texts`) in a mail, or, when none arrived, what the ticket knows of them."""
    mail = facts.mail
    found: dict[str, Text] = {}
    sender = mail.sender if mail else ticket.requester
    if sender and sender.address:
        domain = sender.address.rpartition("@")[2].lower()
        parents = {domain[at:] for at in range(len(domain)) if at == 0 or domain[at - 1] == "."}
        found["from"] = Text((f"{sender.name} <{sender.address}>".lstrip(),), frozenset((sender.key,)))
        found["from_domain"] = Text((domain,), frozenset(parents))
    else:
        found["from"] = found["from_domain"] = Text()
    found["subject"] = _capped(mail.subject if mail else ticket.subject)
    if mail is not None:
        found["body"] = _capped(mail.body)
        found["to"] = Text(mail.to, frozenset(mail.to))
        found["attachment"] = Text(tuple(one.name for one in mail.attachments))
        found["attachment type"] = Text(tuple(one.type for one in mail.attachments))
        for name in wanted:
            if name.startswith("header."):
                key = name.removeprefix("header.")
                values = tuple(value[:TEXT_MAX] for field, value in mail.header if field.lower() == key)
                found[name] = Text(values)
    return found


def _capped(text: str) -> Text:
    return Text((text[:TEXT_MAX],) if text.strip() else ())


@dataclass(frozen=True, slots=True)
class Found:
    """Something in a text of the mail: any of these atoms; `nothing`: or that there is no such text; `anything`: or that there is one."""

    condition: str
    wanted: str
    names: tuple[str, ...]
    atoms: tuple[int, ...]
    nothing: bool = False
    anything: bool = False

    def check(self, view: View) -> Checked:
        unknown = [name for name in self.names if name not in view.texts]
        held = not view.hits.isdisjoint(self.atoms)
        empty = not any(view.texts[name].raw for name in self.names if name in view.texts)
        if self.anything:
            held = held or not empty
        if self.nothing and not unknown:
            held = held or empty
        truth = Truth.HOLDS if held else Truth.UNKNOWN if unknown else Truth.FAILS
        evidence = self._evidence(view, truth, empty=empty) if view.evidence else ""
        return Checked(self.condition, truth, self.wanted, evidence)

    def _evidence(self, view: View, truth: Truth, *, empty: bool) -> str:
        if truth is Truth.HOLDS:
            found = view.matcher.evidence(self.atoms, view.texts, view.hits)
            return found or ("there is none" if empty else "there is one")
        if truth is Truth.UNKNOWN:
            return "no mail arrived"
        return "there is none" if empty else "not found"


def _values(view: View, name: str) -> tuple[str, ...] | None:
    """What a ticket (or the mail's facts) says of a word; () when nothing is set, None when not known."""
    facts, ticket = view.facts, view.ticket
    value: object
    if name.startswith("field."):
        value = ticket.fields.get(name.removeprefix("field."))
    elif name == "group":
        value = facts.groups
    elif name == "organisation":
        value = facts.organisation
    elif name == "kind":
        if facts.mail is None:
            return None
        value = facts.mail.kind
    elif name == "language":
        value = _language(view)
    else:
        value = getattr(ticket, name)
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def _language(view: View) -> str | None:
    """Set by a rule, else the mail's own, else (an answer too short to tell) the ticket's."""
    mail = view.facts.mail
    if view.spoken or mail is None:
        return view.ticket.language
    return mail.language or (view.ticket.language if view.ticket.id else None)


@dataclass(frozen=True, slots=True)
class Is:
    """A ticket's word is one of `words` (compared without case and accents), fits a pattern, or (`nothing`) is not set."""

    condition: str
    wanted: str
    words: frozenset[str] = frozenset()
    patterns: tuple[Any, ...] = ()
    nothing: bool = False

    def check(self, view: View) -> Checked:
        values = _values(view, self.condition)
        if values is None:
            return Checked(self.condition, Truth.UNKNOWN, self.wanted, "no mail arrived")
        if not values:
            silent = self.condition == "language" and not self.nothing
            truth = Truth.UNKNOWN if silent else _truth(self.nothing)
            return Checked(
                self.condition, truth, self.wanted, "too short to tell" if silent else "nothing is set"
            )
        held = any(self._fits(value) for value in values)
        return Checked(self.condition, _truth(held), self.wanted, f"it is {', '.join(values)}")

    def _fits(self, value: str) -> bool:
        plain = fold(value)
        return (
            plain in self.words
            or (self.condition == "language" and plain.partition("-")[0] in self.words)
            or any(pattern.search(value) is not None for pattern in self.patterns)
        )


@dataclass(frozen=True, slots=True)
class Number:
    """priority, level, impact, urgency: one of `numbers`, or true in a comparison; `nothing`: or not set."""

    condition: str
    wanted: str
    numbers: frozenset[int] = frozenset()
    comparisons: tuple[tuple[str, int], ...] = ()
    nothing: bool = False

    def check(self, view: View) -> Checked:
        value = getattr(view.ticket, self.condition)
        if value is None:
            return Checked(self.condition, _truth(self.nothing), self.wanted, "nothing is set")
        number = int(value) if str(value).isdigit() else None
        held = number is not None and (
            number in self.numbers or any(COMPARISONS[sign](number, than) for sign, than in self.comparisons)
        )
        return Checked(self.condition, _truth(held), self.wanted, f"it is {value}")


@dataclass(frozen=True, slots=True)
class Lasting:
    """idle, age: at least so long by the wall clock; or, with `<`, shorter."""

    condition: str
    wanted: str
    spans: tuple[tuple[str, timedelta], ...]

    def check(self, view: View) -> Checked:
        value: timedelta | None = getattr(view.facts, self.condition)
        if value is None:
            return Checked(self.condition, Truth.UNKNOWN, self.wanted, "not known yet")
        held = any(COMPARISONS[sign](value, span) for sign, span in self.spans)
        return Checked(self.condition, _truth(held), self.wanted, f"it is {shown_span(value)}")


def shown_span(span: timedelta) -> str:
    """`5d 2h`, `40m`: the two largest units."""
    minutes = int(span.total_seconds()) // 60
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m"))
    return " ".join([f"{number}{unit}" for number, unit in parts if number][:2]) or "0m"


@dataclass(frozen=True, slots=True)
class Hours:
    """Whether it is now in (or out of) the hours of any of the calendars."""

    wanted: str
    calendars: tuple[tuple[str, bool], ...]
    condition: str = "hours"

    def check(self, view: View) -> Checked:
        known = [(view.is_open(key), inside, key) for key, inside in self.calendars]
        if any(is_open is inside for is_open, inside, _ in known):
            truth = Truth.HOLDS
        else:
            truth = Truth.UNKNOWN if any(is_open is None for is_open, _, _ in known) else Truth.FAILS
        said = ", ".join(
            f"{key} is {'not known' if is_open is None else 'open' if is_open else 'closed'}"
            for is_open, _, key in known
        )
        return Checked("hours", truth, self.wanted, said)


@dataclass(frozen=True, slots=True)
class Nested:
    """`all`, `any` or `not` (none) of the conditions inside, in three-valued logic."""

    condition: str
    nodes: tuple[Node, ...] = ()

    def check(self, view: View) -> Checked:
        decisive = Truth.HOLDS if self.condition == "any" else Truth.FAILS
        parts = []
        for node in self.nodes:
            parts.append(node.check(view))
            if parts[-1].truth is decisive and not view.evidence:
                break
        truth = together(self.condition, [part.truth for part in parts])
        return Checked(self.condition, truth, parts=tuple(parts))


def together(how: str, truths: list[Truth]) -> Truth:
    """What `all`, `any` or `not` of these comes to: what can't be told matters only when the rest does not decide."""
    if how == "not":
        inner = together("all", truths)
        return {Truth.HOLDS: Truth.FAILS, Truth.FAILS: Truth.HOLDS}.get(inner, inner)
    decides, other = (Truth.FAILS, Truth.HOLDS) if how == "all" else (Truth.HOLDS, Truth.FAILS)
    return decides if decides in truths else Truth.UNKNOWN if Truth.UNKNOWN in truths else other


Node = Found | Is | Number | Lasting | Hours | Nested
