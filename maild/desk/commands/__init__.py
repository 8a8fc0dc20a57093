"""Agents' commands: lines at the top of an answer that start with `#` (CONTRACT §4). All or nothing.

`carry_out` checks every line against the ticket and gives changes only if all are right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from maild.desk.commands import fields, people, states, tickets, times
from maild.desk.commands.run import (
    Line,
    No,
    Outcome,
    Power,
    Requester,
    Run,
    nearest,
    some,
    unquoted,
    value_of,
)
from maild.desk.deriving import following
from maild.desk.effects import Change
from maild.desk.macros import filled
from maild.desk.people import Ticket
from maild.desk.privacy import may_change
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Snapshot
from maild.desk.words import State

__all__ = ["COMMANDS", "SYNONYMS", "WORD", "Line", "Outcome", "Power", "Requester", "arguments", "as_markdown", "carry_out", "name_of", "usages"]  # fmt: skip

WORD = re.compile(r"#\s?([A-Za-z][A-Za-z-]*)[.:!,;]?(?:\s+(.*))?$", re.DOTALL)


def _help(run: Run, argument: str) -> str:
    run.note(help=True)
    return "see below"


def _macro(run: Run, argument: str) -> str:
    """#macro NAME: its lines are carried out here, its text stands before the agent's own."""
    word, macros = some(argument, "a name").lower().removesuffix(".md"), run.rulebook.macros
    found = next((macro for name, macro in macros.items() if name.lower() == word), None)
    if found is None:
        raise No(f"there is no macro {argument!r}{nearest(word, macros)}")
    text = filled(found.text, run.ticket, run.power.agent, run.rulebook.identity)
    run.note(text="\n\n".join(filter(None, (run.outcome.text, text))))
    for raw in found.commands:
        line = _one(run, raw)
        if not line.done:
            raise No(f"its line {raw} is refused: {line.why}")
    return f"macro {found.name}"


COMMANDS: Mapping[str, tuple[Callable[[Run, str], str], str]] = MappingProxyType(
    {
        "note": (states.note, "#note: the whole message is internal"),
        "public": (states.public, "#public: the message goes to the requester"),
        "send": (states.send, "#send: although a colleague has answered; alone, in answer to a transcript: send what is held"),
        "state": (states.to_any_state, "#state pending: open, pending, on-hold, solved, closed"),
        "solve": (states.to_state(State.SOLVED), "#solve: the answer solves it; #solve anyway, for admins: although something lacks that is required before"),
        "close": (states.to_state(State.CLOSED), "#close"),
        "reopen": (states.to_state(State.OPEN), "#reopen"),
        "priority": (fields.priority, "#priority 1, #priority auto: 1 (most urgent) to 5, or its name; auto: as it follows from impact and urgency"),
        "subject": (fields.free_text("subject"), "#subject TEXT: a better subject"),
        "type": (fields.declared("type"), "#type incident"),
        "category": (fields.declared("category"), "#category billing"),
        "severity": (fields.declared("severity"), "#severity critical: and the impact that it implies"),
        "impact": (fields.scale("impact"), "#impact 2, #impact auto: 1 (highest) to 3, or its name; auto: as it follows from the severity"),
        "urgency": (fields.scale("urgency"), "#urgency 1: 1 (highest) to 3, or its name"),
        "team": (people.team, "#team engineering: hand it to another team"),
        "assign": (people.assign, "#assign me, #assign ADDRESS, #assign nobody"),
        "escalate": (people.escalate, "#escalate, #escalate WHY: the next step of the escalation; when there is none, to the first team of the next level"),
        "ack": (people.acknowledge, "#ack: I have seen it and act; no further step is taken for nobody having acted"),
        "ask": (people.ask, "#ask AGENT, #ask TEAM: the text is a question to them; the ticket stays where it is"),
        "tag": (fields.tag, "#tag a b"),
        "untag": (fields.untag, "#untag a"),
        "field": (fields.custom, "#field name=value"),
        "time": (times.spent, "#time 25m, #time 1h30m, #time 1.5h, #time 1:30: time spent"),
        "contact": (fields.contact, "#contact phone: the text sums up a talk outside mail; it stays inside and counts as an answer"),
        "channel": (fields.channel, "#channel phone: how the request came"),
        "received": (times.received, "#received 09:40, #received 2026-11-20 09:40: when it came; what is promised is counted from then"),
        "due": (times.due, "#due 2026-12-01, #due 2026-12-01 16:00: when it should be done; the requester is told"),
        "cause": (fields.free_text("cause"), "#cause WORDS"),
        "solution": (states.solution, "#solution WORDS: how it was solved; without words, the text below is it"),
        "watch": (people.watch, "#watch me, #watch ADDRESS: hear of everything"),
        "unwatch": (people.unwatch, "#unwatch me"),
        "merge": (tickets.merge, "#merge 12: this ticket goes into 12"),
        "split": (tickets.split, "#split SUBJECT: the message that was answered, or the text below, becomes a ticket of its own"),
        "link": (tickets.link, "#link 12, #link https://example.org/page: what belongs to it"),
        "spam": (states.to_state(State.SPAM), "#spam"),
        "requester": (people.requester, "#requester ADDRESS, #requester NAME, #requester +31 20 555 1234, #requester NAME NUMBER: somebody else asks"),
        "organisation": (fields.organisation, "#organisation NAME: for the requester's later tickets too; #organisation none: that of the address"),
        "macro": (_macro, "#macro NAME: an answer written once"),
        "undo": (states.undo, "#undo: take back the field changes of your last mail on this ticket, within an hour"),
        "away": (times.away, "#away until 2026-12-01, #away until Monday: nothing is assigned to you until then; what falls due is handed over"),
        "back": (times.back, "#back: you are there again"),
        "help": (_help, "#help: this list"),
    }
)  # fmt: skip

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {"solved": "solve", "resolve": "solve", "resolved": "solve", "closed": "close", "reopened": "reopen", "internal": "note", "prio": "priority",
     "owner": "assign", "assignee": "assign", "tags": "tag", "status": "state", "take": "assign", "acknowledge": "ack", "organization": "organisation",
     "consult": "ask", "follow": "watch", "unfollow": "unwatch", "commands": "help", "private": "note"}
)  # fmt: skip

