"""One transaction: every named thing the desk does to its database."""

from __future__ import annotations

from store.backup import BackupWork
from store.clocks import ClockWork
from store.contacts import ContactWork
from store.digests import DigestWork
from store.erasing import ErasureWork
from store.exports import ExportWork
from store.held import HeldWork
from store.history import HistoryWork
from store.holdings import HoldingWork
from store.intake import IntakeWork
from store.leases import LeaseWork
from store.lists import ListWork
from store.mailboxes import MailboxWork
from store.measuring import MeasureWork
from store.messages import MessageWork
from store.outbox import OutboxWork
from store.people import PeopleWork
from store.posts import PostWork
from store.references import ReferenceWork
from store.reports import ReportWork
from store.snapshot import SnapshotWork
from store.sweeping import SweepWork
from store.tickets import TicketWork
from store.tracing import TraceWork


class Work(
    IntakeWork,
    MeasureWork,
    SnapshotWork,
    ContactWork,
    PeopleWork,
    LeaseWork,
    ListWork,
    MailboxWork,
    ReportWork,
    TicketWork,
    MessageWork,
    ReferenceWork,
    ErasureWork,
    HoldingWork,
    TraceWork,
    ExportWork,
    BackupWork,
    HistoryWork,
    HeldWork,
    OutboxWork,
    PostWork,
    DigestWork,
    ClockWork,
    SweepWork,
):
    """A transaction, got from `Store.work` or `Store.read`. Times are aware and always the caller's."""
