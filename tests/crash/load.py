"""Clients that are many, slow, endless or heavy, and what the daemon's processes hold in memory meanwhile."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.siege import children
from tests.way.letters import DESK

MEBIBYTE = 1 << 20
_HELLO = f"EHLO load.test\r\nMAIL FROM:<load@globex.test>\r\nRCPT TO:<{DESK}>\r\nDATA\r\n"


def resident(pid: int, *, alone: bool = False) -> tuple[int, int]:
    """(what a process and those it started hold, shared pages counted once for each; counted in shares), in octets."""
    whole = shares = 0
    for one in (pid, *(() if alone else children(pid))):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            for name, size in re.findall(r"^(Rss|Pss):\s+(\d+) kB", text, re.MULTILINE):
                whole += int(size) * 1024 * (name == "Rss")
                shares += int(size) * 1024 * (name == "Pss")
    return whole, shares


@dataclass
class Watch:
    """The most that the processes held while it was on, in octets."""

    pid: int
    most: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def on(self) -> Iterator[Watch]:
        def look() -> None:
            while not self._over.wait(0.05):
                self.most = max(self.most, resident(self.pid)[1])

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()


def heavy(number: int, size: int) -> Iterator[bytes]:
    """A mail with an attachment, in pieces, of about so many octets."""
    yield (
        f"From: heavy{number}@globex.test\r\nTo: {DESK}\r\nSubject: Heavy {number}\r\nMessage-ID: <heavy{number}@globex.test>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nPlease look at this.\r\n'
        "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=film.bin\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    block = (b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5" + b"\r\n") * 900
    for _ in range(size // len(block)):
        yield block
    yield f"{number:08d}".encode() + b"\r\n--b--\r\n"


def hand_over(port: int, pieces: Iterator[bytes], patience: float = 300.0) -> str:
    """The reply to a mail that is sent in pieces."""
    with socket.create_connection(("127.0.0.1", port), patience) as sock, sock.makefile("rb") as replies:
        sock.sendall(_HELLO.encode())
        while not (line := replies.readline()).startswith(b"354"):
            assert line[:1] == b"2", line
        for piece in pieces:
            sock.sendall(piece)
        sock.sendall(b".\r\n")
        return replies.readline().decode()


@contextlib.contextmanager
def slow(port: int, number: int, source: str = "127.0.0.{}") -> Iterator[list[socket.socket]]:
    """Clients that open and then: say nothing, or stop amid a command, or amid a mail. They come from several addresses."""
    said = (b"", b"EHL", _HELLO.encode() + b"Subject: never")
    opened: list[socket.socket] = []
    try:
        for n in range(number):
            sock = socket.create_connection(("127.0.0.1", port), 30, (source.format(2 + n % 200), 0))
            opened.append(sock)
            sock.sendall(said[n % len(said)])
        yield opened
    finally:
        for sock in opened:
            sock.close()


def many(work: Callable[[int], None], number: int) -> float:
    """Do it so many times at once; seconds until all are done. Raises what one of them raised."""
    faults: list[BaseException] = []

    def guarded(n: int) -> None:
        try:
            work(n)
        except BaseException as fault:  # noqa: BLE001  raised below, in the thread that waits
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(n,), daemon=True) for n in range(number)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return time.monotonic() - start
