"""The resolver: what it keeps, for how long, and what it says when nothing is said."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from maild.verify import resolver as room
from maild.verify.resolver import Resolver, Unanswered
from tests.verify.verify_world import Dns


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port at which nobody ever answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]


@pytest.mark.parametrize(("ttl", "kept"), [(0, 10), (60, 60), (86_400, 3600)])
def test_answers_are_kept_for_their_time_within_bounds(
    dns: Dns, clock: list[float], ttl: int, kept: int
) -> None:
    dns.ttl = ttl
    dns.txt("a.test", "one", "two")
    asking = dns.resolver(clock=lambda: clock[0])
    for passed, asked in ((0, 1), (kept - 1, 1), (2, 2)):
        clock[0] += passed
        assert sorted(asking.txt("A.test.", asking.deadline(5))) == [b"one", b"two"]
        assert dns.asked["TXT a.test"] == asked


def test_so_is_nothing(dns: Dns, clock: list[float]) -> None:
    dns.txt("a.test", "one")
    asking = dns.resolver(clock=lambda: clock[0])
    for passed, asked in ((0, 1), (59, 1), (2, 2)):
        clock[0] += passed
        assert asking.txt("none.test", asking.deadline(5)) == ()
        assert asking.addresses("a.test", "A", asking.deadline(5)) == ()
        assert (dns.asked["TXT none.test"], dns.asked["A a.test"]) == (asked, asked)


def test_silence_is_asked_again_soon(dns: Dns, clock: list[float]) -> None:
    dns.failing.add("a.test")
    asking = dns.resolver(clock=lambda: clock[0])
    for passed, answered in ((0, False), (5, False), (6, True)):
        clock[0] += passed
        if answered:
            dns.failing.clear()
            dns.txt("a.test", "back")
            assert asking.txt("a.test", asking.deadline(5)) == (b"back",)
        else:
            with pytest.raises(Unanswered):
                asking.txt("a.test", asking.deadline(5))
    assert dns.asked["TXT a.test"] == 2


def test_a_silent_server_costs_no_more_than_the_deadlines(nobody: int) -> None:
    asking = Resolver([("127.0.0.1", nobody)], query_seconds=0.2)
    deadline = asking.deadline(0.5)
    before = time.monotonic()
    for name in ("a.test", "b.test", "c.test", "d.test", "e.test"):
        with pytest.raises(Unanswered):
            asking.txt(name, deadline)
    assert time.monotonic() - before < 2


@pytest.mark.parametrize(
    "octets", [b"", b"\xff", b"\xff" * 30, b"\x81\x80\0\1\0\1\0\0\0\0\1a\4test\0\0\x10\0\1\xc0\x0c\0\x10\0\1", b"\x81\x80\0\1\xff\xff\0\0\0\0\xc0\x0c\0\x10\0\1"]
)  # fmt: skip
def test_garbage_is_no_answer(dns: Dns, octets: bytes) -> None:
    dns.garbled["a.test"] = octets
    asking = dns.resolver(query_seconds=0.5)
    with pytest.raises(Unanswered):
        asking.txt("a.test", asking.deadline(5))


def test_little_time_left_says_nothing_of_the_name(dns: Dns) -> None:
    dns.silent.add("a.test")
    asking = dns.resolver(query_seconds=1.0)
    with pytest.raises(Unanswered):
        asking.txt("a.test", asking.deadline(0.1))
    dns.silent.clear()
    dns.txt("a.test", "one")
    assert asking.txt("a.test", asking.deadline(5)) == (b"one",)


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64 + ".test", ".".join(["y" * 60] * 6), "bücher.test", "\udcff.test"])  # fmt: skip
def test_what_is_no_name_has_no_records(dns: Dns, name: str) -> None:
    asking = dns.resolver()
    assert asking.txt(name, asking.deadline(5)) == ()
    assert not dns.asked


def test_long_records_and_all_kinds(dns: Dns) -> None:
    dns.txt("a.test", "x" * 3000)
    dns.zone["a.test", "A"] = ["192.0.2.1"]
    dns.zone["a.test", "AAAA"] = ["2001:db8::1"]
    dns.zone["a.test", "MX"] = [(10, "mx.a.test")]
    dns.zone["1.2.0.192.in-addr.arpa", "PTR"] = ["a.test"]
    asking = dns.resolver()
    deadline = asking.deadline(5)
    assert asking.txt("a.test", deadline) == (b"x" * 3000,)
    assert asking.addresses("a.test", "A", deadline) == ("192.0.2.1",)
    assert asking.addresses("a.test", "AAAA", deadline) == ("2001:db8::1",)
    assert asking.exchanges("a.test", deadline) == ((10, "mx.a.test"),)
    assert asking.pointers("1.2.0.192.in-addr.arpa", deadline) == ("a.test",)


def test_the_cache_is_bounded(dns: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST", 3)
    asking = dns.resolver()
    for number in range(5):
        asking.txt(f"n{number}.test", asking.deadline(5))
    for name, asked in (("n4.test", 1), ("n0.test", 2)):
        asking.txt(name, asking.deadline(5))
        assert dns.asked[f"TXT {name}"] == asked


def test_a_host_without_dns_is_a_fault_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    import dns.resolver

    def none(*_: object, **__: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", none)
    asking = Resolver()
    with pytest.raises(Unanswered):
        asking.txt("a.test", asking.deadline(5))
