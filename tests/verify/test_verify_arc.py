"""ARC: a list changes a mail and says what it found before; only listed sealers are believed."""

from __future__ import annotations

import pytest

from maild.desk.facts import Verdict
from maild.message.parse import parse
from maild.verify import arc, signed
from tests.verify.verify_world import NOW, Dns, envelope, mail, publish, sealed, verifier
from tests.verify.verify_world import signed as sign

FOUND = "dmarc=pass header.from=acme.test"
AGAIN = "arc=pass; dmarc=fail header.from=acme.test"
FOOTER = b"-- \r\nThe list\r\n"


@pytest.fixture
def world(dns: Dns) -> Dns:
    for domain in ("acme.test", "list.test", "forward.test", "evil.test"):
        publish(dns, domain)
    return dns


def judged(dns: Dns, raw: bytes, *sealers: str) -> tuple[Verdict, str]:
    proof = verifier(dns, *sealers).proof(raw, parse(raw).mail, envelope())
    return proof.dmarc, proof.why


def chain(dns: Dns, raw: bytes, *sealers: str) -> arc.Chain:
    seen = signed.read(raw)
    assert seen is not None
    resolver = dns.resolver(query_seconds=0.3)
    return arc.check(seen, "acme.test", sealers, NOW, resolver, resolver.deadline(5))


def through_list(results: str = FOUND) -> bytes:
    """A signed mail whose body a list has changed."""
    return sealed(sign(mail()) + FOOTER, "list.test", results)


def test_a_listed_sealer_is_believed(world: Dns) -> None:
    raw = through_list()
    verdict, why = judged(world, raw, "list.test")
    assert verdict is Verdict.PASS
    assert "dkim=fail d=acme.test (the body has changed)" in why
    assert why.endswith("dmarc=fail (p=reject), arc=pass (dmarc=pass says list.test)")


@pytest.mark.parametrize("sealers", [(), ("forward.test",), ("lists.test", "st.test")])
def test_others_are_not_and_are_not_looked_up(world: Dns, sealers: tuple[str, ...]) -> None:
    verdict, why = judged(world, through_list(), *sealers)
    assert verdict is Verdict.FAIL
    assert ("arc=none (list.test is not listed)" in why) is bool(sealers)
    assert "TXT sel._domainkey.list.test" not in world.asked


@pytest.mark.parametrize(
    ("results", "vouched"),
    [
        (FOUND, True),
        ("spf=pass smtp.mailfrom=acme.test; dmarc=pass (p=reject) header.from=ACME.test", True),
        ("dmarc=fail header.from=acme.test", False),
        ("dmarc=pass header.from=evil.test", False),
        ("dmarc=pass header.from=acme.test; dmarc=fail header.from=acme.test", False),
        ("dkim=pass header.d=acme.test", False),
        ("none", False),
    ],
)
def test_what_the_sealer_found_counts(world: Dns, results: str, vouched: bool) -> None:
    if results == "none":
        results = "iprev=pass policy.iprev=192.0.2.1"
    found = chain(world, through_list(results), "list.test")
    assert (found.result, found.vouched) == ("pass", vouched)


@pytest.mark.parametrize(
    ("sealers", "vouched"),
    [
        (("list.test", "forward.test"), True),
        (
            ("forward.test",),
            False,
        ),  # it found dmarc=fail itself; what list.test says, nobody we trust vouches for
        (("list.test",), False),  # whoever sealed last may have changed anything
    ],
)
def test_a_longer_chain(world: Dns, sealers: tuple[str, ...], vouched: bool) -> None:
    raw = sealed(through_list(), "forward.test", AGAIN)
    assert chain(world, raw, *sealers).vouched is vouched


def test_the_newest_listed_sealer_may_vouch_alone(world: Dns) -> None:
    raw = sealed(through_list("dmarc=pass header.from=evil.test"), "forward.test", f"arc=pass; {FOUND}")
    assert chain(world, raw, "forward.test").vouched


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ((b"burns", b"works"), "the body has changed"),
        ((b"Subject: Printer", b"Subject: Scanner"), "the signed header has changed"),
        ((b"From: ana", b"From: eva"), "the signed header has changed"),
        ((b"header.from=acme.test", b"header.from=ACME.test"), "the seal of list.test does not verify"),
        ((b"cv=none", b"cv=pass"), "seal 1 says that the chain was broken"),
        ((b"ARC-Seal: i=1", b"ARC-Seal: i=2"), "sets are missing"),
        ((b"ARC-Seal: i=1", b"ARC-Seal: i=0"), "i= is no number from 1 to 50"),
        ((b"ARC-Seal: i=1", b"ARC-Seal: i=x"), "i= is no number from 1 to 50"),
        ((b"ARC-Seal:", b"X-Seal:"), "sets are missing"),
        ((b"ARC-Authentication-Results: i=1", b"ARC-Authentication-Results: j=1"), "i= is no number from 1 to 50"),
        ((b"cv=none;", b"cv=none; h=from;"), "seal 1 cannot be read"),
        ((b"To: support", b"To: other"), "the signed header has changed"),
        ((b"Message-ID", b"Subject: b\r\nMessage-ID"), "the signed header has changed"),
        ((b"Message-ID", b"Message-ID: <2@x>\r\nMessage-ID"), "several message-id fields"),
    ],
)  # fmt: skip
def test_what_breaks_a_chain(world: Dns, change: tuple[bytes, bytes], why: str) -> None:
    raw = through_list()
    assert change[0] in raw
    found = chain(world, raw.replace(*change), "list.test")
    assert (found.result, found.vouched, found.why) == ("fail", False, why)


def test_a_set_twice(world: Dns) -> None:
    raw = through_list()
    seal = raw[raw.index(b"ARC-Seal:") : raw.index(b"ARC-Message-Signature:")]
    assert chain(world, seal + raw, "list.test").why == "two ARC-Seal of instance 1"


def test_somebody_else_cannot_seal_for_a_listed_sealer(world: Dns) -> None:
    """The seal is evil's, the message signature too; only the seal says list.test."""
    raw = sealed(mail(), "evil.test", FOUND)
    forged = raw.replace(b"d=evil.test", b"d=list.test", 1)
    world.txt("sel._domainkey.list.test", "v=DKIM1; p=")
    for one in (forged, raw.replace(b"d=evil.test", b"d=list.test")):
        assert not chain(world, one, "list.test").vouched


def test_silence_is_no_failure(world: Dns) -> None:
    raw = through_list()
    world.silent.add("sel._domainkey.list.test")
    judge = verifier(world, "list.test", query_seconds=0.3)
    proof = judge.proof(raw, parse(raw).mail, envelope())
    assert proof.dmarc is Verdict.NONE
    assert "arc=temperror" in proof.why


def test_hundreds_of_sets(world: Dns) -> None:
    raw = mail()
    for number in range(1, 100):
        lines = "ARC-Seal: i={0}; cv=pass; d=list.test; s=sel; a=rsa-sha256; b=AAAA\r\n"
        lines += "ARC-Message-Signature: i={0}; d=list.test\r\nARC-Authentication-Results: i={0}; list.test; none\r\n"
        raw = lines.format(number).encode() + raw
    assert str(chain(world, raw, "list.test")) == "arc=fail (too many sets)"


def test_a_mail_without_a_chain(world: Dns) -> None:
    assert str(chain(world, mail(), "list.test")) == "arc=none"
