"""Agents' mails that wait for a word of their author."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.snapshot import Held
from store.columns import bounded
from store.tables import held, intake
from store.transaction import Transaction

KNOWN_FOR: Final = timedelta(days=60)
"""How long one can still be told what became of a held mail."""

_OF_AGENT = sa.select(held).where(held.c.agent == sa.bindparam("who"), held.c.at > sa.bindparam("since"))
_LIFTED = sa.select(held.c.why).where(held.c.intake == sa.bindparam("number"), held.c.finished_at.is_not(None))  # fmt: skip


def held_of(connection: Connection, agent: str, tickets: Iterable[int], now: datetime) -> tuple[Held, ...]:
    """What was held of an agent (by address) on these tickets, oldest first; what went its way since is `done`."""
    rows = connection.execute(
        _OF_AGENT.order_by(held.c.id), {"who": bounded(agent.lower()), "since": now - KNOWN_FOR}
    )
    wanted = set(tickets)
    return tuple(
        Held(row.id, row.intake, row.ticket, row.agent, row.why, row.at, row.finished_at is not None)
        for row in rows
        if row.ticket in wanted
    )


class HeldWork(Transaction):
    """Held mails as part of a transaction."""

    def hold(self, mail: int, ticket: int, agent: str, why: str, now: datetime) -> int:
        """The mail (an intake row) waits for a word of the agent's."""
        row = {
            "intake": mail,
            "ticket": ticket,
            "agent": agent.lower(),
            "why": why,
            "at": now,
            "finished_at": None,
        }
        return self._insert(held, row)

    def release_held(self, id: int, now: datetime) -> bool:
        """Process a held mail anew, as soon as this transaction ends, without what held it; False when that was done before."""
        mine = sa.update(held).where(held.c.id == id, held.c.finished_at.is_(None))
        number = self._connection.scalar(mine.values(finished_at=now).returning(held.c.intake))
        if number is None:
            return False
        again = {"state": "waiting", "attempts": 0, "due_at": now, "finished_at": None, "outcome": None}
        self._connection.execute(
            sa.update(intake).where(intake.c.id == number, intake.c.state == "done").values(**again)
        )
        return True

    def lifted(self, mail: int) -> tuple[str, ...]:
        """What held this mail and does not any more."""
        return tuple(self._connection.scalars(_LIFTED, {"number": mail}))
