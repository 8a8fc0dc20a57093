"""One mailbox: what is new in it is kept, then moved, flagged or deleted.

A mail is taken when its UID is above all that were, never by flags or dates. Its bytes and that fact are committed together, so that it is
kept exactly once whatever happens next; only then the server is told to move it. What could not be fetched is tried three times, then left
aside, and tried again when all that is in the mailbox is compared, once a day, with all that was taken.

When UIDVALIDITY has changed, all is read again: what the desk has already is known by its identity. With start = "now", mails in it that
came there before the first connection of all (by INTERNALDATE, the one date that is ever looked at) are passed over as they were then.
Which mailbox it is, is told by server, user, folder and UIDVALIDITY, not by its name in the settings (`recognition`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog

from maild import host
from maild.errors import MaildError, NotNow
from maild.flow import Flow
from maild.intake.imap.answers import Listed, Selected
from maild.intake.imap.arrival import Place, kept, too_big
from maild.intake.imap.connection import Connection, opened
from maild.intake.imap.credentials import Credentials
from maild.intake.imap.recognition import How, Known, account_of, begun, in_doubt, left_at, parked, recognised
from maild.intake.imap.uids import Uids, parts
from maild.intake.imap.wire import Declined, LoginRefused, Lost, MailboxFault
from maild.settings import Imap
from store import Work
from store.rows import MailboxRow, Unfetched

T = TypeVar("T")
log = structlog.get_logger("maild.imap")

ATTEMPTS: Final = 3
"""How often a mail is tried to be fetched before it is left aside until the next reconciliation."""

RECONCILE: Final = timedelta(days=1)
DISPOSE_AGAIN: Final = timedelta(hours=1)
"""Waits before all of a mailbox is compared again, and before mails that cannot be moved are tried again."""

_LISTED: Final = 200
_TOGETHER: Final = 50
_OCTETS: Final = 2_000_000
"""Bounds of a list, of the mails that are fetched and committed together, and of their octets (a bigger one comes alone)."""

_SAID: Final = {
    How.SAME: "mailbox has another name or port",
    How.LIKELY: "mailbox has another user, folder or server",
    How.AGAIN: "mailbox is read again",
    How.SUCCESSOR: "another mailbox has this name",
    How.NEW: "mailbox is new",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail that was fetched, `whole` or what stands for it. `at`: its INTERNALDATE."""

    uid: int
    raw: bytes
    at: datetime | None
    whole: bool


class LeaseGone(MaildError):
    """Another node reads this mailbox now."""


