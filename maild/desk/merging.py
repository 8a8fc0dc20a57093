"""One ticket goes into another (`#merge`), and parts of one become tickets of their own (`#split`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from maild.desk.commands.run import Joined
from maild.desk.course import Course
from maild.desk.effects import (
    NEW,
    AddMessage,
    AddParticipants,
    Change,
    Link,
    Merge,
    MoveMessage,
    OpenTicket,
    Record,
    Tell,
    Watch,
)
from maild.desk.facts import Address
from maild.desk.people import Message, Person, Ticket
from maild.desk.sla import policy_for, promised
from maild.desk.words import Happening, Role, State
from maild.desk.workflow import Act, Who, after

_FINISHED = (State.SOLVED, State.CLOSED)


def merge(course: Course, joined: Joined) -> None:
    """The ticket of the course goes into the other, which is the ticket of the course from now on."""
    old, into = course.ticket, joined.into
    assert old is not None
    course.change(
        (
            Change("state", old.state, after(old.state, Act.MERGE, Who.AGENT)),
            Change("merged_into", old.merged_into, into.id),
        )
    )
    course.happenings.clear()  # what is told is told of the other ticket
    course.add(Merge(old.id, into.id))
    course.why("merge", f"ticket {old.id} into {into.id}", "together" if joined.together else "one requester")
    course.ticket = into
    course.record("merged", ticket=old.id, subject=old.subject)
    _join(course, old)
    _watch(course, old)
    tags = tuple(dict.fromkeys((*into.tags, *old.tags)))
    minutes = into.minutes_spent + old.minutes_spent
    course.change((Change("tags", into.tags, tags), Change("minutes_spent", into.minutes_spent, minutes)))
    course.happened(Happening.CHANGED)
    if into.state in _FINISHED and old.state not in _FINISHED:
        course.set_state(after(into.state, Act.REOPEN, Who.AGENT), course.given.now)


def _join(course: Course, old: Ticket) -> None:
    """Who took part in the old ticket takes part in the living one; its requester too, if he is somebody else."""
    into = course.ticket
    assert into is not None
    there = {into.requester.key, *(person.key for person in into.participants)}
    people = [one for one in (old.requester, *old.participants) if one.key and one.key not in there]
    if people:
        course.add(AddParticipants(into.id, tuple(Address(one.name, one.address) for one in people)))
        course.record("participants", joined=[one.address for one in people])
        course.ticket = replace(into, participants=(*into.participants, *people))


def _watch(course: Course, old: Ticket) -> None:
    """Who followed the old ticket, or was responsible for it, follows the living one."""
    into = course.ticket
    assert into is not None
    agents = (*old.watchers, *((old.assignee,) if old.assignee else ()))
    new = tuple(
        dict.fromkeys(one for one in agents if one != into.assignee and one not in into.watchers and course.rulebook.agent(one))
    )  # fmt: skip
    course.add(*(Watch(into.id, one) for one in new))
    course.ticket = replace(into, watchers=(*into.watchers, *new))


def tell_merged(course: Course, old: Ticket) -> None:
    """One mail to the old ticket's requester that names the living one, unless he gets one about it already."""
    into = course.ticket
    assert into is not None
    told = {effect.to.key for effect in course.effects if isinstance(effect, Tell)}
    if old.requester.key and old.requester.key not in told:
        role = Role.REQUESTER if old.requester.key == into.requester.key else Role.PARTICIPANT
        to = Address(old.requester.name, old.requester.address)
        course.send_outside(to, role, "merged", (Happening.STATE,), named=(old.id,))


@dataclass(frozen=True, slots=True)
class Part:
    """A ticket to be made: of a text, or, when there is none, of the message that was answered."""

    subject: str
    text: str


def messages_of(course: Course) -> tuple[Message, ...]:
    """Those of the snapshot that belong to the course's ticket, oldest first."""
    ticket = course.ticket
    assert ticket is not None
    mine = [
        one
        for one in course.snapshot.messages.values()
        if one.ticket is not None and (found := course.snapshot.resolve(one.ticket)) and found.id == ticket.id
    ]
    return tuple(sorted(mine, key=lambda one: (one.at, one.id)))


