"""What follows when somebody of the requester's side adds to a ticket."""

from __future__ import annotations

from dataclasses import replace

from maild.desk import inquiring
from maild.desk.answerable import acknowledgeable
from maild.desk.course import Course
from maild.desk.effects import AddMessage, Decision, Given, RemoveParticipant, changed
from maild.desk.events import MessageArrived
from maild.desk.facts import Address
from maild.desk.matching import Match
from maild.desk.people import Ticket
from maild.desk.rule_actions import Discard
from maild.desk.rulebook import Rulebook
from maild.desk.ruled import answers, consult, follow, mail_facts, on_change
from maild.desk.standing import Standing
from maild.desk.words import Happening, State
from maild.desk.workflow import Act, Who, after


def too_late(ticket: Ticket, rulebook: Rulebook, given: Given) -> bool:
    """Whether the ticket has been closed so long that an answer opens a follow-up."""
    closed = ticket.closed_at
    return ticket.state is State.CLOSED and closed is not None and given.now - closed > rulebook.reopen


def heard(event: MessageArrived) -> frozenset[str]:
    """Who has this very mail already: To and Cc of it."""
    return frozenset(address.key for address in (*event.mail.to, *event.mail.cc))


def reply(event: MessageArrived, course: Course, found: Match, who: Standing, author: Address) -> Decision:
    """A person of the requester's side (or a stranger with a token) adds to the ticket."""
    mail, ticket = event.mail, found.ticket
    assert ticket is not None
    course.ticket = ticket
    if _leaves(event, ticket, who):
        course.why("participants", f"{author.address} leaves", "#unwatch alone, with proof of who asks")
        course.add(RemoveParticipant(ticket.id, author.address))
        course.route(event.envelope)
        course.record("participants", left=[author.address])
        return course.decision()
    state = after(ticket.state, Act.WRITE, Who.REQUESTER) or ticket.state
    given = inquiring.supplied(event, course, found, ticket)
    state = ticket.state if given.waits else state
    as_given = replace(changed(ticket, given.changes(ticket)), state=state)
    said = consult(course, "reply", as_given, mail_facts(course, event, author, ticket))
    if said.has(Discard):
        course.ticket = None
        course.add(AddMessage(None, author, "in", False, mail.kind, mail.text))
        course.route(event.envelope)
        course.record("discarded", rules=list(said.fired), meant_for=ticket.id)
        return course.decision()
    course.add(AddMessage(ticket.id, author, "in", True, mail.kind, mail.text))
    course.route(event.envelope)
    course.happened(Happening.REPLIED)
    lines = join(event, course, who)
    if not any(course.snapshot.is_at(one, author.key) for one in (ticket.requester, *ticket.participants)):
        lines = (
            *lines,
            f"{author.address} takes no part in this ticket: an answer goes to the requester, not to this address",
        )
    course.record("replied", **{"from": author.address, "evidence": found.evidence})
    inquiring.keep(course, given, proved=who.proved)
    if ticket.state is State.SPAM:
        course.happenings.clear()
    course.set_state(state, course.given.now)
    lines = (*lines, *follow(course, said), *on_change(course))
    course.tell(already=heard(event) - {author.key}, unless=_refusals(event, course), lines=lines)
    answers(course, tuple(mail.unanswerable))
    return course.decision()


def _refusals(event: MessageArrived, course: Course) -> dict[str, tuple[str, ...]]:
    """What stands against telling the requester that his answers arrived, if that is to be told."""
    requester = course.ticket.requester if course.ticket else None
    if requester is None or Happening.SUPPLIED not in course.happenings:
        return {}
    verdict = acknowledgeable(event, requester.address, course.snapshot, course.rulebook, course.given)
    return {requester.key: verdict.refusals}


def _leaves(event: MessageArrived, ticket: Ticket, who: Standing) -> bool:
    """Whether a participant, proved to be the one, wants to hear no more of the ticket (CONTRACT §4)."""
    sender = event.mail.sender
    participants = {person.key for person in ticket.participants}
    alone = event.mail.reply.strip().lower() == "#unwatch"
    return alone and who.proved and sender is not None and sender.key in participants


def join(event: MessageArrived, course: Course, who: Standing) -> tuple[str, ...]:
    """People in copy join when the proved requester or an agent brings them. Returns lines for the agents."""
    ticket, sender = course.ticket, event.mail.sender
    assert ticket is not None
    requester = sender is not None and course.snapshot.is_at(ticket.requester, sender.key)
    return course.join(event.mail, believed=who.agent is not None or (who.proved and requester))
