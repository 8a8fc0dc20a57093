"""The desk asks for what it has to know of a ticket, and takes what is answered: when one is opened, and when its requester's side writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from maild.desk import triage, triage_answers
from maild.desk.course import Course
from maild.desk.effects import Change, Tell, changed
from maild.desk.events import MessageArrived
from maild.desk.facts import Attachment
from maild.desk.matching import Match
from maild.desk.people import Ticket
from maild.desk.rule_facts import TEXT_MAX
from maild.desk.rulebook import ATTACHMENT, FieldKind, Need, Rulebook
from maild.desk.words import Happening, State
from maild.desk.workflow import Act, Who, after

_MAILED_ON: Final = "message/rfc822"
_ROUNDS: Final = 5
"""The value of a field may itself need something; so often what a mail says is looked through."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a reply gives: keys of needs with the values for their fields ("" for none), the numbers that it has words for, and whether
    the ticket waits on for what is missing."""

    values: tuple[tuple[Need, str], ...] = ()
    numbers: tuple[int, ...] = ()
    waits: bool = False

    def changes(self, ticket: Ticket) -> tuple[Change, ...]:
        """What becomes of the ticket. What a reply gives is kept as given, beside the fields."""
        fields = _fields(self.values, ticket)
        met = tuple(dict.fromkeys((*ticket.met, *(need.key for need, _ in self.values))))
        return (*fields, Change("met", ticket.met, met))


def _fields(values: Iterable[tuple[Need, str]], ticket: Ticket) -> tuple[Change, ...]:
    return tuple(
        Change(f"field.{need.field}", ticket.fields.get(need.field), value)
        for need, value in values
        if need.field and value
    )


def examine(course: Course, words: Sequence[str], files: Collection[Attachment]) -> None:
    """What the first mail (its `words`: the text, the subject) gives of what the new ticket needs is kept."""
    for _ in range(_ROUNDS):
        ticket = course.ticket
        assert ticket is not None
        lacking = triage.lacking(ticket, course.rulebook)
        values = _met(lacking, words, files, course.rulebook)
        if not values:
            return
        met = [need.key for need, value in values if not (need.field and value)]
        course.why("needs", "given by the mail", ", ".join(need.key for need, _ in values))
        course.change((*_fields(values, ticket), Change("met", ticket.met, (*ticket.met, *met))))


def _met(
    needs: Iterable[Need], words: Sequence[str], files: Collection[Attachment], rulebook: Rulebook
) -> tuple[tuple[Need, str], ...]:
    """Those that these words and files give, each with the value of its field."""
    texts, sent = [text[:TEXT_MAX] for text in words if text.strip()], any(map(triage.is_file, files))
    found = ((need, triage.given_by(need, texts, rulebook, files=sent)) for need in needs)
    return tuple((need, value) for need, value in found if value is not None)


def files_of(event: MessageArrived, *, passed_on: bool) -> tuple[Attachment, ...]:
    """The files of a mail; of one that was passed on not the attached mail that it was."""
    files = event.mail.attachments
    return tuple(one for one in files if one.type.lower() != _MAILED_ON) if passed_on else files


def ask(course: Course) -> None:
    """If the new ticket is acknowledged, its requester is asked there for what lacks, and the ticket waits for that where it shall."""
    ticket, rulebook = course.ticket, course.rulebook
    assert ticket is not None
    lacking = triage.lacking(ticket, rulebook)
    if not lacking:
        return
    named = ", ".join(need.key for need in lacking)
    if not any(_acknowledges(effect, ticket) for effect in course.effects):
        course.why("needs", "not asked, for there is no acknowledgement", named)
        return
    actor, course.actor = course.actor, "desk"
    course.why("needs", "asked in the acknowledgement", named)
    course.change((Change("asked", ticket.asked, (*ticket.asked, *(need.key for need in lacking))),))
    questions = [triage.question(need, None, rulebook) for need in lacking]
    course.record("asked the requester", questions=[f"{at}. {text}" for at, text in enumerate(questions, 1)])
    assert course.ticket is not None
    waits = triage.waiting_for(course.ticket, rulebook)
    if waits and ticket.state in (State.NEW, State.OPEN):
        course.why(
            "state", State.PENDING, f"`ask: wait`: it waits for {', '.join(need.key for need in waits)}"
        )
        course.set_state(after(ticket.state, Act.WAIT, Who.AGENT), course.given.now)
    course.actor = actor


def _acknowledges(effect: object, ticket: Ticket) -> bool:
    return (
        isinstance(effect, Tell)
        and effect.template == "acknowledgement"
        and effect.to.key == ticket.requester.key
    )


def supplied(event: MessageArrived, course: Course, found: Match, ticket: Ticket) -> Given:
    """What a mail of the requester's side gives of what its ticket needs."""
    rulebook, mail = course.rulebook, event.mail
    asked = triage.asked(ticket, rulebook)
    open_ = {number: needs[0] for number, needs in asked.items() if triage.lacks(needs[0], ticket)}
    needs = {need.key: need for need in (*open_.values(), *triage.lacking(ticket, rulebook))}
    if not needs or ticket.state is State.SPAM:
        return Given()
    reading = _Reading(event, course, found, asked)
    said = reading.numbered() if open_ else {}
    values = {}
    for number, need in open_.items():
        value = triage.fitting(need, said[number], rulebook) if number in said else None
        if value is not None and (need.field or need.met_by != (ATTACHMENT,)):
            values[need.key] = (need, value)
    words = reading.own_words()
    rest = [need for key, need in needs.items() if key not in values]
    values |= {need.key: (need, value) for need, value in _met(rest, (words,), mail.attachments, rulebook)}
    if not said and not values:
        values = _only(open_.values(), words, rulebook)
    made = Given(tuple(values.values()), tuple(sorted(said.keys() & open_.keys())))
    return Given(made.values, made.numbers, _waits(made, ticket, rulebook))


