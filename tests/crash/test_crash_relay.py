"""Whatever step of the dialogue with a relay the network fails at: nothing is taken for sent that is not there, and copies are the same octets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from maild.delivery.opening import Relay as To
from maild.delivery.send import Sender
from tests.hangup import hang_up
from tests.way.relay import Relay

MAIL = (
    b"From: support@acme.test\r\nTo: carla@globex.test\r\nMessage-ID: <one@acme.test>\r\n\r\n"
    + b"Hello.\r\n" * 400
)


@dataclass
class Wire:
    """Passes octets on, to and fro, and cuts everything at piece `cut`, counted from 1 over all connections."""

    port: int
    cut: int = 0
    pieces: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until one side ends or it is cut."""
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.port)
        self._open |= {writer, ours}
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await asyncio.gather(self._pass(reader, ours), self._pass(theirs, writer))
        except ConnectionError:
            for one in (writer, ours):
                hang_up(one.transport)
        finally:
            for one in (writer, ours):
                one.close()
            self._open -= {writer, ours}
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(1 << 16):
            self.pieces += 1
            if self.pieces == self.cut:
                raise ConnectionResetError
            writer.write(octets)
            await writer.drain()
        writer.close()

    async def end(self) -> None:
        for one in list(self._open):
            one.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def wire(port: int) -> AsyncIterator[tuple[Wire, str]]:
    made = Wire(port)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    try:
        yield made, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await made.end()
        await server.wait_closed()


SHORT = 8
"""Dialogues that end before the piece at which they are cut, one after the other: then none is so long."""


@pytest.mark.parametrize("before", [0, 1], ids=["fresh connection", "kept connection"])
async def test_cut_at_every_piece(before: int) -> None:
    relay = Relay()
    kinds: list[str] = []
    try:
        async with wire(relay.port) as (line, address):
            cut, short = 1, 0
            while (
                cut < 100 and short < SHORT
            ):  # pieces that come together count as one, so that dialogues differ in length
                time = [0.0]
                sender = Sender([To(address, "none", timeout=20)], now=lambda: time[0])  # noqa: B023  called within the round
                name = f"n{len(kinds)}-{before}@globex.test"
                for _ in range(before):
                    assert (await sender.send(MAIL, "", "warm@globex.test")).kind == "sent"
                line.pieces, line.cut = 0, cut
                outcome = await sender.send(MAIL, "", name)
                reached, done = line.pieces >= cut, outcome.kind == "sent"
                kinds.append(outcome.kind)
                assert outcome.kind in ("sent", "later", "unknown"), (cut, outcome)
                assert not done or relay.to(name), (cut, outcome)
                line.cut = 0
                for _ in range(3):
                    if outcome.kind != "sent":
                        time[0] += 600
                        outcome = await sender.send(MAIL, "", name)
                assert outcome.kind == "sent", (cut, outcome)
                assert {mail.raw for mail in relay.to(name)} == {MAIL}
                assert len(relay.to(name)) <= 2
                await sender.close()
                cut, short = (cut + 1, 0) if reached else (cut, short + 1)
    finally:
        relay.close()
    assert short == SHORT, "the dialogue has no end"
    assert len(kinds) > 5
    assert "later" in kinds or before
    assert "unknown" in kinds, kinds
