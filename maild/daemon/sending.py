"""The loop that sends: as many mails at once as the relay gets connections; each is settled as it ends."""

from __future__ import annotations

import asyncio
import os
from typing import Final

import structlog

from maild import config
from maild.daemon.running import POLL, Backoff, Running, within
from maild.delivery.send import Relay, Sender
from maild.errors import NotNow
from maild.settling import Delivered, Outbound
from store.rows import OutboxRow

log = structlog.get_logger("maild.send")

GRACE: Final = 20.0
BATCH: Final = 4
GATHER: Final = 0.05
PATIENCE: Final = 120.0
"""Seconds that a round may take: a claim or a settlement that waits for the store."""


class Sending:
    """The sender of one node."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self._going: dict[asyncio.Task[Delivered], OutboxRow] = {}

    async def run(self) -> None:
        """Until the node stops; what is on its way then gets a while to end."""
        settings = self.running.flow.site.settings
        relay = settings.relay
        sender = Sender(
            Relay(
                relay.address, relay.tls, relay.user, config.password(relay, os.environ), settings.desk.hostname,
                relay.connections,
            )
        )  # fmt: skip
        backoff = Backoff()
        try:
            while not self.running.stopping.is_set():
                self.running.pulses.beat("send", PATIENCE)
                try:
                    await self._some(sender, relay.connections)
                    backoff.reset()
                except NotNow as fault:
                    log.error("sender waits for the store", reason=str(fault))
                    await backoff.wait(self.running.stopping)
                except (
                    Exception
                ):  # the sender outlives every fault: claimed rows come back when their lease ends
                    log.exception("sender fault")
                    await backoff.wait(self.running.stopping)
            await self._finish()
        finally:
            self.running.pulses.ended("send")
            await sender.close()

    async def _some(self, sender: Sender, most: int) -> None:
        """Settle what has ended and claim as much again, then wait until half of it has ended (or a moment has passed)."""
        self.running.mail_waits.clear()
        done = [task for task in self._going if task.done()]
        room = BATCH * most - len(self._going) + len(done)
        results = [(self._going[task], task.result()) for task in done]
        claimed = await asyncio.to_thread(self.running.flow.outgoing, room, results)
        for task in done:
            del self._going[task]
        for mail in claimed:
            self._going[asyncio.create_task(_deliver(sender, mail))] = mail.row
        if not self._going:
            await within(self.running.mail_waits.wait(), POLL)
            return
        await asyncio.wait(self._going, return_when=asyncio.FIRST_COMPLETED, timeout=POLL)
        if len(self._going) > most:
            await asyncio.wait(self._going, timeout=GATHER)

    async def _settle(self) -> None:
        done = [task for task in self._going if task.done()]
        if done:
            results = [(self._going[task], task.result()) for task in done]
            await asyncio.to_thread(self.running.flow.settle, results)
            for task in done:
                del self._going[task]

    async def _finish(self) -> None:
        if self._going:
            await asyncio.wait(self._going, timeout=GRACE)
        await self._settle()
        for task in self._going:
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)
        if self._going:  # outcome unknown: the same bytes go again after the next start
            await asyncio.to_thread(self.running.flow.give_back, list(self._going.values()))


async def _deliver(sender: Sender, mail: Outbound) -> Delivered:
    outcome = await sender.send(mail.row.raw, mail.sender, mail.row.recipient)
    return Delivered(outcome.kind, outcome.text, outcome.status)
