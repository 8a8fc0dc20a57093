"""The judgement on one mail: who says that it is from whom it says, and how that was found."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from maild.desk.facts import Envelope, Mail, Parsed, Proof, Verdict
from maild.message import answerable
from maild.parsing import Job
from maild.settings import Trust
from maild.verify import arc, dmarc, signed
from maild.verify.dmarc import Arrival
from maild.verify.domains import ascii_domain
from maild.verify.resolver import Resolver
from maild.verify.signed import Signed

log = structlog.get_logger("maild.verify")

SECONDS: Final = 10.0
"""A mail may take so long."""
STALE: Final = timedelta(days=7)
_MAX_WORDS: Final = 500


@dataclass(frozen=True, slots=True)
class Verifier:
    """Judges who sent a mail. `sealers`: whose ARC results count; `seconds`: the deadline of a mail."""

    resolver: Resolver
    sealers: Collection[str]
    clock: Callable[[], datetime]
    seconds: float = SECONDS

    def wanted(self, job: Job, parsed: Parsed) -> bool:
        """Whether nobody else has judged: a trusted host's pass, failure or log-in counts first."""
        proof = parsed.mail.proof
        judged = proof.dmarc is not Verdict.NONE or proof.login is not None
        return job.envelope is not None and not job.envelope.unauthenticated and not judged

    def verified(self, job: Job, parsed: Parsed) -> Parsed:
        """The mail with our proof. Never fails: what cannot be checked proves nothing."""
        assert job.envelope is not None
        try:
            proof = self.proof(job.raw, parsed.mail, job.envelope)
        except Exception as fault:  # a mail that breaks a check must neither stop the desk nor be believed
            log.exception("verification failed", sha256=parsed.mail.sha256)
            proof = Proof(host="maild", why=f"not checked: {type(fault).__name__}")
        reasons = dict.fromkeys((*parsed.mail.unanswerable, *answerable.disproved(proof)))
        return replace(parsed, mail=replace(parsed.mail, proof=proof, unanswerable=tuple(reasons)))

    def proof(self, raw: bytes, mail: Mail, envelope: Envelope) -> Proof:
        """What SPF, DKIM, DMARC and ARC say of the only From of a mail."""
        if mail.sender is None:
            return Proof(host="maild", why=f"not checked: {len(mail.from_) or 'no'} addresses in From")
        author = ascii_domain(mail.sender.domain)
        if author is None:
            return Proof(host="maild", why="not checked: the domain in From is none")
        deadline = self.resolver.deadline(self.seconds)
        seen = signed.read(raw) or Signed((), b"")
        sound = seen.author() == mail.sender.address
        finding = dmarc.evaluate(
            seen,
            author,
            sound=sound,
            arrival=self._arrival(envelope),
            resolver=self.resolver,
            deadline=deadline,
        )
        verdict, words = finding.verdict, finding.why
        if verdict is not Verdict.PASS and finding.policy is not None and sound and self.sealers:
            chain = arc.check(seen, author, self.sealers, envelope.received_at, self.resolver, deadline)
            words += f", {chain}"
            if chain.vouched:
                verdict = Verdict.PASS
            elif chain.result == "temperror":
                verdict = Verdict.NONE
        return Proof(dmarc=verdict, host="maild", why=words[:_MAX_WORDS])

    def _arrival(self, envelope: Envelope) -> Arrival:
        """SPF is about the client that spoke to us; behind a mail server of ours that is another one."""
        direct = envelope.route == "smtp" and not envelope.trusted
        stale = self.clock() - envelope.received_at > STALE
        peer = dmarc.client(envelope.peer) if direct else None
        return Arrival(peer, envelope.helo, envelope.sender, envelope.received_at, stale)


def verifier(trust: Trust, clock: Callable[[], datetime]) -> Verifier:
    """The one that `[trust]` describes."""
    return Verifier(Resolver(trust.resolvers), frozenset(trust.arc_sealers), clock)
