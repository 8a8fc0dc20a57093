"""What follows when a mail begins a ticket of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from maild.desk import callers, inquiring, rule_facts
from maild.desk.answerable import acknowledgeable
from maild.desk.belonging import language_of, organisation_of
from maild.desk.course import Course
from maild.desk.effects import NEW, AddMessage, Change, Decision, Link, OpenTicket
from maild.desk.events import MessageArrived
from maild.desk.facts import Address
from maild.desk.looking import next_look
from maild.desk.matching import Match
from maild.desk.people import Person, Ticket
from maild.desk.privacy import may_stand_with
from maild.desk.replying import heard, join
from maild.desk.rule_actions import Discard
from maild.desk.rulebook import Rulebook
from maild.desk.ruled import answers, consult, follow, mail_facts
from maild.desk.ruling import Ruling
from maild.desk.selection import INTERNAL
from maild.desk.sla import policy_for, promised
from maild.desk.staffing import owner_of
from maild.desk.standing import Standing
from maild.desk.words import Happening, State

SETTLED: Final = frozenset(("team", "priority", "language"))
"""What a ticket is opened with; the rest of what rules say of a new one are changes."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a ticket begins that is not simply its requester's mail. `messages`: what stands in it instead of the mail. `then`: what is
    done before anybody is told; gives lines for the agents. `for_you`: somebody else opens it for the requester, who may be a `person` of
    the register, or one to be entered with a name and a telephone number. `last`: what is done when
    everybody has been told. `channel`: by which way the request came, None: as the mail did."""

    messages: tuple[AddMessage, ...]
    then: Callable[[Course], tuple[str, ...]]
    for_you: bool = False
    person: Person | None = None
    last: Callable[[Course], None] | None = None
    channel: str | None = None


def open_ticket(
    event: MessageArrived,
    course: Course,
    found: Match,
    who: Standing,
    author: Address,
    manner: Manner | None = None,
) -> Decision:
    """A ticket of its own: opened and routed by the rules, linked to what it may belong to, acknowledged when that may be."""
    mail, envelope = event.mail, event.envelope
    draft = drafted(event, course, author, manner.person if manner else None)
    if who.agent is not None and who.agent.address == author.key:
        draft = replace(draft, channel=INTERNAL)
    if manner is not None and manner.channel is not None:
        draft = replace(draft, channel=manner.channel)
    said = consult(course, "ticket", draft, mail_facts(course, event, author, draft))
    if said.has(Discard) and manner is None:
        course.add(AddMessage(None, author, "in", False, mail.kind, mail.text))
        course.route(envelope)
        course.record("discarded", rules=list(said.fired))
        return course.decision()
    begin(course, draft, author, said)
    whole = AddMessage(NEW, author, "in", True, mail.kind, mail.text)
    course.add(*(manner.messages if manner else (whole,)))
    course.happened(Happening.CREATED)
    _created(course, author)
    course.route(envelope)
    lines = (*join(event, course, who), *_links(course, found), *follow(course, said, SETTLED))
    if manner is not None:
        course.opened_for_you = manner.for_you
        lines = (*lines, *manner.then(course))
    _examine(event, course, author, manner)
    assign(course)
    verdict = acknowledgeable(event, author.address, course.snapshot, course.rulebook, course.given)
    if course.ticket is not None and course.ticket.state is State.SPAM:
        course.why("acknowledgement", "not sent", "a rule calls it spam")
    else:
        course.tell(already=heard(event) - {author.key}, unless={author.key: verdict.refusals}, lines=lines)
        inquiring.ask(course)
        answers(course, verdict.refusals)
        if manner is not None and manner.last is not None:
            manner.last(course)
    return course.decision()


def _examine(event: MessageArrived, course: Course, author: Address, manner: Manner | None) -> None:
    """What the request gives of what its ticket needs; one that an agent has answered already by himself is his affair."""
    assert course.ticket is not None
    if course.ticket.first_response_at is not None or course.ticket.state is State.SPAM:
        return
    mail = event.mail
    text = manner.messages[-1].text if manner else rule_facts.of_mail(mail, author).body
    files = inquiring.files_of(event, passed_on=manner is not None)
    inquiring.examine(course, (text, mail.subject), files)


def _created(course: Course, author: Address) -> None:
    ticket = course.ticket
    assert ticket is not None
    course.why(
        "ticket",
        "opened",
        f"for {author.address or callers.shown(ticket.requester)}, {ticket.team or 'no team'}",
    )
    requester = author.address or ticket.requester.name or ticket.requester.phone or ""
    course.record("created", channel=ticket.channel, requester=requester, team=ticket.team)


def _links(course: Course, found: Match) -> tuple[str, ...]:
    """Tie the new ticket to those its mail names. Returns lines for the agents."""
    if found.ticket is not None:
        course.follows = found.ticket.id
        course.add(Link(NEW, found.ticket.id, "follow-up"))
        course.why(
            "thread",
            f"follow-up of ticket {found.ticket.id}",
            "it has been closed for longer than desk.reopen_days",
        )
    related = [number for number in found.related if found.ticket is None or number != found.ticket.id]
    course.add(*(Link(NEW, number, "related") for number in related))
    return tuple(
        f"Possibly related: ticket {number} (the mail names it, but its sender takes no part in it)"
        for number in related
        if _may_be_named(course, number)
    )


def _may_be_named(course: Course, number: int) -> bool:
    """Whether everybody who is told of the new ticket may read of that one."""
    other, ticket = course.snapshot.resolve(number), course.ticket
    return other is None or ticket is None or may_stand_with(other, ticket, course.rulebook)


def assign(course: Course) -> None:
    """A team's responsible gets what the rules gave nobody. A new ticket is told as new, not as handed over."""
    ticket = course.ticket
    assert ticket is not None
    owner = owner_of(ticket.team, course.rulebook, course.snapshot.away)
    if owner is not None and ticket.assignee is None:
        course.why("assignee", owner, f"responsible for what comes to team {ticket.team}")
        course.change((Change("assignee", None, owner),))
    for happening in (Happening.ASSIGNED, Happening.CHANGED, Happening.STATE):
        course.happenings.pop(happening, None)


