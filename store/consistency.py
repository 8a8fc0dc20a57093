"""What must never be untrue of a database, each as a query for what breaks it; and whether all content is there and whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.words import State
from store import tables
from store.blobs import Blobs
from store.files import disk_faults
from store.search import misfits

_STATES = ", ".join(f"'{state}'" for state in State)

INVARIANTS: Final = {
    "mail {0} to the requester's side carries note {1}": """
        SELECT outbox.id, message.id FROM outbox JOIN message ON message.id = outbox.message
        WHERE outbox.outside AND NOT message.public""",
    "mail {0} goes to a {1} and is marked as if it did not": """
        SELECT id, role FROM outbox WHERE outside <> (role IN ('requester', 'participant'))""",
    "mail {0} is {1} and has no time": """
        SELECT id, state FROM outbox WHERE state IN ('sent', 'failed', 'dropped') AND finished_at IS NULL""",
    "mail {0} is being sent by nobody": """
        SELECT id FROM outbox WHERE state = 'sending' AND (node IS NULL OR lease_until IS NULL)""",
    "mail {0} is {1} and still leased": """
        SELECT id, state FROM outbox WHERE state <> 'sending' AND lease_until IS NOT NULL""",
    "post {0} is {1} and has no time": """
        SELECT id, state FROM post WHERE state IN ('sent', 'failed', 'dropped') AND finished_at IS NULL""",
    "post {0} is being sent by nobody": """
        SELECT id FROM post WHERE state = 'sending' AND (node IS NULL OR lease_until IS NULL)""",
    "post {0} is {1} and still leased": """
        SELECT id, state FROM post WHERE state <> 'sending' AND lease_until IS NOT NULL""",
    "intake {0} is in work by nobody": """
        SELECT id FROM intake WHERE state = 'working' AND (node IS NULL OR lease_until IS NULL)""",
    "intake {0} is {1} and still leased": """
        SELECT id, state FROM intake WHERE state <> 'working' AND lease_until IS NOT NULL""",
    "intake {0} is done without an outcome": """
        SELECT id FROM intake WHERE state = 'done' AND (outcome IS NULL OR finished_at IS NULL)""",
    "intake {0} is in quarantine without a reason": """
        SELECT id FROM intake WHERE state = 'quarantined' AND (error IS NULL OR finished_at IS NULL)""",
    "intake {0} became message {1}, which does not exist": """
        SELECT intake.id, intake.message FROM intake LEFT JOIN message ON message.id = intake.message
        WHERE intake.message IS NOT NULL AND message.id IS NULL""",
    "message {0} is of intake {1}, which is {2}": """
        SELECT message.id, intake.id, intake.state FROM message JOIN intake ON intake.id = message.intake
        WHERE intake.state = 'dropped'""",
    "ticket {0} has the unknown state {1}": f"""
        SELECT id, state FROM ticket WHERE state NOT IN ({_STATES})""",  # noqa: S608  our own words
    "ticket {0} has priority {1}": """
        SELECT id, priority FROM ticket WHERE priority NOT BETWEEN 1 AND 5""",
    "ticket {0} is {1} and merged into {2}": """
        SELECT id, state, merged_into FROM ticket WHERE (state = 'merged') <> (merged_into IS NOT NULL)""",
    "ticket {0} is merged into itself": """
        SELECT id FROM ticket WHERE merged_into = id""",
    "ticket {0} has its requester {1} among the participants": """
        SELECT ticket.id, ticket.requester FROM ticket
        JOIN participant ON participant.ticket = ticket.id AND participant.person = ticket.requester""",
    "person {0} has no address entry for {1}": """
        SELECT person.id, person.address FROM person LEFT JOIN address ON address.person = person.id
        WHERE person.address <> '' AND address.key IS NULL
        AND NOT EXISTS (SELECT 1 FROM address AS other WHERE other.key = lower(person.address))""",
    "there are {0} current signing keys": """
        SELECT number FROM (SELECT count(*) AS number FROM signing_key WHERE retired_at IS NULL) AS current
        WHERE number <> 1""",
}
"""Sentence, with the query's columns in their order, and the query."""

_BLOCK: Final = 1 << 20
_NAMED_CONTENT: Final = {
    "intake": tables.intake.c.sha256,
    "message": tables.message.c.sha256,
    "attachment of message": tables.attachment.c.sha256,
    "mail": tables.outbox.c.sha256,
}


def violations(connection: Connection, files: Blobs) -> Iterator[str]:
    """One sentence for each thing that is wrong."""
    if connection.dialect.name == "sqlite":
        yield from _sqlite_damage(connection)
    for sentence, query in INVARIANTS.items():
        for row in connection.execute(sa.text(query)):
            yield sentence.format(*row)
    yield from misfits(connection)
    yield from _content_damage(connection, files)


def _sqlite_damage(connection: Connection) -> Iterator[str]:
    for row in connection.exec_driver_sql("PRAGMA quick_check"):
        if row[0] != "ok":
            yield f"the database file is damaged: {row[0]}"
    for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"row {row[1]} of {row[0]} refers to a {row[2]} that does not exist"


def _content_damage(connection: Connection, files: Blobs) -> Iterator[str]:
    """Every kept content is what its name says, and every named one is kept."""
    kept: set[str] = set()
    rows = connection.execution_options(yield_per=100).execute(sa.select(tables.content))
    for row in rows:
        kept.add(row.sha256)
        if hashlib.sha256(row.data).hexdigest() != row.sha256:
            yield f"content {row.sha256} is damaged"
    for sha256 in files.hashes():
        file = files.open(sha256)
        if file is None:
            continue  # erased just now
        kept.add(sha256)
        with disk_faults(), file:
            digest = hashlib.sha256()
            while block := file.read(_BLOCK):
                digest.update(block)
        if digest.hexdigest() != sha256:
            yield f"the file of content {sha256} is damaged"
    for what, column in _NAMED_CONTENT.items():
        owner = column.table.c.message if what.startswith("attachment") else column.table.c.id
        for row in connection.execute(sa.select(owner, column).where(column.is_not(None)).order_by(owner)):
            if row[1] not in kept:
                yield f"{what} {row[0]} names content {row[1]}, which is lost"
