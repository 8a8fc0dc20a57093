"""What an agent sent that waits for a word of his: answers that crossed a colleague's, and commands that need a confirmation."""

from __future__ import annotations

from datetime import timedelta

from maild.desk.course import Course
from maild.desk.effects import Hold, Release
from maild.desk.matching import Match
from maild.desk.people import Message
from maild.desk.rulebook import Agent
from maild.desk.script import normal
from maild.desk.snapshot import Held

HELD_FOR = timedelta(days=7)
CROSSING, CONFIRM = "crossing", "confirm"
_YES = frozenset(("yes", "ok", "okay", "#confirm", "confirm", "sí", "si", "ja", "oui"))


def says_yes(text: str) -> bool:
    """Whether the first line is a confirmation."""
    first = next((normal(line) for line in text.splitlines() if normal(line)), "")
    return first.lower().strip(" .!,") in _YES


def answered_to(course: Course, found: Match, agent: Agent) -> Held | None:
    """What the transcript that this mail answers asked about, with that transcript's own token shown."""
    sent = found.sent
    if sent is None or sent.kind != "transcript" or not found.proved or sent.intake is None:
        return None
    mine = (one for one in course.snapshot.held if one.agent == agent.address)
    return next((one for one in mine if one.intake == sent.intake), None)


def last_crossing(course: Course, agent: Agent) -> Held | None:
    """The agent's newest answer to this ticket that is held because of a colleague's."""
    ticket = course.ticket
    assert ticket is not None
    mine = [
        one
        for one in course.snapshot.held
        if one.agent == agent.address and one.why == CROSSING and not one.done
    ]
    here = [one for one in mine if (living := course.snapshot.resolve(one.ticket)) and living.id == ticket.id]
    return max(here, key=lambda one: one.id, default=None)


def release(course: Course, held: Held | None) -> str:
    """Let a held mail go its way; returns why not, "" when it goes."""
    if held is None:
        return "Nothing of yours waits here."
    if held.done:
        return "It is done already."
    if course.given.now - held.at > HELD_FOR:
        return "It has waited for more than a week and is gone: send it again."
    course.add(Release(held.id))
    course.why("held", "released", f"mail {held.intake}, which was held: {held.why}")
    course.record("released", why=held.why)
    return ""


def crossed(course: Course, found: Match) -> Message | None:
    """A colleague's public answer later than the mail that is answered now; None when there is none, or no mail of ours is named."""
    ticket, sent = course.ticket, found.sent
    assert ticket is not None
    if sent is None:
        return None
    answers = [
        message
        for number, message in course.snapshot.answered.items()
        if (living := course.snapshot.resolve(number)) and living.id == ticket.id
    ]
    last = max(answers, key=lambda one: one.at, default=None)
    return last if last is not None and last.at > sent.at else None


def hold(course: Course, agent: Agent, why: str) -> None:
    """Nothing of this mail is carried out yet."""
    assert course.ticket is not None
    course.why("held", why, "nothing is done or sent before the author says so")
    course.add(Hold(course.ticket.id, agent.address, why))
    course.record("held", why=why)


def crossing_lines(first: Message, text: str) -> tuple[str, ...]:
    """The transcript of an answer that crossed another: both of them, and how to go on."""
    who = first.from_name or "A colleague"
    return (
        f"HELD: {who} answered while you were writing. Nothing of your mail was sent or done yet.",
        "Answer this mail with #send to send yours as it is, with its attachments, or with #send and another text. After a week it is gone.",
        "",
        f"{who} wrote:",
        *(f"> {line}".rstrip() for line in first.text.splitlines()),
        "",
        "You wrote:",
        *(f"> {line}".rstrip() for line in text.splitlines()),
    )


def confirm_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The transcript of commands that need a confirmation."""
    return (
        "HELD: nothing was done or sent yet, because this needs your confirmation:",
        *lines,
        "Answer this mail with yes to confirm. After a week it is gone.",
    )
