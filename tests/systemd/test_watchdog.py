"""The watchdog: a sign of life goes out only while every loop gets on, and a loop that hangs is named."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from maild import host
from maild.daemon.running import Pulses, Running
from maild.daemon.watching import Watching
from maild.flow import Flow


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def running(clock: Clock) -> Running:
    return Running(cast(Flow, None), None, pulses=Pulses(clock))  # type: ignore[arg-type]


def watching(running: Running, said: list[str], wanted: float | None = 60.0) -> Watching:
    return Watching(running, wanted, lambda message: said.append(message) is None)


def test_a_sign_only_while_every_loop_gets_on(running: Running, clock: Clock) -> None:
    said: list[str] = []
    one = watching(running, said)
    running.pulses.beat("send", 100)
    running.pulses.beat("work", 50)
    one.look()
    assert said == ["WATCHDOG=1"]
    clock.now = 51
    with capture_logs() as logs:
        one.look()
        one.look()
    assert said[1:] == ["STATUS=stalled: work"]
    assert [(line["event"], line["loop"], line["seconds"]) for line in logs] == [("loop stalled", "work", 51)]
    running.pulses.beat("work", 50)
    with capture_logs() as logs:
        one.look()
    assert said[2:] == ["STATUS=all loops get on again", "WATCHDOG=1"]
    assert [(line["event"], line["loop"]) for line in logs] == [("loop gets on again", "work")]


def test_what_drains_is_alive(running: Running, clock: Clock) -> None:
    said: list[str] = []
    running.pulses.beat("work", 50)
    clock.now = 1000
    running.stop()
    watching(running, said).look()
    assert said == ["WATCHDOG=1"]


def test_without_a_watchdog_a_stalled_loop_is_still_named(running: Running, clock: Clock) -> None:
    said: list[str] = []
    running.pulses.beat("work", 50)
    clock.now = 51
    with capture_logs() as logs:
        watching(running, said, None).look()
    assert [line["loop"] for line in logs] == ["work"]
    assert "WATCHDOG=1" not in said


async def test_the_sign_comes_twice_in_the_time_that_is_given(running: Running) -> None:
    said: list[str] = []
    task = asyncio.create_task(watching(running, said, 0.02).run())
    async with asyncio.timeout(30):
        while len(said) < 3:
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    assert set(said) == {"WATCHDOG=1"}


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_what_the_service_manager_wants(env: dict[str, str], seconds: float | None) -> None:
    assert host.watchdog(env) == seconds


def test_reloading_says_when(tmp_path: Path) -> None:
    """Type=notify-reload waits for a RELOADING=1 with a time that is not before its signal, in one message."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{tmp_path}/notify")
        assert host.notify_reloading({"NOTIFY_SOCKET": f"{tmp_path}/notify"})
        first, second = manager.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdigit()
