"""Full-text search, and indexes for lists that grow."""

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Nothing yet."""
