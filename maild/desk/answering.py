"""What follows when a believed agent answers a mail of the desk: commands, a note, or an answer to the requester."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from maild.desk import absence, commands, holding, merging
from maild.desk.callers import unreached
from maild.desk.commands import Outcome, Power
from maild.desk.course import Course
from maild.desk.effects import AddMessage
from maild.desk.events import MessageArrived
from maild.desk.facts import Address
from maild.desk.leaving import leaks, may_leave, separate, without_note
from maild.desk.matching import Match
from maild.desk.merging import Part
from maild.desk.people import Message
from maild.desk.rulebook import Agent, AgentRole
from maild.desk.runbooks import without_guides
from maild.desk.script import Script, normal, split
from maild.desk.speaking import hand_on, kept_inside, silent
from maild.desk.standing import Standing
from maild.desk.words import Role, Scope
from maild.desk.writing import Written, write

_ABOUT_TEXT = frozenset(("note", "public"))
"""Commands that mean nothing without a text."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """An agent's mail taken apart. `mixed`: our words and his cannot be told apart. `text`: what it says, macros' words first.

    `answered`: the message whose notification it answers.
    """

    author: Address
    script: Script
    outcome: Outcome
    text: str
    mixed: bool
    speaks: bool
    answered: Message | None

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(map(Part, self.outcome.splits, self.script.parts))


def agent_writes(event: MessageArrived, course: Course, found: Match, who: Standing, agent: Agent) -> None:
    """An agent's mail that belongs to a ticket. All or nothing: one line refused, and nothing is done and nothing sent."""
    author = Address(agent.name, agent.address)
    if not event.lifted and holding.says_yes(event.mail.reply) and _says_yes(event, course, found, agent):
        return
    answer = _taken_apart(event, course, found, Power(agent, who.both or holding.CONFIRM in event.lifted))
    if answer.outcome.send and _only_send(answer) and not event.lifted:
        waiting = holding.answered_to(course, found, agent) or holding.last_crossing(course, agent)
        _released(event, course, author, holding.release(course, waiting))
        return
    public = _public(course, found, answer, agent)
    if public:
        answer = _without_note(event, answer, found)
        answer = _stripped(event, answer, lambda text: without_guides(text, course.rulebook))
    refusal = _refusal(event, course, answer, public=public)
    if refusal:
        course.record("agent's mail refused", lines=list(refusal))
        _keep(event, course, author)
        course.transcript(author, (*refusal, *_again(event.mail.reply or event.mail.text)))
        return
    if answer.outcome.confirm:
        holding.hold(course, agent, holding.CONFIRM)
        _keep(event, course, author)
        course.transcript(author, holding.confirm_lines(_wished(answer.outcome)))
        return
    first = (
        None if holding.CROSSING in event.lifted or answer.outcome.send else holding.crossed(course, found)
    )
    left = public and answer.speaks and silent(agent, course.rulebook)
    if first is not None and public and answer.speaks and not left:
        holding.hold(course, agent, holding.CROSSING)
        _keep(event, course, author)
        course.transcript(author, holding.crossing_lines(first, answer.text))
        return
    if not left:
        _carry_out(event, course, answer, public=public)
        return
    inside = replace(answer, outcome=kept_inside(answer.outcome))
    _carry_out(event, course, inside, public=False)
    course.transcript(author, hand_on(course, agent, answer.outcome))


def _carry_out(event: MessageArrived, course: Course, answer: _Answer, *, public: bool) -> None:
    mail, author, outcome = event.mail, answer.author, answer.outcome
    course.route(event.envelope)
    unheard = public and answer.speaks and not reachable(course, outcome)
    public = public and not unheard
    if public and answer.speaks:
        course.join(mail, believed=True)
    if not answer.speaks:
        _keep(event, course, author)
    write(
        course,
        Written(
            author,
            answer.text if answer.speaks else "",
            outcome,
            public,
            answer.speaks,
            course.given.now if event.lifted else event.envelope.received_at,
            frozenset(address.key for address in (*mail.to, *mail.cc)),
            answer.parts,
            answer.answered,
            _kept(event, course),
        ),
    )
    told: list[str] = []
    asked = outcome.requester
    if asked is not None and not asked.who.address:
        told.append(unreached(asked.who, asked.phone))
    if unheard:
        told.append("Nothing was sent: the requester has no address. Your text is kept as a note.")
    if outcome.undone:
        told += ["Taken back; what was sent stays sent:", *outcome.undone]
    told += absence.said(course, outcome, answer.author)
    if outcome.help:
        told += [
            "These commands may stand at the top of an answer:",
            *commands.usages(course.rulebook),
        ]
    if told:
        course.transcript(author, tuple(told))


