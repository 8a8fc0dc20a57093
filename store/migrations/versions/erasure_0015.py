"""Mails are found by their Message-ID from the moment they arrive; files of erased mails that are still to be removed."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "discard",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_discard"),
    )
    op.add_column("intake", sa.Column("message_id", sa.Text()))
    op.execute(
        "UPDATE intake SET message_id = (SELECT message.message_id FROM message"
        " WHERE message.id = intake.message AND length(message.message_id) <= 150)"  # longer ones may not fit an index
        " WHERE intake.message IS NOT NULL"
    )
    named = sa.text("message_id IS NOT NULL")
    op.create_index(
        "ix_intake_message_id", "intake", ["message_id"], sqlite_where=named, postgresql_where=named
    )
