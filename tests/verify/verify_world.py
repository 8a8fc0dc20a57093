"""A DNS on loopback, keys, and mails that are really signed."""

from __future__ import annotations

import base64
import functools
import socket
import threading
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import dkim
import nacl.signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dnslib import AAAA, CNAME, MX, PTR, QTYPE, RCODE, RR, TXT, A, DNSRecord

from maild.desk.facts import Envelope
from maild.verify.resolver import Resolver
from maild.verify.verifier import Verifier

NOW = datetime.now(UTC)  # what dkimpy signs bears the time of its own clock
DATA = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "PTR": PTR}


class Dns:
    """Answers what is in `zone`: (name, type) to texts. Says nothing to names in `silent`, SERVFAIL to those in `failing`,
    these octets to those in `garbled`."""

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], list[Any]] = {}
        self.silent: set[str] = set()
        self.failing: set[str] = set()
        self.garbled: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.ttl = 60
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def clear(self) -> None:
        for one in (self.zone, self.silent, self.failing, self.garbled, self.asked):
            one.clear()
        self.ttl = 60

    def txt(self, name: str, *texts: str | bytes) -> None:
        self.zone[name, "TXT"] = [text.encode() if isinstance(text, str) else text for text in texts]

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def resolver(self, **options: Any) -> Resolver:
        return Resolver([("127.0.0.1", self.port)], **options)

    def _serve(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(65535)
            if not data:
                return
            request = DNSRecord.parse(data)
            name, kind = str(request.q.qname).lower().removesuffix("."), QTYPE[request.q.qtype]
            self.asked[f"{kind} {name}"] += 1
            if name in self.garbled:
                self._socket.sendto(data[:2] + self.garbled[name], peer)
            elif name not in self.silent:
                self._socket.sendto(self._reply(request, name, kind).pack(), peer)

    def _reply(self, request: DNSRecord, name: str, kind: str) -> DNSRecord:
        reply = request.reply()
        alias = self.zone.get((name, "CNAME"))
        if alias:
            reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(alias[0]), ttl=self.ttl))
            name = alias[0]
        if name in self.failing:
            reply.header.rcode = RCODE.SERVFAIL
        elif not any(known == name for known, _ in self.zone):
            reply.header.rcode = RCODE.NXDOMAIN
        for value in self.zone.get((name, kind), ()):
            reply.add_answer(RR(name, request.q.qtype, rdata=_data(kind, value), ttl=self.ttl))
        return reply


def _data(kind: str, value: Any) -> Any:
    if kind == "TXT":
        return TXT([value[at : at + 255] for at in range(0, len(value), 255)] or [b""])
    if kind == "MX":
        return MX(value[1], value[0])
    return DATA[kind](value)


@functools.cache
def rsa_key(bits: int = 2048) -> tuple[bytes, str]:
    """(private key in PEM, what stands in p=)."""
    key = rsa.generate_private_key(65537, bits)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, base64.b64encode(public).decode()


@functools.cache
def ed_key() -> tuple[bytes, str]:
    key = nacl.signing.SigningKey.generate()
    return base64.b64encode(bytes(key)), base64.b64encode(bytes(key.verify_key)).decode()


def mail(
    sender: str = "ana@acme.test", subject: str = "Printer", body: str = "It burns.\r\n", **more: str
) -> bytes:
    """A mail with CRLF; `more` are further fields, with _ for -."""
    fields = {
        "From": sender,
        "To": "support@desk.test",
        "Subject": subject,
        "Date": "Mon, 02 Mar 2026 10:00:00 +0100",
        "Message-ID": "<1@acme.test>",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return ("".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n" + body).encode()


def signed(raw: bytes, domain: str = "acme.test", selector: str = "sel", **options: Any) -> bytes:
    """The mail with a DKIM signature above it. `options` are those of dkimpy's sign."""
    key = options.pop("key", None) or rsa_key()[0]
    names = options.pop("names", None)
    signer = dkim.DKIM(raw, signature_algorithm=options.pop("algorithm", b"rsa-sha256"))
    include = [name.encode() for name in names] if names else None
    header: bytes = signer.sign(selector.encode(), domain.encode(), key, include_headers=include, **options)
    return header + raw


def resigned(raw: bytes, tags: Iterable[tuple[str, str]], domain: str = "acme.test", **options: Any) -> bytes:
    """A signature with further tags, which dkimpy would not write: they are put into the field before it is signed."""
    extra = "".join(f"{name}={value}; " for name, value in tags)
    signer = _Tagged(raw)
    signer.extra = extra.encode()
    return bytes(signer.sign(b"sel", domain.encode(), rsa_key()[0], **options)) + raw


class _Tagged(dkim.DKIM):
    extra = b""

    def gen_header(self, fields: Any, *args: Any, **options: Any) -> Any:
        first = [(name, value) for name, value in fields if (name + b"=") not in self.extra]
        more = [tuple(one.strip().split(b"=", 1)) for one in self.extra.split(b";") if one.strip()]
        fields[:] = [*first[:-1], *more, first[-1]]
        return super().gen_header(fields, *args, **options)


def publish(dns: Dns, domain: str = "acme.test", policy: str | None = "v=DMARC1; p=reject", spf: str | None = None, flags: str = "") -> None:  # fmt: skip
    """A key for selector `sel`, a DMARC policy, an SPF record."""
    dns.txt(f"sel._domainkey.{domain}", f"v=DKIM1; k=rsa; {flags}p={rsa_key()[1]}")
    if policy is not None:
        dns.txt(f"_dmarc.{domain}", policy)
    if spf is not None:
        dns.txt(domain, spf)


def envelope(**changes: Any) -> Envelope:
    values: dict[str, Any] = {
        "sender": "bounce@elsewhere.test",
        "recipients": ("support@desk.test",),
        "route": "smtp",
        "peer": "203.0.113.9",
        "received_at": NOW,
        "helo": "mail.elsewhere.test",
    }
    return Envelope(**values | changes)


def verifier(dns: Dns, *sealers: str, seconds: float = 10.0, query_seconds: float = 4.0) -> Verifier:
    return Verifier(dns.resolver(query_seconds=query_seconds), frozenset(sealers), lambda: NOW, seconds)


def sealed(raw: bytes, domain: str, results: str) -> bytes:
    """The mail as a sealer passes it on who found these results: an ARC set above it (selector `sel`)."""
    found = b"Authentication-Results: %s; %s\r\n" % (domain.encode(), results.encode())
    lines = dkim.arc_sign(found + raw, b"sel", domain.encode(), rsa_key()[0], domain.encode(), [b"from", b"to", b"subject"])  # fmt: skip
    assert lines
    return b"".join(lines) + raw
