"""Whose requests the desk takes (`desk.open_to`), and the polite answer to the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from maild.desk.answerable import acknowledgeable
from maild.desk.belonging import groups_of, organisation_of
from maild.desk.course import Course
from maild.desk.effects import AddMessage, Decision, Record, Tell
from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Verdict
from maild.desk.matching import Match
from maild.desk.people import Person
from maild.desk.rulebook import ANYONE, KNOWN
from maild.desk.standing import Standing
from maild.desk.words import Role

REFUSED: Final = "refused"
"""The template of the answer, and the line of the desk's history that remembers it."""

AGAIN: Final = timedelta(days=1)


def turned_away(event: MessageArrived, course: Course, found: Match, who: Standing, author: Address) -> Decision | None:  # fmt: skip
    """Keep a mail without a ticket whose author may not open one, and answer him so, once a day. None: he may."""
    open_to = course.rulebook.open_to
    if ANYONE in open_to or found.ticket is not None or who.agent is not None:
        return None
    if event.lifted:
        return None
    why = _welcome(event, course, author)
    if why:
        course.why("open_to", "welcome", why)
        return None
    course.why(
        "open_to",
        "no ticket",
        f"desk.open_to is {', '.join(open_to)}, and {author.address or 'nobody'} is none of them",
    )
    course.add(AddMessage(None, author, "in", False, event.mail.kind, event.mail.text))
    course.route(event.envelope)
    course.record("turned away", **{"from": author.address})
    _answer(event, course, author)
    return course.decision()


def _welcome(event: MessageArrived, course: Course, author: Address) -> str:
    """As whom the author may open a ticket; "" when not. Who is disproved is nobody whom we know."""
    rulebook, snapshot = course.rulebook, course.snapshot
    if event.mail.proof.dmarc is Verdict.FAIL or not author.address:
        return ""
    if rulebook.agent(author.address) is not None:
        return "an agent"
    person = snapshot.people.get(author.key) or Person(0, author.name, author.address)
    groups, name = groups_of(person, rulebook), organisation_of(person, rulebook)
    for one in rulebook.open_to:
        if one in groups:
            return f"of group {one}"
        if one == KNOWN and name is not None:
            return f"of {name}"
        if one == KNOWN and (author.key in rulebook.people or groups):
            return "somebody of the files"
        if one == KNOWN and snapshot.acquainted:
            return "takes part in a ticket"
    return ""


def _answer(event: MessageArrived, course: Course, author: Address) -> None:
    last, now = course.snapshot.refused, course.given.now
    if last is not None and now - last < AGAIN:
        course.why(REFUSED, "not sent", f"{author.address} was told within a day")
        return
    verdict = acknowledgeable(event, author.address, course.snapshot, course.rulebook, course.given)
    if verdict.refusals:
        course.record("not sent", template=REFUSED, to=author.address, why=list(verdict.refusals))
        course.why(REFUSED, "not sent", "; ".join(verdict.refusals))
        return
    course.why(REFUSED, f"to {author.address}", "who may open tickets is said, once a day")
    course.add(Record(None, "desk", REFUSED, {"subject": author.key}))
    course.add(Tell(None, author, Role.REQUESTER, REFUSED, (), None, True, True, answers=True, delay=verdict.delay))  # fmt: skip
