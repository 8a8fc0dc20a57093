"""What the rules need to remember: turns, what fired on time, which tickets are worth another look."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from maild.desk.staffing import Staff
from maild.desk.words import State
from store import tables
from store.absences import AbsenceWork
from store.tables import LOOKED_AT, UNFINISHED, where

_TIME_RULES: Final = "rules on time"
TURN_LOCK: Final = 0x7475726E  # any number nobody else uses: "turn"
_LOAD = (
    sa.select(tables.ticket.c.assignee, sa.func.count())
    .where(tables.ticket.c.assignee.is_not(None), where(UNFINISHED))
    .group_by(tables.ticket.c.assignee)
)
_TURNS = sa.select(tables.turn.c.team, tables.turn.c.agent)
_LOOKS = (
    sa.select(
        tables.ticket.c.id, tables.ticket.c.look_at, tables.ticket.c.active_at, tables.ticket.c.received_at
    )
    .where(where(LOOKED_AT), tables.ticket.c.look_at <= sa.bindparam("now"))
    .order_by(tables.ticket.c.look_at, tables.ticket.c.id)
    .limit(sa.bindparam("most"))
)
_FIRED = sa.select(tables.fired.c.rule).where(
    tables.fired.c.ticket == sa.bindparam("ticket"), tables.fired.c.at >= sa.bindparam("since")
)


class RulingWork(AbsenceWork):
    """The memory of the rules as part of a transaction."""

    def staff(self, ways: Collection[str], now: datetime) -> Staff:
        """What assignment in these ways needs: whose turn it was, who has how much to do, who is away.

        Until the end of a write transaction nobody else gives out turns.
        """
        if "round-robin" in ways and self._writing and self._postgres:
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TURN_LOCK)))
        turns = self._connection.execute(_TURNS) if "round-robin" in ways else ()
        loads = self._connection.execute(_LOAD) if "least-busy" in ways else ()
        return Staff(
            {row.team: row.agent for row in turns},
            {row[0]: row[1] for row in loads},
            dict(self.away(now)),
        )

    def took_turn(self, team: str, agent: str, now: datetime) -> None:
        """This agent (address) got the last ticket of the team ("" for none) in turn."""
        self._put(tables.turn, {"team": team, "agent": agent, "at": now}, "team")

    def fired(self, ticket: int, since: datetime) -> tuple[str, ...]:
        """The rules on time that fired for the ticket since then, by name."""
        return tuple(self._connection.scalars(_FIRED, {"ticket": ticket, "since": since}))

    def note_fired(self, ticket: int, rules: Sequence[str], now: datetime) -> None:
        """These rules on time fired for the ticket."""
        for rule in rules:
            self._put(tables.fired, {"ticket": ticket, "rule": rule, "at": now}, "ticket", "rule")

    def due_looks(self, now: datetime, limit: int) -> list[tuple[int, datetime, datetime]]:
        """(ticket, since when it is due, when a person was last at work there) of tickets that rules on time should look at,
        earliest first."""
        rows = self._connection.execute(_LOOKS, {"now": now, "most": limit})
        return [(row.id, row.look_at, row.active_at or row.received_at) for row in rows]

    def look_again(self, rules: str, now: datetime) -> bool:
        """With other rules on time than before (`rules` stands for them, "" for none), every ticket that is not merged, nor dormant, is to be
        looked at again; whether that is so."""
        memo = tables.memo
        before = self._connection.scalar(sa.select(memo.c.value).where(memo.c.name == _TIME_RULES)) or ""
        if before == rules:
            return False
        look = now if rules else None
        wanted = (tables.ticket.c.state.not_in((State.MERGED, State.SPAM)), ~tables.ticket.c.dormant)
        self._connection.execute(sa.update(tables.ticket).where(*wanted).values(look_at=look))
        self._put(memo, {"name": _TIME_RULES, "value": rules}, "name")
        return True
