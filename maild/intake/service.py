"""What the sessions share: the desk behind them, their limits, who is connected, what was counted."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from maild.intake.receiver import Receiver
from maild.intake.settings import IntakeLimits, Listener


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is connected. `name` is the IP address (IPv4 written as such even on an IPv6 socket), "unix", or "unknown" when it left at once.

    `trusted`: its Authentication-Results are believed. `counted_as`: what its connections are counted under, None for not at all.
    """

    name: str
    trusted: bool
    counted_as: str | None


NOBODY: Final = Peer("unknown", trusted=False, counted_as=None)


@dataclass(slots=True)
class Counters:
    """Of one listener since it was opened: `connections` now, mails `accepted`, recipients and mails `refused` (5xx), mails `deferred` (4xx)."""

    connections: int = 0
    accepted: int = 0
    refused: int = 0
    deferred: int = 0


@dataclass(frozen=True, slots=True)
class Port:
    """A listener that is open: `context` when it speaks TLS."""

    listener: Listener
    context: ssl.SSLContext | None
    counters: Counters = field(default_factory=Counters)


@dataclass(slots=True)
class Service:
    """Shared by every session of the process. `closing`: no new transaction is begun."""

    receiver: Receiver
    limits: IntakeLimits
    hostname: str
    trusted_peers: Sequence[IPv4Network | IPv6Network]
    clock: Callable[[], datetime]
    spool_dir: str | None
    closing: bool = False
    _connections: int = 0
    _by_peer: Counter[str] = field(default_factory=Counter)

    def peer(self, family: int, peername: object) -> Peer:
        """-> who is behind a connected socket of `family` with `peername`: (host, port, …) of TCP, None when it is gone again."""
        if family == socket.AF_UNIX:
            return Peer("unix", trusted=True, counted_as=None)
        if not isinstance(peername, tuple):
            return NOBODY
        address = _plain(ip_address(peername[0]))
        trusted = any(address in network for network in self.trusted_peers)
        return Peer(str(address), trusted, None if trusted else _counted_as(address))

    def admit(self, peer: Peer) -> bool:
        """Whether `peer` may have one connection more; if so it is counted until `release`."""
        if self._connections >= self.limits.connections:
            return False
        if peer.counted_as is not None:
            if self._by_peer[peer.counted_as] >= self.limits.connections_per_address:
                return False
            self._by_peer[peer.counted_as] += 1
        self._connections += 1
        return True

    def release(self, peer: Peer) -> None:
        self._connections -= 1
        if peer.counted_as is not None:
            self._by_peer[peer.counted_as] -= 1
            if not self._by_peer[peer.counted_as]:
                del self._by_peer[peer.counted_as]


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _counted_as(address: IPv4Address | IPv6Address) -> str:
    # One host usually has a whole /64 of IPv6 to itself.
    return str(ip_network((int(address), 64), strict=False)) if address.version == 6 else str(address)
