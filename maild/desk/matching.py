"""Which ticket a mail belongs to, and who is proved to have sent it.

Evidence, strongest first: a token in a recipient address, the token in a Message-ID of ours that is answered, a known ancestor and a
participant, the subject tag and a participant. The number alone is a hint, never a key. Every candidate and why it was taken or
rejected stands in `Match.reasons`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from enum import StrEnum

from maild.desk import questions, requests, tokens
from maild.desk.authors import as_written, author_of
from maild.desk.callers import addresses_of
from maild.desk.commands import arguments
from maild.desk.effects import Given, Reason
from maild.desk.events import MessageArrived
from maild.desk.facts import Mail, Verdict
from maild.desk.people import Person, SentMail, Ticket
from maild.desk.privacy import may_see
from maild.desk.requests import Request
from maild.desk.rulebook import ANYONE, Rulebook
from maild.desk.script import named, split, uses
from maild.desk.snapshot import Snapshot, Wanted
from maild.desk.timeline import IMPORT
from maild.desk.tokens import Claim, Holder
from maild.desk.words import Role, Scope, State

ANCESTORS_MAX = 100


class Evidence(StrEnum):
    ADDRESS_TOKEN = "token in the recipient address"  # noqa: S105  a name of evidence
    MESSAGE_ID_TOKEN = "token in the Message-ID answered"  # noqa: S105  a name of evidence
    ANCESTOR = "known ancestor and participant"
    ARCHIVE = "known ancestor in an archive"
    ANSWERED = "answered by a message of an archive"
    SUBJECT = "subject tag and participant"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Match:
    """`ticket` None: none. `scope`: whom the answered mail said an answer reaches (None when no mail of ours was answered).

    `proved`: a current token of the sender's own was shown. `related`: tickets named without enough evidence. `leaked`: agents
    whose token somebody else used. `bounced`: the outbox rows whose bounce address was written to. `ours`: this is a mail of ours.
    `holder`: as what the token that threads was made for (None: no token). `act`: the link that was used says this (`tokens.CONFIRM`, or a rating).
    """

    ticket: Ticket | None = None
    evidence: Evidence = Evidence.NONE
    scope: Scope | None = None
    proved: bool = False
    sent: SentMail | None = None
    related: tuple[int, ...] = ()
    leaked: tuple[Person, ...] = ()
    bounced: tuple[SentMail, ...] = ()
    ours: bool = False
    holder: Holder | None = None
    act: int | None = None
    reasons: tuple[Reason, ...] = ()


def holder_of(role: Role) -> Holder:
    """What kind of token a mail to somebody in this role carries."""
    if role is Role.REQUESTER:
        return Holder.REQUESTER
    if role is Role.TEAM_COPY:
        return Holder.COPY
    return Holder.PARTICIPANT if role is Role.PARTICIPANT else Holder.AGENT


def claim_of(sent: SentMail) -> Claim:
    """What the token of a mail of ours says."""
    return Claim(holder_of(sent.role), sent.scope, sent.ticket or 0, sent.person.id, sent.key_id)


def answered_ids(event: MessageArrived) -> tuple[str, ...]:
    """Message-IDs this mail answers: In-Reply-To, then References newest first, each once."""
    mail = event.mail
    return tuple(dict.fromkeys((*mail.in_reply_to, *reversed(mail.references))))[:ANCESTORS_MAX]


def subject_numbers(subject: str, tag: str) -> tuple[int, ...]:
    """Ticket numbers in `[TAG #N]`, in order, each once."""
    found = re.findall(rf"\[\s*{re.escape(tag)}\s*#(\d{{1,12}})\s*\]", subject, re.IGNORECASE)
    return tuple(dict.fromkeys(int(number) for number in found))


def token_addresses(event: MessageArrived) -> tuple[str, ...]:
    """Where a token may stand: the envelope first, then what the headers say of delivery and recipients."""
    mail = event.mail
    shown = (address.address for address in (*mail.to, *mail.cc))
    sender = (mail.report.original_sender,) if mail.report and mail.report.original_sender else ()
    return tuple(dict.fromkeys((*event.envelope.recipients, *mail.delivered_to, *shown, *sender)))


def wanted(event: MessageArrived, rulebook: Rulebook) -> Wanted:
    """What must be looked up before `decide` can judge this mail."""
    event = as_written(event, rulebook)
    mail, identity = event.mail, rulebook.identity
    claims = [found[0] for token in _tokens(event, rulebook) if (found := tokens.read(token)) is not None]
    senders = tuple(address.key for address in (*mail.from_, *mail.reply_to))
    ids = answered_ids(event)
    own = (mail.message_id,) if mail.message_id else ()
    lines = split(mail.reply).commands
    agent = rulebook.agent(mail.sender.address) if mail.sender else None
    numbers = (
        *subject_numbers(mail.subject, identity.tag),
        *(claim.ticket for claim in claims if claim.ticket),
        *named(lines),
    )
    callers = arguments(lines, "requester") if agent else ()
    called = addresses_of(callers)
    imported = event.envelope.route == IMPORT
    ours = mail.sender is not None and imported and rulebook.is_own(mail.sender.address)
    others = _customers(mail, rulebook) if agent or ours else ()
    passed_on = (mail.forwarded.message_id,) if agent and mail.forwarded and mail.forwarded.message_id else ()
    asked = questions.read(questions.bare(mail.subject)) or questions.read(questions.only_line(mail))
    if agent is not None and asked is not None and asked.number is not None:
        numbers = (*numbers, asked.number)
    reports = (mail.bounce, mail.report)
    original = tuple(one.original_message_id for one in reports if one and one.original_message_id)
    return Wanted(
        message_ids=tuple(dict.fromkeys((*ids, *own, *original, *passed_on))),
        tickets=tuple(dict.fromkeys(numbers)),
        persons=tuple(
            dict.fromkeys(_person_of(claim) for claim in claims if claim.holder is not Holder.BOUNCE)
        ),
        addresses=tuple(dict.fromkeys((*senders, *others, *called))),
        identity=mail.identity if mail.message_id else "",
        content_identity=mail.content_identity,
        counted=tuple(dict.fromkeys((*senders, *others[:1], *called))),
        outbox=tuple(dict.fromkeys(claim.number for claim in claims if claim.holder is Holder.BOUNCE)),
        agent=agent.address if agent else "",
        parts=agent is not None and uses(lines, "split"),
        undo=agent is not None and uses(lines, "undo"),
        away=True,
        owned=agent.address if agent is not None and uses(lines, "away") else "",
        helped=mail.sender.key if mail.sender and requests.in_subject(mail) is Request.HELP else "",
        staff=rulebook.ways,
        callers=callers,
        newcomer="" if ANYONE in rulebook.open_to else author_of(event, rulebook).key,
        written_at=event.envelope.received_at
        if imported or event.envelope.route.startswith("imap:")
        else None,
    )


def _person_of(claim: Claim) -> int:
    return tokens.act_of(claim)[0] if claim.holder is Holder.ACT else claim.number


def _customers(mail: Mail, rulebook: Rulebook) -> tuple[str, ...]:
    """For whom an agent's mail may open a ticket: whose mail it passes on, or the people outside to whom it went."""
    original = mail.forwarded.from_ if mail.forwarded else None
    people = (original,) if original is not None and original.address else (*mail.to, *mail.cc)
    outside = (
        one.key for one in people if not rulebook.is_own(one.address) and rulebook.agent(one.address) is None
    )
    return tuple(dict.fromkeys(outside))[: rulebook.limits.participants]


