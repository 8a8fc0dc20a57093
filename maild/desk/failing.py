"""What follows when a mail of ours did not arrive, or somebody reports of it: failures, complaints, receipts, bounce addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from maild.desk.course import Course
from maild.desk.effects import AddMessage, Change, Decision, MarkFailed, Record, Suppress, Tell
from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Kind, Mail, Verdict
from maild.desk.matching import Match
from maild.desk.people import SentMail
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Snapshot
from maild.desk.words import Happening, Role
from maild.desk.workflow import Act, Who, after

SUPPRESSING: Final = frozenset(("5.1.1", "5.1.6", "5.1.10", "5.2.1"))
"""There is no such mailbox, it moved, it takes no mail at all, it is disabled (RFC 3463 §3.2, §3.3, RFC 7505 §4.1)."""

_POSTMASTER = re.compile(
    r"(?:postmaster|abuse|mailer-daemon|complaints?|scomp|staff|(?:fbl|feedback-?(?:loop|report)?|arf)(?:[-+._].*)?)"
)
"""Who speaks for a domain in abuse reports, and no mere user of it (RFC 2142 §2, RFC 6449 §3.3)."""

_REPORTS = (Kind.BOUNCE, Kind.REPORT, Kind.RECEIPT)


@dataclass(frozen=True, slots=True)
class Failure:
    """A mail of ours that failed for good. `status`: enhanced (RFC 3463), of this mail's own recipient, None when not told.

    `by`: "relay", which refused it, or "bounce", a report at its bounce address.
    """

    sent: SentMail
    reason: str
    status: str | None
    by: str


def reported(event: MessageArrived, snapshot: Snapshot, found: Match) -> SentMail | None:
    """The mail of ours that a report is about: by our bounce address, else by the Message-ID that the report names."""
    mail = event.mail
    if mail.kind not in _REPORTS:
        return None
    if found.bounced:
        return found.bounced[0]
    named = mail.bounce.original_message_id if mail.bounce else None
    named = named or (mail.report.original_message_id if mail.report else None)
    return snapshot.sent.get(named) if named else None


def report_arrived(event: MessageArrived, course: Course, sent: SentMail, author: Address, *, by_address: bool) -> Decision:  # fmt: skip
    """A report about a mail of ours: kept with its ticket; what it does depends on its kind and its evidence."""
    mail = event.mail
    course.actor = "desk"
    course.ticket = course.snapshot.resolve(sent.ticket) if sent.ticket else None
    course.why(mail.kind, f"of our {sent.kind} to {sent.person.address}", "; ".join(mail.kind_reasons))
    ticket = course.ticket.id if course.ticket else None
    course.add(AddMessage(ticket, author, "in", False, mail.kind, mail.text))
    course.route(event.envelope)
    if mail.kind is Kind.BOUNCE:
        _bounce(mail, course, sent, by_address=by_address)
    elif mail.kind is Kind.REPORT:
        _complaint(event, course, sent, by_address=by_address)
    else:
        what = mail.report.what if mail.report else "receipt"
        course.record("receipt", what=what, of=sent.kind, to=sent.person.address)
    return course.decision()


def at_bounce_address(event: MessageArrived, course: Course, sent: SentMail, author: Address) -> Decision:
    """Anything else at a bounce address: it gives no rights and is never answered; agents see it, nothing changes."""
    course.ticket = course.snapshot.resolve(sent.ticket) if sent.ticket else None
    course.why(
        "bounce address", "kept", f"written to the bounce address of our {sent.kind} to {sent.person.address}"
    )
    ticket = course.ticket.id if course.ticket else None
    course.add(AddMessage(ticket, author, "in", False, event.mail.kind, event.mail.text))
    course.touched = False  # it is no sign of life of anybody in the ticket
    course.route(event.envelope)
    if course.ticket is not None and event.mail.kind is Kind.PERSON:
        course.happened(Happening.UNDELIVERABLE)
        course.tell(
            internal=True,
            lines=("This came to a bounce address: it may be a failure notice in a form of its own.",),
        )
    return course.decision()


def _bounce(mail: Mail, course: Course, sent: SentMail, *, by_address: bool) -> None:
    """A permanent failure marks the delivery (RFC 3464 §2.3.3); told by its bounce address, it is a failure like the relay's.

    A report that names only a Message-ID can be forged by everybody who knows that: it marks the delivery and does no more.
    """
    bounce, to = mail.bounce, sent.person.address
    failed = bounce.recipients if bounce else ()
    own = next((one for one in failed if one.address.lower() == sent.person.key), None)
    shown = own or (failed[0] if failed else None)
    reason = " ".join(filter(None, (shown.status, shown.diagnostic))) if shown else mail.subject
    if bounce is None or not bounce.permanent:
        course.record("delayed", to=to, reason=reason)
    elif by_address:
        status = own.status if own is not None and not own.guessed else None
        undeliverable(course, Failure(sent, reason, status, "bounce"))
    else:
        course.add(MarkFailed(sent.outbox, reason, "message-id"))
        course.record("undeliverable", to=to, reason=reason, by="Message-ID alone")


def undeliverable(course: Course, failure: Failure) -> None:
    """A mail of ours failed for good: marked, said in the history, told once to who is responsible.

    The failed answer of an agent reopens the ticket and meets no promise. An address that does not exist gets nothing automatic any more.
    """
    sent, to = failure.sent, failure.sent.person.address
    course.add(MarkFailed(sent.outbox, failure.reason, failure.by))
    again = sent.failed_by in ("relay", "bounce")
    course.record("undeliverable", to=to, reason=failure.reason, **({"again": True} if again else {}))
    if again:
        course.why("failure", "told before", f"our {sent.kind} to {to} is known to have failed")
    elif sent.role.outside:
        _outside(course, failure)
    else:
        _inside(course, to, failure.reason)


def _outside(course: Course, failure: Failure) -> None:
    sent, to = failure.sent, failure.sent.person.address
    lines = [f"{to}: {failure.reason}"]
    if failure.status in SUPPRESSING and suppress(course, to, f"{failure.status}, said by {failure.by}"):
        lines.append(f"Nothing automatic goes to {to} any more until somebody writes from there, or: maild person allow {to}")  # fmt: skip
    if course.ticket is None:
        return
    if sent.kind == "answer" and sent.role is Role.REQUESTER:
        course.set_state(after(course.ticket.state, Act.FAIL, Who.DESK), course.given.now)
        _take_back(course, sent)
    course.happened(Happening.UNDELIVERABLE)
    course.tell(internal=True, lines=tuple(lines))


def _inside(course: Course, agent: str, reason: str) -> None:
    """A failed mail to an agent is told to the team, else to the admins: once a day, and not to that agent, so that no failure feeds
    on itself."""
    known = course.rulebook.agent(agent)
    others = [one for one in course.rulebook.members(known.team) if one is not known] if known else []
    for one in others or course.rulebook.admins:
        if one.address != agent.lower():
            what = f"mail to {agent} cannot be delivered: {reason}"
            course.warn(Address(one.name, one.address), what, about=agent.lower())


def suppress(course: Course, address: str, why: str) -> bool:
    """Send nothing automatic to an address of the requester's side any more; whether that was done. Agents are never suppressed."""
    if course.rulebook.agent(address) is not None:
        return False
    course.why("suppressed", address, why)
    course.afterwards.append(Suppress(address, why))
    course.afterwards.append(Record(None, "desk", "suppressed", {"subject": address.lower(), "why": why}))
    return True