def _only(open_: Iterable[Need], words: str, rulebook: Rulebook) -> dict[str, tuple[Need, str]]:
    """A short reply as the answer to the only question that is open; to one that a file meets nothing is an answer."""
    asked = [need for need in open_ if need.met_by != (ATTACHMENT,)]
    if len(asked) != 1:
        return {}
    [need] = asked
    field = rulebook.fields.get(need.field or "")
    typed = field is not None and field.kind is not FieldKind.TEXT
    said = words if typed else triage_answers.alone(words)
    value = triage.fitting(need, said, rulebook) if said else None
    return {} if value is None else {need.key: (need, value)}


def _waits(given: Given, ticket: Ticket, rulebook: Rulebook) -> bool:
    """Whether a ticket that waits for what was asked goes on waiting: part of it came, and for the rest the reply has no words at all. Once
    an agent has answered, it waits for something else too."""
    if ticket.state is not State.PENDING or ticket.first_response_at is not None:
        return False
    if not any(need.key in ticket.asked for need, _ in given.values):
        return False
    numbers = {key: number for number, key in enumerate(ticket.asked, 1)}
    later = changed(ticket, given.changes(ticket))
    return any(numbers[need.key] not in given.numbers for need in triage.waiting_for(later, rulebook))


class _Reading:
    """A reply beside the questions that were asked and the mails of ours that it answers."""

    def __init__(
        self, event: MessageArrived, course: Course, found: Match, asked: dict[int, tuple[Need, ...]]
    ) -> None:
        mail = event.mail
        self.reply, self.whole, self.signature = mail.reply, mail.text, mail.signature
        self.names = tuple(filter(None, (mail.sender.name if mail.sender else "",)))
        self.questions = {number: [text for need in needs for text in need.ask.values()] for number, needs in asked.items()}  # fmt: skip
        answered = {sent.message for sent in course.snapshot.sent.values()}
        self.ours = tuple(
            message.text for number, message in course.snapshot.messages.items() if number in answered
        )
        direct = course.snapshot.messages.get(found.sent.message or 0) if found.sent else None
        self.bare = direct is None or direct.kind != "person" or not triage_answers.numbers(direct.text)

    def numbered(self) -> dict[int, str]:
        """The answers by number, in the new words, and below questions that stand in the rest."""
        new = triage_answers.answers(self.reply, self.questions, self.ours, names=self.names, bare=self.bare)
        whole = self.whole.removesuffix("\n")
        if self.signature and whole.endswith(self.signature):
            whole = whole.removesuffix(self.signature).rstrip().removesuffix("--")
        below = triage_answers.answers(
            whole, self.questions, self.ours, names=self.names, bare=False, copied=bool(self.ours)
        )
        return below | new

    def own_words(self) -> str:
        return triage_answers.own_words(self.reply, self.questions, self.ours)


def keep(course: Course, given: Given, *, proved: bool) -> None:
    """What a reply gave becomes part of the ticket of the course. The first time, the requester is told; what is told repeats his words
    only when he is `proved` to have written them."""
    ticket, rulebook = course.ticket, course.rulebook
    assert ticket is not None
    if not given.values:
        return
    first = not set(ticket.met) & set(ticket.asked)
    keys = [need.key for need, _ in given.values]
    course.why("needs", "given by the reply", ", ".join(keys))
    course.change(given.changes(ticket))
    assert course.ticket is not None
    lacks = [need.key for need in triage.lacking(course.ticket, rulebook)]
    numbers = [number for number, key in enumerate(ticket.asked, 1) if key in keys]
    course.record("supplied", questions=numbers, given=keys, lacking=lacks)
    if given.waits:
        course.why("state", ticket.state, f"it waits for {', '.join(lacks)}")
    asked = [(need.key, value if proved else "") for need, value in given.values if need.key in ticket.asked]
    if first and asked:
        course.supplied = tuple(asked)
        course.happened(Happening.SUPPLIED)
