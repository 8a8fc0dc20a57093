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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

import structlog

from maild import rounds
from maild.applying import Applying
from maild.desk import matching
from maild.desk.callers import addresses_of
from maild.desk.clocks_due import PROMISES
from maild.desk.commands import arguments
from maild.desk.effects import Decision, Reason, Tell
from maild.desk.events import Acted, ClockDue, MessageArrived
from maild.desk.facts import Address, Envelope, Parsed
from maild.desk.people import Message, Ticket
from maild.desk.rulebook import Agent
from maild.desk.ruled import RULES
from maild.desk.script import named, uses
from maild.desk.sla import fingerprint
from maild.desk.snapshot import Wanted
from maild.desk.words import Role
from maild.entries import Arrived
from maild.errors import NotNow
from maild.keeping import Kept, keep
from maild.parsing import AHEAD, InProcess, Job, Reading
from maild.reports import Cases
from maild.settling import FILES_AGAIN, UNTRIED_AGAIN, Settling
from maild.site import Site
from maild.telling import Occasion, Telling, fresh
from store import Collided, Contended, FilesAway, Store, Work
from store.rows import DigestRow, Intake

log = structlog.get_logger("maild.flow")

ATTEMPTS = 3
KILLS = 10  # a machine that goes down under us says less of a mail than an error does
KILLED = f"the daemon stopped {KILLS} times while this mail was in work"
LEASE = timedelta(minutes=10)
AGAIN = timedelta(seconds=5)
SOON = timedelta(seconds=1)
LATE = timedelta(minutes=10)
CROWD = 20


@dataclass(frozen=True, slots=True)
class Considered:
    """What would be done with a mail. `tickets`: those it may belong to. `same`: the message as which it is known already."""

    parsed: Parsed
    event: MessageArrived
    decision: Decision
    tickets: Mapping[int, Ticket]
    same: Message | None


@dataclass(slots=True)
class _Batch:
    """Claimed mails. `waiting`: not worked on so far, in order; `unread`: those of them for whose reading was not asked; `small`: contents that
    are at hand; `ahead`: what was read for the first that waits, if it was; `failed`: with the reason; `put_off`: for how long, by number;
    `away`: big contents cannot be read now."""

    waiting: deque[Intake]
    unread: deque[Intake]
    small: Mapping[str, bytes]
    outcomes: Iterator[Parsed | Exception] = field(default_factory=lambda: iter(()))
    ahead: deque[Parsed | Exception] = field(default_factory=deque)
    failed: list[tuple[Intake, str]] = field(default_factory=list)
    put_off: dict[int, timedelta] = field(default_factory=dict)
    away: bool = False

    @property
    def is_far(self) -> bool:
        """Whether to read on may mean to fetch a content from far away, which no transaction should wait for."""
        return any(row.sha256 not in self.small for row in islice(self.unread, AHEAD + 1))

    def is_aside(self, row: Intake) -> bool:
        """Whether it is not to be worked on in this batch."""
        return row.id in self.put_off or any(lost is row for lost, _ in self.failed)


