"""The life of one connection, under whatever is said on it: reading, answering, TLS, idle time, the end.

Built on aiosmtpd's protocol class. What differs: the session's task belongs to itself, so a peer that hangs up is seen by the
next read or write and never cancels a mail that is being kept; only `end` cuts a session, and not then either.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog
from aiosmtpd.smtp import SMTP
from structlog.typing import FilteringBoundLogger

from maild.errors import Refused
from maild.intake.reply import TIMED_OUT, TOO_MANY_CONNECTIONS, Reply
from maild.intake.service import NOBODY, Port, Service

log: FilteringBoundLogger = structlog.get_logger("maild.intake")

BLOCK: Final = 1 << 16
COMMAND_LINE: Final = 2048
"""Octets with CRLF: RFC 5321 §4.5.3.1.4 asks for 512, extensions for more."""
_FLOOD: Final = 1 << 20
_LINGER: Final = 2.0
_HANDSHAKE: Final = 60.0


class PeerGone(Exception):
    """The peer hung up, or cannot be talked to any more."""


class Connection(SMTP):
    """A connection. Subclasses say what is spoken: `converse`. `task` is there from the moment the connection is made."""

    task: asyncio.Task[None]

    line_length_limit = BLOCK  # of the reader's buffer, which aiosmtpd sizes by this name

    def __init__(self, service: Service, port: Port, sessions: set[Connection]) -> None:
        super().__init__(
            None, hostname=service.hostname, timeout=service.limits.timeout, enable_SMTPUTF8=True
        )
        self.service = service
        self.port = port
        self.peer = NOBODY
        self.secured = False
        self.committing = False
        """While set, nothing ends the session: a mail is being kept."""
        self._sessions = sessions
        self._securing = False
        self._ended = False
        self._linger = False
        self._last_sign = 0.0

    async def converse(self) -> None:
        """Speak, from the greeting to the last answer. Raises PeerGone."""
        raise NotImplementedError

    @property
    def in_transaction(self) -> bool:
        """Whether a mail is on its way, so that the session is worth waiting for."""
        raise NotImplementedError

    # The transport's events

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        family = transport.get_extra_info("socket").family
        self.peer = self.service.peer(family, transport.get_extra_info("peername"))
        super().connection_made(transport)
        assert self._handler_coroutine is not None
        self.task = self._handler_coroutine
        self._sessions.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        # Not aiosmtpd's own, which cancels the session's task.
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None

    def eof_received(self) -> bool | None:
        # Not aiosmtpd's own, for the same reason: what was sent before the half close is still answered.
        return asyncio.StreamReaderProtocol.eof_received(self)

    def _reset_timeout(self, duration: float | None = None) -> None:
        self._last_sign = self.loop.time()
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_later(self._timeout_duration, self._timeout_cb)

    def _timeout_cb(self) -> None:
        now = self.loop.time()
        if self.committing:
            self._last_sign = now
        left = self._last_sign + self._timeout_duration - now
        if left <= 0:
            self.end(TIMED_OUT)
        else:
            self._timeout_handle = self.loop.call_later(left, self._timeout_cb)

    # The session's task

    async def _handle_client(self) -> None:
        counters = self.port.counters
        admitted = self.service.admit(self.peer)
        counters.connections += admitted
        try:
            await (self._serve() if admitted else self._turn_away())
        except PeerGone:
            log.debug("peer_gone", peer=self.peer.name)
        except Exception:
            # Nobody awaits this task: a fault of ours must reach the log.
            log.exception("session_fault", peer=self.peer.name)
        finally:
            try:
                await self._hang_up()
            finally:
                if admitted:
                    self.service.release(self.peer)
                    counters.connections -= 1
                self._sessions.discard(self)

    async def _serve(self) -> None:
        if self.port.listener.tls == "implicit":
            await self.secure()
        await self.converse()

    async def _turn_away(self) -> None:
        log.warning("too_many_connections", peer=self.peer.name)
        if self.port.listener.tls != "implicit":
            await self.answer(TOO_MANY_CONNECTIONS)
        self._linger = False  # those we have no room for get no further attention

    def end(self, reply: Reply) -> None:
        """End the session from outside its task: say `reply` and close. Does nothing while a mail is being kept."""
        if self.committing or self._ended:
            return
        self._ended = True
        if not self._securing:
            self._writer.write(bytes(reply))
        self.task.cancel()

    async def _hang_up(self) -> None:
        self._ended = True
        try:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(_LINGER):
                    if self._linger and self._writer.can_write_eof():
                        await self._drink_up()
                    self._writer.close()
                    await self._writer.wait_closed()
        finally:
            # Python 3.11.2: a TLS transport that is closed already fails at this.
            with contextlib.suppress(AttributeError):
                self._writer.transport.abort()

    async def _drink_up(self) -> None:
        # Closing with input unread makes the kernel send RST, which may overtake our last words.
        self._writer.write_eof()
        while await self._reader.read(BLOCK):
            pass

    # What a dialogue is made of

    async def answer(self, *replies: Reply) -> None:
        """Send `replies`. Raises PeerGone."""
        self._linger = any(reply.code == 421 for reply in replies)
        try:
            self._writer.write(b"".join(map(bytes, replies)))
            await self._writer.drain()
        except OSError as error:
            raise PeerGone from error

    async def read_line(self) -> bytes:
        """-> the next command line, without its line end.

        Raises Refused when it is too long (with 421 when it never ends) or holds control characters, PeerGone at the end.
        """
        dropped = 0
        while dropped <= _FLOOD:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as overrun:
                dropped += len(await self._reader.read(overrun.consumed))
                continue
            except (asyncio.IncompleteReadError, OSError) as error:
                raise PeerGone from error
            self._reset_timeout()
            if dropped or len(line) > COMMAND_LINE:
                raise Refused(500, "5.5.2", "Line too long")
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            if any(octet < 32 and octet != 9 for octet in line):
                raise Refused(500, "5.5.2", "Syntax error")
            return line
        raise Refused(421, "4.7.0", "Line too long")

    async def read_block(self) -> bytes:
        """-> what has arrived, at least one and at most BLOCK octets. Raises PeerGone at the end."""
        try:
            block = await self._reader.read(BLOCK)
        except OSError as error:
            raise PeerGone from error
        if not block:
            raise PeerGone
        self._reset_timeout()
        return block

    def unread(self, data: bytes) -> None:
        """Put back what a block held too much: the next commands (RFC 2920)."""
        _buffer(self._reader)[:0] = data

    async def secure(self, go_ahead: Reply | None = None) -> None:
        """Say `go_ahead` and go over to TLS. What came before in plain text is dropped (RFC 3207 §4.2). Raises PeerGone."""
        assert self.port.context is not None
        plain = self._writer.transport
        assert isinstance(plain, asyncio.Transport)
        plain.pause_reading()
        _buffer(self._reader).clear()
        if go_ahead is not None:
            await self.answer(go_ahead)
        self._securing = True
        try:
            patience = min(self.service.limits.timeout, _HANDSHAKE)
            await self._writer.start_tls(self.port.context, ssl_handshake_timeout=patience)
        except BaseException as error:
            # asyncio closes the socket and, in mid-handshake, does not tell us.
            self.connection_lost(None)
            if isinstance(error, OSError):  # ssl.SSLError is one
                raise PeerGone from error
            raise
        finally:
            self._securing = False
        self.transport = self._writer.transport
        self.secured = True


def _buffer(reader: asyncio.StreamReader) -> bytearray:
    """The reader's buffer: asyncio has no public way to put octets back, or to forget those that came before TLS."""
    buffer: bytearray = vars(reader)["_buffer"]
    return buffer
