"""The clock of the program. Everything below the daemon is handed the time. How times are written."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now: aware, UTC."""
    return datetime.now(UTC)


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
