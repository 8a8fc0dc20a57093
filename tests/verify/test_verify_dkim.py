"""Single signatures: what counts, what verifies and proves nothing, what never can."""

from __future__ import annotations

import base64
import re
import time
from datetime import timedelta

import dkim as dkimpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.verify import dkim, keys, signed
from maild.verify.keys import Invalid
from tests.verify.verify_world import NOW, Dns, ed_key, mail, publish, resigned, rsa_key
from tests.verify.verify_world import signed as sign

STAMP = int(NOW.timestamp())


def results(dns: Dns, raw: bytes, author: str = "acme.test") -> list[str]:
    seen = signed.read(raw)
    assert seen is not None
    resolver = dns.resolver(query_seconds=0.5)
    return [str(one) for one in dkim.check(seen, author, NOW, resolver, resolver.deadline(5))]


PASS = "dkim=pass d=acme.test"


@pytest.mark.parametrize("header", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
@pytest.mark.parametrize(
    "text", ["", "\r\n\r\n", "one  \t two \r\n\r\n three\r\n\r\n\r\n", "no end", "\tx\r\n"]
)
def test_all_canonical_forms(dns: Dns, header: bytes, body: bytes, text: str) -> None:
    publish(dns)
    raw = sign(mail(body=text, Cc="a@x.test,\r\n\tb@x.test"), canonicalize=(header, body))
    assert results(dns, raw) == [PASS]
    assert results(dns, raw.replace(b"\r\n", b"\n")) == [PASS]
    assert results(dns, b"From ana@acme.test Mon Mar  2 10:00:00 2026\n" + raw.replace(b"\r\n", b"\n")) == [
        PASS
    ]


@given(st.text(" \t\r\nab", max_size=40))
@settings(max_examples=300)
def test_canonical_bodies_are_those_of_dkimpy(text: str) -> None:
    body = re.sub(r"(?<!\r)\n", "\r\n", text).encode()
    assert signed.simple_body(body) == dkimpy.canonicalization.Simple.canonicalize_body(body)
    whole = (
        body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    )  # RFC 6376 §3.4.4: dkimpy keeps a last blank
    if whole.endswith(b"\r\n"):
        assert signed.relaxed_body(whole) == dkimpy.canonicalization.Relaxed.canonicalize_body(whole)


def test_ed25519(dns: Dns) -> None:
    private, public = ed_key()
    dns.txt("ed._domainkey.acme.test", f"v=DKIM1; k=ed25519; p={public}")
    raw = sign(mail(), selector="ed", key=private, algorithm=b"ed25519-sha256")
    assert results(dns, raw) == [PASS]
    assert results(dns, raw.replace(b"burns", b"works")) == ["dkim=fail d=acme.test (the body has changed)"]
    assert results(dns, raw.replace(b"Printer", b"Scanner")) == [
        "dkim=fail d=acme.test (the signed header has changed)"
    ]


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ((b"burns", b"works"), "fail d=acme.test (the body has changed)"),
        ((b"Printer", b"Scanner"), "fail d=acme.test (the signed header has changed)"),
        ((b"From: ana", b"From: eva"), "fail d=acme.test (the signed header has changed)"),
        ((b"v=1;", b"v=2;"), "permerror d=acme.test (it is not of version 1)"),
        ((b"a=rsa-sha256", b"a=rsa-sha1"), "permerror d=acme.test (its algorithm is none that counts)"),
        ((b"a=rsa-sha256", b"a=none"), "permerror d=acme.test (its algorithm is none that counts)"),
        ((b"a=rsa-sha256", b"a=ed25519-sha256"), "permerror d=acme.test (the key is of another kind)"),
        ((b"i=@acme.test", b"i=@evil.test"), "permerror d=acme.test (i= is not of the domain d=)"),
        ((b"i=@acme.test", b"i=@eviacme.test"), "permerror d=acme.test (i= is not of the domain d=)"),
        ((b"q=dns/txt", b"q=http"), "permerror d=acme.test (its key is not in the DNS)"),
        ((b"s=sel", b"s=other"), "permerror d=acme.test (no key other._domainkey.acme.test)"),
        ((b"s=sel", b"s=a b"), "permerror d=acme.test (d= or s= is no name)"),
        ((b"s=sel;", b""), "permerror d=acme.test (s= is missing)"),
        ((b"c=relaxed/simple", b"c=odd"), "permerror d=acme.test (c= is unknown)"),
        ((b" bh=", b" bh=%%%"), "permerror d=acme.test (bh= is no hash)"),
        ((b"h=from", b"h=fro"), "permerror d=acme.test (From is not signed)"),
        ((b"i=@acme.test", b"l=x"), "permerror d=acme.test (l= is no length)"),
        ((b"i=@acme.test", b"l=9999"), "fail d=acme.test (the body is shorter than l=)"),
    ],
)
def test_what_does_not_verify(dns: Dns, change: tuple[bytes, bytes], result: str) -> None:
    publish(dns)
    raw = sign(mail(), names=["from", "to", "subject"])
    assert change[0] in raw
    assert results(dns, raw.replace(*change)) == [f"dkim={result}"]


