"""ARC (RFC 8617): what hosts on the way found before they changed the mail, believed when the sealers are listed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from maild.message import authentication
from maild.message.headers import unfolded
from maild.verify import dkim, keys
from maild.verify.domains import aligned, ascii_domain
from maild.verify.keys import Invalid
from maild.verify.resolver import Deadline, Resolver, Unanswered
from maild.verify.signed import Field, Signed

MOST: Final = 20
"""Sets of one chain that are checked; RFC 8617 §4.2.1 allows 50, real chains have few."""
_NAMES: Final = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
_INSTANCE: Final = re.compile(rb"\s*i\s*=\s*([0-9]{1,2})\s*;")
_MAX_FIELD: Final = 16_384


@dataclass(frozen=True, slots=True)
class Hop:
    """The three fields of one instance, in the order they were added (RFC 8617 §4.1), and the tags of its seal."""

    results: Field
    message: Field
    seal: Field
    tags: dict[bytes, bytes]
    sealer: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What became of a chain: `result` is none, pass, fail or temperror; `vouched`: a listed sealer found dmarc=pass for the
    author's domain, and every later one is listed too."""

    result: str
    vouched: bool = False
    why: str = ""

    def __str__(self) -> str:
        return f"arc={self.result}" + (f" ({self.why})" if self.why else "")


def check(
    signed: Signed,
    author: str,
    sealers: Collection[str],
    arrived: datetime,
    resolver: Resolver,
    deadline: Deadline,
) -> Chain:
    """The chain of a mail, as far as it can matter: one whose newest sealer is not listed is not looked up."""
    try:
        hops = read(signed)
        if not hops:
            return Chain("none")
        if hops[-1].sealer not in sealers:
            return Chain("none", why=f"{hops[-1].sealer} is not listed")
        _check_message(hops[-1], len(hops), signed, arrived, resolver, deadline)
        for number in range(len(hops), 0, -1):
            _check_seal(hops[:number], resolver, deadline)
    except Invalid as fault:
        return Chain("fail", why=str(fault))
    except Unanswered as fault:
        return Chain("temperror", why=str(fault))
    for hop in reversed(hops):
        if hop.sealer not in sealers:
            break
        if _found_pass(hop, author):
            return Chain("pass", vouched=True, why=f"dmarc=pass says {hop.sealer}")
    return Chain("pass", why="no listed sealer found dmarc=pass")


def read(signed: Signed) -> list[Hop]:
    """The sets from the oldest to the newest; none when there is no chain. Raises Invalid for one that is broken (§5.2)."""
    sets: dict[int, dict[bytes, Field]] = {}
    for name, value in signed.fields:
        if name.lower() not in _NAMES:
            continue
        found = _instance(name.lower(), value)
        place = sets.setdefault(found, {})
        if name.lower() in place:
            raise Invalid(f"two {name.decode('ascii')} of instance {found}")
        place[name.lower()] = (name, value)
    if len(sets) > MOST:
        raise Invalid("too many sets")
    if sorted(sets) != list(range(1, len(sets) + 1)) or any(len(one) < 3 for one in sets.values()):
        raise Invalid("sets are missing")
    return [_hop(number, sets[number]) for number in sorted(sets)]


def _instance(name: bytes, value: bytes) -> int:
    if len(value) > _MAX_FIELD:
        raise Invalid("a field is too long")
    if name == _NAMES[0]:  # RFC 8617 §4.1.1: i= stands first
        first = _INSTANCE.match(value)
        text = first[1] if first else b""
    else:
        text = keys.tags_of(value).get(b"i", b"")
    if not re.fullmatch(rb"[1-9][0-9]?", text):
        raise Invalid("i= is no number from 1 to 50")
    return int(text)


def _hop(number: int, fields: dict[bytes, Field]) -> Hop:
    results, message, seal = (fields[name] for name in _NAMES)
    tags = keys.tags_of(seal[1])
    if any(not tags.get(tag) for tag in (b"a", b"b", b"d", b"s")) or b"h" in tags:
        raise Invalid(f"seal {number} cannot be read")
    if tags.get(b"cv") != (b"none" if number == 1 else b"pass"):
        raise Invalid(f"seal {number} says that the chain was broken")
    sealer = ascii_domain(tags[b"d"].decode("utf-8", "replace"))
    if sealer is None:
        raise Invalid(f"d= of seal {number} is no name")
    return Hop(results, message, seal, tags, sealer)


def _check_message(
    hop: Hop, number: int, signed: Signed, arrived: datetime, resolver: Resolver, deadline: Deadline
) -> None:
    """The newest signature of the message (§5.2 step 4), by the rules of DKIM; the mail may not have changed since. Raises Invalid."""
    claim = dkim.read(hop.message, arrived, instance=str(number).encode())
    if not aligned(claim.domain, hop.sealer, strict=False) or b"arc-seal" in claim.names:
        raise Invalid("the newest ARC-Message-Signature is not of its sealer")
    key = keys.fetch(claim.selector, claim.domain, resolver, deadline)
    reason = dkim.broken(claim, signed, key) or dkim.no_proof(claim, signed, key)
    if reason:
        raise Invalid(reason)


def _check_seal(hops: Sequence[Hop], resolver: Resolver, deadline: Deadline) -> None:
    """The newest of these seals over all that came before it, in order of instance (§5.1.1). Raises Invalid."""
    newest = hops[-1]
    domain, selector = dkim.place_of_key(newest.tags)
    key = keys.fetch(selector, domain, resolver, deadline)
    before = [field for hop in hops for field in (hop.results, hop.message, hop.seal)][:-1]
    names = [name.lower() for name, _ in before]
    tags = {**newest.tags, b"c": b"relaxed/relaxed"}
    # Fields are selected from the bottom up, so the oldest stands last.
    if not keys.verifies(before[::-1], newest.seal, tags, names, key):
        raise Invalid(f"the seal of {newest.sealer} does not verify")


def _found_pass(hop: Hop, author: str) -> bool:
    """Whether the sealer found dmarc=pass for the author's domain, and nothing else."""
    value = unfolded(hop.results[1].decode("utf-8", "surrogateescape"))
    parsed = authentication.parse(value.partition(";")[2])
    results = [result for result in (parsed[1] if parsed else ()) if result.method == "dmarc"]
    return bool(results) and all(
        result.result == "pass"
        and ascii_domain(result.properties.get("header.from", "").rpartition("@")[2]) == author
        for result in results
    )