def _says_yes(event: MessageArrived, course: Course, found: Match, agent: Agent) -> bool:
    """Whether the mail confirms what a transcript asked for; then that goes its way, or the agent hears why not."""
    waiting = holding.answered_to(course, found, agent)
    if waiting is None:
        return False
    _released(event, course, Address(agent.name, agent.address), holding.release(course, waiting))
    return True


def _released(event: MessageArrived, course: Course, author: Address, why_not: str) -> None:
    """The mail only lets another one go."""
    course.route(event.envelope)
    _keep(event, course, author)
    if why_not:
        course.record("agent's mail refused", lines=[why_not])
        course.transcript(author, (why_not,))


def _keep(event: MessageArrived, course: Course, author: Address) -> None:
    """The mail becomes no message of the ticket, but is known when it comes again by another route."""
    if not event.lifted:
        course.add(AddMessage(None, author, "in", False, event.mail.kind, event.mail.text))


def _kept(event: MessageArrived, course: Course) -> int | None:
    return course.snapshot.same.id if event.lifted and course.snapshot.same else None


def reachable(course: Course, outcome: Outcome) -> bool:
    """Whether anybody of the requester's side can be written to."""
    ticket = course.ticket
    assert ticket is not None
    requester = outcome.requester.who.key if outcome.requester else ticket.requester.key
    return bool(requester or ticket.participants or outcome.merge)


def _taken_apart(event: MessageArrived, course: Course, found: Match, power: Power) -> _Answer:
    mail, ticket, agent = event.mail, course.ticket, power.agent
    assert ticket is not None
    assert agent is not None
    own = separate(mail.reply)
    answered = _message_answered(course, found)
    words = own if own is not None else mail.reply
    script = split(words, _not_his(words, answered))
    outcome = commands.carry_out(
        script.commands, ticket, power, course.rulebook, course.snapshot, course.given.now, script.text
    )
    text = "\n\n".join(filter(None, (outcome.text, script.text)))
    speaks = _speaks(event, text, outcome)
    return _Answer(Address(agent.name, agent.address), script, outcome, text, own is None, speaks, answered)


def _speaks(event: MessageArrived, text: str, outcome: Outcome) -> bool:
    """Whether there is a text or a file, beside commands."""
    files = any(may_leave(attachment) for attachment in event.mail.attachments)
    return bool(text.strip()) or (files and not outcome.splits)


def _without_note(event: MessageArrived, answer: _Answer, found: Match) -> _Answer:
    """What goes to the requester must not hold lines of the note that is answered (DESIGN §4.7), quoted between an agent's words."""
    message = answer.answered
    copied = found.sent is not None and found.sent.role is Role.TEAM_COPY
    inside = found.scope is Scope.INTERNAL or copied
    if (message is not None and message.public) or (message is None and not inside):
        return answer
    note = None if message is None else "\n".join((message.text, message.reply))
    return _stripped(event, answer, lambda text: without_note(text, note))


def _stripped(event: MessageArrived, answer: _Answer, strip: Callable[[str], str]) -> _Answer:
    """The answer with each of its texts stripped of what must not leave."""
    script = replace(
        answer.script,
        text=strip(answer.script.text),
        parts=tuple(map(strip, answer.script.parts)),
    )
    text = "\n\n".join(filter(None, (answer.outcome.text, script.text)))
    return replace(answer, script=script, text=text, speaks=_speaks(event, text, answer.outcome))


def _message_answered(course: Course, found: Match) -> Message | None:
    """The message that the answered notification showed."""
    return course.snapshot.messages.get(found.sent.message or 0) if found.sent else None


