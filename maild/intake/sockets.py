"""Listening sockets: addresses, stale Unix sockets, certificates, and what to say when one cannot be had."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import stat
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from maild.errors import ConfigError, Problem, Unreachable
from maild.host import Passed
from maild.intake.settings import Listener

_UNIX: Final = "unix:"
_NAMED: Final = "systemd:"
_MODE: Final = 0o660
_WHY: Final = {
    errno.EADDRINUSE: "another program listens there already",
    errno.EADDRNOTAVAIL: "this host has no such address",
    errno.EACCES: "permission denied (a port below 1024 needs CAP_NET_BIND_SERVICE, a Unix socket a folder one may write to)",
    errno.ENOENT: "its folder does not exist",
}


def unix_path(address: str) -> Path | None:
    """-> PATH of `unix:PATH`, None for a TCP address."""
    return Path(address.removeprefix(_UNIX)) if address.startswith(_UNIX) else None


def host_and_port(address: str) -> tuple[str | None, int]:
    """-> host (None: every interface) and port of `host:port` or `[v6]:port`. Raises Unreachable when it is neither."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isdecimal() or int(port) > 65535 or (":" in host and not bracketed):
        raise Unreachable(
            f"cannot listen on {address}: an address is HOST:PORT, [V6ADDRESS]:PORT or unix:PATH"
        )
    host = host[1:-1] if bracketed else host
    return (host if host not in ("", "*") else None), int(port)


def shown(sock: socket.socket) -> str:
    """-> the address of a listening socket as `Listener.address` writes it."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"{_UNIX}{name}"
    return f"[{name[0]}]:{name[1]}" if sock.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


@contextlib.contextmanager
def explained(address: str) -> Iterator[None]:
    """Turns an OSError inside into Unreachable with a sentence that says which address and why."""
    try:
        yield
    except OSError as error:
        # From Python 3.13 on asyncio skips TCP addresses that are not this host's and has no number for "none was left".
        number = error.errno or (0 if unix_path(address) else errno.EADDRNOTAVAIL)
        reason = _WHY.get(number) or error.strerror or str(error)
        if isinstance(error, socket.gaierror):
            reason = "the host name has no address"
        raise Unreachable(f"cannot listen on {address}: {reason}") from error


def shared_out(addresses: Sequence[str], passed: Sequence[Passed]) -> list[list[socket.socket]]:
    """-> for each address the sockets that the service manager passed for it; none where it is to be bound.

    `systemd:NAME` has all those of that name, any other address those that listen there already. Raises Unreachable when none has
    the name, ConfigError when one is left over: its peers would wait for ever.
    """
    left, shares = list(passed), []
    for address in addresses:
        mine = [one for one in left if _is_for(one, address)]
        if address.startswith(_NAMED) and not mine:
            name = address.removeprefix(_NAMED)
            raise Unreachable(
                f"cannot listen on {address}: no socket of the name {name} was passed (is maild-{name}.socket started, "
                "and maild started by systemd?)"
            )
        left = [one for one in left if one not in mine]
        shares.append([one.sock for one in mine])
    if left:
        says = "systemd passed the socket {} (FileDescriptorName={}), and no [[listen]] has that address or systemd:{}"
        problems = [says.format(shown(one.sock), one.name, one.name) for one in left]
        raise ConfigError([Problem("maild.toml", 0, 0, problem) for problem in problems])
    return shares


def _is_for(one: Passed, address: str) -> bool:
    if address.startswith(_NAMED):
        return one.name == address.removeprefix(_NAMED)
    path = unix_path(address)
    if one.sock.family == socket.AF_UNIX or path is not None:
        return one.sock.family == socket.AF_UNIX and shown(one.sock) == address
    host, port = host_and_port(address)
    bound, number = one.sock.getsockname()[:2]
    # [::] takes IPv4 as well; what is to be reached from this host alone is never served by a socket for all.
    same = host == bound or (_is_everywhere(host) and _is_everywhere(bound))
    return port == number != 0 and same


def _is_everywhere(host: str | None) -> bool:
    try:
        return host is None or ip_address(host).is_unspecified
    except ValueError:  # a name
        return False


def bind_unix(path: Path) -> socket.socket:
    """-> a socket bound to `path`, mode 0660. One that nobody listens on any more is replaced. Raises OSError."""
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(_MODE)  # before listen(): nobody can have connected yet
    except OSError:
        sock.close()
        raise
    return sock


def _remove_stale(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "a file that is no socket stands there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def with_nodelay(sock: socket.socket) -> socket.socket:
    """-> `sock`, or the same socket made anew when it does not say that it is TCP: asyncio then would not set TCP_NODELAY."""
    if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.proto != socket.IPPROTO_TCP:
        return socket.socket(sock.family, sock.type, socket.IPPROTO_TCP, fileno=sock.detach())
    return sock


def tls_context(listener: Listener) -> ssl.SSLContext | None:
    """-> TLS 1.2 or later with the listener's certificate; None when it speaks none. Raises ConfigError."""
    if listener.tls == "none":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, listener)
    return context


def load_certificate(context: ssl.SSLContext, listener: Listener) -> None:
    """Read the listener's certificate and key into `context`, for handshakes to come. Raises ConfigError."""
    if listener.certificate is None:
        raise ConfigError([Problem(listener.address, 0, 0, f'tls = "{listener.tls}" needs a certificate')])
    try:
        context.load_cert_chain(listener.certificate, listener.key, password=_no_password)
    except OSError as error:
        unusable = isinstance(error, ssl.SSLError)
        reason = "no PEM certificate with its unencrypted key" if unusable else str(error.strerror)
        raise ConfigError([Problem(str(listener.certificate), 0, 0, reason)]) from error


def _no_password() -> str:
    # Without it OpenSSL asks for the pass phrase of an encrypted key on the terminal.
    return ""
