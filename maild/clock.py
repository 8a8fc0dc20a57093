"""The clock of the program. Everything below the daemon is handed the time."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now: aware, UTC."""
    return datetime.now(UTC)
