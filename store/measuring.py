"""What is measured of the desk: few statements, each on an index, so that measuring costs nothing worth measuring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store import tables
from store.destinations import EVERYWHERE
from store.nodes import DEAD_AFTER, DeskWork
from store.rows import Totals
from store.tables import UNFINISHED, where


@dataclass(frozen=True, slots=True)
class Measures:
    """`paused`: the admin has stopped all sending. `breached`: unfinished tickets by broken promise. `alive`, `stale`: nodes that report
    themselves, and those that do not any more and have not said good-bye."""

    totals: Totals
    paused: bool
    breached: Mapping[str, int]
    alive: int
    stale: int


class MeasureWork(DeskWork):
    """Measuring as part of a transaction."""

    def measures(self, now: datetime) -> Measures:
        ticket, destination = tables.ticket, tables.destination
        broken: Counter[str] = Counter()
        for names in self._connection.scalars(sa.select(ticket.c.breached).where(where(UNFINISHED))):
            broken.update(names)
        paused = sa.select(destination.c.domain).where(
            destination.c.domain == EVERYWHERE, destination.c.paused_at.is_not(None)
        )
        nodes = self.nodes()
        alive = sum((now - node.seen_at).total_seconds() <= DEAD_AFTER for node in nodes)
        return Measures(
            totals=self.totals(),
            paused=self._connection.scalar(paused) is not None,
            breached=dict(broken),
            alive=alive,
            stale=len(nodes) - alive,
        )
