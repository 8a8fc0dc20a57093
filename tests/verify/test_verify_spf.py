"""SPF: pyspf's rules with our resolver, our limits and our deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.verify import spf
from tests.verify.verify_world import Dns

HERE = "203.0.113.9"


def check(
    dns: Dns,
    sender: str = "b@acme.test",
    peer: str = HERE,
    helo: str = "h.test",
    seconds: float = 5.0,
    query_seconds: float = 0.3,
) -> str:
    who = spf.identity(sender, helo)
    assert who is not None
    resolver = dns.resolver(query_seconds=query_seconds)
    return spf.check(peer, who, helo, resolver, resolver.deadline(seconds))


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 ip4:203.0.113.0/24 -all", "pass"),
        ("v=spf1 ip4:198.51.100.0/24 -all", "fail"),
        ("v=spf1 ip4:198.51.100.0/24 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf1", "neutral"),
        ("v=spf2 -all", "none"),
        ("v=spf1 a -all", "pass"),
        ("v=spf1 a:alias.test -all", "pass"),
        ("v=spf1 mx -all", "pass"),
        ("v=spf1 ptr:acme.test -all", "pass"),
        ("v=spf1 exists:%{i}.white.test -all", "pass"),
        ("v=spf1 exists:%{l}.%{d} -all", "fail"),
        ("v=spf1 include:inc.test -all", "pass"),
        ("v=spf1 redirect=inc.test", "pass"),
        ("v=spf1 include:none.test -all", "permerror"),
        ("v=spf1 include:acme.test -all", "permerror"),
        ("v=spf1 include:loop.test -all", "permerror"),
        ("v=spf1 " + "include:neutral.test " * 11 + "-all", "permerror"),
        ("v=spf1 a:v1.test a:v2.test a:v3.test -all", "permerror"),
        ("v=spf1 ip4:nonsense -all", "permerror"),
        ("v=spf1 ip4:203.0.113.0/" + "9" * 400 + " -all", "permerror"),
        ("v=spf1 a:" + "x" * 600 + ".test -all", "permerror"),
        ("v=spf1 " + "a:b.test " * 1000, "permerror"),
        ("v=spf1 ip4:203.0.113.0/24 exp=silent.test -all", "pass"),
        ("v=spf1 a:silent.test -all", "temperror"),
        ("v=spf1 include:failing.test -all", "temperror"),
        ("v=spf1 a:" + ".".join(["y" * 63] * 5) + " -all", "fail"),
        ("v=spf1 %{x} -all", "permerror"),
    ],
)
def test_records(dns: Dns, record: str, result: str) -> None:
    dns.txt("acme.test", record)
    dns.txt("inc.test", "v=spf1 ip4:203.0.113.9 -all")
    dns.txt("loop.test", "v=spf1 include:acme.test -all")
    dns.txt("neutral.test", "v=spf1 ?all")
    dns.zone["acme.test", "A"] = [HERE]
    dns.zone["acme.test", "MX"] = [(10, "mx.acme.test")]
    dns.zone["mx.acme.test", "A"] = [HERE]
    dns.zone["alias.test", "CNAME"] = ["acme.test"]
    dns.zone["9.113.0.203.in-addr.arpa", "PTR"] = ["mx.acme.test"]
    dns.zone["203.0.113.9.white.test", "A"] = ["127.0.0.2"]
    dns.silent.add("silent.test")
    dns.failing.add("failing.test")
    assert check(dns) == result


def test_ipv6(dns: Dns) -> None:
    dns.txt("two.test", "v=spf1 a -all")
    dns.zone["two.test", "AAAA"] = ["2001:db8::1"]
    assert check(dns, "b@two.test", "2001:db8::1") == "pass"
    assert check(dns, "b@two.test", "2001:db8::2") == "fail"


def test_several_records_are_an_error(dns: Dns) -> None:
    dns.txt("acme.test", "v=spf1 -all", "v=spf1 +all")
    assert check(dns) == "permerror"


@pytest.mark.parametrize(
    ("sender", "helo", "domain"),
    [
        ("b@acme.test", "h.test", "acme.test"),
        ("", "h.test", "h.test"),
        ("", "[192.0.2.1]", None),
        ("", "localhost", None),
        ("b@", "h.test", None),
        ("b", "h.test", None),
        ('"x@evil.test"@acme.test', "h.test", "acme.test"),
        ("b@bücher.test", "", "xn--bcher-kva.test"),
    ],
)
def test_whom_it_is_about(sender: str, helo: str, domain: str | None) -> None:
    who = spf.identity(sender, helo)
    assert (who.domain if who else None) == domain


def test_a_quoted_local_part_names_no_other_domain(dns: Dns) -> None:
    dns.txt("acme.test", "v=spf1 -all")
    dns.txt('evil.test"@acme.test', "v=spf1 +all")
    dns.txt("evil.test", "v=spf1 +all")
    assert check(dns, '"x@evil.test"@acme.test') == "fail"


@pytest.mark.parametrize(
    ("record", "possible"),
    [
        ("v=spf1 -all", False),
        ("v=spf1   -ALL ", False),
        ("v=spf1 mx -all", True),
        (None, False),
        ("other", False),
    ],
)
def test_whether_anybody_may_send(dns: Dns, record: str | None, possible: bool) -> None:
    if record:
        dns.txt("acme.test", record)
    resolver = dns.resolver()
    assert spf.may_pass("acme.test", resolver, resolver.deadline(5)) is possible


def test_the_deadline_holds_for_all_lookups_together(dns: Dns) -> None:
    names = [f"s{number}.test" for number in range(9)]
    dns.txt("acme.test", "v=spf1 " + " ".join(f"a:{name}" for name in names) + " -all")
    dns.silent.update(names)
    before = time.monotonic()
    assert check(dns, seconds=0.2) == "temperror"
    assert time.monotonic() - before < 2


@pytest.fixture(scope="module")
def shared() -> Iterator[Dns]:
    made = Dns()
    yield made
    made.close()


TERMS = st.sampled_from(
    ["a", "mx", "ptr", "all", "include", "exists", "redirect", "exp", "ip4", "ip6", ":", "=", "/", "//", "%{d}", "%{l}", "%{s9r+}", "%{p}", "%{ir}", "%{x",
     "%", "%%", "-", "~", "?", "+", " ", "  ", ".", "acme.test", "33", "129", "203.0.113.9", "::1", "é", ",", "moo", "@"]
)  # fmt: skip


@given(
    st.lists(TERMS, max_size=14).map("".join),
    st.sampled_from(["b@acme.test", "b+c=d%{x}@acme.test", "", '"@ @"@acme.test']),
)
@settings(max_examples=300, deadline=None)
def test_whatever_a_record_says_there_is_a_result(shared: Dns, terms: str, sender: str) -> None:
    shared.txt("acme.test", f"v=spf1 {terms}")
    shared.asked.clear()
    result = check(
        shared, sender, helo="acme.test", seconds=60, query_seconds=10
    )  # a busy machine is no fault
    assert result in ("none", "neutral", "pass", "fail", "softfail", "permerror")
    assert (
        sum(shared.asked.values()) <= 1 + 10 * 11
    )  # RFC 7208 §4.6.4: ten terms, of which mx and ptr ask ten more