def unsplittable(parts: tuple[Part, ...], answered: Message | None, messages: tuple[Message, ...]) -> str:
    """Why these parts cannot be made; "" when they can. `messages`: all of the ticket."""
    whole = [part for part in parts if not part.text.strip()]
    if not whole:
        return ""
    if len(whole) > 1:
        return "only one #split can take the message that was answered; the others need their text below them"
    if answered is None:
        return "#split without a text below it takes the message that was answered: answer the notification of that message"
    if answered not in messages:
        return "the message you answer belongs to another ticket now"
    if answered.direction != "in" or not answered.public:
        return "#split moves a message of the requester's side, and you answered another"
    wrote = [one for one in messages if one.direction == "in" and one.public and one.kind == "person"]
    if len(wrote) < 2:
        return "this is the only message of the requester's: use #subject, or write each part's text below its #split line"
    return ""


def divide(course: Course, parts: tuple[Part, ...], answered: Message | None) -> None:
    """Each part becomes a ticket; the requester gets one mail that names them all."""
    ticket = course.ticket
    assert ticket is not None
    keys = []
    for index, part in enumerate(parts):
        key = NEW - index
        keys.append(key)
        _part(course, part, key, answered)
        course.record("split", subject=part.subject)
    if ticket.requester.key:
        to = Address(ticket.requester.name, ticket.requester.address)
        course.send_outside(to, Role.REQUESTER, "split", (Happening.CREATED,), named=tuple(keys))


def _part(course: Course, part: Part, key: int, answered: Message | None) -> None:
    ticket = course.ticket
    assert ticket is not None
    received = answered.at if answered else ticket.received_at
    opening = _opening(course, ticket, part.subject, key, received)
    new = Course(course.snapshot, course.rulebook, course.given, course.actor)
    new.ticket = _as_opened(opening, ticket, course.given.now)
    new.add(opening)
    if part.text.strip():
        requester = Address(ticket.requester.name, ticket.requester.address)
        new.add(AddMessage(key, requester, "in", True, "person", part.text, part=True))
    elif answered is not None:
        new.add(MoveMessage(answered.id, key))
    new.add(Link(key, ticket.id, "related"))
    new.add(Record(key, course.actor, "created", {"channel": ticket.channel, "requester": ticket.requester.address, "team": ticket.team, "split_from": ticket.id}))  # fmt: skip
    if ticket.assignee:
        new.change((Change("assignee", None, ticket.assignee),))
    new.happenings.clear()
    new.happened(Happening.CREATED)
    new.new_responsible = False
    new.tell(internal=True, by="")
    course.add(*new.effects)
    course.reasons += new.reasons


def _opening(course: Course, ticket: Ticket, subject: str, key: int, received: datetime) -> OpenTicket:
    rulebook = course.rulebook
    policy = policy_for(
        rulebook, organisation=ticket.organisation, address=ticket.requester.key, team=ticket.team, priority=ticket.priority,
        groups=ticket.requester.groups,
    )  # fmt: skip
    due, clock_at = promised(rulebook, policy, ticket.priority, received)
    return OpenTicket(
        subject=subject,
        requester=Address(ticket.requester.name, ticket.requester.address),
        received_at=received,
        language=ticket.language,
        channel=ticket.channel,
        organisation=ticket.organisation,
        team=ticket.team,
        priority=ticket.priority,
        sla=policy.key if policy else None,
        due=due,
        clock_at=clock_at,
        key=key,
        person=None if ticket.requester.address else ticket.requester.id,
    )


def _as_opened(opening: OpenTicket, ticket: Ticket, now: datetime) -> Ticket:
    requester: Person = ticket.requester
    return Ticket(
        id=opening.key,
        subject=opening.subject,
        state=State.NEW,
        requester=requester,
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
