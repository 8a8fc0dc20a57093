"""The process that works: replaced when it is killed, gone with its node, and never without the files in force."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from tests.way.desk import Desk, until
from tests.way.relay import Relay

ASKED = "Hello, the invoice of May shows the wrong amount. Could you please look at it?"


def children(process: int) -> list[int]:
    """The processes that it has started."""
    return [
        int(child)
        for task in Path(f"/proc/{process}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def running(process: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def worker_of(desk: Desk) -> int:
    """The process that works for the daemon; what else it may have started works for nobody."""
    assert desk.process is not None
    name = f"--config\0{desk.config}".encode()
    [found] = [
        one for one in children(desk.process.popen.pid) if name in Path(f"/proc/{one}/cmdline").read_bytes()
    ]
    return found


def test_a_worker_that_is_killed_is_replaced_and_mail_goes_on(
    new_desk: Callable[..., Desk], world: Relay
) -> None:
    desk = new_desk()
    desk.start(by_exec=True)
    assert desk.process is not None
    desk.ask("one@globex.test", "First", ASKED)
    worker = worker_of(desk)
    readers = children(worker)
    os.kill(worker, signal.SIGKILL)
    desk.ask("two@globex.test", "Second", ASKED)
    until(lambda: not any(map(running, readers)), "the reader ends with its worker")
    said = desk.process.wait_for_line(lambda line: "the worker ended and is replaced" in line)
    assert '"exit_code": -9' in said
    rules = desk.folder / "rules" / "30-more.yaml"
    rules.write_text("rules:\n  - {name: vip, when: {subject: third}, then: {tags: [vip]}}\n")
    desk.signal(signal.SIGHUP)
    desk.process.wait_for_line(lambda line: '"reloaded"' in line)
    desk.ask("three@globex.test", "Third", ASKED)
    assert [one["tags"] for one in desk.show("tickets")] == [[], [], ["vip"]]
    desk.quiet()
    for customer in ("one", "two", "three"):
        assert len(world.to(f"{customer}@globex.test")) == 1


def test_the_worker_ends_with_its_node(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    desk.start(by_exec=True)
    assert desk.process is not None
    processes = [worker_of(desk), *children(worker_of(desk))]
    assert len(processes) == 2
    desk.kill9()
    until(lambda: not any(map(running, processes)), "worker and reader are gone")
    desk.start(by_exec=True)
    desk.ask("four@globex.test", "Fourth", ASKED)
    processes = [worker_of(desk), *children(worker_of(desk))]
    desk.stop()
    assert not any(map(running, processes))
