"""What a trusted host says of the sender: Authentication-Results (RFC 8601), read strictly and believed rarely."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import idna

from maild.desk.facts import Address, Proof, Trust, Verdict
from maild.message.addresses import Mailboxes
from maild.message.headers import statements

_MAX_VALUE = 16_384
_MAX_SAID = 10
_VERSION = re.compile(r"(\S+?)(?:\s+\d+)?\s*")
_METHOD = re.compile(r"([a-z0-9_-]+)(?:\s*/\s*\d+)?\s*=\s*([a-z0-9_-]+)(?=\s|$)", re.IGNORECASE)
_PROPERTY = re.compile(
    r"([a-z0-9_-]+)\s*\.\s*([a-z0-9_-]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^\s\"]+)(?=\s|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Result:
    """One method and its result, in lower case; `properties` as "ptype.property" to value."""

    method: str
    result: str
    properties: dict[str, str] = field(default_factory=dict)


def parse(value: str) -> tuple[str, tuple[Result, ...]] | None:
    """(authserv-id in lower case, results) of an Authentication-Results value; None when it follows no grammar.

    A statement that cannot be read (RFC 8601 §2.2) is left out, and the others stand.
    """
    pieces = statements(value) if len(value) <= _MAX_VALUE else None
    if not pieces:
        return None
    host = _VERSION.fullmatch(pieces[0].strip())
    if not host:
        return None
    results = []
    for piece in pieces[1:]:
        method = _METHOD.match(piece.strip())
        if not method:
            continue
        properties: dict[str, str] = {}
        for kind, name, content in _PROPERTY.findall(piece):
            if content.startswith('"'):
                content = re.sub(r"\\(.)", r"\1", content[1:-1])
            properties.setdefault(f"{kind}.{name}".lower(), content)
        results.append(Result(method[1].lower(), method[2].lower(), properties))
    return host[1].strip('"').lower(), tuple(results)


def prove(values: Sequence[str], from_: Mailboxes, trust: Trust) -> Proof:
    """The proof in the topmost field by a host of `trust.authserv_ids`; every field below it may be forged.

    `values` are all Authentication-Results of a mail that came from a trusted peer, topmost first. A mail of several authors, of none,
    or whose From could be read in two ways proves nothing, but may still fail.
    """
    hosts = {host.lower() for host in trust.authserv_ids}
    for value in values:
        parsed = parse(value)
        if (
            parsed is None
        ):  # whoever wrote it: what stands below may be forged by the sender, who can make ours unreadable
            return Proof()
        if parsed[0] not in hosts:
            continue
        host, results = parsed
        author = from_.addresses[0] if len(from_.addresses) == 1 and from_.certain else None
        dmarc = _dmarc([result for result in results if result.method == "dmarc"], author)
        login = _login(results) if author else None
        said = ", ".join(f"{result.method}={result.result}" for result in results[:_MAX_SAID])
        return Proof(dmarc=dmarc, login=login, host=host, why=said)
    return Proof()


def _dmarc(results: Iterable[Result], author: Address | None) -> Verdict:
    verdict = Verdict.NONE
    for result in results:
        if result.result == "fail":
            return Verdict.FAIL
        domain = result.properties.get("header.from", "").rpartition("@")[2]
        if result.result == "pass" and author and domain and _ascii(domain) == _ascii(author.domain):
            verdict = Verdict.PASS
    return verdict


def _login(results: Iterable[Result]) -> str | None:
    for result in results:
        login = result.properties.get("smtp.auth", "")
        if result.method == "auth" and result.result == "pass" and login:
            return login
    return None


def _ascii(domain: str) -> str:
    """A domain as it is compared: A-labels (IDNA 2008) in lower case, so that both spellings of an international name are equal."""
    domain = domain.rstrip(".").lower()
    try:
        return domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
