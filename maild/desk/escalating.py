"""A step of the escalation is taken: the ticket is changed, the history says why, and it is known whom to tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from maild.desk.conditions import Nested
from maild.desk.course import Course
from maild.desk.days import spoken
from maild.desk.effects import Change, Post, Tell, TookTurn
from maild.desk.facts import Address
from maild.desk.ladder import Called, called, next_step, spoken_step
from maild.desk.notices import Call
from maild.desk.people import Ticket
from maild.desk.rule_actions import Assign, Draft, merged
from maild.desk.rulebook import Rulebook, Step
from maild.desk.ruled import on_change, ticket_facts
from maild.desk.rules import Rule
from maild.desk.staffing import owner_of
from maild.desk.timeline import ESCALATION
from maild.desk.words import Happening, Role

FORM: Final = "escalated"
"""The template of what goes to mailboxes of nobody among the agents."""

OCCASION: Final = "escalation"
"""On what a webhook of a step is posted."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken. `said` and, of what comes next, `next`: sentences for agents."""

    number: int
    called: Called
    changed: bool
    said: str
    next: str


def take(course: Course, why: str, *, by: str = "", settled: Collection[str] = ()) -> Taken | None:
    """Take the next step of the course's ticket; None when there is none left. `by`: the agent who asked for it (address in lower case), who
    is not told, "" for the desk; `settled`: columns that he has set himself, which the step leaves alone."""
    ticket, now = course.ticket, course.given.now
    assert ticket is not None
    step = next_step(course.rulebook, ticket)
    if step is None:
        course.why("escalation", "there is no further step", why)
        return None
    number, actor = ticket.step + 1, course.actor
    course.actor = ESCALATION
    draft = _drafted(course, ticket, step, number)
    changes = tuple(change for change in merged(draft.changes) if change.name not in settled)
    course.change(changes)
    course.change((Change("step", ticket.step, number),))
    course.add(
        *(
            TookTurn(action.turn, action.agent)
            for action in draft.actions
            if isinstance(action, Assign) and action.way == "round-robin" and action.agent is not None
        )
    )
    course.actor = actor
    assert course.ticket is not None
    found = called(step, course.ticket, course.rulebook, course.snapshot.away, now, by)
    shown = _shown(changes)
    course.why("escalation", f"step {number} of {len(course.rulebook.escalation)}", why)
    course.actor = by or ESCALATION
    course.record("escalated", step=number, why=why, notify=[*(one.address for one in found.agents), *found.mailboxes, *found.urls], changes=shown)  # fmt: skip
    course.actor = actor
    return Taken(
        number,
        found,
        bool(shown),
        _said(course, number, why, found, shown),
        following(course.rulebook, course.ticket),
    )


def _drafted(course: Course, ticket: Ticket, step: Step, number: int) -> Draft:
    """What the step does to the ticket, as a rule with the same actions would do it; a team's responsible takes over."""
    rulebook = course.rulebook
    facts = ticket_facts(course, ticket)
    draft = Draft(ticket, facts, rulebook, course.snapshot.staff)
    draft.apply(Rule(f"escalation, step {number}", (), Nested("all"), step.actions))
    if "team" in step.actions and "assignee" not in step.actions and draft.ticket.assignee is None:
        draft.put("assignee", owner_of(draft.ticket.team, rulebook, course.snapshot.away))
    if draft.ticket.chosen != ticket.chosen:
        draft.changes.append(Change("chosen", ticket.chosen, draft.ticket.chosen))
    return draft


def _shown(changes: Collection[Change]) -> dict[str, list[object]]:
    return {
        change.name: [change.old, change.new]
        for change in changes
        if change.name not in ("chosen", "contact")
    }