@pytest.mark.parametrize(
    ("tags", "result"),
    [
        ([("x", STAMP + 60)], "pass d=acme.test"),
        ([("x", STAMP - 60)], "pass d=acme.test"),  # clocks differ
        ([("x", STAMP - 3600)], "permerror d=acme.test (it has expired)"),
        ([("x", "soon")], "permerror d=acme.test (t= or x= is no time)"),
        ([("x", "9" * 5000)], "permerror d=acme.test (t= or x= is no time)"),
        ([("t", STAMP + 3600)], "pass d=acme.test"),
        ([("t", STAMP + 100_000)], "permerror d=acme.test (it was made in the future)"),
        ([("i", "ana@mail.acme.test")], "pass d=acme.test"),
        ([("z", "From:ana@acme.test")], "pass d=acme.test"),
    ],
)
def test_further_tags(dns: Dns, tags: list[tuple[str, object]], result: str) -> None:
    publish(dns)
    raw = resigned(mail(), [(name, str(value)) for name, value in tags])
    assert results(dns, raw) == [f"dkim={result}"]


def test_a_signature_counts_at_the_time_when_the_mail_arrived(dns: Dns) -> None:
    publish(dns)
    seen = signed.read(resigned(mail(), [("t", str(STAMP - 90_000)), ("x", str(STAMP - 3600))]))
    assert seen is not None
    resolver = dns.resolver()
    [found] = dkim.check(seen, "acme.test", NOW - timedelta(hours=2), resolver, resolver.deadline(5))
    assert found.result == "pass"


def test_a_body_that_is_open_at_its_end_proves_nothing(dns: Dns) -> None:
    publish(dns)
    raw = sign(mail(), length=True)
    open_end = "dkim=policy d=acme.test (l= leaves the end of the body open)"
    assert results(dns, raw) == results(dns, raw + b"#solve\r\n") == [open_end]


@pytest.mark.parametrize(
    ("above", "reason"),
    [
        (b"From: ceo@acme.test\r\n", "fail d=acme.test (the signed header has changed)"),
        (b"Subject: [Acme #1] other\r\n", "policy d=acme.test (several subject fields)"),
        (b"Content-Type: text/html\r\nContent-Type: text/plain\r\n", "policy d=acme.test (several content-type fields)"),
        (b"In-Reply-To: <1@x>\r\nin-reply-to: <2@x>\r\n", "policy d=acme.test (several in-reply-to fields)"),
        (b"no field\r\n", "policy d=acme.test (a line of the header is no field)"),
        (b"X-Odd: a\rSubject: b\r\n", "policy d=acme.test (a lone CR in the header)"),
        (b"Received: by x\r\nReceived: by y\r\n", "pass d=acme.test"),
    ],
)  # fmt: skip
def test_fields_that_were_added(dns: Dns, above: bytes, reason: str) -> None:
    publish(dns)
    assert results(dns, above + sign(mail(), names=["from", "to", "subject"])) == [f"dkim={reason}"]


