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
    """A mail to keep. `spool` stands at its start and holds `size` octets with this hex `sha256`; `put`: they are with the files already."""

    spool: BinaryIO
    size: int
    sha256: str
    envelope: Envelope
    put: bool = False


def keep(store: Store, mails: Sequence[Kept], along: Callable[[Work], None] = lambda work: None) -> list[int]:
    """Make mails durable in one transaction, which `along` takes part in; returns their intake rows.

    Raises NotNow, or what `along` raises, and then nothing of them is kept.
    """
    small = store.content.SMALL
    for mail in mails:
        if mail.size > small and not mail.put:
            store.content.put_file(mail.spool, mail.size, mail.sha256)
    with store.work(urgent=True) as work:  # somebody waits for his 250
        arrivals = []
        for mail in mails:
            if mail.size <= small:
                work.put_content(mail.spool.read())
            arrivals.append(Arrival(mail.sha256, mail.size, mail.envelope, _written_id(mail.spool)))
        along(work)
        rows = work.keep(arrivals)
    with logs.together():
        for row, arrival in zip(rows, arrivals, strict=True):
            envelope = arrival.envelope
            log.info(
                "mail kept", intake=row, message_id=arrival.message_id, route=envelope.route, peer=envelope.peer, size=arrival.size
            )  # fmt: skip
    return rows


def _written_id(spool: BinaryIO) -> str | None:
    """The Message-ID of a mail, by which it can be followed from the moment it is kept."""
    spool.seek(0)
    return peek(spool.read(_HEAD))
