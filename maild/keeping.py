"""Mail is kept: what is on disk here, and only that, was taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import structlog

from maild import logs
from maild.desk.facts import Envelope
from maild.message.identity import peek
from store import Store, Work
from store.rows import Arrival

log = structlog.get_logger("maild.flow")

_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail to keep. `spool` stands at its start and holds `size` octets with this hex `sha256`."""

    spool: BinaryIO
    size: int
    sha256: str
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail that has only to be written. `message_id`: by which it can be followed from now on. `data`: its octets; None when they are
    with the files."""

    mail: Kept
    message_id: str | None
    data: bytes | None


def ready(store: Store, mail: Kept) -> Ready:
    """Look at a mail ahead of its transaction; a big one is put with the files. Raises NotNow."""
    big = mail.size > store.content.SMALL
    if big:
        store.content.put_file(mail.spool, mail.size, mail.sha256)
        mail.spool.seek(0)
    data = mail.spool.read(_HEAD if big else mail.size)
    return Ready(mail, peek(data[:_HEAD]), None if big else data)


def keep(store: Store, mails: Sequence[Kept], along: Callable[[Work], None] = lambda work: None) -> list[int]:
    """Make mails durable in one transaction, which `along` takes part in; returns their intake rows.

    Raises NotNow, or what `along` raises, and then nothing of them is kept.
    """
    found = [ready(store, mail) for mail in mails]
    return keep_ready(store, lambda: found, along)


def keep_ready(
    store: Store, take: Callable[[], Sequence[Ready]], along: Callable[[Work], None] = lambda work: None
) -> list[int]:
    """The same for those that `take` gives when it is our turn to write: what comes in until then shares the transaction."""
    with store.work(urgent=True) as work:  # somebody waits for his 250
        mails = take()
        arrivals = [
            Arrival(one.mail.sha256, one.mail.size, one.mail.envelope, one.message_id) for one in mails
        ]
        work.put_small({one.mail.sha256: one.data for one in mails if one.data is not None})
        along(work)
        rows = work.keep(arrivals)
    with logs.together():
        for row, arrival in zip(rows, arrivals, strict=True):
            envelope = arrival.envelope
            log.info(
                "mail kept", intake=row, message_id=arrival.message_id, route=envelope.route, peer=envelope.peer, size=arrival.size
            )  # fmt: skip
    return rows
