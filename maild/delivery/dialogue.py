"""Commands out, replies in, over a transport whose session is open: what may go in one write goes in one (RFC 2920)."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

REPLY_MAX: Final = 32 * 1024
"""Octets of one reply with all its lines; RFC 5321 §4.5.3.1.5 asks for 512 a line."""
PIECE: Final = 128 * 1024
"""Octets of a mail that are given to the transport at a time, so that it copies no more than that."""

_LINE = re.compile(rb"[2-5][0-9]{2}(?:[ -]|$)")  # RFC 5321 §4.2


class Reply(NamedTuple):
    """A reply, its lines joined by spaces."""

    code: int
    text: str


class Garbled(Exception):
    """What came is no SMTP reply."""


class Dialogue(asyncio.Protocol):
    """Takes `transport` over. Every reply is due `timeout` seconds after it is asked for."""

    def __init__(self, transport: asyncio.Transport, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._size = 0
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._fault: Exception | None = None
        self._paused = False
        transport.set_protocol(self)

    # -- what the transport tells

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._size += len(data)
        try:
            self._take_lines()
        except Garbled as fault:
            self._break(fault)
        self._wake()

    def eof_received(self) -> None:
        self._break(ConnectionResetError("the relay closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(exc or ConnectionResetError("the connection was lost"))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()

    def _take_lines(self) -> None:
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            if _LINE.match(line) is None:
                raise Garbled(line.decode("utf-8", "replace"))
            self._lines.append(line[4:].strip())
            if line[3:4] != b"-":
                text = b" ".join(self._lines).decode("utf-8", "replace")
                self._replies.append(Reply(int(line[:3]), text))
                self._lines.clear()
                self._size = len(self._buffer)
        if self._size > REPLY_MAX:
            raise Garbled("a reply without end")

    def _break(self, fault: Exception) -> None:
        """Nothing can be said any more; replies that came before can still be read."""
        if self._fault is None:
            self._fault = fault
        self._paused = False
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- what its user does

    @property
    def usable(self) -> bool:
        """Whether it is open and silent: a reply that nobody asked for (421 above all) says that it is over."""
        return not (self._replies or self._buffer or self._fault or self._transport.is_closing())

    def write(self, *commands: bytes) -> None:
        """Say commands, each with its line end. Raises what has ended the connection."""
        if self._fault is not None:
            raise self._fault
        self._transport.write(b"".join(commands))

    async def write_mail(self, pieces: Iterable[bytes | memoryview]) -> bool:
        """Say a mail piece by piece, as fast as it is taken; False when a reply came before its end.

        Raises TimeoutError when nothing is taken for a while, else what has ended the connection.
        """
        for piece in pieces:
            if self._replies:
                return False
            while self._paused:
                await self._woken(self._timeout)
            if self._fault is not None:
                raise self._fault
            if self._transport.is_closing():  # a write has failed, of which we shall be told later
                raise ConnectionResetError("the connection was lost")
            self._transport.write(piece)
        return True

    async def reply(self, patience: float = 1) -> Reply:
        """The next reply, at most `patience` times the time-out later.

        Raises TimeoutError, OSError when the connection was lost, Garbled for what is no reply; the connection is then no use.
        """
        while not self._replies:
            if self._fault is not None:
                raise self._fault
            await self._woken(self._timeout * patience)
        return self._replies.popleft()

    async def _woken(self, seconds: float) -> None:
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._late, seconds)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _late(self, seconds: float) -> None:
        self._break(TimeoutError(f"the relay was silent for {seconds:g} seconds"))

    @property
    def peer_certificate(self) -> bytes | None:
        """The other side's certificate in DER; None where nothing is encrypted."""
        tls = self._transport.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) if tls is not None else None

    def close(self, *, polite: bool) -> None:
        """Ends the connection without waiting; politely with QUIT (RFC 5321 §4.1.1.10), else what is not yet written is dropped."""
        if self._transport.is_closing():
            return
        if polite and self._fault is None:
            self._transport.write(b"QUIT\r\n")
            self._transport.close()
        else:
            self._transport.abort()
