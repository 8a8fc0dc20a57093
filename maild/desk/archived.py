"""What follows from a mail that comes out of an archive: it is filed, and nothing else happens.

An archive has both sides of a conversation: what the desk or an agent wrote to people outside becomes an answer that went out, the rest is
what came in. Nobody is proved by it, nobody gains power, joins a ticket or is written to; no clock starts; a ticket that is at work stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from maild.desk.course import Course
from maild.desk.effects import (
    NEW,
    AddMessage,
    AddRoute,
    Change,
    ChangeTicket,
    Decision,
    Digest,
    Effect,
    Link,
    OpenTicket,
    Record,
    Tell,
)
from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Archive, Kind
from maild.desk.matching import Match
from maild.desk.opening import SETTLED, begin, drafted
from maild.desk.people import Ticket
from maild.desk.replying import heard
from maild.desk.rule_actions import Discard
from maild.desk.ruled import consult, follow, mail_facts
from maild.desk.ruling import Ruling
from maild.desk.selection import INTERNAL
from maild.desk.timeline import IMPORT
from maild.desk.words import Happening, State
from maild.desk.workflow import Act, Who, after

OVER_AFTER: Final = timedelta(days=14)
"""How long nobody must have written in a conversation of an archive for it to be over, unless the import says otherwise."""

CATEGORIES: Final = frozenset(
    ("type", "category", "severity", "impact", "urgency", "priority", "tags", "level", "team", "language", "chosen")
)  # fmt: skip
"""What rules may say of archived mail; who works on it, what is said and whom it concerns is history."""

_UNMATCHED = (Kind.AUTO_REPLY, Kind.RECEIPT)
_FILED = (OpenTicket, AddMessage, AddRoute, ChangeTicket, Link, Record)


def brought(event: MessageArrived, course: Course, found: Match, author: Address) -> Decision:
    """The decision for a mail of an archive that is not known yet."""
    archive = event.archive or Archive(course.given.now - OVER_AFTER)
    ours = course.rulebook.is_own(author.address) or course.rulebook.agent(author.address) is not None
    asks = found.ticket is not None and found.ticket.requester.key == author.key
    if ours and not asks:
        course.why("side", "the desk's", f"{author.address} is the desk or an agent")
        _of_the_desk(event, course, found, author, archive)
    else:
        _of_others(event, course, found, author, archive)
    return Decision(tuple(_filed(course.effects, archive)), tuple(course.reasons), tuple(course.traces))


def _filed(effects: list[Effect], archive: Archive) -> Iterator[Effect]:
    """What files the mail; agents are told only where the import asked for it, others never; that somebody was
    warned stands only where he was."""
    for effect in effects:
        told = isinstance(effect, Tell | Digest) and archive.notify and not effect.role.outside
        untold = isinstance(effect, Record) and effect.is_warning and not archive.notify
        if told or (isinstance(effect, _FILED) and not untold):
            yield effect


def _of_others(
    event: MessageArrived, course: Course, found: Match, author: Address, archive: Archive
) -> None:
    """What somebody wrote to the desk."""
    mail = event.mail
    person = mail.kind is Kind.PERSON
    waits = mail.bounce is not None and not mail.bounce.permanent
    if found.ticket is None and (mail.kind in _UNMATCHED or waits):
        _unmatched(event, course, author, f"{mail.kind} that belongs to no ticket")
    elif found.ticket is None:
        _opened(event, course, found, author, archive)
    else:
        course.ticket = found.ticket
        _add(event, course, AddMessage(found.ticket.id, author, "in", True, mail.kind, mail.text))
        course.record("replied" if person else "automatic mail", **{"from": author.address, "evidence": found.evidence})  # fmt: skip
        if person:
            _goes_on(event, course, archive, Who.REQUESTER)
            _tell(event, course, archive, Happening.REPLIED, author)


def _of_the_desk(
    event: MessageArrived, course: Course, found: Match, author: Address, archive: Archive
) -> None:
    """What the desk or an agent wrote: an answer to people outside, a note to colleagues, or a request of the agent's own."""
    mail, rulebook = event.mail, course.rulebook
    person = mail.kind is Kind.PERSON
    outside = [
        one for one in (*mail.to, *mail.cc) if not rulebook.is_own(one.address) and rulebook.agent(one.address) is None
    ]  # fmt: skip
    kind = Kind.PERSON if person else "notice"
    ticket = found.ticket
    if not outside and ticket is None and (not person or rulebook.is_own(author.address)):
        _unmatched(event, course, author, "the desk's own mail to nobody outside")
    elif not outside and ticket is None:
        _opened(event, course, found, author, archive)
    elif ticket is None:
        if not person:
            _unmatched(event, course, author, "automatic mail of the desk that belongs to no ticket")
            return
        _opened(event, course, found, author, archive, to=outside[0])
    else:
        course.ticket = ticket
        known = {ticket.requester.key, *(one.key for one in ticket.participants)}
        public = bool(outside)
        hears = tuple(one for one in outside if one.key in known)
        _add(event, course, AddMessage(ticket.id, author, "out" if public else "in", public, kind, mail.text, heard=hears))  # fmt: skip
        course.record("answered" if public else "noted", by=author.address)
        if person:
            _goes_on(event, course, archive, Who.AGENT, answers=public)


