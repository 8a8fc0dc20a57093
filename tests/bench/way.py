"""How fast mail comes in and goes the whole way, as ratios to a bare server in the same run: `python -m tests.bench.way [MAILS]`.

accepted: mails a second that maild has answered 250 for. whole way: mails a second whose acknowledgement and notification a local sink
has got. Both over those of a stock aiosmtpd server that writes and syncs each mail; the same client with the same mails.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.mails import mails

CONNECTIONS = 10
MAILD_TOML = """\
[desk]
name = "Bench"
address = "support@bench.test"
tag = "Bench"
[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"
[relay]
address = "127.0.0.1:{port}"
tls = "none"
[limits]
notifications_per_agent_per_hour = "off"
"""
RULES = """\
teams: {support: {name: Support}}
agents: [{name: Ana, address: ana@bench.test, team: support}]
"""


def server(*arguments: str) -> tuple[subprocess.Popen[str], int]:
    """A server of this folder and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.servers", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def count(process: subprocess.Popen[str]) -> int:
    """How many mails it has got."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline())


async def _client(port: int, todo: list[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def said(line: bytes, expected: bytes) -> None:
        writer.write(line)
        while True:
            answer = await reader.readline()
            if answer[3:4] != b"-":
                break
        assert answer.startswith(expected), answer

    await said(b"", b"220")
    await said(b"EHLO bench\r\n", b"250")
    while todo:
        mail = todo.pop()
        await said(b"MAIL FROM:<c@customer.example>\r\n", b"250")
        await said(b"RCPT TO:<support@bench.test>\r\n", b"250")
        await said(b"DATA\r\n", b"354")
        await said(mail + b".\r\n", b"250")
    await said(b"QUIT\r\n", b"221")
    writer.close()


async def _feed(port: int, todo: list[bytes]) -> None:
    await asyncio.gather(*(_client(port, todo) for _ in range(CONNECTIONS)))


def feed(port: int, number: int, seed: int) -> float:
    """Seconds until every mail was answered 250."""
    todo = mails(number, seed)
    start = time.perf_counter()
    asyncio.run(_feed(port, todo))
    return time.perf_counter() - start


def bare(number: int, folder: Path) -> float:
    """Mails a second of the bare server."""
    process, port = server("bare", str(folder))
    seconds = feed(port, number, 1)
    process.kill()
    process.wait()
    return number / seconds


def maild(number: int, folder: Path) -> tuple[float, float]:
    """Mails a second of maild: accepted, and the whole way."""
    sink, sink_port = server("sink")
    (folder / "rules").mkdir()
    (folder / "rules" / "desk.yaml").write_text(RULES)
    (folder / "maild.toml").write_text(MAILD_TOML.format(port=sink_port))
    command = [sys.executable, "-m", "maild", "--config", str(folder / "maild.toml"), "run"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=log, text=True)
    assert process.stderr is not None
    ready = next(line for line in process.stderr if "ready" in line)
    drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    port = int(ready.rpartition(":")[2])
    feed(port, 20, 2)  # warm: compiled statements, templates, the language model
    while count(sink) < 40:
        time.sleep(0.05)
    start = time.perf_counter()
    accepted = number / feed(port, number, 3)
    while count(sink) < 40 + 2 * number:
        time.sleep(0.02)
    whole = number / (time.perf_counter() - start)
    for one in (process, sink, drain):
        one.terminate()
        one.wait()
    return accepted, whole


def main(number: int) -> None:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        reference = bare(number, Path(first))
        accepted, whole = maild(number, Path(second))
    print(f"bare server, written and synced: {reference:7.1f} mails/s  = 1.00")
    print(f"maild, accepted:                 {accepted:7.1f} mails/s  = {accepted / reference:.2f}")
    print(f"maild, the whole way:            {whole:7.1f} mails/s  = {whole / reference:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
