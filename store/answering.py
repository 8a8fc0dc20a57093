"""Connections to PostgreSQL that notice when nobody answers any more, whatever went silent: the host, the network, a proxy, the server.

What the kernel can see it ends (RFC 1122 §4.2.3.6 keep-alives, RFC 5482's user timeout). Behind a proxy, or of a server that hangs, only the
answer is missing: then the server is asked over a new connection whether it is still at work on this one.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Generator
from typing import Any, Final

SILENT: Final = 12.0
"""Seconds without an octet from the server after which it is asked."""
PROBE: Final = 5.0
"""Seconds for that to connect, and as many for its answer."""
LATE: Final = 2.0
"""Seconds that an answer which is under way may still take."""
_KERNEL: Final = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_STATE: Final = "SELECT state FROM pg_stat_activity WHERE pid = %s"


def connect(*arguments: Any, **parameters: Any) -> Any:
    """A connection of psycopg, by the arguments of its `connect`, which raises OperationalError some 20 s after the last sign of the server.
    A statement that it is at work on may take longer."""
    given = {**_KERNEL, **parameters}
    connection = _class().connect(*arguments, **given)
    connection.asked = (arguments, given)
    return connection


@functools.cache
def _class() -> Any:
    """The kind of connection; psycopg is optional, so it is made when it is needed."""
    import psycopg

    class Silent(psycopg.OperationalError):
        """Nothing was heard for too long."""

    class Listening(psycopg.Connection[Any]):
        def wait(self, gen: Any, *more: Any, **options: Any) -> Any:
            try:
                return super().wait(self._answered(gen), *more, **options)
            except Silent:
                self.pgconn.finish()  # nothing can be done with it any more, not even to end it in order
                raise

        def _answered(self, gen: Any) -> Any:
            return _answered(gen, PROBE, lambda: False, 0.0, Silent)

    class Answering(Listening):
        asked: tuple[Any, Any] = ((), {})

        def _answered(self, gen: Any) -> Any:
            return _answered(gen, SILENT, self._at_work, LATE, Silent)

        def _at_work(self) -> bool:
            """Whether the server says that it is at work for this connection. Raises psycopg.OperationalError when it says nothing."""
            arguments, parameters = self.asked
            given = {**parameters, "connect_timeout": int(PROBE), "autocommit": True}
            try:
                with Listening.connect(*arguments, **given) as probe:
                    row = probe.execute(_STATE, (self.info.backend_pid,)).fetchone()
            except psycopg.OperationalError as error:
                raise Silent(f"the server does not answer any more: {error}") from error
            return row is not None and row[0] == "active"

    return Answering


def _answered(
    gen: Any, seconds: float, at_work: Callable[[], bool], late: float, silent: type[Exception]
) -> Generator[Any, Any, Any]:
    """What psycopg waits for, step by step, as long as the server says something every so many seconds or is at work."""
    heard, allowed = time.monotonic(), seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready:
                heard, allowed = time.monotonic(), seconds
            elif time.monotonic() - heard > allowed:
                if allowed == late:
                    raise silent("the server does not answer any more")
                allowed = seconds if at_work() else late
                heard = time.monotonic()
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value
