"""What is kept from being sent, and how a failure is known: suppressed addresses, mails tried again, counts of a day."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def index(name: str, table: str, column: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.add_column("address", sa.Column("suppressed_at", sa.DateTime(timezone=True)))
    op.add_column("address", sa.Column("suppressed_why", sa.Text()))
    op.add_column("outbox", sa.Column("retries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("failed_by", sa.Text()))
    index("ix_address_suppressed", "address", "suppressed_at", "suppressed_at IS NOT NULL")
    index("ix_event_held_back", "event", "at", "event IN ('not sent', 'sent later')")
    index("ix_message_unmatched", "message", "created_at", "ticket IS NULL")
