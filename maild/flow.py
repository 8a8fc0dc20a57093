"""The way of a mail, and of everything else that happens to the desk. Read this first.

    keep      raw bytes and envelope become one durable row: only then may anybody say 250
    work      rows are taken in order: parse (never fails), load a snapshot, decide, and in ONE transaction apply the effects, journal
              the reasons, queue what is to be sent, mark the row done. What fails three times goes into quarantine, whole.
    outgoing  queued mails are claimed for the sender; settle records what became of each. What fails for good is an event to decide.
    tick      due clocks and digests pass through the same door
    act       so do the commands of an admin on this host

Everything here is synchronous and is called from threads; the store is the only thing it changes. Time comes from `clock`.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import BinaryIO

import structlog

from maild.applying import Applying, Arrived
from maild.delivery.notice import DigestLine
from maild.delivery.retry import next_attempt
from maild.desk import matching
from maild.desk.arriving import admins_alert
from maild.desk.decide import decide
from maild.desk.effects import Decision, Given, Reason, Tell
from maild.desk.events import Acted, ClockDue, DeliveryFailed, Event, MessageArrived
from maild.desk.facts import Address, Envelope, Parsed
from maild.desk.people import SentMail, Ticket
from maild.desk.script import linked
from maild.desk.snapshot import Snapshot, Wanted
from maild.desk.words import Happening, Role
from maild.errors import NotNow
from maild.message.nested import leaking
from maild.parsing import InProcess, Job, Reading
from maild.site import Site
from maild.telling import Occasion, Telling, bounce_address, fresh
from store import Store, Work
from store.rows import Arrival, DigestRow, Intake, OutboxRow

log = structlog.get_logger("maild.flow")

ATTEMPTS = 3
KILLED = f"the daemon stopped {ATTEMPTS} times while this mail was in work"
LEASE = timedelta(minutes=10)
AGAIN = timedelta(seconds=5)
SEND_LEASE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail to keep. `spool` stands at its start and holds `size` octets with this hex `sha256`."""

    spool: BinaryIO
    size: int
    sha256: str
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Outbound:
    """A claimed outbox row and its envelope sender ("" for `<>`)."""

    row: OutboxRow
    sender: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of an attempt: `kind` is sent, later, unknown or failed; `text` the reply or fault."""

    kind: str
    text: str


def keep(store: Store, mails: Sequence[Kept]) -> list[int]:
    """Make mails durable in one transaction; returns their intake rows. Raises NotNow, and then nothing of them is kept."""
    small = store.content.SMALL
    for mail in mails:
        if mail.size > small:
            store.content.put_file(mail.spool, mail.size, mail.sha256)
    with store.work(urgent=True) as work:  # somebody waits for his 250
        for mail in mails:
            if mail.size <= small:
                work.put_content(mail.spool.read())
        return work.keep([Arrival(mail.sha256, mail.size, mail.envelope) for mail in mails])


class Flow:
    """The desk at work: its files (`site`, replaced on reload), its store, the name of this node, a clock that gives aware UTC, and
    what reads mails (here, unless another is given)."""

    def __init__(
        self,
        site: Site,
        store: Store,
        clock: Callable[[], datetime],
        node: str = "main",
        reading: Reading | None = None,
    ) -> None:
        self.site, self.store, self.clock, self.node = site, store, clock, node
        self.reading: Reading = reading or InProcess()
        self._owed: list[int] = []

    # -- in ------------------------------------------------------------------------------------------------------------------

    def accepts(self, address: str) -> bool:
        """Whether mail for this recipient is ours."""
        return self.site.rulebook.identity.accepts(address)

    def keep(self, mails: Sequence[Kept]) -> list[int]:
        """Make mails durable; returns their intake rows. Raises NotNow, and then nothing of them is kept."""
        return keep(self.store, mails)

    def work(self, limit: int = 20) -> int:
        """Process waiting mails, in order; returns how many were taken. One bad mail stops nothing."""
        now = self.clock()
        with self.store.work() as work:
            if self._owed:
                work.unclaim_intake(self._owed, now)
            rows = work.claim_intake(self.node, now, LEASE, limit)
        self._owed = []
        if not rows:
            return 0
        failed = [(row, KILLED) for row in rows if row.attempts > ATTEMPTS]
        waiting = deque(row for row in rows if row.attempts <= ATTEMPTS)
        try:
            outcomes = self.reading.read(self._jobs(tuple(waiting), failed))
            while waiting:
                self._process_some(waiting, outcomes, failed)
            for row, error in failed:
                self._failed(row, error)
        except NotNow:  # the fault is the store's, not the mails': it shall not count against them
            self._owed = [row.id for row in rows]
            raise
        return len(rows)

    def _jobs(self, rows: Sequence[Intake], failed: list[tuple[Intake, str]]) -> Iterator[Job]:
        """The mails to read, each fetched when its turn comes. One whose bytes are gone has failed, and nothing is read for it."""
        for row in rows:
            trusted = row.envelope.trusted and not row.envelope.unauthenticated
            try:
                raw = self.store.content.get(row.sha256)
            except KeyError:
                raw = b""
                failed.append(
                    (row, f"its content {row.sha256} is missing; nodes of one desk must share [store] files")
                )
            yield Job(raw, self.site.trust, trusted)

    def _process_some(
        self, waiting: deque[Intake], outcomes: Iterator[Parsed | Exception], failed: list[tuple[Intake, str]]
    ) -> None:
        """Process mails in one transaction, each in a savepoint, while the next is read already and no arrival waits to be kept."""
        outcome = next(outcomes)
        with self.store.work() as work:
            while True:
                row = waiting.popleft()
                if not any(lost is row for lost, _ in failed):
                    self._process_one(work, row, outcome, failed)
                if not waiting or self.store.contended or not self.reading.ready():
                    return
                outcome = next(outcomes)

    def _process_one(
        self, work: Work, row: Intake, outcome: Parsed | Exception, failed: list[tuple[Intake, str]]
    ) -> None:
        try:
            with work.savepoint():
                self._process(work, row, _parsed(outcome))
        except NotNow:
            raise
        except Exception:  # noqa: BLE001  a mail that breaks us is put aside whole, the next one goes on
            failed.append((row, traceback.format_exc()))

    def _process(self, work: Work, row: Intake, parsed: Parsed) -> None:
        now = self.clock()
        sender = parsed.mail.sender
        by_agent = sender is not None and self.site.rulebook.agent(sender.address) is not None
        held = leaking(parsed, self.site.rulebook) if by_agent else ()
        event = MessageArrived(row.id, parsed.mail, row.envelope, held)
        decision, known = self._decide(work, event, matching.wanted(event, self.site.rulebook), now)
        arrived = Arrived(event, parsed, row.sha256)
        applying = Applying(work, self.site, f"intake:{row.id}", now, arrived, known)
        applying.apply(decision)
        outcome = f"ticket {applying.ticket}" if applying.ticket else "kept without a ticket"
        work.finish_intake(row.id, outcome, applying.message, now)
        log.info(
            "mail processed",
            intake=row.id,
            message_id=parsed.mail.message_id,
            kind=str(parsed.mail.kind),
            outcome=outcome,
        )

    def _decide(
        self, work: Work, event: Event, wanted: Wanted, now: datetime
    ) -> tuple[Decision, Mapping[int, Ticket]]:
        """Load what the event asks for and decide. What the tickets found say who may be written to, so counts come second."""
        snapshot = work.snapshot(wanted, now)
        others = {ticket.requester.key for ticket in snapshot.tickets.values()}
        others |= {person.key for ticket in snapshot.tickets.values() for person in ticket.participants}
        missing = tuple(sorted(others - set(wanted.counted) - {""}))
        ours = {person.key for person in snapshot.persons.values()} | {
            sent.person.key for sent in _mails(snapshot)
        }
        warned = tuple(sorted(ours & set(self.site.rulebook.agents)))
        if missing or warned:
            snapshot = _with_counts(snapshot, work.snapshot(Wanted(counted=missing, addresses=warned), now))
        return decide(event, snapshot, self.site.rulebook, Given(now, fresh())), snapshot.tickets

    def _failed(self, row: Intake, error: str) -> None:
        """Another attempt later, or quarantine: then the admins are told, once."""
        now = self.clock()
        log.error("mail failed", intake=row.id, attempt=row.attempts, error=error.strip().splitlines()[-1])
        with self.store.work() as work:
            if not work.fail_intake(row.id, error, now, ATTEMPTS, now + AGAIN):
                return
            what = (
                f"Mail {row.id} could not be processed and is in quarantine, whole.",
                f"From <{row.envelope.sender}> to {', '.join(row.envelope.recipients)} by {row.envelope.route}, {row.size} octets.",
                f"See it with: maild quarantine show {row.id}; try again with: maild quarantine retry {row.id}",
            )
            Applying(work, self.site, f"quarantine:{row.id}", now).apply(
                Decision(
                    admins_alert(self.site.rulebook, what),
                    (Reason("quarantine", f"mail {row.id}", f"failed {row.attempts} times"),),
                )
            )

    # -- out -----------------------------------------------------------------------------------------------------------------

    def outgoing(self, limit: int, results: Sequence[tuple[OutboxRow, Delivered]] = ()) -> list[Outbound]:
        """Record what became of claimed mails, and claim more that are due, with their envelope senders: one transaction.

        Each claimed mail must come back in `results` or through `give_back`. A permanent failure passes through `decide`.
        """
        now = self.clock()
        with self.store.work() as work:
            for row, delivered in results:
                self._settle_safely(work, row, delivered, now)
            rows = work.claim_outbox(self.node, now, SEND_LEASE, limit) if limit > 0 else []
            key = work.keys()[0] if rows else None
        identity = self.site.rulebook.identity
        return [
            Outbound(row, bounce_address(identity, key, row.ticket, row.id, automatic=row.automatic))
            for row in rows
            if key is not None
        ]

    def settle(self, results: Sequence[tuple[OutboxRow, Delivered]]) -> None:
        """Record what became of claimed mails."""
        self.outgoing(0, results)

    def _settle_safely(self, work: Work, row: OutboxRow, delivered: Delivered, now: datetime) -> None:
        """What breaks us while one mail is settled must not hold up the others: its delivery is recorded all the same."""
        try:
            with work.savepoint():
                self._settle(work, row, delivered, now)
        except NotNow:
            raise
        except Exception:
            log.exception("settling failed", outbox=row.id, ticket=row.ticket, outcome=delivered.kind)
            if delivered.kind == "sent":
                work.mail_sent(row.id, now, delivered.text)
            else:
                work.mail_failed(row.id, now, delivered.text)

    def _settle(self, work: Work, row: OutboxRow, delivered: Delivered, now: datetime) -> None:
        text = delivered.text
        if delivered.kind == "sent":
            work.mail_sent(row.id, now, text)
            log.info("mail sent", outbox=row.id, message_id=row.message_id, ticket=row.ticket, kind=row.kind)
            return
        due = next_attempt(row.attempts, row.created_at, now, row.id) if delivered.kind != "failed" else None
        if due is not None:
            work.mail_later(row.id, due, text)
            log.warning(
                "mail deferred", outbox=row.id, message_id=row.message_id, attempt=row.attempts, reason=text
            )
            return
        log.error(
            "mail failed for good", outbox=row.id, message_id=row.message_id, ticket=row.ticket, reason=text
        )
        work.mail_failed(row.id, now, text)
        event = DeliveryFailed(row.ticket, row.recipient, row.answer, not row.role.outside, text)
        tickets = (row.ticket,) if row.ticket else ()
        decision, known = self._decide(
            work, event, Wanted(tickets=tickets, addresses=(row.recipient.lower(),)), now
        )
        Applying(work, self.site, f"failed:{row.id}", now, known=known).apply(decision)

    def give_back(self, rows: Sequence[OutboxRow]) -> None:
        """Claimed mails that were not tried (the daemon stops): due again at once."""
        with self.store.work() as work:
            for row in rows:
                work.mail_released(row.id, self.clock())

    # -- time and people -----------------------------------------------------------------------------------------------------

    def tick(self, limit: int = 100) -> int:
        """Pass due clocks and digests through; returns how many there were."""
        now = self.clock()
        with self.store.read() as work:
            clocks = work.due_clocks(now, limit)
            digests = work.due_digests(now)
        for ticket, clock, due in clocks:
            with self.store.work() as work:
                decision, known = self._decide(
                    work, ClockDue(ticket, clock, due), Wanted(tickets=(ticket,)), now
                )
                Applying(
                    work, self.site, f"clock:{ticket}:{clock}:{due.isoformat()}", now, known=known
                ).apply(decision)
        for recipient, rows in digests.items():
            with self.store.work() as work:
                self._digest(work, recipient, rows, now)
        return len(clocks) + len(digests)

    def _digest(self, work: Work, recipient: str, rows: Sequence[DigestRow], now: datetime) -> None:
        """One mail that lists what one agent was to be told later. Who left the files is told nothing any more."""
        agent = self.site.rulebook.agent(recipient)
        if agent is not None:
            subjects: dict[int, Ticket | None] = {
                row.ticket: work.ticket(row.ticket) for row in rows if row.ticket
            }
            lines = tuple(_digest_line(row, subjects) for row in rows)
            tell = Tell(None, Address(agent.name, agent.address), Role.ADMIN, "digest", (), None, False, True)
            occasion = Occasion(f"digest:{rows[0].id}", now, digest=lines)
            Telling(work, self.site, occasion).all([tell])
        work.finish_digests([row.id for row in rows], now)

    def act(self, ticket: int, actor: str, commands: tuple[str, ...], text: str) -> Decision:
        """Commands of somebody at this host or in the portal. Refused lines stand in the decision's reasons (step "command")."""
        now = self.clock()
        event = Acted(ticket, actor, commands, text)
        with self.store.work() as work:
            numbers = (ticket, *linked(commands))
            decision, known = self._decide(work, event, Wanted(tickets=numbers), now)
            if decision.effects:
                Applying(work, self.site, f"act:{fresh()}", now, known=known).apply(decision)
        return decision


def _digest_line(row: DigestRow, tickets: dict[int, Ticket | None]) -> DigestLine:
    ticket = tickets.get(row.ticket) if row.ticket else None
    happenings = tuple(Happening(happening) for happening in row.happenings)
    return DigestLine(row.at, row.ticket, ticket.subject if ticket else row.subject, happenings)


def _parsed(outcome: Parsed | Exception) -> Parsed:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _mails(snapshot: Snapshot) -> Iterable[SentMail]:
    return (*snapshot.sent.values(), *snapshot.outbox.values())


def _with_counts(snapshot: Snapshot, counted: Snapshot) -> Snapshot:
    automatic, warned = {**counted.automatic, **snapshot.automatic}, {**counted.warned, **snapshot.warned}
    return replace(snapshot, automatic=automatic, warned=warned)
