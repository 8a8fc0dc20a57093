"""What an agent's commands and words come to on a ticket, however they came: effects, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from maild.desk import mentions, merging
from maild.desk.callers import shown
from maild.desk.commands import Outcome
from maild.desk.course import Course
from maild.desk.effects import AddMessage, BelongsTo, Change, Link, SetRequester, Watch
from maild.desk.escalating import escalate
from maild.desk.facts import Address
from maild.desk.merging import Part
from maild.desk.people import Message, Person, Ticket
from maild.desk.ruled import answers, on_change
from maild.desk.solving import TIME, reminder, solves, total
from maild.desk.words import Happening, State
from maild.desk.workflow import Act, Who, after


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody of the desk wrote. `public`: it goes to the requester's side. `speaks`: there is a text or a file, beside commands.

    `at`: when it counts. `already`: addresses (lower case) that have the mail itself. `parts`: tickets to be made of pieces of this
    one, perhaps of the message `answered`. `kept`: the message as which this mail was kept while it was held. `logged`: the time it
    logs belongs to a message that stands already.
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
    logged: bool = False

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
    elif outcome.minutes and not written.logged:
        course.record("time", minutes=outcome.minutes, by=written.author.address)
    before = course.ticket
    _change(course, written)
    _tie(course, outcome)
    _belongs(course, outcome)
    _solved(course, before, written)
    if outcome.escalate is not None and outcome.escalated is None:
        escalate(course, course.actor, outcome.escalate, {change.name for change in outcome.changes})
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
    if ticket is not None and outcome.merge is None and solves(old.state, ticket.state):
        lines = (*lines, *total(ticket, course.rulebook))
    responsible = ticket.assignee if ticket else None
    course.new_responsible = course.new_responsible and responsible != written.author.key
    inside = not written.answers if outcome.merge is not None else _inside_only(course, outcome)
    course.tell(internal=inside, already=written.already, lines=lines)
    answers(course)
    mentions.ask(course, written.author, outcome.ask)
    if written.speaks and not written.answers:
        mentions.mention(course, written.author, written.text, outcome.ask)
    if outcome.merge is not None:
        merging.tell_merged(course, old)


def _inside_only(course: Course, outcome: Outcome) -> bool:
    """A note, and field changes alone, concern nobody outside; a state, a name or a date that the requester should know does."""
    told_outside = {Happening.ANSWERED, Happening.STATE, Happening.ASSIGNED, Happening.ESTIMATED}
    stays = course.ticket is not None and course.ticket.contact is not None
    if (
        stays or outcome.contact is not None
    ):  # whom the requester speaks with stays the same, or he knows: he just has
        told_outside -= {Happening.ASSIGNED}
    return told_outside.isdisjoint(course.happenings)


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


def _solved(course: Course, before: Ticket | None, written: Written) -> None:
    """Who has solved it reads how much time it took, or how to log it."""
    ticket = course.ticket
    if before is None or ticket is None or not solves(before.state, ticket.state):
        return
    if written.outcome.without:
        course.record("solved anyway", lacks=list(written.outcome.without))
    lines = reminder(ticket, course.rulebook)
    if lines and course.rulebook.agent(written.author.address) is not None:
        course.transcript(written.author, lines)
    for line in lines:
        course.why(TIME, line)


def _responding(course: Course, written: Written, ticket: Ticket) -> list[Change]:
    """An answer, or a talk outside mail, meets the promise of a first response, and takes a ticket that nobody has."""
    found = []
    agent = course.rulebook.agent(written.author.address)
    given = any(change.name == "assignee" for change in written.outcome.changes)
    if ticket.assignee is None and agent is not None and not given and ticket.contact != agent.address:
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
        _acknowledged(course, ticket)
    if outcome.escalated is not None:
        before, now = outcome.escalated
        course.record("escalated", why=outcome.escalate, **{"from": before, "to": now})
        course.happened(Happening.ESCALATED)
    if outcome.undone:
        course.record("undone", what=list(outcome.undone))


def _acknowledged(course: Course, ticket: Ticket) -> None:
    """`#ack`: no step is taken for nobody having acted, and who hears of the ticket knows that somebody acts."""
    agent = course.rulebook.agent(course.actor)
    course.record("acknowledged", by=course.actor)
    course.happened(Happening.ESCALATED)
    course.said += (f"Acknowledged by {agent.name if agent else 'the admin'}, who has seen it and acts.",)


def _set_requester(course: Course, outcome: Outcome) -> None:
    ticket, asked = course.ticket, outcome.requester
    assert ticket is not None
    assert asked is not None
    person = asked.person or Person(0, asked.who.name, asked.who.address, phone=asked.phone)
    course.add(SetRequester(ticket.id, asked.who, asked.phone, asked.person.id if asked.person else None))
    new = asked.who.address or shown(asked.who, asked.phone)
    course.record("requester", old=ticket.requester.address or shown(ticket.requester), new=new)
    others = tuple(one for one in ticket.participants if one.key != asked.who.key)
    course.ticket = replace(ticket, requester=person, participants=others)
    course.happened(Happening.CHANGED)
    course.touched = True


def _belongs(course: Course, outcome: Outcome) -> None:
    """The organisation that was named is the requester's from now on, not only this ticket's."""
    ticket = course.ticket
    if ticket is None or outcome.belongs is None:
        return
    name = outcome.belongs or None
    course.add(BelongsTo(ticket.id, name))
    course.record("organisation", of=ticket.requester.address or shown(ticket.requester), name=name)
    course.ticket = replace(ticket, requester=replace(ticket.requester, organisation=name))
