"""Impact follows from severity, and priority from impact and urgency by the dictionary's table, until a rule or an agent chooses them
(`Ticket.chosen`)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from maild.desk.rulebook import Words

CHOOSABLE: Final = ("impact", "priority")
_CAUSES: Final = frozenset(("severity", "impact", "urgency", "chosen"))


def following(words: Words, current: Callable[[str], Any], touched: Collection[str]) -> dict[str, object]:
    """What impact and priority become after these columns were set. `current` gives a column of the ticket as it is now. What was chosen,
    and what nothing follows for, is left out."""
    found: dict[str, object] = {}
    if not _CAUSES.intersection(touched):
        return found
    chosen = current("chosen")
    if "impact" not in chosen and {"severity", "chosen"}.intersection(touched):
        implied = words.implied(current("severity"))
        if implied is not None:
            found["impact"] = str(implied)
    if "priority" not in chosen:
        derived = words.derived(found.get("impact", current("impact")), current("urgency"))
        if derived is not None:
            found["priority"] = derived
    return found


def with_choice(chosen: tuple[str, ...], name: str) -> tuple[str, ...]:
    """What is chosen when this is too."""
    return tuple(one for one in CHOOSABLE if one == name or one in chosen)


def without_choice(chosen: tuple[str, ...], name: str) -> tuple[str, ...]:
    """What is chosen when this follows from the rest again."""
    return tuple(one for one in chosen if one != name)
