"""What an agent's commands and words come to on a ticket, however they came: effects, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from maild.desk import merging
from maild.desk.commands import Outcome
from maild.desk.course import Course
from maild.desk.effects import AddMessage, Change, Link, SetRequester, Tell, Watch
from maild.desk.facts import Address
from maild.desk.merging import Part
from maild.desk.people import Message, Person, Ticket
from maild.desk.ruled import answers, on_change
from maild.desk.words import Happening, Role, Scope, State
from maild.desk.workflow import Act, Who, after


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody of the desk wrote. `public`: it goes to the requester's side. `speaks`: there is a text or a file, beside commands.

    `at`: when it counts. `already`: addresses (lower case) that have the mail itself. `parts`: tickets to be made of pieces of this
    one, perhaps of the message `answered`. `kept`: the message as which this mail was kept while it was held.
    """

    author: Address
    text: str
    outcome: Outcome
    public: bool
    speaks: bool
    at: datetime
    already: frozenset[str] = frozenset()
    parts: tuple[Part, ...] = ()
    answered: Message | None = None
    kept: int | None = None

    @property
    def answers(self) -> bool:
        return self.public and self.speaks


def settle(course: Course, written: Written) -> None:
    """Apply commands and words to the ticket of the course; nobody is told yet."""
    outcome = written.outcome
    if outcome.requester is not None:
        _set_requester(course, outcome)
    if outcome.merge is not None:
        merging.merge(course, outcome.merge)
    if written.speaks:
        _add_message(course, written)
    elif outcome.minutes:
        course.record("time", minutes=outcome.minutes)
    _change(course, written)
    _tie(course, outcome)
    if written.parts:
        merging.divide(course, written.parts, written.answered)


def write(course: Course, written: Written) -> None:
    """Apply commands and words to the ticket of the course, and tell who is concerned."""
    outcome, old = written.outcome, course.ticket
    assert old is not None
    settle(course, written)
    lines = (
        on_change(course)
        if outcome.merge is None
        else (f"Ticket {old.id} ({old.subject}) goes on in this one.",)
    )
    ticket = course.ticket
    responsible = ticket.assignee if ticket else None
    course.new_responsible = course.new_responsible and responsible != written.author.key
    inside = not written.answers if outcome.merge is not None else _inside_only(course)
    course.tell(internal=inside, already=written.already, lines=lines)
    answers(course)
    _ask(course, written)
    if outcome.merge is not None:
        merging.tell_merged(course, old)


def _inside_only(course: Course) -> bool:
    """A note, and field changes alone, concern nobody outside; a state, a name or a date that the requester should know does."""
    told_outside = (Happening.ANSWERED, Happening.STATE, Happening.ASSIGNED, Happening.ESTIMATED)
    return not any(happening in course.happenings for happening in told_outside)


def _add_message(course: Course, written: Written) -> None:
    ticket, answers, author = course.ticket, written.answers, written.author
    assert ticket is not None
    direction = "out" if answers else "in"
    course.add(AddMessage(ticket.id, author, direction, answers, "person", written.text, written.outcome.minutes, written.kept))  # fmt: skip
    course.happened(Happening.ANSWERED if answers else Happening.NOTED)
    course.record("answered" if answers else "noted", by=author.address)


def _change(course: Course, written: Written) -> None:
    """The wished changes, what follows from an answer, and the state that comes of all."""
    ticket, outcome, at = course.ticket, written.outcome, written.at
    assert ticket is not None
    changes = [change for change in outcome.changes if change.name != "state"]
    responds = written.answers or outcome.contact is not None
    if responds:
        changes += _responding(course, written, ticket)
    if outcome.minutes:
        changes.append(Change("minutes_spent", ticket.minutes_spent, ticket.minutes_spent + outcome.minutes))
    course.change(changes)
    act = Act.WRITE if responds else Act.NOTE if written.speaks else None
    wished = next((change.new for change in outcome.changes if change.name == "state"), None)
    follows = after(ticket.state, act, Who.AGENT) if act is not None else None
    course.set_state(wished if isinstance(wished, State) else follows, at)


def _responding(course: Course, written: Written, ticket: Ticket) -> list[Change]:
    """An answer, or a talk outside mail, meets the promise of a first response, and takes a ticket that nobody has."""
    found = []
    agent = course.rulebook.agent(written.author.address)
    given = any(change.name == "assignee" for change in written.outcome.changes)
    if ticket.assignee is None and agent is not None and not given:
        found.append(Change("assignee", None, agent.address))
        course.why("assignee", agent.address, "an answer to an unowned ticket takes it")
    if ticket.first_response_at is None:
        found.append(Change("first_response_at", None, written.at))
    return found


def _tie(course: Course, outcome: Outcome) -> None:
    """Watchers, links, and what the history only says."""
    ticket = course.ticket
    assert ticket is not None
    course.add(*(Watch(ticket.id, address) for address in outcome.watch))
    course.add(*(Watch(ticket.id, address, on=False) for address in outcome.unwatch))
    watchers = dict.fromkeys(one for one in (*ticket.watchers, *outcome.watch) if one not in outcome.unwatch)
    course.ticket = replace(ticket, watchers=tuple(watchers))
    for number in outcome.links:
        course.add(Link(ticket.id, number, "related"))
        course.record("linked", to=number, kind="related")
    if outcome.contact is not None:
        course.record("contact", channel=outcome.contact)
    if outcome.acknowledged:
        course.record("acknowledged", by=course.actor)
    if outcome.escalated is not None:
        before, now = outcome.escalated
        course.record("escalated", **{"from": before, "to": now})
    if outcome.undone:
        course.record("undone", what=list(outcome.undone))


def _set_requester(course: Course, outcome: Outcome) -> None:
    ticket, asked = course.ticket, outcome.requester
    assert ticket is not None
    assert asked is not None
    known = course.snapshot.people.get(asked.who.key)
    organisation = course.rulebook.organisation_of(asked.who.address) if asked.who.address else None
    person = known or Person(0, asked.who.name, asked.who.address, organisation.name if organisation else None, phone=asked.phone)  # fmt: skip
    course.add(SetRequester(ticket.id, asked.who, asked.phone))
    course.record("requester", old=ticket.requester.address or ticket.requester.name, new=asked.who.address or asked.who.name)  # fmt: skip
    others = tuple(one for one in ticket.participants if one.key != asked.who.key)
    course.ticket = replace(ticket, requester=replace(person, address=asked.who.address), participants=others)
    course.happened(Happening.CHANGED)
    course.touched = True


def _ask(course: Course, written: Written) -> None:
    """Those who are asked get the note as a question, whether they follow the ticket or not."""
    ticket, question = course.ticket, f"{written.author.name} asks you; your answer is a note to this ticket."
    assert ticket is not None
    for agent in written.outcome.ask:
        told = (
            effect for effect in course.effects if isinstance(effect, Tell) and effect.to.key == agent.address
        )
        had = next(told, None)
        if had is not None:
            course.effects[course.effects.index(had)] = replace(had, lines=(*had.lines, question))
            continue
        course.why("asked", f"to {agent.address}", "#ask")
        to = Address(agent.name, agent.address)
        course.add(Tell(ticket.id, to, Role.WATCHER, "notification", (Happening.NOTED,), Scope.INTERNAL, False, True, (question,)))  # fmt: skip
    if written.outcome.ask:
        course.record("asked", people=[agent.address for agent in written.outcome.ask])
