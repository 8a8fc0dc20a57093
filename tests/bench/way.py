"""How fast mail comes in and goes the whole way, as ratios to a bare server in the same run: `python -m tests.bench.way [--table] [MAILS]`.

accepted: mails a second that maild has answered 250 for. whole way: mails a second of which all that follows (acknowledgement,
notification) a local sink has got. acknowledged: the same on a desk whose agent is told by digests, which is the job that other helpdesks were
measured at. All over those of a stock aiosmtpd server that writes and syncs each mail, measured before and after;
the same client with the same mails. Client, servers and maild share the machine, so the processor's time for a mail is told as well: it does not
depend on who else is at work. `--table` prints the table of README.md, with other helpdesks beside it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.bench.mails import Made, mails

CONNECTIONS = 10
WARM = 60
RARE = Made(
    b"From: Juma <juma@customer.example>\r\nTo: Bench <support@bench.test>\r\nSubject: Habari\r\nMessage-ID: <rare@customer.example>\r\n\r\n"
    b"Tangu asubuhi hii mfumo haufanyi kazi tena ofisini kwetu. Tafadhali tuambieni lini utarekebishwa.\r\n",
    False,
)
"""In a language that is not known by its common words, so that the model for the others is loaded before anything is measured."""
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
notifications_per_agent_per_hour = {told}
"""
RULES = """\
teams: {support: {name: Support}}
agents: [{name: Ana, address: ana@bench.test, team: support}]
"""
OTHERS = (
    ("django-helpdesk 2.6", 0.12),
    ("Roundup 2.6", 0.07),
    ("Request Tracker 5.0.3", 0.011),
)
"""The best that each reached on two such cores, as ratios to the server that discards; each stores a ticket and acknowledges it."""


class Speed(NamedTuple):
    """Mails a second, and milliseconds of processor time for each mail by process."""

    rate: float
    costs: dict[str, float]


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


