"""DKIM signatures of ours, checked by the room that checks others'."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.delivery.signing import Signer, Source
from maild.desk.facts import Address
from maild.errors import ConfigError
from maild.message.outgoing import Outgoing
from maild.message.write import write
from maild.settings import signing_keys
from maild.verify import dkim, signed
from tests.delivery.keys import PKCS1, pem, rsa_key
from tests.verify.verify_world import Dns

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAIL = write(
    Outgoing(
        from_=Address("Acme Support", "support@acme.test"), to=Address("Carla", "carla@globex.test"),
        subject="[Acme #1] Ärger mit dem Drucker", text="Hello  there \n.dot\n\n\n", html="<p>Hello</p>", date=NOW,
        message_id="<a.b@acme.test>", reply_to=Address("", "support+t@acme.test"), auto_submitted="auto-replied",
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def dns() -> Iterator[Dns]:
    made = Dns()
    yield made
    made.close()


def put(folder: Path, name: str, octets: bytes) -> Path:
    (folder / name).write_bytes(octets)
    return folder / name


def publish(dns: Dns, selector: str, octets: bytes, domain: str = "acme.test") -> None:
    dns.txt(f"{selector}._domainkey.{domain}", signing_keys.read(octets).record)


def verdicts(dns: Dns, raw: bytes, at: datetime = NOW) -> list[str]:
    seen = signed.read(raw)
    assert seen is not None
    resolver = dns.resolver(query_seconds=2)
    return [str(one) for one in dkim.check(seen, "acme.test", at, resolver, resolver.deadline(10))]


def test_rsa_and_ed25519_sign_side_by_side_and_both_verify(dns: Dns, tmp_path: Path) -> None:
    keys = {"r2026": pem(rsa_key()), "e2026": pem(ed25519.Ed25519PrivateKey.generate())}
    for selector, octets in keys.items():
        publish(dns, selector, octets)
    sources = [Source("acme.test", name, put(tmp_path, name, octets)) for name, octets in keys.items()]
    raw = Signer(sources).sign(MAIL, NOW)
    assert verdicts(dns, raw) == ["dkim=pass d=acme.test"] * 2
    assert raw.endswith(MAIL)
    assert max(map(len, raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 78
    assert raw.count(b"\r\n") == raw.count(b"\n")


def test_the_same_mail_has_the_same_signature_as_long_as_the_key_is_the_same(
    dns: Dns, tmp_path: Path
) -> None:
    file = put(tmp_path, "key", pem(rsa_key()))
    signer = Signer([Source("acme.test", "one", file)])
    first = signer.sign(MAIL, NOW)
    assert signer.sign(MAIL, NOW) == Signer([Source("acme.test", "one", file)]).sign(MAIL, NOW) == first
    other = pem(rsa_key("other"))
    put(tmp_path, "new", other).replace(file)
    publish(dns, "one", other)
    again = signer.sign(MAIL, NOW)
    assert again != first
    assert verdicts(dns, again) == ["dkim=pass d=acme.test"]
    file.write_bytes(b"rubbish")
    os.utime(file, ns=(1, 1))
    assert signer.sign(MAIL, NOW) == again  # a new key that is none is not taken
    file.unlink()
    assert signer.sign(MAIL, NOW) == again


@pytest.mark.parametrize(
    "line",
    [
        b"From: Evil <evil@acme.test>", b"To: x@y.test", b"Cc: x@y.test", b"Subject: Hello", b"Date: x", b"Message-ID: <x@y>",
        b"Reply-To: x@y.test", b"Auto-Submitted: no", b"References: <x@y>", b"In-Reply-To: <x@y>", b"Content-Type: text/plain",
    ],
)  # fmt: skip
def test_no_field_that_counts_can_be_added(dns: Dns, tmp_path: Path, line: bytes) -> None:
    octets = pem(rsa_key())
    publish(dns, "one", octets)
    raw = Signer([Source("acme.test", "one", put(tmp_path, "key", octets))]).sign(MAIL, NOW)
    assert verdicts(dns, raw) == ["dkim=pass d=acme.test"]
    assert "pass" not in "".join(verdicts(dns, line + b"\r\n" + raw))
    assert verdicts(dns, b"Received: from x by y; Mon, 2 Mar 2026 09:00:00 +0000\r\n" + raw) == [
        "dkim=pass d=acme.test"
    ]


@given(text=st.text(max_size=60), subject=st.text(max_size=60))
@settings(max_examples=15, deadline=None)
def test_whatever_is_written_verifies(
    dns: Dns, tmp_path_factory: pytest.TempPathFactory, text: str, subject: str
) -> None:
    octets = b"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"  # RFC 8463 §A.2, wrapped as PKCS#8
    publish(dns, "e", b"-----BEGIN PRIVATE KEY-----\n" + octets + b"\n-----END PRIVATE KEY-----\n")
    file = put(
        tmp_path_factory.getbasetemp(),
        "ed.pem",
        b"-----BEGIN PRIVATE KEY-----\n" + octets + b"\n-----END PRIVATE KEY-----\n",
    )
    mail = write(
        Outgoing(
            from_=Address(subject, "support@acme.test"), to=Address(text, "carla@globex.test"), subject=subject, text=text, html="",
            date=NOW, message_id="<a.b@acme.test>",
        )
    )  # fmt: skip
    assert verdicts(dns, Signer([Source("acme.test", "e", file)]).sign(mail, NOW)) == [
        "dkim=pass d=acme.test"
    ]


def test_the_nearest_domain_of_the_author_signs_and_no_other(tmp_path: Path) -> None:
    key = put(tmp_path, "key", pem(rsa_key()))
    signer = Signer(
        [Source(domain, "s", key) for domain in ("test", "acme.test", "help.acme.test", "cme.test")]
    )

    def signs(author: str) -> list[str]:
        raw = signer.sign(f"From: {author}\r\nSubject: x\r\n\r\nx\r\n".encode(), NOW)
        seen = signed.read(raw)
        assert seen is not None
        return [one.decode().partition("d=")[2].partition(";")[0] for one in seen.values(b"dkim-signature")]

    assert signs("support@acme.test") == ["acme.test"]
    assert signs("Desk <a@x.help.ACME.test>") == ["help.acme.test"]
    assert signs("a@other.example") == []
    assert signs("nobody") == []


def test_it_is_signed_at_the_time_at_which_it_was_queued(tmp_path: Path) -> None:
    signer = Signer([Source("acme.test", "one", put(tmp_path, "key", pem(rsa_key())))])
    assert b"t=%d;" % NOW.timestamp() in signer.sign(MAIL, NOW)
    assert signer.sign(MAIL, NOW + timedelta(seconds=1)) != signer.sign(MAIL, NOW)


# -- keys


def test_the_forms_of_a_key() -> None:
    key, edwards = rsa_key(), ed25519.Ed25519PrivateKey.generate()
    found = signing_keys.read(pem(key))
    assert signing_keys.read(pem(key, PKCS1)) == found
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert found.record == f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    raw = edwards.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    assert signing_keys.read(base64.b64encode(raw) + b"\n") == signing_keys.read(pem(edwards))
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "no private key in PEM"),
        (b"hello\n", "no private key in PEM"),
        (b"x" * 100_000, "too long"),
        (b"\xff\xfe", "no private key in PEM"),
        (pem(rsa_key())[:600] + b"\n-----END PRIVATE KEY-----\n", "no private key in PEM|neither RSA nor"),
        (pem(rsa_key(), password=b"secret"), "takes the passphrase off"),
        (pem(rsa_key(), PKCS1, password=b"secret"), "takes the passphrase off|neither"),
        (pem(rsa_key("small", 1024)).replace(b"PRIVATE", b"PUBLIC"), "a public key, not a private"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    ],
)
def test_what_is_no_key_is_refused_with_a_sentence(octets: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        signing_keys.read(octets)
    with pytest.raises(ConfigError, match=f"the DKIM key of acme.test: .*(?:{says})"):
        Signer([Source("acme.test", "one", put(tmp_path, "key", octets))])


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Signer([Source("acme.test", "one", tmp_path / "none")])


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_no_octets_break_the_reader(octets: bytes) -> None:
    body = base64.b64encode(octets)
    for text in (octets, b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----\n"):
        with suppress(ValueError):
            assert signing_keys.read(text).kind in ("rsa", "ed25519")
