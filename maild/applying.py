"""From effects to the store: what `decide` wants is done in order, in the transaction that is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

import structlog

from maild.desk.arriving import admins_alert
from maild.desk.course import ONCE_A_DAY
from maild.desk.effects import (
    NEW,
    AddMessage,
    AddParticipants,
    AddRoute,
    Change,
    ChangeTicket,
    Decision,
    Digest,
    Effect,
    Link,
    MarkFailed,
    OpenTicket,
    Reason,
    Record,
    RemoveParticipant,
    Tell,
    Watch,
    changed,
)
from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Parsed
from maild.desk.people import Message, Person, Ticket
from maild.desk.snapshot import Wanted
from maild.errors import Problem
from maild.site import Site
from maild.telling import Occasion, Telling
from store import Work
from store.rows import NewMessage

log = structlog.get_logger("maild.applying")


@dataclass(frozen=True, slots=True)
class Arrived:
    """The mail behind a decision: its event and its parts."""

    event: MessageArrived
    parsed: Parsed
    sha256: str


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
        self.changes: list[Change] = []
        self.actor = ""
        self._tickets = dict(known)
        self._people: dict[str, Person] = {}
        self._shown: Message | None = None
        self._opened = False
        self.reasons: Sequence[Reason] = ()

    def apply(self, decision: Decision) -> None:
        """Do what was decided; the reasons go into the history with the first line written."""
        self.reasons = decision.reasons
        for effect in decision.effects:
            self._one(effect)
        if self.reasons:
            self.work.record(self.ticket, "desk", "decided", {}, self.reasons, self.now)
        self._tell()

    def _number(self, ticket: int | None) -> int | None:
        if ticket == NEW:
            return self.ticket
        self.ticket = ticket if ticket is not None else self.ticket
        return ticket

    def _known(self, ticket: int) -> int:
        number = self._number(ticket)
        if number is None:
            raise RuntimeError("an effect speaks of a new ticket that was not opened")
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
            case MarkFailed():
                self.work.mail_failed(effect.outbox, self.now, effect.reason)
            case _:
                assert_never(effect)

    def _change(self, number: int, changes: Sequence[Change]) -> None:
        self.work.change_ticket(number, changes, self.now)
        self.changes += changes
        if number in self._tickets:
            self._tickets[number] = changed(self._tickets[number], changes)

    def _person(self, address: Address) -> Person:
        """The person behind an address, looked up once."""
        found = self._people.get(address.key)
        if found is None:
            organisation = self.site.rulebook.organisation_of(address.address)
            found = self._people[address.key] = self.work.person(
                address,
                organisation=organisation.name if organisation else None,
                language=organisation.language if organisation else None,
                zone=organisation.zone if organisation else None,
            )
        return found

    def _join(self, number: int, effect: AddParticipants) -> None:
        people = tuple(self._person(address) for address in effect.people)
        self.work.add_participants(number, [person.id for person in people], self.actor or "desk", self.now)
        ticket = self._tickets.get(number)
        if ticket is not None:
            self._tickets[number] = replace(ticket, participants=(*ticket.participants, *people))

    def _open(self, effect: OpenTicket) -> None:
        requester = (
            self._person(effect.requester)
            if effect.requester.address
            else self.work.caller(effect.requester.name, None, None)
        )
        team = self.site.rulebook.teams.get(effect.team or "")
        ticket = self.work.open_ticket(
            subject=effect.subject, requester=requester, received_at=effect.received_at, created_at=self.now, language=effect.language,
            channel=effect.channel, organisation=effect.organisation, team=effect.team, priority=effect.priority,
            level=team.level if team else 1, sla=effect.sla, due=effect.due,
        )  # fmt: skip
        self.ticket = ticket.id
        self._tickets[ticket.id] = ticket
        self._opened = True

    def _add_message(self, effect: AddMessage) -> None:
        number = self._number(effect.ticket)
        self.actor = effect.author.name or effect.author.address
        person = self._person(effect.author) if effect.author.address else None
        new = (
            self._from_mail(effect, number, person)
            if self.arrived
            else self._from_act(effect, number, person)
        )
        self.message = self.work.add_message(new)
        self._shown = _as_message(self.message, new)
        if self.arrived is None:
            return
        mail = self.arrived.parsed.mail
        for content in self.arrived.parsed.contents:
            self.work.put_content(content)
        self.work.add_route(self.message, self.arrived.event.intake, self.arrived.event.envelope, self.now)
        if number is not None:
            ids = [*mail.references, *(mid for mid in mail.in_reply_to if mid not in mail.references)]
            if mail.message_id is not None:
                ids.append(mail.message_id)
            self.work.note_ids(
                number, person.id if person else None, ids, written=mail.message_id is not None, now=self.now
            )

    def _from_mail(self, effect: AddMessage, ticket: int | None, person: Person | None) -> NewMessage:
        assert self.arrived is not None
        mail, envelope = self.arrived.parsed.mail, self.arrived.event.envelope
        own_words = effect.direction == "out" or not effect.public
        return NewMessage(
            ticket=ticket, at=envelope.received_at, created_at=self.now, direction=effect.direction, public=effect.public, kind=effect.kind,
            from_name=effect.author.name, from_address=effect.author.address, to=tuple(address.address for address in mail.to),
            cc=tuple(address.address for address in mail.cc), subject=mail.subject, text=effect.text,
            reply=effect.text if own_words else mail.reply, person=person.id if person else None, message_id=mail.message_id,
            identity=mail.identity if mail.message_id else None, content_identity=mail.content_identity or None,
            html=None if own_words else mail.html, language=mail.language, intake=self.arrived.event.intake, sha256=self.arrived.sha256,
            minutes=effect.minutes, attachments=mail.attachments, defects=mail.defects,
        )  # fmt: skip

    def _from_act(self, effect: AddMessage, ticket: int | None, person: Person | None) -> NewMessage:
        return NewMessage(
            ticket=ticket, at=self.now, created_at=self.now, direction=effect.direction, public=effect.public, kind=effect.kind,
            from_name=effect.author.name, from_address=effect.author.address, to=(), cc=(), subject="", text=effect.text, reply=effect.text,
            person=person.id if person else None, minutes=effect.minutes,
        )  # fmt: skip

    def _tell(self) -> None:
        if not self.tells:
            return
        mail = self.arrived.parsed.mail if self.arrived else None
        occasion = Occasion(
            event_key=self.event_key,
            now=self.now,
            ticket=self._tickets.get(self.ticket) or self.work.ticket(self.ticket) if self.ticket else None,
            message=self._shown,
            changes=tuple(change for change in self.changes if not change.name.endswith("_at")),
            actor=self.actor,
            parsed=self.arrived.parsed if self.arrived else None,
            arrived_from=mail.sender.key if mail and mail.sender else "",
            opened=self._opened,
        )
        with_ticket = [tell for tell in self.tells if tell.ticket is not None]
        telling = Telling(self.work, self.site, occasion)
        telling.all(with_ticket)
        alerts = self._failed_templates(telling.problems)
        apart = Occasion(
            f"{self.event_key}/apart", self.now, parsed=occasion.parsed, arrived_from=occasion.arrived_from
        )
        without = [tell for tell in self.tells if tell.ticket is None]
        Telling(self.work, self.site, apart).all(_one_each([*without, *alerts]))

    def _failed_templates(self, problems: Sequence[Problem]) -> tuple[Tell, ...]:
        """Tell the admins of own templates that failed, once a day for each."""
        found = {f"template {problem.file}": problem for problem in problems}
        if not found:
            return ()
        warned = self.work.snapshot(Wanted(addresses=tuple(found)), self.now).warned
        told = []
        for name, problem in found.items():
            if name not in warned or self.now - warned[name] >= ONCE_A_DAY:
                log.error("template failed, the shipped one was used", problem=str(problem))
                self.work.record(None, "desk", "warned", {"subject": name, "why": str(problem)}, (), self.now)
                told.append(f"A template of yours failed, and the shipped one was used: templates/{problem}")
        return admins_alert(self.site.rulebook, tuple(told)) if told else ()


def _as_message(number: int, new: NewMessage) -> Message:
    """A message just stored, as others will read it."""
    return Message(
        number, new.ticket, new.at, new.direction, new.public, new.kind, new.from_name, new.from_address, new.to, new.subject, new.text,
        new.reply, new.message_id, new.attachments, new.minutes, None, new.sha256, new.html,
    )  # fmt: skip


def _one_each(tells: Sequence[Tell]) -> list[Tell]:
    """Several warnings to one person in one transaction are one mail."""
    merged: dict[str, Tell] = {}
    for tell in tells:
        had = merged.get(tell.to.key)
        merged[tell.to.key] = replace(had, lines=(*had.lines, *tell.lines)) if had else tell
    return list(merged.values())