def _take_back(course: Course, sent: SentMail) -> None:
    """A first answer that did not arrive was none: the promise counts from the next one that did, or its clock runs again."""
    ticket = course.ticket
    assert ticket is not None
    answers = [one for number in {ticket.id, sent.ticket or 0} for one in course.snapshot.answers.get(number, ())]  # fmt: skip
    mine = next((one for one in answers if one.outbox == sent.outbox), None)
    if mine is None or mine.at != ticket.first_response_at:
        return
    first = min((one.at for one in answers if one is not mine and not one.failed), default=None)
    course.why("promise", "first answer taken back", f"it did not reach {sent.person.address}")
    course.change((Change("first_response_at", mine.at, first),))
    course.record("first answer taken back", at=mine.at.isoformat(), now=first.isoformat() if first else None)


def _complaint(event: MessageArrived, course: Course, sent: SentMail, *, by_address: bool) -> None:
    """An abuse report (RFC 5965): the admins are told; only one with evidence silences the address, a forged one must not."""
    to, report = sent.person.address, event.mail.report
    what = report.what if report and report.what else "abuse"
    evidence = "bounce address" if by_address else "aligned pass of the recipient's domain" if _speaks_for(event, to) else None  # fmt: skip
    course.record("complaint", what=what, to=to, evidence=evidence)
    done = sent.role.outside and evidence is not None and suppress(course, to, f"{what} report, by {evidence}")  # fmt: skip
    follows = "nothing automatic goes there any more" if done else "nothing was changed"
    why = "" if evidence else " (whoever knows the Message-ID could have written the report)"
    for admin in course.rulebook.admins:
        if admin.address != to.lower():
            about = f"ticket {course.ticket.id}" if course.ticket else sent.kind
            sentence = f"{to} complained of our mail ({what}, {about}): {follows}{why}"
            course.warn(Address(admin.name, admin.address), sentence, about=to.lower())


def _speaks_for(event: MessageArrived, recipient: str) -> bool:
    """Whether the recipient's domain, or one above it, reports this: a trusted host vouches for it, and no user of it writes."""
    sender, domain = event.mail.sender, recipient.rpartition("@")[2].lower()
    if sender is None or event.envelope.unauthenticated or event.mail.proof.dmarc is not Verdict.PASS:
        return False
    local = sender.key.rpartition("@")[0]
    return bool(_POSTMASTER.fullmatch(local)) and f".{domain}".endswith(f".{sender.domain}")


def admins_alert(rulebook: Rulebook, what: tuple[str, ...]) -> tuple[Tell, ...]:
    """Mails to the admins that something is wrong with the desk."""
    return tuple(
        Tell(None, Address(agent.name, agent.address), Role.ADMIN, "alert", (), None, False, True, what)
        for agent in rulebook.admins
    )
