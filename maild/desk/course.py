"""A decision in the making: effects and reasons collected in order, the ticket as it becomes, and at the end who is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from maild.desk.answerable import bounds, ticket_bound
from maild.desk.effects import (
    AddParticipants,
    Change,
    ChangeTicket,
    Decision,
    Digest,
    Effect,
    Given,
    Reason,
    Record,
    Tell,
    changed,
)
from maild.desk.facts import Address, Mail
from maild.desk.notices import Told, tell
from maild.desk.participants import joining
from maild.desk.people import Person, Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Snapshot
from maild.desk.words import Happening, Role, Scope, State

_BOOKKEEPING = frozenset(("first_response_at", "solved_at", "closed_at", "minutes_spent"))
_FROM_OUTSIDE = (Happening.CREATED, Happening.REPLIED)
ONCE_A_DAY = timedelta(days=1)


class Course:
    """`actor` is the address (lower case) of who causes this, "desk" for the desk itself, "admin" for the admin on this host."""

    def __init__(self, snapshot: Snapshot, rulebook: Rulebook, given: Given, actor: str) -> None:
        self.snapshot, self.rulebook, self.given, self.actor = snapshot, rulebook, given, actor
        self.effects: list[Effect] = []
        self.reasons: list[Reason] = []
        self.happenings: dict[Happening, None] = {}
        self.ticket: Ticket | None = None
        self.new_responsible = False

    def add(self, *effects: Effect) -> None:
        self.effects += effects

    def why(self, step: str, outcome: str, evidence: str = "") -> None:
        self.reasons.append(Reason(step, outcome, evidence))

    def record(self, event: str, **detail: object) -> None:
        """A line in the ticket's history (or the desk's, when there is no ticket)."""
        self.add(Record(self.ticket.id if self.ticket else None, self.actor, event, detail))

    def happened(self, *happenings: Happening) -> None:
        self.happenings.update(dict.fromkeys(happenings))

    def change(self, changes: Iterable[Change]) -> None:
        """Change the ticket, remember what of it is told, and write it into the history."""
        ticket = self.ticket
        real = tuple(change for change in changes if change.old != change.new)
        if ticket is None or not real:
            return
        for change in real:
            if change.name == "state":
                if (change.old, change.new) != (
                    State.NEW,
                    State.OPEN,
                ):  # taking up a new ticket is told by what took it up
                    self.happened(Happening.STATE)
            elif change.name == "assignee":
                self.happened(Happening.ASSIGNED)
                self.new_responsible = change.new is not None
            elif change.name not in _BOOKKEEPING:
                self.happened(Happening.CHANGED)
        self.ticket = changed(ticket, real)
        self.add(ChangeTicket(ticket.id, real))
        told = {
            change.name: [_plain(change.old), _plain(change.new)]
            for change in real
            if change.name not in _BOOKKEEPING
        }
        if told:
            self.record("changed", **told)

    def set_state(self, new: State | None, when: datetime) -> None:
        """Move to this state (None: stay) and keep when it was solved or closed."""
        ticket = self.ticket
        if ticket is None or new is None or new is ticket.state:
            return
        changes = [Change("state", ticket.state, new)]
        if new is State.SOLVED:
            changes.append(Change("solved_at", ticket.solved_at, when))
        if new is State.CLOSED:
            changes.append(Change("closed_at", ticket.closed_at, when))
        self.change(changes)

    def tell(self, *, internal: bool = False, already: frozenset[str] = frozenset(), unless: dict[str, tuple[str, ...]] | None = None,
             lines: tuple[str, ...] = ()) -> None:  # fmt: skip
        """Tell everybody concerned what happened, once each. `unless`: reasons why an address (lower case) may not be written to
        automatically. `lines` are shown to agents."""
        if self.ticket is None or not self.happenings:
            return
        told = tell(
            self.rulebook, self.ticket, tuple(self.happenings), by=self.actor,
            new_responsible=self.new_responsible, already=already, internal=internal,
        )  # fmt: skip
        for one in told:
            if one.each and one.role.outside:
                self._tell_outside(one, (unless or {}).get(one.to.key, ()))
            elif one.each:
                self._tell_agent(one, lines)
            if one.digest and not one.each:
                self.add(
                    Digest(self.ticket.id, one.to, one.role, one.digest, self._digest_due(one.to), "daily")
                )

    def _tell_outside(self, one: Told, refusals: tuple[str, ...]) -> None:
        ticket = self.ticket
        assert ticket is not None
        template = (
            "acknowledgement"
            if Happening.CREATED in one.each
            else "answer"
            if Happening.ANSWERED in one.each
            else "notice"
        )
        automatic, delay = template != "answer", None
        if automatic:
            bound = bounds(one.to.address, self.snapshot, self.rulebook.limits, self.given)
            on_ticket = ticket_bound(ticket.id, self.snapshot, self.rulebook.limits)
            refusals = tuple(
                dict.fromkeys((*refusals, *bound.refusals, *((on_ticket,) if on_ticket else ())))
            )
            delay = bound.delay
        if refusals:
            self.record("not sent", template=template, to=one.to.address, why=list(refusals))
            self.why(template, "not sent", "; ".join(refusals))
            return
        self.why(template, f"to {one.to.address}", f"{one.role} is told of {', '.join(one.each)}")
        self.add(
            Tell(
                ticket.id,
                one.to,
                one.role,
                template,
                one.each,
                Scope.PUBLIC,
                True,
                automatic,
                answers=template == "acknowledgement",
                delay=delay,
            )
        )

    def _tell_agent(self, one: Told, lines: tuple[str, ...]) -> None:
        assert self.ticket is not None
        template = "assigned" if one.role is Role.NEW_RESPONSIBLE else "notification"
        from_outside = any(event in one.each for event in _FROM_OUTSIDE)
        scope = Scope.PUBLIC if from_outside else Scope.INTERNAL
        self.why("notification", f"to {one.to.address}", f"{one.role} is told of {', '.join(one.each)}")
        self.add(Tell(self.ticket.id, one.to, one.role, template, one.each, scope, False, True, lines))

    def _digest_due(self, to: Address) -> datetime:
        """The next digest hour in the agent's zone."""
        agent = self.rulebook.agent(to.address)
        zone = ZoneInfo((agent.zone if agent else None) or self.rulebook.identity.timezone)
        local = self.given.now.astimezone(zone)
        due = local.replace(
            hour=self.rulebook.digest_at.hour, minute=self.rulebook.digest_at.minute, second=0, microsecond=0
        )
        if due <= local:
            due += timedelta(days=1)  # wall clock on purpose: the same local hour tomorrow
        return due.astimezone(self.given.now.tzinfo)

    def join(self, mail: Mail, *, believed: bool) -> tuple[str, ...]:
        """Let people in To and Cc take part, or only propose them when the sender is not believed. Returns lines for the agents."""
        ticket = self.ticket
        assert ticket is not None
        known = (ticket.requester.key, *(person.key for person in ticket.participants))
        result = joining(
            mail,
            self.rulebook,
            believed=believed,
            known=known,
            why="the sender is not proved to be the requester",
        )
        if result.join:
            self.add(AddParticipants(ticket.id, result.join))
            self.record("participants", joined=[address.address for address in result.join])
            new = tuple(Person(0, address.name, address.address) for address in result.join)
            self.ticket = replace(ticket, participants=(*ticket.participants, *new))
        if not result.proposed:
            return ()
        names = ", ".join(address.address for address in result.proposed)
        self.why("participants", f"proposed only: {names}", result.why)
        self.record("proposed", people=[address.address for address in result.proposed], why=result.why)
        return (f"In copy, but not taking part ({result.why}): {names}",)

    def transcript(self, to: Address, lines: tuple[str, ...]) -> None:
        """Answer an agent's mail with what became of it."""
        self.why("transcript", f"to {to.address}", lines[0] if lines else "")
        ticket = self.ticket.id if self.ticket else None
        self.add(
            Tell(
                ticket,
                to,
                Role.RESPONSIBLE,
                "transcript",
                (),
                Scope.INTERNAL,
                False,
                True,
                lines,
                answers=True,
            )
        )

    def warn(self, to: Address, what: str, about: str | None = None) -> None:
        """Tell somebody of the desk, once a day at most for what it is `about` (default: his own address), of something wrong."""
        subject = about or to.key
        last = self.snapshot.warned.get(subject)
        if last is not None and self.given.now - last < ONCE_A_DAY:
            self.why("warning", f"{to.address} was told within a day", what)
            return
        self.why("warning", f"to {to.address}", what)
        self.add(Record(None, "desk", "warned", {"subject": subject, "why": what}))
        self.add(Tell(None, to, Role.ADMIN, "alert", (), None, False, True, (what,)))

    def decision(self) -> Decision:
        return Decision(tuple(self.effects), tuple(self.reasons))


def _plain(value: object) -> object:
    """A change's value as JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [str(one) for one in value]
    return value if isinstance(value, int | float | bool) or value is None else str(value)
