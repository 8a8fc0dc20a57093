"""What came out of an archive: mails found by their octets, tickets in which nothing has happened since."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("ticket", sa.Column("dormant", sa.Boolean(), nullable=False, server_default=sa.false()))
    imported = sa.text("route = 'import'")
    op.create_index("ix_intake_imported", "intake", ["sha256"], sqlite_where=imported, postgresql_where=imported)  # fmt: skip
