"""A decision in the making: effects and reasons collected in order, the ticket as it becomes, and at the end who is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from maild.desk import runbooks
from maild.desk.answerable import bounds, ticket_bound
from maild.desk.effects import (
    NEW,
    AddMessage,
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
from maild.desk.facts import Address, Envelope, Mail
from maild.desk.ladder import contact_of
from maild.desk.looking import next_look
from maild.desk.mornings import morning_after
from maild.desk.notices import NO_CALL, Told, tell
from maild.desk.participants import joining
from maild.desk.people import Person, Ticket
from maild.desk.rule_trace import Trace
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Snapshot
from maild.desk.timeline import ESCALATION
from maild.desk.words import Happening, Role, Scope, State

BOOKKEEPING: Final = frozenset(
    (
        "first_response_at",
        "solved_at",
        "closed_at",
        "minutes_spent",
        "active_at",
        "look_at",
        "clock_at",
        "chosen",
        "asked",
        "met",
        "step",
        "runbooks",
        "dormant",
    )
)
"""Columns whose changes are no news."""
_RULES = "rules"
_OF_STATE = {State.SOLVED: "solved", State.CLOSED: "closed"}
"""Mails to the requester's side that tell of a state alone."""
_FROM_OUTSIDE = (Happening.CREATED, Happening.REPLIED)
ONCE_A_DAY = timedelta(days=1)


