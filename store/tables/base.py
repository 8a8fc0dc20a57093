"""What all tables share: the metadata, the conditions of partial indexes, columns that refer to rows."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from store.columns import Number

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The conditions of partial indexes. They are literal text because SQLite uses such an index only for a query that repeats
# its condition word for word, which one with bound parameters does not.
INTAKE_OPEN = "state IN ('waiting', 'working')"
INTAKE_ASIDE = "state = 'quarantined'"
IMPORTED = "route = 'import'"
OUTBOX_OPEN = "state IN ('queued', 'sending')"
OUTBOX_FAILED = "state = 'failed'"
AUTOMATIC_OUTSIDE = "automatic AND outside"
AUTOMATIC_INSIDE = "automatic AND NOT outside"
DESK_EVENT = "ticket IS NULL"
DIGEST_OPEN = "finished_at IS NULL"
SUPPRESSED = "suppressed_at IS NOT NULL"
HELD_BACK = "event IN ('not sent', 'sent later')"
UNMATCHED = "ticket IS NULL"
MERGED = "merged_into IS NOT NULL"
LOOKED_AT = "look_at IS NOT NULL"
CLOCKED = "clock_at IS NOT NULL"
TIMED = "minutes > 0"
UNFINISHED = "state IN ('new', 'open', 'pending', 'on-hold')"


def where(condition: str) -> sa.TextClause:
    """One of these conditions, word for word, as part of a query on its table alone."""
    return sa.text(f"({condition})")


def in_queue(column: sa.Column[str], states: Sequence[str]) -> sa.ColumnElement[bool]:
    """The column is one of the states of an outgoing queue, in the words of its partial indexes when all of them have one."""
    if not set(states) <= {"queued", "sending", "failed"}:
        return column.in_(states)
    ids = (
        sa.select(column.table.c.id).where(where(condition), column.in_(states))
        for condition in (OUTBOX_OPEN, OUTBOX_FAILED)
    )
    return column.table.c.id.in_(sa.union_all(*ids))


def partial(name: str, *columns: str, condition: str, unique: bool = False) -> sa.Index:
    clause = sa.text(condition)
    return sa.Index(name, *columns, unique=unique, sqlite_where=clause, postgresql_where=clause)


def id_() -> sa.Column[int]:
    return sa.Column("id", Number, primary_key=True)


def ref(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(name, Number, sa.ForeignKey(f"{target}.id"), nullable=nullable, primary_key=primary_key)
