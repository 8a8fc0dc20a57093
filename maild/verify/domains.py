"""Domain names as proofs compare them: A-labels in lower case, their organisation, and whether two of them align."""

from __future__ import annotations

import functools
import re

import idna
from publicsuffixlist import PublicSuffixList

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_MAX_LENGTH = 253  # RFC 1035 §2.3.4


def ascii_domain(text: str) -> str | None:
    """A domain of at least two labels as A-labels (IDNA 2008) in lower case, without the last dot; None when it is none."""
    name = text.strip().removesuffix(".").lower()
    if len(name) > _MAX_LENGTH:
        return None
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    return name if len(name) <= _MAX_LENGTH and _DOMAIN.fullmatch(name) else None


@functools.cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def organisational(domain: str) -> str:
    """The organisational domain (RFC 7489 §3.2): one label more than the public suffix; a public suffix is its own."""
    return _suffixes().privatesuffix(domain) or domain


def aligned(authenticated: str, author: str, *, strict: bool) -> bool:
    """Identifier alignment (RFC 7489 §3.1): the same domain, or, when not `strict`, the same organisational domain."""
    return authenticated == author or (not strict and organisational(authenticated) == organisational(author))
