"""The sender against a real SMTP server on loopback that misbehaves on demand."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from maild.delivery import connection, send
from maild.delivery.outcome import Outcome
from maild.delivery.send import Sender
from tests.delivery.sink import RAW, Sink, listening, relay
from tests.hangup import hang_up


async def test_a_mail_arrives_with_the_same_bytes(sink: Sink) -> None:
    async with listening(sink) as address:
        sender = Sender([relay(address)])
        outcome = await sender.send(RAW, "desk+b@acme.test", "carla@bücher.test")
        await sender.close()
    assert outcome == Outcome("sent", "250 2.0.0 queued", "2.0.0")
    assert sink.got[0][:3] == ("desk+b@acme.test", "carla@xn--bcher-kva.test", RAW)
    assert f"SIZE={len(RAW)}" in sink.got[0][3]


async def test_the_null_sender(sink: Sink) -> None:
    async with listening(sink) as address:
        sender = Sender([relay(address)])
        assert (await sender.send(RAW, "", "carla@globex.test")).kind == "sent"
        await sender.close()
    assert sink.got[0][0] in ("", "<>")


async def test_a_unix_socket(sink: Sink, tmp_path: Path) -> None:
    async with listening(sink, str(tmp_path / "s")) as address:
        sender = Sender([relay(address)])
        assert (await sender.send(RAW, "", "carla@globex.test")).kind == "sent"
        await sender.close()


@pytest.mark.parametrize(
    ("sender", "recipient", "expected"),
    [
        ("d@acme.test", "nobody@x.test", Outcome("failed", "550 5.1.1 no such user", "5.1.1")),
        ("d@acme.test", "full@x.test", Outcome("later", "452 4.2.2 mailbox full", "4.2.2")),
        ("d@acme.test", "big@x.test", Outcome("failed", "552 5.3.4 too big", "5.3.4")),
        ("d@acme.test", "spam@x.test", Outcome("failed", "554 5.7.1 spam", "5.7.1")),
        ("d@acme.test", "busy@x.test", Outcome("later", "451 4.3.0 busy", "4.3.0")),
        ("d@acme.test", "bye@x.test", Outcome("later", "421 4.3.2 shutting down", "4.3.2")),
        ("refused@acme.test", "a@x.test", Outcome("failed", "550 5.7.1 not you", "5.7.1")),
        (
            "untrusted@acme.test",
            "a@x.test",
            Outcome("later", "530 5.7.0 authentication required", "5.7.0"),
        ),
    ],
)
async def test_refusals_are_told_apart_and_the_next_mail_goes_on(
    sink: Sink, sender: str, recipient: str, expected: Outcome
) -> None:
    async with listening(sink) as address:
        sending = Sender([relay(address, connections=1)])
        assert await sending.send(RAW, sender, recipient) == expected
        assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        await sending.close()


@pytest.mark.parametrize(
    ("recipient", "kind"),
    [
        ("drop@x.test", "unknown"),
        ("garble@x.test", "unknown"),
        ("hangup@x.test", "later"),
        ("garbage@x.test", "later"),
    ],
)
async def test_a_lost_connection_is_unknown_only_after_the_dot(sink: Sink, recipient: str, kind: str) -> None:
    async with listening(sink) as address:
        sending = Sender([relay(address, connections=1)])
        for _ in range(2):  # on a fresh connection, then on a kept one
            assert (await sending.send(RAW, "d@acme.test", recipient)).kind == kind
            assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        await sending.close()
    delivered = [to for _, to, _, _ in sink.got if to == recipient]
    assert len(delivered) == (2 if kind == "unknown" else 0), (
        "a mail handed over is never sent again by itself"
    )


async def test_silence_ends(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "DATA_PATIENCE", 1)
    async with listening(sink) as address:
        sending = Sender([relay(address, timeout=0.2)])
        assert (await sending.send(RAW, "d@acme.test", "hang@x.test")).kind == "later"
        assert (await sending.send(RAW, "d@acme.test", "silent@x.test")).kind == "unknown"
        await sending.close()


async def test_cancelling_frees_the_slot(sink: Sink) -> None:
    async with listening(sink) as address:
        sending = Sender([relay(address, connections=1)])
        task = asyncio.create_task(sending.send(RAW, "d@acme.test", "hang@x.test"))
        await sink.hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        await sending.close()


async def test_a_connection_is_kept_and_a_closed_one_replaced(sink: Sink) -> None:
    async with listening(sink) as address:
        sending = Sender([relay(address, connections=1)])
        for _ in range(3):
            await sending.send(RAW, "d@acme.test", "carla@x.test")
        assert len(sink.sessions) == 1
        hang_up(sink.sessions[0].transport)  # the sender has not noticed yet
        assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        assert len(sink.sessions) == 2
        await asyncio.sleep(0)
        hang_up(sink.sessions[1].transport)
        await asyncio.sleep(0.05)  # now it has
        assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        await sending.close()
    assert len(sink.got) == 5


async def test_connections_are_given_up_after_idling_and_after_many_uses(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(sink) as address:
        monkeypatch.setattr(send, "USES_MAX", 2)
        sending = Sender([relay(address, connections=1)])
        for _ in range(4):
            await sending.send(RAW, "d@acme.test", "carla@x.test")
        assert len(sink.sessions) == 2
        monkeypatch.setattr(send, "IDLE_SECONDS", 0)
        await sending.send(RAW, "d@acme.test", "carla@x.test")
        assert len(sending._lines[0]._idle) == 1
        await asyncio.sleep(0.01)
        assert not sending._lines[0]._idle
        await sending.close()


async def test_few_connections_serve_many_mails(sink: Sink) -> None:
    async with listening(sink) as address:
        sending = Sender([relay(address, connections=3)])
        outcomes = await asyncio.gather(*(sending.send(RAW, "", f"p{n}@x.test") for n in range(40)))
        await sending.close()
    assert {outcome.kind for outcome in outcomes} == {"sent"}
    assert {to for _, to, _, _ in sink.got} == {f"p{n}@x.test" for n in range(40)}
    assert len(sink.sessions) <= 3


async def test_nobody_listens(tmp_path: Path) -> None:
    for address in (f"unix:{tmp_path}/none", "127.0.0.1:1"):
        outcome = await Sender([relay(address)]).send(RAW, "", "a@x.test")
        assert outcome.kind == "later"
        assert outcome.text.startswith("no connection to the relay: ")


async def test_a_mail_bigger_than_announced_is_not_even_offered(sink: Sink) -> None:
    async with listening(sink, data_size_limit=1000) as address:
        sending = Sender([relay(address)])
        outcome = await sending.send(RAW + b"x" * 1000, "", "a@x.test")
        assert outcome == Outcome(
            "failed",
            f"552 5.3.4 the relay takes at most 1000 octets, this mail has {len(RAW) + 1000}",
            "5.3.4",
        )
        assert (await sending.send(RAW, "", "a@x.test")).kind == "sent"
        await sending.close()


@pytest.mark.parametrize("offered", [True, False])
async def test_letters_beyond_ascii_in_an_address(sink: Sink, offered: bool) -> None:
    async with listening(sink, enable_SMTPUTF8=offered) as address:
        sending = Sender([relay(address)])
        outcome = await sending.send("To: <jörg@x.test>\r\n\r\nx\r\n".encode(), "d@acme.test", "jörg@x.test")
        await sending.close()
    assert (outcome.kind, outcome.status) == (("sent", "2.0.0") if offered else ("failed", "5.6.7"))
    if offered:
        assert sink.got[0][1] == "jörg@x.test"
        assert "SMTPUTF8" in sink.got[0][3]


@pytest.mark.parametrize(
    "recipient", ["a@x.test>\r\nRCPT TO:<evil@x.test", "", "a", "@x.test", "a@", "a@x.test\nb"]
)
async def test_what_is_no_address_is_not_sent(sink: Sink, recipient: str) -> None:
    async with listening(sink) as address:
        sending = Sender([relay(address)])
        outcome = await sending.send(RAW, "", recipient)
        strange = await sending.send(RAW, "", 'a> SIZE=1 "<@x.test')
        await sending.close()
    assert (outcome.kind, outcome.status) == ("failed", "5.1.3")
    assert strange.kind != "later"
    assert all(to == '"a> SIZE=1 \\"<"@x.test' for _, to, _, _ in sink.got)


def test_addresses_of_relays() -> None:
    for wrong in ("acme.test", ":25", "acme.test:smtp"):
        with pytest.raises(ValueError, match="neither"):
            Sender([relay(wrong)])
