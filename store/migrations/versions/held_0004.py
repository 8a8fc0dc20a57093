"""What agents' commands need: mails held for their authors, hoped-for dates, pages outside, the messages of merged tickets."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "held",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("intake", NUMBER, nullable=False),
        sa.Column("ticket", NUMBER, nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_held"),
        sa.ForeignKeyConstraint(["intake"], ["intake.id"], name="fk_held_intake_intake"),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_held_ticket_ticket"),
    )
    op.create_index("ix_held_agent", "held", ["agent", "at"])
    op.create_index("ix_held_intake", "held", ["intake"])
    op.add_column("ticket", sa.Column("due_at", TIME))
    op.add_column("ticket", sa.Column("urls", sa.JSON(), nullable=False, server_default="[]"))
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index("ix_ticket_merged_into", "ticket", ["merged_into"], sqlite_where=merged, postgresql_where=merged)  # fmt: skip
