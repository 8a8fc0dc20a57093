"""What follows when a mail arrives: the same message again, our own, a bounce, automatic mail, an answer, a new ticket."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from maild.desk.answerable import acknowledgeable
from maild.desk.answering import agent_writes
from maild.desk.course import Course
from maild.desk.effects import (
    NEW,
    AddMessage,
    AddRoute,
    Change,
    Decision,
    Given,
    Link,
    MarkFailed,
    OpenTicket,
    RemoveParticipant,
    Tell,
)
from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Kind
from maild.desk.matching import Match, match
from maild.desk.people import Person, SentMail, Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.sla import due_at_opening, policy_for
from maild.desk.snapshot import Snapshot
from maild.desk.standing import Standing, standing
from maild.desk.tokens import Holder
from maild.desk.words import Happening, Role, State
from maild.desk.workflow import Act, Who, after

NOBODY = Address("", "")
_UNMATCHED = (Kind.AUTO_REPLY, Kind.RECEIPT)


def arrived(event: MessageArrived, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """The decision for one mail."""
    mail, envelope = event.mail, event.envelope
    author = _author(event, rulebook)
    course = Course(snapshot, rulebook, given, author.key or "desk")
    if snapshot.same is not None:
        return _same_again(event, course)
    found = match(event, snapshot, rulebook, given)
    course.reasons += found.reasons
    course.why("kind", mail.kind, "; ".join(mail.kind_reasons))
    if found.ours:
        course.why("loop", "kept without a ticket", "this is a mail that we sent ourselves")
        course.add(AddMessage(None, author, "in", False, mail.kind, mail.text))
        course.record(
            "own mail came back",
            message_id=mail.message_id,
            route=envelope.route,
            recipients=list(envelope.recipients),
        )
        return course.decision()
    who = standing(event, found, rulebook)
    course.why("sender", author.address or "nobody", who.why)
    _warn(course, found, who)
    bounced = _bounced(event, snapshot, found)
    if bounced is not None:
        return _bounce(event, course, bounced, by_address=bool(found.bounced))
    if found.bounced:
        return _at_bounce_address(event, course, found.bounced[0], author)
    if mail.kind is not Kind.PERSON or (
        who.agent is not None and found.ticket is not None and envelope.sender == ""
    ):
        return _automatic(event, course, found, author)
    if found.ticket is not None and who.agent is not None and not _own_request(found, who):
        course.ticket = found.ticket
        agent_writes(event, course, found, who, who.agent)
        return course.decision()
    if found.ticket is not None and not _too_late(found.ticket, rulebook, given):
        return _reply(event, course, found, who, author)
    return _open(event, course, found, who, author)


def _own_request(found: Match, who: Standing) -> bool:
    """Whether an agent writes as the requester of a ticket of his own."""
    requester = found.ticket.requester.key if found.ticket else ""
    return who.agent is not None and requester == who.agent.address and found.holder is not Holder.AGENT


def _author(event: MessageArrived, rulebook: Rulebook) -> Address:
    """Who is the requester: From; for senders under `desk.forms` that are proved, Reply-To (CONTRACT §7)."""
    mail = event.mail
    sender = mail.sender or (mail.from_[0] if mail.from_ else NOBODY)
    form = sender.key in rulebook.identity.forms or sender.domain in rulebook.identity.forms
    proved = mail.proof.dmarc == "pass" or (mail.proof.login or "").lower() == sender.key
    if form and proved and mail.reply_to and not event.envelope.unauthenticated:
        return mail.reply_to[0]
    return sender


def _same_again(event: MessageArrived, course: Course) -> Decision:
    same = course.snapshot.same
    assert same is not None
    course.ticket = course.snapshot.tickets.get(same.ticket) if same.ticket else None
    course.why(
        "identity",
        f"message {same.id} again",
        "Message-ID, From, Date and text are those of a message we have",
    )
    course.add(AddRoute(same.id))
    course.record(
        "route",
        route=event.envelope.route,
        recipients=list(event.envelope.recipients),
        message=same.id,
        again=True,
    )
    return course.decision()


def _warn(course: Course, found: Match, who: Standing) -> None:
    """Tell the real agents whose name or token somebody else used."""
    if who.impostor is not None:
        agent = who.impostor
        course.warn(
            Address(agent.name, agent.address),
            "a mail with your address as From came in without proof; it was taken as a stranger's",
        )
    for person in found.leaked:
        agent_now = course.rulebook.agent(person.address)
        if agent_now is not None:
            course.warn(
                Address(agent_now.name, agent_now.address),
                "somebody else's mail showed a reply token of yours; it had no effect",
            )


def _route(event: MessageArrived, course: Course) -> None:
    envelope = event.envelope
    course.record(
        "route",
        route=envelope.route,
        recipients=list(envelope.recipients),
        sender=envelope.sender,
        peer=envelope.peer,
    )


def _bounced(event: MessageArrived, snapshot: Snapshot, found: Match) -> SentMail | None:
    """The mail of ours that did not arrive: by our bounce address, else by the Message-ID the report names."""
    if event.mail.kind is not Kind.BOUNCE:
        return None
    if found.bounced:
        return found.bounced[0]
    bounce = event.mail.bounce
    return snapshot.sent.get(bounce.original_message_id) if bounce and bounce.original_message_id else None


def _at_bounce_address(event: MessageArrived, course: Course, sent: SentMail, author: Address) -> Decision:
    """Anything else at a bounce address: it gives no rights and is never answered; agents see it, nothing changes."""
    course.ticket = course.snapshot.resolve(sent.ticket) if sent.ticket else None
    course.why(
        "bounce address", "kept", f"written to the bounce address of our {sent.kind} to {sent.person.address}"
    )
    course.add(
        AddMessage(
            course.ticket.id if course.ticket else None, author, "in", False, event.mail.kind, event.mail.text
        )
    )
    _route(event, course)
    if course.ticket is not None and event.mail.kind is Kind.PERSON:
        course.happened(Happening.REPLIED)
        course.tell(
            internal=True,
            lines=("This came to a bounce address: it may be a failure notice in a form of its own.",),
        )
    return course.decision()


def _bounce(event: MessageArrived, course: Course, sent: SentMail, *, by_address: bool) -> Decision:
    """A report about a mail of ours marks its delivery; a permanent one is told to who is responsible (RFC 3464).

    One that names only a Message-ID can be forged by everybody who knows that: it marks the delivery and does no more.
    """
    mail, bounce = event.mail, event.mail.bounce
    course.actor = "desk"
    course.ticket = course.snapshot.resolve(sent.ticket) if sent.ticket else None
    course.why("bounce", f"of our {sent.kind} to {sent.person.address}", "; ".join(mail.kind_reasons))
    course.add(
        AddMessage(
            course.ticket.id if course.ticket else None,
            _author(event, course.rulebook),
            "in",
            False,
            mail.kind,
            mail.text,
        )
    )
    _route(event, course)
    failed = bounce.recipients[0] if bounce and bounce.recipients else None
    reason = " ".join(filter(None, (failed.status, failed.diagnostic))) if failed else mail.subject
    if bounce is None or not bounce.permanent:
        course.record("delayed", to=sent.person.address, reason=reason)
        return course.decision()
    course.add(MarkFailed(sent.outbox, reason))
    if not by_address:
        course.record("undeliverable", to=sent.person.address, reason=reason, by="Message-ID alone")
        return course.decision()
    undeliverable(
        course, sent.person.address, reason, answer=sent.kind == "answer", inside=not sent.role.outside
    )
    return course.decision()


def undeliverable(course: Course, recipient: str, reason: str, *, answer: bool, inside: bool) -> None:
    """A mail of ours failed for good: said in the history, told to who is responsible; an agent's answer reopens the ticket.

    A mail to an agent that fails is told to the admins (once a day, and not to that agent), so that no failure feeds on itself.
    """
    course.record("undeliverable", to=recipient, reason=reason)
    if inside:
        for admin in course.rulebook.admins:
            if admin.address != recipient.lower():
                course.warn(
                    Address(admin.name, admin.address),
                    f"mail to {recipient} cannot be delivered: {reason}",
                    about=recipient.lower(),
                )
        return
    if course.ticket is None:
        return
    if answer:
        course.set_state(after(course.ticket.state, Act.FAIL, Who.DESK), course.given.now)
    course.happened(Happening.UNDELIVERABLE)
    course.tell(internal=True, lines=(f"{recipient}: {reason}",))


def _automatic(event: MessageArrived, course: Course, found: Match, author: Address) -> Decision:
    """Automatic mail changes nothing of an existing ticket (RFC 3834 §2); it may open one, unacknowledged."""
    mail, ticket = event.mail, found.ticket
    if ticket is None and mail.kind in _UNMATCHED:
        course.why("automatic", "kept unmatched", f"an {mail.kind} that belongs to no ticket")
        course.add(AddMessage(None, author, "in", False, mail.kind, mail.text))
        _route(event, course)
        return course.decision()
    if ticket is None:
        return _open(event, course, found, Standing(None, None, False, False, ""), author)
    course.ticket = ticket
    course.why(
        "automatic", f"kept with ticket {ticket.id}", "automatic mail changes no state, clock or assignment"
    )
    course.add(AddMessage(ticket.id, author, "in", True, mail.kind, mail.text))
    _route(event, course)
    course.record("automatic mail", kind=mail.kind, **{"from": author.address})
    return course.decision()


def _too_late(ticket: Ticket, rulebook: Rulebook, given: Given) -> bool:
    """Whether the ticket has been closed so long that an answer opens a follow-up."""
    closed = ticket.closed_at
    return ticket.state is State.CLOSED and closed is not None and given.now - closed > rulebook.limits.reopen


def _heard(event: MessageArrived) -> frozenset[str]:
    """Who has this very mail already: To and Cc of it."""
    return frozenset(address.key for address in (*event.mail.to, *event.mail.cc))


def _reply(event: MessageArrived, course: Course, found: Match, who: Standing, author: Address) -> Decision:
    """A person of the requester's side (or a stranger with a token) adds to the ticket."""
    mail, ticket = event.mail, found.ticket
    assert ticket is not None
    course.ticket = ticket
    if _leaves(event, ticket, who):
        course.why("participants", f"{author.address} leaves", "#unwatch alone, with proof of who asks")
        course.add(RemoveParticipant(ticket.id, author.address))
        _route(event, course)
        course.record("participants", left=[author.address])
        return course.decision()
    course.add(AddMessage(ticket.id, author, "in", True, mail.kind, mail.text))
    _route(event, course)
    course.happened(Happening.REPLIED)
    lines = _join(event, course, who)
    if author.key not in _keys(ticket):
        lines = (
            *lines,
            f"{author.address} takes no part in this ticket: an answer goes to the requester, not to this address",
        )
    course.record("replied", **{"from": author.address, "evidence": found.evidence})
    if ticket.state is State.SPAM:
        course.happenings.clear()
    course.set_state(after(ticket.state, Act.WRITE, Who.REQUESTER), course.given.now)
    course.tell(already=_heard(event), lines=lines)
    return course.decision()


