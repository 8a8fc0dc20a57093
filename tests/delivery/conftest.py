"""A sink for mail in each test that wants one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.delivery.sink import Sink
from tests.hangup import hang_up


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    yield sink
    sink.release.set()
    for server in sink.sessions:
        if server.transport is not None:
            hang_up(server.transport)
    for _ in range(3):
        await asyncio.sleep(0)
