"""What follows when somebody of the requester's side asks in a word: close, reopen, status, help (CONTRACT §4).

Closing, reopening and status need the person's own token or an aligned pass; without it these are only words.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from maild.desk import requests
from maild.desk.answerable import acknowledgeable, ticket_bound
from maild.desk.course import Course
from maild.desk.effects import AddMessage, Decision, Record, Respond
from maild.desk.events import MessageArrived
from maild.desk.facts import Address
from maild.desk.matching import Match
from maild.desk.people import Ticket
from maild.desk.questions import Ask, Question, bare
from maild.desk.replying import heard
from maild.desk.requests import Request
from maild.desk.solving import lacking, solves
from maild.desk.standing import Standing
from maild.desk.words import Happening, Role
from maild.desk.workflow import Act, Who, after

HELP_AGAIN: Final = timedelta(days=1)
_ACTS: Final = {Request.CLOSE: Act.CLOSE, Request.REOPEN: Act.REOPEN}


def granted(event: MessageArrived, course: Course, found: Match, who: Standing, author: Address, *, late: bool) -> Decision | None:  # fmt: skip
    """Do what is asked, if the sender may ask it. None: the mail is one like any other. `late`: the ticket was closed long ago."""
    mail, ticket = event.mail, found.ticket
    if mail.sender is None or mail.sender.key != author.key or mail.attachments:
        return None
    if ticket is None:
        return _without_ticket(event, course, who, author)
    asked = _asked(event, ticket)
    role = _role(course, ticket, author)
    if asked is None or role is None or not who.proved:
        return None
    if asked is Request.STATUS:
        return _status(event, course, author, role, ticket)
    if late or role is not Role.REQUESTER or asked not in _ACTS:
        return None
    return _move(event, course, found, author, ticket, asked)


def _asked(event: MessageArrived, ticket: Ticket) -> Request | None:
    """The only words of an answer, or those of a subject that is not the ticket's own."""
    if event.mail.reply.strip():
        return requests.in_reply(event.mail)
    subject = bare(event.mail.subject)
    own = subject.lower() == bare(ticket.subject).lower()
    return Request.STATUS if not own and requests.read(subject) is Request.STATUS else None


def _role(course: Course, ticket: Ticket, author: Address) -> Role | None:
    at = course.snapshot.is_at
    if at(ticket.requester, author.key):
        return Role.REQUESTER
    return Role.PARTICIPANT if any(at(one, author.key) for one in ticket.participants) else None


def _move(event: MessageArrived, course: Course, found: Match, author: Address, ticket: Ticket, asked: Request) -> Decision | None:  # fmt: skip
    new = after(ticket.state, _ACTS[asked], Who.REQUESTER)
    if new is None:
        return None
    course.ticket = ticket
    course.why("request", asked, f"asked by the requester, {found.evidence}")
    course.add(AddMessage(ticket.id, author, "in", True, event.mail.kind, event.mail.text))
    course.route(event.envelope)
    course.happened(Happening.REPLIED)
    course.record("asked to " + asked, **{"from": author.address})
    lacks = lacking(ticket, course.rulebook) if solves(ticket.state, new) else ()
    if lacks:
        course.record("closed without", lacks=[lack.what for lack in lacks])
    course.set_state(new, course.given.now)
    course.tell(
        already=heard(event), lines=tuple(f"Closed without {lack.what}: {lack.command}" for lack in lacks)
    )
    return course.decision()


def _may_answer(event: MessageArrived, course: Course, author: Address, ticket: Ticket | None) -> bool:
    """Whether an automatic answer may go to the author; when not, the mail is treated like any other."""
    verdict = acknowledgeable(event, author.address, course.snapshot, course.rulebook, course.given)
    bound = ticket_bound(ticket.id, course.snapshot, course.rulebook.limits) if ticket else None
    refusals = (*verdict.refusals, *((bound,) if bound else ()))
    if refusals:
        course.why("request", "not answered by the desk", "; ".join(refusals))
    return not refusals


def _respond(
    event: MessageArrived, course: Course, author: Address, role: Role, ask: Ask, ticket: Ticket | None
) -> Decision:
    course.ticket = ticket
    number = ticket.id if ticket else None
    course.why("request", ask, f"answered to {author.address}")
    course.add(AddMessage(number, author, "in", ticket is not None, event.mail.kind, event.mail.text))
    course.touched = False  # a question is no work on the ticket
    course.route(event.envelope)
    course.record(f"asked for {ask}", **{"from": author.address})
    verdict = acknowledgeable(event, author.address, course.snapshot, course.rulebook, course.given)
    course.add(Respond(author, role, Question(ask), number, requests.languages_of(event.mail), verdict.delay))
    return course.decision()


def _status(event: MessageArrived, course: Course, author: Address, role: Role, ticket: Ticket) -> Decision | None:  # fmt: skip
    if not _may_answer(event, course, author, ticket):
        return None
    return _respond(event, course, author, role, Ask.STATUS, ticket)


def _without_ticket(event: MessageArrived, course: Course, who: Standing, author: Address) -> Decision | None:
    """Status of all that the person has asked; how the desk works, once a day."""
    asked = requests.in_subject(event.mail)
    if asked is Request.STATUS and who.proved and _may_answer(event, course, author, None):
        return _respond(event, course, author, Role.REQUESTER, Ask.STATUS, None)
    last, now = course.snapshot.helped, course.given.now
    fresh = last is None or now - last >= HELP_AGAIN
    if asked is Request.HELP and fresh and _may_answer(event, course, author, None):
        course.add(Record(None, "desk", "helped", {"subject": author.key}))
        return _respond(event, course, author, Role.REQUESTER, Ask.HELP, None)
    return None