def _leaves(event: MessageArrived, ticket: Ticket, who: Standing) -> bool:
    """Whether a participant, proved to be the one, wants to hear no more of the ticket (CONTRACT §4)."""
    sender = event.mail.sender
    participants = {person.key for person in ticket.participants}
    alone = event.mail.reply.strip().lower() == "#unwatch"
    return alone and who.proved and sender is not None and sender.key in participants


def _keys(ticket: Ticket) -> set[str]:
    return {ticket.requester.key, *(person.key for person in ticket.participants)}


def _join(event: MessageArrived, course: Course, who: Standing) -> tuple[str, ...]:
    """People in copy join when the proved requester or an agent brings them. Returns lines for the agents."""
    ticket, sender = course.ticket, event.mail.sender
    assert ticket is not None
    requester = sender is not None and sender.key == ticket.requester.key
    return course.join(event.mail, believed=who.agent is not None or (who.proved and requester))


def _open(event: MessageArrived, course: Course, found: Match, who: Standing, author: Address) -> Decision:
    """A ticket of its own: opened, routed to the first team, linked to what it may belong to, acknowledged when that may be."""
    mail, envelope, rulebook = event.mail, event.envelope, course.rulebook
    opening = _opening(event, course, author)
    course.add(opening)
    course.ticket = _as_opened(opening, course, author)
    course.why("ticket", "opened", f"for {author.address or 'nobody'}, {course.ticket.team or 'no team'}")
    course.add(AddMessage(NEW, author, "in", True, mail.kind, mail.text))
    course.happened(Happening.CREATED)
    course.record("created", channel=course.ticket.channel, requester=author.address, team=course.ticket.team)
    _route(event, course)
    lines = _join(event, course, who)
    if found.ticket is not None:
        course.add(Link(NEW, found.ticket.id, "follow-up"))
        course.why(
            "thread",
            f"follow-up of ticket {found.ticket.id}",
            "it has been closed for longer than limits.reopen",
        )
    for number in found.related:
        if found.ticket is None or number != found.ticket.id:
            course.add(Link(NEW, number, "related"))
            lines = (
                *lines,
                f"Possibly related: ticket {number} (the mail names it, but its sender takes no part in it)",
            )
    team = rulebook.teams.get(course.ticket.team or "")
    if team is not None and team.responsible:
        course.change((Change("assignee", None, team.responsible),))
        course.happenings.pop(Happening.ASSIGNED, None)  # a new ticket is told as new
    verdict = acknowledgeable(event, author.address, course.snapshot, rulebook, course.given)
    silent = envelope.route == "import"
    if not silent:
        course.tell(already=_heard(event) - {author.key}, unless={author.key: verdict.refusals}, lines=lines)
    return course.decision()


