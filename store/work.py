"""One transaction: every named thing the desk does to its database."""

from __future__ import annotations

from store.clocks import ClockWork
from store.contacts import ContactWork
from store.digests import DigestWork
from store.exports import ExportWork
from store.held import HeldWork
from store.history import HistoryWork
from store.intake import IntakeWork
from store.lists import ListWork
from store.messages import MessageWork
from store.outbox import OutboxWork
from store.people import PeopleWork
from store.posts import PostWork
from store.references import ReferenceWork
from store.reports import ReportWork
from store.snapshot import SnapshotWork
from store.tickets import TicketWork


class Work(
    IntakeWork,
    SnapshotWork,
    ContactWork,
    PeopleWork,
    ListWork,
    ReportWork,
    TicketWork,
    MessageWork,
    ReferenceWork,
    ExportWork,
    HistoryWork,
    HeldWork,
    OutboxWork,
    PostWork,
    DigestWork,
    ClockWork,
):
    """A transaction, got from `Store.work` or `Store.read`. Times are aware and always the caller's."""
