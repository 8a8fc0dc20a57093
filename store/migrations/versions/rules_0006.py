"""What rules remember: whose turn it was, which fired on time, when a ticket is worth another look; small things by name."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("ticket", sa.Column("active_at", sa.DateTime(timezone=True)))
    op.add_column("ticket", sa.Column("look_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE ticket SET active_at = updated_at")
    looked = sa.text("look_at IS NOT NULL")
    op.create_index("ix_ticket_look_at", "ticket", ["look_at"], sqlite_where=looked, postgresql_where=looked)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "turn",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team", name="pk_turn"),
    )
    op.create_table(
        "fired",
        sa.Column("ticket", number, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_fired_ticket_ticket"),
        sa.PrimaryKeyConstraint("ticket", "rule", name="pk_fired"),
    )
    op.create_table(
        "memo",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_memo"),
    )
