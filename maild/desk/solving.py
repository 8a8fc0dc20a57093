"""What must be known of a ticket before it is solved, how an agent gives it, and what is said of the time spent when it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from maild.desk.days import spoken
from maild.desk.people import Ticket
from maild.desk.rulebook import SOLVING, Field, FieldKind, LogTime, Rulebook
from maild.desk.selection import UNFINISHED
from maild.desk.words import State

TIME: Final = "time"
"""The step of reasons that say how much time a solved ticket took."""

_SOLVED = (State.SOLVED, State.CLOSED)
_EXAMPLES = {
    FieldKind.NUMBER: "12",
    FieldKind.DATE: "2026-12-24",
    FieldKind.YES_NO: "yes",
    FieldKind.PERSON: "ADDRESS",
}


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that is not known yet: its name, and the command line that gives it."""

    what: str
    command: str


def solves(old: State, new: State) -> bool:
    """Whether the work on a ticket ends with this change of state. To close a solved ticket, or spam, ends nothing."""
    return old in UNFINISHED and new in _SOLVED


def lacking(ticket: Ticket, rulebook: Rulebook, given: Collection[str] = ()) -> tuple[Lack, ...]:
    """All that is required of the ticket before it is solved, and is neither there nor among the words of `SOLVING` that are `given`."""
    wanted = _required(ticket, rulebook)
    there = {*given, *(word for word in SOLVING if _has(ticket, word))}
    words = [_of_word(word, rulebook) for word in SOLVING if word in wanted and word not in there]
    fields = [
        _of_field(field)
        for field in rulebook.fields.values()
        if ({"", ticket.type} & set(field.required)) and not ticket.fields.get(field.key)
    ]
    return (*words, *fields)


def _required(ticket: Ticket, rulebook: Rulebook) -> set[str]:
    """The words of `SOLVING` that are required of a ticket of this type."""
    kind = ticket.type or ""
    word = rulebook.words.types.get(kind)
    wanted = {
        *rulebook.solving.get("", ()),
        *rulebook.solving.get(kind, ()),
        *(word.required if word else ()),
    }
    return wanted | ({"time"} if rulebook.time is LogTime.REQUIRED else set())


def _has(ticket: Ticket, word: str) -> bool:
    return bool(ticket.minutes_spent if word == "time" else getattr(ticket, word))


def _of_word(word: str, rulebook: Rulebook) -> Lack:
    if word == "time":
        return Lack("the time spent", "#time 25m")
    known = rulebook.words.categories if word == "category" else {}
    return Lack(f"its {word}", f"#{word} {_one_of(known) or 'WORDS'}")


def _of_field(field: Field) -> Lack:
    return Lack(field.label, f"#field {field.key}={_one_of(field.words) or _EXAMPLES.get(field.kind, '…')}")


def _one_of(known: Collection[str]) -> str:
    """How the choice is shown; "" when any word will do."""
    return f"WORD (one of {', '.join(known)})" if known else ""


def refusal(lacks: Collection[Lack]) -> str:
    """Why a ticket is not solved: everything that lacks, each with the line that gives it."""
    return "it is not solved without " + "; ".join(f"{lack.what}: {lack.command}" for lack in lacks)


def total(ticket: Ticket, rulebook: Rulebook) -> tuple[str, ...]:
    """What agents read about the time when the ticket is solved; nothing where time is not logged."""
    if rulebook.time is LogTime.OFF:
        return ()
    if not ticket.minutes_spent:
        return ("No time is logged on this ticket.",)
    return (f"Time spent on this ticket: {spoken(timedelta(minutes=ticket.minutes_spent))}",)


def reminder(ticket: Ticket, rulebook: Rulebook) -> tuple[str, ...]:
    """The same for who has solved it: how he still logs his time, when nobody has logged any."""
    how = "" if ticket.minutes_spent else " Answer with #time 25m alone to log it."
    return tuple(f"{line}{how}" for line in total(ticket, rulebook))
