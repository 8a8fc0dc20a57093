"""Full-text search, and indexes for lists that grow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from store.search import rebuild

revision = "0013"
down_revision = "0012"

UNFINISHED = sa.text("state IN ('new', 'open', 'pending', 'on-hold')")
KNOWN = sa.text("content_identity IS NOT NULL")
TIMED = sa.text("minutes > 0")


def upgrade() -> None:
    _lists()
    if op.get_bind().dialect.name == "postgresql":
        op.create_table(
            "search",
            sa.Column("ticket", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("words", TSVECTOR(), nullable=False),
            sa.PrimaryKeyConstraint("ticket", name="pk_search"),
            sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_search_ticket_ticket"),
        )
        rebuild(op.get_bind())
        op.create_index("ix_search_words", "search", ["words"], postgresql_using="gin")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE search USING fts5(words, tokenize = 'ascii', detail = none, columnsize = 0)"
        )
        rebuild(op.get_bind())


def _lists() -> None:
    op.drop_index("ix_ticket_requester", "ticket")
    op.create_index("ix_ticket_requester", "ticket", ["requester", "id"])
    op.create_index("ix_ticket_state", "ticket", ["state", "id"])
    op.create_index("ix_ticket_updated_at", "ticket", ["updated_at"])
    order = ["priority", "received_at", "id"]
    for name, columns in (
        ("ix_ticket_unfinished", order),
        ("ix_ticket_unfinished_assignee", ["assignee", *order]),
        ("ix_ticket_unfinished_team", ["team", *order]),
    ):
        op.create_index(name, "ticket", columns, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)
    op.create_index("ix_participant_person", "participant", ["person"])
    op.create_index("ix_message_timed", "message", ["ticket"], sqlite_where=TIMED, postgresql_where=TIMED)
    op.drop_index("ix_message_content_identity", "message")
    op.create_index(
        "ix_message_content_identity",
        "message",
        ["content_identity", "at"],
        sqlite_where=KNOWN,
        postgresql_where=KNOWN,
    )
