"""Decisions with what the store knows: the snapshot is loaded, the core is asked. Shared by all parts of the flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from maild.applying import Applying
from maild.desk.authors import as_written
from maild.desk.decide import decide
from maild.desk.effects import Decision, Given, Reason
from maild.desk.events import Event, MessageArrived
from maild.desk.facts import Envelope, Kind, Parsed
from maild.desk.failing import admins_alert
from maild.desk.matching import leak
from maild.desk.people import SentMail, Ticket
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
        ours = {person.key for person in snapshot.persons.values()} | {
            sent.person.key for sent in _mails(snapshot)
        }
        complaint = isinstance(event, MessageArrived) and event.mail.kind is Kind.REPORT
        agents = sorted(ours & set(self.site.rulebook.agents))
        leaks = [leak(agent, event) for agent in agents] if isinstance(event, MessageArrived) else []
        warned = (*(sorted(ours) if complaint else agents), *leaks)
        if missing or warned:
            snapshot = _with_counts(
                snapshot,
                self._snapshot(work, Wanted(counted=missing, addresses=warned, bounded=wanted.bounded), now),
            )
        return decide(event, snapshot, self.site.rulebook, Given(now, fresh(), whole)), snapshot.tickets

    def _snapshot(self, work: Work, wanted: Wanted, now: datetime) -> Snapshot:
        return work.snapshot(wanted, now)

    def alert(self, key: str, what: tuple[str, ...]) -> None:
        """Tell the admins, once for this key, what is wrong with the desk."""
        with self.store.work() as work:
            self._alert(work, key, what, Reason("alert", what[0]))

    def _alert(self, work: Work, key: str, what: tuple[str, ...], reason: Reason) -> None:
        decision = Decision(admins_alert(self.site.rulebook, what), (reason,))
        Applying(work, self.site, key, self.clock()).apply(decision)


def _mails(snapshot: Snapshot) -> Iterable[SentMail]:
    return (*snapshot.sent.values(), *snapshot.outbox.values())


def _with_counts(snapshot: Snapshot, counted: Snapshot) -> Snapshot:
    automatic, warned = {**counted.automatic, **snapshot.automatic}, {**counted.warned, **snapshot.warned}
    suppressed = {**counted.suppressed, **snapshot.suppressed}
    return replace(snapshot, automatic=automatic, warned=warned, suppressed=suppressed)
