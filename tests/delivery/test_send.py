"""The sender against a real SMTP server on loopback that misbehaves on demand."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from maild.delivery import send
from maild.delivery.send import Outcome, Relay, Sender
from tests.hangup import hang_up

RAW = b"From: desk@acme.test\r\nSubject: x\r\n\r\n.dot\r\nend\r\n"


class Sink:
    """Takes mail; the local part of the recipient says how to behave."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, bytes, list[str]]] = []
        self.sessions: list[Any] = []
        self.release = asyncio.Event()
        self.hanging = asyncio.Event()

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, lines: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.sessions.append(server)
        return lines

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address == "refused@acme.test":
            return "550 5.7.1 not you"
        if address == "untrusted@acme.test":
            return "530 5.7.0 authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        match address.partition("@")[0]:
            case "nobody":
                return "550 5.1.1 no such\tuser"
            case "full":
                return "452 4.2.2 mailbox full"
            case "big":
                return "552 5.3.4 too big"
            case "garbage":
                return "hello there"
            case "hang":
                self.hanging.set()
                await self.release.wait()
            case "hangup":
                hang_up(server.transport)
            case "bye":
                return "421 4.3.2 shutting down"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append((envelope.mail_from, envelope.rcpt_tos[0], envelope.content, envelope.mail_options))
        match envelope.rcpt_tos[0].partition("@")[0]:
            case "spam":
                return "554 5.7.1 spam"
            case "busy":
                return "451 4.3.0 busy"
            case "drop":
                hang_up(server.transport)
            case "silent":
                await self.release.wait()
            case "garble":
                return "what?"
        return "250 2.0.0 queued"


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    yield sink
    sink.release.set()
    for server in sink.sessions:
        if server.transport is not None:
            hang_up(server.transport)
    for _ in range(3):
        await asyncio.sleep(0)


@asynccontextmanager
async def listening(sink: Sink, path: str | None = None, **options: Any) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    options = {"hostname": "sink.test", "loop": loop, "enable_SMTPUTF8": True, **options}
    implicit = options.pop("ssl", None)

    def make() -> SMTP:
        return SMTP(sink, **options)

    if path:
        server = await loop.create_unix_server(make, path)
    else:
        server = await loop.create_server(make, "127.0.0.1", 0, ssl=implicit)
    try:
        yield f"unix:{path}" if path else f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def relay(address: str, **more: Any) -> Relay:
    return Relay(address, **{"tls": "none", "hostname": "desk.acme.test", "timeout": 5, **more})


async def test_a_mail_arrives_with_the_same_bytes(sink: Sink) -> None:
    async with listening(sink) as address:
        sender = Sender(relay(address))
        outcome = await sender.send(RAW, "desk+b@acme.test", "carla@bücher.test")
        await sender.close()
    assert outcome == Outcome("sent", "250 2.0.0 queued", "2.0.0")
    assert sink.got[0][:3] == ("desk+b@acme.test", "carla@xn--bcher-kva.test", RAW)
    assert f"SIZE={len(RAW)}" in sink.got[0][3]


async def test_the_null_sender(sink: Sink) -> None:
    async with listening(sink) as address:
        sender = Sender(relay(address))
        assert (await sender.send(RAW, "", "carla@globex.test")).kind == "sent"
        await sender.close()
    assert sink.got[0][0] in ("", "<>")


async def test_a_unix_socket(sink: Sink, tmp_path: Path) -> None:
    async with listening(sink, str(tmp_path / "s")) as address:
        sender = Sender(relay(address))
        assert (await sender.send(RAW, "", "carla@globex.test")).kind == "sent"
        await sender.close()


