"""Tickets that a believed agent opens for somebody else by mail (CONTRACT §4): forwarded mail, and his own mail to a customer with the
desk in copy; and tickets of his own that begin with commands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from maild.desk import absence, commands, mentions, ruling
from maild.desk.asking import keep, shown
from maild.desk.belonging import language_of
from maild.desk.callers import unreached
from maild.desk.commands import Outcome, Power, Requester, name_of
from maild.desk.course import Course
from maild.desk.effects import NEW, AddMessage, Change, Decision
from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Forwarded, Proof
from maild.desk.leaving import leaks
from maild.desk.matching import Evidence, Match
from maild.desk.opening import Manner, drafted, open_ticket
from maild.desk.participants import is_robot
from maild.desk.people import Person, Ticket
from maild.desk.privacy import may_see
from maild.desk.questions import bare
from maild.desk.rulebook import Agent, AgentRole, Rulebook
from maild.desk.ruled import mail_facts
from maild.desk.script import Script, split
from maild.desk.standing import Standing
from maild.desk.tokens import Holder
from maild.desk.words import Happening, State
from maild.desk.workflow import Act, Who, after
from maild.desk.writing import Written, settle

_NOT_ON_A_NEW_ONE: Final = frozenset(("merge", "split", "send", "undo", "public"))
_NOTE_SHOWN: Final = 30
_STRANGER: Final = Standing(None, None, False, False, "")


def forwards(
    event: MessageArrived, course: Course, found: Match, who: Standing, agent: Agent
) -> Decision | None:
    """A customer's mail that an agent passes on: it opens that customer's ticket, or is a note to the one it belongs to already.

    None: the mail is no such thing, or an answer.
    """
    original = event.mail.forwarded
    if original is None or _customer(original.from_, course.rulebook) is None:
        return None
    known = _ticket_of(course, found, original)
    if known is not None and not may_see(agent, known, course.rulebook):
        known = None
    if found.ticket is not None and known is None and found.evidence is not Evidence.SUBJECT:
        return None
    if _light(event, course, agent):
        return course.decision()
    if known is None:
        return _open_forwarded(event, course, found, agent, original)
    _note_forward(event, course, who, agent, known, original)
    return course.decision()


def _customer(address: Address | None, rulebook: Rulebook) -> Address | None:
    """The address, if it is somebody's outside."""
    if address is None or "@" not in address.address:
        return None
    inside = rulebook.is_own(address.address) or rulebook.agent(address.address) is not None
    return None if inside else address


def _ticket_of(course: Course, found: Match, original: Forwarded) -> Ticket | None:
    """The ticket that the original belongs to: one that knows its Message-ID, or its thread. An answer to a mail of ours to the agent is
    no forward."""
    seen = course.snapshot.ancestors.get(original.message_id or "", ())
    ticket = course.snapshot.resolve(seen[0]) if seen else None
    if ticket is not None or found.ticket is None or found.evidence is Evidence.ADDRESS_TOKEN:
        return ticket
    if found.holder is Holder.AGENT:
        return None
    if found.evidence is Evidence.SUBJECT:
        people = {found.ticket.requester.key, *(person.key for person in found.ticket.participants)}
        return found.ticket if original.from_ and original.from_.key in people else None
    return found.ticket


def _light(event: MessageArrived, course: Course, agent: Agent) -> bool:
    """Whether the agent's role lets him open nothing for others; then he is told."""
    if agent.role is not AgentRole.LIGHT:
        return False
    keep(event, course, agent)
    course.record("agent's mail refused", lines=["a light agent opens no tickets for others"])
    lines = ("Nothing was done: your role may note and ask, not open tickets for customers.",)
    course.transcript(Address(agent.name, agent.address), (*lines, *_again(event.mail.text)))
    return True


def _again(text: str) -> tuple[str, ...]:
    return ("", "Your text, to send again:", "", *text.splitlines()) if text.strip() else ()


def _refused(
    event: MessageArrived, course: Course, agent: Agent, script: Script, outcome: Outcome, new: bool = True
) -> bool:
    """Whether a line is wrong; then nothing is done, and the agent hears why."""
    never = [line for line in script.commands if new and name_of(line) in _NOT_ON_A_NEW_ONE]
    if not (outcome.refused or script.stray or never):
        return False
    why = (
        *shown(outcome),
        *(f"REFUSED: {line}: stands for a ticket that there is already" for line in never),
        *(f"REFUSED: {line}: commands stand at the top" for line in script.stray),
    )
    keep(event, course, agent)
    course.record("agent's mail refused", lines=list(why))
    lead = "Nothing was done, because a line was refused."
    course.transcript(Address(agent.name, agent.address), (lead, *why, *_again(event.mail.text)))
    return True


