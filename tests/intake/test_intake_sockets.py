"""Where we listen: addresses, Unix sockets left over, sockets passed by a service manager, and why it does not work."""

import asyncio
import errno
import os
import socket
import stat

import pytest

from maild.errors import Unreachable
from maild.intake import sockets
from maild.intake.settings import Listener
from tests.intake.dialogue import LHLO, Client, Desk, serving


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:25", ("127.0.0.1", 25)),
        ("localhost:0", ("localhost", 0)),
        (":25", (None, 25)),
        ("*:25", (None, 25)),
        ("[::1]:25", ("::1", 25)),
        ("[::]:65535", ("::", 65535)),
    ],
)
def test_tcp_addresses(address, parts):
    assert sockets.host_and_port(address) == parts


@pytest.mark.parametrize(
    "address", ["", "25", "localhost", "localhost:", "localhost:smtp", "::1:25", "a:65536", "a:-1", "a:²"]
)
def test_what_is_no_address(address):
    with pytest.raises(Unreachable, match="an address is HOST:PORT"):
        sockets.host_and_port(address)


async def test_a_free_port_is_named(tmp_path):
    async with serving(Desk(), address="127.0.0.1:0") as (listeners, first):
        second = await listeners.open(Listener("lmtp", "[::1]:0"))
        third = await listeners.open(Listener("lmtp", f"unix:{tmp_path}/l.sock"))
        assert first.startswith("127.0.0.1:")
        assert second.startswith("[::1]:")
        assert third == f"unix:{tmp_path}/l.sock"
        assert list(listeners.counters) == [first, second, third]
        for address in (second, third):
            client = await Client.to(address)
            assert await client.mail(hello=LHLO) == "250 2.0.0 kept"
            await client.close()


async def test_a_unix_socket_is_for_owner_and_group_and_goes_with_us(tmp_path):
    path = tmp_path / "lmtp.sock"
    async with serving(Desk(), "lmtp", f"unix:{path}"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


async def test_a_stale_unix_socket_is_replaced(tmp_path):
    path = tmp_path / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(Desk(), "lmtp", f"unix:{path}") as (_, address):
        client = await Client.to(address)
        assert await client.mail(hello=LHLO) == "250 2.0.0 kept"
        await client.close()


async def test_closing_leaves_the_socket_of_a_successor(tmp_path):
    path = tmp_path / "lmtp.sock"
    async with serving(Desk(), "lmtp", f"unix:{path}"):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(str(path))
    assert path.exists()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("unix:{tmp}/live.sock", "another program listens there already"),
        ("unix:{tmp}/file", "a file that is no socket stands there"),
        ("unix:{tmp}/missing/lmtp.sock", "its folder does not exist"),
        ("unix:{tmp}/" + "x" * 120, "path too long"),
        ("{tcp}", "another program listens there already"),
        ("192.0.2.1:0", "this host has no such address"),
        ("no.such.host.invalid:0", "the host name has no address"),
        ("nonsense", "an address is HOST:PORT"),
    ],
)
async def test_why_one_cannot_listen(tmp_path, monkeypatch, address, why):
    if "invalid" in address:

        async def nobody(*_, **__):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nobody, raising=False)
    (tmp_path / "file").write_text("mine")
    async with serving(Desk(), "lmtp", f"unix:{tmp_path}/live.sock") as (listeners, _):
        tcp = await listeners.open(Listener("smtp", "127.0.0.1:0"))
        wanted = address.format(tmp=tmp_path, tcp=tcp)
        with pytest.raises(Unreachable) as wrong:
            await listeners.open(Listener("lmtp", wanted))
        assert str(wrong.value).startswith(f"cannot listen on {wanted}: ")
        assert why in str(wrong.value)
        assert len(listeners.counters) == 2
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_missing_rights_are_named(number):
    with (
        pytest.raises(
            Unreachable, match=r"cannot listen on :25: (permission denied|Operation not permitted)"
        ),
        sockets.explained(":25"),
    ):
        raise OSError(number, os.strerror(number))


async def test_a_socket_of_the_service_manager_is_used(tmp_path):
    """A TCP socket that does not say it is TCP must still send small answers at once; a Unix one stays where it is."""
    desk = Desk()
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    tcp.bind(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    unix.bind(str(tmp_path / "passed.sock"))
    async with serving(desk) as (listeners, _):
        for listener, passed in (
            (Listener("lmtp", "127.0.0.1:24"), tcp),
            (Listener("lmtp", "unix:/run/x.sock"), unix),
        ):
            address = await listeners.open(listener, passed)
            client = await Client.to(address)
            (session,) = listeners._sessions
            if passed is tcp:
                accepted = session.transport.get_extra_info("socket")
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert await client.mail(hello=LHLO) == "250 2.0.0 kept"
            await client.close()
            while listeners._sessions:
                await asyncio.sleep(0)
    assert (tmp_path / "passed.sock").exists()
    assert len(desk.mails) == 2
