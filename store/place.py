"""Whether the files are where the desk keeps them: nodes of one database with files of their own each would lose mail to one another.

The database and the place of files hold the same word. Where they differ, a place that holds the newest files is right all the same (it was
moved or restored), as long as no other node is at work with another one.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from maild.errors import ConfigError, Problem
from store.blobs import Blobs
from store.content import Content
from store.engine import Database
from store.nodes import DEAD_AFTER
from store.tables import intake, memo, node

PLACE: Final = "place of files"
"""The memo that holds the word."""
_LOCK: Final = 0x706C616365  # any number nobody else uses: "place"
_NEWEST: Final = 20
_BIG = (
    sa.select(intake.c.sha256)
    .where(intake.c.size > Content.SMALL, intake.c.state != "dropped")
    .order_by(intake.c.id.desc())
    .limit(_NEWEST)
)


def check_place(database: Database, files: Blobs) -> None:
    """Raises ConfigError when other nodes of this database keep their files elsewhere, or this place lacks all of the newest ones."""
    if database.url.get_backend_name() == "sqlite":
        return  # one host, one daemon
    with database.read() as connection:
        known = connection.scalar(_known())
    if known is not None and known == files.mark():
        return
    with database.work() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        known, mark = connection.scalar(_known()), files.mark()
        if known is not None:
            if known == mark:
                return
            _refuse_another(connection, files, known)
        if mark is None or known is not None:
            mark = secrets.token_hex(16)
            files.set_mark(mark)
        insert = postgresql.insert(memo).values(name=PLACE, value=mark)
        connection.execute(insert.on_conflict_do_update(index_elements=[memo.c.name], set_={"value": mark}))


def _known() -> sa.Select[str]:
    return sa.select(memo.c.value).where(memo.c.name == PLACE)


def _refuse_another(connection: Connection, files: Blobs, known: str) -> None:
    """The word is missing there, or another one. Raises ConfigError unless it is certain enough that this is the place."""
    seen = sa.func.clock_timestamp() - timedelta(seconds=DEAD_AFTER)
    alive = connection.scalar(sa.select(node.c.name).where(node.c.seen_at > seen).limit(1))
    if alive is not None:
        raise _wrong(
            files,
            f"is not where node {alive} of this desk keeps its files; all nodes share one folder or bucket",
        )
    newest = connection.scalars(_BIG).all()
    if newest and not any(files.holds(sha256) for sha256 in newest):
        says = f"lacks the files of this desk (none of the newest {len(newest)} is there)"
        raise _wrong(
            files,
            f"{says}; if they are lost, write {known} into {str(files.place).rstrip('/')}/desk to go on without them",
        )


def _wrong(files: Blobs, why: str) -> ConfigError:
    return ConfigError([Problem(str(files.place), 0, 0, f"[store] files: {why}")])