def _tokens(event: MessageArrived, rulebook: Rulebook) -> tuple[str, ...]:
    identity = rulebook.identity
    return tokens.candidates(token_addresses(event), identity.addresses, identity.delimiter)


@dataclass(frozen=True, slots=True)
class _Found:
    """A candidate: a ticket that some evidence names. `scope`, `sent` and `proved` as in `Match`."""

    ticket: Ticket
    evidence: Evidence
    what: str
    scope: Scope | None = None
    sent: SentMail | None = None
    proved: bool = False
    holder: Holder | None = None
    act: int | None = None


def bound_to(ticket: Ticket) -> str:
    """What a link in a mail is good for: the ticket's state, and since when it is in it."""
    since = ticket.closed_at if ticket.state is State.CLOSED else ticket.solved_at
    return f"{ticket.state} {since.astimezone(UTC).isoformat() if since else ''}"


class _Matching:
    """One mail being matched; collects reasons, leaks and bounces on the way."""

    def __init__(self, event: MessageArrived, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> None:
        self.event, self.snapshot, self.rulebook, self.given = event, snapshot, rulebook, given
        self.reasons: list[Reason] = []
        self.related: dict[int, None] = {}
        self.leaked: dict[int, Person] = {}
        self.bounced: dict[int, SentMail] = {}
        self.apart: SentMail | None = None
        mail = event.mail
        self.stranger = mail.proof.dmarc is Verdict.FAIL
        self.sender = mail.sender
        self.imported = event.envelope.route == IMPORT
        """Whoever has an archive gains nothing by what stands in it, so its threads are believed."""

    def no(self, what: str, why: str) -> None:
        self.reasons.append(Reason("thread", "rejected", f"{what}: {why}"))

    def is_sender(self, person: Person | None) -> bool:
        """Whether the mail's only From is an address of this person."""
        if person is None or self.sender is None:
            return False
        return self.snapshot.is_at(person, self.sender.key)

    def takes_part(self, ticket: Ticket) -> bool:
        """Whether the only From is the ticket's requester or a participant (an agent needs more than a From)."""
        if self.sender is None or self.stranger:
            return False
        people = (ticket.requester, *ticket.participants)
        return any(self.is_sender(person) for person in people)

    def agent_passes(self) -> bool:
        """Whether a trusted host vouches for the only From, and that is an agent."""
        sender = self.sender
        agent = self.rulebook.agent(sender.address) if sender else None
        return (
            agent is not None and not self.event.envelope.unauthenticated and vouched(self.event, agent.login)
        )

    def weigh(self, claim: Claim, what: str, person: Person | None, current: bool) -> tuple[bool, bool]:
        """(threads, proved) for a genuine token."""
        if claim.holder is Holder.COPY:
            self.no(what, "a team's copy is for many, and no evidence of anybody")
            return False, False
        if self.stranger:
            self.no(what, "a trusted host says dmarc=fail, so the sender is a stranger")
            return False, False
        if self.is_sender(person):
            power = current and not self.event.envelope.unauthenticated
            return True, power
        if claim.holder is Holder.AGENT:
            self.no(what, "an agent's token in somebody else's mail is no evidence")
            if person is not None:
                self.leaked[person.id] = person
            return False, False
        return True, False

    def address_tokens(self) -> Iterator[_Found]:
        for token in _tokens(self.event, self.rulebook):
            shaped = tokens.read(token)
            if shaped is not None and shaped[0].holder is Holder.ACT:
                yield from self.act_token(token, shaped[0])
                continue
            verified = tokens.verify(token, self.snapshot.keys, self.given.now)
            if verified is None:
                if shaped is not None:
                    self.no("token in an address", "does not verify")
                continue
            claim, key = verified
            if claim.holder is Holder.BOUNCE:
                sent = self.snapshot.outbox.get(claim.number)
                if sent is not None:
                    self.bounced[sent.outbox] = sent
                continue
            ticket = self.snapshot.resolve(claim.ticket)
            what = f"token for ticket {claim.ticket} ({claim.holder.name.lower()}, {claim.scope})"
            threads, proved = self.weigh(
                claim, what, self.snapshot.persons.get(claim.number), key.retired_at is None
            )
            if ticket is None:
                self.no(what, "no such ticket")
            elif threads:
                sent = self.answered(ticket)
                yield _Found(ticket, Evidence.ADDRESS_TOKEN, what, claim.scope, sent, proved, claim.holder)

    def act_token(self, token: str, claim: Claim) -> Iterator[_Found]:
        """A link in a mail of ours was used: good for its act alone, for whom it was sent to, as long as the ticket is as it was."""
        ticket = self.snapshot.resolve(claim.ticket)
        person, act = tokens.act_of(claim)
        what = f"link of ticket {claim.ticket}"
        if (
            ticket is None
            or tokens.verify(token, self.snapshot.keys, self.given.now, bound_to(ticket)) is None
        ):
            self.no(what, "does not verify, or the ticket has moved on since")
        elif self.stranger or not self.is_sender(self.snapshot.persons.get(person)):
            self.no(what, "used by somebody else than it was sent to")
        else:
            yield _Found(ticket, Evidence.ADDRESS_TOKEN, what, Scope.PUBLIC, holder=Holder.REQUESTER, act=act)

    def answered(self, ticket: Ticket) -> SentMail | None:
        """The newest mail of ours about this ticket that the mail says it answers."""
        for mid in answered_ids(self.event):
            sent = self.snapshot.sent.get(mid)
            if (
                sent is not None
                and sent.ticket is not None
                and self.snapshot.resolve(sent.ticket) == ticket
                and self.is_sender(sent.person)
            ):
                return sent
        return None

    def message_id_tokens(self) -> Iterator[_Found]:
        for mid in answered_ids(self.event):
            sent = self.snapshot.sent.get(mid)
            if sent is None:
                continue
            key = tokens.verify_message_id(mid, claim_of(sent), self.snapshot.keys, self.given.now)
            what = f"our {sent.kind} to {sent.role} about {f'ticket {sent.ticket}' if sent.ticket else 'no ticket'}"
            if key is None:
                self.no(what, "its Message-ID does not verify")
                continue
            threads, proved = self.weigh(claim_of(sent), what, sent.person, key.retired_at is None)
            if sent.ticket is None:
                self.apart = self.apart or (sent if proved else None)
                continue
            ticket = self.snapshot.resolve(sent.ticket)
            if threads and ticket is not None:
                yield _Found(
                    ticket, Evidence.MESSAGE_ID_TOKEN, what, sent.scope, sent, proved, holder_of(sent.role)
                )

    def hints(self) -> Iterator[_Found]:
        """What anybody could know: ancestors' Message-IDs and the number. They thread for who takes part, or an agent with a pass."""
        named: list[tuple[Evidence, str, int]] = []
        for mid in answered_ids(self.event):
            named += [
                (Evidence.ANCESTOR, f"ancestor {mid}", number)
                for number in self.snapshot.ancestors.get(mid, ())
            ]
        named += [
            (Evidence.ANSWERED, f"own Message-ID {mid}", number) for mid, number in self.answers_to_it()
        ]
        for number in subject_numbers(self.event.mail.subject, self.rulebook.identity.tag):
            named.append((Evidence.SUBJECT, f"subject tag #{number}", number))
        for evidence, what, number in named:
            ticket = self.snapshot.resolve(number)
            if ticket is None:
                self.no(what, "no such ticket")
            elif (
                self.imported
                and evidence is Evidence.SUBJECT
                and ticket.created_at > self.event.envelope.received_at
            ):
                self.no(what, f"ticket {ticket.id} is younger than the mail, which means another system's")
            elif self.imported and evidence is not Evidence.SUBJECT:
                yield _Found(ticket, evidence if evidence is Evidence.ANSWERED else Evidence.ARCHIVE, what)
            elif self.takes_part(ticket) or (self.agent_passes() and self.shown(ticket)):
                yield _Found(ticket, evidence, what, sent=self.copied(ticket))
            elif self.agent_passes():
                self.no(what, f"ticket {ticket.id} is of a private team, which is not the sender's")
            else:
                self.no(what, f"the sender takes no part in ticket {ticket.id}")
                self.related[ticket.id] = None

    def answers_to_it(self) -> Iterator[tuple[str, int]]:
        """Out of an archive parts of a conversation come in any order: tickets in which this mail was answered already."""
        mid = self.event.mail.message_id
        if self.imported and mid:
            yield from ((mid, number) for number in self.snapshot.ancestors.get(mid, ()))

    def shown(self, ticket: Ticket) -> bool:
        """Whether the sender, an agent, may see it."""
        agent = self.rulebook.agent(self.sender.address) if self.sender else None
        return may_see(agent, ticket, self.rulebook)

    def copied(self, ticket: Ticket) -> SentMail | None:
        """The newest copy for a team about this ticket that an agent, with a pass, answers."""
        if not self.agent_passes():
            return None
        sent = (self.snapshot.sent.get(mid) for mid in answered_ids(self.event))
        copies = (
            one for one in sent if one is not None and one.role is Role.TEAM_COPY and one.ticket is not None
        )
        return next((one for one in copies if self.snapshot.resolve(one.ticket or 0) == ticket), None)

    def is_ours(self) -> bool:
        """Whether this very mail is one that we sent (by a verified Message-ID, never by From)."""
        mid = self.event.mail.message_id
        sent = self.snapshot.sent.get(mid) if mid else None
        return (
            sent is not None
            and mid is not None
            and tokens.verify_message_id(mid, claim_of(sent), self.snapshot.keys, self.given.now) is not None
        )

    def run(self) -> Match:
        found = [*self.address_tokens(), *self.message_id_tokens(), *self.hints()]
        best = found[0] if found else None
        for other in found[1:]:
            if best is not None and other.ticket.id != best.ticket.id:
                self.no(other.what, f"weaker than the {best.evidence}, which names ticket {best.ticket.id}")
                self.related[other.ticket.id] = None
        result = Match(
            related=tuple(number for number in self.related if best is None or number != best.ticket.id),
            leaked=tuple(self.leaked.values()),
            bounced=tuple(self.bounced.values()),
            ours=self.is_ours(),
        )
        if best is None:
            self.reasons.append(
                Reason("thread", "no ticket", "nothing in the mail belongs to a ticket of the sender's")
            )
            if self.apart is not None:
                self.reasons.append(
                    Reason("thread", "an answer to a mail about no ticket", f"our {self.apart.kind}")
                )
            proved = self.apart is not None
            return replace(result, sent=self.apart, proved=proved, reasons=tuple(self.reasons))
        same = [one for one in found if one.ticket.id == best.ticket.id]
        self.reasons.append(Reason("thread", f"ticket {best.ticket.id}", f"{best.evidence}: {best.what}"))
        return replace(
            result,
            ticket=best.ticket,
            evidence=best.evidence,
            scope=_scope(same),
            sent=next((one.sent for one in same if one.sent is not None), None),
            proved=any(one.proved for one in same),
            holder=next((one.holder for one in same if one.holder is not None), None),
            act=next((one.act for one in same if one.act is not None), None),
            reasons=tuple(self.reasons),
        )


def _scope(found: list[_Found]) -> Scope | None:
    """The narrower of what the address and the newest mail answered say: when in doubt an answer stays inside."""
    answered = next((one for one in found if one.evidence is Evidence.MESSAGE_ID_TOKEN), None)
    addressed = [one for one in found if one.evidence is Evidence.ADDRESS_TOKEN]
    scopes = {one.scope for one in (*addressed, *([answered] if answered else []))}
    if Scope.INTERNAL in scopes:
        return Scope.INTERNAL
    return Scope.PUBLIC if Scope.PUBLIC in scopes else None


def shown_by(event: MessageArrived) -> str:
    """The address that a mail shows as its sender's, "" for none or several."""
    return event.mail.sender.key if event.mail.sender else ""


def leak(agent: str, event: MessageArrived) -> str:
    """What the desk remembers that it warned an agent of: his token in mail of this sender."""
    return f"{agent} leaked to {shown_by(event)}"


def vouched(event: MessageArrived, login: str | None = None) -> bool:
    """An aligned pass for the only From (CONTRACT §4): DMARC of its domain, or a log-in as that address (or `login`)."""
    sender, proof = event.mail.sender, event.mail.proof
    if sender is None or event.envelope.unauthenticated:
        return False
    names = {sender.key} | ({login.lower()} if login else set())
    return proof.dmarc is Verdict.PASS or (
        proof.dmarc is not Verdict.FAIL and proof.login is not None and proof.login.lower() in names
    )


def match(event: MessageArrived, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Match:
    """The thread decision for one mail."""
    return _Matching(event, snapshot, rulebook, given).run()
