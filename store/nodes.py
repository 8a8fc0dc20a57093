"""The desk as a whole: its signing keys, its running nodes, the sizes of its queues."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from maild.desk.facts import Kind
from maild.desk.tokens import Key
from maild.errors import BadInput
from store import tables
from store.columns import UtcDateTime, bounded
from store.engine import session_name
from store.prepared import Prepared
from store.rows import HeldBack, Node, Totals
from store.tables import (
    HELD_BACK,
    INTAKE_ASIDE,
    INTAKE_OPEN,
    OUTBOX_FAILED,
    OUTBOX_OPEN,
    SUPPRESSED,
    UNMATCHED,
    where,
)
from store.transaction import Transaction

DEAD_AFTER: Final = 15.0
"""Seconds of silence after which a node is taken for dead; what it had claimed is then free for the others."""

_KEYS_MAX = 255
_END = sa.text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name = :name AND usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()"
)
_TIME = sa.select(sa.func.clock_timestamp(type_=UtcDateTime))
_KEYS = Prepared(
    sa.select(tables.signing_key).order_by(
        tables.signing_key.c.retired_at.desc().nulls_first(), tables.signing_key.c.id.desc()
    )
)


class DeskWork(Transaction):
    """Keys, nodes and totals as part of a transaction."""

    _keys: tuple[Key, ...] | None = None

    def keys(self) -> tuple[Key, ...]:
        """The signing keys: the current one, then retired ones, newest first."""
        if self._keys is None:
            self._keys = tuple(
                Key(row.id, row.secret, row.retired_at) for row in _KEYS.rows(self._connection, {})
            )
        return self._keys

    def rotate_keys(self, now: datetime, secret: bytes) -> Key:
        """Retire the current key and make `secret` the new one.

        After number 255 those counted from 1 are used again. BadInput while the key of that number still threads.
        """
        table = tables.signing_key
        known = self.keys()
        number = known[0].id % _KEYS_MAX + 1
        old = next((key for key in known if key.id == number), None)
        if old is not None and old.usable(now):
            raise BadInput(
                f"the keys were changed {_KEYS_MAX} times within a year; wait before you do it again"
            )
        self._connection.execute(sa.update(table).where(table.c.retired_at.is_(None)).values(retired_at=now))
        values = {"secret": secret, "retired_at": None}
        if old is None:
            self._connection.execute(sa.insert(table), {"id": number, **values})
        else:
            self._connection.execute(sa.update(table).where(table.c.id == number).values(**values))
        self._keys = None
        return Key(number, secret)

    def time(self) -> datetime | None:
        """The time by the clock that all nodes of the database share; None where they share a machine."""
        if not self._postgres:
            return None
        now: datetime = self._connection.execute(_TIME).scalar_one()
        return now

    def join(self, node: Node, instead_of: Node | None = None) -> Node | None:
        """Enter a node that starts: None. When another process has its name: that one, and nothing is changed, unless it is `instead_of`."""
        if self._postgres:
            name = sa.func.hashtextextended(bounded(f"node {node.name}"), 0)
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(name)))
        there = next((one for one in self.nodes() if one.name == node.name), None)
        if there is not None and not there.is_same(node) and not (instead_of and there.is_same(instead_of)):
            return there
        self._put(tables.node, dataclasses.asdict(node), "name")
        return None

    def heartbeat(self, node: Node) -> bool:
        """A node that was entered says how it is. False: it is not there any more, or another process has its name; nothing is changed."""
        mine = sa.update(tables.node).where(
            tables.node.c.name == node.name,
            tables.node.c.place == node.place,
            tables.node.c.pid == node.pid,
            tables.node.c.started_at == node.started_at,
        )
        return bool(self._connection.execute(mine.values(seen_at=node.seen_at, detail=node.detail)).rowcount)

    def nodes(self) -> list[Node]:
        """All that have reported themselves, by name."""
        rows = self._connection.execute(sa.select(tables.node).order_by(tables.node.c.name))
        return [
            Node(row.name, row.pid, row.version, row.started_at, row.seen_at, row.detail, row.place)
            for row in rows
        ]

    def forget_node(self, node: Node) -> bool:
        """It has ended, unless it has reported itself since (False). Its leases are free."""
        gone = sa.delete(tables.node).where(
            tables.node.c.name == node.name,
            tables.node.c.place == node.place,
            tables.node.c.pid == node.pid,
            tables.node.c.started_at == node.started_at,
            tables.node.c.seen_at <= node.seen_at,
        )
        if not self._connection.execute(gone).rowcount:
            return False
        self._connection.execute(sa.delete(tables.lease).where(tables.lease.c.node == node.name))
        return True

    def end_sessions(self, node: str) -> int:
        """End what a node that is taken for dead has open on the server, so that it can neither hold up others nor commit any more: how
        many sessions."""
        if not self._postgres:
            return 0
        ended: int = self._connection.execute(_END, {"name": session_name(node)}).scalar_one()
        return ended

    def totals(self) -> Totals:
        """Sizes of the queues; what is in work or being sent still counts as waiting or queued."""
        count = sa.func.count()
        intake, outbox, post, ticket = tables.intake, tables.outbox, tables.post, tables.ticket
        queues = sa.select(
            sa.select(count).select_from(intake).where(where(INTAKE_OPEN)).scalar_subquery().label("waiting"),
            _oldest(intake.c.received_at, INTAKE_OPEN).label("oldest_waiting"),
            sa.select(count)
            .select_from(intake)
            .where(where(INTAKE_ASIDE))
            .scalar_subquery()
            .label("quarantined"),
            sa.select(count).select_from(outbox).where(where(OUTBOX_OPEN)).scalar_subquery().label("queued"),
            _oldest(outbox.c.created_at, OUTBOX_OPEN).label("oldest_queued"),
            sa.select(count)
            .select_from(outbox)
            .where(where(OUTBOX_FAILED))
            .scalar_subquery()
            .label("failed"),
            sa.select(count)
            .select_from(post)
            .where(where(OUTBOX_OPEN))
            .scalar_subquery()
            .label("posts_queued"),
            _oldest(post.c.created_at, OUTBOX_OPEN).label("oldest_post"),
            sa.select(count)
            .select_from(post)
            .where(where(OUTBOX_FAILED))
            .scalar_subquery()
            .label("posts_failed"),
        )
        row = self._connection.execute(queues).one()
        states = self._connection.execute(sa.select(ticket.c.state, count).group_by(ticket.c.state))
        return Totals(**row._mapping, tickets={row[0]: row[1] for row in states})

    def held_back(self, since: datetime) -> HeldBack:
        """What did not go out of itself since then, and why; a reason is told up to its first colon."""
        count, event, message = sa.func.count(), tables.event, tables.message
        lines = sa.select(event.c.event, event.c.detail).where(where(HELD_BACK), event.c.at > since)
        not_sent: Counter[str] = Counter()
        delayed = 0
        for row in self._connection.execute(lines):
            if row.event == "sent later":
                delayed += 1
            else:
                not_sent.update(str(why).partition(":")[0] for why in row.detail["why"][:1])
        suppressed = sa.select(count).select_from(tables.address).where(where(SUPPRESSED))
        unmatched = (
            sa.select(count)
            .select_from(message)
            .where(where(UNMATCHED), message.c.created_at > since, message.c.kind != Kind.PERSON)
        )
        sizes = self._connection.execute(sa.select(suppressed.scalar_subquery(), unmatched.scalar_subquery())).one()  # fmt: skip
        return HeldBack(dict(not_sent.most_common()), delayed, *sizes)


def _oldest(column: sa.Column[datetime], condition: str) -> sa.ScalarSelect[datetime]:
    return sa.select(sa.func.min(column, type_=column.type)).where(where(condition)).scalar_subquery()