def _said(course: Course, number: int, why: str, found: Called, shown: Mapping[str, list[object]]) -> str:
    """`Escalation, step 2 of 3 (breach of update): priority 3 → 2; told: Ana Ruiz, Ben Okoro.`"""
    rulebook = course.rulebook
    did = [f"{name} {_named(old, rulebook)} → {_named(new, rulebook)}" for name, (old, new) in shown.items()]
    told = [f"told: {', '.join(found.names)}"] if found.names else []
    what = "; ".join((*did, *told)) or "nothing was to be done"
    return f"Escalation, step {number} of {len(rulebook.escalation)} ({why}): {what}."


def _named(value: object, rulebook: Rulebook) -> str:
    agent = rulebook.agent(value) if isinstance(value, str) else None
    team = rulebook.teams.get(value) if isinstance(value, str) else None
    return agent.name if agent else team.name if team else "nobody" if value is None else str(value)


def following(rulebook: Rulebook, ticket: Ticket) -> str:
    """A sentence for agents about the step that comes next."""
    step = next_step(rulebook, ticket)
    if step is None:
        return "There is no further step."
    when = "with the next missed promise or #escalate"
    if step.after is not None:
        when += f", or after {spoken(step.after)} if nobody answers, notes or writes #ack"
    return f"The next step ({spoken_step(step, rulebook)}) comes {when}."


def climb(
    course: Course, missed: Sequence[str], lines: tuple[str, ...] = (), *, silent: bool = False
) -> None:
    """Take what is due by itself: a step when nobody has acted for so long (`silent`), and one for each promise that was `missed` (targets),
    in this order, as far as the ladder goes. Whom they tell of it stands in `course.call`; `lines` say to agents what was missed."""
    idle = (_silence(course),) if silent else ()
    steps = tuple(take(course, f"breach of {target}") for target in missed)
    told = bool(steps) and all(step is not None and step.called.names for step in steps)
    taken = [step for step in (*idle, *steps) if step is not None]
    events = (*((Happening.ESCALATED,) if idle else ()), *((Happening.BREACHED,) if any(steps) else ()))
    _tell(course, taken, events, lines, frozenset((Happening.BREACHED,) if told else ()))
    if any(step.changed for step in taken):
        course.said += on_change(course)


def escalate(course: Course, by: str, reason: str, settled: Collection[str]) -> None:
    """Take the next step because somebody of the desk asks for it (`by`: the actor); he has set the `settled` columns himself."""
    step = take(course, f"#escalate: {reason}" if reason else "#escalate", by=by, settled=settled)
    _tell(course, [step] if step else [], (Happening.ESCALATED,), ())
    course.touched = True


def _silence(course: Course) -> Taken | None:
    assert course.ticket is not None
    step = next_step(course.rulebook, course.ticket)
    span = spoken(step.after) if step and step.after else ""
    return take(course, f"nobody has acted for {span}")


def _tell(
    course: Course,
    taken: Sequence[Taken],
    events: tuple[Happening, ...],
    lines: tuple[str, ...],
    instead: frozenset[Happening] = frozenset(),
) -> None:
    """Remember whom the steps call and what agents read of them; write to those who are no agents, and queue webhooks."""
    ticket = course.ticket
    assert ticket is not None
    if not taken:
        return
    course.happened(*events)
    agents = {agent.address: agent for step in taken for agent in step.called.agents}
    course.call = Call(tuple(agents.values()), frozenset(events), instead)
    said = (*(step.said for step in taken), taken[-1].next)
    course.said += said
    outside = {ticket.requester.key, *(person.key for person in ticket.participants)}
    for address in dict.fromkeys(one for step in taken for one in step.called.mailboxes):
        if address in outside:
            course.why(
                "notification", f"not to {address}", "the mailbox takes part in the ticket from outside"
            )
            continue
        course.why("notification", f"to {address}", "a step of the escalation")
        to = Address("", address)
        course.add(Tell(ticket.id, to, Role.TEAM_COPY, FORM, events, None, False, True, (*lines, *said)))
    for step in taken:
        for url in step.called.urls:
            course.why("webhook", f"to {url}", f"step {step.number} of the escalation")
            course.add(Post(ticket.id, url, f"escalation, step {step.number}", OCCASION))
