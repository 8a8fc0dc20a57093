"""Questions to the DNS: with a deadline for each and for all of one mail, and a cache that is bounded in size and age."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver

Kind = Literal["TXT", "A", "AAAA", "MX", "PTR"]
QUERY_SECONDS: Final = 4.0
SHORTEST, LONGEST = 10.0, 3600.0
"""Seconds an answer is kept, whatever its TTL says."""
NOTHING_FOR: Final = 60.0
SILENCE_FOR: Final = 10.0
MOST: Final = 10_000
_PAYLOAD: Final = 1232  # what passes everywhere in one UDP datagram


class Unanswered(Exception):
    """The DNS says nothing for now: silence, a server's failure, or no time is left. What would have been said is unknown."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a mail may be verified, in seconds of `clock`."""

    at: float
    clock: Callable[[], float] = time.monotonic

    def left(self) -> float:
        """Seconds, 0 when there are none."""
        return max(0.0, self.at - self.clock())


@dataclass(frozen=True, slots=True)
class _Answer:
    until: float
    records: tuple[Any, ...] | None
    """None: there was no answer."""


class Resolver:
    """Asks `servers`, each (IP address, port); the system's when there are none. For many threads at once."""

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        *,
        query_seconds: float = QUERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers, self._query_seconds, self.clock = tuple(servers), query_seconds, clock
        self._cache: OrderedDict[tuple[dns.name.Name, Kind], _Answer] = OrderedDict()
        self._lock = threading.Lock()
        self._asking: dns.resolver.Resolver | None = None

    def deadline(self, seconds: float) -> Deadline:
        """One that ends in so many seconds."""
        return Deadline(self.clock() + seconds, self.clock)

    def txt(self, name: str, deadline: Deadline) -> tuple[bytes, ...]:
        """The TXT records of a name, the strings of each joined. Raises Unanswered."""
        return tuple(b"".join(record.strings) for record in self._ask(name, "TXT", deadline))

    def addresses(self, name: str, kind: Literal["A", "AAAA"], deadline: Deadline) -> tuple[str, ...]:
        """The addresses of a name. Raises Unanswered."""
        return tuple(record.address for record in self._ask(name, kind, deadline))

    def exchanges(self, name: str, deadline: Deadline) -> tuple[tuple[int, str], ...]:
        """The mail exchanges of a name with their preference. Raises Unanswered."""
        found = self._ask(name, "MX", deadline)
        return tuple((record.preference, record.exchange.to_text(True)) for record in found)

    def pointers(self, name: str, deadline: Deadline) -> tuple[str, ...]:
        """The names that a reverse name points to. Raises Unanswered."""
        return tuple(record.target.to_text(True) for record in self._ask(name, "PTR", deadline))

    def _ask(self, name: str, kind: Kind, deadline: Deadline) -> tuple[Any, ...]:
        absolute = _absolute(name)
        if absolute is None:
            return ()
        key = (absolute, kind)
        with self._lock:
            known = self._cache.get(key)
        if known is None or known.until <= self.clock():
            known = self._answer(absolute, kind, deadline)
            self._remember(key, known)
        if known.records is None:
            raise Unanswered(f"no answer for {kind} {name[:253]}")
        return known.records

    def _remember(self, key: tuple[dns.name.Name, Kind], answer: _Answer) -> None:
        with self._lock:
            self._cache[key] = answer
            self._cache.move_to_end(key)
            while len(self._cache) > MOST:
                self._cache.popitem(last=False)

    def _answer(self, name: dns.name.Name, kind: Kind, deadline: Deadline) -> _Answer:
        seconds = min(self._query_seconds, deadline.left())
        if seconds <= 0:
            raise Unanswered("the time for this mail is over")
        try:
            found = self._resolver().resolve(
                name, kind, lifetime=seconds, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return _Answer(self.clock() + NOTHING_FOR, ())
        except (dns.exception.DNSException, OSError) as fault:
            if seconds < self._query_seconds:  # it had less time than others will have
                raise Unanswered(f"no answer in time for {kind} {name}") from fault
            return _Answer(self.clock() + SILENCE_FOR, None)
        if found.rrset is None:
            return _Answer(self.clock() + NOTHING_FOR, ())
        age = min(max(float(found.chaining_result.minimum_ttl), SHORTEST), LONGEST)
        return _Answer(self.clock() + age, tuple(found.rrset))

    def _resolver(self) -> dns.resolver.Resolver:
        """Made when it is first needed: a host whose network is not configured yet must not keep the daemon from starting."""
        if self._asking is None:
            made = dns.resolver.Resolver(configure=not self._servers)
            if self._servers:
                made.nameservers = [
                    dns.nameserver.Do53Nameserver(address, port) for address, port in self._servers
                ]
            made.use_edns(0, 0, _PAYLOAD)
            self._asking = made
        return self._asking


def _absolute(name: str) -> dns.name.Name | None:
    """The name from the root; None when no name can be written so."""
    try:
        labels = [label.encode("ascii") for label in name.removesuffix(".").lower().split(".")]
        return dns.name.Name([*labels, b""])
    except (dns.exception.DNSException, UnicodeError):
        return None
