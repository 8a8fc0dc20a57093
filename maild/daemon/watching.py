"""The sign of life: WATCHDOG=1 is sent only while every loop gets on, so that the service manager replaces a daemon of which one part hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from maild import host
from maild.daemon.running import Running

log = structlog.get_logger("maild.daemon")

LOOK: Final = 10.0
"""Seconds between two looks where nobody asks for a sign of life."""


@dataclass(slots=True)
class Watching:
    """Looks at the pulses of one node. `wanted`: seconds within which a sign is wanted, None when nobody asks."""

    running: Running
    wanted: float | None = field(default_factory=host.watchdog)
    notify: Callable[[str], bool] = host.notify
    _stalled: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Until it is cancelled: a node that drains is alive too."""
        # sd_watchdog_enabled(3) asks for half of the time.
        every = LOOK if self.wanted is None else self.wanted / 2
        while True:
            self.look()
            await asyncio.sleep(every)

    def look(self) -> None:
        """Send the sign when every loop gets on; name those that do not, once, and say when they do again."""
        # A loop that drains has no pulse any more, or may be long at its last round: TimeoutStopSec= bounds that.
        stalled = frozenset(() if self.running.stopping.is_set() else self.running.pulses.stalled())
        ages = self.running.pulses.ages()
        for loop in sorted(stalled - self._stalled):
            log.error("loop stalled", loop=loop, seconds=round(ages.get(loop, 0.0)))
        for loop in sorted(self._stalled - stalled):
            log.warning("loop gets on again", loop=loop)
        if stalled != self._stalled:
            self.notify(
                f"STATUS=stalled: {', '.join(sorted(stalled))}"
                if stalled
                else "STATUS=all loops get on again"
            )
        self._stalled = stalled
        if not stalled and self.wanted is not None:
            self.notify("WATCHDOG=1")
