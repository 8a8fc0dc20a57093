"""Contents in an S3-compatible store: moto's server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from maild.daemon.running import Running
from maild.daemon.ticking import Ticking
from maild.desk.facts import Archive
from maild.errors import ConfigError, NotNow
from maild.importing import Brought, Importing
from maild.parsing import InProcess
from store import Bucket, Content, Store
from store.blobs import Blobs
from store.files import Files
from store.s3 import S3Files
from tests.crash.network import Wire
from tests.flow.stage import Stage, stage
from tests.flow.test_flow_erase import attached, erase
from tests.s3 import moto_server

BIG = b"0123456789abcdef" * (Content.SMALL // 16) + b"!"
HUGE = bytes(range(256)) * 100_000


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = moto_server()(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> Bucket:
    """An empty bucket of the test's own."""
    name = f"desk-{sha256(request.node.nodeid.encode())[:12]}"
    place = Bucket(name, "maild/", endpoint, "", "key", "secret")
    S3Files(place)._client.create_bucket(Bucket=name)
    return place


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    made: Blobs = Files(tmp_path / "files")
    if request.param == "s3":
        made = S3Files(request.getfixturevalue("bucket"))
    made.prepare()
    return made


def put(blobs: Blobs, data: bytes) -> str:
    blobs.put(io.BytesIO(data), len(data), sha256(data))
    return sha256(data)


def test_what_is_put_comes_back(blobs: Blobs) -> None:
    names = sorted({put(blobs, data) for data in (b"", BIG, HUGE, BIG)})
    assert list(blobs.hashes()) == names
    assert len(names) == 3
    for data in (b"", BIG, HUGE):
        assert blobs.holds(sha256(data))
        file = blobs.open(sha256(data))
        assert file is not None
        with file:
            assert file.read(5) == data[:5]
            assert file.read() == data[5:]


def test_what_is_not_there(blobs: Blobs) -> None:
    assert blobs.open(sha256(b"x")) is None
    assert not blobs.holds(sha256(b"x"))
    blobs.discard(sha256(b"x"))
    assert list(blobs.hashes()) == []
    for name in ("", "../../etc/passwd", "A" * 64):
        for act in (blobs.open, blobs.holds, blobs.discard):
            with pytest.raises(KeyError):
                act(name)


def test_what_is_discarded_is_gone(blobs: Blobs) -> None:
    put(blobs, BIG)
    blobs.discard(sha256(BIG))
    assert not blobs.holds(sha256(BIG))
    put(blobs, BIG)
    assert blobs.holds(sha256(BIG))


def test_a_short_spool_leaves_nothing(blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="announced"):
        blobs.put(io.BytesIO(BIG[:100]), len(BIG), sha256(BIG))
    assert list(blobs.hashes()) == []


def test_the_spool_is_read_from_its_start_and_stays_open(blobs: Blobs) -> None:
    spool = io.BytesIO(BIG)
    spool.seek(0, io.SEEK_END)
    blobs.put(spool, len(BIG), sha256(BIG))
    assert not spool.closed
    assert blobs.holds(sha256(BIG))


def test_each_place_has_its_mark(blobs: Blobs) -> None:
    assert blobs.mark() is None
    for word in ("first", "second"):
        blobs.set_mark(word)
        assert blobs.mark() == word
    assert list(blobs.hashes()) == []


def test_a_store_on_s3(store_url: str, bucket: Bucket) -> None:
    opened = Store.open(store_url, bucket)
    with opened.work() as work:
        assert work.get_content(work.put_content(BIG)) == BIG
    assert opened.content.get(sha256(BIG)) == BIG
    assert opened.check() == []
    client = S3Files(bucket)._client
    client.put_object(Bucket=bucket.name, Key=f"maild/{sha256(BIG)[:2]}/{sha256(BIG)[2:]}", Body=b"other")
    assert opened.check() == [f"the file of content {sha256(BIG)} is damaged"]
    opened.close()


def _ticking(desk: Stage) -> tuple[Ticking, AsyncIOScheduler]:
    """The clock of a node of this desk, as it is when it has started."""
    scheduler = AsyncIOScheduler()
    ticking = Ticking(Running(desk.flow, desk.flow.clock), scheduler)
    ticking.start()
    return ticking, scheduler


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_transaction_waits_for_the_bucket(
    store_url: str, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way of big mails, in and out, an import, an erasure: every call to S3 is made while nobody waits for a transaction."""
    opened = Store.open(store_url, bucket)
    asked: list[str] = []
    inside: list[str] = []
    begun = opened._database.work
    writing = threading.local()

    @contextlib.contextmanager
    def watched(**how: bool) -> Iterator[object]:
        with begun(**how) as connection:
            writing.now = True
            try:
                yield connection
            finally:
                writing.now = False

    def called(event_name: str, **_: object) -> None:
        asked.append(event_name)
        if getattr(writing, "now", False):
            inside.append(event_name)

    monkeypatch.setattr(opened._database, "work", watched)
    opened._files._client.meta.events.register("before-call.s3", called)  # type: ignore[attr-defined]
    desk = stage(tmp_path, opened)
    big = attached("Carla Ruiz <carla@globex.test>", 1, "granny's photo " * 20_000)
    desk.take(big)
    desk.work()
    [one] = [mail for mail, _ in desk.sent() if mail.row.recipient == "ana@acme.test"]
    assert len(one.row.raw) > Content.SMALL
    importing = Importing(
        desk.flow.site, opened, desk.flow.clock, InProcess(), Archive(desk.now[0]), "import"
    )
    old = attached("Carla Ruiz <carla@globex.test>", 2, "granny's film " * 20_000)
    assert [filed.what for filed in importing.bring([Brought("old", old, desk.now[0])])] == ["ticket"]
    assert asked
    assert inside == []
    ticking, scheduler = _ticking(desk)
    assert scheduler.get_job("tidy") is not None
    assert opened.content.to_move(9)
    asyncio.run(ticking.tidy())
    assert opened.content.to_move(9) == []
    assert len(list(opened._files.hashes())) > 2
    assert opened.check() == []
    erase(opened, "carla@globex.test", desk)
    assert list(opened._files.hashes()) == []
    assert "before-call.s3.DeleteObject" in asked
    assert inside == []
    assert opened.check() == []
    opened.close()


def test_a_store_that_is_away_is_waited_for(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    away = S3Files(Bucket(bucket.name, "", "http://127.0.0.1:9", "", "key", "secret"))
    for act in (
        lambda: put(away, BIG),
        lambda: away.open(sha256(BIG)),
        lambda: list(away.hashes()),
        away.prepare,
    ):
        with pytest.raises(NotNow, match="cannot be used now"):
            act()


def test_one_that_says_nothing_is_given_up(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.s3.ANSWER_SECONDS", 0.5)
    wire = Wire("/nowhere")
    wire.go_silent()
    silent = S3Files(Bucket(bucket.name, "", f"http://127.0.0.1:{wire.port}", "", "key", "secret"))
    with pytest.raises(NotNow, match="cannot be used now"):
        silent.holds(sha256(BIG))
    wire.close()


def test_a_bucket_that_is_not_there(bucket: Bucket) -> None:
    wrong = S3Files(Bucket("no-such-bucket", "", bucket.endpoint, "", "key", "secret"))
    with pytest.raises(ConfigError, match="s3://no-such-bucket/: there is no such bucket"):
        wrong.prepare()
    assert "secret" not in repr(wrong.place)
