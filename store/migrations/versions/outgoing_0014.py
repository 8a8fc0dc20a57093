"""Destinations of outgoing mail: paused, left alone for a while, or at a pace of their own; and how much went to an address of late."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "destination",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("paused_at", TIME),
        sa.Column("wait_until", TIME),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("next_at", TIME),
        sa.PrimaryKeyConstraint("domain", name="pk_destination"),
    )
    automatic = sa.text("automatic AND outside")
    op.create_index(
        "ix_outbox_addressed", "outbox", ["recipient_key", "created_at"], sqlite_where=automatic, postgresql_where=automatic
    )  # fmt: skip
