"""Leases: what one node at a time does, by name, until a time; a node that dies lets it pass to another."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from store.tables import lease
from store.transaction import Transaction


@functools.cache
def _take(postgres: bool) -> Any:
    """An INSERT that takes the place only of a lease that is the node's own or over, and then gives back its name."""
    insert = postgresql.insert(lease) if postgres else sqlite.insert(lease)
    free = sa.or_(
        lease.c.node == insert.excluded.node, lease.c.until <= sa.bindparam("now", type_=lease.c.until.type)
    )
    return insert.on_conflict_do_update(
        index_elements=[lease.c.name],
        set_={"node": insert.excluded.node, "until": insert.excluded.until},
        where=free,
    ).returning(lease.c.name)


class LeaseWork(Transaction):
    """Leases as part of a transaction."""

    def take_lease(self, name: str, node: str, now: datetime, until: datetime) -> bool:
        """Whether `node` has the lease of this name until then, also when it had it before; never two nodes at once.

        A lease that is over at `now` is free. All nodes must mean the same by `now`: see `Running.desk_time`.
        """
        values = {"name": name, "node": node, "until": until, "now": now}
        return self._connection.execute(_take(self._postgres), values).first() is not None

    def drop_lease(self, name: str, node: str) -> None:
        """Give the lease up at once, if this node has it."""
        mine = sa.delete(lease).where(lease.c.name == name, lease.c.node == node)
        self._connection.execute(mine)

    def leases(self) -> dict[str, tuple[str, datetime]]:
        """Each lease that was taken and not dropped: its node, and until when."""
        rows = self._connection.execute(sa.select(lease).order_by(lease.c.name))
        return {row.name: (row.node, row.until) for row in rows}
