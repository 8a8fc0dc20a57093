"""What follows when a believed agent asks the desk something by mail, or gives commands without a ticket (CONTRACT §4)."""

from __future__ import annotations

from typing import Final

from maild.desk import absence, commands, runbooks
from maild.desk.commands import Outcome, Power, name_of
from maild.desk.course import Course
from maild.desk.effects import AddMessage, Respond
from maild.desk.events import MessageArrived
from maild.desk.facts import Address
from maild.desk.matching import Match, subject_numbers
from maild.desk.opening import drafted
from maild.desk.privacy import may_see
from maild.desk.questions import Ask, Question, asked, bare, misspelt, read
from maild.desk.rulebook import Agent
from maild.desk.runbooks import find
from maild.desk.script import Script, split
from maild.desk.standing import Standing
from maild.desk.words import Role
from maild.reading import nearest

OF_THE_DESK: Final = frozenset(("away", "back", "help"))
"""Commands that need no ticket."""
_LISTS: Final = frozenset(("list", "show", "report", "questions", "runbook", "glossary"))


def answered(event: MessageArrived, course: Course, found: Match, agent: Agent) -> bool:
    """Answer a question. False: the mail asks nothing."""
    question = _question(event, course, found)
    if question is not None:
        _answer(event, course, agent, question)
        return True
    near = None if found.ticket is not None else misspelt(event.mail, course.rulebook.views)
    if near is None or event.mail.attachments:
        return False
    keep(event, course, agent)
    said = bare(event.mail.subject)
    course.transcript(
        Address(agent.name, agent.address),
        (
            f"The desk does not know the question {said!r}. Did you mean: {near}",
            f"Nothing was done. Ask again with the subject: {near}",
            "The subject help tells what can be asked. To open a ticket, write a few words about it.",
        ),
    )
    return True


def _question(event: MessageArrived, course: Course, found: Match) -> Question | None:
    """In a mail about a ticket only a subject that the agent has typed himself is a question: without the tag and without Re:."""
    mail, views = event.mail, course.rulebook.views
    if found.ticket is None:
        in_answer = found.sent is not None and found.sent.kind in _LISTS
        return asked(mail, views, body_first=in_answer)
    typed = bare(mail.subject) == " ".join(mail.subject.split())
    tagged = subject_numbers(mail.subject, course.rulebook.identity.tag)
    return read(mail.subject, views) if typed and not tagged and not mail.reply.strip() else None


def _answer(event: MessageArrived, course: Course, agent: Agent, question: Question) -> None:
    to = Address(agent.name, agent.address)
    course.why(
        "question", str(question), f"asked by {agent.address}, answered to the address in the people files"
    )
    keep(event, course, agent)
    ticket = course.snapshot.resolve(question.number) if question.number else None
    unseen = ticket is None or not may_see(agent, ticket, course.rulebook)
    if question.ask is Ask.SHOW and unseen:
        course.transcript(to, (f"There is no ticket {question.number}.",))
        return
    if question.ask is Ask.RUNBOOK and question.words and not find(course.rulebook, question.words, ""):
        known = runbooks.named(course.rulebook)
        course.transcript(to, (f"There is no runbook {question.words!r}{nearest(question.words, known)}.",))
        return
    course.record("question", question=str(question))
    course.add(Respond(to, Role.RESPONSIBLE, question, ticket.id if ticket else None))


def keep(event: MessageArrived, course: Course, agent: Agent) -> None:
    """The mail becomes no ticket, but is known when it comes again by another route."""
    course.ticket = None
    author = Address(agent.name, agent.address)
    course.add(AddMessage(None, author, "in", False, event.mail.kind, event.mail.text))
    course.route(event.envelope)


def commanded(event: MessageArrived, course: Course, who: Standing, agent: Agent) -> bool:
    """Carry out commands that stand in a new mail and need no ticket, or ask which ticket is meant. False: there is more in it."""
    script = split(event.mail.reply)
    names = {name_of(line) for line in script.commands}
    if not script.commands or (script.text.strip() and not names <= OF_THE_DESK):
        return False
    to, outcome = Address(agent.name, agent.address), tried(event, course, who, agent, script)
    keep(event, course, agent)
    if not names <= OF_THE_DESK and not event.mail.attachments:
        which = (
            "Which ticket? Your mail holds commands alone and answers none of its mails. Nothing was done."
        )
        how = "Answer a mail about the ticket, or ask for it with the subject show and its number, and answer that."
        course.transcript(to, (which, how, "", *script.commands))
        return True
    if outcome.refused:
        course.transcript(to, ("Nothing was done, because a line was refused.", *shown(outcome)))
        return True
    lines = [*absence.said(course, outcome, to)]
    if outcome.help:
        lines += ["These commands may stand at the top of an answer:", *commands.usages(course.rulebook)]
    if script.text.strip():
        lines += ["", "No ticket was opened for the rest of your mail. If it should be one, send it without these lines:", "",
                  *script.text.splitlines()]  # fmt: skip
    course.transcript(to, tuple(lines))
    return True


def tried(event: MessageArrived, course: Course, who: Standing, agent: Agent, script: Script) -> Outcome:
    """What the commands would do to a ticket of the agent's own that the mail would open."""
    draft = drafted(event, course, Address(agent.name, agent.address))
    power = Power(agent, who.both)
    return commands.carry_out(
        script.commands, draft, power, course.rulebook, course.snapshot, course.given.now, script.text
    )


def shown(outcome: Outcome) -> tuple[str, ...]:
    """The lines of a transcript: each command and what became of it."""
    return tuple(f"{'ok' if line.done else 'REFUSED'}: {line.raw}: {line.why}" for line in outcome.lines)
