"""The door for Prometheus: GET /metrics by HTTP/1.1 (RFC 9112) on loopback or a Unix socket, one answer a connection, bounded in all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from maild.errors import Unreachable
from maild.metrics import CONTENT_TYPE

log = structlog.get_logger("maild.metrics")

LONGEST: Final = 8192
"""Octets of a request's head."""
SECONDS: Final = 10.0
"""From a connection to its end."""
MOST: Final = 16
"""Connections at once; further ones are closed."""


class Exposing:
    """Serves what `text` gives. `address`: HOST:PORT of loopback (the real port, once it is open), or unix:PATH."""

    def __init__(self, address: str, text: Callable[[], bytes]) -> None:
        self.address, self._text = address, text
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Raises Unreachable when it cannot be opened."""
        try:
            path = _path(self.address)
            if path is not None:
                _clear(path)
                self._server = await asyncio.start_unix_server(self._connected, path, limit=LONGEST)
                path.chmod(0o660)
            else:
                host, _, port = self.address.rpartition(":")
                self._server = await asyncio.start_server(
                    self._connected, host.strip("[]"), int(port), limit=LONGEST
                )
                self.address = f"{host}:{self._server.sockets[0].getsockname()[1]}"
        except OSError as error:
            why = error.strerror or str(error)
            raise Unreachable(f"metrics: {self.address} cannot be opened: {why}") from error

    async def close(self) -> None:
        """Nobody is answered any more."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if (path := _path(self.address)) is not None:
            path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= MOST:
            writer.transport.abort()
            return
        self._connections.add(task)
        try:
            async with asyncio.timeout(SECONDS):
                writer.write(await self._answer(reader))
                await writer.drain()
                writer.write_eof()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()  # slow, or gone: that is its own affair
        except Exception:  # a scrape that breaks us must cost no more than itself
            log.exception("scrape failed")
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _response("431 Request Header Fields Too Large", b"too long\n")
        method, _, rest = head.split(b"\r\n", 1)[0].partition(b" ")
        target, _, version = rest.partition(b" ")
        if not version.startswith(b"HTTP/1."):
            return _response("400 Bad Request", b"this speaks HTTP/1.1\n")
        if target.partition(b"?")[0] != b"/metrics":
            return _response("404 Not Found", b"only /metrics is here\n")
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", b"only GET is possible\n", "Allow: GET, HEAD\r\n")
        text = await asyncio.to_thread(self._text)
        return _response("200 OK", text, kind=CONTENT_TYPE, head=method == b"HEAD")


def _response(
    status: str, body: bytes, more: str = "", *, kind: str = "text/plain", head: bool = False
) -> bytes:
    lines = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    return lines.encode("ascii") + (b"" if head else body)


def _path(address: str) -> Path | None:
    return Path(address.removeprefix("unix:")) if address.startswith("unix:") else None


def _clear(path: Path) -> None:
    """Remove the socket that a killed daemon left. Raises OSError for anything else in its place."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(17, os.strerror(17))
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