_LIGHT = frozenset(("note", "ask", "time", "watch", "unwatch", "away", "back", "help"))
"""What an agent may who notes only."""

_ASKED = frozenset(("note", "time", "ack", "unwatch", "undo", "away", "back", "help"))
"""What somebody of another team may on a private ticket that he was asked or told about."""

_WORDY = frozenset(("subject", "cause", "solution", "split", "requester", "link"))
"""What takes a text as it is written."""


def name_of(line: str) -> str | None:
    """The name of the command that this line is, whatever synonym stands there; None when there is no such command."""
    found = WORD.match(line)
    word = found[1].lower() if found else ""
    name = SYNONYMS.get(word, word)
    return name if name in COMMANDS else None


def _argument(said: str, name: str) -> str:
    """What stands behind the word, without quotes around it and the full stop of a sentence."""
    said = said.strip()
    return unquoted(said if name in _WORDY else said.rstrip(".").rstrip())


def arguments(lines: Iterable[str], name: str) -> tuple[str, ...]:
    """What stands behind this command in each line that is it."""
    found = (WORD.match(line) for line in lines if name_of(line) == name)
    return tuple(_argument(one[2] or "", name) for one in found if one)


def _one(run: Run, raw: str) -> Line:
    found = WORD.match(raw)
    word = found[1].lower() if found else (raw.lstrip("#").split() or [""])[0].lower()
    name = SYNONYMS.get(word, word)
    if not found or name not in COMMANDS:
        near = nearest(word, (*COMMANDS, *SYNONYMS))
        return Line(raw, False, f"there is no command #{word}{near} (to begin a text with #, write ##)")
    if run.power.light and name not in _LIGHT:
        return Line(raw, False, "your role may note, not answer or change anything")
    if name not in _ASKED and not may_change(run.power.agent, run.ticket, run.rulebook):
        return Line(raw, False, "the ticket is of a private team: who is not of it may note, and no more")
    argument = _argument(found[2] or "", name)
    if word == "take":
        argument = argument or "me"
    before, values = run.outcome, dict(run.values)
    try:
        return Line(raw, True, COMMANDS[name][0](run, argument))
    except No as no:
        run.outcome, run.values = before, values
        return Line(raw, False, str(no))


def carry_out(
    commands: tuple[str, ...],
    ticket: Ticket,
    power: Power,
    rulebook: Rulebook,
    snapshot: Snapshot,
    now: datetime,
    text: str = "",
) -> Outcome:
    """What these command lines do to the ticket. `snapshot` holds the tickets they name; `now` is aware; `text` stands below them."""
    run = Run(ticket, power, rulebook, snapshot, now, text)
    lines = _lines(run, commands)
    for name, new in following(rulebook.words, run.current, run.values.keys()).items():
        run.put(name, new)
    changes = tuple(
        Change(name, value_of(ticket, name), value)
        for name, value in run.values.items()
        if value_of(ticket, name) != value
    )
    if run.outcome.merge is not None and changes and not any(not line.done for line in lines):
        lines = (*lines, Line("#merge", False, "stands without commands that change this ticket: give them to the other one"))  # fmt: skip
    return replace(run.outcome, lines=lines, changes=changes)


def _lines(run: Run, commands: tuple[str, ...]) -> tuple[Line, ...]:
    """What became of each line. In whatever order they stand: a bare `#solution` knows the text of all macros, and whether the ticket can be
    solved is seen when all is known."""
    lines: dict[int, Line] = {}
    mover = 0
    for at in sorted(range(len(commands)), key=lambda at: _takes_text(commands[at])):
        before = run.current("state")
        lines[at] = _one(run, commands[at])
        mover = at if run.current("state") != before else mover
    why = states.keep_unsolved(run) if lines else ""
    if why:
        lines[mover] = replace(lines[mover], done=False, why=why)
    return tuple(lines[at] for at in range(len(commands)))


def _takes_text(raw: str) -> bool:
    found = WORD.match(raw)
    return name_of(raw) == "solution" and not (found and found[2])


def usages(rulebook: Rulebook) -> tuple[str, ...]:
    """The commands as `#help` lists them, and the desk's macros."""
    macros = tuple(f"#macro {name}" for name in rulebook.macros)
    return (*(usage for _, usage in COMMANDS.values()), *macros)


def as_markdown() -> str:
    """The commands as rules/README.md lists them."""
    return "\n".join(_listed(usage) for _, usage in COMMANDS.values())


def _listed(usage: str) -> str:
    head, colon, rest = usage.partition(": ")
    return f"- `{head}`{colon + rest if colon else ''}"
