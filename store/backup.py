"""All rows of a store as JSON lines, the same on every database, out of one state of it; and how to bring them back.

A piece of a table is one line that names its columns with the kind of their values, `{"table": "ticket", "columns": [["id", "number"], …]}`,
and then a line for each row, a list of values in that order. Kinds: number, text, boolean, json, time (ISO 8601 with offset), octets (base64).
The search index is not in it: it is made anew.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.errors import BadInput
from store import tables
from store.columns import UtcDateTime
from store.place import PLACE
from store.transaction import Transaction

PIECE: Final = 4 << 20
"""Octets at which a piece of a table ends."""
LEFT_OUT: Final = ("node", "lease")
"""What is about processes that run."""
_ROWS: Final = 500
NAMING: Final = (
    tables.intake.c.sha256,
    tables.message.c.sha256,
    tables.attachment.c.sha256,
    tables.outbox.c.sha256,
)
"""Columns that name contents."""
_USED: Final = ("intake", "ticket", "message", "event", "outbox")
"""A database with rows in one of these is in use."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a table as JSON lines."""

    table: str
    rows: int
    octets: bytes


class BackupWork(Transaction):
    """The whole store as part of a transaction."""

    def schema(self) -> str:
        """The revision of the database."""
        return str(self._connection.scalar(sa.text("SELECT version_num FROM alembic_version")))

    def pieces(self) -> Iterator[Piece]:
        """All rows of all tables; a table without rows as one piece."""
        for table in tables.metadata.sorted_tables:
            if table.name not in LEFT_OUT:
                yield from self._pieces(table)

    def files_named(self) -> Iterator[str]:
        """The SHA-256 of every content that some row names and the database does not hold itself."""
        inside = sa.select(tables.content.c.sha256)
        for column in NAMING:
            kept = inside.where(tables.content.c.sha256 == column).exists()
            query = sa.select(column).where(column.is_not(None), ~kept).distinct()
            yield from self._connection.execution_options(yield_per=_ROWS).scalars(query)

    def _pieces(self, table: sa.Table) -> Iterator[Piece]:
        columns = list(table.c)
        query = sa.select(*columns).order_by(*table.primary_key.columns)
        if table.name == "memo":
            query = query.where(table.c.name != PLACE)
        out = [_written(column) for column in columns]
        head = json.dumps({"table": table.name, "columns": [[one.name, kind(one)] for one in columns]}) + "\n"
        lines, size = [head], 0
        for row in self._connection.execution_options(yield_per=_ROWS).execute(query):
            line = json.dumps([write(value) for write, value in zip(out, row, strict=True)], ensure_ascii=False) + "\n"  # fmt: skip
            lines.append(line)
            size += len(line)
            if size >= PIECE:
                yield Piece(table.name, len(lines) - 1, "".join(lines).encode())
                lines, size = [head], 0
        if len(lines) > 1 or size == 0:
            yield Piece(table.name, len(lines) - 1, "".join(lines).encode())


def kind(column: sa.Column[Any]) -> str:
    """Of what kind the values of a column are."""
    found: Any = column.type
    if isinstance(found, sa.types.TypeDecorator):
        found = found.impl_instance
    for name, types in (
        ("boolean", sa.Boolean),
        ("number", sa.Integer),
        ("time", sa.DateTime),
        ("json", sa.JSON),
        ("octets", sa.LargeBinary),
    ):
        if isinstance(found, types):
            return name
    if not isinstance(found, sa.Text):
        raise TypeError(f"{column}: a backup has no kind for {found!r}")
    return "text"


def _written(column: sa.Column[Any]) -> Callable[[Any], Any]:
    match kind(column):
        case "time":
            return lambda value: None if value is None else value.isoformat()
        case "octets":
            return lambda value: None if value is None else base64.b64encode(value).decode("ascii")
        case _:
            return lambda value: value


_TYPES: Final[dict[str, Any]] = {
    "number": sa.BigInteger(),
    "text": sa.Text(),
    "boolean": sa.Boolean(),
    "json": sa.JSON(none_as_null=True),
    "time": UtcDateTime(),
    "octets": sa.LargeBinary(),
}


def load(connection: Connection, piece: bytes) -> tuple[str, int]:
    """Insert the rows of a piece: the table, and how many. BadInput when it is none, or does not fit the database."""
    head, *lines = piece.splitlines()
    try:
        told = json.loads(head)
        name, columns = str(told["table"]), [(str(one), str(what)) for one, what in told["columns"]]
        types = [_TYPES[what] for _, what in columns]
        readers = [_read(what) for _, what in columns]
        rows = [
            [read(value) for read, value in zip(readers, json.loads(line), strict=True)] for line in lines
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"the backup holds what is no piece of a table: {error!r}") from error
    known = (
        {one["name"]: one for one in sa.inspect(connection).get_columns(name)}
        if _has(connection, name)
        else {}
    )
    if missing := [one for one, _ in columns if one not in known]:
        raise BadInput(
            f"the backup's table {name} has columns that its schema does not: {', '.join(missing)}"
        )
    table = sa.table(name, *(sa.column(one, type_) for (one, _), type_ in zip(columns, types, strict=True)))
    empty = [sa.JSON.NULL if what == "json" and not known[one]["nullable"] else None for one, what in columns]
    values = [
        {one: empty[at] if row[at] is None else row[at] for at, (one, _) in enumerate(columns)}
        for row in rows
    ]
    for first in range(0, len(values), _ROWS):
        connection.execute(sa.insert(table), values[first : first + _ROWS])
    return name, len(values)


def _has(connection: Connection, name: str) -> bool:
    return sa.inspect(connection).has_table(name)


def _read(what: str) -> Callable[[Any], Any]:
    match what:
        case "time":
            return lambda value: None if value is None else datetime.fromisoformat(value)
        case "octets":
            return lambda value: None if value is None else base64.b64decode(value, validate=True)
        case _:
            return lambda value: value


def settle(connection: Connection) -> None:
    """What was in work when the rows were written is in nobody's work now."""
    free = {"node": None, "lease_until": None}
    for table, busy, idle in (
        (tables.intake, "working", "waiting"),
        (tables.outbox, "sending", "queued"),
        (tables.post, "sending", "queued"),
    ):
        connection.execute(sa.update(table).where(table.c.state == busy).values(state=idle, **free))


def in_use(connection: Connection) -> bool:
    """Whether there is anything in the database that somebody would miss."""
    inspector = sa.inspect(connection)
    return any(
        inspector.has_table(name) and connection.execute(sa.text(f"SELECT 1 FROM {name} LIMIT 1")).first()  # noqa: S608  our own names
        for name in _USED
    )