def test_a_second_from_breaks_what_was_signed_for_one(dns: Dns) -> None:
    publish(dns)
    for names in (["from", "subject"], ["from", "from", "subject"]):
        raw = b"From: ceo@acme.test\r\n" + sign(mail(), names=names)
        assert results(dns, raw) == ["dkim=fail d=acme.test (the signed header has changed)"]


def test_an_unsigned_subject_proves_nothing(dns: Dns) -> None:
    publish(dns)
    assert results(dns, sign(mail(), names=["from", "to"])) == [
        "dkim=policy d=acme.test (Subject is not signed)"
    ]


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("p={key}", "pass d=acme.test"),
        ("k=rsa; p={key}; n=note", "pass d=acme.test"),
        ("v=DKIM1; h=sha1:sha256; s=email; p={key}", "pass d=acme.test"),
        ("v=DKIM1; s=tlsrpt:*; t=s; p={key}", "pass d=acme.test"),
        ("v=DKIM2; p={key}", "permerror d=acme.test (the key is no DKIM1 key)"),
        ("v=DKIM1; h=sha1; p={key}", "permerror d=acme.test (the key is not for sha256)"),
        ("v=DKIM1; s=tlsrpt; p={key}", "permerror d=acme.test (the key is not for mail)"),
        ("v=DKIM1; t=y; p={key}", "policy d=acme.test (the domain is only testing)"),
        ("v=DKIM1; p=", "permerror d=acme.test (the key is revoked)"),
        ("v=DKIM1; k=dsa; p={key}", "permerror d=acme.test (the key is neither RSA nor Ed25519)"),
        ("v=DKIM1; k=ed25519; p={key}", "permerror d=acme.test (the key is neither RSA nor Ed25519)"),
        ("v=DKIM1; p=%%%", "permerror d=acme.test (the key is no base64)"),
        ("v=DKIM1; p=AAAA", "permerror d=acme.test (the key is no RSA key)"),
        ("v=DKIM1; p={key}; p={key}", "permerror d=acme.test (it cannot be read)"),
        ("v=DKIM1; p={key}; n=" + "x" * 5000, "permerror d=acme.test (the key record is too long)"),
        ("v=DKIM1; p={other}", "fail d=acme.test (the signed header has changed)"),
    ],
)
def test_key_records(dns: Dns, record: str, result: str) -> None:
    dns.txt("sel._domainkey.acme.test", record.format(key=rsa_key()[1], other=rsa_key(2049)[1]))
    assert results(dns, sign(mail())) == [f"dkim={result}"]


def test_a_key_for_the_domain_alone(dns: Dns) -> None:
    publish(dns, flags="t=s; ")
    raw = resigned(mail(), [("i", "ana@mail.acme.test")])
    assert results(dns, raw) == ["dkim=permerror d=acme.test (the key is not for subdomains)"]


def test_several_records_and_strange_ones(dns: Dns) -> None:
    record = f"v=DKIM1; p={rsa_key()[1]}"
    dns.txt("sel._domainkey.acme.test", "v=spf1 -all", record)
    assert results(dns, sign(mail())) == [PASS]
    dns.txt("sel._domainkey.acme.test", record + "; n=1", record)
    [again] = results(dns, sign(mail()))
    assert again == "dkim=permerror d=acme.test (several keys sel._domainkey.acme.test)"


def test_a_key_behind_an_alias(dns: Dns) -> None:
    publish(dns, "keys.test", policy=None)
    dns.zone["sel._domainkey.acme.test", "CNAME"] = ["sel._domainkey.keys.test"]
    assert results(dns, sign(mail())) == [PASS]


