"""From many connections to few commits: mails that come in while one commit runs, or waits for its turn, share the next (one fsync for all
of them)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, TypeAlias

from maild.desk.facts import Envelope
from maild.errors import MaildError, NotNow
from maild.flow import Flow
from maild.keeping import Kept, Ready
from store import Content

MOST = 100
BIG_AT_ONCE = 8
"""Big mails that are put with the files at once, each by a thread: the others are for who waits for less."""


_Waiting: TypeAlias = tuple[Ready, asyncio.Future[None]]


class Gathering:
    """The `Receiver` of the listeners. `woken` is set whenever mail has been kept."""

    def __init__(self, flow: Flow, woken: asyncio.Event) -> None:
        self._flow, self._woken = flow, woken
        self._waiting: list[_Waiting] = []
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
                ready = await asyncio.to_thread(self._ready, mail)
        else:
            ready = self._ready(mail)
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((ready, kept))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        await kept

    def _ready(self, mail: Kept) -> Ready:
        try:
            return self._flow.ready(mail)
        except MaildError:
            raise
        except Exception as fault:
            raise NotNow(f"{type(fault).__name__}: {fault}") from fault

    async def _run(self) -> None:
        while self._waiting:
            batch: list[_Waiting] = []

            def take(batch: list[_Waiting] = batch) -> list[Ready]:
                """In the thread that keeps them; here meanwhile more are only appended."""
                batch += self._waiting[:MOST]
                del self._waiting[: len(batch)]
                return [ready for ready, _ in batch]

            fault = await self._keep(take)
            if not batch:  # it was not our turn
                take()
            if fault is not None and len(batch) > 1 and not isinstance(fault, MaildError):
                await self._one_by_one(batch)
                continue
            for _, kept in batch:
                _settle(kept, fault)
            self._woken.set()

    async def _one_by_one(self, batch: list[_Waiting]) -> None:
        """One of them breaks the commit: the others shall not suffer."""
        for ready, kept in batch:
            _settle(kept, await self._keep(partial(list, (ready,))))
        self._woken.set()

    async def _keep(self, take: Callable[[], list[Ready]]) -> Exception | None:
        try:
            await asyncio.to_thread(self._flow.keep_ready, take)
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
