"""Until when a certificate is good (RFC 5280 §4.1.2.5), read out of its DER: more of it nobody asks here."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from maild.doctoring.findings import Finding, fault, misconfigured, ok, warning

SOON: Final = timedelta(days=14)
_SEQUENCE, _CONTEXT_0, _UTC_TIME, _GENERALIZED = 0x30, 0xA0, 0x17, 0x18
_PEM_END: Final = "-----END CERTIFICATE-----"


def not_after(der: bytes) -> datetime:
    """When it ends. Raises ValueError for what is no certificate."""
    certificate = next(_parts(der))[1]
    fields = list(_parts(next(_parts(certificate))[1]))
    if fields and fields[0][0] == _CONTEXT_0:  # the version, which old ones lack
        fields = fields[1:]
    if len(fields) < 4 or fields[3][0] != _SEQUENCE:
        raise ValueError("no certificate")
    _, (kind, text) = _parts(fields[3][1])
    digits = text.decode("ascii")
    if kind == _UTC_TIME:  # RFC 5280 §4.1.2.5.1: years from 50 on are of the last century
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    elif kind != _GENERALIZED:
        raise ValueError("no time")
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _parts(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of each value. ValueError when they do not add up."""
    at = 0
    while at < len(octets):
        if at + 2 > len(octets):
            raise ValueError("cut off")
        tag, size, at = octets[at], octets[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(octets[at : at + count], "big"), at + count
        if at + size > len(octets):
            raise ValueError("cut off")
        yield tag, octets[at : at + size]
        at += size


def judged(part: str, what: str, der: bytes, now: datetime, renew: str) -> Finding:
    """How long it is good for; `renew` says what to do when that is soon over."""
    try:
        end = not_after(der)
    except (ValueError, StopIteration, UnicodeDecodeError):
        return warning(part, what, "its certificate cannot be read", renew)
    left = end - now
    if left <= timedelta(0):
        return fault(part, what, f"the certificate ended on {end:%Y-%m-%d}", renew)
    says = f"the certificate is good for {left.days} days, until {end:%Y-%m-%d}"
    return warning(part, what, says, renew) if left < SOON else ok(part, what, says)


def of_file(part: str, what: str, file: Path, now: datetime) -> Finding:
    """The first certificate of a PEM file, which is the listener's own."""
    try:
        text = file.read_text("ascii", "replace")
        first = text[text.index("-----BEGIN CERTIFICATE-----") : text.index(_PEM_END) + len(_PEM_END)]
        der = ssl.PEM_cert_to_DER_cert(first)
    except OSError as error:
        return misconfigured(
            part, what, f"{file} cannot be read: {error.strerror}", "let the daemon's user read it"
        )
    except ValueError:
        return misconfigured(
            part, what, f"{file} holds no certificate in PEM", "put the certificate with its chain there"
        )
    return judged(part, what, der, now, f"renew {file}, then reload (SIGHUP)")
