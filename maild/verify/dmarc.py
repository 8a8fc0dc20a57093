"""DMARC (RFC 7489): the policy of the author's domain, and whether something that aligns with it passes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from maild.desk.facts import Verdict
from maild.verify import dkim, spf
from maild.verify.dkim import Signature
from maild.verify.domains import aligned, organisational
from maild.verify.resolver import Deadline, Resolver, Unanswered
from maild.verify.signed import Signed

_RECORD: Final = re.compile(
    rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)"
)  # RFC 7489 §6.3: first, and in these letters
_WISHES: Final = ("none", "quarantine", "reject")
_MAX_RECORD: Final = 8192


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain publishes. `wish` is p=, or sp= for a subdomain; `strict_dkim` and `strict_spf` are adkim=s and aspf=s."""

    wish: str
    strict_dkim: bool
    strict_spf: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a mail came: the client's IP address (None when that is not who sent it, or not known), HELO, MAIL FROM ("" for `<>`),
    when; `stale`: so long ago that keys and policies of then may be gone."""

    peer: str | None
    helo: str
    sender: str
    at: datetime
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and what led to it, in words; of SPF alone or of the whole. `policy`: the one it was measured by, if it is known."""

    verdict: Verdict
    why: str
    policy: Policy | None = None


def policy(author: str, resolver: Resolver, deadline: Deadline) -> Policy | None:
    """The policy for mail of a domain (RFC 7489 §6.6.3), None when there is none. Raises Unanswered."""
    records = _records(author, resolver, deadline)
    above = organisational(author)
    inherited = not records and above != author
    if inherited:
        records = _records(above, resolver, deadline)
    return read(records[0], inherited=inherited) if len(records) == 1 else None


def _records(domain: str, resolver: Resolver, deadline: Deadline) -> list[bytes]:
    found = resolver.txt(f"_dmarc.{domain}", deadline)
    return [record for record in found if len(record) <= _MAX_RECORD and _RECORD.match(record)]


def read(record: bytes, *, inherited: bool) -> Policy | None:
    """A record. One without a valid p= counts as p=none if it asks for reports, else not at all (RFC 7489 §6.6.3)."""
    tags: dict[str, str] = {}
    for part in record.decode("utf-8", "replace").split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip().lower())
    wish = tags.get("p", "")
    if wish not in _WISHES or tags.get("sp", "none") not in _WISHES:
        if not tags.get("rua", "").startswith("mailto:"):
            return None
        wish = "none"
    elif inherited:
        wish = tags.get("sp", wish)
    return Policy(wish, tags.get("adkim") == "s", tags.get("aspf") == "s")


def evaluate(
    signed: Signed, author: str, *, sound: bool, arrival: Arrival, resolver: Resolver, deadline: Deadline
) -> Finding:
    """The verdict on a mail whose From has the domain `author`. `sound`: signers saw the same From as we do.

    FAIL is only said when all that could have passed was looked at and did not; what is not known is NONE.
    """
    try:
        published = policy(author, resolver, deadline)
    except Unanswered as fault:
        return Finding(Verdict.NONE, f"dmarc=temperror ({fault})")
    if published is None:
        return Finding(Verdict.NONE, f"dmarc=none ({author} publishes no policy)")
    signatures = dkim.check(signed, author, arrival.at, resolver, deadline)
    counting = [one for one in signatures if aligned(one.domain, author, strict=published.strict_dkim)]
    sent = _sent(author, published, arrival, resolver, deadline)
    passed = sent.verdict is Verdict.PASS or any(one.result == "pass" for one in counting)
    doubtful = [str(one) for one in counting if one.result in ("policy", "temperror")]
    if passed and sound:
        verdict, reason = Verdict.PASS, f"p={published.wish}"
    elif passed:
        verdict, reason = Verdict.NONE, "the From is not what was signed, or can be read in two ways"
    elif doubtful or sent.verdict is Verdict.NONE or arrival.stale:
        verdict, reason = Verdict.NONE, "not decided" + (": the mail is old" if arrival.stale else "")
    else:
        verdict, reason = Verdict.FAIL, f"p={published.wish}"
    words = [*_shown(signatures, author), sent.why, f"dmarc={verdict} ({reason})"]
    return Finding(verdict, ", ".join(words), published)


def _shown(signatures: tuple[Signature, ...], author: str) -> list[str]:
    return [str(one) for one in signatures] or [f"dkim=none for {author}"]


def _sent(
    author: str, published: Policy, arrival: Arrival, resolver: Resolver, deadline: Deadline
) -> Finding:
    """SPF with alignment: PASS, FAIL when it does not pass, NONE when nobody can know."""
    who = spf.identity(arrival.sender, arrival.helo)
    if who is None or not aligned(who.domain, author, strict=published.strict_spf):
        return Finding(
            Verdict.FAIL, f"spf not for {author}" if who is None else f"spf of {who.domain} not aligned"
        )
    place = f"{'smtp.helo' if who.helo else 'smtp.mailfrom'}={who.domain}"
    if arrival.peer is None:
        return _without_client(who, place, resolver, deadline)
    result = spf.check(arrival.peer, who, arrival.helo, resolver, deadline)
    verdicts = {"pass": Verdict.PASS, "temperror": Verdict.NONE}
    return Finding(verdicts.get(result, Verdict.FAIL), f"spf={result} {place}")


def _without_client(who: spf.Identity, place: str, resolver: Resolver, deadline: Deadline) -> Finding:
    """Who handed the mail to our own mail server is not known: SPF might have passed there, if it can pass at all."""
    try:
        possible = spf.may_pass(who.domain, resolver, deadline)
    except Unanswered as fault:
        return Finding(Verdict.NONE, f"spf=temperror {place} ({fault})")
    if possible:
        return Finding(Verdict.NONE, f"spf=none {place} (the client is not known)")
    return Finding(Verdict.FAIL, f"spf=none {place} (nobody may send for it)")


def client(peer: str) -> str | None:
    """The IP address of a peer; None for what is no internet client."""
    try:
        return str(ip_address(peer))
    except ValueError:
        return None
