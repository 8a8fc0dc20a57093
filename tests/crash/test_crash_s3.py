"""A store of files on S3 that dies under a running daemon: big mails are asked for again later, small ones go on, and it is back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from maild import site
from maild.clock import utc_now
from maild.daemon.node import Daemon
from maild.opening import files_place, open_store
from store.s3 import S3Files
from tests.crash.test_crash_network import smtp_code
from tests.s3 import moto_server
from tests.way.desk import CONFIG, Desk
from tests.way.letters import letter
from tests.way.relay import Relay

ASKED = "Hello, the roof of our shed leaks and the rain comes in. When can somebody come?"


class Bucket:
    """A server of the test's own, moto's, that is stopped and started on one port; what is in it stays."""

    def __init__(self) -> None:
        self._make = moto_server()
        self._silent: socket.socket | None = None
        self.port = 0
        self.start()

    def start(self) -> None:
        if self._silent is not None:
            self._silent.close()
            self._silent = None
        self._server = self._make(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    def stop(self, *, silent: bool = False) -> None:
        """Nobody listens any more; `silent`: somebody does, and says nothing."""
        self._server.stop()
        self._server._server.server_close()
        if silent:
            self._silent = socket.create_server(("127.0.0.1", self.port))


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    made = Bucket()
    yield made
    made.stop()


@contextlib.asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Daemon]:
    """The desk's daemon in this process."""
    loaded = site.load(desk.config, utc_now())
    store = open_store(loaded.settings)
    one, ready = Daemon(desk.config, loaded, store, name="here"), asyncio.Event()
    task = asyncio.create_task(one.run(lambda _: ready.set()))
    waits = asyncio.create_task(ready.wait())
    await asyncio.wait((task, waits), return_when=asyncio.FIRST_COMPLETED)
    waits.cancel()
    desk.smtp_port = int(next(at for at in one.listening if at.startswith("smtp")).rpartition(":")[2])
    try:
        yield one
    finally:
        one.stop()
        await task
        assert store.check() == []
        store.close()


async def quiet(daemon: Daemon) -> None:
    """Until no mail waits to be processed or sent."""
    while True:
        with daemon.store.read() as work:
            totals = work.totals()
        if not totals.waiting and not totals.queued:
            return
        await asyncio.sleep(0.02)


def big(name: str) -> Any:
    film = [("film.bin", "application/octet-stream", name.encode() * 40_000)]
    return letter(f"{name}@globex.test", name, ASKED, attachments=film)


@pytest.mark.parametrize("silent", [False, pytest.param(True, marks=pytest.mark.long)])
async def test_a_store_of_files_that_dies_and_comes_back(
    silent: bool, tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = Relay()
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("secret")
    where = f'"s3://films-{int(silent)}/desk"\ns3_endpoint = "http://127.0.0.1:{bucket.port}"'
    there = f'files = {where}\ns3_access_key = "key"\ns3_secret_file = "{secret}"'
    desk = Desk(tmp_path / "desk", relay, config=CONFIG.replace('files = "var/files"', there))
    place: Any = files_place(site.load(desk.config, utc_now()).settings)
    S3Files(place)._client.create_bucket(Bucket=place.name)
    monkeypatch.setattr("store.s3.ANSWER_SECONDS", 1.0)

    async def code(mail: Any) -> int:
        return await asyncio.to_thread(smtp_code, desk, mail)

    async def gets(name: str) -> None:
        await asyncio.to_thread(desk.gets, f"{name}@globex.test")

    try:
        async with running(desk) as daemon:
            assert await code(big("first")) == 250
            await gets("first")
            await quiet(daemon)  # else what is told of it waits a minute
            await asyncio.to_thread(bucket.stop, silent=silent)
            assert await code(big("away")) == 451
            assert await code(letter("small@globex.test", "small", ASKED)) == 250
            await gets("small")
            await asyncio.to_thread(bucket.start)
            assert await code(big("back")) == 250
            await gets("back")
            await quiet(daemon)
        assert sorted(one["subject"] for one in desk.show("tickets")) == ["back", "first", "small"]
        assert desk.show("quarantine", "list") == []
    finally:
        relay.close()
