"""How one proves to be the owner of a mailbox: a password, or an access token."""

from __future__ import annotations

import base64
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Password:
    """By LOGIN, or AUTHENTICATE PLAIN where that is offered."""

    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """An OAuth 2 access token, by OAUTHBEARER or XOAUTH2."""

    text: str


Proof = Password | Token


@dataclass(frozen=True, slots=True)
class Exchange:
    """A SASL exchange: its mechanism, its first message, and what ends it when the server answers with an error in a challenge."""

    mechanism: str
    first: str
    end: str = "*"


def exchange(proof: Proof, user: str, host: str, port: int, capabilities: frozenset[str]) -> Exchange | None:
    """The exchange for what the server offers; None: plain LOGIN is what is left."""
    if isinstance(proof, Password):
        # RFC 4616: any character but NUL, which LOGIN has not
        return Exchange("PLAIN", _coded(f"\0{user}\0{proof.text}")) if "AUTH=PLAIN" in capabilities else None
    if "AUTH=OAUTHBEARER" in capabilities:
        # RFC 7628 §3.1, §3.2.3: a challenge is an error, answered with one %x01
        name = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 §4
        said = f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {proof.text}\x01\x01"
        return Exchange("OAUTHBEARER", _coded(said), _coded("\x01"))
    # Google's and Microsoft's own, older way: a challenge is an error, answered with an empty line
    return Exchange("XOAUTH2", _coded(f"user={user}\x01auth=Bearer {proof.text}\x01\x01"), "")


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
