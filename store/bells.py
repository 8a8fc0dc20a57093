"""Waking other processes that use a PostgreSQL database: LISTEN, on a connection of its own, and NOTIFY within a transaction."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy.engine import URL

from maild.errors import NotNow
from store import answering

CHANNEL: Final = "maild"
MAIL: Final = "mail"
"""Mail was kept."""
OUTBOX: Final = "outbox"
"""Something was queued to go out."""
NODES: Final = "nodes"
"""A node came or left."""
EVERYTHING: Final = frozenset({MAIL, OUTBOX, NODES})
_CHECK_SECONDS: Final = 30.0


class Bells:
    """Hears what transactions elsewhere ring; for one thread. What is rung while there is no connection is not heard: look by yourself, too."""

    def __init__(self, url: URL, connect_seconds: int) -> None:
        from sqlalchemy.dialects.postgresql.psycopg import dialect

        driver: Any = dialect
        self._arguments, self._parameters = driver().create_connect_args(url)
        self._parameters = {"connect_timeout": connect_seconds, **self._parameters}
        self._connection: Any = None
        self._checked = 0.0

    def wait(self, seconds: float) -> frozenset[str]:
        """What was rung within so many seconds, as soon as something was; everything, at once, after a new connection. Raises NotNow."""
        import psycopg

        try:
            if self._connection is None:
                self._connection = answering.connect(*self._arguments, autocommit=True, **self._parameters)
                self._connection.execute(f"LISTEN {CHANNEL}")
                self._checked = time.monotonic()
                return EVERYTHING
            rung = frozenset(one.payload for one in self._connection.notifies(timeout=seconds, stop_after=1))
            if time.monotonic() - self._checked > _CHECK_SECONDS:
                self._connection.execute("SELECT 1")
                self._checked = time.monotonic()
        except psycopg.Error as error:
            self.close()
            raise NotNow(f"the database cannot be used now: {str(error).partition(chr(10))[0]}") from error
        return rung

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
