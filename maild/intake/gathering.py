"""From many connections to few commits: mails that come in while one commit runs share the next (one fsync for all of them)."""

from __future__ import annotations

import asyncio
from typing import BinaryIO

from maild.desk.facts import Envelope
from maild.errors import MaildError, NotNow
from maild.flow import Flow
from maild.keeping import Kept
from store import Content

MOST = 100
LOOK = 0.003
"""Seconds in which another mail must have come in, so that a commit waits for more."""
LOOKS = 10
BIG_AT_ONCE = 8
"""Big mails that are put with the files at once, each by a thread: the others are for who waits for less."""


class Gathering:
    """The `Receiver` of the listeners. `woken` is set whenever mail has been kept."""

    def __init__(self, flow: Flow, woken: asyncio.Event) -> None:
        self._flow, self._woken = flow, woken
        self._waiting: list[tuple[Kept, asyncio.Future[None]]] = []
        self._runner: asyncio.Task[None] | None = None
        self._big = asyncio.Semaphore(BIG_AT_ONCE)

    def accepts(self, address: str) -> bool:
        """Whether this recipient is ours; in memory."""
        return self._flow.accepts(address)

    async def receive(self, spool: BinaryIO, size: int, sha256: str, envelope: Envelope) -> None:
        """Returns when the mail is on disk. Raises NotNow when it could not be kept."""
        mail = Kept(spool, size, sha256, envelope)
        if size > Content.SMALL:
            # Before it is gathered: nobody else's 250 waits for files that are slow or away.
            async with self._big:
                mail = await self._put(mail)
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((mail, kept))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        await kept

    async def _put(self, mail: Kept) -> Kept:
        try:
            return await asyncio.to_thread(self._flow.put, mail)
        except MaildError:
            raise
        except Exception as fault:
            raise NotNow(f"{type(fault).__name__}: {fault}") from fault

    async def _run(self) -> None:
        while self._waiting:
            await self._gathered()
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            fault = await self._keep([mail for mail, _ in batch])
            if fault is not None and len(batch) > 1 and not isinstance(fault, MaildError):
                await self._one_by_one(batch)
                continue
            for _, kept in batch:
                _settle(kept, fault)
            self._woken.set()

    async def _gathered(self) -> None:
        """Until no more mails come in just now: those of peers that were answered together end together, and shall share a commit again."""
        for _ in range(LOOKS):
            before = len(self._waiting)
            await asyncio.sleep(LOOK)
            if len(self._waiting) == before:
                return

    async def _one_by_one(self, batch: list[tuple[Kept, asyncio.Future[None]]]) -> None:
        """One of them breaks the commit: the others shall not suffer."""
        for mail, kept in batch:
            mail.spool.seek(0)
            _settle(kept, await self._keep([mail]))
        self._woken.set()

    async def _keep(self, mails: list[Kept]) -> Exception | None:
        try:
            await asyncio.to_thread(self._flow.keep, mails)
        except Exception as fault:  # noqa: BLE001  handed to each sender's session, which answers and logs it
            return fault
        return None


def _settle(kept: asyncio.Future[None], fault: Exception | None) -> None:
    if kept.done():
        return
    if fault is None:
        kept.set_result(None)
    else:
        kept.set_exception(
            fault if isinstance(fault, MaildError) else NotNow(f"{type(fault).__name__}: {fault}")
        )
