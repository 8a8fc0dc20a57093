"""How many connections, errors and idle commands a peer has."""

import asyncio
from ipaddress import ip_network

import pytest
from structlog.testing import capture_logs

from maild.errors import NotNow
from tests.intake.dialogue import DATA, EHLO, LHLO, MAIL, RCPT, Client, Desk, serving, settle

TOO_MANY = "421 4.7.0 Too many connections, try again later\r\n"


async def connect_many(address, number):
    return [await Client.to(address) for _ in range(number)]


@pytest.mark.parametrize(
    ("limits", "address", "trusted", "allowed"),
    [
        ({"connections": 5}, "127.0.0.1:0", (), 5),
        ({"connections": 5}, "unix:{tmp}/smtp.sock", (), 5),
        ({"connections_per_address": 3}, "127.0.0.1:0", (), 3),
        ({"connections_per_address": 3}, "[::1]:0", (), 3),
        ({"connections_per_address": 3, "connections": 6}, "127.0.0.1:0", (ip_network("127.0.0.1"),), 6),
        ({"connections_per_address": 3, "connections": 6}, "unix:{tmp}/smtp.sock", (), 6),
    ],
)
async def test_connections_are_limited(tmp_path, limits, address, trusted, allowed):
    async with serving(Desk(), address=address.format(tmp=tmp_path), limits=limits, trusted=trusted) as (
        listeners,
        real,
    ):
        clients = await connect_many(real, allowed)
        with capture_logs() as logs:
            refused = await Client.to(real, greet=False)
            assert await refused.rest() == TOO_MANY
        assert logs[0]["event"] == "too_many_connections"
        assert listeners.counters[real].connections == allowed
        await clients.pop().close()
        await settle()
        clients.append(await Client.to(real))
        assert await clients[-1].mail() == "250 2.0.0 kept"
        for client in clients:
            await client.close()


async def test_connections_are_counted_over_all_listeners_and_shown_for_each(tmp_path):
    async with serving(Desk(), limits={"connections": 3}) as (listeners, address):
        other = await listeners.open(
            type(next(iter(listeners._ports.values())).listener)("lmtp", f"unix:{tmp_path}/l")
        )
        clients = [*await connect_many(address, 2), *await connect_many(other, 1)]
        for place in (address, other):
            refused = await Client.to(place, greet=False)
            assert await refused.rest() == TOO_MANY
        assert {place: counters.connections for place, counters in listeners.counters.items()} == {
            address: 2,
            other: 1,
        }
        for client in clients:
            await client.close()


async def test_150_connections_at_once_each_with_a_mail():
    desk = Desk()
    async with serving(desk, limits={"connections": 150, "connections_per_address": 150}, trusted=()) as (
        listeners,
        address,
    ):
        clients = await asyncio.gather(*(Client.to(address) for _ in range(150)))
        answers = await asyncio.gather(
            *(client.mail(b"%d\r\n" % number) for number, client in enumerate(clients))
        )
        assert set(answers) == {"250 2.0.0 kept"}
        assert listeners.counters[address].connections == 150
        await asyncio.gather(*(client.close() for client in clients))
    assert sorted(desk.mails) == sorted(b"%d\r\n" % number for number in range(150))


@pytest.mark.parametrize(
    "command",
    [
        "FROB",
        "MAIL FROM:<a@b",
        "RCPT TO:<nobody@acme.test>",
        "AUTH LOGIN",
        DATA,
        "NOOP " + "x" * 5000,
        "\x00",
        "STARTTLS",
    ],
)
async def test_too_many_errors_end_the_session(command):
    async with serving(Desk(), limits={"errors": 10}) as (_, address):
        client = await Client.to(address)
        await client.say(EHLO, "MAIL FROM:<>")
        for _ in range(10):
            assert (await client.say(command))[0] == "5"
        assert await client.rest() == "421 4.7.0 Too many errors\r\n"


async def test_the_last_words_survive_a_flood_of_input():
    async with serving(Desk(), limits={"errors": 10}) as (_, address):
        client = await Client.to(address)
        await client.send(b"FROB\r\n" * 50_000)
        client.writer.write_eof()
        answers = (await client.rest()).splitlines()
    assert len(answers) == 11
    assert answers[-1] == "421 4.7.0 Too many errors"


async def test_a_line_without_end_ends_the_session():
    async with serving(Desk()) as (_, address):
        client = await Client.to(address)
        await client.send(b"x" * 1_500_000)
        client.writer.write_eof()
        assert await client.rest() == "421 4.7.0 Line too long\r\n"


async def test_a_kept_mail_forgives_errors_a_refused_one_counts():
    desk = Desk()
    async with serving(desk, limits={"errors": 3, "message_size": 100}) as (_, address):
        client = await Client.to(address)
        for _ in range(5):
            await client.say("FROB", "FROB")
            assert await client.mail() == "250 2.0.0 kept"
        for _ in range(3):
            assert (await client.mail(b"x" * 200 + b"\r\n")).startswith("552")
        assert await client.rest() == "421 4.7.0 Too many errors\r\n"


async def test_faults_of_ours_are_not_held_against_the_peer():
    desk = Desk()
    desk.fault = NotNow("disk full")
    async with serving(desk, limits={"errors": 3}) as (_, address):
        client = await Client.to(address)
        for _ in range(6):
            assert (await client.mail()).startswith("451")
        desk.fault = None
        assert await client.mail() == "250 2.0.0 kept"
        await client.close()


@pytest.mark.parametrize(
    "commands", [["NOOP"], ["RSET"], [EHLO], ["HELO a"], ["VRFY x"], [MAIL, RCPT, "RSET"]]
)
async def test_too_many_commands_without_a_mail_end_the_session(commands):
    async with serving(Desk(), limits={"idle_commands": 50}) as (_, address):
        client = await Client.to(address)
        assert await client.mail() == "250 2.0.0 kept"
        for _ in range(50):
            assert (await client.say(*commands))[0] == "2"
        await client.say(*commands[:-1]) if commands[:-1] else None
        assert await client.say(commands[-1]) == "421 4.7.0 Too many commands without a mail"
        assert await client.rest() == ""


async def test_a_kept_connection_may_say_rset_between_mails_for_ever():
    desk = Desk()
    async with serving(desk, "lmtp", limits={"idle_commands": 5}) as (_, address):
        client = await Client.to(address)
        await client.say(LHLO)
        for _ in range(30):
            assert await client.say(MAIL, RCPT, DATA, b"hi\r\n.\r\n", "RSET", "NOOP") == "250 2.0.0 OK"
        await client.close()
    assert len(desk.mails) == 30
