"""What follows when somebody acts by command line or portal, when a delivery failed, when a clock is due."""

from __future__ import annotations

from maild.desk import absence, commands
from maild.desk.answering import leaving, not_said, reachable
from maild.desk.clocks_due import promises_due
from maild.desk.commands import Power
from maild.desk.course import Course
from maild.desk.effects import Change, Decision, Given
from maild.desk.events import Acted, ClockDue, DeliveredLate, DeliveryFailed
from maild.desk.facts import Address
from maild.desk.failing import Failure, undeliverable
from maild.desk.leaving import leaks
from maild.desk.merging import Part, messages_of, unsplittable
from maild.desk.privacy import may_see
from maild.desk.rulebook import Rulebook
from maild.desk.ruled import RULES, time_passed
from maild.desk.snapshot import Snapshot
from maild.desk.speaking import hand_on, kept_inside, silent
from maild.desk.words import Role
from maild.desk.writing import Written, write

ADMIN = "admin"
"""The actor who is the admin on this host."""


def acted(event: Acted, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """Command lines and a text on a ticket. A refused line stands in the reasons (step "command") and nothing is done."""
    course = Course(snapshot, rulebook, given, event.actor.lower())
    ticket = course.ticket = snapshot.resolve(event.ticket)
    agent = rulebook.agent(event.actor)
    if ticket is None:
        course.why("command", "REFUSED", f"there is no ticket {event.ticket}")
        return course.decision()
    if agent is None and event.actor != ADMIN:
        course.why("command", "REFUSED", f"there is no agent {event.actor}")
        return course.decision()
    if not may_see(agent, ticket, rulebook):
        course.why("command", "REFUSED", f"there is no ticket {event.ticket}")
        course.ticket = None
        return course.decision()
    outcome = commands.carry_out(
        event.commands, ticket, Power(agent), rulebook, snapshot, given.now, event.text
    )
    for line in outcome.lines:
        course.why("command", "done" if line.done else "REFUSED", f"{line.raw}: {line.why}")
    if outcome.refused:
        return course.decision()
    messages = messages_of(course)
    asked = [one for one in messages if one.direction == "in" and one.public and one.kind == "person"]
    answered = asked[-1] if asked else None
    below = event.text if outcome.splits else ""
    parts = tuple(map(Part, outcome.splits, (*("" for _ in outcome.splits[1:]), below)))
    text = "\n\n".join(filter(None, (outcome.text, "" if parts else event.text)))
    speaks, public = bool(text.strip()), outcome.public is True or outcome.send
    found = leaks(leaving(text if public else "", outcome), rulebook)
    why_not = (
        f"the text holds what must not leave the desk: {', '.join(found)}"
        if found
        else not_said(outcome, speaks=speaks)
        or unsplittable(parts, answered, messages)
        or ("" if not (public and speaks) or reachable(course, outcome) else "the requester has no address")
    )
    if why_not:
        course.why("command", "REFUSED", why_not)
        return course.decision()
    author = (
        Address(agent.name, agent.address)
        if agent
        else Address(rulebook.identity.name, rulebook.identity.address)
    )
    left = public and speaks and silent(agent, rulebook)
    inside = kept_inside(outcome) if left else outcome
    write(
        course,
        Written(author, text, inside, public and not left, speaks, given.now, parts=parts, answered=answered),
    )
    for sentence in hand_on(course, agent, outcome) if left and agent is not None else ():
        course.why("scope", sentence)
    for sentence in absence.said(course, outcome, author):
        course.why("absence", sentence)
    return course.decision()


def delivery_failed(event: DeliveryFailed, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """A mail of ours was refused for good: history, the responsible is told, an agent's answer reopens the ticket."""
    course = Course(snapshot, rulebook, given, "desk")
    sent = snapshot.outbox[event.outbox]
    course.ticket = snapshot.resolve(sent.ticket) if sent.ticket else None
    course.why("delivery", f"to {sent.person.address} failed for good", event.reason)
    undeliverable(course, Failure(sent, event.reason, event.status, "relay"))
    return course.decision()


def delivered_late(event: DeliveredLate, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """A mail that had failed reached the next host after all: history; a first answer counts from now."""
    course = Course(snapshot, rulebook, given, "desk")
    sent = snapshot.outbox[event.outbox]
    ticket = course.ticket = snapshot.resolve(sent.ticket) if sent.ticket else None
    course.why("delivery", f"to {sent.person.address} went out after all", f"our {sent.kind}")
    course.record("delivered after all", to=sent.person.address, of=sent.kind)
    answered = sent.kind == "answer" and sent.role is Role.REQUESTER
    if answered and ticket is not None and ticket.first_response_at is None:
        course.change((Change("first_response_at", None, given.now),))
    return course.decision()


def clock_due(event: ClockDue, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """There is something to be done about a ticket's promises, or the rules on time are to look."""
    course = Course(snapshot, rulebook, given, "desk")
    ticket = snapshot.resolve(event.ticket)
    if ticket is None or ticket.id != event.ticket:
        course.why("clock", "nothing to do", f"{event.clock} of ticket {event.ticket}, which is merged")
        return course.decision()
    course.ticket = ticket
    if event.clock == RULES:
        time_passed(course)
    else:
        promises_due(course, crowd=event.crowd)
    return course.decision()