def _not_his(words: str, answered: Message | None) -> frozenset[str]:
    """Lines like commands that stood in the notification, together with a line beside them, so that they came from there."""
    if answered is None or "#" not in answered.text:
        return frozenset()
    theirs = [line for line in map(normal, answered.text.splitlines()) if line]
    his = set(map(normal, words.splitlines()))
    beside = zip(("", *theirs[:-1]), theirs, (*theirs[1:], ""), strict=True)
    return frozenset(
        line
        for before, line, behind in beside
        if line.startswith("#") and line in his and any(one and one in his for one in (before, behind))
    )


def _only_send(answer: _Answer) -> bool:
    return not answer.speaks and not answer.outcome.refused and len(answer.script.commands) == 1


def _public(course: Course, found: Match, answer: _Answer, agent: Agent) -> bool:
    """Whom it reaches: what a line says, else what the answered mail said, else it stays inside (CONTRACT §4)."""
    outcome = answer.outcome
    if outcome.public is not None:
        return outcome.public
    if agent.role is AgentRole.LIGHT:
        course.why("scope", "internal", "the agent's role may note, not answer")
        return False
    if outcome.send:
        course.why("scope", "public", "#send sends to the requester")
        return True
    public = found.scope is Scope.PUBLIC
    course.why(
        "scope",
        "public" if public else "internal",
        "as the answered mail said" if found.scope else "no mail of ours was answered",
    )
    return public


def leaving(text: str, outcome: Outcome) -> str:
    """All words that go to the requester's side: the text, and subjects."""
    subjects = (str(change.new) for change in outcome.changes if change.name == "subject")
    return "\n".join((text, *subjects, *outcome.splits))


def _shown(outcome: Outcome) -> tuple[str, ...]:
    return tuple(f"{'ok' if line.done else 'REFUSED'}: {line.raw}: {line.why}" for line in outcome.lines)


def _wished(outcome: Outcome) -> tuple[str, ...]:
    return tuple(f"would be done: {line.raw}: {line.why}" for line in outcome.lines)


def _refusal(event: MessageArrived, course: Course, answer: _Answer, *, public: bool) -> tuple[str, ...]:
    """Why nothing is done; empty when all is well."""
    script, outcome, speaks = answer.script, answer.outcome, answer.speaks
    if answer.mixed:
        return (
            "Nothing was sent: your words and those of our notification cannot be told apart. Write above it, or delete it.",
        )
    if outcome.refused:
        return ("Nothing was done and nothing was sent, because a line was refused.", *_shown(outcome))
    if script.stray:
        return (
            "Nothing was done and nothing was sent: a command stands where it is not one. Commands stand at the top, with nothing before the #.",
            *script.stray,
        )
    if not speaks and not script.commands:
        return ("Nothing was sent: above the quoted text your mail says nothing.",)
    said_nothing = not_said(outcome, speaks=speaks)
    if said_nothing:
        return (f"Nothing was done and nothing was sent: {said_nothing}.", *_shown(outcome))
    cannot = merging.unsplittable(answer.parts, answer.answered, merging.messages_of(course))
    if cannot:
        return (f"Nothing was done and nothing was sent: {cannot}.",)
    found = leaks(leaving(answer.text if public and speaks else "", outcome), course.rulebook)
    if found:
        return (
            "Nothing was sent: the text holds what must not leave the desk. Take it out and send it again.",
            *(f"found: {one}" for one in found),
        )
    if public and speaks and event.leaking:
        return (
            "Nothing was sent: an attachment holds mail of ours with its tokens: " + ", ".join(event.leaking),
        )
    return ()


def not_said(outcome: Outcome, *, speaks: bool) -> str:
    """Which command misses the text it is about; "" when none does."""
    if outcome.ask and not speaks:
        return "#ask needs your question below it"
    if outcome.send and not speaks:
        return "#send with other commands needs a text; alone it sends what is held"
    if (
        not speaks
        and outcome.lines
        and all(commands.name_of(line.raw) in _ABOUT_TEXT for line in outcome.lines)
    ):
        return "there is no text"
    return ""


def _again(text: str) -> tuple[str, ...]:
    return ("", "Your text, to send again:", "", *text.splitlines()) if text.strip() else ()
