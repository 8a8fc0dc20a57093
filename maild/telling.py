"""From `Tell` to an outbox row: who it goes to, the chain it threads in, its tokens, its bytes. In the ticket's transaction."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from maild.composing import Composed, Draft, compose
from maild.desk import tokens
from maild.desk.effects import Tell
from maild.desk.facts import Address
from maild.desk.matching import holder_of
from maild.desk.people import Person
from maild.desk.rulebook import Identity
from maild.desk.tokens import Claim, Holder
from maild.desk.words import Happening, Role, Scope
from maild.errors import Problem
from maild.message.outgoing import File, Outgoing
from maild.showing import Occasion, Showing
from maild.site import Site
from store import Work
from store.rows import Chain, NewMail, NewMessage

log = structlog.get_logger("maild.telling")

STORM = timedelta(hours=1)
_REPLIED = frozenset(
    (
        "acknowledgement",
        "transcript",
        "list",
        "show",
        "report",
        "questions",
        "runbook",
        "status",
        "help",
        "refused",
        "supplied",
    )
)
_SUMS = frozenset(("digest", "morning", "weekly"))
"""What sums things up is never too much."""
_KINDS = frozenset(("acknowledgement", "notice"))


def fresh() -> str:
    """Eight characters (a to z, 2 to 7) never used before."""
    return base64.b32encode(secrets.token_bytes(5)).decode("ascii").lower()


@dataclass(frozen=True, slots=True)
class Begun:
    """A mail that is not written yet. `key`: the number of the key of its tokens."""

    tell: Tell
    person: Person
    key: int
    draft: Draft


class Telling:
    """Queues the mails of one transaction. Reads what they show once, whoever they go to.

    `problems`: own templates that failed, so that the shipped ones were used.
    """

    def __init__(self, work: Work, site: Site, occasion: Occasion) -> None:
        self.work, self.site, self.occasion = work, site, occasion
        self.rulebook, self.identity = site.rulebook, site.rulebook.identity
        self.problems: list[Problem] = []
        self._showing = Showing(work, site, occasion)
        self._shown: dict[str, int] = {}

    def all(self, tells: Sequence[Tell]) -> None:
        """Render and queue every one of them; what is too much for an agent waits for a digest."""
        mails = [self._mail(one, compose(self.site.templates, one.draft)) for one in self._begun(tells)]
        if mails:
            log_queued(mails, queue(self.work, mails))

    def begin(self, tells: Sequence[Tell], unsent: Iterable[Begun] = ()) -> list[Begun]:
        """What `all` does up to the words of the mails, with which they are `written` and can be queued. For tells that `are_apart`. `unsent`: what
        others have begun and not queued so far."""
        return [*self._begun(tells, unsent)]

    def written(self, begun: Sequence[Begun], composed: Sequence[Composed]) -> list[NewMail]:
        """What was begun, with the words that were made meanwhile."""
        return [self._mail(one, made) for one, made in zip(begun, composed, strict=True)]

    def are_apart(self, tells: Sequence[Tell]) -> bool:
        """Whether none of these mails shows what another of them may have said."""
        return not any(self._showing.shows_all(tell) or tell.form == "closed" for tell in tells)

    def _begun(self, tells: Sequence[Tell], unsent: Iterable[Begun] = ()) -> Iterator[Begun]:
        chosen = self._out_of_storm(tells, unsent)
        if not chosen:
            return
        people = self._people(chosen)
        ticket, occasion = self.occasion.ticket, self.occasion
        chains = (
            self.work.chains(ticket.id, [one.id for one in people]) if ticket and not occasion.opened else {}
        )
        key = self.work.keys()[0]
        for tell, person in zip(chosen, people, strict=True):
            yield self._draft(tell, person, chains.get(person.id), key)

    def _people(self, tells: Sequence[Tell]) -> list[Person]:
        """Who they go to; the requester as the ticket has him."""
        ticket = self.occasion.ticket
        requester = ticket.requester if ticket else None
        others = [tell.to for tell in tells if requester is None or tell.to.key != requester.key]
        known = {person.key: person for person in self.work.people(others)} if others else {}
        return [
            requester if requester and tell.to.key == requester.key else self._known(known, tell)
            for tell in tells
        ]

    def _known(self, known: dict[str, Person], tell: Tell) -> Person:
        """The person, written to at the address that was meant, in the zone that the people files say."""
        person = known.get(tell.to.key) or self.work.person(tell.to)
        agent = None if tell.role.outside else self.rulebook.agent(tell.to.address)
        return replace(person, address=tell.to.address, zone=(agent.zone if agent else None) or person.zone)

    def _out_of_storm(self, tells: Sequence[Tell], unsent: Iterable[Begun]) -> list[Tell]:
        """Too many notifications to one agent become a digest, never nothing (CONTRACT §7)."""
        most, now = self.rulebook.limits.notifications_per_agent_per_hour, self.occasion.now
        inside = [tell.to.key for tell in tells if not tell.role.outside and tell.template not in _SUMS]
        if most is None or not inside:
            return list(tells)
        coming = Counter(
            one.tell.to.key for one in unsent if one.tell.automatic and not one.tell.role.outside
        )
        near = most - max(coming[key] for key in inside)
        counts = coming + Counter(self.work.agent_mails_since(inside, now - STORM, near))
        ticket = self.occasion.ticket
        chosen = []
        for tell in tells:
            if tell.to.key not in inside or tell.role.outside or counts[tell.to.key] < most:
                chosen.append(tell)
                continue
            subject = ticket.subject if ticket else (tell.lines[0] if tell.lines else "")
            number = ticket.id if ticket else None
            self.work.add_digest(
                tell.to.address, tell.role, number, subject, [*tell.happenings], now, now + STORM, "storm"
            )
        return chosen

    def _draft(self, tell: Tell, person: Person, chain: Chain | None, key: tokens.Key) -> Begun:
        ticket = self.occasion.ticket
        claim = Claim(
            holder_of(tell.role), tell.scope or Scope.INTERNAL, ticket.id if ticket else 0, person.id, key.id
        )
        mid = tokens.message_id(claim, key, fresh(), self.identity.message_id_domain or self.identity.domain)
        reply_to = self._reply_address(claim, key, tell)
        files, omitted = self._showing.files(tell)
        notice = self._showing.notice(tell, person, reply_to, omitted)
        return Begun(
            tell, person, key.id, Draft(notice, self._outgoing(tell, person, chain, mid, reply_to, files))
        )

    def _mail(self, begun: Begun, composed: Composed) -> NewMail:
        occasion, ticket, tell = self.occasion, self.occasion.ticket, begun.tell
        mid = begun.draft.outgoing.message_id
        self.problems += composed.problems
        return NewMail(
            event_key=occasion.event_key,
            recipient=begun.person.address,
            person=begun.person.id,
            ticket=ticket.id if ticket else None,
            message=self._carried(tell, composed, mid),
            message_id=mid,
            key_id=begun.key,
            role=tell.role,
            scope=tell.scope or Scope.INTERNAL,
            kind=tell.template,
            public=tell.public,
            automatic=tell.automatic,
            answer=tell.template == "answer",
            raw=composed.raw,
            due_at=tell.delay or occasion.now,
            created_at=occasion.now,
        )

    def _reply_address(self, claim: Claim, key: tokens.Key, tell: Tell) -> str:
        """Where an answer goes; a team's copy is read by many, so it holds no token."""
        plain = self.identity.reply_address != "plus" or tell.role is Role.TEAM_COPY
        if plain or tell.scope is None or not claim.ticket:
            return self.identity.address
        return (
            f"{self.identity.local}{self.identity.delimiter}{tokens.mint(claim, key)}@{self.identity.domain}"
        )

    def _carried(self, tell: Tell, composed: Composed, mid: str) -> int | None:
        """The message a mail carries: the one it is about, or for automatic mail to the requester's side itself (kept once)."""
        ticket = self.occasion.ticket
        if not tell.role.outside or not tell.automatic or ticket is None:
            return self.occasion.message.id if self.occasion.message else None
        if tell.template not in self._shown:
            self._shown[tell.template] = self.work.add_message(
                NewMessage(
                    ticket=ticket.id, at=self.occasion.now, created_at=self.occasion.now, direction="out", public=True,
                    kind=tell.template if tell.template in _KINDS else "notice",
                    from_name=self.identity.name, from_address=self.identity.address, to=(tell.to.address,), cc=(),
                    subject=composed.subject, text=composed.text, reply=composed.text, message_id=mid, language=composed.language,
                )
            )  # fmt: skip
        return self._shown[tell.template]

    def _outgoing(
        self,
        tell: Tell,
        person: Person,
        chain: Chain | None,
        mid: str,
        reply_to: str,
        files: tuple[File, ...],
    ) -> Outgoing:
        """All but the words."""
        references, parent = self._thread(tell, chain)
        auto = (
            None if not tell.automatic else "auto-replied" if tell.template in _REPLIED else "auto-generated"
        )  # RFC 3834 §5
        return Outgoing(
            from_=Address(self._sender_name(tell), self.identity.address),
            to=Address(person.name or tell.to.name, person.address),
            subject="",
            text="",
            html="",
            date=self.occasion.now,
            message_id=mid,
            reply_to=Address(self.identity.name, reply_to),
            in_reply_to=parent,
            references=references,
            auto_submitted=auto,
            files=files,
        )

    def _sender_name(self, tell: Tell) -> str:
        """The desk's name, with that of the person who speaks where it helps."""
        speaks = tell.template == "answer" or (
            not tell.role.outside and tell.template in ("notification", "assigned")
        )
        actor = self.occasion.actor if speaks and Happening.BREACHED not in tell.happenings else ""
        return (
            f"{actor} ({self.identity.name})" if actor and actor != self.identity.name else self.identity.name
        )

    def _thread(self, tell: Tell, chain: Chain | None) -> tuple[tuple[str, ...], str | None]:
        """References from the recipient's own chain only (CONTRACT §4), and the mail this one answers (RFC 5322 §3.6.4)."""
        parsed, ids = self.occasion.parsed, chain.ids if chain else ()
        arrived = parsed.mail.message_id if parsed else None
        if tell.answers and arrived and self.occasion.arrived_from == tell.to.key:
            known = parsed.mail.references if parsed else ()
            return (*(ids or known), *(() if arrived in ids else (arrived,))), arrived
        if not ids:
            return (), None
        return ids, (chain.last_written if chain else None) or ids[-1]


def queue(work: Work, mails: Sequence[NewMail]) -> dict[str, int]:
    """Put mails into the outbox, and note who gets them; returns Message-ID and number of those that were not there already."""
    queued = work.queue(mails)
    work.note_sent([mail for mail in mails if mail.message_id in queued])
    return queued


def log_queued(mails: Iterable[NewMail], queued: Mapping[str, int]) -> None:
    """Say so of those that were `queued`."""
    for mail in mails:
        if mail.message_id in queued:
            log.info(
                "mail queued", outbox=queued[mail.message_id], message_id=mail.message_id, ticket=mail.ticket, kind=mail.kind
            )  # fmt: skip


def bounce_address(
    identity: Identity, key: tokens.Key, ticket: int | None, row: int, *, automatic: bool
) -> str:
    """The envelope sender of an outbox row (CONTRACT §7): a bounce address for it, or with plain addresses "" or the desk."""
    if identity.reply_address == "plus":
        token = tokens.mint(Claim(Holder.BOUNCE, Scope.PUBLIC, ticket or 0, row, key.id), key)
        return f"{identity.local}{identity.delimiter}{token}@{identity.domain}"
    return "" if automatic else identity.address
