"""What the intake tests share: a receiver that remembers, a client that speaks raw bytes, listeners on free ports."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network

from maild.intake.listeners import Listeners
from maild.intake.settings import IntakeLimits, Listener
from tests.hangup import hang_up

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EHLO, MAIL, RCPT, DATA = (
    "EHLO client.test",
    "MAIL FROM:<ann@customer.test>",
    "RCPT TO:<support@acme.test>",
    "DATA",
)
LHLO = "LHLO mta.test"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


class Desk:
    """A receiver. `fault` is raised instead of keeping; `gate` holds a commit up until it is set."""

    def __init__(self):
        self.ours = {"support@acme.test", "help@acme.test", "postmaster", "böb@acme.test"}
        self.fault = None
        self.accepts_fault = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.mails = []
        self.envelopes = []
        self.rolled = []

    def accepts(self, address):
        if self.accepts_fault is not None:
            raise self.accepts_fault
        return address.lower() in self.ours

    async def receive(self, spool, size, sha256, envelope):
        self.started.set()
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        assert spool.tell() == 0
        mail = spool.read()
        assert len(mail) == size
        assert hashlib.sha256(mail).hexdigest() == sha256
        self.rolled.append(spool._rolled)
        self.mails.append(mail)
        self.envelopes.append(envelope)


class Client:
    """A peer. Replies come as text with their lines joined by newlines; "" is the end of the connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, address, *, greet=True, **options):
        if address.startswith("unix:"):
            reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
        else:
            host, _, port = address.rpartition(":")
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), **options)
        client = cls(reader, writer)
        if greet:
            assert (await client.reply()).startswith("220 ")
        return client

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self):
        lines = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), 30)).decode("ascii")
            assert line.endswith("\r\n") or not line
            lines.append(line.rstrip())
            if line[3:4] != "-":
                return "\n".join(lines)

    async def say(self, *commands):
        """-> the reply to the last of `commands`, each sent after the reply to the one before."""
        for command in commands:
            await self.send(command.encode() + b"\r\n" if isinstance(command, str) else command)
            answer = await self.reply()
        return answer

    async def mail(self, content=b"Subject: hi\r\n\r\nhi\r\n", hello=EHLO):
        return await self.say(hello, MAIL, RCPT, DATA, content + b".\r\n")

    async def rest(self):
        """-> everything up to the end of the connection, which is closed."""
        text = (await asyncio.wait_for(self.reader.read(), 30)).decode("ascii")
        await self.close()
        return text

    async def reset(self):
        """Hang up with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        hang_up(self.writer.transport)
        await settle()

    async def close(self):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return


@asynccontextmanager
async def serving(
    desk, protocol="smtp", address="127.0.0.1:0", *, trusted=LOOPBACK, limits=None, spool_dir=None, **tls
):
    """-> (listeners, address) with one listener; afterwards no session, task or error may be left."""
    loop = asyncio.get_running_loop()
    background, handler = [], loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: background.append(context))
    before = asyncio.all_tasks()
    listeners = Listeners(
        desk,
        IntakeLimits(**({"message_size": 1_000_000} | (limits or {}))),
        hostname="mx.acme.test",
        trusted_peers=trusted,
        clock=lambda: NOON,
        spool_dir=spool_dir,
    )
    try:
        yield listeners, await listeners.open(Listener(protocol, address, **tls))
    finally:
        desk.gate.set()
        await listeners.close(5)
        await settle()
        loop.set_exception_handler(handler)
    assert not listeners._sessions
    assert asyncio.all_tasks() <= before
    assert all(counters.connections == 0 for counters in listeners.counters.values())
    assert not background


async def settle():
    """Let everything that is on its way over loopback arrive and be worked on."""
    for _ in range(30):
        await asyncio.sleep(0)


class Hurry:
    """The loop's clock, which the test can put forward: timers are due without waiting."""

    def __init__(self, monkeypatch):
        loop = asyncio.get_running_loop()
        true_time, self.ahead = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: true_time() + self.ahead, raising=False)

    async def skip(self, seconds):
        self.ahead += seconds
        await settle()
