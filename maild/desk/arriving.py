"""What follows when a mail arrives: the same message again, our own, a bounce, automatic mail, an answer, a new ticket.

This is the door, with the questions in their order; `failing`, `replying`, `opening` and `answering` hold what follows.
"""

from __future__ import annotations

from dataclasses import replace

from maild.desk.answering import agent_writes
from maild.desk.archived import brought
from maild.desk.asking import answered, commanded
from maild.desk.authors import as_written, author_of
from maild.desk.closing import concluded
from maild.desk.course import Course
from maild.desk.effects import AddMessage, AddRoute, Allow, Decision, Given, Record
from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Kind, Verdict
from maild.desk.failing import at_bounce_address, report_arrived, reported
from maild.desk.granting import granted
from maild.desk.matching import Match, leak, match, shown_by
from maild.desk.onbehalf import commands_own, forwards, writes_customer
from maild.desk.opening import open_ticket
from maild.desk.replying import reply, too_late
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Snapshot
from maild.desk.standing import Standing, standing
from maild.desk.timeline import IMPORT
from maild.desk.tokens import Holder
from maild.desk.welcome import turned_away

_UNMATCHED = (Kind.AUTO_REPLY, Kind.RECEIPT)


def arrived(event: MessageArrived, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """The decision for one mail."""
    event = as_written(event, rulebook)
    mail, envelope = event.mail, event.envelope
    author = author_of(event, rulebook)
    course = Course(snapshot, rulebook, given, author.key or "desk")
    if snapshot.same is not None and not event.lifted:
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
    if envelope.route == IMPORT:
        return brought(event, course, found, author)
    who = standing(event, found, rulebook)
    course.why("sender", author.address or "nobody", who.why)
    if who.impostor is not None:
        course.actor = (
            f"{course.actor} (without proof)"  # what he does is not the agent's doing, who hears of it
        )
    _warn(event, course, found, who)
    about = reported(event, snapshot, found)
    if about is not None:
        return report_arrived(event, course, about, author, by_address=bool(found.bounced))
    if found.bounced:
        return at_bounce_address(event, course, found.bounced[0], author)
    if mail.kind is not Kind.PERSON or (
        who.agent is not None and found.ticket is not None and envelope.sender == ""
    ):
        return _automatic(event, course, found, author)
    _heard_again(event, course, author)
    late = found.ticket is not None and too_late(found.ticket, rulebook, given)
    asked = _asked(event, course, found, who, author, late=late)
    if asked is not None:
        return asked
    if found.ticket is not None and who.agent is not None and not _own_request(found, who):
        course.ticket = found.ticket
        agent_writes(event, course, found, who, who.agent)
        return course.decision()
    if found.ticket is not None and not late:
        return reply(event, course, found, who, author)
    return turned_away(event, course, found, who, author) or open_ticket(event, course, found, who, author)


def _asked(event: MessageArrived, course: Course, found: Match, who: Standing, author: Address, *, late: bool) -> Decision | None:  # fmt: skip
    """Mail that asks the desk something, or opens a ticket for somebody else. None: it is words for a ticket."""
    agent = who.agent
    if event.lifted:
        return None
    if agent is None:
        done = concluded(event, course, found, who, author)
        return done or granted(event, course, found, who, author, late=late)
    if answered(event, course, found, agent):
        return course.decision()
    done = forwards(event, course, found, who, agent) or writes_customer(event, course, found, who, agent)
    if done is not None or (found.ticket is not None and not _own_request(found, who)):
        return done
    if found.ticket is not None:
        done = concluded(event, course, found, who, author)
        return done or granted(event, course, found, who, author, late=late)
    if commanded(event, course, who, agent):
        return course.decision()
    return commands_own(event, course, found, who, agent)


def _own_request(found: Match, who: Standing) -> bool:
    """Whether an agent writes as the requester of a ticket of his own."""
    requester = found.ticket.requester.key if found.ticket else ""
    return who.agent is not None and requester == who.agent.address and found.holder is not Holder.AGENT


def _heard_again(event: MessageArrived, course: Course, author: Address) -> None:
    """A person who writes from a suppressed address gets automatic mail again; an old mail, a robot's and a forged one prove nothing."""
    mail = event.mail
    suppressed = course.snapshot.suppressed.get(author.key)
    if suppressed is None or mail.unanswerable or mail.proof.dmarc is Verdict.FAIL:
        return
    if event.envelope.received_at < suppressed.at:
        return
    course.why("suppressed", f"no more: {author.address}", "somebody writes from there")
    course.afterwards.append(Allow(author.address))
    course.afterwards.append(
        Record(None, "desk", "allowed", {"subject": author.key, "why": "it wrote again"})
    )
    others = {key: one for key, one in course.snapshot.suppressed.items() if key != author.key}
    course.snapshot = replace(course.snapshot, suppressed=others)


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


def _warn(event: MessageArrived, course: Course, found: Match, who: Standing) -> None:
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
                f"somebody else's mail ({shown_by(event) or 'of nobody'}) showed a reply token of yours; it had no effect",
                about=leak(agent_now.address, event),
            )


def _automatic(event: MessageArrived, course: Course, found: Match, author: Address) -> Decision:
    """Automatic mail changes nothing of an existing ticket (RFC 3834 §2); it may open one, unacknowledged."""
    mail, ticket = event.mail, found.ticket
    waits = mail.bounce is not None and not mail.bounce.permanent
    if ticket is None and (mail.kind in _UNMATCHED or waits):
        course.why("automatic", "kept unmatched", f"{mail.kind} that belongs to no ticket")
        course.add(AddMessage(None, author, "in", False, mail.kind, mail.text))
        course.route(event.envelope)
        return course.decision()
    if ticket is None:
        return open_ticket(event, course, found, Standing(None, None, False, False, ""), author)
    course.ticket = ticket
    course.why(
        "automatic", f"kept with ticket {ticket.id}", "automatic mail changes no state, clock or assignment"
    )
    course.add(AddMessage(ticket.id, author, "in", True, mail.kind, mail.text))
    course.route(event.envelope)
    what = {"what": mail.report.what} if mail.report else {}
    course.record("automatic mail", kind=mail.kind, **{"from": author.address}, **what)
    return course.decision()
