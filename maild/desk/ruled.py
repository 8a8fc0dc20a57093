"""What the rules said, carried out: on a new ticket, on a reply, after a change, when time has passed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final, assert_never

from maild.desk import calendars, rule_facts, ruling, runbooks
from maild.desk.belonging import groups_of, organisation_of
from maild.desk.course import Course
from maild.desk.effects import AddMessage, Change, Fired, TookTurn
from maild.desk.effects import Watch as WatchTicket
from maild.desk.events import MessageArrived
from maild.desk.facts import Address
from maild.desk.people import Person, Ticket
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
from maild.desk.rule_posts import posted
from maild.desk.rule_trace import Line
from maild.desk.ruling import Ruling
from maild.desk.solving import lacking, refusal, solves
from maild.desk.staffing import owner_of
from maild.desk.words import Happening, Role, State
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
            course.warn(
                Address(admin.name, admin.address), problem, about=f"rules {admin.address}: {problem}"
            )
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
    writer = _writer(course, author, ticket)
    return Facts(
        mail=rule_facts.of_mail(event.mail, author, event.envelope.recipients),
        organisation=organisation_of(writer, rulebook) or ticket.organisation,
        groups=groups_of(writer, rulebook),
        now=now,
        idle=now - (ticket.active_at or ticket.received_at),
        age=now - ticket.received_at,
    )


def _writer(course: Course, author: Address, ticket: Ticket) -> Person:
    """Who wrote, as the register knows him."""
    if author.key == ticket.requester.key:
        return ticket.requester
    return course.snapshot.people.get(author.key) or Person(0, author.name, author.address)


def ticket_facts(course: Course, ticket: Ticket) -> Facts:
    """What the rules may know when no mail arrived."""
    rulebook = course.rulebook
    return rule_facts.of_ticket(
        ticket,
        course.given.now,
        ticket.active_at or ticket.received_at,
        groups_of(ticket.requester, rulebook),
    )


def follow(course: Course, found: Ruling, settled: Collection[str] = ()) -> tuple[str, ...]:
    """Do what the rules said to the ticket of the course, all but `settled` columns. Returns lines for the agents."""
    ticket = course.ticket
    assert ticket is not None
    actor, course.actor = course.actor, RULES
    changes = [change for change in found.changes if change.name not in (*settled, "state")]
    course.change(Change(change.name, _value(ticket, change.name), change.new) for change in changes)
    kept = [
        why
        for change in found.changes
        if change.name == "state" and (why := _move(course, State(str(change.new))))
    ]
    if any(change.name == "team" for change in changes):
        _owned(course)
    lines = (*kept, *(line for action in found.actions for line in _act(course, action, found)))
    if found.fired:
        course.record("ruled", rules=list(found.fired))
    course.actor = actor
    return lines


def _owned(course: Course) -> None:
    """A ticket that came to a team and is nobody's has the team's responsible, if there is one."""
    ticket = course.ticket
    assert ticket is not None
    owner = owner_of(ticket.team, course.rulebook, course.snapshot.away)
    if ticket.assignee is None and owner is not None:
        course.why("assignee", owner, f"responsible for what comes to team {ticket.team}")
        course.change((Change("assignee", None, owner),))


def _value(ticket: Ticket, name: str) -> object:
    key = name.removeprefix("field.")
    return ticket.fields.get(key) if key != name else getattr(ticket, name)


def _move(course: Course, wanted: State) -> str:
    """The state a rule asks for, as far as the life of tickets knows a way there and nothing lacks. Returns a line for the agents when it
    is not reached for what they can give, else ""."""
    ticket = course.ticket
    assert ticket is not None
    act = ACT_FOR_STATE.get(wanted)
    new = after(ticket.state, act, Who.AGENT) if act is not None else None
    if new is None:
        course.why("rule", "refused", f"a ticket that is {ticket.state} cannot become {wanted}")
        return ""
    lacks = lacking(ticket, course.rulebook) if solves(ticket.state, new) else ()
    if lacks:
        why = f"A rule wants this ticket {new}, but {refusal(lacks)}"
        course.why("rule", "refused", why)
        course.record("not solved", wanted=str(new), lacks=[lack.what for lack in lacks])
        return why
    course.set_state(new, course.given.now)
    return ""


def _act(course: Course, action: Action, found: Ruling) -> Iterator[str]:
    """One action of a ruling that is no change of a column. Yields what agents should read."""
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
            given = runbooks.added(course.ticket, action.name)
            if given:
                course.change(given)
                course.runbooks += (action.name,)
                course.record("runbook", name=action.name)
                course.happened(Happening.CHANGED)
                yield f"Runbook: {action.name}"
        case Assign():
            if action.way == "round-robin" and action.agent is not None:
                course.add(TookTurn(action.turn, action.agent))
        case Webhook():
            post = posted(course.ticket.id, action.url, found, course.rulebook)
            course.why("webhook", f"to {post.url}", f"rule '{post.rule}'")
            course.add(post)
        case Spam() | Discard():
            pass  # the caller's affair: they say what becomes of the mail, not of the ticket
        case _:
            assert_never(action)


def answers(course: Course, refusals: tuple[str, ...] = (), *, wait: bool = False) -> None:
    """The templates that rules asked for go to the requester, if nothing is against it. `wait`: they are reminders, which come in working hours."""
    ticket = course.ticket
    assert ticket is not None
    requester = Address(ticket.requester.name, ticket.requester.address)
    for template in course.replies if requester.address else ():
        later = _working(course) if wait else None
        course.send_outside(
            requester, Role.REQUESTER, "notice", (), refusals, form=template, not_before=later
        )
    course.replies = ()


def _working(course: Course) -> datetime | None:
    """When the working hours go on in which the ticket's promises count; None: they count now, or always."""
    policy = course.rulebook.policies.get(course.ticket.sla or "") if course.ticket else None
    calendar = course.rulebook.calendars.get(policy.calendar) if policy else None
    if calendar is None or not any(calendar.week):
        return None
    opens = calendars.opening(calendar, course.given.now)
    return opens if opens > course.given.now else None


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
    if found.has(AddNote) or (lines and not course.happenings):
        course.happened(Happening.NOTED)  # with nothing else to tell, nobody would hear of it
    if found.fired:
        course.add(Fired(ticket.id, found.fired))
    answers(course, wait=True)
    course.tell(lines=lines)