def _carried(script: Script, course: Course, agent: Agent, ticket: Ticket, *, both: bool = True) -> Outcome:
    """What the commands come to on this ticket. On a new one no second proof is needed."""
    power = Power(agent, both)
    return commands.carry_out(
        script.commands, ticket, power, course.rulebook, course.snapshot, course.given.now, script.text
    )


def _foreseen(
    event: MessageArrived, course: Course, author: Address, requester: Person | None = None, channel: str | None = None
) -> Ticket:  # fmt: skip
    """The ticket as the rules will leave it: whether it can be solved at once depends on what they say of it."""
    draft = drafted(event, course, author, requester)
    draft = replace(draft, channel=channel or draft.channel)
    facts = mail_facts(course, event, author, draft)
    ruled = ruling.run("ticket", facts, draft, course.rulebook, course.snapshot.staff).ticket
    return replace(ruled, state=draft.state)


def _settle(course: Course, event: MessageArrived, script: Script, agent: Agent, *, logged: bool) -> None:
    """Carry the commands out on the new ticket as the rules have left it. `logged`: a message of it holds the time that they log."""
    assert course.ticket is not None
    author, outcome = Address(agent.name, agent.address), _carried(script, course, agent, course.ticket)
    plain = replace(outcome, requester=None, public=False)
    settle(course, Written(author, "", plain, False, False, event.envelope.received_at, logged=logged))
    _absent(course, outcome, author)
    left = [line for line in outcome.lines if not line.done and name_of(line.raw) != "requester"]
    if left:
        course.transcript(
            author, ("Not done on the new ticket:", *shown(replace(outcome, lines=tuple(left))))
        )


def _note_forward(
    event: MessageArrived, course: Course, who: Standing, agent: Agent, ticket: Ticket, original: Forwarded
) -> None:
    script = split(original.above)
    outcome = _carried(script, course, agent, ticket, both=who.both)
    outcome = _without_confirming(outcome, course)
    if _refused(event, course, agent, script, outcome, new=False):
        return
    course.ticket = ticket
    author, sender = Address(agent.name, agent.address), original.from_
    assert sender is not None
    head = f"{sender.name} <{sender.address}>, {original.date}: {original.subject}".strip()
    text = "\n\n".join(filter(None, (outcome.text, script.text, head, original.text)))
    course.why("forward", f"a note to ticket {ticket.id}", "the mail that is passed on belongs to it already")
    course.route(event.envelope)
    outcome = replace(outcome, public=False)
    settle(course, Written(author, text, outcome, False, True, event.envelope.received_at))
    course.tell(internal=True)
    mentions.ask(course, author, outcome.ask)
    mentions.mention(course, author, "\n\n".join((outcome.text, script.text)), outcome.ask)
    _absent(course, outcome, author)
    tag = course.rulebook.identity.tag
    lines = (
        f"The mail that you passed on belongs to [{tag} #{ticket.id}] {ticket.subject}: it is a note there, no new ticket.",
    )
    course.transcript(author, lines)


def _without_confirming(outcome: Outcome, course: Course) -> Outcome:
    """What would need a confirming answer is refused here: it can be given in an answer to a mail about the ticket."""
    if not outcome.confirm and outcome.merge is None and not outcome.splits and not outcome.send:
        return outcome
    why = "needs an answer to a mail about the ticket"
    return replace(outcome, lines=tuple(replace(line, done=False, why=why) for line in outcome.lines))


def _open_forwarded(
    event: MessageArrived, course: Course, found: Match, agent: Agent, original: Forwarded
) -> Decision:
    customer = original.from_
    assert customer is not None
    by, script = Address(agent.name, agent.address), split(original.above)
    passed_on = _as_sent(event, course, original, customer)
    outcome = _carried(script, course, agent, _foreseen(passed_on, course, customer))
    if _refused(event, course, agent, script, outcome):
        return course.decision()
    note = "\n\n".join(filter(None, (outcome.text, script.text)))
    first = AddMessage(NEW, by, "in", False, "person", note, outcome.minutes, part=True)
    whole = AddMessage(NEW, customer, "in", True, "person", original.text, by=by, original=original)

    def then(course: Course) -> tuple[str, ...]:
        _settle(course, event, script, agent, logged=bool(note.strip()))
        words = note.splitlines()[:_NOTE_SHOWN]
        course.record("forwarded", by=agent.address)
        return (f"{agent.name} passed this on{', and writes:' if words else '.'}", *words)

    def last(course: Course) -> None:
        mentions.ask(course, by, outcome.ask)
        mentions.mention(
            course, by, note, outcome.ask, (f"{agent.name} writes:", *note.splitlines()[:_NOTE_SHOWN])
        )

    course.why("forward", f"a ticket of {customer.address}", f"{agent.address} passes a mail on")
    messages = (first, whole) if note.strip() else (whole,)
    manner = Manner(messages, then, for_you=True, last=last)
    return open_ticket(passed_on, course, _unthreaded(found), _STRANGER, customer, manner)