def used(process: int) -> float:
    """Seconds of processor time that a process has used, in user and kernel mode (proc_pid_stat(5))."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(process: int) -> list[int]:
    """The processes that it has started."""
    return [
        int(child)
        for task in Path(f"/proc/{process}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def costs(processes: dict[str, int], before: dict[str, float], number: int) -> dict[str, float]:
    """Milliseconds of processor time for each of so many mails."""
    return {name: (used(one) - before[name]) / number * 1000 for name, one in processes.items()}


async def _client(port: int, todo: deque[Made]) -> None:
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
        mail = todo.popleft()
        await said(b"MAIL FROM:<c@customer.example>\r\n", b"250")
        await said(b"RCPT TO:<support@bench.test>\r\n", b"250")
        await said(b"DATA\r\n", b"354")
        await said(mail.raw + b".\r\n", b"250")
    await said(b"QUIT\r\n", b"221")
    writer.close()


async def _feed(port: int, todo: deque[Made]) -> None:
    await asyncio.gather(*(_client(port, todo) for _ in range(CONNECTIONS)))


def feed(port: int, made: Iterable[Made]) -> float:
    """Seconds until every mail was answered 250."""
    start = time.perf_counter()
    asyncio.run(_feed(port, deque(made)))
    return time.perf_counter() - start


def plain(made: list[Made], *arguments: str) -> Speed:
    """A stock server of this folder."""
    process, port = server(*arguments)
    with process:
        feed(port, made[:WARM])
        processes = {"client": os.getpid(), "server": process.pid}
        before = {name: used(one) for name, one in processes.items()}
        seconds = feed(port, made[WARM:])
        speed = Speed((len(made) - WARM) / seconds, costs(processes, before, len(made) - WARM))
        process.kill()
    return speed


def both(one: Speed, other: Speed) -> Speed:
    """Two measurements of the same, before and after the others: the machine may be slower or faster by then."""
    rate = 2 / (1 / one.rate + 1 / other.rate)
    return Speed(rate, {name: (cost + other.costs[name]) / 2 for name, cost in one.costs.items()})


def outgoing(made: Iterable[Made], *, told: bool) -> int:
    """How many mails follow: each is told to the agent (else only the first in an hour), and one that opens a ticket is acknowledged."""
    return (0 if told else 1) + sum(told + (not one.answer) for one in made)


def wait_for(sink: subprocess.Popen[str], wanted: int) -> None:
    while count(sink) < wanted:
        time.sleep(0.02)


def maild(made: list[Made], folder: Path, *, told: bool = True) -> tuple[Speed, Speed]:
    """maild: accepted, and the whole way. `told`: an agent is told of each mail at once."""
    sink, sink_port = server("sink")
    (folder / "rules").mkdir()
    (folder / "rules" / "desk.yaml").write_text(RULES)
    (folder / "maild.toml").write_text(MAILD_TOML.format(port=sink_port, told='"off"' if told else 1))
    command = [sys.executable, "-m", "maild", "--config", str(folder / "maild.toml"), "run"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=log, text=True)
    assert process.stderr is not None
    ready = next(line for line in process.stderr if "ready" in line)
    drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    port = int(ready.rpartition(":")[2])
    feed(port, [*made[:WARM], RARE])  # compiled statements and templates, the language model
    wait_for(sink, outgoing([*made[:WARM], RARE], told=told))
    [worker] = children(process.pid)
    processes = {"client": os.getpid(), "sink": sink.pid, "maild": process.pid, "its worker": worker}
    processes |= dict(zip(("its reader", "its composer"), children(worker), strict=True))
    before = {name: used(one) for name, one in processes.items()}
    number, start = len(made) - WARM, time.perf_counter()
    accepted = Speed(number / feed(port, made[WARM:]), costs(processes, before, number))
    wait_for(sink, outgoing([*made, RARE], told=told))
    whole = Speed(number / (time.perf_counter() - start), costs(processes, before, number))
    for one in (process, sink, drain):
        one.terminate()
        one.wait()
    return accepted, whole


def table(discards: Speed, reference: Speed, accepted: Speed, whole: Speed, acknowledged: Speed) -> str:
    """As README.md has it."""
    rows = [
        ("a bare aiosmtpd that discards each mail", discards.rate),
        ("a bare aiosmtpd that writes and syncs each mail", reference.rate),
        ("maild, accepted: 250 said, on disk", accepted.rate),
        ("maild, the whole way: parsed, matched, decided, stored, acknowledged, agent told", whole.rate),
        ("maild, the job of those below: ticket stored and acknowledged", acknowledged.rate),
        *((f"{name}, ticket stored and acknowledged", ratio * discards.rate) for name, ratio in OTHERS),
    ]
    lines = [f"| {what} | {rate:.0f} | {rate / reference.rate:.2f} |" for what, rate in rows]
    return "\n".join(["| | mails/s | of the bare server that syncs |", "| --- | ---: | ---: |", *lines])


def line(what: str, speed: Speed, reference: Speed) -> str:
    """One measurement for the terminal."""
    parts = ", ".join(f"{name} {cost:.1f}" for name, cost in speed.costs.items())
    total = sum(speed.costs.values())
    return f"{what:34}{speed.rate:7.1f} mails/s = {speed.rate / reference.rate:.2f}   {total:5.1f} ms/mail: {parts}"


def main(number: int, *, as_table: bool) -> None:
    made = mails(WARM + number)
    with tempfile.TemporaryDirectory() as folder:
        bare, told, untold = (Path(folder) / name for name in ("bare", "told", "untold"))
        for one in (bare, told, untold):
            one.mkdir()
        servers = ("discard",), ("bare", str(bare))
        before = [plain(made, *one) for one in servers]
        accepted, whole = maild(made, told)
        _, acknowledged = maild(made, untold, told=False)
        discards, reference = map(both, before, [plain(made, *one) for one in servers])
    if as_table:
        print(table(discards, reference, accepted, whole, acknowledged))
        return
    print(line("bare server, discards:", discards, reference))
    print(line("bare server, written and synced:", reference, reference))
    print(line("maild, accepted:", accepted, reference))
    print(line("maild, the whole way:", whole, reference))
    print(line("maild, stored and acknowledged:", acknowledged, reference))
    print(
        f"of the server that discards: {whole.rate / discards.rate:.2f}, {acknowledged.rate / discards.rate:.2f} (best of the others: {OTHERS[0][1]})"
    )


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--table"]
    main(int(given[0]) if given else 300, as_table="--table" in sys.argv)
