"""Which tickets a list shows (`list mine`, an admin's view)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from maild.desk.words import State

UNFINISHED: Final = (State.NEW, State.OPEN, State.PENDING, State.ON_HOLD)
STALE_AFTER: Final = timedelta(days=3)
INTERNAL: Final = "internal"
"""The channel of what agents ask for themselves."""
COUNTED: Final = 10_000
"""Up to so many tickets of a list are counted; then there are so many or more."""
ME: Final = "me"
NOBODY: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Selection:
    """Tickets that meet all of this; what is None or empty is not asked. `assignee`: an address, `ME` for who asks, `NOBODY`;
    `team`: its key, `ME` for that of who asks. `idle`: nothing has happened for so long. `search`: words as in `maild tickets`.
    `hidden`: keys of teams whose tickets are left out, but for those that `viewer` (an address) has, is the contact of, or follows."""

    states: tuple[State, ...] = UNFINISHED
    assignee: str | None = None
    team: str | None = None
    requester: str | None = None
    tag: str | None = None
    priorities: tuple[int, ...] = ()
    overdue: bool = False
    idle: timedelta | None = None
    search: str | None = None
    hidden: tuple[str, ...] = ()
    viewer: str = ""


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
