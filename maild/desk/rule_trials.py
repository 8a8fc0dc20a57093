"""The tests that stand in rules: a mail or ticket as `given`, through the whole rulebook, and what it has to come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from maild.desk import rules as compiled
from maild.desk.belonging import groups_of, organisation_at
from maild.desk.conditions import Checked, Truth
from maild.desk.deriving import CHOOSABLE
from maild.desk.effects import NEW
from maild.desk.facts import Address
from maild.desk.people import Person, Ticket
from maild.desk.rule_actions import FIELD, Assign, other_action
from maild.desk.rule_facts import AttachedFile, Facts, MailFacts
from maild.desk.rule_trace import Line, Outcome
from maild.desk.rule_vocabulary import NO_MATCH
from maild.desk.rulebook import Rulebook
from maild.desk.rules import WAYS, Lexicon
from maild.desk.ruling import Ruling, run
from maild.desk.words import State
from maild.reading import duration

_THEN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_COLUMNS: Final = (
    "type",
    "category",
    "severity",
    "impact",
    "urgency",
    "priority",
    "level",
    "team",
    "assignee",
    "channel",
)


class Case(NamedTuple):
    """A test of a rule: what the mail and the ticket say, and the occasion."""

    occasion: str
    facts: Facts
    ticket: Ticket


def failure(
    rule: str, occasion: str, test: Mapping[str, Any], rulebook: Rulebook, lexicon: Lexicon
) -> str | None:
    """What a test expected and got instead, with the reason; None when it passes.

    It passes when, with all rules in order, this rule fires and the ticket has, or the rules did, afterwards what `then` lists; for
    "no match", when this rule does not fire.
    """
    case = given(occasion, test["given"], rulebook, lexicon)
    ruling = run(case.occasion, case.facts, case.ticket, rulebook)
    then = test["then"]
    if then == NO_MATCH:
        if rule not in ruling.fired:
            return None
        return f"expected {NO_MATCH}, but it fired{_because(rule, case, rulebook)}"
    if rule not in ruling.fired:
        return f"expected it to fire, but it did not{_because(rule, case, rulebook)}"
    wrong = [
        text for key, value in then.items() for text in _differs(key, value, ruling, case.ticket, lexicon)
    ]
    if not wrong:
        return None
    others = ", ".join(f"'{name}'" for name in ruling.fired)
    return f"{'; '.join(wrong)} (fired: {others})"


def given(occasion: str, words: Mapping[str, Any], rulebook: Rulebook, lexicon: Lexicon) -> Case:
    """The facts that a test gives. What it leaves out is not there: no subject, nothing set, no time known."""
    sender = _sender(words)
    requester = Person(0, sender.name if sender else "", sender.address if sender else "")
    organisation = organisation_at(requester.address, rulebook) if sender else None
    name = words.get("organisation", organisation.name if organisation else None)
    groups = tuple(_listed(words["group"])) if "group" in words else groups_of(requester, rulebook)
    arrives = occasion in ("ticket", "reply")
    facts = Facts(
        mail=_mail(words, sender) if arrives else None,
        organisation=name,
        groups=groups,
        idle=duration(words["idle"]) if "idle" in words else None,
        age=duration(words["age"]) if "age" in words else None,
        open=dict(pair for one in _listed(words["hours"]) for pair in compiled.hours(one)) if "hours" in words else None,
    )  # fmt: skip
    columns = {key: lexicon.plain(key, words[key]) for key in _COLUMNS if words.get(key) is not None}
    for key in ("impact", "urgency"):
        if key in columns:
            columns[key] = str(columns[key])
    stands: dict[str, Any] = {"priority": rulebook.default_priority, "channel": "email", **columns}
    ticket = Ticket(
        id=NEW if occasion == "ticket" else 1,
        subject=str(words.get("subject") or ""),
        state=State(words.get("state") or (State.NEW if occasion == "ticket" else State.OPEN)),
        requester=requester,
        received_at=_THEN,
        created_at=_THEN,
        updated_at=_THEN,
        organisation=name,
        tags=tuple(map(str, _listed(words.get("tags") or []))),
        fields={key.removeprefix(FIELD): str(value) for key, value in words.items() if key.startswith(FIELD) and value is not None},
        language=words.get("language") or rulebook.identity.language,
        chosen=tuple(key for key in CHOOSABLE if key in columns),
        **stands,
    )  # fmt: skip
    return Case(occasion, facts, ticket)


def _sender(words: Mapping[str, Any]) -> Address | None:
    domain = words.get("from_domain")
    written = str(words.get("from") or (f"somebody@{domain}" if domain else ""))
    name, _, address = written.rpartition(" ")
    address = address.strip("<>")
    if written and "@" not in address:
        return Address(written, "somebody@example.org")
    return Address(name.strip().strip('"'), address) if address else None


def _mail(words: Mapping[str, Any], sender: Address | None) -> MailFacts:
    files = words.get("attachment")
    names = ["file"] if files in (True, "yes") else [] if files in (None, False, "no") else _listed(files)
    return MailFacts(
        sender=sender,
        to=tuple(str(one).lower() for one in _listed(words.get("to") or [])),
        subject=str(words.get("subject") or ""),
        body="\n".join(str(words[key]) for key in ("body", "text") if words.get(key) is not None),
        header=tuple((str(name), str(value)) for name, value in (words.get("header") or {}).items()),
        attachments=tuple(_file(str(name)) for name in names),
        language=words.get("language"),
        kind=str(words.get("kind") or "person"),
    )


def _file(written: str) -> AttachedFile:
    """A name, or with a slash a type: `image/png`."""
    return (
        AttachedFile("file", written) if "/" in written else AttachedFile(written, "application/octet-stream")
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _differs(key: str, value: Any, ruling: Ruling, before: Ticket, lexicon: Lexicon) -> Iterator[str]:
    """How what happened is other than `then` says of this word."""
    ticket = ruling.ticket
    for one in _listed(value):
        wanted = lexicon.plain(key, one)
        if key in ("tags", "untag"):
            if (str(wanted) in ticket.tags) != (key == "tags"):
                yield f"expected {key} {wanted}, got tags {', '.join(ticket.tags) or 'none'}"
            continue
        action = other_action(key, wanted)
        if action is not None:
            if action not in ruling.actions:
                yield f"expected {key} {wanted}, which was not done"
            continue
        if key == "assignee" and wanted in WAYS:
            asked = [found.way for found in ruling.actions if isinstance(found, Assign)]
            if wanted not in asked:
                yield f"expected assignee {wanted}, got {asked[-1] if asked else ticket.assignee or 'nobody'}"
            continue
        if key == "priority" and wanted == "raise":
            wanted = max(1, before.priority - 1)
        got = ticket.fields.get(key.removeprefix(FIELD)) if key.startswith(FIELD) else getattr(ticket, key)
        if (None if got is None else str(got)) != (None if wanted is None else str(wanted)):
            yield f"expected {key} {wanted}, got {'nothing' if got is None else got}"


def _because(rule: str, case: Case, rulebook: Rulebook) -> str:
    """Why the rule fired or did not, from the trace of the whole run."""
    trace = run(case.occasion, case.facts, case.ticket, rulebook, whole=True).trace
    lines = [line for line in trace.lines() if line.rule == rule]
    line: Line = next((one for one in lines if one.outcome is Outcome.FIRED), lines[0])
    if line.why:
        return f": {line.why}"
    wanted = Truth.HOLDS if line.outcome is Outcome.FIRED else None
    told = [text for checked in line.conditions for text in _told(checked, wanted)]
    return f": {'; '.join(told)}" if told else ""


def _told(checked: Checked, wanted: Truth | None) -> Iterator[str]:
    """The conditions that decided: those that hold (`wanted`), or, when None, those that do not."""
    if (checked.truth is Truth.HOLDS) != (wanted is Truth.HOLDS):
        return
    if checked.condition == "not":
        yield f"not ({'; '.join(map(_flat, checked.parts))})"
    elif checked.parts:
        for part in checked.parts:
            yield from _told(part, wanted)
    else:
        yield _flat(checked)


def _flat(checked: Checked) -> str:
    if checked.parts:
        return f"{checked.condition} ({'; '.join(map(_flat, checked.parts))})"
    return f"{checked.condition} {checked.wanted}: {checked.truth} ({checked.evidence})"
