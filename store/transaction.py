"""What every part of `Work` stands on: one connection inside one transaction."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from store import bells
from store.blobs import Blobs
from store.prepared import Prepared

_T = TypeVar("_T")
_Columns: TypeAlias = tuple[sa.Column[Any], ...]
_CHUNK: Final = 5000
"""Most values in one IN (…); SQLite allows 32766 parameters in a statement."""


class Contended(Exception):
    """In a `crowded` transaction something was to be locked that another node has. What it has done so far should be committed."""


class Transaction:
    """`writing`: the transaction may change things, and what is read for a decision is locked until its end."""

    def __init__(self, connection: Connection, files: Blobs, *, writing: bool) -> None:
        self._connection = connection
        self._files = files
        self._writing = writing
        self._public: set[int] = set()
        """Messages that this transaction has written for everybody to read."""
        self._rung: set[str] = set()
        self.written: list[str] = []
        """Files of contents that were written within this transaction."""
        self._undone: list[str] = []
        self.crowded = False
        """Locks are held for something that is done already: for more of them is not waited, lest two nodes wait for each other."""

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is done inside is undone when an exception passes, the rest of the transaction is not."""
        before = len(self.written)
        _SAVEPOINT.run(self._connection, {})
        try:
            yield
        except BaseException:
            self._forget()
            self._undone += self.written[before:]
            if not self._connection.invalidated:  # else a fault has ended the whole transaction
                _BACK.run(self._connection, {})
                _RELEASE.run(self._connection, {})
            raise
        _RELEASE.run(self._connection, {})

    def _hold_files(self) -> None:
        """No file of contents is removed by an erasure until this transaction has ended. On SQLite that is so for every writer."""
        if self._postgres:
            self._connection.execute(_HOLD_FILES)

    def ring(self, bell: str) -> None:
        """Wake who waits for this (`store.bells`) in other processes when the transaction is committed."""
        self._rung.add(bell)

    def ring_out(self) -> None:
        """The last statement of a transaction that rang."""
        for bell in sorted(self._rung) if self._postgres else ():
            self._connection.execute(_NOTIFY, {"bell": bell})

    def _forget(self) -> None:
        """What this transaction remembers of its own writes may have been undone."""
        self._public.clear()

    def _insert(self, table: sa.Table, row: Mapping[str, object]) -> int:
        """The number of the new row."""
        number: int = _insert(table).value(self._connection, row)
        return number

    def _array(self, column: sa.Column[Any]) -> sa.TableValuedAlias:
        """The texts of a JSON array as rows with the column `value`."""
        function = sa.func.json_array_elements_text if self._postgres else sa.func.json_each
        return function(column).table_valued("value")

    def _put(self, table: sa.Table, row: dict[str, object], *key: str) -> None:
        """One row, in the place of that with the same key."""
        insert = postgresql.insert(table) if self._postgres else sqlite.insert(table)
        rest = {name: value for name, value in row.items() if name not in key}
        put = insert.values(row).on_conflict_do_update(
            index_elements=[table.c[name] for name in key], set_=rest
        )
        self._connection.execute(put)

    @property
    def _postgres(self) -> bool:
        return self._connection.dialect.name == "postgresql"


FILES_LOCK: Final = 0x66696C6573  # any number nobody else uses: "files"
_HOLD_FILES = sa.select(sa.func.pg_advisory_xact_lock_shared(FILES_LOCK))

_NOTIFY = sa.select(sa.func.pg_notify(bells.CHANNEL, sa.bindparam("bell")))


# SQLAlchemy's begin_nested costs ten times as much.
_SAVEPOINT = Prepared(sa.text("SAVEPOINT part"))
_BACK = Prepared(sa.text("ROLLBACK TO SAVEPOINT part"))
_RELEASE = Prepared(sa.text("RELEASE SAVEPOINT part"))


# To build a statement costs more than to execute it; those of every mail are therefore constants or kept here.
@functools.cache
def _insert(table: sa.Table) -> Prepared:
    return Prepared(sa.insert(table).returning(*table.primary_key.columns))


@functools.cache
def _insert_ignore(table: sa.Table, key: _Columns, returning: _Columns, postgres: bool) -> Any:
    insert = postgresql.insert(table) if postgres else sqlite.insert(table)
    ignoring = insert.on_conflict_do_nothing(index_elements=key or None)
    return ignoring.returning(*returning) if returning else ignoring


def insert_ignore(
    connection: Connection, table: sa.Table, *, key: _Columns = (), returning: _Columns = ()
) -> Any:
    """An INSERT that leaves out rows whose `key` is there already; without a key, by any unique one."""
    return _insert_ignore(table, key, returning, connection.dialect.name == "postgresql")


_MOST_ROWS: Final = 8


@functools.cache
def _names(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Of the parameters of so many rows with these columns."""
    return tuple(f"{name}_{at}" for at in range(count) for name in names)


@functools.cache
def _insert_rows(
    table: sa.Table, key: _Columns, returning: _Columns, postgres: bool, names: tuple[str, ...], count: int
) -> Prepared:
    binds = iter(_names(names, count))
    rows = [
        {name: sa.bindparam(next(binds), type_=table.c[name].type) for name in names} for _ in range(count)
    ]
    insert = (postgresql.insert(table) if postgres else sqlite.insert(table)).values(rows)
    ignoring = insert.on_conflict_do_nothing(index_elements=key or None)
    return Prepared(ignoring.returning(*returning) if returning else ignoring)


def insert_rows(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: _Columns = (),
    returning: _Columns = (),
) -> list[Any]:
    """Insert those rows whose `key` is not there yet (without a key: any unique one), all with the same names: what is `returning` of them,
    in any order. For what every mail does; `insert_ignore` is for the rest."""
    found: list[Any] = []
    postgres = connection.dialect.name == "postgresql"
    for start in range(0, len(rows), _MOST_ROWS):
        part = rows[start : start + _MOST_ROWS]
        insert = _insert_rows(table, key, returning, postgres, tuple(part[0]), len(part))
        values = dict(
            zip(
                _names(tuple(part[0]), len(part)),
                (row[name] for row in part for name in part[0]),
                strict=True,
            )
        )
        if returning:
            found += insert.rows(connection, values)
        else:
            insert.run(connection, values)
    return found


def any_of(name: str) -> sa.BindParameter[Any]:
    """The parameter of a constant statement for `column.in_(…)`, which takes a list."""
    return sa.bindparam(name, expanding=True)


def chunks(values: Iterable[_T]) -> Iterator[Sequence[_T]]:
    """The distinct values, in order, in parts that fit one statement; none when there are none."""
    rest = iter(dict.fromkeys(values))
    while part := list(islice(rest, _CHUNK)):
        yield part
