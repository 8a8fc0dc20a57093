"""What the loops of one node share: the flow, the end, the bells that wake them, and the proof that each gets on."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from maild.flow import Flow

FENCED_AFTER: Final = 10.0
"""Seconds of silence after which a node sends nothing: some before others take it for dead."""
POLL: Final = 0.5
"""Seconds after which a loop looks by itself whether there is something to do."""


def boot_time() -> float:
    """Seconds since the machine was started, those asleep too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(slots=True)
class Pulses:
    """When each loop last got on, by its name; what has not for longer than it may is stalled."""

    now: Callable[[], float] = time.monotonic
    _beats: dict[str, tuple[float, float]] = field(default_factory=dict)

    def beat(self, loop: str, allowed: float) -> None:
        """The loop got on just now, and does again within `allowed` seconds."""
        self._beats[loop] = (self.now(), allowed)

    def ended(self, loop: str) -> None:
        """The loop ended as it should."""
        self._beats.pop(loop, None)

    def ages(self) -> dict[str, float]:
        """Seconds since each loop got on."""
        now = self.now()
        return {loop: now - beat for loop, (beat, _) in self._beats.items()}

    def stalled(self) -> list[str]:
        """Loops that are silent for longer than they may be, by name."""
        now = self.now()
        return sorted(loop for loop, (beat, allowed) in self._beats.items() if now - beat > allowed)


@dataclass(slots=True)
class Running:
    """One node's loops end when `stopping` is set; `work_waits`: mail was kept; `mail_waits`: something was queued to go out."""

    flow: Flow
    clock: Callable[[], datetime]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    work_waits: asyncio.Event = field(default_factory=asyncio.Event)
    mail_waits: asyncio.Event = field(default_factory=asyncio.Event)
    pulses: Pulses = field(default_factory=Pulses)
    offset: timedelta = timedelta(0)
    """What the database's clock is before ours."""
    heard_at: float | None = None
    """When this node was last heard by the others, as `boot_time`; None where there can be none."""
    clock_until: float = math.inf
    """Until when this node passes on what is due, as `boot_time`."""

    def desk_time(self) -> datetime:
        """The time that all nodes of the desk agree on, for leases: that of the database's clock."""
        return self.clock() + self.offset

    @property
    def fenced(self) -> bool:
        """Whether others may soon take this node for dead, or have: nothing must leave it now, somebody else may be sending it."""
        return self.heard_at is not None and boot_time() - self.heard_at > FENCED_AFTER

    @property
    def has_clock(self) -> bool:
        """Whether it is for this node to pass on what is due."""
        return boot_time() < self.clock_until

    def stop(self) -> None:
        """Every loop ends after what it is at."""
        self.stopping.set()
        self.work_waits.set()
        self.mail_waits.set()


@dataclass(slots=True)
class Backoff:
    """Growing waits between attempts of a loop whose store is away: 1 to 10 seconds."""

    seconds: float = 1.0

    async def wait(self, stopping: asyncio.Event) -> None:
        await within(stopping.wait(), self.seconds)
        self.seconds = min(10.0, self.seconds * 2)

    def reset(self) -> None:
        self.seconds = 1.0


async def within(waiting: Awaitable[object], seconds: float) -> None:
    """Wait for it, at most so long."""
    task = asyncio.ensure_future(waiting)
    await asyncio.wait((task,), timeout=seconds)
    if not task.done():
        task.cancel()
