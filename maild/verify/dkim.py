"""DKIM signatures (RFC 6376, RFC 8301, RFC 8463) that could speak for the author's domain.

dkimpy does the arithmetic. What stands around it is ours: dkimpy takes rsa-sha1 and keys of every size, takes silence of the DNS for a
bad signature, ignores flags of keys, looks at its own clock with ten hours of leeway, and needs quadratic time for bodies full of blanks.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from maild.verify import keys
from maild.verify.domains import aligned, ascii_domain
from maild.verify.keys import Invalid
from maild.verify.resolver import Deadline, Resolver, Unanswered
from maild.verify.signed import Field, Signed

MOST: Final = 10
"""Signatures of one mail that are checked."""
_ALGORITHMS: Final = {b"rsa-sha256": "rsa", b"ed25519-sha256": "ed25519"}  # RFC 8301 §3.1: no sha1
_CANONICAL: Final = {b"simple": False, b"relaxed": True}
_MAX_FIELD: Final = 8192
_MAX_NAMES: Final = 200
_MAX_SIGNATURE: Final = 2048
_SELECTOR: Final = re.compile(rb"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,200}[A-Za-z0-9_])?")
_NUMBER: Final = re.compile(rb"[0-9]{1,12}")
_LATE: Final = timedelta(minutes=5)
_EARLY: Final = timedelta(days=1)  # t= only informs (RFC 6376 §3.5): a wrong clock makes nobody a forger


@dataclass(frozen=True, slots=True)
class Signature:
    """What became of one, in the words of RFC 8601 §2.7.1: `result` is pass, fail, policy (it verifies, but is no proof to us),
    temperror or permerror; `domain` is d=; `why` says what is wrong."""

    domain: str
    result: str
    why: str = ""

    def __str__(self) -> str:
        return f"dkim={self.result} d={self.domain}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature as it is written, checked as far as it can be without key and body."""

    field: Field
    tags: Mapping[bytes, bytes]
    domain: str
    selector: str
    names: tuple[bytes, ...]
    relaxed: bool
    length: int | None
    identity: str
    """The domain of i=, that of d= when there is none."""


def check(
    signed: Signed, author: str, arrived: datetime, resolver: Resolver, deadline: Deadline
) -> tuple[Signature, ...]:
    """The signatures of domains that align with `author`, at most ten; others prove nothing and are not looked up.

    `arrived`: the moment at which the signatures must be valid.
    """
    found = []
    for value in _relevant(signed, author):
        field = (b"DKIM-Signature", value)
        domain = _domain(value)
        try:
            claim = read(field, arrived)
            found.append(_judged(claim, signed, resolver, deadline))
        except Invalid as fault:
            found.append(Signature(domain, "permerror", str(fault)))
        except Unanswered as fault:
            found.append(Signature(domain, "temperror", str(fault)))
    return tuple(found)


def _relevant(signed: Signed, author: str) -> Iterator[bytes]:
    left = MOST
    for value in signed.values(b"dkim-signature"):
        domain = _domain(value)
        if left and domain and aligned(domain, author, strict=False):
            left -= 1
            yield value


def _domain(value: bytes) -> str:
    if len(value) > _MAX_FIELD:
        return ""
    try:
        return ascii_domain(keys.tags_of(value).get(b"d", b"").decode("utf-8", "replace")) or ""
    except Invalid:
        return ""


def read(field: Field, arrived: datetime, *, instance: bytes | None = None) -> Claim:
    """A DKIM-Signature (RFC 6376 §3.5), or the ARC-Message-Signature of this `instance` (RFC 8617 §4.1.2). Raises Invalid."""
    if len(field[1]) > _MAX_FIELD:
        raise Invalid("it is too long")
    tags = keys.tags_of(field[1])
    missing = [tag.decode() for tag in (b"a", b"b", b"bh", b"d", b"h", b"s") if not tags.get(tag)]
    if missing:
        raise Invalid(f"{missing[0]}= is missing")
    if instance is None and tags.get(b"v") != b"1":
        raise Invalid("it is not of version 1")
    domain, selector = place_of_key(tags)
    names = tuple(name.strip().lower() for name in tags[b"h"].split(b":"))
    if b"from" not in names or len(names) > _MAX_NAMES:  # RFC 6376 §5.4
        raise Invalid("From is not signed")
    relaxed = _relaxed_body(tags)
    _check_times(tags, arrived)
    identity = _identity(tags, domain) if instance is None else domain  # in ARC i= is the number of the set
    length = tags.get(b"l")
    if length is not None and not _NUMBER.fullmatch(length):
        raise Invalid("l= is no length")
    size = None if length is None else int(length)
    return Claim(field, tags, domain, selector, names, relaxed, size, identity)


