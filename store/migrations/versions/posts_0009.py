"""Tickets as rules post them to webhooks, and the guides that rules gave a ticket."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("ticket", sa.Column("runbooks", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "post",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("url_key", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("ticket", NUMBER, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("node", sa.Text()),
        sa.Column("lease_until", TIME),
        sa.Column("finished_at", TIME),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed', 'dropped')", name="ck_post_state"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_post"),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_post_ticket_ticket"),
    )
    op.create_index("uq_post_told_once", "post", ["event_key", "url_key"], unique=True)
    op.create_index("uq_post_event_id", "post", ["event_id"], unique=True)
    op.create_index("ix_post_ticket", "post", ["ticket"])
    waiting, failed = sa.text("state IN ('queued', 'sending')"), sa.text("state = 'failed'")
    op.create_index("ix_post_due", "post", ["due_at"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_post_failed", "post", ["id"], sqlite_where=failed, postgresql_where=failed)
