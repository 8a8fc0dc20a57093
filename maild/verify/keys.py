"""Public keys of signers in the DNS (RFC 6376 §3.6.1), and the check of one signed field with one. The arithmetic is dkimpy's."""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dkim
from dkim.crypto import UnparsableKeyError, parse_public_key
from dkim.util import InvalidTagValueList, parse_tag_value

from maild.verify.resolver import Deadline, Resolver
from maild.verify.signed import Field

SMALLEST, LARGEST = 1024, 8192
"""Bits of an RSA modulus: RFC 8301 §3.2 forbids smaller ones, and a giant one would stall us."""
_LARGEST_EXPONENT: Final = 64
_MAX_RECORD: Final = 4096
_PADDED: Final = re.compile(rb"\s{200}")  # dkimpy's expressions need quadratic time for such runs
_SILENT: Final = logging.getLogger("maild.verify.dkimpy")  # it logs every odd mail as an error
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class Invalid(Exception):
    """A signature or key that can never count; the text says why, in words fit for an admin."""


@dataclass(frozen=True, slots=True)
class Key:
    """A usable key. `record` is what dkimpy gets; `testing`: t=y; `exact`: t=s, i= must be of the very domain."""

    kind: str
    record: bytes
    testing: bool
    exact: bool


def tags_of(value: bytes) -> dict[bytes, bytes]:
    """The tags of a signature or key. Raises Invalid."""
    try:
        found: dict[bytes, bytes] = parse_tag_value(value)
    except InvalidTagValueList as error:
        raise Invalid("it cannot be read") from error
    return found


def fetch(selector: str, domain: str, resolver: Resolver, deadline: Deadline) -> Key:
    """The key of a selector. Raises Invalid when there is none that may be used, Unanswered when it is not known."""
    name = f"{selector}._domainkey.{domain}"
    records = [record for record in resolver.txt(name, deadline) if b"p=" in record.replace(b" ", b"")]
    if not records:
        raise Invalid(f"no key {name}")
    if len(records) > 1:  # RFC 6376 §3.6.2.2: what this means is undefined
        raise Invalid(f"several keys {name}")
    return read(records[0])


def read(record: bytes) -> Key:
    """A key record. Raises Invalid."""
    if len(record) > _MAX_RECORD:
        raise Invalid("the key record is too long")
    tags = tags_of(record)
    if tags.get(b"v", b"DKIM1") != b"DKIM1":
        raise Invalid("the key is no DKIM1 key")
    if not _listed(tags.get(b"h", b"sha256"), b"sha256"):
        raise Invalid("the key is not for sha256")
    services = tags.get(b"s", b"*")
    if not (_listed(services, b"*") or _listed(services, b"email")):
        raise Invalid("the key is not for mail")
    octets = b"".join(tags.get(b"p", b"").split())
    if not octets:
        raise Invalid("the key is revoked")
    kind = tags.get(b"k", b"rsa")
    if kind == b"rsa":
        _check_rsa(octets)
    elif kind != b"ed25519" or len(_decoded(octets)) != 32:
        raise Invalid("the key is neither RSA nor Ed25519")
    flags = tags.get(b"t", b"")
    return Key(
        kind.decode("ascii"), b"k=%s; p=%s" % (kind, octets), _listed(flags, b"y"), _listed(flags, b"s")
    )


def _listed(values: bytes, wanted: bytes) -> bool:
    return any(value.strip() == wanted for value in values.split(b":"))


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Invalid("the key is no base64") from error


def _check_rsa(text: bytes) -> None:
    try:
        key: Mapping[str, int] = parse_public_key(_decoded(text))
    except (UnparsableKeyError, AssertionError, IndexError) as error:
        raise Invalid("the key is no RSA key") from error
    bits, exponent = key["modulus"].bit_length(), key["publicExponent"]
    if not SMALLEST <= bits <= LARGEST:
        raise Invalid(f"an RSA key of {bits} bits")
    if exponent < 3 or exponent.bit_length() > _LARGEST_EXPONENT or not exponent & key["modulus"] & 1:
        raise Invalid("no sound RSA key")


def verifies(
    fields: Sequence[Field], signature: Field, tags: Mapping[bytes, bytes], names: Sequence[bytes], key: Key
) -> bool:
    """Whether `signature` was made with `key` over the fields `names` (from the bottom up) and itself. The body is not looked at.

    `tags` are the signature's own. Raises Invalid for what dkimpy refuses.
    """
    if _PADDED.search(signature[1]):
        raise Invalid("it is padded")
    signer: Any = dkim.DKIM(logger=_SILENT, minkey=SMALLEST)
    signer.headers = [list(field) for field in fields]
    needed = {tag: tags[tag] for tag in (b"a", b"c", b"b", b"d", b"s") if tag in tags}
    try:
        return bool(signer.verify_sig(needed, list(names), signature, lambda name, timeout: key.record))
    except (dkim.DKIMException, ValueError, AssertionError) as error:
        raise Invalid("it cannot be checked") from error
