"""The name a client greeted with, which SPF may need (RFC 7208 §2.3)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("intake", sa.Column("helo", sa.Text(), nullable=False, server_default=""))
