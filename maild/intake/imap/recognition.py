"""Which of the mailboxes that were read before the opened one is. It is one mailbox whatever the settings call it.

Its name in the settings may be new, or its user, folder or server may be written in another way: what came meanwhile is taken all the same,
and what was taken is not taken again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from maild.intake.imap.answers import Selected
from maild.intake.imap.uids import Uids
from maild.settings import Imap
from store.rows import MailboxRow

_UNMISTAKABLE: Final = 1_000_000
"""RFC 3501 §2.3.1.1 proposes a time in seconds; servers that count from 1 give the same UIDVALIDITY to many mailboxes."""

_CLOCKS: Final = timedelta(hours=1)
"""What a server's clock may be wrong by."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class How(Enum):
    """SAME: as it was left. LIKELY: by UIDVALIDITY it is the one that had this name, only its user, folder or server is another in the
    settings. AGAIN: the same, but its UIDs mean other mails now. SUCCESSOR: another one than the one that had this name. NEW: the first of
    its name, and never read by another one."""

    SAME = auto()
    LIKELY = auto()
    AGAIN = auto()
    SUCCESSOR = auto()
    NEW = auto()


@dataclass(frozen=True, slots=True)
class Known:
    """How a mailbox is known, and by which row (None for a new one)."""

    how: How
    row: MailboxRow | None


def recognised(imap: Imap, others: Collection[Imap], selected: Selected, rows: Iterable[MailboxRow]) -> Known:
    """The surest there is. `rows`: all mailboxes that were ever read; `others`: all other `[[imap]]`, whose mailboxes are none of ours."""
    ours = [row for row in rows if row.account and not _is_of_another(row, imap, others)]
    read = sorted(ours, key=lambda row: row.name != imap.name)
    own = read[0] if read and read[0].name == imap.name else None
    exact = [row for row in read if _is_at(row, imap)]
    here = exact or [row for row in read if _is_like(row, imap)]
    least = 1 if exact else _UNMISTAKABLE  # at another port there may be another server
    same = [row for row in here if row.uidvalidity == selected.uidvalidity >= least]
    if same:
        return Known(How.SAME, same[0])
    if own is not None and _likely(own, imap, selected):
        return Known(How.LIKELY, own)
    if here:
        return Known(How.AGAIN, here[0])
    if own is not None:
        moved = _account(own.account) == account_of(imap)
        return Known(How.AGAIN if moved else How.SUCCESSOR, own)
    return Known(How.NEW, None)


def _likely(row: MailboxRow, imap: Imap, selected: Selected) -> bool:
    """Whether UIDVALIDITY tells that much, and all that was taken can have been in it: UIDs are given once, in ascending order.

    Of start = "all" not even old mail may be passed over, and another mailbox may have been made in the same second.
    """
    same = row.uidvalidity == selected.uidvalidity >= _UNMISTAKABLE
    if imap.start == "all":
        same = same and (row.account.startswith(f"{imap.user} ") or _host(row.server) == _host(imap.place))
    return same and selected.uidnext > Uids.parse(row.taken).highest


def _is_of_another(row: MailboxRow, imap: Imap, others: Iterable[Imap]) -> bool:
    """Whether it is exactly what another `[[imap]]` reads, or what one read by its name at another port of the same host."""
    if _is_at(row, imap):
        return False
    return any(_is_at(row, other) or (row.name == other.name and _is_like(row, other)) for other in others)


def _is_at(row: MailboxRow, imap: Imap) -> bool:
    """Whether user, folder, host and port are the same."""
    return _account(row.account) == account_of(imap) and row.server.lower() == imap.place.lower()


def _is_like(row: MailboxRow, imap: Imap) -> bool:
    """Whether all but the port is the same, which is another one with another kind of TLS."""
    return _account(row.account) == account_of(imap) and _host(row.server) == _host(imap.place)


def begun(known: Known, imap: Imap, selected: Selected, top: int, now: datetime, unfetched: int) -> MailboxRow:  # fmt: skip
    """From where a mailbox is read on that is not as it was left. `top`: the highest UID in it; `unfetched`: mails of the known one that
    could not be fetched so far, beside those that wait."""
    row = known.row
    fresh = MailboxRow(
        imap.name, account_of(imap), imap.place, now, selected.uidvalidity, "", "", top + 1, now
    )
    if row is None:
        return replace(fresh, taken=str(Uids([(1, top)]))) if imap.start == "now" else fresh
    kept = replace(fresh, since=row.since, read_at=row.read_at, told_at=row.told_at)
    if known.how is How.SUCCESSOR:
        return replace(kept, since=left_at(row, unfetched))
    return kept


def left_at(row: MailboxRow, unfetched: int) -> datetime:
    """Mails that came before are taken, or were there before the first connection of all."""
    finished = row.read_at is not None and row.waiting <= unfetched
    return max(row.since, row.read_at - _CLOCKS) if finished and row.read_at else row.since


def in_doubt(taken: Uids, since: datetime) -> str:
    """A search for those of the taken mails that came after this, had it been another mailbox: they are taken again."""
    day = since - timedelta(days=1)  # RFC 3501 §6.4.4: SINCE disregards time and timezone
    return f"1:{taken.highest} SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}"


def parked(row: MailboxRow) -> str:
    """A name for a mailbox whose own is taken by another; no setting can have it."""
    return f"{row.account} at {row.server}, {row.uidvalidity}"


def account_of(imap: Imap) -> str:
    """User and folder, as a mailbox is known by them."""
    return _account(f"{imap.user} {imap.mailbox}")


def _account(text: str) -> str:
    """RFC 3501 §5.1: INBOX is the same in any case."""
    return f"{text[:-6]} INBOX" if text.upper().endswith(" INBOX") else text


def _host(place: str) -> str:
    """Without the port."""
    return place.rpartition(":")[0].lower()