def _absent(course: Course, outcome: Outcome, author: Address) -> None:
    """`#away` or `#back` among other commands: the agent hears what came of it."""
    lines = absence.said(course, outcome, author)
    if lines:
        course.transcript(author, lines)


def _as_sent(event: MessageArrived, course: Course, original: Forwarded, customer: Address) -> MessageArrived:
    """The mail as its first sender wrote it, as far as it can be seen. Nothing of it is proved. His language is what is known of
    him, else that of his words, else that of the whole."""
    known = course.snapshot.people.get(customer.key)
    if original.language:
        event = replace(event, mail=replace(event.mail, language=original.language))
    if known is not None:
        event = _in_the_language_of(known, event, course)
    mail = replace(
        event.mail, from_=(customer,), to=(), cc=(), reply_to=(), subject=bare(original.subject), text=original.text, reply=original.text,
        date=None, proof=Proof(), forwarded=None,
    )  # fmt: skip
    return replace(event, mail=mail)


def _in_the_language_of(person: Person, event: MessageArrived, course: Course) -> MessageArrived:
    """The mail of an agent for somebody whose language may be known: the words are the agent's."""
    language = language_of(person, course.rulebook) or event.mail.language
    return replace(event, mail=replace(event.mail, language=language))


def _unthreaded(found: Match) -> Match:
    """The ticket that the subject names is another one's: only related."""
    if found.ticket is None:
        return found
    return replace(found, ticket=None, related=(found.ticket.id, *found.related))


def writes_customer(
    event: MessageArrived, course: Course, found: Match, who: Standing, agent: Agent
) -> Decision | None:
    """An agent's own mail to a customer, with the desk in copy: it opens the customer's ticket, or is an answer in the one it belongs to.
    None: no customer has it."""
    people = _written_to(event, course.rulebook)
    if not people:
        return None
    if found.ticket is None:
        if _light(event, course, agent):
            return course.decision()
        return _open_written(event, course, found, who, agent, people)
    taking_part = {found.ticket.requester.key, *(person.key for person in found.ticket.participants)}
    heard = tuple(one for one in _outside(event, course.rulebook) if one.key in taking_part)
    direct = found.holder is not Holder.AGENT and found.evidence is not Evidence.ADDRESS_TOKEN
    if not heard or not direct or agent.role is AgentRole.LIGHT:
        return None
    _add_written(event, course, found.ticket, agent, heard)
    return course.decision()


def _outside(event: MessageArrived, rulebook: Rulebook) -> tuple[Address, ...]:
    return _people((*event.mail.to, *event.mail.cc), rulebook)


def _people(addresses: Iterable[Address], rulebook: Rulebook) -> tuple[Address, ...]:
    """People outside among these addresses, each once."""
    found = {
        one.key: one
        for one in addresses
        if _customer(one, rulebook) is not None and not is_robot(one.address)
    }
    return tuple(found.values())


def _written_to(event: MessageArrived, rulebook: Rulebook) -> tuple[Address, ...]:
    """The customer first, then the others outside; empty when the mail is to the desk and not to a customer."""
    mail = event.mail
    direct = _people(mail.to, rulebook)
    to_desk = any(rulebook.is_own(one.address) for one in mail.to)
    return () if to_desk and not direct else _outside(event, rulebook)


def _own_words(event: MessageArrived, author: Address, ticket: int, heard: tuple[Address, ...], rulebook: Rulebook) -> AddMessage:  # fmt: skip
    """The agent's mail as a message that has gone out already. A Message-ID that shows the agent's address is kept from others' chains."""
    mid = (event.mail.message_id or "").lower()
    seen = () if any(address in mid for address in rulebook.agents) else heard
    return AddMessage(ticket, author, "out", True, "person", event.mail.text, heard=seen)


