"""The loop that sends: as many mails at once as the relays get connections; each is settled as it ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from maild.daemon.running import POLL, Backoff, Running, within
from maild.errors import NotNow
from maild.outgoing import AHEAD, Paces, sender, signer
from maild.settling import Delivered, Outbound
from store.rows import OutboxRow, Pace

log = structlog.get_logger("maild.send")

GRACE: Final = 20.0
GATHER: Final = 0.05
PATIENCE: Final = 120.0
"""Seconds that a round may take: a claim or a settlement that waits for the store."""
LOOK: Final = 5.0
"""Seconds after which a pause, or its end, is noticed and said."""


class Sending:
    """The sender of one node. Raises ConfigError for a certificate or key that cannot be used."""

    def __init__(self, running: Running) -> None:
        settings = running.flow.site.settings
        self._running = running
        self._signer = signer(settings)
        self._sender = sender(settings, lambda: not running.fenced)
        self._paces = Paces(settings)
        self._addresses = [one.address for one in settings.relay]
        self._reports = settings.delivery.reports
        self._room = AHEAD * max(one.connections for one in settings.relay)
        self._going: dict[asyncio.Task[Delivered], OutboxRow] = {}
        self._held: dict[str | None, str] = {}

    def relays(self) -> list[dict[str, object]]:
        """Each relay, and why it takes no mail just now, for the heartbeat."""
        away = {one.address: one.reason for one in self._sender.away()}
        return [{"address": one, "away": away.get(one)} for one in self._addresses]

    async def run(self) -> None:
        """Until the node stops; what is on its way then gets a while to end."""
        running, backoff = self._running, Backoff()
        looking = asyncio.create_task(self._look())
        try:
            while not running.stopping.is_set():
                running.pulses.beat("send", PATIENCE)
                try:
                    await self._some()
                    backoff.reset()
                except NotNow as fault:
                    log.error("sender waits for the store", reason=str(fault))
                    await backoff.wait(running.stopping)
                except (
                    Exception
                ):  # the sender outlives every fault: claimed rows come back when their lease ends
                    log.exception("sender fault")
                    await backoff.wait(running.stopping)
            await self._finish()
        finally:
            running.pulses.ended("send")
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await self._sender.close()

    async def _some(self) -> None:
        """Settle what has ended and claim as much again, then wait until half of it has ended (or a moment has passed)."""
        running = self._running
        running.mail_waits.clear()
        done = [task for task in self._going if task.done()]
        results = [(self._going[task], task.result()) for task in done]
        idle = running.fenced or self._sender.waits() > 0 or None in self._held
        room = 0 if idle else self._room - len(self._going) + len(done)
        if room or results:
            claimed = await asyncio.to_thread(self._claim, room, results)
            for task in done:
                del self._going[task]
            for mail in claimed:
                self._going[asyncio.create_task(self._deliver(mail))] = mail.row
        if not self._going:
            waiting = running.mail_waits if room else running.stopping
            await within(waiting.wait(), min(POLL, self._sender.waits() or POLL))
            return
        await asyncio.wait(self._going, return_when=asyncio.FIRST_COMPLETED, timeout=POLL)
        if len(self._going) > self._room // AHEAD:
            await asyncio.wait(self._going, timeout=GATHER)

    def _claim(self, room: int, results: Sequence[tuple[OutboxRow, Delivered]]) -> list[Outbound]:
        """In a thread: settle and claim in one transaction, then sign what was claimed."""
        going = Counter(row.domain for row in self._going.values())
        going.subtract(row.domain for row, _ in results)

        def pace(domain: str) -> Pace:
            return self._paces.pace(domain, going[domain])

        known = [row.id for row in self._going.values()]
        flow, signed, faults = self._running.flow, list[Outbound](), list[tuple[OutboxRow, Delivered]]()
        for mail in flow.outgoing(room, results, pace, known):
            try:
                signed.append(replace(mail, raw=self._signer.sign(mail.raw, mail.row.created_at)))
            except Exception as fault:  # one mail that breaks the signer holds up no other
                log.exception("signing fault", outbox=mail.row.id)
                faults.append((mail.row, Delivered("later", f"a fault of maild: {type(fault).__name__}")))
        if faults:
            flow.settle(faults)
        return signed

    async def _deliver(self, mail: Outbound) -> Delivered:
        envelope_id = mail.row.message_id.strip("<>") if self._reports else None
        try:
            outcome = await self._sender.send(mail.raw, mail.sender, mail.row.recipient, envelope_id)
        except Exception as fault:  # one mail that breaks the sender holds up no other
            log.exception("delivery fault", outbox=mail.row.id)
            return Delivered("unknown", f"a fault of maild: {type(fault).__name__}")
        return Delivered(outcome.kind, outcome.text, outcome.status, outcome.of)

    async def _settle(self) -> None:
        done = [task for task in self._going if task.done()]
        if done:
            results = [(self._going[task], task.result()) for task in done]
            await asyncio.to_thread(self._running.flow.settle, results)
            for task in done:
                del self._going[task]

    async def _finish(self) -> None:
        if self._going:
            await asyncio.wait(self._going, timeout=GRACE)
        for task in self._going:
            task.cancel()  # one that has ended keeps its result
        await asyncio.gather(*self._going, return_exceptions=True)
        unknown = [row for task, row in self._going.items() if task.cancelled()]
        self._going = {task: row for task, row in self._going.items() if not task.cancelled()}
        try:
            await self._settle()
        finally:
            if unknown:  # the same bytes go again after the next start
                await asyncio.to_thread(self._running.flow.give_back, unknown)

    async def _look(self) -> None:
        """Say in the log what is paused, or left alone, from when on and until when."""
        while True:
            try:
                held = await asyncio.to_thread(self._running.flow.held_destinations)
            except NotNow:  # the loop that sends says so
                held = self._held
            except Exception:  # what is only said in the log must not end what says it
                log.exception("queue not looked at")
                held = self._held
            for domain in held.keys() - self._held.keys():
                log.warning("queue held", domain=domain or "all", reason=held[domain])
            for domain in self._held.keys() - held.keys():
                log.info("queue goes on", domain=domain or "all")
                self._running.mail_waits.set()
            self._held = held
            await asyncio.sleep(LOOK)
