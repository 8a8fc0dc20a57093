"""The two servers that are compared, and the sink that takes what maild sends; each a process of its own.

`python -m tests.bench.servers bare FOLDER` writes and syncs each mail and answers 250: the least that a server can do and keep its word.
`python -m tests.bench.servers discard` answers 250 and forgets it. Both are stock aiosmtpd.
`python -m tests.bench.servers sink` is as cheap as can be, because it measures and is not measured.
Each prints how many mails it has got for every line on stdin.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP


class Bare:
    """Writes and syncs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.count += 1
        descriptor = os.open(self.folder / str(self.count), os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, envelope.content)
        os.fsync(descriptor)
        os.close(descriptor)
        return "250 kept"


class Discard:
    """Forgets."""

    def __init__(self) -> None:
        self.count = 0

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:
        self.count += 1
        return "250 ok"


class Sink:
    """Counts."""

    def __init__(self) -> None:
        self.count = 0


class Dialogue(asyncio.Protocol):
    """Takes everything, commands in one block or many (RFC 2920)."""

    def __init__(self, sink: Sink) -> None:
        self.sink, self._rest, self._in_mail = sink, bytearray(), False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 bench.test\r\n")

    def data_received(self, data: bytes) -> None:
        before = len(self._rest)
        self._rest += data
        answers = bytearray()
        while True:
            if self._in_mail:
                end = self._rest.find(b"\r\n.\r\n", max(0, before - 4))
                if end < 0:
                    break
                del self._rest[: end + 5]
                self._in_mail, before = False, 0
                self.sink.count += 1
                answers += b"250 2.0.0 ok\r\n"
                continue
            end = self._rest.find(b"\r\n")
            if end < 0:
                break
            verb = bytes(self._rest[:4]).upper()
            del self._rest[: end + (0 if verb == b"DATA" else 2)]  # the end of a mail may follow at once
            answers += _ANSWERS.get(verb, b"250 2.0.0 ok\r\n")
            self._in_mail, before = verb == b"DATA", 0
        if answers:
            self._transport.write(bytes(answers))


_ANSWERS = {
    b"EHLO": b"250-bench.test\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}


def dialogue(loop: asyncio.AbstractEventLoop, handler: Bare | Discard | Sink) -> asyncio.Protocol:
    """What is spoken on a connection."""
    if isinstance(handler, Sink):
        return Dialogue(handler)
    return SMTP(handler, loop=loop, hostname="bench.test")


async def main(handler: Bare | Discard | Sink) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: dialogue(loop, handler), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(handler.count, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["bare", folder]:
            asyncio.run(main(Bare(Path(folder))))
        case ["discard"]:
            asyncio.run(main(Discard()))
        case _:
            asyncio.run(main(Sink()))