def _open_written(
    event: MessageArrived, course: Course, found: Match, who: Standing, agent: Agent, people: tuple[Address, ...]
) -> Decision:  # fmt: skip
    author, customer = Address(agent.name, agent.address), people[0]
    at = event.envelope.received_at
    message = _own_words(event, author, NEW, people[: course.rulebook.limits.participants], course.rulebook)

    def then(course: Course) -> tuple[str, ...]:
        ticket = course.ticket
        assert ticket is not None
        course.change(
            (
                Change("assignee", ticket.assignee, agent.address),
                Change("team", ticket.team, agent.team),
                Change("first_response_at", None, at),
            )
        )
        course.set_state(after(State.NEW, Act.WRITE, Who.AGENT), at)
        course.record("answered", by=agent.address, sent="by himself")
        return (f"{agent.name} wrote this to {customer.address}, with the desk in copy.",)

    course.why(
        "own mail",
        f"a ticket of {customer.address}",
        f"{agent.address} wrote to a customer, the desk has a copy",
    )
    as_customers = replace(event, mail=replace(event.mail, subject=bare(event.mail.subject)))
    return open_ticket(as_customers, course, found, who, customer, Manner((message,), then, for_you=True))


def _add_written(
    event: MessageArrived, course: Course, ticket: Ticket, agent: Agent, heard: tuple[Address, ...]
) -> None:
    """An answer that the agent has sent by himself: public, and sent to those only who have not got it."""
    author, at = Address(agent.name, agent.address), event.envelope.received_at
    course.ticket = ticket
    course.why(
        "own mail", f"an answer in ticket {ticket.id}", "its people stand in To or Cc of the agent's mail"
    )
    course.add(_own_words(event, author, ticket.id, heard, course.rulebook))
    course.route(event.envelope)
    course.join(event.mail, believed=True)
    changes = [] if ticket.first_response_at else [Change("first_response_at", None, at)]
    if ticket.assignee is None:
        changes.append(Change("assignee", None, agent.address))
    course.change(changes)
    course.happenings.clear()
    course.happened(Happening.ANSWERED)
    course.set_state(after(ticket.state, Act.WRITE, Who.AGENT), at)
    course.record("answered", by=agent.address, sent="by himself")
    have = frozenset(one.key for one in (*event.mail.to, *event.mail.cc))
    found = leaks(event.mail.text, course.rulebook)
    missed = [one.address for one in _taking_part(course.ticket) if one.key not in have]
    if found and missed:
        course.record("not passed on", to=missed, why=list(found))
    course.new_responsible = False
    course.tell(internal=bool(found), already=have)


def _taking_part(ticket: Ticket) -> tuple[Person, ...]:
    return (ticket.requester, *ticket.participants)


def commands_own(
    event: MessageArrived, course: Course, found: Match, who: Standing, agent: Agent
) -> Decision | None:
    """An agent's own request whose mail begins with commands: they are carried out on the new ticket. `#requester` makes it somebody
    else's, with the text as a note: a call that is logged. None: there are no commands."""
    script = split(event.mail.reply)
    if not script.commands:
        return None
    author = Address(agent.name, agent.address)
    draft = drafted(event, course, author)
    wished = _carried(script, course, agent, draft)
    channel = next((str(change.new) for change in wished.changes if change.name == "channel"), None)
    asked = wished.requester
    person = _asking(asked) if asked else None
    if person is not None:
        event = _in_the_language_of(person, event, course)
    foreseen = replace(
        _foreseen(event, course, asked.who if asked else author, person, channel), requester=draft.requester
    )
    outcome = _carried(script, course, agent, foreseen)
    if _refused(event, course, agent, script, outcome):
        return course.decision()
    if asked is not None and _light(event, course, agent):
        return course.decision()
    requester = asked.who if asked else author
    inside = asked is not None or outcome.public is False
    text = "\n\n".join(filter(None, (outcome.text, script.text)))
    message = AddMessage(NEW, author, "in", not inside, "person", text, outcome.minutes)

    def then(course: Course) -> tuple[str, ...]:
        _settle(course, event, script, agent, logged=True)
        if person is not None and not person.address:
            course.transcript(author, (unreached(person),))
        return ()

    def last(course: Course) -> None:
        mentions.ask(course, author, outcome.ask)
        if inside:
            mentions.mention(course, author, text, outcome.ask)

    manner = Manner((message,), then, last=last, for_you=asked is not None, person=person, channel=channel)
    return open_ticket(event, course, found, who, requester, manner)


def _asking(asked: Requester) -> Person:
    """For whom an agent opens a ticket, with what he knows of him filled in."""
    known = asked.person or Person(0, asked.who.name, asked.who.address)
    return replace(known, name=known.name or asked.who.name, phone=known.phone or asked.phone)
