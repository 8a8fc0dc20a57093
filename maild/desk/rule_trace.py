"""What a run of the rules looked at and why it did what it did: a value that `maild explain` shows, as JSON or as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from maild.desk.conditions import Checked


class Outcome(StrEnum):
    FIRED = "fired"
    NOT_MET = "not met"
    UNKNOWN = "can't tell"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Line:
    """One rule. `place`: FILE:LINE:COLUMN. `why`: why it was not reached. `conditions`: each with its value and evidence.
    `did`: what followed, a line each."""

    rule: str
    place: str
    outcome: Outcome
    why: str = ""
    conditions: tuple[Checked, ...] = ()
    did: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """One pass over the rules, for this occasion. `lines`: every rule in order, or (asked for less) those that fired."""

    occasion: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """Every pass. `notes`: what held for all of it, like a text that was cut."""

    rounds: tuple[Round, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> Iterator[Line]:
        for one in self.rounds:
            yield from one.lines

    def fired(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines() if line.outcome is Outcome.FIRED)

    def as_json(self) -> dict[str, Any]:
        """Lists, dicts and texts only."""
        rounds = [
            {"occasion": one.occasion, "rules": [_json_line(line) for line in one.lines]}
            for one in self.rounds
        ]
        return {"rounds": rounds, "notes": list(self.notes)}

    def as_text(self) -> str:
        """For people: one block a rule, its conditions below it."""
        out = [f"note: {note}" for note in self.notes]
        for one in self.rounds:
            if len(self.rounds) > 1 or not one.lines:
                out.append(f"on {one.occasion}:" + ("" if one.lines else " there are no rules"))
            for line in one.lines:
                out += _text_line(line)
        return "\n".join(out)


def _json_line(line: Line) -> dict[str, Any]:
    return {
        "rule": line.rule,
        "place": line.place,
        "outcome": str(line.outcome),
        "why": line.why,
        "conditions": [_json_condition(one) for one in line.conditions],
        "did": list(line.did),
    }


def _json_condition(checked: Checked) -> dict[str, Any]:
    found: dict[str, Any] = {"condition": checked.condition, "value": str(checked.truth)}
    if checked.parts:
        found["parts"] = [_json_condition(part) for part in checked.parts]
    else:
        found |= {"wanted": checked.wanted, "evidence": checked.evidence}
    return found


def _text_line(line: Line) -> list[str]:
    why = f" ({line.why})" if line.why else ""
    out = [f"{line.outcome:<11}  {line.rule}{why}"]
    for checked in line.conditions:
        out += _text_condition(checked, 1)
    return out + [f"    => {one}" for one in line.did]


def _text_condition(checked: Checked, depth: int) -> list[str]:
    said = f"{checked.condition}: {checked.wanted}" if checked.wanted else checked.condition
    evidence = f" — {checked.evidence}" if checked.evidence else ""
    out = [f"{'    ' * depth}{checked.truth:<10}  {said}{evidence}"]
    for part in checked.parts:
        inner = part.parts if part.condition == "all" and len(part.parts) == 1 else (part,)
        for one in inner:
            out += _text_condition(one, depth + 1)
    return out
