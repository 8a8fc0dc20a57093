"""The loop that hears other processes on the same PostgreSQL database: mail they kept, mail they queued, nodes that came or left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from maild.daemon.running import Backoff, Running
from maild.errors import NotNow
from store.bells import MAIL, NODES, OUTBOX, Bells

log = structlog.get_logger("maild.daemon")

WAIT: Final = 1.0
PATIENCE: Final = 120.0
"""Seconds until a connection on which nothing is heard has failed and there is a new one."""


async def hear(running: Running, bells: Bells, look: Callable[[], Awaitable[None]]) -> None:
    """Until the node stops. `look` is called when nodes came or left. What is rung while there is no connection is missed: every loop also
    looks by itself."""
    backoff = Backoff()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "maild-bells") as thread:
        while not running.stopping.is_set():
            running.pulses.beat("listen", PATIENCE)
            try:
                rung = await loop.run_in_executor(thread, bells.wait, WAIT)
                backoff.reset()
            except NotNow as fault:
                log.warning("not woken by other nodes", reason=str(fault))
                await backoff.wait(running.stopping)
                continue
            if MAIL in rung:
                running.work_waits.set()
            if OUTBOX in rung:
                running.mail_waits.set()
            if NODES in rung:
                await look()
        running.pulses.ended("listen")
        await loop.run_in_executor(thread, bells.close)
