"""How far each mailbox has been read, and which of its mails could not be fetched."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "mailbox",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.Text(), nullable=False),
        sa.Column("pending", sa.Text(), nullable=False),
        sa.Column("reread_below", sa.BigInteger(), nullable=False),
        sa.Column("reconciled_at", TIME, nullable=False),
        sa.Column("read_at", TIME),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("error_at", TIME),
        sa.Column("told_at", TIME),
        sa.PrimaryKeyConstraint("name", name="pk_mailbox"),
    )
    op.create_table(
        "unfetched",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "uid", name="pk_unfetched"),
        sa.ForeignKeyConstraint(["mailbox"], ["mailbox.name"], name="fk_unfetched_mailbox_mailbox"),
    )
