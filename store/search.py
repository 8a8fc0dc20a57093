"""The search index, kept in step with the tickets in the transaction that changes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.engine import Connection

from maild.desk.terms import Wanted, tag_term, terms, wanted
from store import tables
from store.blobs import Blobs
from store.columns import clean
from store.tables.search import fts5, search
from store.transaction import Transaction, any_of, chunks

OCTETS: Final = 600_000
"""Most octets of one ticket's terms. PostgreSQL refuses a tsvector of more than 1 MiB."""

FEW: Final = 1000
"""So many finds are looked at one by one; where there are more, the database decides whether tickets or terms are looked at first."""

_TICKET: Final = tables.ticket.c
_MESSAGE: Final = tables.message.c
_PAGE: Final = 500
_OWN = sa.select(_TICKET.id, _TICKET.subject, _TICKET.cause, _TICKET.solution, _TICKET.tags)
_SAID = sa.select(_MESSAGE.ticket, _MESSAGE.subject, _MESSAGE.text)

_SQLITE_READ = sa.select(fts5.c.rowid, fts5.c.words).where(fts5.c.rowid.in_(any_of("tickets")))
_SQLITE_PUT = sa.text("INSERT OR REPLACE INTO search (rowid, words) VALUES (:ticket, :words)")
_POSTGRES_READ = sa.select(search.c.ticket, sa.func.tsvector_to_array(search.c.words)).where(
    search.c.ticket.in_(any_of("tickets"))
)
_POSTGRES_INSERT = postgres_insert(search).values(
    ticket=sa.bindparam("ticket"),
    words=sa.func.array_to_tsvector(sa.bindparam("words", type_=ARRAY(sa.Text))),
)
_POSTGRES_PUT = _POSTGRES_INSERT.on_conflict_do_update(
    index_elements=[search.c.ticket], set_={"words": _POSTGRES_INSERT.excluded.words}
)


class _Note(NamedTuple):
    """What has happened to a ticket's terms: these came (None: anything). `opened`: with the ticket."""

    ticket: int
    terms: Set[str] | None
    opened: bool = False


def terms_of(texts: Iterable[str | None], tags: Iterable[str] = ()) -> set[str]:
    """The terms of all these texts, and what stands for these tags."""
    found = {tag_term(tag) for tag in tags}
    for text in dict.fromkeys(texts):
        if text:
            found |= terms(clean(text))
    return found


def expected(connection: Connection, tickets: Iterable[int]) -> dict[int, set[str]]:
    """The terms of these tickets, from what is written in them and their messages."""
    found: dict[int, set[str]] = {}
    for part in chunks(tickets):
        for own in connection.execute(_OWN.where(_TICKET.id.in_(part))):
            found[own.id] = terms_of((own.subject, own.cause, own.solution), own.tags)
        for said in connection.execute(_SAID.where(_MESSAGE.ticket.in_(part))):
            found[said.ticket] |= terms_of((said.subject, said.text))
    return found


def indexed(connection: Connection, tickets: Iterable[int]) -> dict[int, set[str]]:
    """The terms by which these tickets are found."""
    postgres = connection.dialect.name == "postgresql"
    found: dict[int, set[str]] = {}
    for part in chunks(tickets):
        rows = connection.execute(_POSTGRES_READ if postgres else _SQLITE_READ, {"tickets": part})
        found.update((row[0], set(row[1] if postgres else row[1].split())) for row in rows)
    return found


def rebuild(connection: Connection) -> None:
    """Make the whole index anew, page by page."""
    connection.exec_driver_sql("DELETE FROM search")
    after = 0
    pages = sa.select(_TICKET.id).order_by(_TICKET.id).limit(_PAGE)
    while page := connection.scalars(pages.where(_TICKET.id > after)).all():
        _put(connection, expected(connection, page))
        after = page[-1]


def misfits(connection: Connection) -> Iterator[str]:
    """A sentence for each ticket that is not found by what is in it, or by what is not."""
    after = 0
    pages = sa.select(_TICKET.id).order_by(_TICKET.id).limit(_PAGE)
    while page := connection.scalars(pages.where(_TICKET.id > after)).all():
        is_, should = indexed(connection, page), expected(connection, page)
        for ticket in page:
            if ticket not in is_ or is_[ticket] != _bounded(set(), should[ticket]):
                # What is too much for the index depends on the order in which it came.
                if is_.get(ticket, set()) <= should[ticket] and _size(should[ticket]) > OCTETS:
                    continue
                yield f"ticket {ticket} is not in step with the search index"
        after = page[-1]