def place_of_key(tags: Mapping[bytes, bytes]) -> tuple[str, str]:
    """(domain, selector) of the key that made a signature whose algorithm and size may count. Raises Invalid."""
    if tags.get(b"a") not in _ALGORITHMS:
        raise Invalid("its algorithm is none that counts")
    if len(tags[b"b"]) > _MAX_SIGNATURE:
        raise Invalid("it is too long")
    domain = ascii_domain(tags[b"d"].decode("utf-8", "replace"))
    if domain is None or not _SELECTOR.fullmatch(tags[b"s"]):
        raise Invalid("d= or s= is no name")
    if tags.get(b"q", b"dns/txt") != b"dns/txt":
        raise Invalid("its key is not in the DNS")
    return domain, tags[b"s"].decode("ascii")


def _relaxed_body(tags: Mapping[bytes, bytes]) -> bool:
    """Whether c= asks for the relaxed form of the body. Raises Invalid."""
    header, _, body = tags.get(b"c", b"simple/simple").partition(b"/")
    if header not in _CANONICAL or (body or b"simple") not in _CANONICAL:
        raise Invalid("c= is unknown")
    return _CANONICAL[body or b"simple"]


def _check_times(tags: Mapping[bytes, bytes], arrived: datetime) -> None:
    times = {tag: tags[tag] for tag in (b"t", b"x") if tag in tags}
    if not all(_NUMBER.fullmatch(value) for value in times.values()):
        raise Invalid("t= or x= is no time")
    if b"x" in times and int(times[b"x"]) < (arrived - _LATE).timestamp():
        raise Invalid("it has expired")
    if b"t" in times and int(times[b"t"]) > (arrived + _EARLY).timestamp():
        raise Invalid("it was made in the future")


def _identity(tags: Mapping[bytes, bytes], domain: str) -> str:
    """The domain of i=, which is that of d= or one below it (RFC 6376 §3.5). Raises Invalid."""
    if b"i" not in tags:
        return domain
    identity = ascii_domain(tags[b"i"].rpartition(b"@")[2].decode("utf-8", "replace"))
    if identity is None or not (identity == domain or identity.endswith("." + domain)):
        raise Invalid("i= is not of the domain d=")
    return identity


def _judged(claim: Claim, signed: Signed, resolver: Resolver, deadline: Deadline) -> Signature:
    key = keys.fetch(claim.selector, claim.domain, resolver, deadline)
    reason = broken(claim, signed, key)
    if reason:
        return Signature(claim.domain, "fail", reason)
    doubt = no_proof(claim, signed, key)
    return Signature(claim.domain, "policy" if doubt else "pass", doubt)


def broken(claim: Claim, signed: Signed, key: keys.Key) -> str:
    """Why a signature does not verify; "" when it does. Raises Invalid."""
    if key.kind != _ALGORITHMS[claim.tags[b"a"]]:
        raise Invalid("the key is of another kind")
    if key.exact and claim.identity != claim.domain:  # RFC 6376 §3.6.1, t=s
        raise Invalid("the key is not for subdomains")
    try:
        promised = base64.b64decode(b"".join(claim.tags[b"bh"].split()), validate=True)
        found = signed.body_hash(relaxed=claim.relaxed, length=claim.length)
    except binascii.Error as error:
        raise Invalid("bh= is no hash") from error
    except ValueError:
        return "the body is shorter than l="
    if promised != found:
        return "the body has changed"
    if not keys.verifies(signed.fields, claim.field, claim.tags, claim.names, key):
        return "the signed header has changed"
    return ""


def no_proof(claim: Claim, signed: Signed, key: keys.Key) -> str:
    """Why a signature that verifies proves nothing to us; "" when it does."""
    if claim.length is not None:  # RFC 6376 §8.2: anybody may have written what follows
        return "l= leaves the end of the body open"
    if key.testing:  # RFC 6376 §3.6.1, t=y
        return "the domain is only testing"
    if b"subject" not in claim.names and signed.values(b"subject"):
        return "Subject is not signed"
    return signed.irregular
