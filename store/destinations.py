"""Destinations of outgoing mail: recipient domains that are paused, that are left alone for a while, or that get mail at a pace."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from store.rows import DestinationRow
from store.tables import destination
from store.transaction import Transaction, insert_ignore

EVERYWHERE: Final = "*"
"""The row that stands for all domains."""
CATCH_UP: Final = timedelta(seconds=1)
"""How much of an unused pace may be made up for: the sender looks twice a second."""

_UPDATE = sa.update(destination)
_NAMED = destination.c.domain == sa.bindparam("named")


class DestinationWork(Transaction):
    """Destinations as part of a transaction. Domains are in lower case."""

    def pause_mail(self, domain: str | None, now: datetime) -> bool:
        """Send nothing to this domain, or (None) nothing at all, until it is resumed; False when that was so before."""
        name = domain or EVERYWHERE
        self._know(name)
        idle = _UPDATE.where(_NAMED, destination.c.paused_at.is_(None)).values(paused_at=now)
        return bool(self._connection.execute(idle, {"named": name}).rowcount)

    def resume_mail(self, domain: str | None) -> bool:
        """Send to this domain, or (None) at all, again, at once; False when it was not paused. Pauses of single domains outlive the other."""
        values = {"paused_at": None, "wait_until": None, "failures": 0, "reason": ""}
        paused = _UPDATE.where(_NAMED, destination.c.paused_at.is_not(None)).values(values)
        return bool(self._connection.execute(paused, {"named": domain or EVERYWHERE}).rowcount)

    def destinations(self, now: datetime) -> list[DestinationRow]:
        """Those that get no mail now: the pause of everything (domain None) first, then by name."""
        held = sa.or_(destination.c.paused_at.is_not(None), destination.c.wait_until > now)
        query = sa.select(destination).where(held).order_by(destination.c.domain)
        return [
            DestinationRow(
                None if row.domain == EVERYWHERE else row.domain, row.paused_at, row.wait_until, row.reason
            )
            for row in self._connection.execute(query)
        ]

    def destination_deferred(self, domain: str, now: datetime, reason: str) -> int:
        """The domain, and not only one mail, was deferred: how often in a row by now; 0 when it is left alone already."""
        self._know(domain)
        tried = sa.or_(destination.c.wait_until.is_(None), destination.c.wait_until <= now)
        more = _UPDATE.where(_NAMED, tried).values(failures=destination.c.failures + 1, reason=reason)
        return self._connection.scalar(more.returning(destination.c.failures), {"named": domain}) or 0

    def leave_alone(self, domain: str, until: datetime) -> None:
        """Nothing is tried there before then."""
        self._connection.execute(_UPDATE.where(_NAMED).values(wait_until=until), {"named": domain})

    def destinations_reached(self, domains: Iterable[str]) -> None:
        """They took mail, or the admin wants them tried: they are not left alone any more."""
        values = {"failures": 0, "wait_until": None, "reason": ""}
        known = _UPDATE.where(destination.c.domain.in_(list(domains)), destination.c.failures > 0)
        self._connection.execute(known.values(values))

    def take_turns(self, domain: str, now: datetime, gap: timedelta, most: int) -> int:
        """How many of `most` mails may go to a domain now where one may go every `gap`; all nodes share the turns."""
        self._know(domain)
        query = sa.select(destination.c.next_at).where(_NAMED).with_for_update()
        next_at = self._connection.scalar(query, {"named": domain})
        start = now if next_at is None else max(next_at, now - CATCH_UP)
        turns = min(most, int((now - start) / gap) + 1) if start <= now else 0
        if turns > 0:
            self._connection.execute(
                _UPDATE.where(_NAMED).values(next_at=start + turns * gap), {"named": domain}
            )
        return turns

    def _know(self, domain: str) -> None:
        row = {"domain": domain, "failures": 0, "reason": ""}
        self._connection.execute(
            insert_ignore(self._connection, destination, key=(destination.c.domain,)), row
        )
