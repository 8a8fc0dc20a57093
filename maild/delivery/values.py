"""What a template may say: plain dictionaries, lists and texts made from a `Notice`, as much as its reader may know.

The requester's side gets no address but its own, nothing internal and none of the desk's measures. No reply address is
given to any template: a token must not stand where it is quoted and forwarded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from maild.delivery import guides, inquiries
from maild.delivery.boards import board
from maild.delivery.naming import DEFINED, Naming
from maild.delivery.notice import DigestLine, Notice
from maild.delivery.surveys import mailto
from maild.delivery.tables import tables
from maild.delivery.times import Clock, known_zone, locale_of
from maild.desk.belonging import customer_of
from maild.desk.effects import Change
from maild.desk.leaving import masked
from maild.desk.people import Message, Person, Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.sla import working_zone
from maild.desk.speaking import silent
from maild.desk.verdicts import label
from maild.desk.words import Happening, Scope, State
from maild.message.write import clean

TEXT_MAX = 100_000
HISTORY_TEXT_MAX = 20_000
_ANSWERS = frozenset(("transcript", "show"))
"""Templates of mails that answer the reader's own: he knows why he gets them."""
NAME_MAX = 60
_NO_NAME = re.compile(r"[@/\\:\d]|www\.|\.(?:com|net|org)\b", re.IGNORECASE)
_TOLD_OUTSIDE = ("state", "assignee", "team", "subject", "due_at")

Values = dict[str, object]


def values(notice: Notice, language: str, subject: str, words: Mapping[str, object]) -> Values:
    """The variables of a template. `language` is that of the template, `words` what its words.txt sets, `subject` the
    ticket's, cleaned.

    Raises ValueError for a note or a runbook in a mail to the requester's side.
    """
    outside = notice.role.outside
    rulebook = notice.rulebook
    clock = Clock(_zone(notice), locale_of(notice.language, language))
    if outside and not all(
        message.public for message in (notice.message, notice.solution, *notice.history) if message
    ):
        raise ValueError("a note cannot be shown to the requester's side")
    runbooks = guides.shown(notice)
    languages = tuple(filter(None, (notice.language, language, rulebook.identity.language)))
    naming = Naming(rulebook, languages, clock.locale, words, outside)
    changes = _changes(notice, clock, naming)
    new = {change["name"]: change["new"] for change in changes}
    made: Values = {
        "desk": {"name": rulebook.identity.name, "address": rulebook.identity.address},
        "recipient": {
            "name": _spoken(notice.recipient.name, outside),
            "address": notice.recipient.address,
        },
        "role": "" if notice.template in _ANSWERS else notice.role.value,
        "outside": outside,
        "language": language,
        "w": words,
        "now": clock(notice.now),
        "happenings": [happening.value for happening in notice.happenings],
        "actor": "" if outside and "@" in notice.actor else clean(notice.actor),
        "answer_reaches": _reach(notice),
        "ticket": _ticket(notice, notice.ticket, clock, subject, naming) if notice.ticket else None,
        "message": _message(notice.message, notice, clock, TEXT_MAX) if notice.message else None,
        "history": [_message(message, notice, clock, HISTORY_TEXT_MAX) for message in notice.history],
        "changes": changes,
        "new_state": new.get("state", ""),
        "new_assignee": new.get("assignee", ""),
        "new_due": new.get("due_at", ""),
        "named": [
            {"number": one.id, "tag": tag(rulebook, one), "subject": clean(one.subject)}
            for one in notice.named
        ],
        "copies_join": rulebook.copies_join,
        "channels": [{"name": name, "how": how} for name, how in rulebook.channels.items()],
        "lines": list(notice.lines),
        "opened_for_you": notice.opened_for_you,
        "board": board(notice, notice.board, clock, words) if notice.board else None,
        "questions": inquiries.questions(notice),
        "supplied": inquiries.supplied(notice, naming),
        "survey": _survey(notice, language, subject, words) if notice.survey and notice.ticket else None,
        "solution": _message(notice.solution, notice, clock, HISTORY_TEXT_MAX) if notice.solution else None,
    }
    if not outside:
        made["earlier"] = [_earlier(ticket, clock) for ticket in notice.earlier]
        made["digest"] = [_digest_line(line, clock) for line in notice.digest]
        made["omitted"] = list(notice.omitted)
        made["runbooks"] = runbooks
        made["tables"] = tables(made, words, naming.explained(notice.ticket) if notice.ticket else {})
    return made


