"""Sockets that the service manager passes: which listener has which, and what is said when they do not fit."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maild.errors import ConfigError, Unreachable
from maild.host import Passed, passed_sockets
from maild.intake.sockets import shared_out

SAYS_WHAT_IT_GOT = (
    "import os; from maild import host; from maild.intake.sockets import shown\n"
    "print(*(f'{one.name}={shown(one.sock)}={one.sock.get_inheritable()}' for one in host.passed_sockets()))\n"
    "print(*(name for name in os.environ if name.startswith('LISTEN_')))"
)


@pytest.fixture
def bound() -> Iterator[Callable[[str], socket.socket]]:
    """Makes sockets that are bound as systemd would."""
    made: list[socket.socket] = []

    def bind(address: str) -> socket.socket:
        if address.startswith("/"):
            made.append(socket.socket(socket.AF_UNIX))
            made[-1].bind(address)
        else:
            made.append(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET))
            made[-1].bind((address, 0))
        return made[-1]

    yield bind
    for sock in made:
        sock.close()


def port(sock: socket.socket) -> int:
    number: int = sock.getsockname()[1]
    return number


@pytest.mark.parametrize(
    ("passed", "written"),
    [
        ("127.0.0.1", "127.0.0.1:{}"),
        ("0.0.0.0", "0.0.0.0:{}"),
        ("::", "[::]:{}"),
        ("::", "0.0.0.0:{}"),
        ("0.0.0.0", "[::]:{}"),
        ("::1", "[::1]:{}"),
    ],
)
def test_a_listener_has_the_socket_of_its_address(
    bound: Callable[[str], socket.socket], passed: str, written: str
) -> None:
    sock = bound(passed)
    address = written.format(port(sock))
    assert shared_out(["127.0.0.1:0", address], [Passed("x", sock)]) == [[], [sock]]


@pytest.mark.parametrize("written", ["127.0.0.1:{}", "[::1]:{}", "localhost:{}"])
def test_what_is_for_this_host_alone_is_not_served_by_a_socket_for_all(
    bound: Callable[[str], socket.socket], written: str
) -> None:
    sock = bound("0.0.0.0")
    with pytest.raises(ConfigError, match=r"no \[\[listen\]\] has that address or systemd:smtp"):
        shared_out([written.format(port(sock))], [Passed("smtp", sock)])


def test_a_unix_socket_is_known_by_its_path(bound: Callable[[str], socket.socket], tmp_path: Path) -> None:
    sock = bound(str(tmp_path / "lmtp"))
    assert shared_out(["127.0.0.1:25", f"unix:{tmp_path}/lmtp"], [Passed("x", sock)]) == [[], [sock]]


def test_a_name_has_all_its_sockets(bound: Callable[[str], socket.socket], tmp_path: Path) -> None:
    four, six, unix = bound("127.0.0.1"), bound("::1"), bound(str(tmp_path / "lmtp"))
    passed = [Passed("smtp", four), Passed("lmtp", unix), Passed("smtp", six)]
    assert shared_out(["systemd:lmtp", "systemd:smtp"], passed) == [[unix], [four, six]]


def test_a_name_that_nobody_passed_is_told() -> None:
    with pytest.raises(
        Unreachable, match=r"no socket of the name smtp was passed \(is maild-smtp\.socket started"
    ):
        shared_out(["systemd:smtp"], [])


def test_sockets_are_taken_from_the_environment_once(tmp_path: Path) -> None:
    tool = [
        "systemd-socket-activate",
        "-l",
        f"{tmp_path}/lmtp",
        "--fdname=lmtp",
        sys.executable,
        "-c",
        SAYS_WHAT_IT_GOT,
    ]
    try:
        service = subprocess.Popen(
            tool, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
    except FileNotFoundError:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-socket-activate is missing")
        pytest.skip("systemd-socket-activate is missing")
    with service:
        assert service.stderr is not None
        service.stderr.readline()  # it listens
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{tmp_path}/lmtp")
            said, _ = service.communicate(timeout=60)
    assert said.decode() == f"lmtp=unix:{tmp_path}/lmtp=False\n\n"


def test_sockets_for_another_process_are_not_ours() -> None:
    env = {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "smtp"}
    assert passed_sockets(env) == []
    assert env == {}
