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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from maild import rounds
from maild.applying import Applying
from maild.desk import matching
from maild.desk.callers import addresses_of
from maild.desk.clocks_due import PROMISES
from maild.desk.commands import arguments
from maild.desk.effects import Decision, Tell
from maild.desk.events import Acted, ClockDue, MessageArrived
from maild.desk.facts import Address, Envelope, Parsed
from maild.desk.people import Message, Ticket
from maild.desk.rulebook import Agent
from maild.desk.ruled import RULES
from maild.desk.script import named, uses
from maild.desk.sla import fingerprint
from maild.desk.snapshot import Wanted
from maild.desk.words import Role
from maild.errors import NotNow
from maild.keeping import Kept, Ready, keep, keep_ready, ready
from maild.parsing import Job
from maild.processing import Processing, as_parsed
from maild.reports import Cases
from maild.showing import Occasion
from maild.telling import Telling, fresh
from store import Collided, Work
from store.rows import DigestRow

log = structlog.get_logger("maild.flow")

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


class Flow(Processing):
    """The desk at work: its files (`site`, replaced on reload), its store, the name of this node, a clock that gives aware UTC, and
    what reads mails (here, unless another is given)."""

    # -- in ------------------------------------------------------------------------------------------------------------------

    def accepts(self, address: str) -> bool:
        """Whether mail for this recipient is ours."""
        return self.site.rulebook.identity.accepts(address)

    def keep(self, mails: Sequence[Kept], along: Callable[[Work], None] = lambda work: None) -> list[int]:
        """Make mails durable, and what `along` writes with them; returns their intake rows. Raises NotNow, and then nothing is kept."""
        return keep(self.store, mails, along)

    def ready(self, mail: Kept) -> Ready:
        """What has to be done with a mail before it can be kept by `keep_ready`; a big one is put with the files. Raises NotNow."""
        return ready(self.store, mail)

    def keep_ready(self, take: Callable[[], Sequence[Ready]]) -> None:
        """Make mails durable that `take` gives when it is our turn to write. Raises NotNow, and then nothing is kept."""
        keep_ready(self.store, take)

    def consider(self, raw: bytes, envelope: Envelope) -> Considered:
        """What would be done with a mail if it came now for the first time, and why, with every rule looked at. Nothing is stored."""
        trusted = envelope.trusted and not envelope.unauthenticated
        [outcome] = self.reading.read([Job(raw, self.site.trust, trusted, envelope)])
        parsed, now = as_parsed(outcome), self.clock()
        with self.store.read() as work:
            event = self._event(work, 0, parsed, envelope)
            wanted = matching.wanted(event, self.site.rulebook)
            same = work.snapshot(wanted, now).same
            decision, known = self._decide(work, event, wanted, now, whole=True)
        return Considered(parsed, event, decision, known, same)

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
