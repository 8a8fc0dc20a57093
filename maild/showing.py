"""What a mail of ours shows: the message, the history and the other tickets that its reader may see, and the files that go along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maild.delivery.notice import Board, DigestLine, Notice, Survey
from maild.delivery.surveys import survey
from maild.desk import runbooks
from maild.desk.belonging import language_of
from maild.desk.effects import Change, Tell
from maild.desk.facts import Parsed
from maild.desk.leaving import may_leave
from maild.desk.people import Message, Person, Ticket
from maild.desk.privacy import may_see, may_stand_with
from maild.desk.rulebook import Runbook
from maild.desk.ruled import RULES
from maild.desk.words import Happening, Role, State
from maild.message.outgoing import File
from maild.site import Site
from store import Work
from store.rows import HistoryLine

EARLIER = 5
EARLIER_OF_ALL = 50
"""How many are read where some may be private."""


@dataclass(slots=True)
class Occasion:
    """What the mails of one transaction are about. `parsed`: the mail that arrived, with `arrived_from` its author.

    `opened`: the ticket began with it, so that nobody has seen anything of it before. `board`: the answer to a question that came by
    mail, in `language` when there is no ticket.
    """

    event_key: str
    now: datetime
    ticket: Ticket | None = None
    message: Message | None = None
    changes: tuple[Change, ...] = ()
    actor: str = ""
    parsed: Parsed | None = None
    arrived_from: str = ""
    digest: tuple[DigestLine, ...] = ()
    opened: bool = False
    board: Board | None = None
    language: str | None = None


class Showing:
    """For the mails of one occasion: what they show is read once, whoever they go to."""

    def __init__(self, work: Work, site: Site, occasion: Occasion) -> None:
        self.work, self.occasion = work, occasion
        self.rulebook, self.identity = site.rulebook, site.rulebook.identity
        self._history: tuple[Message, ...] | None = None
        self._earlier: tuple[Ticket, ...] | None = None

    def notice(self, tell: Tell, person: Person, reply_to: str, omitted: tuple[str, ...]) -> Notice:
        """What the words of this mail are made of. `reply_to`: where an answer goes; `omitted`: names of files that do not go along."""
        occasion, ticket = self.occasion, self.occasion.ticket
        outside = tell.role.outside
        message = self._about(tell)
        return Notice(
            template=tell.form or tell.template,
            recipient=person,
            role=tell.role,
            happenings=tell.happenings,
            scope=tell.scope,
            language=self._language(tell, person),
            now=occasion.now,
            rulebook=self.rulebook,
            reply_address=reply_to,
            ticket=ticket,
            message=message,
            history=self._before(tell, message) if self.shows_all(tell) else (),
            changes=occasion.changes,
            earlier=() if outside else self._other_tickets(tell),
            actor=occasion.actor,
            lines=tell.lines,
            digest=occasion.digest,
            omitted=omitted,
            opened_for_you=tell.opened_for_you,
            board=occasion.board,
            runbooks=self._guides(tell, self._language(tell, person)),
            named=tuple(filter(None, map(self.work.ticket, tell.named))),
            survey=self._survey(tell, person),
            solution=self._solution(tell),
            supplied=tell.supplied,
        )

    def _survey(self, tell: Tell, person: Person) -> Survey | None:
        """The requester is asked when it is solved, and once more when it is closed and he has not said."""
        ticket = self.occasion.ticket
        if ticket is None or tell.role is not Role.REQUESTER or not self.rulebook.survey:
            return None
        closed = tell.form == "closed" and ticket.satisfaction is None
        solved = ticket.state is State.SOLVED and (tell.form == "solved" or self._now(State.SOLVED))
        return survey(self.identity, ticket, person, self.work.keys()[0]) if solved or closed else None

    def _now(self, state: State) -> bool:
        """Whether the ticket came to this state just now."""
        return any(change.name == "state" and change.new == state for change in self.occasion.changes)

    def _solution(self, tell: Tell) -> Message | None:
        """What was last answered by a person, for a mail that says goodbye; none when silence solved it, for nothing was done then."""
        if tell.form != "closed" or self._solved_by_silence():
            return None
        answers = (
            one for one in self._whole() if one.public and one.direction == "out" and one.kind == "person"
        )
        return max(answers, key=lambda one: (one.at, one.id), default=None)

    def _solved_by_silence(self) -> bool:
        """Whether it was no person that said last that the ticket is solved."""
        ticket = self.occasion.ticket
        lines = self.work.events(ticket.id) if ticket else []
        return next((line.actor == RULES for line in reversed(lines) if _solves(line)), False)

    def _guides(self, tell: Tell, language: str) -> tuple[Runbook, ...]:
        """The guides that the mail shows, in the reader's language; one that is not in the files any more is left out."""
        found = (runbooks.find(self.rulebook, name, language) for name in tell.runbooks)
        return tuple(guide for guide in found if guide is not None)

    def _about(self, tell: Tell) -> Message | None:
        """The message this mail shows: for the requester's side only a public one, and only when it carries it."""
        message = self.occasion.message
        if message is None or tell.template in ("alert", "transcript", "digest"):
            return None
        if tell.role.outside and (not message.public or tell.template != "answer"):
            return None
        return message

    def shows_all(self, tell: Tell) -> bool:
        """Who now has the ticket, alone or as a team, or asked to see it, is shown what was written before."""
        handed = tell.role in (Role.TEAM, Role.TEAM_COPY) and any(
            change.name == "team" for change in self.occasion.changes
        )
        return not tell.role.outside and (
            tell.template in ("assigned", "show", "escalated") or (tell.template == "notification" and handed)
        )

    def _before(self, tell: Tell, message: Message | None) -> tuple[Message, ...]:
        """The ticket's messages beside the one that the mail shows; of a new one not what it was just answered by itself."""
        shown = message.id if message else None
        unsaid = "acknowledgement" if Happening.CREATED in tell.happenings else None
        return tuple(one for one in self._whole() if one.id != shown and one.kind != unsaid)

    def _whole(self) -> tuple[Message, ...]:
        ticket = self.occasion.ticket
        if self._history is None:
            self._history = tuple(self.work.messages(ticket.id)) if ticket else ()
        return self._history

    def _other_tickets(self, tell: Tell) -> tuple[Ticket, ...]:
        """Other tickets of the requester, of those that the reader may see."""
        ticket = self.occasion.ticket
        if ticket is None:
            return ()
        if self._earlier is None:
            private = any(team.private for team in self.rulebook.teams.values())
            limit = EARLIER_OF_ALL if private else EARLIER
            self._earlier = tuple(self.work.earlier(ticket.requester.id, ticket.id, limit))
        agent = None if tell.role is Role.TEAM_COPY else self.rulebook.agent(tell.to.address)
        return tuple(
            one
            for one in self._earlier
            if (may_see(agent, one, self.rulebook) if agent else may_stand_with(one, ticket, self.rulebook))
        )[:EARLIER]

    def _language(self, tell: Tell, person: Person) -> str:
        """A requester's is that of the ticket, others' their own; agents' the first that the people files name."""
        ticket, agent = self.occasion.ticket, self.rulebook.agent(person.address)
        if tell.role.outside:
            said = ticket.language if ticket else self.occasion.language
            own = language_of(person, self.rulebook)
            known = (said, own) if tell.role is Role.REQUESTER else (own, said)
            return known[0] or known[1] or self.identity.language
        return agent.languages[0] if agent and agent.languages else self.identity.language

    def files(self, tell: Tell) -> tuple[tuple[File, ...], tuple[str, ...]]:
        """Attachments of the mail that arrived which go along, and the names of those left out."""
        parsed = self.occasion.parsed
        carries = tell.template == "answer" or (
            not tell.role.outside and tell.template in ("notification", "assigned")
        )
        if parsed is None or not carries or self.occasion.message is None:
            return (), ()
        room, files, omitted = self.rulebook.limits.notify_size, [], []
        for attachment, content in zip(parsed.mail.attachments, parsed.contents, strict=True):
            if tell.role.outside and not may_leave(attachment):
                continue
            if not tell.role.outside and attachment.size > room:
                omitted.append(attachment.name)
                continue
            room -= attachment.size
            files.append(File(attachment.name, attachment.type, content))
        return tuple(files), tuple(omitted)


def _solves(line: HistoryLine) -> bool:
    """Whether with this line of the history the ticket came to be solved."""
    change = line.detail.get("state")
    return isinstance(change, list) and change[-1] == State.SOLVED
