"""Which tickets a list shows (`list mine`, an admin's view), and what a report counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from maild.desk.words import State

UNFINISHED: Final = (State.NEW, State.OPEN, State.PENDING, State.ON_HOLD)
STALE_AFTER: Final = timedelta(days=3)
ME: Final = "me"
NOBODY: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Selection:
    """Tickets that meet all of this; what is None or empty is not asked. `assignee`: an address, `ME` for who asks, `NOBODY`;
    `team`: its key, `ME` for that of who asks. `idle`: nothing has happened for so long. `search`: words as in `maild tickets`."""

    states: tuple[State, ...] = UNFINISHED
    assignee: str | None = None
    team: str | None = None
    requester: str | None = None
    tag: str | None = None
    priorities: tuple[int, ...] = ()
    overdue: bool = False
    idle: timedelta | None = None
    search: str | None = None


LISTS: Final[Mapping[str, Selection]] = MappingProxyType(
    {
        "mine": Selection(assignee=ME),
        "unowned": Selection(assignee=NOBODY),
        "team": Selection(team=ME),
        "new": Selection(states=(State.NEW,)),
        "stale": Selection(states=(State.NEW, State.OPEN), idle=STALE_AFTER),
        "waiting": Selection(states=(State.PENDING, State.ON_HOLD)),
        "overdue": Selection(overdue=True),
        "all": Selection(),
    }
)
"""The lists that every desk has."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A short report. `opened`, `solved`: tickets in the period; `answered`: those whose first answer came in it, with the median span
    from their arrival; `breached`: unfinished or opened tickets with a missed promise, by target. The rest: unfinished ones now."""

    opened: int = 0
    solved: int = 0
    answered: int = 0
    first_response: timedelta | None = None
    breached: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, int] = field(default_factory=dict)
    priorities: Mapping[int, int] = field(default_factory=dict)
    teams: Mapping[str, int] = field(default_factory=dict)
    agents: Mapping[str, int] = field(default_factory=dict)
