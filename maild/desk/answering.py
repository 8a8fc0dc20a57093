"""What follows when a believed agent answers a mail of the desk: commands, a note, or an answer to the requester."""

from __future__ import annotations

from datetime import datetime

from maild.desk import commands
from maild.desk.commands import Outcome, Power
from maild.desk.course import Course
from maild.desk.effects import AddMessage, Change, Link, Watch
from maild.desk.events import MessageArrived
from maild.desk.facts import Address
from maild.desk.leaving import leaks, may_leave, separate
from maild.desk.matching import Match
from maild.desk.rulebook import Agent, AgentRole
from maild.desk.script import Script, split
from maild.desk.standing import Standing
from maild.desk.words import Happening, Scope
from maild.desk.workflow import Act, Who, after


def agent_writes(event: MessageArrived, course: Course, found: Match, who: Standing, agent: Agent) -> None:
    """An agent's mail that belongs to a ticket. All or nothing: one line refused, and nothing is done and nothing sent."""
    mail = event.mail
    own = separate(mail.reply)
    script = split(own if own is not None else mail.reply)
    outcome = _outcome(course, script, Power(agent, who.both))
    author = Address(agent.name, agent.address)
    public = _public(course, found, outcome, agent)
    says_something = bool(script.text.strip()) or any(
        may_leave(attachment) for attachment in mail.attachments
    )
    leaving = _leaving(script.text, outcome) if public and says_something else _leaving("", outcome)
    refusal = _refusal(
        script,
        outcome,
        mixed=own is None,
        found=leaks(leaving, course.rulebook),
        says_something=says_something,
    )
    if not refusal and public and event.leaking:
        refusal = (
            "Nothing was sent: an attachment holds mail of ours with its tokens: " + ", ".join(event.leaking),
        )
    if refusal:
        course.record("agent's mail refused", lines=list(refusal))
        course.transcript(author, (*refusal, *_again(mail.reply or mail.text)))
        return
    course.record(
        "route",
        route=event.envelope.route,
        recipients=list(event.envelope.recipients),
        peer=event.envelope.peer,
    )
    if public and says_something:
        course.join(mail, believed=True)
    heard = frozenset(address.key for address in (*mail.to, *mail.cc))
    write(course, author, script.text if says_something else "", outcome, public=public, says_something=says_something, already=heard,
          at=event.envelope.received_at)  # fmt: skip
    if outcome.help:
        course.transcript(
            author,
            (
                "These commands may stand at the top of an answer:",
                *(usage for _, usage in commands.COMMANDS.values()),
            ),
        )


def _outcome(course: Course, script: Script, power: Power) -> Outcome:
    assert course.ticket is not None
    return commands.carry_out(
        script.commands, course.ticket, power, course.rulebook, frozenset(course.snapshot.tickets)
    )


def _public(course: Course, found: Match, outcome: Outcome, agent: Agent) -> bool:
    """Whom it reaches: what a line says, else what the answered mail said, else it stays inside (CONTRACT §4)."""
    if outcome.public is not None:
        return outcome.public
    if agent.role is AgentRole.LIGHT:
        course.why("scope", "internal", "the agent's role may note, not answer")
        return False
    public = found.scope is Scope.PUBLIC
    course.why(
        "scope",
        "public" if public else "internal",
        "as the answered mail said" if found.scope else "no mail of ours was answered",
    )
    return public


def _leaving(text: str, outcome: Outcome) -> str:
    """All words that would go to the requester's side: the text, and a subject."""
    subjects = (str(change.new) for change in outcome.changes if change.name == "subject")
    return "\n".join((text, *subjects))


def _refusal(
    script: Script, outcome: Outcome, *, mixed: bool, found: tuple[str, ...], says_something: bool
) -> tuple[str, ...]:  # fmt: skip
    """Why nothing is done; empty when all is well. `mixed`: our words and the agent's cannot be told apart."""
    if mixed:
        return (
            "Nothing was sent: your words and those of our notification cannot be told apart. Write above it, or delete it.",
        )
    if outcome.refused:
        lines = [f"{'ok' if line.done else 'REFUSED'}: {line.raw}: {line.why}" for line in outcome.lines]
        return ("Nothing was done and nothing was sent, because a line was refused.", *lines)
    if script.stray:
        return (
            "Nothing was done and nothing was sent: a command stands where it is not one. Commands stand at the top, with nothing before the #.",
            *script.stray,
        )
    if not says_something and not script.commands:
        return ("Nothing was sent: above the quoted text your mail says nothing.",)
    if found:
        return (
            "Nothing was sent: the text holds what must not leave the desk. Take it out and send it again.",
            *(f"found: {one}" for one in found),
        )
    return ()


def _again(text: str) -> tuple[str, ...]:
    return ("", "Your text, to send again:", "", *text.splitlines()) if text.strip() else ()


def write(
    course: Course,
    author: Address,
    text: str,
    outcome: Outcome,
    *,
    public: bool,
    says_something: bool,
    at: datetime,
    already: frozenset[str] = frozenset(),
) -> None:
    """Apply an agent's commands and words to the ticket, and tell who is concerned."""
    ticket = course.ticket
    assert ticket is not None
    agent = course.rulebook.agent(author.address)
    answers = public and says_something
    changes = list(outcome.changes)
    if (
        answers
        and ticket.assignee is None
        and agent is not None
        and all(change.name != "assignee" for change in changes)
    ):
        changes.append(Change("assignee", None, agent.address))
        course.why("assignee", agent.address, "an answer to an unowned ticket takes it")
    if answers and ticket.first_response_at is None:
        changes.append(Change("first_response_at", None, at))
    wished = next((change for change in changes if change.name == "state"), None)
    if says_something:
        course.add(
            AddMessage(
                ticket.id, author, "out" if answers else "in", answers, "person", text, outcome.minutes
            )
        )
        course.happened(Happening.ANSWERED if answers else Happening.NOTED)
        course.record("answered" if answers else "noted", by=author.address)
    elif outcome.minutes:
        course.record("time", minutes=outcome.minutes)
    if outcome.minutes:
        changes.append(Change("minutes_spent", ticket.minutes_spent, ticket.minutes_spent + outcome.minutes))
    course.change(change for change in changes if change.name != "state")
    state = (
        wished.new
        if wished
        else after(ticket.state, Act.WRITE if answers else Act.NOTE, Who.AGENT)
        if says_something
        else None
    )
    course.set_state(state, at)  # type: ignore[arg-type]
    for address in outcome.watch:
        course.add(Watch(ticket.id, address))
    for address in outcome.unwatch:
        course.add(Watch(ticket.id, address, on=False))
    for number in outcome.links:
        course.add(Link(ticket.id, number, "related"))
        course.record("linked", to=number, kind="related")
    course.new_responsible = (
        course.new_responsible and course.ticket is not None and course.ticket.assignee != author.key
    )
    course.tell(internal=_inside_only(course, public=public), already=already)


def _inside_only(course: Course, *, public: bool) -> bool:
    """A note, and field changes alone, concern nobody outside; a state or a name that the requester should know does."""
    told_outside = (Happening.ANSWERED, Happening.STATE, Happening.ASSIGNED)
    return not any(happening in course.happenings for happening in told_outside)
