"""Reply tokens: proof that a mail answers one of ours, made for one ticket, person, role and scope.

A token in an address is base32 in lower case (a to z, 2 to 7, compared without case): key number, purpose, role and scope, ticket,
person (or, for a bounce address, the outbox row), then 128 bits of HMAC-SHA256 over all of these. A Message-ID carries eight fresh
characters and the same MAC; what it was made for is looked up by the Message-ID and then verified.

A token for one act (a link that confirms or rates) is also bound to the state in which the ticket was, and dead with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from maild.desk.words import Scope

MAC_OCTETS = 16
MESSAGE_ID_MAX = 70
LOCAL_PART_MAX = 64  # RFC 5321 §4.5.3.1.1
RETIRED_KEY_LIFE = timedelta(days=365)
_LONGEST = 2 + 5 + 9 + MAC_OCTETS
_SHORTEST = 2 + 1 + 1 + MAC_OCTETS
TOKEN_LENGTH_MAX = -(-_LONGEST * 8 // 5)


class Holder(IntEnum):
    """For whom a token was made."""

    REQUESTER = 0
    PARTICIPANT = 1
    AGENT = 2
    BOUNCE = 3
    ACT = 4
    COPY = 5


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key of the store. Numbers count from 1 to 255; a retired key still threads for a year, without power."""

    id: int
    secret: bytes
    retired_at: datetime | None = None

    def usable(self, now: datetime) -> bool:
        return self.retired_at is None or now < self.retired_at + RETIRED_KEY_LIFE


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says. `number` is the person, or for BOUNCE the outbox row, for ACT `act_number`. `ticket` 0: about no ticket."""

    holder: Holder
    scope: Scope
    ticket: int
    number: int
    key: int = 0


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        octet = data[at]
        number |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not octet & 0x80:
            return number, at


def _payload(claim: Claim, key: int) -> bytes:
    flags = claim.holder << 1 | (claim.scope is Scope.INTERNAL)
    return bytes((key, flags)) + _varint(claim.ticket) + _varint(claim.number)


def _mac(key: Key, purpose: bytes, payload: bytes) -> bytes:
    return hmac.new(key.secret, purpose + b"\0" + payload, hashlib.sha256).digest()[:MAC_OCTETS]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


CONFIRM = 0
"""The act that says it is solved; 1 to 5 rate it."""
_ACTS = 8


def act_number(person: int, act: int) -> int:
    """What an ACT claim holds: whose act it is, and which."""
    return person * _ACTS + act


def act_of(claim: Claim) -> tuple[int, int]:
    """(person, act) of an ACT claim."""
    return divmod(claim.number, _ACTS)


def mint(claim: Claim, key: Key, bound: str = "") -> str:
    """The token for an address: only a to z and 2 to 7, at most `TOKEN_LENGTH_MAX` characters. `bound`: what it is good for as long as that
    is so (ACT)."""
    payload = _payload(claim, key.id)
    return _base32(payload + _mac(key, _purpose(bound), payload))


def _purpose(bound: str) -> bytes:
    return f"act {bound}".encode() if bound else b"address"


def read(token: str) -> tuple[Claim, bytes, bytes] | None:
    """(claim, payload, MAC) of something shaped like a token, unverified; None when it is not one."""
    text = token.upper()
    if not text.isascii() or not text.isalnum() or len(text) > TOKEN_LENGTH_MAX:
        return None
    try:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
        if len(data) < _SHORTEST or _base32(data) != token.lower():
            return None
        payload, mac = data[:-MAC_OCTETS], data[-MAC_OCTETS:]
        ticket, at = _read_varint(payload, 2)
        number, at = _read_varint(payload, at)
        holder = Holder(payload[1] >> 1)
    except (binascii.Error, IndexError, ValueError):
        return None
    scope = Scope.INTERNAL if payload[1] & 1 else Scope.PUBLIC
    claim = Claim(holder, scope, ticket, number, payload[0])
    return (claim, payload, mac) if at == len(payload) and _payload(claim, payload[0]) == payload else None


def verify(token: str, keys: tuple[Key, ...], now: datetime, bound: str = "") -> tuple[Claim, Key] | None:
    """The claim of a genuine token, `bound` to what is so now, and the key it was made with; None for anything else (never an error)."""
    found = read(token)
    if found is None:
        return None
    claim, payload, mac = found
    for key in keys:
        if (
            key.id == claim.key
            and key.usable(now)
            and hmac.compare_digest(_mac(key, _purpose(bound), payload), mac)
        ):
            return claim, key
    return None


def message_id(claim: Claim, key: Key, fresh: str, domain: str) -> str:
    """A Message-ID of ours, brackets included, of at most 70 characters. `fresh`: eight characters never used before.

    A long domain loses leading labels; the right side only has to be ours, not to receive mail (RFC 5322 §3.6.4).
    """
    left = f"{fresh}.{_base32(_mac(key, b'message-id ' + fresh.encode(), _payload(claim, key.id)))}"
    room = MESSAGE_ID_MAX - len(left) - 3
    while len(domain) > room and "." in domain:
        domain = domain.partition(".")[2]
    return f"<{left}@{domain[-room:]}>"


def verify_message_id(value: str, claim: Claim, keys: tuple[Key, ...], now: datetime) -> Key | None:
    """The key with which this Message-ID of ours was made for exactly this claim; None if it was not."""
    fresh, _, mac = value.strip("<>").partition("@")[0].partition(".")
    for key in keys:
        if key.id == claim.key and key.usable(now):
            right = _base32(
                _mac(key, b"message-id " + fresh.encode("utf-8", "replace"), _payload(claim, key.id))
            )
            if hmac.compare_digest(right.encode(), mac.encode("utf-8", "replace")):
                return key
    return None


def candidates(addresses: tuple[str, ...], own: tuple[str, ...], delimiter: str) -> tuple[str, ...]:
    """The parts behind the delimiter of those addresses that are the desk's own, in lower case, each once, in order."""
    plain = {address.lower() for address in own}
    found: dict[str, None] = {}
    for address in addresses:
        local, _, domain = address.lower().rpartition("@")
        base, mark, detail = local.partition(delimiter)
        if mark and detail and f"{base}@{domain}" in plain:
            found[detail] = None
    return tuple(found)
