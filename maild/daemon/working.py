"""The loop that works: takes mail as long as there is some, else waits to be woken, and looks by itself twice a second."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from maild.daemon.running import POLL, Backoff, Running, within
from maild.errors import NotNow

log = structlog.get_logger("maild.work")

PATIENCE: Final = 300.0
"""Seconds that one round of work may take: every mail in it at the end of its budget of time."""


async def work(running: Running) -> None:
    """Until the node stops."""
    backoff = Backoff()
    while not running.stopping.is_set():
        running.pulses.beat("work", PATIENCE)
        try:
            running.work_waits.clear()
            taken = await asyncio.to_thread(running.flow.work)
            backoff.reset()
        except NotNow as fault:
            log.error("work waits for the store", reason=str(fault))
            await backoff.wait(running.stopping)
            continue
        except Exception:  # the worker outlives every fault; a mail that causes one is put aside by flow
            log.exception("worker fault")
            await backoff.wait(running.stopping)
            continue
        if taken:
            running.mail_waits.set()
        else:
            await within(running.work_waits.wait(), POLL)
    running.pulses.ended("work")