def _survey(notice: Notice, language: str, subject: str, words: Mapping[str, object]) -> Values:
    """The answers to choose from, as words and as links."""
    asked, ticket = notice.survey, notice.ticket
    assert asked is not None
    assert ticket is not None
    about = f"Re: {tag(notice.rulebook, ticket)} {subject}".rstrip()
    yes = str(words.get("solved_yes", ""))
    return {
        "confirm": mailto(asked.confirm, about, yes),
        "ratings": [
            {
                "number": at,
                "word": label(at, language),
                "link": mailto(to, about, f"{at} ({label(at, language)})"),
            }
            for at, to in enumerate(asked.ratings, 1)
        ],
    }


def _zone(notice: Notice) -> ZoneInfo:
    """The reader's own zone, else his organisation's, else that of the hours in which the ticket is promised to be worked, else the desk's."""
    organisation = customer_of(notice.recipient, notice.rulebook)
    wanted = (
        notice.recipient.zone,
        organisation.zone if organisation else None,
        working_zone(notice.rulebook, notice.ticket),
        notice.rulebook.identity.timezone,
        "UTC",
    )
    return next(zone for name in wanted if name and (zone := known_zone(name)))


def _reach(notice: Notice) -> str:
    if notice.scope is None or notice.ticket is None:
        return "nobody"
    agent = None if notice.role.outside else notice.rulebook.agent(notice.recipient.address)
    if notice.scope is Scope.PUBLIC and silent(agent, notice.rulebook):
        return "contact"
    return "requester" if notice.scope is Scope.PUBLIC else "agents"


def _agent_name(address: str | None, rulebook: Rulebook, outside: bool) -> str:
    agent = rulebook.agent(address) if address else None
    if agent is not None:
        return agent.name
    return "" if outside else address or ""


def _team_name(key: str | None, rulebook: Rulebook) -> str:
    return rulebook.teams[key].name if key and key in rulebook.teams else key or ""


def _ticket(notice: Notice, ticket: Ticket, clock: Clock, subject: str, naming: Naming) -> Values:
    rulebook, outside = notice.rulebook, notice.role.outside
    made: Values = {
        "number": ticket.id,
        "tag": tag(rulebook, ticket),
        "subject": clean(subject),
        "state": ticket.state.value,
        "received": clock(ticket.received_at),
        "requester": _requester(ticket.requester, outside),
        "team": _team_name(ticket.team, rulebook),
        "assignee": _agent_name((outside and ticket.contact) or ticket.assignee, rulebook, outside),
        "due": _due(notice, ticket, clock),
        "estimate": clock(ticket.due_at),
        "shown": naming.fields(ticket, shown=True),
    }
    if outside:
        return made
    made |= {
        "organisation": ticket.organisation or "",
        "sla": ticket.sla or "",
        "breached": list(ticket.breached),
        **{name: naming.column(name, getattr(ticket, name)) for name in DEFINED},
        "priority": ticket.priority,
        "level": ticket.level,
        "channel": naming.column("channel", ticket.channel),
        "tags": [naming.column("tag", one) for one in ticket.tags],
        "fields": naming.fields(ticket),
        "participants": [
            {"name": clean(person.name), "address": person.address} for person in ticket.participants
        ],
        "urls": list(ticket.urls),
        "cause": ticket.cause or "",
        "solution": ticket.solution or "",
        "minutes_spent": ticket.minutes_spent,
        "contact": _agent_name(ticket.contact, rulebook, outside),
        "escalated": ticket.step,
        "steps": len(rulebook.escalation),
    }
    return made


def tag(rulebook: Rulebook, ticket: Ticket) -> str:
    """How the subject of a mail names the ticket."""
    return f"[{rulebook.identity.tag} #{ticket.id}]"


def _requester(person: Person, outside: bool) -> Values:
    if outside:
        return {"name": _spoken(person.name, outside)}
    return {"name": clean(person.name), "address": person.address, "phone": person.phone or ""}


def _spoken(name: str, outside: bool) -> str:
    """A name as strangers chose it, if it may stand in a mail of ours: no advertisement, no address."""
    return "" if outside and (len(name) > NAME_MAX or _NO_NAME.search(name)) else clean(name)