class Flow(Settling):
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
        super().__init__(site, store, clock, node)
        self.reading: Reading = reading or InProcess()
        self.progressed: Callable[[], None] = lambda: None
        """Called whenever a mail has been worked on."""
        self._owed: list[int] = []
        self._unsure_work = False
        """Whether mails may be claimed of which nobody here knows: the transaction that claimed them ended nobody knows how."""

    # -- in ------------------------------------------------------------------------------------------------------------------

    def accepts(self, address: str) -> bool:
        """Whether mail for this recipient is ours."""
        return self.site.rulebook.identity.accepts(address)

    def keep(self, mails: Sequence[Kept], along: Callable[[Work], None] = lambda work: None) -> list[int]:
        """Make mails durable, and what `along` writes with them; returns their intake rows. Raises NotNow, and then nothing is kept."""
        return keep(self.store, mails, along)

    def put(self, mail: Kept) -> Kept:
        """Put the octets of a big mail with the files, ahead of keeping it; nothing for a small one. Raises NotNow."""
        if mail.put or mail.size <= self.store.content.SMALL:
            return mail
        self.store.content.put_file(mail.spool, mail.size, mail.sha256)
        return replace(mail, put=True)

    def work(self, limit: int = 20) -> int:
        """Process waiting mails, in order; returns how many were taken. One bad mail stops nothing."""
        now = self.clock()
        unsure, self._unsure_work = self._unsure_work, True
        with self.store.work() as work:
            if self._owed:
                work.unclaim_intake(self._owed, now, self.node)
            if unsure:
                work.release_intake(self.node, untouched=True)
            rows = work.claim_intake(self.node, now, LEASE, limit)
            small = work.small_contents([row.sha256 for row in rows])
        self._owed, self._unsure_work = [], False
        if not rows:
            return 0
        fit = [row for row in rows if row.attempts <= KILLS]
        batch = _Batch(deque(fit), deque(fit), small)
        batch.failed += [(row, KILLED) for row in rows if row.attempts > KILLS]
        try:
            batch.outcomes = self.reading.read(self._jobs(batch))
            while batch.waiting:
                self._process_some(batch)
            self._put_off(batch)
            for row, error in batch.failed:
                self._failed(row, error)
        except NotNow as fault:  # it is the store's, not the mails': it shall not count against them
            self._owed = [row.id for row in rows]
            if not isinstance(fault, Collided):
                raise
            log.info("met another node", reason=str(fault))
        except Exception:
            self._unsure_work = True
            raise
        return len(rows)

    def _jobs(self, batch: _Batch) -> Iterator[Job]:
        """The mails to read; big ones are fetched when their turn comes. For one whose bytes cannot be had nothing is read."""
        while batch.unread:
            row = batch.unread.popleft()
            trusted = row.envelope.trusted and not row.envelope.unauthenticated
            raw = batch.small.get(row.sha256) or self._big(batch, row)
            yield Job(raw, self.site.trust, trusted, row.envelope)

    def _big(self, batch: _Batch, row: Intake) -> bytes:
        if batch.away:  # each look may take seconds
            batch.put_off[row.id] = UNTRIED_AGAIN
            return b""
        try:
            return self.store.content.get(row.sha256)
        except KeyError:
            batch.failed.append((row, f"its content {row.sha256} is missing in [store] files"))
        except FilesAway as fault:
            batch.away = True
            self._later(batch, row, fault)
        return b""

    def _later(self, batch: _Batch, row: Intake, fault: FilesAway) -> None:
        batch.put_off[row.id] = FILES_AGAIN
        log.error("mail waits for the files", intake=row.id, message_id=row.message_id, reason=str(fault))

    def _put_off(self, batch: _Batch) -> None:
        """Mails whose time is not now are free again, and this attempt does not count."""
        if batch.put_off:
            with self.store.work() as work:
                for id, gap in batch.put_off.items():
                    work.unclaim_intake([id], self.clock() + gap, self.node)

    def _process_some(self, batch: _Batch) -> None:
        """Process mails in one transaction, each in a savepoint, while the next is read already, no arrival waits to be kept, and no other
        node is at work on the same."""
        outcome = batch.ahead.popleft() if batch.ahead else next(batch.outcomes)
        with self.store.work() as work:
            while True:
                row = batch.waiting[0]
                if not batch.is_aside(row) and not self._process_one(work, batch, row, outcome):
                    batch.ahead.append(outcome)
                    return
                batch.waiting.popleft()
                work.crowded = True
                self.progressed()
                if not batch.waiting or self.store.contended or not self.reading.ready() or batch.is_far:
                    return
                outcome = next(batch.outcomes)

    def _process_one(self, work: Work, batch: _Batch, row: Intake, outcome: Parsed | Exception) -> bool:
        """False: in this transaction it cannot be, another node has locked something."""
        try:
            with (
                structlog.contextvars.bound_contextvars(intake=row.id, message_id=row.message_id),
                work.savepoint(),
            ):
                self._process(work, row, _parsed(outcome))
        except FilesAway as fault:
            self._later(batch, row, fault)
        except NotNow:
            raise
        except Contended:
            return False
        except Exception:  # noqa: BLE001  a mail that breaks us is put aside whole, the next one goes on
            batch.failed.append((row, traceback.format_exc()))
        return True

    def _process(self, work: Work, row: Intake, parsed: Parsed) -> None:
        now = self.clock()
        event = self._event(work, row.id, parsed, row.envelope)
        earlier = work.answers_earlier(row.id, matching.answered_ids(event), now)
        if earlier is not None:
            work.unclaim_intake([row.id], max(earlier, now) + SOON, self.node)
            log.info("waits for the mail it answers", intake=row.id, message_id=parsed.mail.message_id)
            return
        wanted = matching.wanted(event, self.site.rulebook)
        if wanted.callers:
            work.take_contacts(self.site.rulebook.contacts)
        decision, known = self._decide(work, event, wanted, now)
        arrived = Arrived(event, parsed, row.sha256)
        applying = Applying(
            work, self.site, "/".join((f"intake:{row.id}", *event.lifted)), now, arrived, known
        )
        applying.apply(decision)
        outcome = f"ticket {applying.ticket}" if applying.ticket else "kept without a ticket"
        work.finish_intake(row.id, outcome, applying.message, now)
        log.info(
            "mail processed",
            intake=row.id,
            message_id=parsed.mail.message_id,
            kind=str(parsed.mail.kind),
            ticket=applying.ticket,
            outcome=outcome,
        )

    def consider(self, raw: bytes, envelope: Envelope) -> Considered:
        """What would be done with a mail if it came now for the first time, and why, with every rule looked at. Nothing is stored."""
        trusted = envelope.trusted and not envelope.unauthenticated
        [outcome] = self.reading.read([Job(raw, self.site.trust, trusted, envelope)])
        parsed, now = _parsed(outcome), self.clock()
        with self.store.read() as work:
            event = self._event(work, 0, parsed, envelope)
            wanted = matching.wanted(event, self.site.rulebook)
            same = work.snapshot(wanted, now).same
            decision, known = self._decide(work, event, wanted, now, whole=True)
        return Considered(parsed, event, decision, known, same)

    def _failed(self, row: Intake, error: str) -> None:
        """Another attempt later, or quarantine: then the admins are told, once."""
        now = self.clock()
        log.error(
            "mail failed", intake=row.id, message_id=row.message_id, attempt=row.attempts, error=error.strip().splitlines()[-1]
        )  # fmt: skip
        with self.store.work() as work:
            if not work.fail_intake(row.id, error, now, ATTEMPTS, now + AGAIN):
                return
            what = (
                f"Mail {row.id} could not be processed and is in quarantine, whole.",
                f"From <{row.envelope.sender}> to {', '.join(row.envelope.recipients)} by {row.envelope.route}, {row.size} octets.",
                f"See it with: maild quarantine show {row.id}; try again with: maild quarantine retry {row.id}",
            )
            reason = Reason("quarantine", f"mail {row.id}", f"failed {row.attempts} times")
            self._alert(work, f"quarantine:{row.id}", what, reason)

    # -- time and people -----------------------------------------------------------------------------------------------------

    def tick(self, limit: int = 100) -> int:
        """Pass due clocks, tickets that rules on time wait for, mails that come regularly, and digests through; returns how many went well.

        One that breaks us is logged and tried again at the next tick; it holds up nothing else.
        """
        now = self.clock()
        with self.store.read() as work:
            clocks = _clocks(work.due_clocks(now, limit), now)
            looks = [
                (ClockDue(ticket, RULES, due), (ticket, since))
                for ticket, due, since in work.due_looks(now, limit)
            ]
            coming = rounds.plan(self.site.rulebook, work.appointments(), now)
        events = (*((clock, None) for clock in clocks), *looks)
        done = sum(self._in_peace(self._due, event, since, now) for event, since in events)
        if coming.changes:
            with self.store.work() as work:
                rounds.make(work, coming.changes)
        weekly = self._reports(coming.due, now) if coming.due else {}
        ready = [one for one in coming.due if one[1] != rounds.WEEKLY or one[0].address in weekly]
        done += sum(self._in_peace(self._round, agent, kind, now, weekly) for agent, kind in ready)
        with self.store.read() as work:
            digests = work.due_digests(now)
        return done + sum(self._in_peace(self._digest, to, rows, now) for to, rows in digests.items())

    def _reports(self, due: Sequence[tuple[Agent, str]], now: datetime) -> Mapping[str, rounds.Weekly]:
        """Made before any transaction that writes: a busy desk's take seconds."""
        made: dict[str, rounds.Weekly] = {}
        read: Cases = {}
        with self.store.read() as work:
            for agent in (agent for agent, kind in due if kind == rounds.WEEKLY):
                try:
                    made[agent.address] = rounds.weekly(work, self.site, agent, now, read)
                except NotNow:
                    raise
                except Exception:
                    log.exception("time passed badly", what=f"report for {agent.address}")
        return made

    def look_again(self) -> None:
        """With other people in the files than the store knows of, they are taken into its register; with other rules on time or other
        promises, every ticket is looked at again at the next tick."""
        with self.store.work() as work:
            work.take_contacts(self.site.rulebook.contacts)
            work.look_again(self.site.rulebook.rules.on_time, self.clock())
            work.count_again(fingerprint(self.site.rulebook), self.clock())

    def _in_peace(self, step: Callable[..., None], *arguments: object) -> bool:
        """Take a step in a transaction of its own; whether it went well."""
        try:
            with self.store.work() as work:
                step(work, *arguments)
        except Collided:
            log.info("met another node, tried again", what=repr(arguments[0]))
            return False
        except NotNow:
            raise
        except Exception:
            log.exception("time passed badly", what=repr(arguments[0]))
            return False
        return True

    def _due(self, work: Work, event: ClockDue, since: tuple[int, datetime] | None, now: datetime) -> None:
        ways = self.site.rulebook.ways
        wanted = Wanted(
            tickets=(event.ticket,), staff=ways, fired=since, away=True, clocks=event.clock == PROMISES
        )
        decision, known = self._decide(work, event, wanted, now)
        key = f"clock:{event.ticket}:{event.clock}:{event.due.isoformat()}"
        Applying(work, self.site, key, now, known=known).apply(decision)

    def _round(
        self, work: Work, agent: Agent, kind: str, now: datetime, weekly: Mapping[str, rounds.Weekly]
    ) -> None:
        rounds.hold(work, self.site, agent, kind, now, weekly)

    def _digest(self, work: Work, recipient: str, rows: Sequence[DigestRow], now: datetime) -> None:
        """One mail that lists what one agent, a team's mailbox or one of an escalation was to be told later. Who left the files is told nothing any more."""
        rulebook = self.site.rulebook
        agent = rulebook.agent(recipient)
        team = next((one for one in rulebook.teams.values() if one.address == recipient.lower()), None)
        role = Role.ADMIN if agent else Role.TEAM_COPY
        called = any(recipient.lower() in step.notify for step in rulebook.escalation)
        if (name := agent.name if agent else team.name if team else "" if called else None) is not None:
            tell = Tell(None, Address(name, recipient), role, "digest", (), None, False, True)
            occasion = Occasion(f"digest:{rows[0].id}", now, digest=rounds.digest_lines(work, rows))
            Telling(work, self.site, occasion).all([tell])
        work.finish_digests([row.id for row in rows], now)

    def act(self, ticket: int, actor: str, commands: tuple[str, ...], text: str) -> Decision:
        """Commands of somebody at this host or in the portal. Refused lines stand in the decision's reasons (step "command")."""
        now = self.clock()
        event, called = Acted(ticket, actor, commands, text), arguments(commands, "requester")
        with self.store.work() as work:
            wanted = Wanted(
                tickets=(ticket, *named(commands)), parts=uses(commands, "split"), undo=uses(commands, "undo"),
                staff=self.site.rulebook.ways,
                away=True,
                owned=actor.lower() if uses(commands, "away") else "",
                callers=called, addresses=addresses_of(called), counted=addresses_of(called),
            )  # fmt: skip
            if wanted.callers:
                work.take_contacts(self.site.rulebook.contacts)
            decision, known = self._decide(work, event, wanted, now)
            if decision.effects:
                Applying(work, self.site, f"act:{fresh()}", now, known=known).apply(decision)
        return decision


def _clocks(due: Sequence[tuple[int, datetime]], now: datetime) -> list[ClockDue]:
    """The tickets whose promises are due. When more than a few have waited for us, their agents are not told of each."""
    late = sum(since < now - LATE for _, since in due)
    return [ClockDue(ticket, PROMISES, since, late > CROWD) for ticket, since in due]


def _parsed(outcome: Parsed | Exception) -> Parsed:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
