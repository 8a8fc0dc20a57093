"""A ticket's life: one table, (state, what happens, who does it) -> state. What is not in the table is not allowed.

Automatic mail is not in the table at all: it never changes a state. rules/README.md prints this table; a test keeps it so.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from maild.desk.words import State


class Act(StrEnum):
    """What happens to a ticket."""

    WRITE = "writes"
    NOTE = "notes"
    TAKE = "takes or hands over"
    REOPEN = "reopens"
    WAIT = "waits for the requester"
    HOLD = "waits for somebody else"
    SOLVE = "solves"
    CLOSE = "closes"
    SPAM = "calls it spam"
    MERGE = "merges"
    FAIL = "answer undeliverable"
    SILENCE = "silence"


class Who(StrEnum):
    REQUESTER = "requester"
    AGENT = "agent"
    DESK = "desk"


_LIVE = (State.NEW, State.OPEN, State.PENDING, State.ON_HOLD, State.SOLVED, State.CLOSED, State.SPAM)
_UNFINISHED = (State.NEW, State.OPEN, State.PENDING, State.ON_HOLD)


def _table() -> dict[tuple[State, Act, Who], State]:
    table: dict[tuple[State, Act, Who], State] = {}
    same = {state: state for state in _LIVE}

    def rows(act: Act, who: Who, outcome: dict[State, State]) -> None:
        table.update({(old, act, who): new for old, new in outcome.items()})

    answered_us = dict.fromkeys((State.PENDING, State.ON_HOLD, State.SOLVED, State.CLOSED), State.OPEN)
    rows(Act.WRITE, Who.REQUESTER, same | answered_us)
    rows(Act.CLOSE, Who.REQUESTER, dict.fromkeys((*_UNFINISHED, State.SOLVED, State.CLOSED), State.CLOSED))
    rows(Act.REOPEN, Who.REQUESTER, same | answered_us)
    rows(Act.WRITE, Who.AGENT, same | {State.NEW: State.OPEN, State.SPAM: State.OPEN})
    rows(Act.NOTE, Who.AGENT, same | {State.NEW: State.OPEN})
    rows(Act.TAKE, Who.AGENT, same | {State.NEW: State.OPEN})
    rows(Act.REOPEN, Who.AGENT, dict.fromkeys(_LIVE, State.OPEN))
    for act, state in (
        (Act.WAIT, State.PENDING),
        (Act.HOLD, State.ON_HOLD),
        (Act.SOLVE, State.SOLVED),
        (Act.CLOSE, State.CLOSED),
        (Act.SPAM, State.SPAM),
        (Act.MERGE, State.MERGED),
    ):
        rows(act, Who.AGENT, dict.fromkeys(_LIVE, state))
    rows(Act.FAIL, Who.DESK, same | {State.PENDING: State.OPEN, State.SOLVED: State.OPEN})
    rows(Act.SILENCE, Who.DESK, {State.SOLVED: State.CLOSED})
    return table


LIFE = MappingProxyType(_table())

ACT_FOR_STATE = MappingProxyType(
    {
        State.OPEN: Act.REOPEN,
        State.PENDING: Act.WAIT,
        State.ON_HOLD: Act.HOLD,
        State.SOLVED: Act.SOLVE,
        State.CLOSED: Act.CLOSE,
        State.SPAM: Act.SPAM,
    }
)
"""Which act an agent's wish for a state is. New and merged are reached in other ways only."""


def after(state: State, act: Act, who: Who) -> State | None:
    """The state that follows, or None when this act is not allowed to this person in this state."""
    return LIFE.get((state, act, who))


def as_markdown() -> str:
    """The table as rules/README.md shows it: a row for each act and person, a column for each state."""
    head = "| who | does | " + " | ".join(_LIVE) + " |"
    lines = [head, "| --- " * (len(_LIVE) + 2) + "|"]
    for who in Who:
        for act in Act:
            cells = [after(state, act, who) for state in _LIVE]
            if any(cells):
                shown = ["·" if cell == old else cell or "—" for old, cell in zip(_LIVE, cells, strict=True)]
                lines.append(f"| {who} | {act} | " + " | ".join(shown) + " |")
    return "\n".join(lines)
