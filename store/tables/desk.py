"""The desk as a whole: keys, nodes, leases, whose turn it is, what was fired, memos, appointments, absences."""

from __future__ import annotations

import sqlalchemy as sa

from store.columns import CleanJson, CleanText, KeyText, UtcDateTime
from store.tables.base import metadata, ref

signing_key = sa.Table(
    "signing_key",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("retired_at", UtcDateTime),
)

absence = sa.Table(
    "absence",
    metadata,
    sa.Column("agent", KeyText, primary_key=True),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
)

node = sa.Table(
    "node",
    metadata,
    sa.Column("name", KeyText, primary_key=True),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("version", CleanText, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("detail", CleanJson, nullable=False),
    sa.Column("place", CleanText, nullable=False, server_default=""),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", KeyText, primary_key=True),
    sa.Column("node", KeyText, nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
)

turn = sa.Table(
    "turn",
    metadata,
    sa.Column("team", KeyText, primary_key=True),
    sa.Column("agent", CleanText, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)

fired = sa.Table(
    "fired",
    metadata,
    ref("ticket", "ticket", primary_key=True),
    sa.Column("rule", KeyText, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

memo = sa.Table(
    "memo",
    metadata,
    sa.Column("name", KeyText, primary_key=True),
    sa.Column("value", CleanText, nullable=False),
)

appointment = sa.Table(
    "appointment",
    metadata,
    sa.Column("recipient", KeyText, primary_key=True),
    sa.Column("kind", KeyText, primary_key=True),
    sa.Column("due_at", UtcDateTime, nullable=False),
)