def _subject(subject: str, rulebook: Rulebook) -> str:
    """The mail's subject without tags of ours."""
    own = re.sub(
        rf"\[\s*{re.escape(rulebook.identity.tag)}\s*#\d{{1,12}}\s*\]\s*", "", subject, flags=re.IGNORECASE
    )
    return " ".join(own.split())[:500]


def _opening(event: MessageArrived, course: Course, author: Address) -> OpenTicket:
    mail, rulebook = event.mail, course.rulebook
    person = course.snapshot.people.get(author.key)
    organisation = rulebook.organisation_of(author.address)
    name = (
        person.organisation if person and person.organisation else organisation.name if organisation else None
    )
    language = (
        mail.language
        or (person.language if person else None)
        or (organisation.language if organisation else None)
    )
    team = next(iter(rulebook.teams), None)
    policy = policy_for(
        rulebook, organisation=name, address=author.address, team=team, priority=rulebook.default_priority
    )
    received = event.envelope.received_at
    due = (
        due_at_opening(rulebook, policy, rulebook.default_priority, received)
        if policy and event.envelope.route != "import"
        else {}
    )
    return OpenTicket(
        subject=_subject(mail.subject, rulebook),
        requester=author,
        received_at=received,
        language=language or rulebook.identity.language,
        channel="email",
        organisation=name,
        team=team,
        priority=rulebook.default_priority,
        sla=policy.key if policy else None,
        due=due,
    )


def _as_opened(opening: OpenTicket, course: Course, author: Address) -> Ticket:
    """The ticket as it will stand, for deciding who is told."""
    person = course.snapshot.people.get(author.key) or Person(
        0, author.name, author.address, opening.organisation
    )
    now: datetime = course.given.now
    return Ticket(
        id=NEW,
        subject=opening.subject,
        state=State.NEW,
        requester=replace(person, address=author.address),
        received_at=opening.received_at,
        created_at=now,
        updated_at=now,
        priority=opening.priority,
        language=opening.language,
        channel=opening.channel,
        organisation=opening.organisation,
        team=opening.team,
        sla=opening.sla,
    )


def admins_alert(rulebook: Rulebook, what: tuple[str, ...]) -> tuple[Tell, ...]:
    """Mails to the admins that something is wrong with the desk."""
    return tuple(
        Tell(None, Address(agent.name, agent.address), Role.ADMIN, "alert", (), None, False, True, what)
        for agent in rulebook.admins
    )
