"""The two servers that are compared, and the sink that takes what maild sends; each a process of its own.

`python -m tests.bench.servers bare FOLDER` writes and syncs each mail and answers 250: the least that a server can do and keep its word.
`python -m tests.bench.servers sink` counts mails and prints the count for every line on stdin.
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


class Sink:
    """Counts."""

    def __init__(self) -> None:
        self.count = 0

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:
        self.count += 1
        return "250 ok"


async def main(handler: Bare | Sink) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, hostname="bench.test"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(handler.count, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Bare(Path(sys.argv[2])) if sys.argv[1] == "bare" else Sink()))
