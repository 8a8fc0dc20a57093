"""The way out: queued mails are claimed for the sender, and what became of each is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from maild import logs
from maild.applying import Applying
from maild.delivery.retry import LIFE, left_alone, next_attempt
from maild.desk.events import DeliveredLate, DeliveryFailed, Event
from maild.desk.snapshot import Wanted
from maild.errors import NotNow
from maild.judging import Judging
from maild.site import Site
from maild.telling import bounce_address
from store import FilesAway, Store, Work
from store.rows import OutboxRow, Pace

log = structlog.get_logger("maild.settling")

SEND_LEASE = timedelta(minutes=30)
FILES_AGAIN = timedelta(minutes=1)
"""When a big content that cannot be read now is looked for again."""
UNTRIED_AGAIN = timedelta(seconds=5)
"""When those are that were not looked for because another could not be read: apart from it, and each look may take seconds."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """A claimed outbox row and its envelope sender ("" for `<>`)."""

    row: OutboxRow
    sender: str
    raw: bytes
    """What is handed over: the bytes of the row, signed."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of an attempt: `kind` is sent, later, unknown or failed; `text` the reply or fault, `status` its enhanced code.

    `of`: what the reason of "later" concerns: the mail, all mail to its domain, or nothing but that no relay was there (relay), or not its
    bytes (files).
    """

    kind: str
    text: str
    status: str | None = None
    of: str = "mail"


class Settling(Judging):
    """The way out of a desk. `deliveries`: attempts by outcome since the start."""

    def __init__(self, site: Site, store: Store, clock: Callable[[], datetime], node: str = "main") -> None:
        super().__init__(site, store, clock, node)
        self.deliveries: Counter[str] = Counter()
        self._unsure_sends = False
        """Whether mails may be claimed of which nobody here knows: the transaction that claimed them ended nobody knows how."""

    def outgoing(
        self,
        limit: int,
        results: Sequence[tuple[OutboxRow, Delivered]] = (),
        pace: Callable[[str], Pace] = lambda _: Pace(),
        going: Collection[int] = (),
    ) -> list[Outbound]:
        """Record what became of claimed mails, and claim more that are due, with their envelope senders: one transaction.

        `pace`: how many of a recipient domain are claimed at most. `going`: the numbers of those that are on their way. Each claimed mail must
        come back in `results` or through `give_back`. A permanent failure passes through `decide`.
        """
        now = self.clock()
        unsure, self._unsure_sends = self._unsure_sends, True
        sent = [
            (row, delivered) for row, delivered in results if delivered.kind == "sent" and not row.retries
        ]
        others = [(row, delivered) for row, delivered in results if delivered.kind != "sent" or row.retries]
        with self.store.work() as work:
            work.mails_sent([(row.id, delivered.text) for row, delivered in sent], now)
            reached = {row.domain for row, delivered in results if row.troubled and delivered.kind == "sent"}
            if reached:
                work.destinations_reached(reached)
            for row, delivered in others:
                self._settle_safely(work, row, delivered, now)
            if unsure:
                work.release_outbox(self.node, going)
            rows = work.claim_outbox(self.node, now, SEND_LEASE, limit, pace) if limit > 0 else []
            key = work.keys()[0] if rows else None
        with logs.together():
            for row, _ in sent:
                _log_sent(row)
        self.deliveries.update(delivered.kind for _, delivered in results)
        loaded = self._with_bytes(rows, now)
        self._unsure_sends = False
        identity = self.site.rulebook.identity
        return [
            Outbound(row, bounce_address(identity, key, row.ticket, row.id, automatic=row.automatic), row.raw)
            for row in loaded
            if key is not None
        ]

    def _with_bytes(self, rows: Sequence[OutboxRow], now: datetime) -> list[OutboxRow]:
        """Those of the claimed mails whose bytes can be had. One whose bytes cannot be read now waits; one whose bytes are lost has failed."""
        loaded, others, untried = list[OutboxRow](), list[tuple[OutboxRow, Delivered]](), list[int]()
        away = False
        for row in rows:
            if row.sha256 is None:
                loaded.append(row)
                continue
            if away:
                untried.append(row.id)
                continue
            try:
                loaded.append(replace(row, raw=self.store.content.get(row.sha256)))
            except KeyError:
                others.append((row, Delivered("failed", f"its content {row.sha256} is lost")))
            except FilesAway as fault:
                others.append((row, Delivered("later", str(fault), of="files")))
                away = True
        if others:
            with self.store.work() as work:
                for row, delivered in others:
                    self._settle_safely(work, row, delivered, now)
                for id in untried:
                    work.mail_released(id, now + UNTRIED_AGAIN)
        return loaded

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
            elif work.has_mail(self.node, row):
                work.mail_failed(row.id, now, delivered.text)

    def _settle(self, work: Work, row: OutboxRow, delivered: Delivered, now: datetime) -> None:
        text = delivered.text
        if delivered.kind == "sent":
            work.mail_sent(row.id, now, text)
            _log_sent(row)
            self._became(work, row, DeliveredLate(row.id), "late", now)
            return
        if not work.has_mail(self.node, row):
            log.warning("settled before", outbox=row.id, ticket=row.ticket, outcome=text)
            return
        away = delivered.of in ("relay", "files")
        due = _next(row, delivered, now)
        if due is not None:
            work.mail_later(row.id, due, text, counted=not away)
            log.warning(
                "mail deferred",
                outbox=row.id,
                message_id=row.message_id,
                ticket=row.ticket,
                attempt=row.attempts,
                reason=text,
            )
            if delivered.of == "domain":
                _leave_alone(work, row.domain, now, text)
            return
        log.error(
            "mail failed for good", outbox=row.id, message_id=row.message_id, ticket=row.ticket, reason=text
        )
        self._became(work, row, DeliveryFailed(row.id, text, delivered.status), "failed", now)

    def _became(self, work: Work, row: OutboxRow, event: Event, what: str, now: datetime) -> None:
        """Decide what follows from the end of a delivery; each try that the admin asked for is told anew."""
        wanted = Wanted(outbox=(row.id,), addresses=(row.recipient.lower(),), away=True)
        decision, known = self._decide(work, event, wanted, now)
        Applying(work, self.site, f"{what}:{row.id}:{row.retries}", now, known=known).apply(decision)

    def held_destinations(self) -> dict[str | None, str]:
        """The domains (None: all) that get no mail now, with the reason."""
        with self.store.read() as work:
            held = work.destinations(self.clock())
        return {one.domain: "paused" if one.paused_at else one.reason for one in held}

    def give_back(self, rows: Sequence[OutboxRow]) -> None:
        """Claimed mails that were not tried (the daemon stops): due again at once."""
        with self.store.work() as work:
            for row in rows:
                if work.has_mail(self.node, row):
                    work.mail_released(row.id, self.clock())


def _log_sent(row: OutboxRow) -> None:
    log.info("mail sent", outbox=row.id, message_id=row.message_id, ticket=row.ticket, kind=row.kind)


def _next(row: OutboxRow, delivered: Delivered, now: datetime) -> datetime | None:
    """When the mail is tried again; None: never. While no relay is there it stays due, and no attempt counts: the sender knows when to look."""
    if delivered.kind == "failed":
        return None
    if delivered.of in ("relay", "files"):
        again = now if delivered.of == "relay" else now + FILES_AGAIN
        return again if now <= row.created_at + LIFE else None
    return next_attempt(row.attempts, row.created_at, now, row.id)


def _leave_alone(work: Work, domain: str, now: datetime, reason: str) -> None:
    gap = left_alone(work.destination_deferred(domain, now, reason))
    if gap is not None:
        work.leave_alone(domain, now + gap)
        until = (now + gap).astimezone(UTC).isoformat()
        log.warning("domain left alone", domain=domain, until=until, reason=reason)