@pytest.mark.parametrize(
    ("sender", "recipient", "expected"),
    [
        ("d@acme.test", "nobody@x.test", Outcome("failed", "550 5.1.1 no such user", "5.1.1")),
        ("d@acme.test", "full@x.test", Outcome("later", "452 4.2.2 mailbox full", "4.2.2")),
        ("d@acme.test", "big@x.test", Outcome("failed", "552 5.3.4 too big", "5.3.4")),
        ("d@acme.test", "spam@x.test", Outcome("failed", "554 5.7.1 spam", "5.7.1")),
        ("d@acme.test", "busy@x.test", Outcome("later", "451 4.3.0 busy", "4.3.0")),
        ("d@acme.test", "bye@x.test", Outcome("later", "421 4.3.2 shutting down", "4.3.2")),
        ("refused@acme.test", "a@x.test", Outcome("failed", "550 5.7.1 not you", "5.7.1")),
        (
            "untrusted@acme.test",
            "a@x.test",
            Outcome("later", "530 5.7.0 authentication required", "5.7.0"),
        ),
    ],
)
async def test_refusals_are_told_apart_and_the_next_mail_goes_on(
    sink: Sink, sender: str, recipient: str, expected: Outcome
) -> None:
    async with listening(sink) as address:
        sending = Sender(relay(address, connections=1))
        assert await sending.send(RAW, sender, recipient) == expected
        assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        await sending.close()


@pytest.mark.parametrize(
    ("recipient", "kind"),
    [
        ("drop@x.test", "unknown"),
        ("garble@x.test", "unknown"),
        ("hangup@x.test", "later"),
        ("garbage@x.test", "later"),
    ],
)
async def test_a_lost_connection_is_unknown_only_after_the_dot(sink: Sink, recipient: str, kind: str) -> None:
    async with listening(sink) as address:
        sending = Sender(relay(address, connections=1))
        for _ in range(2):  # on a fresh connection, then on a kept one
            assert (await sending.send(RAW, "d@acme.test", recipient)).kind == kind
            assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        await sending.close()
    delivered = [to for _, to, _, _ in sink.got if to == recipient]
    assert len(delivered) == (2 if kind == "unknown" else 0), (
        "a mail handed over is never sent again by itself"
    )


async def test_silence_ends(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "DATA_PATIENCE", 1)
    async with listening(sink) as address:
        sending = Sender(relay(address, timeout=0.2))
        assert (await sending.send(RAW, "d@acme.test", "hang@x.test")).kind == "later"
        assert (await sending.send(RAW, "d@acme.test", "silent@x.test")).kind == "unknown"
        await sending.close()


async def test_cancelling_frees_the_slot(sink: Sink) -> None:
    async with listening(sink) as address:
        sending = Sender(relay(address, connections=1))
        task = asyncio.create_task(sending.send(RAW, "d@acme.test", "hang@x.test"))
        await sink.hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        await sending.close()


async def test_a_connection_is_kept_and_a_closed_one_replaced(sink: Sink) -> None:
    async with listening(sink) as address:
        sending = Sender(relay(address, connections=1))
        for _ in range(3):
            await sending.send(RAW, "d@acme.test", "carla@x.test")
        assert len(sink.sessions) == 1
        hang_up(sink.sessions[0].transport)  # the sender has not noticed yet
        assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        assert len(sink.sessions) == 2
        await asyncio.sleep(0)
        hang_up(sink.sessions[1].transport)
        await asyncio.sleep(0.05)  # now it has
        assert (await sending.send(RAW, "d@acme.test", "carla@x.test")).kind == "sent"
        await sending.close()
    assert len(sink.got) == 5


