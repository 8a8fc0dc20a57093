"""Mails that come at once share a commit, and none of them suffers from another's."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from maild.daemon.node import THREADS
from maild.desk.facts import Envelope
from maild.errors import NotNow
from maild.intake.gathering import Gathering
from store import Content, FilesAway, Store
from tests.flow import stage as s

ENVELOPE = Envelope("carla@globex.test", ("support@acme.test",), "smtp", "192.0.2.1", s.NOW)
SMALL = s.mail("carla@globex.test", "Small", "It burns.")
BIG = s.mail("carla@globex.test", "Big", "It burns. " * (Content.SMALL // 8))

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def receive(gathering: Gathering, raw: bytes) -> None:
    await gathering.receive(io.BytesIO(raw), len(raw), hashlib.sha256(raw).hexdigest(), ENVELOPE)


def kept(store: Store) -> list[int]:
    with store.read() as work:
        return [one.size for one in work.came(0, 50)]


async def test_a_big_mail_whose_place_is_away_is_refused_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(spool: BinaryIO, size: int, sha256: str) -> None:
        raise FilesAway("the store of files cannot be used now")

    gathering = Gathering(s.stage(tmp_path, store).flow, asyncio.Event())
    monkeypatch.setattr(store._files, "put", away)
    big, *small = await asyncio.gather(
        receive(gathering, BIG), *(receive(gathering, SMALL) for _ in range(3)), return_exceptions=True
    )
    assert isinstance(big, NotNow)
    assert small == [None] * 3
    assert kept(store) == [len(SMALL)] * 3


async def test_small_mails_wait_for_no_big_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, go_on = store._files.put, threading.Event()

    def slow(spool: BinaryIO, size: int, sha256: str) -> None:
        assert go_on.wait(30)
        put(spool, size, sha256)

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    gathering = Gathering(s.stage(tmp_path, store).flow, asyncio.Event())
    monkeypatch.setattr(store._files, "put", slow)
    bigs = [asyncio.create_task(receive(gathering, BIG)) for _ in range(20)]
    try:
        async with asyncio.timeout(10):
            await asyncio.gather(*(receive(gathering, SMALL) for _ in range(3)))
        assert kept(store) == [len(SMALL)] * 3
    finally:
        go_on.set()
        await asyncio.gather(*bigs)
    assert kept(store)[3:] == [len(BIG)] * 20
