"""When there is something to be done about a ticket's promises. The first start after this counts those of every ticket."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.drop_index("ix_ticket_first_response", "ticket")
    op.add_column("ticket", sa.Column("clock_at", sa.DateTime(timezone=True)))
    clocked = sa.text("clock_at IS NOT NULL")
    op.create_index(
        "ix_ticket_clock_at", "ticket", ["clock_at"], sqlite_where=clocked, postgresql_where=clocked
    )
