"""Hands finished mails to the first relay that is there, over a few kept connections, and says what became of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from maild.delivery.connection import Connection, Gone
from maild.delivery.opening import NotConnected, Opener, Relay
from maild.delivery.outcome import Letter, Outcome

log = structlog.get_logger("maild.send")

IDLE_SECONDS = 20.0
USES_MAX = 100
AWAY_SECONDS: Final = (2.0, 5.0, 10.0, 20.0, 30.0)
"""How long a relay that cannot be reached is left alone, the first, second … time in a row."""
LOCKED_SECONDS: Final = (10.0, 30.0, 60.0, 120.0, 300.0)
"""The same where the log-in is refused: asking often may lock the account."""


@dataclass(frozen=True, slots=True)
class Away:
    """A relay that takes no mail just now: why, and for how many seconds it is left alone."""

    address: str
    reason: str
    seconds: float


@dataclass(eq=False, slots=True)
class _Kept:
    connection: Connection
    timer: asyncio.TimerHandle | None = None


class _Line:
    """The connections to one relay, and whether it is left alone."""

    def __init__(self, relay: Relay, now: Callable[[], float], may_send: Callable[[], bool]) -> None:
        self.relay = relay
        self._may_send = may_send
        self.fault: NotConnected | None = None
        self._now = now
        self._opener = Opener(relay)
        self._slots = asyncio.Semaphore(relay.connections)
        self._idle: list[_Kept] = []
        self._faults = 0
        self._until = 0.0
        self._closed = False

    @property
    def away(self) -> float:
        """Seconds for which it is left alone."""
        return max(0.0, self._until - self._now())

    async def hand_over(self, letter: Letter) -> Outcome:
        """One mail over a kept or fresh connection. Raises NotConnected."""
        async with self._slots:
            while self._idle:
                kept = self._idle.pop()
                if kept.timer is not None:
                    kept.timer.cancel()
                try:
                    return await self._use(kept.connection, letter)
                except Gone:
                    continue
            if self.fault is not None and self.away:
                raise self.fault
            connection = await self._open()
            try:
                return await self._use(connection, letter)
            except Gone:
                raise NotConnected("the relay closed the connection at once") from None

    async def _open(self) -> Connection:
        try:
            connection = await self._opener.open()
        except NotConnected as fault:
            gaps = LOCKED_SECONDS if fault.log_in else AWAY_SECONDS
            if not self.away:  # several connections that fail together are one fault
                gap = gaps[min(self._faults, len(gaps) - 1)]
                self._faults += 1
                self._until = self._now() + gap
                if self.fault is None:
                    log.error("relay is away", relay=self.relay.address, reason=str(fault))
            self.fault = fault
            raise
        if self.fault is not None:
            log.info("relay is back", relay=self.relay.address)
        self.fault, self._faults, self._until = None, 0, 0.0
        return connection

    async def _use(self, connection: Connection, letter: Letter) -> Outcome:
        """Raises Gone for a kept connection that turns out to be over."""
        if not connection.usable:
            connection.close(polite=False)
            raise Gone
        if not self._may_send():
            self._give_back(connection)
            return Outcome("later", "not sent now: another node may have it", of="relay")
        try:
            outcome = await connection.hand_over(letter)
        except BaseException:
            connection.close(polite=False)
            raise
        self._give_back(connection)
        return outcome

    def _give_back(self, connection: Connection) -> None:
        if self._closed or connection.uses >= USES_MAX or not connection.usable:
            connection.close()
            return
        kept = _Kept(connection)
        kept.timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._retire, kept)
        self._idle.append(kept)

    def _retire(self, kept: _Kept) -> None:
        self._idle.remove(kept)
        kept.connection.close()

    def close(self) -> None:
        """Ends the idle connections; those at work end with their mail."""
        self._closed = True
        while self._idle:
            kept = self._idle.pop()
            if kept.timer is not None:
                kept.timer.cancel()
            kept.connection.close()


@dataclass(slots=True)
class _Destination:
    """A recipient domain with mail at hand: `slots` at once, `users` that use it or wait."""

    slots: asyncio.Semaphore
    users: int = field(default=0)


class Sender:
    """Sends over at most `connections` connections to each relay at a time; further calls of `send` wait for one.

    Relays are tried in order: the first to which there is a session takes the mail, and its answer is final. At most `at_once(domain)`
    mails are under way to one recipient domain, so that a slow one leaves the other connections alone. `now`: seconds. `may_send` is asked before each mail.
    """

    def __init__(
        self,
        relays: Sequence[Relay],
        at_once: Callable[[str], int | None] = lambda _: None,
        now: Callable[[], float] = time.monotonic,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        """Raises ValueError for an address that is neither HOST:PORT nor unix:PATH, OSError for an unreadable `ca_file`."""
        self._lines = [_Line(relay, now, may_send) for relay in relays]
        self._at_once = at_once
        self._destinations: dict[str, _Destination] = {}

    async def send(self, raw: bytes, sender: str, recipient: str, envelope_id: str | None = None) -> Outcome:
        """Hands one mail over for one recipient. `sender` "" is the null sender. With an `envelope_id` reports are asked for where they are
        offered. Raises nothing but cancellation."""
        letter = Letter(raw, sender, recipient, envelope_id)
        domain = recipient.rpartition("@")[2].lower()
        most = self._at_once(domain)
        if most is None:
            return await self._hand_over(letter)
        with self._destination(domain, most) as destination:
            async with destination.slots:
                return await self._hand_over(letter)

    async def _hand_over(self, letter: Letter) -> Outcome:
        fault: NotConnected | None = None
        for line in self._lines:
            try:
                return await line.hand_over(letter)
            except NotConnected as found:
                fault = found if fault is None else fault
        assert fault is not None
        return Outcome("later", str(fault), fault.status, "relay")

    @contextmanager
    def _destination(self, domain: str, most: int) -> Iterator[_Destination]:
        """It is known as long as somebody uses it."""
        found = self._destinations.get(domain)
        if found is None:
            found = self._destinations[domain] = _Destination(asyncio.Semaphore(most))
        found.users += 1
        try:
            yield found
        finally:
            found.users -= 1
            if not found.users:
                del self._destinations[domain]

    def away(self) -> tuple[Away, ...]:
        """The relays that take no mail just now, in their order."""
        return tuple(
            Away(line.relay.address, str(line.fault), line.away)
            for line in self._lines
            if line.fault is not None
        )

    def waits(self) -> float:
        """Seconds until a relay may be tried again; 0 when one may be now."""
        return min((line.away for line in self._lines), default=0.0)

    async def close(self) -> None:
        """Ends the idle connections; those at work end with their mail."""
        for line in self._lines:
            line.close()
