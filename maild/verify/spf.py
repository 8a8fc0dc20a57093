"""SPF (RFC 7208): whether the client may send for the domain of MAIL FROM, or of HELO when that is empty. The rules are pyspf's."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any, Final

from maild.verify.domains import ascii_domain
from maild.verify.resolver import Deadline, Resolver, Unanswered

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Python warns of escapes in its docstrings when it compiles them
    import spf

_MAX_RECORD: Final = 8192
_MAX_TERM: Final = 512
_NOBODY_MAY: Final = re.compile(rb"v=spf1\s+-all\s*", re.IGNORECASE)
_RECORD: Final = re.compile(rb"v=spf1(?:\s|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom SPF is about: the domain of MAIL FROM, or of HELO for an empty one (RFC 7208 §2.4)."""

    local: str
    domain: str
    helo: bool


def identity(sender: str, helo: str) -> Identity | None:
    """The identity of an envelope; None when it names no domain."""
    local, _, domain = sender.rpartition("@")
    name = ascii_domain(domain if sender else helo)
    return Identity(local or "postmaster", name, not sender) if name else None


def check(peer: str, who: Identity, helo: str, resolver: Resolver, deadline: Deadline) -> str:
    """The result for the client at the IP address `peer`: none, neutral, pass, fail, softfail, temperror or permerror."""
    lookups = _Lookups(resolver, deadline)
    query: Any = spf.query(i=peer, s=f"{who.local}@{who.domain}", h=helo, strict=True)
    # pyspf takes what follows the first @ for the domain, also when that one is quoted.
    query.l, query.o, query.d = who.local, who.domain, who.domain
    query.dns = lookups
    query.get_explanation = lambda spec: None  # nobody reads it, so it is not looked up
    try:
        result: str = query.check()[0]
    except (ValueError, AssertionError, RecursionError):  # records that pyspf stumbles over
        return "permerror"
    return result


def may_pass(domain: str, resolver: Resolver, deadline: Deadline) -> bool:
    """Whether any client at all may send for the domain. Raises Unanswered."""
    records = [record for record in resolver.txt(domain, deadline) if _RECORD.match(record)]
    return len(records) == 1 and not _NOBODY_MAY.fullmatch(records[0])


class _Lookups:
    """What pyspf asks the DNS in one check, answered by our resolver within our deadline."""

    def __init__(self, resolver: Resolver, deadline: Deadline) -> None:
        self._resolver, self._deadline = resolver, deadline
        self._void = 0

    def __call__(
        self, name: object, qtype: str, cnames: object = None, ignore_void: bool = False
    ) -> list[Any]:
        """The records of a name, as pyspf wants them: TXT as lists of strings, MX as (preference, name), else text."""
        try:
            found = self._found(str(name), qtype)
        except Unanswered as fault:
            raise spf.TempError(str(fault)) from fault
        if not found and not ignore_void:
            self._void += 1
            if self._void > spf.MAX_VOID_LOOKUPS:  # RFC 7208 §4.6.4
                raise spf.PermError("too many void lookups")
        return found

    def _found(self, name: str, qtype: str) -> list[Any]:
        if qtype == "A":
            return list(self._resolver.addresses(name, "A", self._deadline))
        if qtype == "AAAA":
            return list(self._resolver.addresses(name, "AAAA", self._deadline))
        if qtype == "MX":
            return list(self._resolver.exchanges(name, self._deadline))
        if qtype == "PTR":
            return list(self._resolver.pointers(name, self._deadline))
        records = self._resolver.txt(name, self._deadline)
        if any(_RECORD.match(record) and _oversized(record) for record in records):
            raise spf.PermError("the record is too long")
        return [[record] for record in records]


def _oversized(record: bytes) -> bool:
    """Whether pyspf's expressions would need long for it."""
    return len(record) > _MAX_RECORD or any(len(term) > _MAX_TERM for term in record.split())
