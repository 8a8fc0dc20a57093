"""Decisions with what the store knows: the snapshot is loaded, the core is asked. Shared by all parts of the flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from maild.applying import Applying
from maild.desk.authors import as_written
from maild.desk.decide import decide
from maild.desk.effects import Decision, Given, Reason, Record
from maild.desk.events import Event, MessageArrived
from maild.desk.facts import Envelope, Parsed
from maild.desk.failing import admins_alert
from maild.desk.people import Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Snapshot, Wanted
from maild.message.nested import leaking
from maild.site import Site
from maild.telling import fresh
from store import Store, Work


class Judging:
    """`site`: the desk's files, replaced on reload. `clock` gives aware UTC. `node` is the name of this node."""

    def __init__(self, site: Site, store: Store, clock: Callable[[], datetime], node: str = "main") -> None:
        self.site, self.store, self.clock, self.node = site, store, clock, node

    def _event(self, work: Work, intake: int, parsed: Parsed, envelope: Envelope) -> MessageArrived:
        """What a mail is to the desk. Of one that may be an agent's it is also known what it leaks and what held it before."""
        rulebook = self.site.rulebook
        event = as_written(MessageArrived(intake, parsed.mail, envelope), rulebook)
        sender = event.mail.sender
        if sender is None or rulebook.agent(sender.address) is None:
            return event
        return replace(event, leaking=leaking(parsed, rulebook), lifted=work.lifted(intake))

    def _decide(
        self, work: Work, event: Event, wanted: Wanted, now: datetime, *, whole: bool = False
    ) -> tuple[Decision, Mapping[int, Ticket]]:
        """Load what the event asks for and decide. What the tickets found say who may be written to, so counts come second.

        `whole`: somebody only wants to know; every rule is looked at, and that the mail is known already does not count.
        """
        wanted = replace(wanted, bounded=self.site.rulebook.limits.bounded)
        snapshot = self._snapshot(work, wanted, now)
        if whole:
            snapshot = replace(snapshot, same=None)
        others = {ticket.requester.key for ticket in snapshot.tickets.values()}
        others |= {person.key for ticket in snapshot.tickets.values() for person in ticket.participants}
        missing = tuple(sorted(others - set(wanted.counted) - {""}))
        if missing:
            counted = self._snapshot(work, Wanted(counted=missing, bounded=wanted.bounded), now)
            snapshot = _with_counts(snapshot, counted)
        given = Given(now, fresh(), whole)
        return decided(work, event, snapshot, self.site.rulebook, given), snapshot.tickets

    def _snapshot(self, work: Work, wanted: Wanted, now: datetime) -> Snapshot:
        return work.snapshot(wanted, now)

    def alert(self, key: str, what: tuple[str, ...]) -> None:
        """Tell the admins, once for this key, what is wrong with the desk."""
        with self.store.work() as work:
            self._alert(work, key, what, Reason("alert", what[0]))

    def _alert(self, work: Work, key: str, what: tuple[str, ...], reason: Reason) -> None:
        decision = Decision(admins_alert(self.site.rulebook, what), (reason,))
        Applying(work, self.site, key, self.clock()).apply(decision)


def decided(work: Work, event: Event, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """What `decide` says; where somebody is to be warned it is asked once more with when he was last warned of the same."""
    decision = decide(event, snapshot, rulebook, given)
    effects = decision.effects
    of = [str(one.detail["subject"]) for one in effects if isinstance(one, Record) and one.is_warning]
    warned = work.warned(of)
    return decide(event, replace(snapshot, warned=warned), rulebook, given) if warned else decision


def _with_counts(snapshot: Snapshot, counted: Snapshot) -> Snapshot:
    automatic = {**counted.automatic, **snapshot.automatic}
    return replace(snapshot, automatic=automatic, suppressed={**counted.suppressed, **snapshot.suppressed})
