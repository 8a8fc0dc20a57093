"""What follows when somebody acts by command line or portal, when a delivery failed, when a clock is due."""

from __future__ import annotations

from typing import Final

from maild.desk import commands
from maild.desk.answering import write
from maild.desk.arriving import undeliverable
from maild.desk.commands import Power
from maild.desk.course import Course
from maild.desk.effects import Change, Decision, Given
from maild.desk.events import Acted, ClockDue, DeliveryFailed
from maild.desk.facts import Address
from maild.desk.leaving import leaks
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Snapshot
from maild.desk.words import Happening, State

FIRST_RESPONSE: Final = "first_response"


def acted(event: Acted, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """Command lines and a text on a ticket. A refused line stands in the reasons (step "command") and nothing is done."""
    course = Course(snapshot, rulebook, given, event.actor.lower())
    course.ticket = snapshot.resolve(event.ticket)
    if course.ticket is None:
        course.why("command", "REFUSED", f"there is no ticket {event.ticket}")
        return course.decision()
    agent = rulebook.agent(event.actor)
    outcome = commands.carry_out(
        event.commands, course.ticket, Power(agent), rulebook, frozenset(snapshot.tickets)
    )
    for line in outcome.lines:
        course.why("command", "done" if line.done else "REFUSED", f"{line.raw}: {line.why}")
    if outcome.refused:
        return course.decision()
    subjects = [str(change.new) for change in outcome.changes if change.name == "subject"]
    found = leaks("\n".join((event.text if outcome.public else "", *subjects)), rulebook)
    if found:
        course.why("command", "REFUSED", f"the text holds what must not leave the desk: {', '.join(found)}")
        return course.decision()
    author = (
        Address(agent.name, agent.address)
        if agent
        else Address(rulebook.identity.name, rulebook.identity.address)
    )
    public = outcome.public is True
    write(
        course,
        author,
        event.text,
        outcome,
        public=public,
        says_something=bool(event.text.strip()),
        at=given.now,
    )
    return course.decision()


def delivery_failed(event: DeliveryFailed, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """A mail of ours was refused for good: history, the responsible is told, an agent's answer reopens the ticket."""
    course = Course(snapshot, rulebook, given, "desk")
    course.ticket = snapshot.resolve(event.ticket) if event.ticket else None
    course.why("delivery", f"to {event.recipient} failed for good", event.reason)
    undeliverable(course, event.recipient, event.reason, answer=event.answer, inside=event.inside)
    return course.decision()


def clock_due(event: ClockDue, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """A promised first answer that did not come: broken once, in the history, told at once."""
    course = Course(snapshot, rulebook, given, "desk")
    ticket = course.ticket = snapshot.resolve(event.ticket)
    waits = (
        ticket is not None and ticket.state in (State.NEW, State.OPEN) and ticket.first_response_at is None
    )
    if ticket is None or not waits or event.clock != FIRST_RESPONSE or event.clock in ticket.breached:
        course.why("clock", "nothing to do", f"{event.clock} of ticket {event.ticket}")
        return course.decision()
    course.why("clock", f"{event.clock} is broken", f"due {event.due.isoformat()}, no person has answered")
    course.record("breached", target=event.clock, due=event.due.isoformat())
    course.change((Change("breached", ticket.breached, (*ticket.breached, event.clock)),))
    course.happenings.clear()
    course.happened(Happening.BREACHED)
    course.tell(internal=True)
    return course.decision()
