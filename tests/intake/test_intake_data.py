"""Mails over real sockets: octet for octet, of any size, in any packets."""

import asyncio
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.intake.dialogue import DATA, EHLO, MAIL, RCPT, Client, Desk, serving, settle

PIPELINED = f"{MAIL}\r\n{RCPT}\r\n{DATA}\r\n".encode()


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"\r\n",
        b"no line end in the header\r\n",
        b"Subject: nul and 8 bit\r\n\r\n\x00\x80\xff\xfe\r\n",
        b"Subject: bare ends\r\n\r\na\nb\rc\n\n\r\r\nd\n.\ne\n.\r\nf\r.\r\n",
        b"Subject: long\r\n\r\n" + b"x" * 900_000 + b"\r\n",
        b"x" * 300_000 + b"\r\n" + b".y" * 100_000 + b"\r\n",
        b".dot\r\n..two\r\n.\x00\r\n",
    ],
)
async def test_a_mail_is_kept_octet_for_octet(mail):
    desk = Desk()
    stuffed = mail.replace(b"\r\n.", b"\r\n..")
    stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
    async with serving(desk) as (_, address):
        client = await Client.to(address)
        assert await client.mail(stuffed) == "250 2.0.0 kept"
        assert await client.say("NOOP") == "250 2.0.0 OK"
        await client.close()
    assert desk.mails == [mail]
    assert desk.rolled == [len(mail) > 256 * 1024]


@pytest.mark.parametrize(
    "ending", [b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\x00.\r\n"]
)
async def test_nothing_is_smuggled_behind_a_false_end(ending):
    desk = Desk()
    smuggled = PIPELINED + b"Subject: smuggled\r\n"
    async with serving(desk) as (_, address):
        client = await Client.to(address)
        await client.say(EHLO, MAIL, RCPT, DATA)
        assert (
            await client.say(b"Subject: outer\r\n\r\nx" + ending + smuggled + b"\r\n.\r\n")
            == "250 2.0.0 kept"
        )
        await client.close()
    # A dot behind CRLF is a stuffed one whatever follows it.
    kept = ending.replace(b"\r\n.", b"\r\n")
    assert desk.mails == [b"Subject: outer\r\n\r\nx" + kept + smuggled + b"\r\n"]


@pytest.mark.parametrize("border", range(len(b"hi\r\n.\r\nNOOP\r\n") + 1))
async def test_the_end_may_be_cut_into_packets_anywhere(border):
    desk = Desk()
    stream = b"hi\r\n.\r\nNOOP\r\n"
    async with serving(desk) as (_, address):
        client = await Client.to(address)
        await client.say(EHLO, MAIL, RCPT, DATA)
        await client.send(stream[:border])
        await settle()
        await client.send(stream[border:])
        assert [await client.reply(), await client.reply()] == ["250 2.0.0 kept", "250 2.0.0 OK"]
        await client.close()
    assert desk.mails == [b"hi\r\n"]


@given(
    st.lists(
        st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"a", b"\xff", b"\0", b"\r\n.", b"\n.\r\n"]),
        max_size=30,
    ).map(b"".join)
)
@settings(max_examples=40, deadline=None)
def test_whatever_stands_in_a_mail_comes_back(text):
    mail = text + b"\r\n"
    desk = Desk()

    async def send():
        stuffed = b"".join(b"." * line.startswith(b".") + line + b"\r\n" for line in mail.split(b"\r\n")[:-1])
        async with serving(desk) as (_, address):
            client = await Client.to(address)
            assert await client.mail(stuffed) == "250 2.0.0 kept"
            await client.close()

    asyncio.run(send())
    assert desk.mails == [mail]


async def test_several_mails_in_one_packet():
    desk = Desk()
    async with serving(desk) as (_, address):
        client = await Client.to(address)
        mails = b"".join(PIPELINED + b"mail %d\r\n.\r\n" % number for number in range(20))
        await client.send(EHLO.encode() + b"\r\n" + mails + b"QUIT\r\nNOOP\r\n")
        answers = await client.rest()
    assert answers.count("250 2.0.0 kept") == 20
    assert answers.endswith("221 2.0.0 Bye\r\n")
    assert desk.mails == [b"mail %d\r\n" % number for number in range(20)]


async def test_a_pipelined_mail_to_nobody_gets_no_354():
    async with serving(Desk()) as (_, address):
        client = await Client.to(address)
        await client.say(EHLO)
        await client.send(f"{MAIL}\r\nRCPT TO:<nobody@acme.test>\r\n{DATA}\r\nRSET\r\n".encode())
        assert [(await client.reply())[:3] for _ in range(4)] == ["250", "550", "503", "250"]
        await client.close()


@pytest.mark.parametrize(("size", "answer"), [(1000, "250 2.0.0 kept"), (1001, "552 5.3.4 Message too big")])
async def test_the_limit_is_that_of_the_mail_without_stuffed_dots(size, answer):
    desk = Desk()
    async with serving(desk, limits={"message_size": 1000}) as (_, address):
        client = await Client.to(address)
        assert await client.mail(b"..\r\n" * 200 + b"x" * (size - 602) + b"\r\n") == answer
        assert await client.say(MAIL, RCPT, DATA, b"small\r\n.\r\n") == "250 2.0.0 kept"
        await client.close()
    assert desk.mails[-1] == b"small\r\n"


@pytest.mark.parametrize(("hops", "answer"), [(100, "250 2.0.0"), (101, "554 5.4.6")])
async def test_a_loop_is_refused(hops, answer):
    async with serving(Desk()) as (_, address):
        client = await Client.to(address)
        assert (await client.mail(b"Received: from a by b\r\n" * hops + b"\r\nReceived: no\r\n")).startswith(
            answer
        )
        await client.close()


async def test_a_spool_that_cannot_be_written_is_a_fault_of_ours(tmp_path):
    desk = Desk()
    async with serving(desk, spool_dir=tmp_path / "missing") as (_, address):
        client = await Client.to(address)
        assert (await client.mail(b"x" * 500_000 + b"\r\n")).startswith("451 4.3.0")
        assert await client.say(MAIL, RCPT, DATA, b"small\r\n.\r\n") == "250 2.0.0 kept"
        await client.close()
    assert desk.mails == [b"small\r\n"]


async def test_memory_stays_flat_for_a_mail_of_26_megabytes(tmp_path):
    line = b"x" * 76 + b"\r\n"
    block = line * 800
    count = 26_000_000 // len(block) + 1

    class Counting(Desk):
        async def receive(self, spool, size, sha256, envelope):
            self.mails.append(size)

    desk = Counting()
    async with serving(desk, limits={"message_size": 30_000_000}, spool_dir=tmp_path) as (_, address):
        client = await Client.to(address)
        await client.say(EHLO, MAIL, RCPT, DATA)
        tracemalloc.start()
        try:
            for _ in range(count):
                await client.send(block)
            assert await client.say(b".\r\n") == "250 2.0.0 kept"
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await client.close()
    assert desk.mails == [count * len(block)]
    assert peak < 8_000_000
    assert list(tmp_path.iterdir()) == []
