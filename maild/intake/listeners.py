"""The SMTP and LMTP listeners of the process: opened, counted, closed without cutting a mail."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final

from maild.intake import sockets
from maild.intake.connection import Connection
from maild.intake.receiver import Receiver
from maild.intake.reply import SHUTTING_DOWN
from maild.intake.service import Counters, Port, Service
from maild.intake.session import Session
from maild.intake.settings import IntakeLimits, Listener

_TURNS_TO_CONNECT: Final = 6
"""Turns of asyncio's loop from accept() to a session's first step, which are three, and some to spare."""


class Listeners:
    """All listeners, one set of limits. Runs in the loop that calls `open`."""

    def __init__(
        self,
        receiver: Receiver,
        limits: IntakeLimits,
        *,
        hostname: str,
        trusted_peers: Sequence[IPv4Network | IPv6Network],
        clock: Callable[[], datetime],
        spool_dir: Path | None,
    ) -> None:
        """`hostname` is said in greetings; `clock` gives aware times; big mails are spooled in `spool_dir` (None: the system's).

        `trusted_peers` besides Unix sockets: their Authentication-Results are believed, their connections counted only in all.
        """
        self._service = Service(
            receiver, limits, hostname, tuple(trusted_peers), clock, str(spool_dir) if spool_dir else None
        )
        self._servers: list[asyncio.Server] = []
        self._ports: dict[str, Port] = {}
        self._bound: list[tuple[Path, tuple[int, int]]] = []
        self._sessions: set[Connection] = set()
        # aiosmtpd writes addresses at INFO and whole mails at DEBUG.
        for name in ("mail.log", "mail.debug"):
            logging.getLogger(name).setLevel(logging.WARNING)

    @property
    def counters(self) -> Mapping[str, Counters]:
        """-> by address (as `open` returned it), what each listener has now and did so far."""
        return {address: replace(port.counters) for address, port in self._ports.items()}

    async def open(self, listener: Listener, sock: socket.socket | None = None) -> str:
        """Listen on `listener.address`, or on `sock` when the service manager passed one.

        -> the address it really listens on: "127.0.0.1:41213", "unix:/path". Raises Unreachable with a sentence that says why
        not, ConfigError when the certificate is no good.
        """
        port = Port(listener, sockets.tls_context(listener))
        with sockets.explained(listener.address):
            server = await self._listen(port, sock)
        self._servers.append(server)
        address = sockets.shown(server.sockets[0])
        self._ports[address] = port
        return address

    async def _listen(self, port: Port, sock: socket.socket | None) -> asyncio.Server:
        def session() -> Session:
            return Session(self._service, port, self._sessions)

        loop = asyncio.get_running_loop()
        backlog = max(128, self._service.limits.connections)
        path = sockets.unix_path(port.listener.address)
        if sock is not None:
            return await loop.create_server(session, sock=sockets.with_nodelay(sock), backlog=backlog)
        if path is None:
            host, number = sockets.host_and_port(port.listener.address)
            return await loop.create_server(session, host, number, backlog=backlog)
        # create_server, not create_unix_server: from Python 3.13 on that one would remove sockets that are not ours too.
        server = await loop.create_server(session, sock=sockets.bind_unix(path), backlog=backlog)
        self._bound.append((path, _identity(path)))
        return server

    def reload_certificates(self) -> None:
        """Read all certificates anew, for connections to come. Raises ConfigError; nothing is changed then."""
        secure = [port for port in self._ports.values() if port.context is not None]
        for port in secure:
            sockets.tls_context(port.listener)
        for port in secure:
            assert port.context is not None
            sockets.load_certificate(port.context, port.listener)

    async def close(self, grace: float) -> None:
        """Stop accepting; tell the idle `421 4.3.2`; give running transactions `grace` seconds; then tell them too, and close.

        A mail that is being kept is never cut: for that this waits as long as it takes.
        """
        self._service.closing = True
        for server in self._servers:
            server.close()
        self._remove_sockets()
        for _ in range(_TURNS_TO_CONNECT):
            await asyncio.sleep(0)
        for session in tuple(self._sessions):
            if not session.in_transaction:
                session.end(SHUTTING_DOWN)
        if self._sessions:
            await asyncio.wait([session.task for session in self._sessions], timeout=grace)
        for session in tuple(self._sessions):
            session.end(SHUTTING_DOWN)
        if self._sessions:
            await asyncio.wait([session.task for session in self._sessions])

    def _remove_sockets(self) -> None:
        for path, identity in self._bound:
            # Another maild may have put its own socket there by now.
            with contextlib.suppress(FileNotFoundError):
                if _identity(path) == identity:
                    path.unlink()
        self._bound.clear()


def _identity(path: Path) -> tuple[int, int]:
    # The inode alone may be given out again at once.
    status = path.stat()
    return status.st_ino, status.st_mtime_ns
