"""The mark of a restore: while it lies there and nobody is at work on it, a restore was cut off, and nothing is opened as a desk.

On SQLite it is the file that grows beside the database, on PostgreSQL a table that is made before and dropped with what is restored.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from maild.errors import NotNow, Unreachable

TABLE: Final = "maild_restoring"


def growing(path: Path) -> Path:
    """The file in which the database of this name is restored."""
    return path.with_name(f"{path.name}.restoring")


@dataclass(frozen=True, slots=True)
class CutOff:
    """A restore that has begun and not ended. `place`: of what; `remove`: what whoever wants to go on without it does."""

    place: str
    remove: str

    @property
    def says(self) -> str:
        """What is the matter."""
        return f"a maild restore into {self.place} was cut off"

    @property
    def do(self) -> str:
        """What to do about it."""
        return f"repeat it; or, to go on as if it had never begun, {self.remove}"


def beside(path: Path) -> CutOff | None:
    """That of an SQLite file; None for none."""
    partial = growing(path)
    return CutOff(str(path), f"remove {partial}") if partial.exists() else None


def within(connection: Connection) -> CutOff | None:
    """That of a database on PostgreSQL; always None on SQLite, where it lies beside the file."""
    if connection.dialect.name == "sqlite":
        return None
    there = connection.scalar(sa.select(sa.func.to_regclass(TABLE)))
    shown = connection.engine.url.render_as_string(hide_password=True)
    return None if there is None else CutOff(shown, f"drop the table {TABLE}")


def refuse(found: CutOff | None) -> None:
    """Raises Unreachable when there is one: the desk is not ready, and what it took now would be in the way of the restore."""
    if found is not None:
        raise Unreachable(f"{found.says}: {found.do}")


def begin(engine: Engine) -> None:
    """On PostgreSQL: the mark is there from now on. Who restores drops it with his last commit."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {TABLE} (at timestamptz NOT NULL DEFAULT now())"
        )


def give_up(engine: Engine) -> None:
    """On PostgreSQL: no mark is there any more. Of a server that is gone it stays, as after a kill: the next restore goes on."""
    with contextlib.suppress(NotNow, sa.exc.SQLAlchemyError), engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {TABLE}")
