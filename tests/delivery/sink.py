"""A real SMTP server on loopback that misbehaves on demand, and certificates for it."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from maild.delivery.opening import Relay
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
