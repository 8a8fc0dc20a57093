"""The way in: waiting mails are claimed, read, decided and applied, several in one transaction.

While one is decided the next ones are read in a process beside (`parsing`), and when many wait its mails are composed in another
(`composing`) while the next one is decided already.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog

from maild import logs
from maild.applying import Applying
from maild.batch import Batch, Outcome
from maild.composing import Beside
from maild.desk import matching
from maild.desk.effects import Reason, Tell
from maild.desk.facts import Parsed
from maild.desk.snapshot import Snapshot, Wanted
from maild.entries import Arrived
from maild.errors import NotNow
from maild.parsing import AHEAD, ALONE, InProcess, Job, Reading
from maild.settling import FILES_AGAIN, UNTRIED_AGAIN, Settling
from maild.site import Site
from maild.telling import Telling
from maild.unsent import First, Undone, Unsent, undoing
from store import Collided, Contended, FilesAway, Store, Work
from store.rows import Intake

log = structlog.get_logger("maild.flow")

ATTEMPTS = 3
KILLS = 10  # a machine that goes down under us says less of a mail than an error does
KILLED = f"the daemon stopped {KILLS} times while this mail was in work"
LEASE = timedelta(minutes=10)
AGAIN = timedelta(seconds=5)
SOON = timedelta(seconds=1)
LOOK: Final = 0.001
"""Seconds between two looks whether the next mail is read, of which there are at most `LOOKS`."""
LOOKS: Final = 16
FETCHED: Final = 4 << 20
"""Octets of files that are fetched before a transaction."""
AT_ONCE: Final = 20
"""Mails in one transaction at most; `store.outbox` counts on it where nodes share bounds."""
LEAST: Final = 2
"""Mails in one transaction also while an arrival waits to be kept, if so many are read: to end one and to begin another takes as long as to work
on one."""
STAY: Final = timedelta(minutes=2)
"""After so long what was claimed and not begun is free again: a mail that takes long shall not hold up others that another node could do."""
FEW: Final = 4
"""When fewer mails wait it does not pay to compose beside."""


class Processing(Settling):
    """The way in of a desk. `reading` reads mails, here unless another is given. `beside`: composes mails; None: they are composed here."""

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
        self.beside: Beside | None = None
        self.progressed: Callable[[], None] = lambda: None
        """Called whenever a mail has been worked on."""
        self.is_called: Callable[[], bool] = lambda: False
        """Whether something else than mail is to be done: the batch ends with the transaction then."""
        self._owed: list[int] = []
        self._unsure_work = False
        """Whether mails may be claimed of which nobody here knows: the transaction that claimed them ended nobody knows how."""
        self._unsent: Unsent | None = None

    def work(self, limit: int = 50) -> int:
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
        batch = Batch(deque(fit), deque(fit), small, alone=not self._composes_beside(fit))
        batch.failed += [(row, KILLED) for row in rows if row.attempts > KILLS]
        try:
            batch.outcomes = self.reading.read(self._jobs(batch))
            while batch.waiting and not self._is_over(now):
                self._fetch(batch)
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

    def _composes_beside(self, rows: Sequence[Intake]) -> bool:
        """When many wait, but not where bounds on automatic mail make each mail matter to the next, nor with templates that fail."""
        if self.beside is None or len(rows) < FEW or self.site.rulebook.limits.bounded:
            return False
        unsent = self._unsent
        if unsent is None or unsent.beside is not self.beside or unsent.templates is not self.site.templates:
            unsent = self._unsent = Unsent(self.beside, self.site.templates)
        return not unsent.failed

    def _is_over(self, since: datetime) -> bool:
        """Whether what is left of a batch is given back."""
        return self.is_called() or self.clock() - since > STAY

    def _fetch(self, batch: Batch) -> None:
        """Contents that are files, as far as memory has room for them: no transaction shall wait for files."""
        room = FETCHED - sum(map(len, batch.fetched.values()))
        for row in batch.unread:
            if row.size <= min(room, ALONE) and not batch.has(row) and not batch.is_aside(row):
                room -= row.size
                if raw := self._big(batch, row):
                    batch.fetched[row.sha256] = raw

    def _jobs(self, batch: Batch) -> Iterator[Job]:
        """The mails to read; the biggest are fetched when their turn comes. For one whose bytes cannot be had nothing is read."""
        while batch.unread:
            row = batch.unread.popleft()
            trusted = row.envelope.trusted and not row.envelope.unauthenticated
            # a name for its bytes would keep them until the next one's are there too
            yield Job(self._raw(batch, row), self.site.trust, trusted, row.envelope)

    def _raw(self, batch: Batch, row: Intake) -> bytes:
        return batch.content(row) or (b"" if batch.is_aside(row) else self._big(batch, row))

    def _big(self, batch: Batch, row: Intake) -> bytes:
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

    def _later(self, batch: Batch, row: Intake, fault: FilesAway) -> None:
        batch.put_off[row.id] = FILES_AGAIN
        log.error("mail waits for the files", intake=row.id, message_id=row.message_id, reason=str(fault))

    def _put_off(self, batch: Batch) -> None:
        """Mails whose time is not now are free again, and this attempt does not count; so are those that the batch has not come to."""
        left = [row.id for row in batch.waiting if not batch.is_aside(row)]
        if batch.put_off or left:
            with self.store.work() as work:
                work.unclaim_intake(left, self.clock(), self.node)
                for id, gap in batch.put_off.items():
                    work.unclaim_intake([id], self.clock() + gap, self.node)

    def _process_some(self, batch: Batch) -> None:
        """Process mails in one transaction while the next is read already, no arrival waits to be kept, and no other node is at work on the
        same. When one of them breaks it, they are processed again, each in a savepoint."""
        outcome = batch.read()
        done: list[tuple[Intake, Outcome]] = []
        try:
            with logs.together(), self.store.work() as work:
                while True:
                    row = batch.waiting.popleft()
                    done.append((row, outcome))
                    if not batch.is_aside(row) and not self._process_one(work, batch, row, outcome):
                        batch.again([done.pop()])
                        break
                    work.crowded = True
                    self.progressed()
                    if not batch.waiting or self._is_enough(len(done)) or not self._is_at_hand(batch):
                        break
                    outcome = batch.read()
                self._send_unsent()
        except Undone as fault:
            log.warning("mails are worked on one after the other", reason=str(fault))
            batch.again(done)
            batch.alone = batch.careful = True
        finally:
            if self._unsent is not None:
                self._unsent.forget()

    def _is_enough(self, number: int) -> bool:
        """Whether a transaction that has so many mails is to end."""
        return number >= AT_ONCE or (self.store.contended and number >= LEAST)

    def _send_unsent(self) -> None:
        if self._unsent:
            self._unsent.send()

    def _is_at_hand(self, batch: Batch) -> bool:
        """Whether the next mail is read, and no content has to be fetched, which no transaction should wait for. For a moment that is waited
        for, because to end a transaction and to begin one takes as long."""
        if not all(map(batch.has, islice(batch.unread, AHEAD + 1))):
            return False
        for _ in range(LOOKS):
            if batch.ahead or self.reading.ready():
                return True
            if self.store.contended:
                return False
            time.sleep(LOOK)
        return False

    def _process_one(self, work: Work, batch: Batch, row: Intake, outcome: Outcome) -> bool:
        """False: in this transaction it cannot be, another node has locked something."""
        alone = batch.alone or row.size >= ALONE  # a big one's memory is better spared
        with structlog.contextvars.bound_contextvars(intake=row.id, message_id=row.message_id):
            try:
                parsed = as_parsed(outcome)
                with work.savepoint() if batch.careful else undoing():
                    later = self._process(work, row, parsed, alone=alone)
            except First:
                self._send_unsent()
                return self._process_one(work, batch, row, outcome)
            except FilesAway as fault:
                self._later(batch, row, fault)
            except (NotNow, Undone):
                raise
            except Contended:
                return False
            except Exception:  # noqa: BLE001  a mail that breaks us is put aside whole, the next one goes on
                batch.failed.append((row, traceback.format_exc()))
            else:
                if later is not None:
                    assert self._unsent is not None
                    self._unsent.add(row, *later)
        return True

    def _snapshot(self, work: Work, wanted: Wanted, now: datetime) -> Snapshot:
        found = super()._snapshot(work, wanted, now)
        if self._unsent and self._unsent.concern(wanted, found):
            raise First
        return found

    def _process(
        self, work: Work, row: Intake, parsed: Parsed, *, alone: bool
    ) -> tuple[Telling, Sequence[Tell]] | None:
        """Work on one mail; returns those that follow from it and may be composed beside, which is not asked for when it is `alone`."""
        now = self.clock()
        event = self._event(work, row.id, parsed, row.envelope)
        earlier = work.answers_earlier(row.id, matching.answered_ids(event), now)
        if earlier is not None:
            work.unclaim_intake([row.id], max(earlier, now) + SOON, self.node)
            log.info("waits for the mail it answers", intake=row.id, message_id=parsed.mail.message_id)
            return None
        wanted = matching.wanted(event, self.site.rulebook)
        if wanted.callers:
            work.take_contacts(self.site.rulebook.contacts)
        decision, known = self._decide(work, event, wanted, now)
        arrived = Arrived(event, parsed, row.sha256)
        applying = Applying(
            work, self.site, "/".join((f"intake:{row.id}", *event.lifted)), now, arrived, known
        )
        applying.change(decision)
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
        later = None if alone else applying.to_begin()
        if later is None:
            self._tell_behind(applying)
        return later

    def _tell_behind(self, applying: Applying) -> None:
        """Queue its mails at once, behind those that are unsent; as the last thing done for it, because what fails now undoes those too."""
        if not self._unsent or not (applying.tells or applying.responses):
            applying.tell()
            return
        with undoing():
            self._unsent.send()
            applying.tell()

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


def as_parsed(outcome: Outcome) -> Parsed:
    """The mail; raises what reading it raised."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
