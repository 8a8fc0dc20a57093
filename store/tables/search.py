"""The search index: for each ticket its terms (`maild.desk.terms`), made anew from the other tables at any time.

It stands beside the metadata of the tables that hold something: FTS5 on SQLite, a `tsvector` with a GIN index on PostgreSQL.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import TSVECTOR

from store.columns import Number
from store.tables.base import metadata
from store.tables.tickets import ticket

_derived = sa.MetaData(naming_convention=metadata.naming_convention)

search = sa.Table(
    "search",
    _derived,
    sa.Column("ticket", Number, sa.ForeignKey(ticket.c.id), primary_key=True, autoincrement=False),
    sa.Column("words", TSVECTOR, nullable=False),
    sa.Index("ix_search_words", "words", postgresql_using="gin"),
)
"""As PostgreSQL has it. On SQLite the ticket is the row id."""

FTS5: Final = (
    "CREATE VIRTUAL TABLE search USING fts5(words, tokenize = 'ascii', detail = none, columnsize = 0)"
)
"""Terms are words already: 'ascii' parts them at white space. Where a word stands in its ticket nobody asks."""

fts5: Final = sa.table("search", sa.column("rowid", sa.Integer), sa.column("words", sa.Text))
"""As SQLite has it: terms with spaces between them."""


@event.listens_for(metadata, "after_create")
def _create(_: sa.MetaData, connection: sa.Connection, **__: object) -> None:
    if connection.dialect.name == "postgresql":
        _derived.create_all(connection)
    else:
        connection.exec_driver_sql(FTS5)