def test_small_keys_do_not_count(dns: Dns) -> None:
    private, public = rsa_key(1024)
    dns.txt("sel._domainkey.acme.test", f"v=DKIM1; p={public}")
    assert results(dns, sign(mail(), key=private)) == [PASS]
    with pytest.raises(Invalid, match="an RSA key of 512 bits"):
        keys.read(b"p=" + _rsa_record(bits=512, exponent=65537))


@pytest.mark.parametrize(
    ("bits", "exponent"), [(16384, 65537), (2048, 1), (2048, 2), (2048, 1 << 1000), (2048, 0)]
)
def test_keys_that_would_stall_us_or_mean_nothing(bits: int, exponent: int) -> None:
    with pytest.raises(Invalid):
        keys.read(b"p=" + _rsa_record(bits, exponent))


def _rsa_record(bits: int, exponent: int) -> bytes:
    """A key record's p= of a modulus and an exponent, by hand (PKCS #1, DER)."""

    def der(tag: int, content: bytes) -> bytes:
        size = len(content).to_bytes(4, "big")
        return bytes([tag, 0x84]) + size + content

    def number(value: int) -> bytes:
        return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))

    return base64.b64encode(der(0x30, number((1 << bits) - 1) + number(exponent)))


def test_at_most_ten_signatures_and_only_those_that_align(dns: Dns) -> None:
    publish(dns)
    bad = b"DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=s%d; h=from; bh=AAAA; b=AAAA\r\n"
    elsewhere = b"".join(bad % (b"evil%d.test" % number, number) for number in range(300))
    assert results(dns, elsewhere + sign(mail())) == [PASS]
    assert not any("evil" in name for name in dns.asked)
    ours = b"".join(bad % (b"acme.test", number) for number in range(300))
    assert len(results(dns, ours + sign(mail()))) == 10


@pytest.mark.parametrize(
    "raw",
    [
        sign(mail(body=" " * 2_000_000 + "x\r\n"), canonicalize=(b"relaxed", b"simple")),
        mail(body="\r\n" * 1_000_000 + "x", DKIM_Signature="v=1; a=rsa-sha256; c=relaxed/relaxed; d=acme.test; s=sel; h=from; bh=AAAA; b=AAAA"),
        mail(body="\t" * 2_000_000, DKIM_Signature="v=1; a=rsa-sha256; c=relaxed/relaxed; d=acme.test; s=sel; h=from; bh=AAAA; b=AAAA"),
        mail(DKIM_Signature="v=1; a=rsa-sha256; d=acme.test; s=sel; h=from; bh=AAAA; b" + " " * 7000 + "=AAAA"),
        mail(DKIM_Signature="v=1; a=rsa-sha256; d=acme.test; s=sel; h=from; bh=AAAA; b=" + "A" * 100_000),
        mail(DKIM_Signature="v=1; a=rsa-sha256; d=acme.test; s=sel; h=" + "from:" * 1500 + "; bh=AAAA; b=AAAA"),
        mail(DKIM_Signature="v=1; a=rsa-sha256; d=acme.test; s=sel; h=from" + " " * 7000 + "x; bh=AAAA; b=AAAA"),
        b"X: y\r\n" * 1900 + mail(DKIM_Signature="v=1; a=rsa-sha256; d=acme.test; s=sel; h=from:" + "a:" * 150 + "b; bh=AAAA; b=AAAA"),
        mail(X_Long="\r\n ".join(["x"] * 60_000)),
    ],
    ids=range(9),
)  # fmt: skip
def test_hostile_mails_cost_little(dns: Dns, raw: bytes) -> None:
    publish(dns)
    before = time.process_time()
    for result in results(dns, raw):
        assert not result.startswith("dkim=pass") or b" " * 2_000_000 in raw
    assert time.process_time() - before < 3


def test_a_header_without_end_is_not_read() -> None:
    assert signed.read(b"X: " + b"y" * 300_000) is None
    assert signed.read(b"X: y\r\n" * 3000 + b"\r\n") is None