async def test_connections_are_given_up_after_idling_and_after_many_uses(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(sink) as address:
        monkeypatch.setattr(send, "USES_MAX", 2)
        sending = Sender(relay(address, connections=1))
        for _ in range(4):
            await sending.send(RAW, "d@acme.test", "carla@x.test")
        assert len(sink.sessions) == 2
        monkeypatch.setattr(send, "IDLE_SECONDS", 0)
        await sending.send(RAW, "d@acme.test", "carla@x.test")
        assert len(sending._idle) == 1
        await asyncio.sleep(0.01)
        assert not sending._idle
        await sending.close()


async def test_few_connections_serve_many_mails(sink: Sink) -> None:
    async with listening(sink) as address:
        sending = Sender(relay(address, connections=3))
        outcomes = await asyncio.gather(*(sending.send(RAW, "", f"p{n}@x.test") for n in range(40)))
        await sending.close()
    assert {outcome.kind for outcome in outcomes} == {"sent"}
    assert {to for _, to, _, _ in sink.got} == {f"p{n}@x.test" for n in range(40)}
    assert len(sink.sessions) <= 3


async def test_nobody_listens(tmp_path: Path) -> None:
    for address in (f"unix:{tmp_path}/none", "127.0.0.1:1"):
        outcome = await Sender(relay(address)).send(RAW, "", "a@x.test")
        assert outcome.kind == "later"
        assert outcome.text.startswith("no connection to the relay: ")


async def test_a_mail_bigger_than_announced_is_not_even_offered(sink: Sink) -> None:
    async with listening(sink, data_size_limit=1000) as address:
        sending = Sender(relay(address))
        outcome = await sending.send(RAW + b"x" * 1000, "", "a@x.test")
        assert outcome == Outcome(
            "failed",
            f"552 5.3.4 the relay takes at most 1000 octets, this mail has {len(RAW) + 1000}",
            "5.3.4",
        )
        assert (await sending.send(RAW, "", "a@x.test")).kind == "sent"
        await sending.close()


@pytest.mark.parametrize("offered", [True, False])
async def test_letters_beyond_ascii_in_an_address(sink: Sink, offered: bool) -> None:
    async with listening(sink, enable_SMTPUTF8=offered) as address:
        sending = Sender(relay(address))
        outcome = await sending.send("To: <jörg@x.test>\r\n\r\nx\r\n".encode(), "d@acme.test", "jörg@x.test")
        await sending.close()
    assert (outcome.kind, outcome.status) == (("sent", "2.0.0") if offered else ("failed", "5.6.7"))
    if offered:
        assert sink.got[0][1] == "jörg@x.test"
        assert "SMTPUTF8" in sink.got[0][3]


@pytest.mark.parametrize(
    "recipient", ["a@x.test>\r\nRCPT TO:<evil@x.test", "", "a", "@x.test", "a@", "a@x.test\nb"]
)
async def test_what_is_no_address_is_not_sent(sink: Sink, recipient: str) -> None:
    async with listening(sink) as address:
        sending = Sender(relay(address))
        outcome = await sending.send(RAW, "", recipient)
        strange = await sending.send(RAW, "", 'a> SIZE=1 "<@x.test')
        await sending.close()
    assert (outcome.kind, outcome.status) == ("failed", "5.1.3")
    assert strange.kind != "later"
    assert all(to == '"a> SIZE=1 \\"<"@x.test' for _, to, _, _ in sink.got)


def test_addresses_of_relays() -> None:
    for wrong in ("acme.test", ":25", "acme.test:smtp"):
        with pytest.raises(ValueError, match="neither"):
            Sender(relay(wrong))
    assert "geheim" not in repr(relay("a:1", user="u", password="geheim"))


# --- log-in and TLS


class Certificate:
    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = dt.datetime.now(dt.UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = folder / "cert.pem"
        self.file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
        key_file = folder / "key.pem"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(self.file, key_file)


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
        sending = Sender(relay(address.replace("127.0.0.1", "localhost"), tls=tls, ca_file=ca_file))
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
        sending = Sender(relay(address, tls="opportunistic", user="desk", password=password))
        outcome = await sending.send(RAW, "", "a@x.test")
        await sending.close()
    if password == "right":
        assert outcome.kind == "sent"
    else:
        assert outcome == Outcome(
            "later", "the relay refused our log-in: 535 5.7.8 Authentication credentials invalid", "5.7.8"
        )
