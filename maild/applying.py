"""From effects to the store: what `decide` wants is done in order, in the transaction that is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

import structlog

from maild import posting
from maild.desk.course import BOOKKEEPING, ONCE_A_DAY
from maild.desk.effects import (
    NEW,
    AddMessage,
    AddParticipants,
    AddRoute,
    Allow,
    BelongsTo,
    Change,
    ChangeTicket,
    Decision,
    Digest,
    Effect,
    Fired,
    HandOver,
    Hold,
    Link,
    MarkFailed,
    Merge,
    MoveMessage,
    OpenTicket,
    Post,
    Reason,
    Record,
    Release,
    RemoveParticipant,
    Respond,
    SetAway,
    SetRequester,
    Suppress,
    Tell,
    TookTurn,
    Watch,
    changed,
)
from maild.desk.facts import Address, Mail
from maild.desk.failing import admins_alert
from maild.desk.people import Message, Person, Ticket
from maild.entries import Arrived, as_read, of_act, of_mail
from maild.errors import Problem
from maild.reckoning import reckon, touched
from maild.responding import respond
from maild.showing import Occasion
from maild.site import Site
from maild.telling import Telling
from store import Work

log = structlog.get_logger("maild.applying")


_Beside = (
    Record
    | Tell
    | Digest
    | SetAway
    | HandOver
    | TookTurn
    | Fired
    | Respond
    | Post
    | MarkFailed
    | Suppress
    | Allow
)


class Applying:
    """One decision being applied. `ticket` and `message` are known afterwards (None: none)."""

    def __init__(
        self,
        work: Work,
        site: Site,
        event_key: str,
        now: datetime,
        arrived: Arrived | None = None,
        known: Mapping[int, Ticket] = MappingProxyType({}),
    ) -> None:
        self.work, self.site, self.event_key, self.now, self.arrived = work, site, event_key, now, arrived
        self.ticket: int | None = None
        self.message: int | None = None
        self.tells: list[Tell] = []
        self.responses: list[Respond] = []
        self.posts: list[Post] = []
        self._known_outside: set[int] = set()
        self.changes: dict[int, list[Change]] = {}
        self.actor = ""
        self._tickets = dict(known)
        self._people: dict[str, Person] = {}
        self._shown: dict[int, Message] = {}
        self._said: dict[int, Message] = {}
        self._born: dict[int, int] = {}
        self.reasons: Sequence[Reason] = ()

    def apply(self, decision: Decision) -> None:
        """Do what was decided; the reasons go into the history with the first line written."""
        self.change(decision)
        self.tell()

    def change(self, decision: Decision) -> None:
        """All of it but the mails, which `tell` makes."""
        self.reasons = decision.reasons
        for effect in decision.effects:
            self._one(effect)
        if self.reasons:
            self.work.record(self.ticket, "desk", "decided", {}, self.reasons, self.now)
        self._reckon(decision)
        self._post()

    def _reckon(self, decision: Decision) -> None:
        """Count the promises anew of the tickets for which something has changed."""
        still = {number for number, ticket in self._tickets.items() if ticket.clock_at is None}
        acts = any(step.after for step in self.site.rulebook.escalation)
        for ticket, actor in touched(decision.effects, self.ticket, still, acts=acts).items():
            number = self._born.get(ticket, ticket)
            known = self._tickets.get(number) or self.work.ticket(number)
            if known is not None:
                self._tickets[number] = reckon(self.work, self.site.rulebook, known, actor, self.now)

    def _number(self, ticket: int | None) -> int | None:
        """The number of the ticket that an effect speaks of; this is about the last of those that stood before it."""
        if ticket is None:
            return None
        number = ticket
        if ticket <= NEW:
            if ticket not in self._born:
                raise RuntimeError("an effect speaks of a new ticket that was not opened")
            number = self._born[ticket]
        if ticket > NEW or self.ticket is None:
            self.ticket = number
        return number

    def _known(self, ticket: int) -> int:
        number = self._number(ticket)
        assert number is not None
        return number

    def _one(self, effect: Effect) -> None:  # a flat table: one case a kind of effect
        match effect:
            case OpenTicket():
                self._open(effect)
            case AddMessage():
                self._add_message(effect)
            case AddRoute():
                self.message = effect.message
                if self.arrived is not None:
                    self.work.add_route(
                        effect.message, self.arrived.event.intake, self.arrived.event.envelope, self.now
                    )
            case ChangeTicket():
                self._change(self._known(effect.ticket), effect.changes)
            case AddParticipants():
                self._join(self._known(effect.ticket), effect)
            case RemoveParticipant():
                self._tickets.pop(self._known(effect.ticket), None)
                self.work.remove_participant(
                    self._known(effect.ticket), self._person(Address("", effect.address)).id
                )
            case Watch():
                self.work.watch(self._known(effect.ticket), effect.address, effect.on)
                self._tickets.pop(self._known(effect.ticket), None)
            case Link():
                self.work.link(self._known(effect.ticket), effect.other, effect.kind, self.now)
            case MoveMessage():
                self._move(self._known(effect.ticket), effect.message)
            case Merge():
                self.work.merge(effect.ticket, effect.into, self.now)
            case SetRequester():
                self._set_requester(self._known(effect.ticket), effect)
            case BelongsTo():
                self._belongs(self._known(effect.ticket), effect.organisation)
            case Hold():
                assert self.arrived is not None
                self.work.hold(self.arrived.event.intake, effect.ticket, effect.agent, effect.why, self.now)
            case Release():
                self.work.release_held(effect.held, self.now)
            case _:
                self._beside(effect)

    def _beside(self, effect: _Beside) -> None:
        """What changes no ticket: history, mails, people, the state of the desk."""
        match effect:
            case Record():
                self.work.record(
                    self._number(effect.ticket),
                    effect.actor,
                    effect.event,
                    effect.detail,
                    self.reasons,
                    self.now,
                )
                self.reasons = ()
            case Tell():
                self._number(effect.ticket)
                self.tells.append(effect)
            case Digest():
                number = self._number(effect.ticket)
                self.work.add_digest(
                    effect.to.address, effect.role, number, "", [*effect.happenings], self.now, effect.due, effect.why
                )  # fmt: skip
            case SetAway():
                self.work.set_away(effect.agent, effect.until, self.now)
            case HandOver():
                self._hand_over(effect)
            case TookTurn():
                self.work.took_turn(effect.turn, effect.agent, self.now)
            case Fired():
                self.work.note_fired(self._known(effect.ticket), effect.rules, self.now)
            case Respond():
                self.responses.append(effect)
            case Post():
                self.posts.append(effect)
            case MarkFailed():
                self.work.mail_failed(effect.outbox, self.now, effect.reason, effect.by)
            case Suppress():
                self.work.suppress(effect.address, effect.why, self.now)
            case Allow():
                self.work.allow(effect.address)
            case _:
                assert_never(effect)

    def _hand_over(self, effect: HandOver) -> None:
        """Apart from the ticket that this decision is about."""
        self.work.change_ticket(effect.ticket, (Change("assignee", effect.agent, effect.to),), self.now)
        detail = {"from": effect.agent, "to": effect.to, "why": "away", "due": effect.due.isoformat()}
        self.work.record(effect.ticket, effect.agent, "handed over", detail, (), self.now)
        self._tickets.pop(effect.ticket, None)

    def _change(self, number: int, changes: Sequence[Change]) -> None:
        self.work.change_ticket(number, changes, self.now)
        self.changes.setdefault(number, []).extend(changes)
        if number in self._tickets:
            self._tickets[number] = changed(self._tickets[number], changes)

    def _person(self, address: Address) -> Person:
        """The person behind an address, looked up once."""
        found = self._people.get(address.key)
        if found is None:
            found = self._people[address.key] = self.work.person(address)
        return found

    def _requester(self, address: Address, id: int | None, phone: str | None) -> Person:
        """Who asks: by his address, by his number in the register, else a caller who is entered now."""
        if address.address:
            reached = self.work.reached(id, address) if id else None
            return replace(reached or self._person(address), address=address.address)
        known = self.work.called(id, address.name, phone) if id else None
        return known or self.work.caller(address.name, phone)

    def _join(self, number: int, effect: AddParticipants) -> None:
        people = tuple(self._person(address) for address in effect.people)
        self.work.add_participants(number, [person.id for person in people], self.actor or "desk", self.now)
        ticket = self._tickets.get(number)
        if ticket is not None:
            self._tickets[number] = replace(ticket, participants=(*ticket.participants, *people))

    def _open(self, effect: OpenTicket) -> None:
        requester = self._requester(effect.requester, effect.person, effect.phone)
        team = self.site.rulebook.teams.get(effect.team or "")
        ticket = self.work.open_ticket(
            subject=effect.subject, requester=requester, received_at=effect.received_at, created_at=self.now, language=effect.language,
            channel=effect.channel, organisation=effect.organisation, team=effect.team, priority=effect.priority,
            level=team.level if team else 1, sla=effect.sla, due=effect.due, look_at=effect.look_at, clock_at=effect.clock_at,
        )  # fmt: skip
        self._born[effect.key] = ticket.id
        self.ticket = self.ticket if self.ticket is not None else ticket.id
        self._tickets[ticket.id] = ticket

    def _move(self, number: int, message: int) -> None:
        self.work.move_message(message, number, self.now)
        self._show(number, self.work.message(message))

    def _set_requester(self, number: int, effect: SetRequester) -> None:
        person = self._requester(effect.requester, effect.person, effect.phone)
        self.work.change_ticket(number, (Change("requester", None, person.id),), self.now)
        self._tickets.pop(number, None)

    def _belongs(self, number: int, organisation: str | None) -> None:
        ticket = self._tickets.get(number) or self.work.ticket(number)
        assert ticket is not None
        self.work.set_organisation(ticket.requester.id, organisation)
        self._people.pop(ticket.requester.key, None)
        self._tickets.pop(number, None)

    def _show(self, number: int | None, message: Message | None) -> None:
        """This is what mails about the ticket show."""
        if number is not None and message is not None:
            self._shown[number] = message
            self._said.setdefault(number, message)

    def _add_message(self, effect: AddMessage) -> None:
        number = self._number(effect.ticket)
        self.actor = effect.author.name or effect.author.address
        known = effect.author.address and not self.site.rulebook.is_own(effect.author.address)
        person = self._person(effect.author) if known else None
        if effect.part:
            piece = of_act(effect, self.now, number, person)
            self._show(number, as_read(self.work.add_message(piece), piece))
            return
        new = (
            of_mail(effect, self.arrived, self.now, number, person)
            if self.arrived
            else of_act(effect, self.now, number, person)
        )
        if effect.instead_of is not None:
            self.message = effect.instead_of
            new = replace(new, at=self.now)  # it was held, and goes out now
            self.work.fill_message(self.message, new)
        else:
            self.message = self.work.add_message(new)
        self._show(number, as_read(self.message, new))
        if self.arrived is None:
            return
        mail = self.arrived.parsed.mail
        if effect.instead_of is None:
            for content in self.arrived.parsed.contents:
                self.work.put_content(content)
            self.work.add_route(
                self.message, self.arrived.event.intake, self.arrived.event.envelope, self.now
            )
        if number is not None:
            self._note_ids(number, effect, mail, person)

    def _note_ids(self, number: int, effect: AddMessage, mail: Mail, person: Person | None) -> None:
        """Who has seen which Message-IDs of the mail. Of what it only passes on the author has seen his own."""
        ids = [*mail.references, *(mid for mid in mail.in_reply_to if mid not in mail.references)]
        if mail.message_id is not None:
            ids.append(mail.message_id)
        wrote = self._person(effect.by) if effect.by is not None else person
        written = mail.message_id is not None
        self.work.note_ids(number, wrote.id if wrote else None, ids, written=written, now=self.now)
        if effect.original is not None and effect.original.message_id and person is not None:
            self._known_outside.add(number)
            self.work.note_ids(number, person.id, [effect.original.message_id], written=True, now=self.now)
        if mail.message_id is None:
            return
        for one in effect.heard:
            self._known_outside.add(number)
            self.work.note_ids(number, self._person(one).id, [mail.message_id], written=False, now=self.now)

    def _post(self) -> None:
        """Webhooks are told of what happens; not of old mail that is brought in."""
        imported = self.arrived is not None and self.arrived.event.envelope.route == "import"
        for effect in self.posts if not imported else ():
            number = self._born.get(effect.ticket, effect.ticket)
            identity, key = self.site.rulebook.identity, self._key_of(number)
            posting.queue(self.work, effect, number, self._said.get(number), identity, key, self.now)

    def to_begin(self) -> tuple[Telling, list[Tell]] | None:
        """What `tell` does, when it is nothing but mails about one ticket whose words can be made later."""
        if self.responses or not self.tells or any(tell.ticket is None for tell in self.tells):
            return None
        numbers = {self._number_of(tell) for tell in self.tells}
        if len(numbers) > 1:
            return None
        named = [self._resolved(tell) for tell in self.tells]
        telling = Telling(self.work, self.site, self._occasion(numbers.pop()))
        return (telling, named) if telling.are_apart(named) else None

    def tell(self) -> None:
        """Queue the mails that follow from the decision, and warn of templates that failed."""
        problems: list[Problem] = []
        for effect in self.responses:
            problems += respond(self.work, self.site, effect, self._occasion(effect.ticket))
        if not self.tells and not problems:
            return
        numbers = dict.fromkeys(self._number_of(tell) for tell in self.tells if tell.ticket is not None)
        for number in numbers:
            mine = [
                tell for tell in self.tells if tell.ticket is not None and self._number_of(tell) == number
            ]
            named = [self._resolved(tell) for tell in mine]
            telling = Telling(self.work, self.site, self._occasion(number))
            telling.all(named)
            problems += telling.problems
        alerts = self._failed_templates(problems)
        occasion = self._occasion(None)
        apart = Occasion(
            f"{self.event_key}/apart", self.now, parsed=occasion.parsed, arrived_from=occasion.arrived_from,
            language=occasion.parsed.mail.language if occasion.parsed else None,
        )  # fmt: skip
        without = [tell for tell in self.tells if tell.ticket is None]
        Telling(self.work, self.site, apart).all(_one_each([*without, *alerts]))

    def _number_of(self, tell: Tell) -> int:
        assert tell.ticket is not None
        return self._born.get(tell.ticket, tell.ticket)

    def _resolved(self, tell: Tell) -> Tell:
        """With the numbers that new tickets have got."""
        return (
            replace(tell, named=tuple(self._born.get(one, one) for one in tell.named)) if tell.named else tell
        )

    def _occasion(self, number: int | None) -> Occasion:
        """What mails about one of the tickets tell. Several tickets of one transaction are told apart, but each person once of each."""
        mail = self.arrived.event.mail if self.arrived else None
        changes = self.changes.get(number or 0, ())
        return Occasion(
            event_key=self._key_of(number),
            now=self.now,
            ticket=self._tickets.get(number) or self.work.ticket(number) if number else None,
            message=self._shown.get(number or 0),
            changes=tuple(
                change
                for change in changes
                if change.name == "due_at" or not (change.name in BOOKKEEPING or change.name.endswith("_at"))
            ),
            actor=self.actor,
            parsed=self.arrived.parsed if self.arrived else None,
            arrived_from=mail.sender.key if mail and mail.sender else "",
            opened=number in self._born.values() and number not in self._known_outside,
        )

    def _key_of(self, number: int | None) -> str:
        """What happened, for one of the tickets that it happened to."""
        return self.event_key if number == self.ticket else f"{self.event_key}/{number}"

    def _failed_templates(self, problems: Sequence[Problem]) -> tuple[Tell, ...]:
        """Tell the admins of own templates that failed, once a day for each."""
        found = {f"template {problem.file}": problem for problem in problems}
        if not found:
            return ()
        warned = self.work.warned(found)
        told = []
        for name, problem in found.items():
            if name not in warned or self.now - warned[name] >= ONCE_A_DAY:
                log.error("template failed, the shipped one was used", problem=str(problem))
                self.work.record(None, "desk", "warned", {"subject": name, "why": str(problem)}, (), self.now)
                told.append(f"A template of yours failed, and the shipped one was used: templates/{problem}")
        return admins_alert(self.site.rulebook, tuple(told)) if told else ()


def _one_each(tells: Sequence[Tell]) -> list[Tell]:
    """Several warnings to one person in one transaction are one mail."""
    merged: dict[str, Tell] = {}
    for tell in tells:
        had = merged.get(tell.to.key)
        merged[tell.to.key] = replace(had, lines=(*had.lines, *tell.lines)) if had else tell
    return list(merged.values())
