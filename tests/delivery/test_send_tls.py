"""The sender's log-in and its encryption."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from maild.delivery import send
from maild.delivery.opening import Place
from maild.delivery.outcome import Outcome
from maild.delivery.send import Sender
from maild.errors import ConfigError, Problem
from tests.delivery.raw_relay import RawRelay
from tests.delivery.sink import RAW, Certificate, Sink, listening, relay
from tests.hangup import hang_up


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(
    ("offer", "tls", "known", "kind", "text"),
    [
        ("starttls", "opportunistic", False, "sent", ""),
        ("starttls", "required", False, "later", "CERTIFICATE_VERIFY_FAILED"),
        ("starttls", "required", True, "sent", ""),
        ("nothing", "opportunistic", False, "sent", ""),
        ("nothing", "required", True, "later", "STARTTLS"),
        ("implicit", "implicit", True, "sent", ""),
        ("implicit", "implicit", False, "later", "CERTIFICATE_VERIFY_FAILED"),
    ],
)
async def test_encryption(
    sink: Sink, certificate: Certificate, offer: str, tls: str, known: bool, kind: str, text: str
) -> None:
    options: dict[str, Any] = {
        "starttls": {"tls_context": certificate.context},
        "implicit": {"ssl": certificate.context},
    }.get(offer, {})
    async with listening(sink, **options) as address:
        ca_file = str(certificate.file) if known else None
        sending = Sender([relay(address.replace("127.0.0.1", "localhost"), tls=tls, ca_file=ca_file)])
        outcome = await sending.send(RAW, "", "a@x.test")
        encrypted = (
            bool(sink.sessions) and sink.sessions[-1].transport.get_extra_info("sslcontext") is not None
        )
        await sending.close()
    assert outcome.kind == kind
    assert text in outcome.text
    if kind == "sent":
        assert encrypted == (offer != "nothing")
    else:
        assert not sink.got


@pytest.mark.parametrize("password", ["right", "wrong"])
async def test_log_in(sink: Sink, certificate: Certificate, password: str) -> None:
    def authenticator(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right", handled=False)

    async with listening(
        sink, authenticator=authenticator, auth_required=True, tls_context=certificate.context
    ) as address:
        sending = Sender([relay(address, tls="opportunistic", user="desk", password=lambda: password)])
        outcome = await sending.send(RAW, "", "a@x.test")
        await sending.close()
    if password == "right":
        assert outcome.kind == "sent"
    else:
        assert outcome == Outcome(
            "later",
            "the relay refused our log-in: 535 5.7.8 Authentication credentials invalid",
            "5.7.8",
            "relay",
        )


@pytest.mark.parametrize(
    ("offers", "in_clear", "mechanism"),
    [
        (("AUTH PLAIN LOGIN",), False, None),
        (("AUTH CRAM-MD5 PLAIN",), False, "AUTH CRAM-MD5"),
        (("AUTH PLAIN",), True, "AUTH PLAIN"),
        (("AUTH LOGIN",), True, "AUTH LOGIN"),
        ((), True, None),
    ],
)
async def test_no_password_crosses_the_network_in_clear_unless_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, offers: tuple[str, ...], in_clear: bool, mechanism: str | None
) -> None:
    def answers(_session: Any, line: str) -> bytes | None:
        if line in ("AUTH CRAM-MD5", "AUTH LOGIN ZGVzaw=="):
            return b"334 PDFAcmF3LnRlc3Q+"
        return b"235 2.7.0 welcome" if line.startswith("AUTH PLAIN") or "=" in line else None

    monkeypatch.setattr(Place, "local", False)
    async with RawRelay(offers=offers, answers=answers).listening() as raw:
        sending = Sender([relay(raw.address, user="desk", password=lambda: "hush", in_clear=in_clear)])
        outcome = await sending.send(RAW, "d@acme.test", "a@x.test")
        await sending.close()
    said = [line for line in raw.lines if line.startswith("AUTH")]
    if mechanism is None:
        assert (outcome.kind, outcome.of, said) == ("later", "relay", [])
    else:
        assert outcome.kind == "sent"
        assert said[0].startswith(mechanism)
    hushed = base64.b64encode(b"\0desk\0hush").decode()
    assert any(hushed in line or line == "aHVzaA==" for line in raw.lines) == (
        in_clear and mechanism is not None
    )


async def test_a_password_is_read_anew_and_a_refused_log_in_is_not_hammered(tmp_path: Path) -> None:
    clock, reads = [0.0], []
    file = tmp_path / "password"
    file.write_text("old")

    def password() -> str:
        reads.append(clock[0])
        return file.read_text()

    def answers(_session: Any, line: str) -> bytes | None:
        if line.startswith("AUTH"):
            right = base64.b64encode(b"\0desk\0new").decode() in line
            return b"235 2.7.0 welcome" if right else b"535 5.7.8 no"
        return None

    async with (
        RawRelay(offers=("AUTH PLAIN",), answers=answers).listening() as first,
        RawRelay().listening() as second,
    ):
        relays = [relay(first.address, user="desk", password=password), relay(second.address)]
        sending = Sender(relays, now=lambda: clock[0])
        for _ in range(3):
            assert (await sending.send(RAW, "d@acme.test", "a@x.test")).kind == "sent"
        assert (len(second.mails), reads) == (3, [0.0])  # the next relay took them
        file.write_text("new")
        clock[0] = send.LOCKED_SECONDS[0]
        assert (await sending.send(RAW, "d@acme.test", "a@x.test")).kind == "sent"
        assert (len(first.mails), len(second.mails)) == (1, 3)
        await sending.close()


async def test_a_password_that_cannot_be_read_is_a_matter_of_later(sink: Sink) -> None:
    def missing() -> str:
        raise ConfigError([Problem("relay.password", 0, 0, "the password cannot be read: gone")])

    async with listening(sink) as address:
        sending = Sender([relay(address, user="desk", password=missing)])
        outcome = await sending.send(RAW, "", "a@x.test")
        await sending.close()
    assert (outcome.kind, outcome.of) == ("later", "relay")
    assert "the password cannot be read: gone" in outcome.text


async def test_a_relay_that_changes_its_certificate_is_believed_when_it_is_known(
    sink: Sink, certificate: Certificate, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    other, clock = Certificate(tmp_path / "new"), [0.0]
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(certificate.file.read_bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.file, certificate.file.with_name("key.pem"))
    async with listening(sink, tls_context=context) as address:
        place = address.replace("127.0.0.1", "localhost")
        sending = Sender([relay(place, tls="required", ca_file=str(trusted))], now=lambda: clock[0])
        assert (await sending.send(RAW, "", "a@x.test")).kind == "sent"
        context.load_cert_chain(other.file, other.file.with_name("key.pem"))
        hang_up(sink.sessions[-1].transport)
        await asyncio.sleep(0.05)
        refused = await sending.send(RAW, "", "a@x.test")
        assert (refused.kind, refused.of) == ("later", "relay")
        assert "CERTIFICATE_VERIFY_FAILED" in refused.text
        trusted.write_bytes(other.file.read_bytes())
        os.utime(trusted, ns=(1, 1))
        clock[0] = send.AWAY_SECONDS[0]
        assert (await sending.send(RAW, "", "a@x.test")).kind == "sent"
        await sending.close()


@pytest.mark.parametrize(("tls", "kind"), [("opportunistic", "sent"), ("required", "later")])
@pytest.mark.parametrize("reply", [b"454 4.7.0 no TLS just now", b"220 go\r\nnot TLS at all"])
async def test_encryption_that_fails_is_done_without_only_where_none_was_asked_for(
    tls: Any, kind: str, reply: bytes
) -> None:
    def answers(_session: Any, line: str) -> bytes | None:
        return reply if line == "STARTTLS" else None

    async with RawRelay(offers=("STARTTLS",), answers=answers).listening() as raw:
        sending = Sender([relay(raw.address, tls=tls)])
        assert (await sending.send(RAW, "", "a@x.test")).kind == kind
        await sending.close()
    assert len(raw.mails) == (kind == "sent")