def _unmatched(event: MessageArrived, course: Course, author: Address, why: str) -> None:
    course.why("archive", "kept without a ticket", why)
    _add(event, course, AddMessage(None, author, "in", False, event.mail.kind, event.mail.text))


def _add(event: MessageArrived, course: Course, message: AddMessage) -> None:
    course.add(message)
    course.route(event.envelope)


def _opened(
    event: MessageArrived,
    course: Course,
    found: Match,
    author: Address,
    archive: Archive,
    to: Address | None = None,
) -> None:
    """A ticket of its own, as the rules categorise it. `to`: whom the desk wrote to first."""
    mail, at = event.mail, event.envelope.received_at
    requester = to or author
    draft = drafted(event, course, requester)
    if to is None and course.rulebook.agent(author.address) is not None:
        draft = replace(draft, channel=INTERNAL)
    said = Ruling(draft)
    if to is None:  # rules are about what comes in
        said = consult(course, "ticket", draft, mail_facts(course, event, author, draft))
    if said.has(Discard):
        _unmatched(event, course, author, "a rule discards it")
        course.record("discarded", rules=list(said.fired))
        return
    begin(course, draft, requester, said, clocks=False)
    direction, hears = ("in", ()) if to is None else ("out", (to,))
    course.add(AddMessage(NEW, author, direction, True, mail.kind, mail.text, heard=hears))
    course.why("ticket", "opened", f"for {requester.address or 'nobody'}, out of an archive")
    course.record("created", channel=draft.channel, requester=requester.address, team=course.ticket.team if course.ticket else None)  # fmt: skip
    course.route(event.envelope)
    course.add(*(Link(NEW, number, "related") for number in found.related))
    follow(course, _categorised(said), SETTLED)
    _begins(course, said, at, archive, Who.REQUESTER if to is None else Who.AGENT)
    _tell(event, course, archive, Happening.CREATED, author)


def _categorised(said: Ruling) -> Ruling:
    changes = tuple(
        change for change in said.changes if change.name in CATEGORIES or change.name.startswith("field.")
    )
    return replace(said, changes=changes, actions=())


def _begins(course: Course, said: Ruling, at: datetime, archive: Archive, who: Who) -> None:
    """Where a ticket stands that an archive begins."""
    ticket = course.ticket
    assert ticket is not None
    changes = [Change("dormant", False, True)]
    if said.ticket.state is State.SPAM:
        changes.append(Change("state", ticket.state, State.SPAM))
    elif at < archive.over_before:
        changes += _over(ticket, at)
    elif who is Who.AGENT:
        changes.append(Change("state", ticket.state, State.OPEN))
    if who is Who.AGENT:
        changes.append(Change("first_response_at", None, at))
    _change(course, changes)


def _goes_on(
    event: MessageArrived, course: Course, archive: Archive, who: Who, *, answers: bool = True
) -> None:
    """What a further message of an archive makes of a ticket that is itself only out of one."""
    ticket, at = course.ticket, event.envelope.received_at
    assert ticket is not None
    if not ticket.dormant or ticket.state in (State.SPAM, State.MERGED):
        course.why(
            "archive",
            f"ticket {ticket.id} stays {ticket.state}",
            "an archive changes no ticket that is at work",
        )
        return
    active = ticket.active_at or ticket.received_at
    changes = [
        Change("active_at", ticket.active_at, max(active, at)),
        Change("received_at", ticket.received_at, min(ticket.received_at, at)),
    ]
    if max(active, at) < archive.over_before:
        changes += _over(ticket, max(active, at))
    elif at >= active:
        state = after(ticket.state, Act.WRITE if answers else Act.NOTE, who) or ticket.state
        changes.append(Change("state", ticket.state, State.OPEN if state is State.CLOSED else state))
    first = ticket.first_response_at
    if who is Who.AGENT and answers and (first is None or at < first):
        changes.append(Change("first_response_at", first, at))
    _change(course, changes)


def _over(ticket: Ticket, last: datetime) -> list[Change]:
    """Nobody has written for long: it is closed, since then."""
    return [Change("state", ticket.state, State.CLOSED), Change("closed_at", ticket.closed_at, last)]


def _change(course: Course, changes: list[Change]) -> None:
    """By the archive, whoever wrote what it holds."""
    actor, course.actor = course.actor, IMPORT
    course.change(changes)
    course.actor = actor


def _tell(event: MessageArrived, course: Course, archive: Archive, what: Happening, author: Address) -> None:
    """Agents hear of what is not over, where the import asked for it: of the mail alone, whatever else was changed."""
    ticket = course.ticket
    if (
        not archive.notify
        or ticket is None
        or ticket.state in (State.CLOSED, State.SPAM)
        or not ticket.dormant
    ):
        return
    if event.mail.kind is not Kind.PERSON:
        return
    course.happenings.clear()
    course.happened(what)
    course.new_responsible = False
    refused = ("imported",)
    people = (author.key, ticket.requester.key, *(one.key for one in ticket.participants))
    course.tell(already=heard(event) - {author.key}, unless=dict.fromkeys(people, refused))
