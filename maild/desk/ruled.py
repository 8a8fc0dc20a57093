"""What the rules said, carried out: on a new ticket, on a reply, after a change, when time has passed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final, assert_never

from maild.desk import rule_facts, ruling
from maild.desk.course import Course
from maild.desk.effects import AddMessage, Change, Fired, TookTurn
from maild.desk.effects import Watch as WatchTicket
from maild.desk.events import MessageArrived
from maild.desk.facts import Address
from maild.desk.people import Ticket
from maild.desk.rule_actions import (
    Acknowledge,
    Action,
    AddNote,
    Assign,
    Discard,
    Help,
    Reply,
    Runbook,
    Spam,
    Watch,
    Webhook,
)
from maild.desk.rule_facts import Facts
from maild.desk.rule_trace import Line
from maild.desk.rulebook import Rulebook
from maild.desk.ruling import Ruling
from maild.desk.words import Role, State
from maild.desk.workflow import ACT_FOR_STATE, Who, after

RULES: Final = "rules"
"""Who causes what rules do, in the history; and the name of the clock that wakes the rules on time."""


def consult(
    course: Course, occasion: str, ticket: Ticket, facts: Facts, before: Collection[str] = ()
) -> Ruling:
    """What the rules of this occasion say about the ticket; why stands in the reasons."""
    found = ruling.run(
        occasion,
        facts,
        ticket,
        course.rulebook,
        course.snapshot.staff,
        before=before,
        whole=course.given.whole,
    )
    course.traces.append(found.trace)
    for line in found.trace.fired():
        course.why("rule", line.rule, _evidence(line))
    for problem in found.problems:
        course.why("rule", "stopped", problem)
        for admin in course.rulebook.admins:
            course.warn(Address(admin.name, admin.address), problem, about=f"rules {admin.address}")
    return found


def _evidence(line: Line) -> str:
    said = "; ".join(
        f"{part.condition}: {part.evidence}" if part.evidence else part.condition for part in line.conditions
    )
    did = ", ".join(line.did) or "nothing"
    return f"{line.place}: {said or 'always'} => {did}"


def mail_facts(course: Course, event: MessageArrived, author: Address, ticket: Ticket) -> Facts:
    """What the rules may know of a mail that belongs to this ticket, or begins it."""
    rulebook, now = course.rulebook, course.given.now
    organisation = rulebook.organisation_of(author.address)
    return Facts(
        mail=rule_facts.of_mail(event.mail, author, event.envelope.recipients),
        organisation=organisation.name if organisation else ticket.organisation,
        groups=rulebook.groups_of(author.address),
        now=now,
        idle=now - (ticket.active_at or ticket.received_at),
        age=now - ticket.received_at,
        priority_set=_chosen(ticket, rulebook),
    )


def ticket_facts(course: Course, ticket: Ticket) -> Facts:
    """What the rules may know when no mail arrived."""
    rulebook = course.rulebook
    facts = rule_facts.of_ticket(
        ticket,
        course.given.now,
        ticket.active_at or ticket.received_at,
        rulebook.groups_of(ticket.requester.address),
    )
    return replace(facts, priority_set=_chosen(ticket, rulebook))


def _chosen(ticket: Ticket, rulebook: Rulebook) -> bool:
    """Whether somebody chose the priority of a ticket that has one: it is not what follows from impact and urgency."""
    return bool(ticket.id) and ticket.priority != rulebook.words.derived(ticket.impact, ticket.urgency)


def follow(course: Course, found: Ruling, settled: Collection[str] = ()) -> tuple[str, ...]:
    """Do what the rules said to the ticket of the course, all but `settled` columns. Returns lines for the agents."""
    ticket = course.ticket
    assert ticket is not None
    actor, course.actor = course.actor, RULES
    changes = [change for change in found.changes if change.name not in (*settled, "state")]
    course.change(Change(change.name, _value(ticket, change.name), change.new) for change in changes)
    for change in found.changes:
        if change.name == "state":
            _move(course, State(str(change.new)))
    lines = tuple(line for action in found.actions for line in _act(course, action))
    if found.fired:
        course.record("ruled", rules=list(found.fired))
    course.actor = actor
    return lines


def _value(ticket: Ticket, name: str) -> object:
    key = name.removeprefix("field.")
    return ticket.fields.get(key) if key != name else getattr(ticket, name)


def _move(course: Course, wanted: State) -> None:
    """The state a rule asks for, as far as the life of tickets knows a way there."""
    assert course.ticket is not None
    act = ACT_FOR_STATE.get(wanted)
    new = after(course.ticket.state, act, Who.AGENT) if act is not None else None
    if new is None:
        course.why("rule", "refused", f"a ticket that is {course.ticket.state} cannot become {wanted}")
    course.set_state(new, course.given.now)


def _act(course: Course, action: Action) -> Iterator[str]:
    """One action that is no change of a column. Yields what agents should read."""
    assert course.ticket is not None
    match action:
        case Watch():
            if action.address not in course.ticket.watchers:
                course.add(WatchTicket(course.ticket.id, action.address))
                course.ticket = replace(course.ticket, watchers=(*course.ticket.watchers, action.address))
        case AddNote():
            desk = Address(course.rulebook.identity.name, "")
            course.add(AddMessage(course.ticket.id, desk, "in", False, "note", action.text, part=True))
            yield action.text
        case Acknowledge():
            course.acknowledgement = action.template
            course.unacknowledged = action.template is None
        case Help():
            course.help += (action.link,)
        case Reply():
            course.replies += (action.template,)
        case Runbook():
            course.record("runbook", name=action.name)
            yield f"Runbook: {action.name}"
        case Assign():
            if action.way == "round-robin" and action.agent is not None:
                course.add(TookTurn(action.team or "", action.agent))
        case Webhook():
            course.why("webhook", "not sent", "this version of maild does not send them")
        case Spam() | Discard():
            pass  # the caller's affair: they say what becomes of the mail, not of the ticket
        case _:
            assert_never(action)


def answers(course: Course, refusals: tuple[str, ...] = ()) -> None:
    """The templates that rules asked for go to the requester, if nothing is against it."""
    ticket = course.ticket
    assert ticket is not None
    requester = Address(ticket.requester.name, ticket.requester.address)
    for template in course.replies if requester.address else ():
        course.send_outside(requester, Role.REQUESTER, "notice", (), refusals, form=template)
    course.replies = ()


def on_change(course: Course) -> tuple[str, ...]:
    """After somebody changed the ticket: what the rules on change make of it. Returns lines for the agents."""
    ticket = course.ticket
    if ticket is None or not course.changed or not course.rulebook.rules.on("change"):
        return ()
    return follow(course, consult(course, "change", ticket, ticket_facts(course, ticket)))


def time_passed(course: Course) -> None:
    """The rules on time have a look at the ticket of the course; each fires once until a person writes or changes something."""
    ticket = course.ticket
    assert ticket is not None
    course.looked = True
    found = consult(course, "time", ticket, ticket_facts(course, ticket), course.snapshot.fired)
    lines = follow(course, found)
    if found.fired:
        course.add(Fired(ticket.id, found.fired))
    answers(course)
    course.tell(lines=lines)
