"""One transaction: every named thing the desk does to its database."""

from __future__ import annotations

from store.clocks import ClockWork
from store.digests import DigestWork
from store.held import HeldWork
from store.history import HistoryWork
from store.intake import IntakeWork
from store.lists import ListWork
from store.messages import MessageWork
from store.outbox import OutboxWork
from store.people import PeopleWork
from store.references import ReferenceWork
from store.snapshot import SnapshotWork
from store.tickets import TicketWork


class Work(
    IntakeWork,
    SnapshotWork,
    PeopleWork,
    ListWork,
    TicketWork,
    MessageWork,
    ReferenceWork,
    HistoryWork,
    HeldWork,
    OutboxWork,
    DigestWork,
    ClockWork,
):
    """A transaction, got from `Store.work` or `Store.read`. Times are aware and always the caller's."""
