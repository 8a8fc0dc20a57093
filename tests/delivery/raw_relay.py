"""A relay spoken by hand: it says exactly what the test wants, offers what the test wants, and keeps what it was told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.hangup import hang_up

HANG_UP = b""
"""As an answer: the connection is reset."""


class Silence(Exception):
    """Raised by an answer: nothing is said until the test ends."""


@dataclass
class Session:
    """One connection: its command lines, each with the number of the burst of octets it came in, and the mails it took."""

    lines: list[str] = field(default_factory=list)
    bursts: list[int] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    writer: asyncio.StreamWriter | None = None
    sender: bool = False
    recipient: bool = False

    def follow(self, line: str, reply: bytes) -> None:
        """Whether there is a sender, and a recipient, after this reply."""
        taken = reply.startswith(b"2")
        if line.startswith("MAIL"):
            self.sender = taken
        elif line.startswith("RCPT"):
            self.recipient = self.recipient or (taken and self.sender)
        elif line.startswith(("RSET", "EHLO")) or reply.startswith(b"354"):
            self.sender = self.recipient = False


@dataclass
class RawRelay:
    """`offers`: the keywords of EHLO; `answers`: called with the session and the line (b"." for a mail), a reply or None for the usual."""

    offers: tuple[str, ...] = ("PIPELINING", "SIZE 10000000", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES")
    answers: Callable[[Session, str], bytes | None] = lambda _session, _line: None
    greeting: bytes = b"220 raw.test ready"
    sessions: list[Session] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    address: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def mails(self) -> list[bytes]:
        return [mail for session in self.sessions for mail in session.mails]

    @property
    def lines(self) -> list[str]:
        return [line for session in self.sessions for line in session.lines]

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[RawRelay]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self.ended.set()
            server.close()
            for session in self.sessions:
                if session.writer is not None:
                    hang_up(session.writer.transport)
            for _ in range(3):
                await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(writer=writer)
        self.sessions.append(session)
        try:
            await self._talk(session, reader, writer)
        except Silence:
            await self.ended.wait()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            hang_up(writer.transport)

    async def _talk(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(self.greeting + b"\r\n")
        buffer, burst = b"", 0
        while True:
            data = await reader.read(65536)
            if not data:
                return
            buffer, burst = buffer + data, burst + 1
            while b"\r\n" in buffer:
                line, _, buffer = buffer.partition(b"\r\n")
                text = line.decode()
                session.lines.append(text)
                session.bursts.append(burst)
                said = self.answers(session, text)
                if said == HANG_UP:
                    return
                reply = self._usual(session, text) if said is None else said
                session.follow(text, reply)
                writer.write(reply + b"\r\n")
                if text == "QUIT":
                    await writer.drain()
                    return
                if reply.startswith(b"354"):
                    while b"\r\n.\r\n" not in b"\r\n" + buffer:
                        more = await reader.read(65536)
                        if not more:
                            return
                        buffer += more
                    mail, _, buffer = (b"\r\n" + buffer).partition(b"\r\n.\r\n")
                    reply = self.answers(session, ".")
                    if reply == HANG_UP:
                        return
                    if reply is None:
                        session.mails.append(mail[2:] + b"\r\n")
                    writer.write((reply or b"250 2.0.0 kept") + b"\r\n")

    def _usual(self, session: Session, line: str) -> bytes:
        verb = line[:4].upper()
        if verb == "EHLO":
            return b"\r\n".join(
                [b"250-raw.test", *(b"250-" + one.encode() for one in self.offers), b"250 HELP"]
            )
        if verb == "DATA":
            return b"354 go ahead" if session.recipient else b"503 5.5.1 no valid recipients"
        if verb == "QUIT":
            return b"221 2.0.0 bye"
        return b"250 2.0.0 ok"
