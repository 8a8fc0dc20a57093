"""Peers that go, stay silent or are told to go: no mail is lost, none is kept by halves, nothing is left behind."""

import asyncio

import pytest
from structlog.testing import capture_logs

from maild.errors import NotNow
from tests.intake.dialogue import DATA, EHLO, LHLO, MAIL, RCPT, Client, Desk, Hurry, serving, settle


async def half_close(client):
    client.writer.write_eof()
    await client.rest()


WAYS = {"close": Client.close, "reset": Client.reset, "half close": half_close}
DONE = [EHLO, MAIL, RCPT, DATA]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("commands", "begun"),
    [
        ([], b""),
        ([], b"EHL"),
        (DONE[:1], b""),
        (DONE[:2], b""),
        (DONE[:3], b""),
        (DONE[:3], b"DATA"),
        (DONE, b""),
        (DONE, b"Subject: half"),
        (DONE, b"hi\r\n"),
        (DONE, b"hi\r\n."),
        (DONE, b"hi\r\n.\r"),
        (DONE, b"x" * 400_000),
    ],
)
async def test_a_mail_whose_end_did_not_come_is_not_kept(commands, begun, way):
    desk = Desk()
    with capture_logs() as logs:
        async with serving(desk) as (listeners, address):
            client = await Client.to(address)
            for command in commands:
                await client.say(command)
            await client.send(begun)
            await settle()
            await WAYS[way](client)
            other = await Client.to(address)
            assert await other.mail(b"other\r\n") == "250 2.0.0 kept"
            await other.close()
            assert listeners.counters[address].accepted == 1
    assert desk.mails == [b"other\r\n"]
    assert not [entry for entry in logs if entry["log_level"] == "error"]


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
@pytest.mark.parametrize("way", ["close", "reset"])
async def test_hanging_up_does_not_cancel_a_commit(protocol, way):
    desk = Desk()
    desk.gate.clear()
    async with serving(desk, protocol) as (listeners, address):
        client = await Client.to(address)
        await client.say(LHLO if protocol == "lmtp" else EHLO, MAIL, RCPT, RCPT, DATA)
        await client.send(b"hi\r\n.\r\nQUIT\r\n")
        await desk.started.wait()
        await WAYS[way](client)
        await settle()
        assert desk.mails == []
        desk.gate.set()
        await settle()
        assert desk.mails == [b"hi\r\n"]
        assert listeners.counters[address].accepted == 1


async def test_a_pipelined_session_with_half_close_is_answered_whole():
    desk = Desk()
    desk.gate.clear()
    async with serving(desk) as (_, address):
        client = await Client.to(address)
        await client.send("\r\n".join([*DONE, "hi", ".", "QUIT", ""]).encode())
        client.writer.write_eof()
        await desk.started.wait()
        await settle()
        desk.gate.set()
        answers = await client.rest()
    assert answers.endswith("354 End data with <CR><LF>.<CR><LF>\r\n250 2.0.0 kept\r\n221 2.0.0 Bye\r\n")
    assert desk.mails == [b"hi\r\n"]


@pytest.mark.parametrize("commands", [[], DONE[:1], DONE[:3], DONE])
async def test_silence_ends_the_session(commands, monkeypatch):
    desk = Desk()
    async with serving(desk, limits={"timeout": 300}) as (_, address):
        hurry = Hurry(monkeypatch)
        client = await Client.to(address)
        for command in commands:
            await client.say(command)
        await hurry.skip(299)
        await client.send(b"NOOP")  # an unfinished line, or part of a mail
        await settle()
        await hurry.skip(299 if commands == DONE else 0)
        await hurry.skip(2)
        assert await client.rest() == "421 4.4.2 Timeout, closing connection\r\n"
    assert desk.mails == []


async def test_a_slow_upload_is_not_cut_while_it_goes_on(monkeypatch):
    desk = Desk()
    async with serving(desk, limits={"timeout": 300}) as (_, address):
        hurry = Hurry(monkeypatch)
        client = await Client.to(address)
        await client.say(*DONE)
        for _ in range(5):
            await client.send(b"line\r\n")
            await settle()
            await hurry.skip(250)
        assert await client.say(b".\r\n") == "250 2.0.0 kept"
        await hurry.skip(299)
        assert await client.say("NOOP") == "250 2.0.0 OK"
        await client.close()
    assert desk.mails == [b"line\r\n" * 5]