def _due(notice: Notice, ticket: Ticket, clock: Clock) -> Values:
    """Due times; the requester's side is told those its policy tells, a status update says when the next comes, and nothing that has passed
    is told."""
    due = {
        "first_response": ticket.first_response_due if ticket.first_response_at is None else None,
        "update": ticket.update_due,
        "resolution": ticket.resolution_due,
    }
    if not notice.role.outside:
        due["silence"] = ticket.silence_due
        return {name: clock(at) for name, at in due.items()}
    policy = notice.rulebook.policies.get(ticket.sla or "")
    told = policy.tell if policy else ("first_response",)
    if Happening.UPDATED in notice.happenings:
        told = (*told, "update")
    return {name: clock(at) if at and at > notice.now and name in told else "" for name, at in due.items()}


def _message(message: Message, notice: Notice, clock: Clock, limit: int) -> Values:
    """An answer is never cut on its way to the requester's side."""
    outside = notice.role.outside
    name = message.from_name
    if not name or (outside and "@" in name):
        name = notice.rulebook.identity.name if outside else message.from_address
    words, text = message.reply if message.reply.strip() else message.text, message.text
    if not outside:
        words, text = (masked(one[:limit], notice.rulebook.identity) for one in (words, text))
    made: Values = {
        "author": clean(name),
        "at": clock(message.at),
        "subject": clean(message.subject),
        "text": text,
        "words": words,
        "cut": not outside and len(message.text) > limit,
        "public": message.public,
        "incoming": message.direction == "in",
        "attachments": [
            {"name": clean(attachment.name), "size": _size(attachment.size)}
            for attachment in message.attachments
        ],
    }
    if not outside:
        made |= {"address": message.from_address, "minutes": message.minutes or 0}
    return made


def _size(octets: int) -> str:
    if octets < 1000:
        return f"{octets} B"
    return f"{octets / 1000:.0f} kB" if octets < 999_500 else f"{octets / 1_000_000:.1f} MB"


def _changes(notice: Notice, clock: Clock, naming: Naming) -> list[dict[str, str]]:
    """Each thing once, from what it was before to what it is now."""
    outside, rulebook = notice.role.outside, notice.rulebook
    net: dict[str, Change] = {}
    for change in notice.changes:
        if not outside or (change.name in _TOLD_OUTSIDE and not _taken_up(change)):
            net[change.name] = Change(
                change.name, net[change.name].old if change.name in net else change.old, change.new
            )

    def text(name: str, value: object) -> str:
        if name in ("assignee", "contact"):
            return _agent_name(value if isinstance(value, str) else None, rulebook, outside)
        if name == "team":
            return _team_name(value if isinstance(value, str) else None, rulebook)
        if name == "tags" and isinstance(value, tuple | list):
            return ", ".join(naming.column("tag", one) for one in value)
        if name == "breached" and isinstance(value, tuple | list):
            return ", ".join(map(naming.target, value))
        if name in (*DEFINED, "priority", "channel") and value is not None:
            return naming.column(name, value)
        if name.startswith("field.") and isinstance(value, str):
            return naming.value(name.removeprefix("field."), value)
        return _plain(value, clock)

    return [
        {
            "name": change.name,
            "label": naming.field(change.name.removeprefix("field."))
            if change.name.startswith("field.")
            else change.name,
            "old": text(change.name, change.old),
            "new": text(change.name, change.new),
        }
        for change in net.values()
        if change.old != change.new
    ]


def _taken_up(change: Change) -> bool:
    """Whether somebody began to work on a new ticket, which the requester expects and is not told."""
    return change.name == "state" and (str(change.old), str(change.new)) == (State.NEW, State.OPEN)


def _plain(value: object, clock: Clock) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return clock(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(str(item) for item in value)
    return str(value)


def _earlier(ticket: Ticket, clock: Clock) -> Values:
    return {
        "number": ticket.id,
        "subject": clean(ticket.subject),
        "state": ticket.state.value,
        "received": clock(ticket.received_at),
    }


def _digest_line(line: DigestLine, clock: Clock) -> Values:
    return {
        "at": clock(line.at),
        "number": line.ticket or 0,
        "subject": clean(line.subject),
        "happenings": [happening.value for happening in line.happenings],
    }
