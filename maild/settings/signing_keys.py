"""Private keys that sign mail (DKIM): RSA and Ed25519 as openssl and dkimpy's dknewkey write them. The arithmetic is dkimpy's."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import nacl.signing
from dkim.asn1 import BIT_STRING, INTEGER, SEQUENCE, ASN1FormatError
from dkim.crypto import UnparsableKeyError, parse_private_key

SMALLEST: Final = 1024
"""Bits of an RSA modulus (RFC 8301 §3.2); 2048 is what one makes today."""
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END \1-----")
# RFC 8410 §7: version 0, the algorithm 1.3.101.112, and 32 octets twice wrapped
_ED25519 = bytes.fromhex("302e020100300506032b657004220420")
_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")  # RFC 8017 §A.1: rsaEncryption, NULL
_MOST_OCTETS: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key. `secret` is what dkimpy signs with; `public` is p= of its record in the DNS."""

    kind: Literal["rsa", "ed25519"]
    secret: Any = field(repr=False, compare=False)
    public: str

    @property
    def record(self) -> str:
        """What stands in the DNS under SELECTOR._domainkey.DOMAIN, as TXT (RFC 6376 §3.6.1, RFC 8463 §4.2)."""
        return f"v=DKIM1; k={self.kind}; p={self.public}"


def read(octets: bytes) -> SigningKey:
    """The key in a file: PEM (PKCS#1, PKCS#8), or 32 octets of Ed25519 in base64. Raises ValueError, whose text holds nothing of it."""
    if len(octets) > _MOST_OCTETS:
        raise ValueError("it is too long to be a private key")
    if b"ENCRYPTED" in octets:
        raise ValueError(
            "its private key is encrypted: openssl pkey -in FILE -out FILE takes the passphrase off"
        )
    found = _PEM.search(octets)
    if found is None:
        return _ed25519(_decoded(octets), "it is no private key in PEM")
    if b"PRIVATE" not in found[1]:
        raise ValueError(f"it holds a {found[1].decode('ascii').lower()}, not a private key")
    der = _decoded(found[2])
    if der.startswith(_ED25519):
        return _ed25519(der[len(_ED25519) :], "its Ed25519 key is damaged")
    return _rsa(der)


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise ValueError("it is no private key in PEM") from None


def _ed25519(seed: bytes, otherwise: str) -> SigningKey:
    if len(seed) != 32:
        raise ValueError(otherwise)
    secret = nacl.signing.SigningKey(seed)
    return SigningKey("ed25519", secret, base64.b64encode(bytes(secret.verify_key)).decode("ascii"))


def _rsa(der: bytes) -> SigningKey:
    try:
        secret: Mapping[str, int] = parse_private_key(der)
    except (UnparsableKeyError, ASN1FormatError, AssertionError, IndexError, TypeError):
        raise ValueError("its private key is neither RSA nor Ed25519") from None
    if secret["modulus"].bit_length() < SMALLEST:
        raise ValueError(
            f"an RSA key of {secret['modulus'].bit_length()} bits is believed by nobody: 2048 it should have"
        )
    if secret["prime1"] * secret["prime2"] != secret["modulus"]:
        raise ValueError("its RSA key is damaged")
    numbers = _der(SEQUENCE, _number(secret["modulus"]) + _number(secret["publicExponent"]))
    public = _der(SEQUENCE, _RSA_ALGORITHM + _der(BIT_STRING, b"\0" + numbers))
    return SigningKey("rsa", secret, base64.b64encode(public).decode("ascii"))


def _number(value: int) -> bytes:
    return _der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    """X.690 §8.1. dkimpy's encoder knows no long contents, numbers or bit strings."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
