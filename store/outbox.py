"""The outbox: mail of ours from the moment its bytes are fixed, and digests that wait to become mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from maild.desk.words import Role, Scope
from store import tables
from store.bells import OUTBOX
from store.columns import bounded
from store.content import ContentWork
from store.destinations import EVERYWHERE, DestinationWork
from store.prepared import Prepared
from store.rows import NewMail, OutboxRow, Pace
from store.tables import AUTOMATIC_INSIDE, OUTBOX_OPEN, in_queue, where
from store.transaction import any_of, chunks, insert_rows

_UNSEEN: Final = 40
"""Notifications to one agent that other nodes may have queued in transactions which have not ended: twice as many as one has mails."""
RAW_IN_ROW: Final = 64 * 1024
"""Octets of a mail that are kept in its row; bigger ones are kept as content."""

_UPDATE = sa.update(tables.outbox)
_COLUMNS = (
    tables.outbox.c.id,
    tables.outbox.c.recipient,
    tables.outbox.c.person,
    tables.outbox.c.ticket,
    tables.outbox.c.message,
    tables.outbox.c.message_id,
    tables.outbox.c.role,
    tables.outbox.c.scope,
    tables.outbox.c.kind,
    tables.outbox.c.automatic,
    tables.outbox.c.answer,
    tables.outbox.c.state,
    tables.outbox.c.attempts,
    tables.outbox.c.due_at,
    tables.outbox.c.created_at,
    tables.outbox.c.sent_at,
    tables.outbox.c.reason,
    tables.outbox.c.retries,
)
_FREE: dict[str, Any] = {"node": None, "lease_until": None}
_SENT = Prepared(_UPDATE.where(tables.outbox.c.id == sa.bindparam("number"), where(OUTBOX_OPEN)))
# Neither depends on the row, so that both are looked up once, however long the queue is.
_HELD = sa.select(tables.destination.c.domain).where(
    sa.or_(tables.destination.c.paused_at.is_not(None), tables.destination.c.wait_until > sa.bindparam("now"))
)
_ALL_HELD = sa.exists(_HELD.where(tables.destination.c.domain == EVERYWHERE))
_TROUBLED = sa.exists().where(
    tables.destination.c.domain == tables.outbox.c.recipient_domain, tables.destination.c.failures > 0
)
_CANDIDATES = (
    sa.select(tables.outbox.c.id, tables.outbox.c.recipient_domain, _TROUBLED.label("troubled"))
    .where(
        where(OUTBOX_OPEN),
        sa.or_(
            sa.and_(tables.outbox.c.state == "queued", tables.outbox.c.due_at <= sa.bindparam("now")),
            sa.and_(tables.outbox.c.state == "sending", tables.outbox.c.lease_until < sa.bindparam("now")),
        ),
        ~_ALL_HELD,
        tables.outbox.c.recipient_domain.not_in(_HELD),
    )
    .order_by(tables.outbox.c.due_at, tables.outbox.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True, of=tables.outbox)
)
_FIRST_CANDIDATES = Prepared(_CANDIDATES)
_OTHER_CANDIDATES = Prepared(
    _CANDIDATES.where(
        tables.outbox.c.recipient_domain.not_in(any_of("full")), tables.outbox.c.id.not_in(any_of("chosen"))
    )
)
_CLAIM = Prepared(
    _UPDATE.where(tables.outbox.c.id.in_(any_of("numbers")))
    .values(attempts=tables.outbox.c.attempts + 1)
    .returning(*_COLUMNS, tables.outbox.c.raw, tables.outbox.c.sha256)
)
_NOTES = Prepared(
    sa.select(tables.message.c.id).where(tables.message.c.id.in_(any_of("ids")), ~tables.message.c.public)
)
_TO_AGENTS = Prepared(
    sa.select(tables.outbox.c.recipient_key, sa.func.count())
    .where(
        where(AUTOMATIC_INSIDE),
        tables.outbox.c.recipient_key.in_(any_of("keys")),
        tables.outbox.c.created_at >= sa.bindparam("since"),
    )
    .group_by(tables.outbox.c.recipient_key)
)


class NoteLeak(RuntimeError):
    """A mail to the requester's side was about to carry what only agents may see. Nothing was queued."""


def scope_of(value: str | None) -> Scope | None:
    return None if value is None else Scope(value)


def _row(row: Any, raw: bytes = b"", troubled: bool = False, sha256: str | None = None) -> OutboxRow:
    return OutboxRow(
        id=row.id,
        recipient=row.recipient,
        person=row.person,
        ticket=row.ticket,
        message=row.message,
        message_id=row.message_id,
        role=Role(row.role),
        scope=scope_of(row.scope),
        kind=row.kind,
        automatic=row.automatic,
        answer=row.answer,
        state=row.state,
        attempts=row.attempts,
        due_at=row.due_at,
        created_at=row.created_at,
        sent_at=row.sent_at,
        reason=row.reason,
        raw=raw,
        retries=row.retries,
        troubled=troubled,
        sha256=sha256,
    )