def begin(
    course: Course, draft: Ticket, requester: Address, said: Ruling, *, clocks: bool = True, key: int = NEW
) -> None:
    """Open the ticket that the rules made of the draft; without a team it goes to the first. Columns beside `SETTLED` follow
    as changes (`ruled.follow`). `clocks`: promises run."""
    rulebook, ruled = course.rulebook, said.ticket
    team = ruled.team or next(iter(rulebook.teams), None)
    policy = policy_for(
        rulebook,
        organisation=draft.organisation,
        address=requester.address,
        type=ruled.type,
        team=team,
        priority=ruled.priority,
        groups=draft.requester.groups,
    )
    received = draft.received_at
    due, clock_at = promised(rulebook, policy if clocks else None, ruled.priority, received)
    course.add(
        OpenTicket(
            subject=draft.subject,
            requester=requester,
            received_at=received,
            language=ruled.language or rulebook.identity.language,
            channel=draft.channel,
            organisation=draft.organisation,
            team=team,
            priority=ruled.priority,
            sla=policy.key if policy else None,
            due=due,
            key=key,
            person=draft.requester.id or None,
            phone=draft.requester.phone,
            clock_at=clock_at,
            look_at=next_look(rulebook.rules, ruled, course.given.now, fresh=True) if clocks else None,
        )
    )
    level = rulebook.teams[team].level if team else 1
    course.ticket = replace(
        draft,
        id=key,
        language=ruled.language or rulebook.identity.language,
        team=team,
        level=level,
        priority=ruled.priority,
        sla=policy.key if policy else None,
    )


def _subject(subject: str, rulebook: Rulebook) -> str:
    """The mail's subject without tags of ours."""
    own = re.sub(
        rf"\[\s*{re.escape(rulebook.identity.tag)}\s*#\d{{1,12}}\s*\]\s*", "", subject, flags=re.IGNORECASE
    )
    return " ".join(own.split())[:500]


def drafted(
    event: MessageArrived, course: Course, author: Address, requester: Person | None = None
) -> Ticket:
    """The ticket as it stands before the rules see it: nobody's, of no team. `requester`: the author as he is known beside his address."""
    mail, rulebook, now = event.mail, course.rulebook, course.given.now
    known = requester or course.snapshot.people.get(author.key)
    person = known or Person(0, author.name, author.address)
    name = organisation_of(person, rulebook)
    language = mail.language or language_of(person, rulebook)
    return Ticket(
        id=NEW,
        subject=_subject(mail.subject, rulebook),
        state=State.NEW,
        requester=replace(person, address=author.address, organisation=name),
        received_at=event.envelope.received_at,
        created_at=now,
        updated_at=now,
        active_at=event.envelope.received_at,
        priority=rulebook.default_priority,
        language=language,
        organisation=name,
    )
