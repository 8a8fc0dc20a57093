"""Posting to a receiver over real sockets: what is sent, what each answer means, and that no answer hangs us."""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from maild import __version__
from maild.delivery.post import Answer, Poster, signed
from tests.delivery.receiver import SECRET, Receiver

NOW = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    made = Poster(total_seconds=0.5)
    yield made
    await made.close()


async def post(poster: Poster, url: str, body: str = '{"a": "ñ"}', now: datetime = NOW) -> Answer:
    return await poster.post(url, "evt_1", body, SECRET.encode(), now)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of its specification."""
    secret = base64.b64decode("plJ3nmyCDGBKInavdOK15jsl")
    at = datetime.fromtimestamp(1731705121, UTC)
    assert signed(secret, "msg_loFOjxBNrRLzqYUf", b'{"event_type":"ping","data":{"success":true}}', at) == {
        "webhook-id": "msg_loFOjxBNrRLzqYUf",
        "webhook-timestamp": "1731705121",
        "webhook-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    }


async def test_what_is_sent(poster: Poster, receiver: Receiver) -> None:
    assert await post(poster, receiver.url) == Answer("sent", "204 No Content")
    [got] = receiver.got
    assert got.verifies()
    assert got.json == {"a": "ñ"}
    assert (got.path, got.headers["content-type"]) == ("/desk", "application/json")
    assert got.headers["user-agent"] == f"maild/{__version__}"
    assert got.headers["webhook-timestamp"] == str(int(NOW.timestamp()))


async def test_each_attempt_is_signed_with_its_own_time(poster: Poster, receiver: Receiver) -> None:
    await post(poster, receiver.url)
    await post(poster, receiver.url, now=NOW + timedelta(hours=1))
    first, second = receiver.got
    assert (first.verifies(), second.verifies()) == (True, True)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, "sent"), (201, "sent"), (202, "sent"), (299, "sent"),
        (301, "failed"), (302, "failed"), (307, "failed"),
        (400, "failed"), (401, "failed"), (404, "failed"), (410, "failed"), (422, "failed"),
        (408, "later"), (425, "later"), (429, "later"), (500, "later"), (502, "later"), (503, "later"),
    ],
)  # fmt: skip
async def test_what_a_status_means(poster: Poster, receiver: Receiver, status: int, kind: str) -> None:
    receiver.answering(status, b"because\n\x1b[31m", location="http://127.0.0.1:1/elsewhere")
    answer = await post(poster, receiver.url)
    assert answer.kind == kind
    assert str(status) in answer.text
    assert "because" in answer.text
    assert answer.text.isprintable()
    assert len(receiver.got) == 1  # a redirection is not followed


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("Mon, 23 Nov 2026 13:15:00 GMT", timedelta(minutes=10)),
        ("Mon, 23 Nov 2026 12:00:00 GMT", timedelta(0)),
        ("soon", timedelta(0)),
        ("-5", timedelta(0)),
        ("9" * 400, timedelta(0)),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", timedelta(0)),
    ],
)
async def test_retry_after(poster: Poster, receiver: Receiver, value: str, wait: timedelta) -> None:
    receiver.answering(503, retry_after=value)
    assert (await post(poster, receiver.url)).wait == wait


async def test_a_long_answer_is_read_to_a_bound(poster: Poster, receiver: Receiver) -> None:
    receiver.answering(400, b"x" * 5_000_000)
    answer = await post(poster, receiver.url)
    assert (answer.kind, len(answer.text)) == ("failed", 300)


async def test_a_receiver_that_says_nothing_is_left(poster: Poster, receiver: Receiver) -> None:
    receiver.answering(0)
    answer = await post(poster, receiver.url)
    assert answer.kind == "later"
    assert len(receiver.got) == 1


async def test_nobody_there_is_a_reason_to_try_again(poster: Poster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answer = await post(poster, f"http://127.0.0.1:{port}/")
    assert (answer.kind, answer.text.partition(":")[0]) == ("later", "ConnectError")


@pytest.mark.parametrize("url", ["http://", "http://[::1", "ftp://hooks.test/"])
async def test_a_url_that_is_none_fails_for_good(poster: Poster, url: str) -> None:
    assert (await post(poster, url)).kind == "failed"


async def test_no_certificate_that_nobody_vouches_for_is_believed(poster: Poster, receiver: Receiver) -> None:
    """Plain HTTP where TLS is expected stands in for a broken handshake."""
    answer = await post(poster, receiver.url.replace("http://", "https://"))
    assert (answer.kind, receiver.got) == ("later", [])