def matching(connection: Connection, asked: Iterable[Wanted]) -> sa.Select[tuple[int]]:
    """The numbers of the tickets in which all of it stands."""
    if connection.dialect.name == "postgresql":
        query = " & ".join(f"'{one.term}'" + ":*" * one.begins for one in asked)
        found = search.c.words.op("@@")(sa.cast(query, TSQUERY))
        return sa.select(search.c.ticket).where(found)
    query = " AND ".join(f'"{one.term}"' + " *" * one.begins for one in asked)
    return sa.select(fts5.c.rowid).where(sa.literal_column("search").op("MATCH")(query))


def _size(found: Iterable[str]) -> int:
    return sum(len(term.encode()) for term in found)


def _bounded(had: Set[str], more: Set[str]) -> set[str]:
    """What is there and what comes, short terms first when it is too much."""
    found = {*had, *more}
    if 4 * sum(map(len, found)) <= OCTETS or (size := _size(found)) <= OCTETS:
        return found
    for term in sorted(more - had, key=lambda one: (len(one), one), reverse=True):
        found.discard(term)
        size -= len(term.encode())
        if size <= OCTETS:
            break
    return found


def _put(connection: Connection, documents: Mapping[int, Set[str]]) -> None:
    """These are the terms of these tickets from now on."""
    if not documents:
        return
    bounded = {ticket: _bounded(set(), found) for ticket, found in documents.items()}
    if connection.dialect.name == "postgresql":
        rows: list[dict[str, Any]] = [{"ticket": one, "words": list(found)} for one, found in bounded.items()]
        connection.execute(_POSTGRES_PUT, rows)
    else:
        rows = [{"ticket": one, "words": " ".join(sorted(found))} for one, found in bounded.items()]
        connection.execute(_SQLITE_PUT, rows)


class SearchWork(Transaction):
    """The search index as part of a transaction: what is noted is written at its end, or before something is searched for in it."""

    def __init__(self, connection: Connection, files: Blobs, *, writing: bool) -> None:
        super().__init__(connection, files, writing=writing)
        self._unindexed: list[_Note] = []

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is done inside is undone when an exception passes, the rest of the transaction is not."""
        before = self._unindexed.copy()
        try:
            with super().savepoint():
                yield
        except BaseException:
            self._unindexed = before
            raise

    def _opened_with(self, ticket: int, *texts: str | None) -> None:
        self._unindexed.append(_Note(ticket, terms_of(texts), opened=True))

    def _said_in(self, ticket: int, *texts: str | None, tags: Iterable[str] = ()) -> None:
        self._unindexed.append(_Note(ticket, terms_of(texts, tags)))

    def reindex(self, tickets: Iterable[int]) -> None:
        """What is written in these tickets or their messages has changed in any way; the methods of the store say it themselves."""
        self._unindexed += (_Note(ticket, None) for ticket in tickets)

    def index(self) -> None:
        """Write to the index what was noted. `Store.work` does it at the end."""
        if not self._unindexed:
            return
        anew = {note.ticket for note in self._unindexed if note.terms is None}
        opened = {note.ticket for note in self._unindexed if note.opened} - anew
        more: dict[int, set[str]] = {}
        for note in self._unindexed:
            if note.terms is not None and note.ticket not in anew:
                more.setdefault(note.ticket, set()).update(note.terms)
        documents = {ticket: found for ticket, found in more.items() if ticket in opened}
        grown = more.keys() - opened
        had = indexed(self._connection, grown)
        for ticket in grown:
            known = had.get(ticket, set())
            if (whole := _bounded(known, more[ticket])) != known:
                documents[ticket] = whole
        _put(self._connection, documents | expected(self._connection, anew))
        self._unindexed.clear()

    def _found(self, text: str) -> Iterator[sa.ColumnElement[bool]]:
        """The condition on a ticket that everything asked for stands in it; none when nothing is."""
        asked = wanted(clean(text))
        if asked is not None:
            yield self._with(asked) if asked else sa.false()

    def _tagged(self, tag: str) -> sa.ColumnElement[bool]:
        """The condition on a ticket that it may have this tag: all that have it, and few others."""
        return self._with((Wanted(tag_term(tag)),))

    def _with(self, asked: Iterable[Wanted]) -> sa.ColumnElement[bool]:
        if self._writing:
            self.index()
        found = matching(self._connection, asked)
        # PostgreSQL reads the whole table for the first of many when it sees how many are wanted, and there are none.
        most = sa.select(sa.literal(FEW + 1)).scalar_subquery()
        few = self._connection.scalars(found.limit(most)).all()
        return _TICKET.id.in_(few if len(few) <= FEW else found)
