"""What follows when somebody of the requester's side adds to a ticket."""

from __future__ import annotations

from dataclasses import replace

from maild.desk.course import Course
from maild.desk.effects import AddMessage, Decision, Given, RemoveParticipant
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
    return ticket.state is State.CLOSED and closed is not None and given.now - closed > rulebook.limits.reopen


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
    said = consult(course, "reply", replace(ticket, state=state), mail_facts(course, event, author, ticket))
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
    if author.key not in _keys(ticket):
        lines = (
            *lines,
            f"{author.address} takes no part in this ticket: an answer goes to the requester, not to this address",
        )
    course.record("replied", **{"from": author.address, "evidence": found.evidence})
    if ticket.state is State.SPAM:
        course.happenings.clear()
    course.set_state(state, course.given.now)
    lines = (*lines, *follow(course, said), *on_change(course))
    course.tell(already=heard(event), lines=lines)
    answers(course, tuple(mail.unanswerable))
    return course.decision()


def _leaves(event: MessageArrived, ticket: Ticket, who: Standing) -> bool:
    """Whether a participant, proved to be the one, wants to hear no more of the ticket (CONTRACT §4)."""
    sender = event.mail.sender
    participants = {person.key for person in ticket.participants}
    alone = event.mail.reply.strip().lower() == "#unwatch"
    return alone and who.proved and sender is not None and sender.key in participants


def _keys(ticket: Ticket) -> set[str]:
    return {ticket.requester.key, *(person.key for person in ticket.participants)}


def join(event: MessageArrived, course: Course, who: Standing) -> tuple[str, ...]:
    """People in copy join when the proved requester or an agent brings them. Returns lines for the agents."""
    ticket, sender = course.ticket, event.mail.sender
    assert ticket is not None
    requester = sender is not None and sender.key == ticket.requester.key
    return course.join(event.mail, believed=who.agent is not None or (who.proved and requester))