class OutboxWork(ContentWork, DestinationWork):
    """The outbox as part of a transaction."""

    def queue(self, mails: Sequence[NewMail]) -> dict[str, int]:
        """Message-ID to number of those that were put into the outbox; what this event told this recipient before is left out.

        NoteLeak when a note would leave; then nothing is queued.
        """
        if not mails:
            return {}
        self._refuse_leaks(mails)
        self.ring(OUTBOX)
        outbox = tables.outbox
        rows = insert_rows(
            self._connection,
            outbox,
            [self._new(mail) for mail in mails],
            key=(outbox.c.event_key, outbox.c.recipient_key),
            returning=(outbox.c.message_id, outbox.c.id),
        )
        return {row[0]: row[1] for row in rows}

    def _new(self, mail: NewMail) -> dict[str, object]:
        small = len(mail.raw) <= RAW_IN_ROW
        return {
            "event_key": mail.event_key,
            "recipient": mail.recipient,
            "recipient_key": mail.recipient.lower(),
            "recipient_domain": mail.recipient.rpartition("@")[2].lower(),
            "person": mail.person,
            "ticket": mail.ticket,
            "message": mail.message,
            "message_id": mail.message_id,
            "key_id": mail.key_id,
            "role": mail.role,
            "scope": mail.scope,
            "kind": mail.kind,
            "outside": mail.role.outside,
            "public": mail.public,
            "automatic": mail.automatic,
            "answer": mail.answer,
            "raw": mail.raw if small else None,
            "sha256": None if small else self.put_content(mail.raw),
            "state": "queued",
            "attempts": 0,
            "due_at": mail.due_at,
            "created_at": mail.created_at,
            "reason": "",
        }

    def _refuse_leaks(self, mails: Sequence[NewMail]) -> None:
        """DESIGN, never untrue, 7: a note never reaches a requester."""
        outside = [mail for mail in mails if mail.role.outside]
        carried = {mail.message for mail in outside if mail.message is not None} - self._public
        notes: set[int] = set()
        for part in chunks(carried):
            notes.update(row[0] for row in _NOTES.rows(self._connection, {"ids": part}))
        for mail in outside:
            if not mail.public:
                raise NoteLeak(f"{mail.event_key}: what is not public was to go to a {mail.role}")
            if mail.message in notes:
                raise NoteLeak(
                    f"{mail.event_key}: message {mail.message} is a note and was to go to a {mail.role}"
                )

    def claim_outbox(
        self,
        node: str,
        now: datetime,
        lease: timedelta,
        limit: int,
        pace: Callable[[str], Pace] = lambda _: Pace(),
    ) -> list[OutboxRow]:
        """Up to `limit` mails to send until `now + lease`, with their bytes unless those are big, earliest due first; each goes to one claimer.

        None goes to a domain that is paused or left alone, and to no domain more than its `pace` allows.
        """
        found = self._candidates(now, limit, pace)
        if not found:
            return []
        ids = list(found)
        claim = {"numbers": ids, "state": "sending", "node": node, "lease_until": now + lease}
        rows = {row.id: row for row in _CLAIM.rows(self._connection, claim)}
        return [_row(row, row.raw or b"", found[row.id], row.sha256) for row in (rows[id] for id in ids)]

    def _candidates(self, now: datetime, limit: int, pace: Callable[[str], Pace]) -> dict[int, bool]:
        """The numbers of mails that may go now, with whether their domain is troubled."""
        chosen: dict[int, bool] = {}
        taken: Counter[str] = Counter()
        full: dict[str, None] = {}
        while (most := limit - len(chosen)) > 0:
            values: dict[str, Any] = {"now": now, "most": most}
            if full:
                values |= {"full": list(full), "chosen": list(chosen)}
            rows = (_OTHER_CANDIDATES if full else _FIRST_CANDIDATES).rows(self._connection, values)
            left = {
                domain: self._room(domain, now, count, taken[domain], pace(domain))
                for domain, count in Counter(row.recipient_domain for row in rows).items()
            }
            before = len(full)
            for row in rows:
                if left[row.recipient_domain] > 0:
                    left[row.recipient_domain] -= 1
                    taken[row.recipient_domain] += 1
                    chosen[row.id] = row.troubled
                else:
                    full[row.recipient_domain] = None
            if len(rows) < most or len(full) == before:
                break
        return chosen

    def _room(self, domain: str, now: datetime, wanted: int, taken: int, pace: Pace) -> int:
        """How many of the wanted mails may go to a domain that has got `taken` of this claim."""
        wanted = wanted if pace.most is None else min(wanted, pace.most - taken)
        return wanted if pace.gap is None or wanted <= 0 else self.take_turns(domain, now, pace.gap, wanted)

    def release_outbox(self, node: str, but: Collection[int] = ()) -> int:
        """Give back what this node left half sent when it died, `but` what it knows to be sending: how many. They may go out twice, with the
        same bytes."""
        mine = _UPDATE.where(
            where(OUTBOX_OPEN), tables.outbox.c.state == "sending", tables.outbox.c.node == node
        )
        if but:
            mine = mine.where(tables.outbox.c.id.not_in(but))
        return self._connection.execute(mine.values(state="queued", **_FREE)).rowcount

    def has_mail(self, node: str, row: OutboxRow) -> bool:
        """Whether this node has the mail in work as it claimed it, and nobody has taken it over since; until the transaction ends nobody can."""
        outbox = tables.outbox.c
        query = sa.select(outbox.id).where(
            outbox.id == row.id,
            outbox.state == "sending",
            outbox.node == node,
            outbox.attempts == row.attempts,
        )
        return self._connection.scalar(query.with_for_update()) is not None

    def mails_sent(self, mails: Sequence[tuple[int, str]], now: datetime) -> None:
        """The next host took these (number, what it said)."""
        rows = [
            {"number": id, "state": "sent", "sent_at": now, "finished_at": now, "reason": text, **_FREE}
            for id, text in mails
        ]
        if rows:
            _SENT.run_all(self._connection, rows)

    def mail_sent(self, id: int, now: datetime, response: str) -> None:
        """The next host took it, saying `response`."""
        self.mails_sent([(id, response)], now)

    def mail_later(self, id: int, due_at: datetime, reason: str, *, counted: bool = True) -> None:
        """It was tried and is to be tried again; `counted`: this attempt, if not the first, makes the next one wait longer."""
        attempts: sa.ColumnElement[int] = tables.outbox.c.attempts
        if not counted:
            attempts = sa.case((attempts > 1, attempts - 1), else_=1)
        self._settle(
            id, ("sending",), state="queued", due_at=due_at, reason=reason, attempts=attempts, **_FREE
        )

    def mail_failed(self, id: int, now: datetime, reason: str, by: str = "relay") -> None:
        """It was refused for good, or a report of its failure came back after it was sent (`by` as in `SentMail.failed_by`)."""
        failed = {"state": "failed", "finished_at": now, "reason": reason, "failed_by": by}
        before = ("queued", "sending", "sent", *(("failed",) if by == "bounce" else ()))
        self._settle(id, before, **failed, **_FREE)

    def mail_released(self, id: int, due_at: datetime) -> None:
        """It was claimed but not tried; this attempt does not count."""
        attempts = tables.outbox.c.attempts - 1
        self._settle(id, ("sending",), state="queued", due_at=due_at, attempts=attempts, **_FREE)

    def retry_mail(self, id: int, now: datetime) -> bool:
        """Send what waits or has failed at once, attempts counted anew; False for any other."""
        failed = sa.case((tables.outbox.c.state == "failed", 1), else_=0)
        retries = tables.outbox.c.retries + failed
        values = {"state": "queued", "due_at": now, "attempts": 0, "finished_at": None}
        self.ring(OUTBOX)
        return self._settle(id, ("queued", "failed"), **values, retries=retries, failed_by=None)

    def drop_mail(self, id: int, now: datetime) -> bool:
        """Give up what waits or has failed; the row stays. False for any other."""
        return self._settle(id, ("queued", "failed"), state="dropped", finished_at=now)

    def _settle(self, id: int, before: Sequence[str], **values: object) -> bool:
        outbox = tables.outbox
        change = _UPDATE.where(outbox.c.id == id, outbox.c.state.in_(before)).values(**values)
        return bool(self._connection.execute(change).rowcount)

    def outbox(self, states: Sequence[str] = ("queued", "sending", "failed")) -> list[OutboxRow]:
        """Mails in these states without their bytes, in order of number."""
        query = (
            sa.select(*_COLUMNS).where(in_queue(tables.outbox.c.state, states)).order_by(tables.outbox.c.id)
        )
        return [_row(row) for row in self._connection.execute(query)]

    def outbox_row(self, id: int) -> OutboxRow | None:
        """One mail without its bytes."""
        row = self._connection.execute(sa.select(*_COLUMNS).where(tables.outbox.c.id == id)).one_or_none()
        return None if row is None else _row(row)

    def agent_mails_since(
        self, addresses: Sequence[str], since: datetime, most: int | None = None
    ) -> dict[str, int]:
        """How many automatic mails were queued to each of these agents (in lower case) since then; who got none is not in it. Close to `most`
        it is also waited for what other nodes are queuing to them, and then theirs waits for us."""
        found = self._to_agents(addresses, since)
        if most is None or not self._postgres or max(found.values(), default=0) + _UNSEEN < most:
            return found
        names = (bounded(f"notify {key}") for key in sorted({address.lower() for address in addresses}))
        locks = (sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0)) for name in names)
        self._connection.execute(sa.select(*locks))
        return self._to_agents(addresses, since)

    def _to_agents(self, addresses: Sequence[str], since: datetime) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in chunks(address.lower() for address in addresses):
            rows = _TO_AGENTS.rows(self._connection, {"keys": part, "since": since})
            found.update((row[0], row[1]) for row in rows)
        return found
