"""What follows when the requester answers that it is solved, or how satisfied he is (and nothing else): it closes, or is rated.

It takes evidence of who writes (CONTRACT §4): his token, an aligned pass, or a link of ours that is still good. Without any these are words,
which change nothing.
"""

from __future__ import annotations

from typing import Final

from maild.desk.course import Course
from maild.desk.effects import AddMessage, Change, Decision
from maild.desk.events import MessageArrived
from maild.desk.facts import Address
from maild.desk.matching import Match
from maild.desk.people import Ticket
from maild.desk.replying import heard
from maild.desk.ruled import on_change
from maild.desk.standing import Standing
from maild.desk.tokens import CONFIRM
from maild.desk.verdicts import Verdict, verdict
from maild.desk.words import Happening, State
from maild.desk.workflow import Act, Who, after

_DONE: Final = (State.SOLVED, State.CLOSED)


def concluded(
    event: MessageArrived, course: Course, found: Match, who: Standing, author: Address
) -> Decision | None:
    """Close or rate the ticket, if that is what the mail says. None: it is one like any other."""
    ticket = found.ticket
    if ticket is None or ticket.state not in _DONE:
        return None
    said = _said(event, course, found, ticket)
    if not said:
        return None
    course.ticket = ticket
    course.add(AddMessage(ticket.id, author, "in", True, event.mail.kind, event.mail.text))
    course.route(event.envelope)
    course.happened(Happening.REPLIED)
    if not _asks(course, ticket, found, author):
        course.why("closing", "only words", "the requester alone says whether it helped; nothing was changed")
    elif not (who.proved or found.act is not None):
        course.why("closing", "only words", "neither a token nor a pass says who writes; nothing was changed")
    else:
        _conclude(course, ticket, said, author)
    lines = on_change(course)
    course.tell(already=heard(event), lines=lines)
    return course.decision()


def _asks(course: Course, ticket: Ticket, found: Match, author: Address) -> bool:
    """Whether the requester writes; what others think of it changes nothing and opens nothing."""
    return found.act is not None or course.snapshot.is_at(ticket.requester, author.key)


def _said(event: MessageArrived, course: Course, found: Match, ticket: Ticket) -> Verdict:
    if found.act is not None:
        return Verdict(True) if found.act == CONFIRM else Verdict(rating=found.act)
    if any(not attachment.inline for attachment in event.mail.attachments):
        return Verdict()
    agents = (agent.name for agent in course.rulebook.agents.values())
    own = (ticket.requester.name, _author_name(event))
    return verdict(event.mail.reply, (course.rulebook.identity.name, *agents), own)


def _author_name(event: MessageArrived) -> str:
    """The name that the mail shows as its sender's."""
    return event.mail.sender.name if event.mail.sender else ""


def _conclude(course: Course, ticket: Ticket, said: Verdict, author: Address) -> None:
    if said.rating is not None:
        course.why("rating", str(said.rating), f"{author.address} says so, and nothing else")
        course.change((Change("satisfaction", ticket.satisfaction, said.rating),))
        course.record("rated", rating=said.rating, **{"from": author.address})
        course.happened(Happening.RATED)
    if said.confirmed:
        course.why("closing", "confirmed", f"{author.address} says that it is solved, and nothing else")
        course.record("confirmed", **{"from": author.address})
        course.set_state(after(ticket.state, Act.CLOSE, Who.REQUESTER), course.given.now)
