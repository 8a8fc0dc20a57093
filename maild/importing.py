"""Mail of an archive on its way into the store: read ahead, filed in batches, each mail once however often it is brought."""

from __future__ import annotations

import hashlib
import io
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from maild.applying import Applying
from maild.desk import matching
from maild.desk.authors import as_written
from maild.desk.effects import AddMessage, Given
from maild.desk.events import MessageArrived
from maild.desk.facts import Archive, Envelope, Mail, Parsed, Trust
from maild.desk.timeline import IMPORT
from maild.entries import Arrived
from maild.errors import NotNow
from maild.judging import decided
from maild.parsing import Job, Reading
from maild.site import Site
from maild.telling import fresh
from store import Store, Work
from store.rows import Arrival

log = structlog.get_logger("maild.importing")

MAILS: Final = 100
OCTETS: Final = 8 << 20
"""What is read ahead: so many mails, or octets of them."""
HELD: Final = 0.2
"""Seconds for which a transaction keeps others from writing."""
PAUSE: Final = 0.05
"""Seconds that a running daemon gets in between."""
LEASE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Brought:
    """A mail to bring in: what to call it, its octets, when it was written."""

    name: str
    raw: bytes
    at: datetime

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a mail: `what` is ticket (it opened `ticket`), message (one of `ticket`), unmatched (kept without one), known (it was
    there already), or broken (it is in quarantine as `intake`; `why` says so). `out`: it is what the desk wrote."""

    name: str
    what: str
    ticket: int | None = None
    out: bool = False
    intake: int | None = None
    why: str = ""


class Importing:
    """Brings mail in, in the order in which it is given. `reading` reads it in another thread than the one that files it.

    `considerate`: a daemon works on this store, and gets its turn.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        clock: Callable[[], datetime],
        reading: Reading,
        archive: Archive,
        node: str,
        *,
        considerate: bool = False,
    ) -> None:
        self.site, self.store, self.clock, self.reading = site, store, clock, reading
        self.archive, self.node, self.considerate = archive, node, considerate
        self._seen: set[bytes] = set()

    def bring(self, mails: Iterable[Brought]) -> Iterator[Filed]:
        """What became of each, in order, as soon as it is durable. Raises NotNow when the store cannot be used; what was told before stays."""
        with ThreadPoolExecutor(1, thread_name_prefix="maild-import") as pool:
            batches = _batches(mails)
            coming = pool.submit(self._read, batches)
            while (found := coming.result()) is not None:
                coming = pool.submit(self._read, batches)
                yield from self._file(found)

    def _read(
        self, batches: Iterator[list[Brought]]
    ) -> list[tuple[Brought, Parsed | Exception | None]] | None:
        """The next batch, read; None instead of a mail that is known. None: there is no more."""
        batch = next(batches, None)
        if batch is None:
            return None
        with self.store.read() as work:
            known = work.imported(one.sha256 for one in batch)
        new = []
        for one in batch:
            digest = bytes.fromhex(one.sha256)
            if one.sha256 not in known and digest not in self._seen:
                new.append(one)
            self._seen.add(digest)
        trust = Trust(lists=self.site.trust.lists)  # what hosts said of it then proves nothing now
        outcomes = self.reading.read([Job(one.raw, trust, False) for one in new])
        parsed = {id(one): outcome for one, outcome in zip(new, outcomes, strict=True)}
        return [(one, parsed.get(id(one))) for one in batch]

    def _file(self, batch: Sequence[tuple[Brought, Parsed | Exception | None]]) -> Iterator[Filed]:
        done: list[Filed] = []
        for brought_, outcome in batch:
            if outcome is None:
                done.append(Filed(brought_.name, "known"))
        yield from done
        waiting = [(one, outcome) for one, outcome in batch if outcome is not None]
        for one, _ in waiting:
            self._put_far(one)
        while waiting:
            filed = self._some(waiting)
            waiting = waiting[len(filed) :]
            yield from filed
            if self.considerate:
                time.sleep(PAUSE)

    def _put_far(self, one: Brought) -> None:
        """Put a big mail with the files before its transaction, which must not wait for them where they are far away."""
        content = self.store.content
        if content.files.far and len(one.raw) > content.SMALL:
            content.put_file(io.BytesIO(one.raw), len(one.raw), one.sha256)

    def _some(self, waiting: Sequence[tuple[Brought, Parsed | Exception]]) -> list[Filed]:
        """File as many as a transaction may hold, one at least."""
        filed: list[Filed] = []
        with self.store.work() as work:
            until = time.monotonic() + HELD
            for one, outcome in waiting:
                filed.append(self._one(work, one, outcome))
                if time.monotonic() > until or self.store.contended:
                    break
        return filed

    def _one(self, work: Work, one: Brought, outcome: Parsed | Exception) -> Filed:
        now = self.clock()
        mail = outcome.mail if isinstance(outcome, Parsed) else None
        envelope = self._envelope(mail, one.at)
        arrival = Arrival(
            work.put_content(one.raw), len(one.raw), envelope, mail.message_id if mail else None
        )
        intake = work.take_up(arrival, self.node, now, LEASE)
        try:
            if not isinstance(outcome, Parsed):
                raise outcome
            with work.savepoint():
                return self._process(work, one, intake, outcome, envelope, now)
        except NotNow:
            raise
        except Exception as fault:  # noqa: BLE001  a mail that breaks us is put aside whole, the next one goes on
            log.error("mail failed", name=one.name, intake=intake, error=repr(fault))
            work.fail_intake(intake, traceback.format_exc(), now, 1, now)
            return Filed(one.name, "broken", intake=intake, why=f"it could not be processed and is in quarantine as {intake}")  # fmt: skip

    def _process(
        self, work: Work, one: Brought, intake: int, parsed: Parsed, envelope: Envelope, now: datetime
    ) -> Filed:
        rulebook = self.site.rulebook
        event = as_written(MessageArrived(intake, parsed.mail, envelope, archive=self.archive), rulebook)
        wanted = matching.wanted(event, rulebook)
        # Nobody is written to, so nobody needs to be counted, nor his turn.
        lean = replace(wanted, counted=(), staff=frozenset(), newcomer="", callers=(), helped="")
        snapshot = work.snapshot(lean, now)
        decision = decided(work, event, snapshot, rulebook, Given(now, fresh()))
        applying = Applying(
            work, self.site, f"intake:{intake}", now, Arrived(event, parsed, one.sha256), snapshot.tickets
        )
        applying.apply(decision)
        ticket = applying.ticket
        work.finish_intake(intake, f"ticket {ticket}" if ticket else "kept without a ticket", applying.message, now)  # fmt: skip
        if snapshot.same is not None:
            return Filed(one.name, "known", ticket)
        out = any(isinstance(effect, AddMessage) and effect.direction == "out" for effect in decision.effects)
        what = "unmatched" if ticket is None else "message" if ticket in snapshot.tickets else "ticket"
        return Filed(one.name, what, ticket, out)

    def _envelope(self, mail: Mail | None, at: datetime) -> Envelope:
        """As far as the mail tells how it came: the sender by Return-Path (RFC 5321 §4.4) or From, recipients by traces, To and Cc."""
        identity = self.site.rulebook.identity
        if mail is None:
            return Envelope("", (identity.address,), IMPORT, IMPORT, at)
        path = next((value for name, value in mail.header if name.lower() == "return-path"), None)
        sender = path.strip().strip("<>") if path is not None else mail.from_[0].address if mail.from_ else ""
        named = (*mail.delivered_to, *(one.address for one in (*mail.to, *mail.cc)))
        own = tuple(dict.fromkeys(address for address in named if identity.is_own(address)))
        return Envelope(sender[:320], own or (identity.address,), IMPORT, IMPORT, at)


def _batches(mails: Iterable[Brought]) -> Iterator[list[Brought]]:
    batch: list[Brought] = []
    octets = 0
    for one in mails:
        batch.append(one)
        octets += len(one.raw)
        if len(batch) >= MAILS or octets >= OCTETS:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch
