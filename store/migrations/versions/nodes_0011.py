"""Leases: what one node at a time does."""

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Nothing yet."""