@dataclass(slots=True, repr=False, eq=False)
class Reader:
    """Reads one mailbox as long as this node has the lease on it.

    `others`: all other `[[imap]]`. `still_ours` says so, inside of each commit; `may_take_over` (work, name), that no other node reads one by
    that name. `woken` is set when mail was kept, `beat` called whenever something was done, `well` after each look at what is there.
    `waiting`: mails seen that are not kept yet; `problem`: what goes wrong with it besides, "" for nothing.
    """

    imap: Imap
    others: Sequence[Imap]
    flow: Flow
    stopping: asyncio.Event
    woken: asyncio.Event
    still_ours: Callable[[Work], bool]
    may_take_over: Callable[[Work, str], bool]
    beat: Callable[[], None]
    well: Callable[[], None]
    credentials: Credentials = field(init=False)
    waiting: int = 0
    problem: str = ""
    idling: bool = False
    _row: MailboxRow = field(init=False)
    _taken: Uids = field(init=False, default_factory=Uids)
    _pending: Uids = field(init=False, default_factory=Uids)
    _trouble: dict[int, Unfetched] = field(init=False, default_factory=dict)
    _alone_to: int = field(init=False, default=0)
    _dispose_at: datetime | None = field(init=False, default=None)
    _dispose_lost: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        lock, spool = self.flow.store.lock_file, self.flow.site.settings.store.spool_folder
        folder = lock.parent if lock is not None else spool or host.state_folder()
        self.credentials = Credentials(self.imap, self.flow.store, self.flow.clock, folder)

    async def session(self) -> None:
        """Connect, take what is there and what comes, until we stop. Raises MailboxFault, ConfigError, NotNow or LeaseGone."""
        connection = await self._connect()
        can_idle = "IDLE" in connection.capabilities
        try:
            await self._compare(connection, await connection.select())
            while not self.stopping.is_set():
                await self._look(connection)
                self.well()
                self.beat()
                self.idling = True
                can_idle = await self._wait(connection, can_idle)
                self.idling = False
        finally:
            self.idling = False
            await connection.close()

    async def _connect(self) -> Connection:
        """Logged in. Raises MailboxFault, ConfigError, NotNow."""
        for _ in range(2):
            try:
                connection = await opened(self.imap, await self.credentials.proof())
            except LoginRefused:
                if not self.credentials.refused():
                    raise
            else:
                self.credentials.worked()
                return connection
        raise LoginRefused(f"{self.imap.user} is refused, with a new access token too")

    async def _wait(self, connection: Connection, can_idle: bool) -> bool:
        """Until there may be new mail; whether the server can still tell of it by itself."""
        seconds = self.imap.poll.total_seconds()
        if can_idle:
            try:
                await connection.idle(seconds, self.stopping)
            except Declined as fault:
                log.info("polling", mailbox=self.imap.name, reason=str(fault))
            else:
                return True
        await connection.rest(seconds, self.stopping)
        return False

    # -- what it is

    async def _compare(self, connection: Connection, selected: Selected) -> None:
        """Whether it is a mailbox that we know, as we know it; else it is begun, or read again. Raises MailboxFault, LeaseGone."""
        name, place = self.imap.name, (self.imap.name, account_of(self.imap), self.imap.place)
        known = recognised(self.imap, self.others, selected, await self._read(lambda work: work.mailboxes()))
        row, source = known.row, known.row.name if known.row else name
        trouble = await self._read(lambda work: work.unfetched(source))
        if row is None or (row.name, row.account, row.server) != place or known.how is not How.SAME:
            row, trouble = await self._begin(connection, selected, known, trouble)
            self._dispose_at, self._dispose_lost = None, 0
        self._row, self._trouble = row, trouble
        self._taken, self._pending = Uids.parse(row.taken), Uids.parse(row.pending)

    async def _begin(
        self, connection: Connection, selected: Selected, known: Known, trouble: dict[int, Unfetched]
    ) -> tuple[MailboxRow, dict[int, Unfetched]]:
        """It is read from here on, under the name that it has in the settings."""
        imap, now, before = self.imap, self.flow.clock(), known.row
        if before is not None and known.how is How.SAME:
            row = replace(before, name=imap.name, account=account_of(imap), server=imap.place)
        elif before is not None and known.how is How.LIKELY:
            row = await self._likely(connection, before, len(trouble), now)
        else:
            top = selected.uidnext - 1 if selected.uidnext else max(await connection.uids("1:*"), default=0)
            row, trouble = begun(known, imap, selected, top, now, len(trouble)), {}
        await self._write(lambda work: self._enter(work, row, known, trouble))
        log.log(
            logging.WARNING if known.how in (How.AGAIN, How.SUCCESSOR) else logging.INFO, _SAID[known.how], mailbox=imap.name,
            account=row.account, uidvalidity=row.uidvalidity, read_to=Uids.parse(row.taken).highest, since=row.since.isoformat(),
            **({"before": before.name, "before_account": before.account} if before else {}),
        )  # fmt: skip
        return row, trouble

    async def _likely(
        self, connection: Connection, before: MailboxRow, unfetched: int, now: datetime
    ) -> MailboxRow:
        """It is read on; what may be in doubt is taken again, as are mails that were to be moved: nothing is removed that may be another's."""
        taken, imap = Uids.parse(before.taken), self.imap
        again = {*Uids.parse(before.pending)}
        if taken.highest:
            again.update(await connection.uids(in_doubt(taken, left_at(before, unfetched))))
        return replace(
            before, account=account_of(imap), server=imap.place, taken=str(taken - again), pending="", reconciled_at=now - RECONCILE
        )  # fmt: skip

    def _enter(self, work: Work, row: MailboxRow, known: Known, trouble: Mapping[int, Unfetched]) -> None:
        """Write it down. What was known by this name of another mailbox is kept, should that be read again."""
        before, own = known.row, work.mailbox(row.name)
        if before is not None and before.name != row.name:
            if not self.may_take_over(work, before.name):
                raise MailboxFault(f"another node reads it, as '{before.name}'")
            if work.mailbox(before.name) != before:
                raise LeaseGone(before.name)
        if own is not None and own.account and (known.how is How.SUCCESSOR or own != before):
            work.rename_mailbox(own.name, parked(own))
            work.mailbox_told(parked(own), None)
        if before is not None and before.name != row.name and not work.rename_mailbox(before.name, row.name):
            raise LeaseGone(before.name)
        work.begin_mailbox(replace(row, told_at=own.told_at) if own is not None else row)
        for one in trouble.values():
            work.put_unfetched(row.name, one)

    # -- what is in it

    async def _look(self, connection: Connection) -> None:
        """Take what is new; once a day, all that is there and was never taken."""
        now, name = self.flow.clock(), self.imap.name
        whole = now - self._row.reconciled_at >= RECONCILE
        await connection.noop()
        connection.protocol.news.clear()  # what NOOP told of is found below (RFC 3501 §7.3.1)
        if self._pending and (self._dispose_at is None or now >= self._dispose_at):
            await self._dispose(connection, list(self._pending))
        found, gone = await self._new(connection, whole=whole)
        if gone:
            await self._write(lambda work: work.drop_unfetched(name, gone))
            self._trouble = {uid: one for uid, one in self._trouble.items() if uid not in gone}
        self.waiting = len(found)
        for part in parts(found, _LISTED):
            await self._take(connection, part)
            if self.stopping.is_set():
                return
        self.waiting = len(self._trouble)
        await self._write(lambda work: self._looked(work, whole=whole, now=now))

    def _looked(self, work: Work, *, whole: bool, now: datetime) -> None:
        name = self.imap.name
        work.mailbox_read(name, str(self._taken), str(self._pending), self.waiting, self.flow.clock())
        if whole:
            work.mailbox_reconciled(name, now)
            self._row = work.mailbox(name) or self._row
        if self.problem:
            work.mailbox_failed(name, self.problem, now)
        else:
            work.mailbox_well(name)

    async def _new(self, connection: Connection, *, whole: bool) -> tuple[list[int], set[int]]:
        """UIDs to be taken, ascending, and those with which there was trouble and that are not there any more."""
        if whole:
            present = await connection.uids("1:*")
            return [uid for uid in present if uid not in self._taken], set(self._trouble) - set(present)
        again = {uid for uid, one in self._trouble.items() if one.attempts < ATTEMPTS}
        above = max((self._taken.highest, *(set(self._trouble) - again)))
        # RFC 3501 §6.4.8: n:* holds the highest UID also where that is below n
        present = await connection.uids(",".join((*map(str, sorted(again)), f"{above + 1}:*")))
        return [uid for uid in present if uid in again or uid > above], again - set(present)

    async def _take(self, connection: Connection, uids: Sequence[int]) -> None:
        self.beat()
        listed = await connection.listed(uids)
        for uid in uids:
            if uid not in listed:
                await self._failed(uid, "the server names it but says nothing of it")
        old = [uid for uid, one in listed.items() if self._is_old(uid, one)]
        if old:
            await self._advance((), old)
        todo = {uid: listed[uid] for uid in uids if uid in listed and uid not in self._taken}
        for batch in self._batches(todo):
            self.beat()
            await self._take_some(connection, batch)
            if self.stopping.is_set():
                return

    def _is_old(self, uid: int, one: Listed) -> bool:
        """Whether it was there before the first connection of all, in a mailbox that is read again."""
        reread = self.imap.start == "now" and uid < self._row.reread_below
        since = self._row.since.replace(microsecond=0)  # INTERNALDATE has whole seconds
        return reread and one.at is not None and one.at < since

    def _batches(self, todo: Mapping[int, Listed]) -> Iterator[dict[int, Listed]]:
        """What is fetched together: not much, and alone what made trouble."""
        batch: dict[int, Listed] = {}
        octets = 0
        for uid, one in todo.items():
            alone = uid in self._trouble or uid <= self._alone_to or one.size > _OCTETS
            if batch and (alone or len(batch) >= _TOGETHER or octets + one.size > _OCTETS):
                yield batch
                batch, octets = {}, 0
            batch[uid] = one
            octets += one.size
            if alone:
                yield batch
                batch, octets = {}, 0
        if batch:
            yield batch

    async def _take_some(self, connection: Connection, batch: Mapping[int, Listed]) -> None:
        """Fetch and keep them. When that fails, one after the other, so that it is known with which one; that one is left for later."""
        last = max(batch)
        try:
            mails = await self._fetched(connection, batch)
            for uid in batch.keys() - mails.keys():
                await self._failed(uid, "the server does not give it")
            await self._advance([mails[uid] for uid in sorted(mails)], ())
        except (NotNow, LeaseGone):
            raise
        except Exception as fault:  # whatever is wrong with one mail must not stop the others
            if len(batch) == 1:
                log.warning(
                    "mail not fetched",
                    mailbox=self.imap.name,
                    uid=last,
                    exc_info=not isinstance(fault, MaildError),
                )
                await self._failed(
                    last, str(fault) if isinstance(fault, MaildError) else type(fault).__name__
                )
            self._alone_to = max(self._alone_to, last)
            if isinstance(fault, Lost):
                raise
            if len(batch) > 1:
                for uid, one in batch.items():
                    await self._take_some(connection, {uid: one})
            return
        ours = sorted(self._pending & mails.keys())
        if ours and self._dispose_at is None:
            await self._dispose(connection, ours)

    async def _fetched(self, connection: Connection, batch: Mapping[int, Listed]) -> dict[int, Fetched]:
        """The mails by UID; of one that is too big what stands for it. Left out is what the server does not give."""
        limit = self.flow.site.settings.limits.message_size
        raws = await connection.mails({uid: one.size for uid, one in batch.items() if one.size <= limit})
        mails = {}
        for uid, one in batch.items():
            raw = await connection.head(uid) if one.size > limit else raws.get(uid)
            size = max(one.size, len(raw or b""))
            if raw is not None:
                whole = size <= limit  # what SIZE says is not always so
                mails[uid] = Fetched(
                    uid, raw if whole else too_big(raw, size, limit, self.imap), one.at, whole
                )
        return mails

    # -- what becomes of it

    async def _advance(self, mails: Sequence[Fetched], passed: Sequence[int]) -> None:
        """Keep mails, and that they are taken, in one commit; `passed` are taken without being kept."""
        if not mails and not passed:
            return
        uids = [one.uid for one in mails]
        stays = self.imap.then == "delete"  # a mail of which only the header was read is never deleted
        disposable = [one.uid for one in mails if one.whole or not stays]
        taken, pending = self._taken | (*uids, *passed), self._pending | disposable
        waiting = max(0, self.waiting - len(uids) - len(passed))
        await asyncio.to_thread(self._keep, mails, taken, pending, waiting)
        self._taken, self._pending, self.waiting = taken, pending, waiting
        for uid in uids:
            self._trouble.pop(uid, None)
        if mails:
            self.woken.set()
            log.info("fetched", mailbox=self.imap.name, mails=len(uids), last=uids[-1], waiting=waiting)

    def _keep(self, mails: Sequence[Fetched], taken: Uids, pending: Uids, waiting: int) -> None:
        flow, name, now = self.flow, self.imap.name, self.flow.clock()
        place = Place(self.imap, flow.site.settings.desk.address, flow.accepts)

        def along(work: Work) -> None:
            if not self.still_ours(work):
                raise LeaseGone(name)
            work.mailbox_read(name, str(taken), str(pending), waiting, now)
            work.drop_unfetched(name, [one.uid for one in mails])

        flow.keep([kept(place, one.raw, one.at, now) for one in mails], along)

    async def _dispose(self, connection: Connection, uids: Sequence[int]) -> None:
        """Move, flag or delete. When the server cannot, they stay as they are, taken once; it is asked again in an hour.

        A server that falls silent or hangs up whenever it is asked is one that cannot, from the third time on. Raises Lost.
        """
        name = self.imap.name
        try:
            await connection.dispose(uids)
        except Declined as fault:
            await self._leave(fault)
            return
        except Lost as fault:
            self._dispose_lost += 1
            if self._dispose_lost >= ATTEMPTS:
                await self._leave(fault)
            raise
        self._pending = self._pending - uids
        self._dispose_at, self._dispose_lost, self.problem = None, 0, ""
        pending = str(self._pending)
        await self._write(lambda work: work.mailbox_disposed(name, pending))

    async def _leave(self, fault: MailboxFault) -> None:
        """What is pending stays in the mailbox for now, and the admins are told once."""
        name = self.imap.name
        self._dispose_at, self.problem = self.flow.clock() + DISPOSE_AGAIN, str(fault)
        log.warning("mails stay in the mailbox", mailbox=name, mails=len(self._pending), reason=str(fault))
        first = next(iter(self._pending))
        await self._tell(
            f"then:{self._row.uidvalidity}:{first}",
            f"Mails that were fetched from the mailbox '{name}' cannot be dealt with there as then = \"{self.imap.then}\" asks: {fault}",
            "They are kept here, once, and stay in the mailbox; the server is asked again every hour. New mail is fetched all the same.",
        )

    async def _failed(self, uid: int, reason: str) -> None:
        """It could not be fetched. After the third time it is left aside, and the admins are told once."""
        before = self._trouble.get(uid)
        attempts = min(before.attempts + 1 if before else 1, ATTEMPTS)
        self._trouble[uid] = one = Unfetched(uid, attempts, reason, self.flow.clock())
        name = self.imap.name
        await self._write(lambda work: work.put_unfetched(name, one))
        if attempts == ATTEMPTS:
            await self._tell(
                f"uid:{self._row.uidvalidity}:{uid}",
                f"A mail in the mailbox '{name}' could not be fetched {ATTEMPTS} times (UID {uid} in '{self.imap.mailbox}'): {reason}",
                "It stays there as it is and is tried again once a day. All other mail is fetched.",
            )

    async def _tell(self, key: str, *what: str) -> None:
        """Write to the admins, once for this key."""
        await asyncio.to_thread(self.flow.alert, f"{self.imap.route}:{key}", what)

    # -- the store

    async def _read(self, look: Callable[[Work], T]) -> T:
        def read() -> T:
            with self.flow.store.read() as work:
                return look(work)

        return await asyncio.to_thread(read)

    async def _write(self, change: Callable[[Work], None]) -> None:
        def write() -> None:
            with self.flow.store.work() as work:
                if not self.still_ours(work):
                    raise LeaseGone(self.imap.name)
                change(work)

        await asyncio.to_thread(write)
