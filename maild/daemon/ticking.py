"""The loop of time: what is due is passed on every minute, and when the earliest due time in the store comes; by one node of the desk."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from maild.daemon.running import Running
from maild.errors import NotNow

log = structlog.get_logger("maild.clock")

TICK: Final = 60
PATIENCE: Final = 300.0
"""Seconds that may pass between two ticks: one of them takes long when very much is due."""


class Ticking:
    """The clock of one node, driven by its scheduler."""

    def __init__(self, running: Running, scheduler: AsyncIOScheduler) -> None:
        self._running = running
        self._scheduler = scheduler
        self.at_work = asyncio.Lock()
        self.tidying = asyncio.Lock()

    def start(self) -> None:
        """The first tick is now."""
        self._running.pulses.beat("clock", PATIENCE)
        for name, job in (("minute", self.tick), ("tidy", self.tidy)):
            self._scheduler.add_job(
                job, IntervalTrigger(seconds=TICK, timezone=UTC), id=name, next_run_time=datetime.now(UTC)
            )

    def now(self) -> None:
        """Tick without waiting for the minute."""
        at = DateTrigger(datetime.now(UTC), timezone=UTC)
        self._scheduler.add_job(self.tick, at, id="now", replace_existing=True)

    async def tick(self) -> None:
        """Pass on what is due, if that is for this node, then wake again for the earliest that will be."""
        running = self._running
        running.pulses.beat("clock", PATIENCE)
        if not running.has_clock:
            return
        async with self.at_work:
            try:
                while self._goes_on() and await asyncio.to_thread(running.flow.tick) > 0:
                    running.pulses.beat("clock", PATIENCE)
                    running.mail_waits.set()
                due = await asyncio.to_thread(self._next_due)
            except NotNow as fault:
                log.error("clock waits for the store", reason=str(fault))
                due = None
            running.pulses.beat("clock", PATIENCE)
        if due is not None and due < running.clock() + timedelta(seconds=TICK):
            self._scheduler.add_job(
                self.tick, DateTrigger(due, timezone=UTC), id="due", replace_existing=True
            )

    async def tidy(self) -> None:
        """Bring contents to where they belong, and remove what nobody names, if that is for this node. No clock waits for it."""
        store = self._running.flow.store
        async with self.tidying:
            try:
                if self._goes_on():
                    await asyncio.to_thread(store.sweep, self._goes_on)
                    await asyncio.to_thread(store.move_out, self._goes_on)
            except NotNow as fault:
                log.warning("contents wait for the files", reason=str(fault))

    def _goes_on(self) -> bool:
        return self._running.has_clock and not self._running.stopping.is_set()

    def _next_due(self) -> datetime | None:
        with self._running.flow.store.read() as work:
            return work.next_due(self._running.clock())
