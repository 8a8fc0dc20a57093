"""Values that go into and come out of the store where `desk` has none: intake and outbox rows, new messages, history lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from maild.desk.effects import Reason
from maild.desk.facts import Attachment, Envelope
from maild.desk.people import Person
from maild.desk.words import Role, Scope


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail whose raw bytes are already in the content store. `message_id`: as its header writes it, before anybody has parsed it."""

    sha256: str
    size: int
    envelope: Envelope
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """A claimed intake row. `attempts` counts this one. `alone`: it was in work before and did not end well."""

    id: int
    sha256: str
    size: int
    envelope: Envelope
    attempts: int
    message_id: str | None = None

    @property
    def alone(self) -> bool:
        return self.attempts > 1


@dataclass(frozen=True, slots=True)
class Quarantined:
    id: int
    sha256: str
    size: int
    envelope: Envelope
    attempts: int
    at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to store. `ticket` None: kept unmatched. `intake` None: it came by no mail (command line, portal)."""

    ticket: int | None
    at: datetime
    created_at: datetime
    direction: str
    public: bool
    kind: str
    from_name: str
    from_address: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    text: str
    reply: str
    person: int | None = None
    message_id: str | None = None
    identity: str | None = None
    content_identity: str | None = None
    html: str | None = None
    language: str | None = None
    intake: int | None = None
    sha256: str | None = None
    minutes: int | None = None
    attachments: tuple[Attachment, ...] = ()
    defects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail to put into the outbox. (`event_key`, `recipient`) is unique: the same event is told to the same person once.

    `message` is the message it carries, if any; for an outside role that must be a public one. `answer`: it carries an agent's
    answer. `raw` are the final bytes.
    """

    event_key: str
    recipient: str
    person: int
    ticket: int | None
    message: int | None
    message_id: str
    key_id: int
    role: Role
    scope: Scope | None
    kind: str
    public: bool
    automatic: bool
    answer: bool
    raw: bytes
    due_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A mail that waits, is being sent, or was. `state`: queued, sending, sent, failed, dropped. `attempts` counts this one; `retries` how
    often the admin had it tried again after it had failed."""

    id: int
    recipient: str
    person: int
    ticket: int | None
    message: int | None
    message_id: str
    role: Role
    scope: Scope | None
    kind: str
    automatic: bool
    answer: bool
    state: str
    attempts: int
    due_at: datetime
    created_at: datetime
    sent_at: datetime | None
    reason: str
    raw: bytes = b""
    retries: int = 0
    troubled: bool = False
    """Claimed mails only: the recipient's domain deferred mail when it was last tried."""
    sha256: str | None = None
    """Claimed mails only: as which content its bytes are kept, when they are not in `raw`."""

    @property
    def domain(self) -> str:
        """The recipient's, in lower case."""
        return self.recipient.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """A recipient domain (None: all of them) that gets no mail: since `paused_at` by the admin, or until `wait_until` because of `reason`."""

    domain: str | None
    paused_at: datetime | None
    wait_until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How much mail one recipient domain may get: `most` of a claim, one mail every `gap`. None: no bound."""

    most: int | None = None
    gap: timedelta | None = None


@dataclass(frozen=True, slots=True)
class NewPost:
    """A ticket to post to a webhook. (`event_key`, `url`) is unique: the same event is posted to the same URL once. `event_id` names
    it for the receiver, `host` is where the URL leads (with its port), `rule` the rule that asked for it, `body` the final JSON."""

    event_key: str
    event_id: str
    url: str
    host: str
    rule: str
    ticket: int
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post that waits, is being sent, or was. `state`: queued, sending, sent, failed, dropped. `attempts` counts this one. `reason`: what
    the receiver said, or why it could not be reached."""

    id: int
    event_id: str
    url: str
    host: str
    rule: str
    ticket: int
    body: str
    state: str
    attempts: int
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event as stored."""

    id: int
    ticket: int | None
    at: datetime
    actor: str
    event: str
    detail: Mapping[str, object]
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class DigestRow:
    id: int
    recipient: str
    role: Role
    ticket: int | None
    subject: str
    happenings: tuple[str, ...]
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Node:
    """A running daemon, as it reports itself. `detail` is JSON: listeners, mailboxes, loops. `place`: the machine it runs on since its
    last start, and where its number counts; "" where that is not known."""

    name: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    detail: Mapping[str, object] = field(default_factory=dict)
    place: str = ""

    def is_same(self, other: Node) -> bool:
        """Whether both are the same process."""
        mine, theirs = ((one.name, one.place, one.pid, one.started_at) for one in (self, other))
        return mine == theirs


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tickets to list, in order of number. `state` etc. None: any. `requester` is an address. `overdue_at`: with a due time
    before it, unfinished. `search`: all words occur in subject or messages."""

    state: str | None = None
    assignee: str | None = None
    team: str | None = None
    requester: str | None = None
    tag: str | None = None
    priority: int | None = None
    overdue_at: datetime | None = None
    search: str | None = None
    after: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sizes of the queues, for `status`. Times are of the oldest; None when the queue is empty."""

    waiting: int
    oldest_waiting: datetime | None
    quarantined: int
    queued: int
    oldest_queued: datetime | None
    failed: int
    tickets: Mapping[str, int] = field(default_factory=dict)
    posts_queued: int = 0
    oldest_post: datetime | None = None
    posts_failed: int = 0


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What did not go out of itself since a time, and why: automatic mails not sent by reason (most frequent first), and `delayed` by a
    bound; addresses `suppressed` now; automatic mails that came and were kept `unmatched`."""

    not_sent: Mapping[str, int]
    delayed: int
    suppressed: int
    unmatched: int


@dataclass(frozen=True, slots=True)
class Chain:
    """The Message-IDs a person has seen in a ticket, oldest first, and the last one the person wrote."""

    ids: tuple[str, ...]
    last_written: str | None
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """How far a mailbox was read. `account`, `server`: which one it is. `since`: when it was connected to first, or, when it took the place of
    another one under its name, when that was last read.

    `taken`: UIDs that are done with, `pending`: those of them that are yet to be moved, flagged or deleted, as sequence sets. UIDs below
    `reread_below` were there when UIDVALIDITY changed. `read_at`: the last time all went well; `waiting`: mails that were not taken yet
    then. `error`: what went wrong since. `told_at`: when the admins were told that it is not read.
    """

    name: str
    account: str
    server: str
    since: datetime
    uidvalidity: int
    taken: str
    pending: str
    reread_below: int
    reconciled_at: datetime
    read_at: datetime | None = None
    waiting: int = 0
    error: str | None = None
    error_at: datetime | None = None
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unfetched:
    """A mail that could not be fetched so far, how often that was tried, and why not the last time."""

    uid: int
    attempts: int
    error: str
    at: datetime
