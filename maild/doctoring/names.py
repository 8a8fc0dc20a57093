"""The DNS of the desk's domain: where its mail comes in (MX), who may send for it (SPF), what signs (DKIM), what others do about it (DMARC)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Final

from maild import outgoing
from maild.doctoring.findings import Finding, fault, misconfigured, ok, warning
from maild.settings import Settings
from maild.verify import dmarc, keys, spf
from maild.verify.domains import ascii_domain
from maild.verify.resolver import Deadline, Resolver, Unanswered

SECONDS: Final = 20.0
_RESERVED: Final = ("test", "example", "invalid", "localhost")
_EXAMPLES: Final = ("example.com", "example.org", "example.net")
"""RFC 6761 §6: nobody can have a domain there; but a name server of one's own may know some."""


def _is_example(name: str) -> bool:
    return name in _EXAMPLES or name.endswith(tuple(f".{one}" for one in _EXAMPLES))


async def all_of(settings: Settings, resolver: Resolver) -> list[Finding]:
    """MX, SPF, DKIM and DMARC, side by side. Raises ConfigError for a key that cannot be read."""
    domain = settings.desk.address.rpartition("@")[2]
    name = ascii_domain(domain)
    reserved = name is None or name.rpartition(".")[2] in _RESERVED or _is_example(name)
    if name is None or (reserved and not settings.trust.resolvers):
        says = f"{domain} is a name for examples, which is nobody's"
        return [warning("dns", "domain", says, "put your own address into [desk] address")]
    deadline = resolver.deadline(SECONDS)
    checks = (
        asyncio.to_thread(_safely, "MX", lambda: _exchanges(name, resolver, deadline)),
        asyncio.to_thread(_safely, "SPF", lambda: _senders(name, settings, resolver, deadline)),
        asyncio.to_thread(_safely, "DKIM", lambda: _signatures(name, settings, resolver, deadline)),
        asyncio.to_thread(_safely, "DMARC", lambda: _policy(name, resolver, deadline)),
    )
    return [finding for found in await asyncio.gather(*checks) for finding in found]


def _safely(what: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Unanswered as silence:
        return [
            fault(
                "dns",
                what,
                str(silence),
                "are the name servers ([trust] resolvers, else /etc/resolv.conf) reached?",
            )
        ]


def _exchanges(domain: str, resolver: Resolver, deadline: Deadline) -> Iterator[Finding]:
    found = sorted(resolver.exchanges(domain, deadline))
    if [host for _, host in found] in ([""], ["."]):  # RFC 7505
        yield fault("dns", "MX", f"{domain} says that it takes no mail", "set an MX record that leads to your mail server, or fetch by [[imap]]")  # fmt: skip
        return
    if not found:
        if resolver.addresses(domain, "A", deadline) or resolver.addresses(domain, "AAAA", deadline):
            yield warning(
                "dns", "MX", f"{domain} has none, only an address", "set one that leads to your mail server"
            )
        else:
            yield fault(
                "dns",
                "MX",
                f"{domain} has neither MX nor address: nobody can write to the desk",
                "set an MX record",
            )
        return
    lost = [
        host
        for _, host in found
        if not (resolver.addresses(host, "A", deadline) or resolver.addresses(host, "AAAA", deadline))
    ]
    names = ", ".join(f"{host} ({preference})" for preference, host in found)
    if lost:
        yield warning(
            "dns", "MX", f"{names}; {', '.join(lost)} has no address", "give it one, or take it out"
        )
    else:
        yield ok("dns", "MX", names)


def _senders(domain: str, settings: Settings, resolver: Resolver, deadline: Deadline) -> Iterator[Finding]:
    records = [text for text in resolver.txt(domain, deadline) if text.lower().split(b" ")[0] == b"v=spf1"]
    if not records:
        yield warning("dns", "SPF", f"{domain} does not say who may send for it", f'set a TXT record for {domain}, like "v=spf1 mx -all"')  # fmt: skip
        return
    shown = records[0].decode("ascii", "replace")
    if len(records) > 1:  # RFC 7208 §4.5
        yield fault(
            "dns", "SPF", f"{domain} has {len(records)} records: that counts as none", "leave one of them"
        )
        return
    remote = {one.address.rpartition(":")[0].strip("[]") for one in settings.relay}
    addresses = sorted({address for host in remote for address in _addresses(host)})
    if not addresses:
        yield ok("dns", "SPF", f"{shown}; the relay is on this machine: see that its public address is in it")
        return
    who = spf.Identity("postmaster", domain, False)
    results = {one: spf.check(one, who, settings.desk.hostname, resolver, deadline) for one in addresses}
    if all(result == "pass" for result in results.values()):
        yield ok("dns", "SPF", f"{shown}: the relay may send")
    elif "permerror" in results.values():
        yield fault(
            "dns",
            "SPF",
            f"{shown} cannot be read to its end",
            "mend the record: names that exist, at most 10 look-ups",
        )
    else:
        told = ", ".join(f"{one} {result}" for one, result in results.items())
        yield warning(
            "dns", "SPF", f"{shown}: {told}", "add what your provider names (include:…), where its mail leaves from other addresses than these"
        )  # fmt: skip


def _addresses(host: str) -> list[str]:
    """Addresses of a relay elsewhere, as this host resolves its name; none of one on this machine."""
    if host.startswith("unix") or host == "localhost":
        return []
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return []
    return [one for one in found if not one.startswith("127.") and one != "::1"]


def _signatures(domain: str, settings: Settings, resolver: Resolver, deadline: Deadline) -> Iterator[Finding]:
    if not settings.dkim:
        yield ok(
            "dns", "DKIM", "maild signs nothing here: see that your relay does, or give it a key ([[dkim]])"
        )
    for one in settings.dkim:
        name = f"{one.selector}._domainkey.{one.domain}"
        ours = outgoing.source(one).key()
        try:
            theirs = keys.fetch(one.selector, one.domain, resolver, deadline)
        except keys.Invalid as error:
            yield fault("dns", "DKIM", str(error), f'set a TXT record for {name}: "{ours.record}"')
            continue
        public = dict(part.split(b"=", 1) for part in theirs.record.split(b"; "))[b"p"].decode("ascii")
        if (theirs.kind, public) != (ours.kind, ours.public):
            yield fault(
                "dns",
                "DKIM",
                f"{name} has another key than ours",
                f'set a TXT record for {name}: "{ours.record}"',
            )
        elif theirs.testing:
            yield warning(
                "dns", "DKIM", f"{name} is our key, marked as a test (t=y)", "take t=y out of the record"
            )
        else:
            yield ok("dns", "DKIM", f"{name} is our key")
        if not f".{domain}".endswith(f".{ascii_domain(one.domain)}"):
            yield misconfigured(
                "dns",
                "DKIM",
                f"{one.domain} is not the domain of the desk's address",
                "name that, or one above it",
            )


def _policy(domain: str, resolver: Resolver, deadline: Deadline) -> Iterator[Finding]:
    found = dmarc.policy(domain, resolver, deadline)
    if found is None:
        yield warning(
            "dns", "DMARC", f"{domain} does not say what to do with forged mail", f'set a TXT record for _dmarc.{domain}, like "v=DMARC1; p=none; rua=mailto:…"'
        )  # fmt: skip
    else:
        yield ok("dns", "DMARC", f"p={found.wish}")