class Course:
    """`actor` is the address (lower case) of who causes this, "desk" for the desk itself, "admin" for the admin on this host.

    `doubtful`: sentences about answers that are sent to addresses where mail failed before. `afterwards`: effects that come last.
    What rules asked for: `acknowledgement` is the template of it, `unacknowledged`: there is none; `help` are links in it, `replies`
    templates to send, `runbooks` the guides that the ticket has just been given. `traces`: what the rules looked at. `changed`: the ticket was, by others than rules. `touched`: by a person. `looked`:
    the rules on time did. `opened_for_you`: somebody else opened it for its requester. `left`: the state that the ticket had before. `follows`: the closed ticket
    that this one goes on with. `supplied`: what the requester's side gave of what it was asked, as in `Tell`.
    """

    def __init__(self, snapshot: Snapshot, rulebook: Rulebook, given: Given, actor: str) -> None:
        self.snapshot, self.rulebook, self.given, self.actor = snapshot, rulebook, given, actor
        self.effects: list[Effect] = []
        self.reasons: list[Reason] = []
        self.happenings: dict[Happening, None] = {}
        self.ticket: Ticket | None = None
        self.new_responsible = False
        self.doubtful: list[str] = []
        self.afterwards: list[Effect] = []
        self.acknowledgement: str | None = None
        self.unacknowledged = False
        self.help: tuple[str, ...] = ()
        self.replies: tuple[str, ...] = ()
        self.runbooks: tuple[str, ...] = ()
        self.left: State | None = None
        self.follows: int | None = None
        self.call = NO_CALL
        self.said: tuple[str, ...] = ()
        self.supplied: tuple[tuple[str, str], ...] = ()
        self.traces: list[Trace] = []
        self.changed = self.touched = self.looked = self.opened_for_you = False

    def add(self, *effects: Effect) -> None:
        self.effects += effects
        self.touched = self.touched or any(
            isinstance(effect, AddMessage) and effect.kind == "person" and effect.ticket is not None
            for effect in effects
        )

    def why(self, step: str, outcome: str, evidence: str = "") -> None:
        self.reasons.append(Reason(step, outcome, evidence))

    def record(self, event: str, **detail: object) -> None:
        """A line in the ticket's history (or the desk's, when there is no ticket)."""
        self.add(Record(self.ticket.id if self.ticket else None, self.actor, event, detail))

    def route(self, envelope: Envelope) -> None:
        """The way by which the mail came, in the history."""
        recipients = list(envelope.recipients)
        self.record("route", route=envelope.route, recipients=recipients, sender=envelope.sender, peer=envelope.peer)  # fmt: skip

    def happened(self, *happenings: Happening) -> None:
        self.happenings.update(dict.fromkeys(happenings))

    def change(self, changes: Iterable[Change]) -> None:
        """Change the ticket, remember what of it is told, and write it into the history."""
        ticket = self.ticket
        real = tuple(change for change in changes if change.old != change.new)
        if ticket is None or not real:
            return
        real = (*real, *self._contact(ticket, real))
        for change in real:
            if change.name == "state":
                self.left = self.left or State(str(change.old))
                if (change.old, change.new) != (
                    State.NEW,
                    State.OPEN,
                ):  # taking up a new ticket is told by what took it up
                    self.happened(Happening.STATE)
            elif change.name == "assignee":
                self.happened(Happening.ASSIGNED if change.new is not None else Happening.CHANGED)
                self.new_responsible = change.new is not None
            elif change.name == "due_at":
                self.happened(Happening.ESTIMATED if change.new is not None else Happening.CHANGED)
            elif change.name not in BOOKKEEPING:
                self.happened(Happening.CHANGED)
        if self.actor != _RULES and any(change.name not in BOOKKEEPING for change in real):
            self.changed = True
            self.touched = self.touched or self.actor not in ("desk", ESCALATION)
        self.ticket = changed(ticket, real)
        self.add(ChangeTicket(ticket.id, real))
        told = {
            change.name: [_plain(change.old), _plain(change.new)]
            for change in real
            if change.name not in BOOKKEEPING
            or (change.name == "chosen" and self.actor != _RULES)  # which #undo brings back
        }
        if told:
            self.record("changed", **told)

    def _contact(self, ticket: Ticket, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """Who stays the contact of a ticket that goes to another level, as a change."""
        if ticket.id <= NEW or all(change.name != "level" for change in changes):
            return ()
        contact = contact_of(ticket, changed(ticket, changes), self.rulebook)
        known = contact == ticket.contact or any(change.name == "contact" for change in changes)
        return () if known else (Change("contact", ticket.contact, contact),)

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
             lines: tuple[str, ...] = (), by: str | None = None) -> None:  # fmt: skip
        """Tell everybody concerned what happened, once each. `by`: who need not be told (the actor; "" for nobody). `unless`: reasons why an address (lower case) may not be written to
        automatically. `lines` are shown to agents, and so are those in `said`, and who was told nothing."""
        if self.ticket is None or not self.happenings:
            return
        told = tell(
            self.rulebook, self.ticket, tuple(self.happenings), by=self.actor if by is None else by,
            new_responsible=self.new_responsible, already=already, internal=internal, away=self.snapshot.away, call=self.call,
        )  # fmt: skip
        outside = [one for one in told if one.each and one.role.outside]
        kept = [self.send_outside(one.to, one.role, _template(one), one.each, (unless or {}).get(one.to.key, ()), form=_form(one, self.left, self.ticket.state)) for one in outside]  # fmt: skip
        lines = (*lines, *self.said, *(line for line in kept if line))
        for one in told:
            if one.each and not one.role.outside:
                self._tell_agent(one, lines)
            if one.digest and not one.each:
                self.add(
                    Digest(self.ticket.id, one.to, one.role, one.digest, self._digest_due(one.to), "daily")
                )

    def send_outside(
        self,
        to: Address,
        role: Role,
        template: str,
        happenings: tuple[Happening, ...],
        refusals: tuple[str, ...] = (),
        named: tuple[int, ...] = (),
        form: str = "",
        not_before: datetime | None = None,
    ) -> str:
        """A mail to somebody of the requester's side, if nothing is against it; `form`: by this template of the desk's own. `not_before`: it can wait. Returns a line for the agents when nothing is sent, or
        not now; else ""."""
        ticket = self.ticket
        assert ticket is not None
        automatic, delay = template != "answer", None
        acknowledged = template == "acknowledgement"
        if acknowledged:
            form = form or self.acknowledgement or ""
            named = (self.follows,) if self.follows is not None else named
            refusals = (*refusals, "a rule says so") if self.unacknowledged else refusals
        if automatic:
            bound = bounds(to.address, self.snapshot, self.rulebook.limits, self.given)
            on_ticket = ticket_bound(ticket.id, self.snapshot, self.rulebook.limits)
            refusals = tuple(
                dict.fromkeys((*refusals, *bound.refusals, *((on_ticket,) if on_ticket else ())))
            )
            delay = bound.delay
        if refusals:
            self.record("not sent", template=template, to=to.address, why=list(refusals))
            self.why(template, "not sent", "; ".join(refusals))
            return f"No {template} went to {to.address}: {'; '.join(refusals)}"
        if not automatic:
            self._doubt(to)
        self.why(template, f"to {to.address}", f"{role} is told of {', '.join(happenings)}")
        self.add(
            Tell(
                ticket.id,
                to,
                role,
                template,
                happenings,
                Scope.PUBLIC,
                True,
                automatic,
                lines=self.help if acknowledged else (),
                answers=acknowledged or template == "supplied",
                delay=max(delay or self.given.now, not_before) if not_before else delay,
                named=named,
                form=form,
                opened_for_you=acknowledged and self.opened_for_you,
                supplied=self.supplied if template == "supplied" else (),
            )
        )
        if delay is None:
            return ""
        self.record("sent later", template=template, to=to.address, until=delay.isoformat())
        return f"The {template} to {to.address} waits until {delay:%Y-%m-%d %H:%M} UTC, for a bound of limits is reached"

    def _doubt(self, to: Address) -> None:
        """An agent's answer is tried even where mail failed before; it is said."""
        suppressed = self.snapshot.suppressed.get(to.key)
        if suppressed is not None:
            self.record("answer is doubtful", to=to.address, why=suppressed.why)
            self.doubtful.append(
                f"Mail to {to.address} failed before ({suppressed.at:%Y-%m-%d}: {suppressed.why}). Your answer is tried all the same."
            )

    def _tell_agent(self, one: Told, lines: tuple[str, ...]) -> None:
        assert self.ticket is not None
        template = "assigned" if one.role is Role.NEW_RESPONSIBLE else "notification"
        from_outside = any(event in one.each for event in _FROM_OUTSIDE)
        public = from_outside and one.role is not Role.TEAM_COPY
        scope = Scope.PUBLIC if public else Scope.INTERNAL
        self.why("notification", f"to {one.to.address}", f"{one.role} is told of {', '.join(one.each)}")
        guides = runbooks.carried(one.role, self.ticket, self.runbooks, self.effects)
        for name in guides:
            if name not in self.runbooks:
                self.record("runbook", name=name, to=one.to.address)
        self.add(
            Tell(
                self.ticket.id, one.to, one.role, template, one.each, scope, False, True, lines, runbooks=guides
            )
        )  # fmt: skip

    def _digest_due(self, to: Address) -> datetime:
        """When the next working day of the agent begins; for others the next digest hour."""
        agent = self.rulebook.agent(to.address)
        morning = morning_after(self.rulebook, agent, self.given.now) if agent else None
        if morning is not None:
            return morning
        zone = ZoneInfo(self.rulebook.identity.timezone)
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
        """Answer an agent's mail with what became of it: one mail, whatever there is to say."""
        self.why("transcript", f"to {to.address}", lines[0] if lines else "")
        ticket = self.ticket.id if self.ticket else None
        for at, effect in enumerate(self.effects):
            if isinstance(effect, Tell) and effect.template == "transcript" and effect.to.key == to.key:
                self.effects[at] = replace(effect, lines=(*effect.lines, "", *lines))
                return
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
        agent = self.rulebook.agent(self.actor)
        if self.doubtful and agent is not None:
            self.transcript(Address(agent.name, agent.address), tuple(self.doubtful))
        if self.touched or self.changed or self.looked:
            self._look_ahead()
        return Decision((*self.effects, *self.afterwards), tuple(self.reasons), tuple(self.traces))

    def _look_ahead(self) -> None:
        """Keep when a person was last at work here, and when the rules on time should look again."""
        ticket, now = self.ticket, self.given.now
        if ticket is None or ticket.id <= NEW:
            return
        active = now if self.touched else ticket.active_at
        fresh = self.touched or self.changed
        dormant = ticket.dormant and not fresh
        awake = replace(ticket, active_at=active, dormant=dormant)
        look = next_look(self.rulebook.rules, awake, now, fresh=fresh)
        changes = (
            Change("active_at", ticket.active_at, active),
            Change("look_at", ticket.look_at, look),
            Change("dormant", ticket.dormant, dormant),
        )
        real = tuple(change for change in changes if change.old != change.new)
        if real:
            self.add(ChangeTicket(ticket.id, real))


def _template(one: Told) -> str:
    """What kind of mail tells the requester's side of this."""
    if Happening.CREATED in one.each:
        return "acknowledgement"
    if Happening.ANSWERED in one.each:
        return "answer"
    return "supplied" if Happening.SUPPLIED in one.each else "notice"


def _form(one: Told, before: State | None, now: State) -> str:
    """The template of a notice that tells of a state; "" for any other. `before`: the state that the ticket has left."""
    if Happening.STATE not in one.each or before is None or _template(one) != "notice":
        return ""
    finished = before in (State.SOLVED, State.CLOSED)
    return _OF_STATE.get(now, "reopened" if now is State.OPEN and finished else "")


def _plain(value: object) -> object:
    """A change's value as JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [str(one) for one in value]
    return value if isinstance(value, int | float | bool) or value is None else str(value)