async def test_a_slow_commit_is_not_cut_and_starts_the_clock_anew(monkeypatch):
    desk = Desk()
    desk.gate.clear()
    async with serving(desk, limits={"timeout": 300}) as (_, address):
        hurry = Hurry(monkeypatch)
        client = await Client.to(address)
        await client.say(*DONE)
        await client.send(b"hi\r\n.\r\n")
        await desk.started.wait()
        for _ in range(4):
            await hurry.skip(301)
        desk.gate.set()
        assert await client.reply() == "250 2.0.0 kept"
        await hurry.skip(299)
        assert await client.say("NOOP") == "250 2.0.0 OK"
        await hurry.skip(301)
        assert (await client.rest()).startswith("421 4.4.2")


async def test_a_peer_that_reads_no_answer_is_dropped(monkeypatch):
    async with serving(Desk(), limits={"timeout": 300, "idle_commands": 10**9}) as (listeners, address):
        hurry = Hurry(monkeypatch)
        client = await Client.to(address)
        client.reader._transport.pause_reading()
        client.writer.write(b"EHLO a\r\n" * 1_000_000)
        while listeners._sessions:
            await settle()
            await hurry.skip(301)
        await client.close()


async def test_closing_tells_the_idle_and_waits_for_mails_under_way():
    desk = Desk()
    desk.gate.clear()
    async with serving(desk) as (listeners, address):
        idle, begun, reading, keeping, refused = [await Client.to(address) for _ in range(5)]
        await idle.say(EHLO)
        assert (await refused.say(EHLO, MAIL, "RCPT TO:<nobody@elsewhere.test>")).startswith("550")
        await begun.say(EHLO, MAIL)
        await reading.say(*DONE)
        await keeping.say(*DONE)
        await keeping.send(b"kept\r\n.\r\nNOOP\r\n")
        await desk.started.wait()
        closing = asyncio.create_task(listeners.close(600))
        assert await idle.rest() == "421 4.3.2 Service shutting down\r\n"
        assert await refused.rest() == "421 4.3.2 Service shutting down\r\n"
        with pytest.raises(ConnectionRefusedError):
            await Client.to(address)
        await reading.send(b"read\r\n.\r\n")
        assert (await begun.say(RCPT, DATA)).startswith("354")
        await begun.send(b"said\r\n.\r\n")
        await settle()
        assert not closing.done()
        desk.gate.set()
        assert await begun.rest() == "250 2.0.0 kept\r\n421 4.3.2 Service shutting down\r\n"
        assert await keeping.rest() == "250 2.0.0 kept\r\n421 4.3.2 Service shutting down\r\n"
        assert await reading.rest() == "250 2.0.0 kept\r\n421 4.3.2 Service shutting down\r\n"
        await closing
    assert sorted(desk.mails) == [b"kept\r\n", b"read\r\n", b"said\r\n"]


async def test_after_the_grace_only_a_commit_is_waited_for():
    desk = Desk()
    desk.gate.clear()
    async with serving(desk) as (listeners, address):
        begun, reading, keeping = [await Client.to(address) for _ in range(3)]
        await begun.say(*DONE[:2])
        await reading.say(*DONE)
        await reading.send(b"half")
        await keeping.say(*DONE)
        await keeping.send(b"kept\r\n.\r\n")
        await desk.started.wait()
        closing = asyncio.create_task(listeners.close(0))
        assert await begun.rest() == "421 4.3.2 Service shutting down\r\n"
        assert await reading.rest() == "421 4.3.2 Service shutting down\r\n"
        await settle()
        assert not closing.done()
        desk.gate.set()
        assert await keeping.rest() == "250 2.0.0 kept\r\n421 4.3.2 Service shutting down\r\n"
        await closing
    assert desk.mails == [b"kept\r\n"]


async def test_a_connection_made_while_closing_is_told_so():
    desk = Desk()
    async with serving(desk) as (listeners, address):
        client = await asyncio.open_connection(*_tcp(address))
        await listeners.close(1)
        answer = await client[0].read()
        client[1].close()
        assert answer in (
            b"421 4.3.2 Service shutting down\r\n",
            b"220 mx.acme.test ESMTP maild\r\n421 4.3.2 Service shutting down\r\n",
        )
        await listeners.close(1)


def _tcp(address):
    host, _, port = address.rpartition(":")
    return host, int(port)


async def test_a_fault_while_closing_is_answered_too():
    desk = Desk()
    desk.gate.clear()
    desk.fault = NotNow("disk full")
    async with serving(desk) as (listeners, address):
        client = await Client.to(address)
        await client.say(*DONE)
        await client.send(b"hi\r\n.\r\n")
        await desk.started.wait()
        closing = asyncio.create_task(listeners.close(0))
        await settle()
        desk.gate.set()
        assert (await client.rest()).startswith("451 4.3.0")
        await closing
    assert desk.mails == []
