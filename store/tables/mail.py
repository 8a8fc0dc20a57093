"""Mail that comes and goes: raw bytes, intake, routes and attachments, outbox, destinations, posts, digests, what is held."""

from __future__ import annotations

import sqlalchemy as sa

from store.columns import CleanJson, CleanText, KeyText, Number, UtcDateTime
from store.tables.base import (
    AUTOMATIC_INSIDE,
    AUTOMATIC_OUTSIDE,
    DIGEST_OPEN,
    IMPORTED,
    INTAKE_ASIDE,
    INTAKE_OPEN,
    OUTBOX_FAILED,
    OUTBOX_OPEN,
    id_,
    metadata,
    partial,
    ref,
)

content = sa.Table(
    "content",
    metadata,
    sa.Column("sha256", KeyText, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

discard = sa.Table(
    "discard",
    metadata,
    sa.Column("sha256", KeyText, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

intake = sa.Table(
    "intake",
    metadata,
    id_(),
    sa.Column("sha256", KeyText, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sender", CleanText, nullable=False),
    sa.Column("recipients", CleanJson, nullable=False),
    sa.Column("route", CleanText, nullable=False),
    sa.Column("peer", CleanText, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("trusted", sa.Boolean, nullable=False),
    sa.Column("unauthenticated", sa.Boolean, nullable=False),
    sa.Column("state", CleanText, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", UtcDateTime),
    sa.Column("node", CleanText),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("error", CleanText),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("outcome", CleanText),
    sa.Column(
        "message", Number
    ),  # no foreign key: `message.intake` is one, and SQLite could not add the second of a circle
    sa.Column("helo", CleanText, nullable=False, server_default=""),
    sa.Column("message_id", KeyText),
    sa.CheckConstraint("state IN ('waiting', 'working', 'done', 'quarantined', 'dropped')", name="state"),
    partial("ix_intake_message_id", "message_id", condition="message_id IS NOT NULL"),
    partial("ix_intake_imported", "sha256", condition=IMPORTED),
    partial("ix_intake_open", "id", condition=INTAKE_OPEN),
    partial("ix_intake_aside", "id", condition=INTAKE_ASIDE),
)

attachment = sa.Table(
    "attachment",
    metadata,
    ref("message", "message", primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", CleanText, nullable=False),
    sa.Column("type", CleanText, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("inline", sa.Boolean, nullable=False),
    sa.Column("sha256", KeyText, nullable=False),
    sa.Column("content_id", CleanText, nullable=False),
)

route = sa.Table(
    "route",
    metadata,
    id_(),
    ref("message", "message"),
    ref("intake", "intake"),
    sa.Column("route", CleanText, nullable=False),
    sa.Column("peer", CleanText, nullable=False),
    sa.Column("sender", CleanText, nullable=False),
    sa.Column("recipients", CleanJson, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_route_message", "message"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    id_(),
    sa.Column("event_key", KeyText, nullable=False),
    sa.Column("recipient", CleanText, nullable=False),
    sa.Column("recipient_key", KeyText, nullable=False),
    sa.Column("recipient_domain", KeyText, nullable=False),
    ref("person", "person"),
    ref("ticket", "ticket", nullable=True),
    ref("message", "message", nullable=True),
    sa.Column("message_id", KeyText, nullable=False),
    ref("key_id", "signing_key"),
    sa.Column("role", CleanText, nullable=False),
    sa.Column("scope", CleanText),
    sa.Column("kind", CleanText, nullable=False),
    sa.Column("outside", sa.Boolean, nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("automatic", sa.Boolean, nullable=False),
    sa.Column("answer", sa.Boolean, nullable=False),
    sa.Column("raw", sa.LargeBinary),
    sa.Column("sha256", KeyText),
    sa.Column("state", CleanText, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("node", CleanText),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("reason", CleanText, nullable=False),
    sa.Column("retries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed_by", CleanText),
    sa.CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed', 'dropped')", name="state"),
    sa.CheckConstraint("(raw IS NULL) <> (sha256 IS NULL)", name="raw"),
    # DESIGN, never untrue, 7: what goes to the requester's side only shows public things.
    sa.CheckConstraint("public OR NOT outside", name="no_note_leaves"),
    sa.Index("uq_outbox_told_once", "event_key", "recipient_key", unique=True),
    sa.Index("uq_outbox_message_id", "message_id", unique=True),
    sa.Index("ix_outbox_ticket", "ticket", "created_at"),
    sa.Index("ix_outbox_message", "message"),
    partial("ix_outbox_due", "due_at", condition=OUTBOX_OPEN),
    partial("ix_outbox_failed", "id", condition=OUTBOX_FAILED),
    partial(
        "ix_outbox_automatic",
        "created_at",
        "recipient_domain",
        "recipient_key",
        condition=AUTOMATIC_OUTSIDE,
    ),
    partial("ix_outbox_addressed", "recipient_key", "created_at", condition=AUTOMATIC_OUTSIDE),
    partial("ix_outbox_agents", "recipient_key", "created_at", condition=AUTOMATIC_INSIDE),
)

destination = sa.Table(
    "destination",
    metadata,
    sa.Column("domain", KeyText, primary_key=True),
    sa.Column("paused_at", UtcDateTime),
    sa.Column("wait_until", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reason", CleanText, nullable=False, server_default=""),
    sa.Column("next_at", UtcDateTime),
)

post = sa.Table(
    "post",
    metadata,
    id_(),
    sa.Column("event_key", KeyText, nullable=False),
    sa.Column("event_id", KeyText, nullable=False),
    sa.Column("url", CleanText, nullable=False),
    sa.Column("url_key", KeyText, nullable=False),
    sa.Column("host", KeyText, nullable=False),
    sa.Column("rule", CleanText, nullable=False),
    ref("ticket", "ticket"),
    sa.Column("body", CleanText, nullable=False),
    sa.Column("state", CleanText, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("node", CleanText),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("reason", CleanText, nullable=False),
    sa.CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed', 'dropped')", name="state"),
    sa.Index("uq_post_told_once", "event_key", "url_key", unique=True),
    sa.Index("uq_post_event_id", "event_id", unique=True),
    sa.Index("ix_post_ticket", "ticket"),
    partial("ix_post_due", "due_at", condition=OUTBOX_OPEN),
    partial("ix_post_failed", "id", condition=OUTBOX_FAILED),
)

digest = sa.Table(
    "digest",
    metadata,
    id_(),
    sa.Column("recipient", CleanText, nullable=False),
    sa.Column("role", CleanText, nullable=False),
    ref("ticket", "ticket", nullable=True),
    sa.Column("subject", CleanText, nullable=False),
    sa.Column("happenings", CleanJson, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("why", CleanText, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    partial("ix_digest_open", "due_at", condition=DIGEST_OPEN),
)

held = sa.Table(
    "held",
    metadata,
    id_(),
    ref("intake", "intake"),
    ref("ticket", "ticket"),
    sa.Column("agent", KeyText, nullable=False),
    sa.Column("why", CleanText, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Index("ix_held_agent", "agent", "at"),
    sa.Index("ix_held_intake", "intake"),
)

mailbox = sa.Table(
    "mailbox",
    metadata,
    sa.Column("name", KeyText, primary_key=True),
    sa.Column("account", CleanText, nullable=False),
    sa.Column("server", CleanText, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("uidvalidity", sa.BigInteger, nullable=False),
    sa.Column("taken", CleanText, nullable=False),
    sa.Column("pending", CleanText, nullable=False),
    sa.Column("reread_below", sa.BigInteger, nullable=False),
    sa.Column("reconciled_at", UtcDateTime, nullable=False),
    sa.Column("read_at", UtcDateTime),
    sa.Column("waiting", sa.Integer, nullable=False),
    sa.Column("error", CleanText),
    sa.Column("error_at", UtcDateTime),
    sa.Column("told_at", UtcDateTime),
)

unfetched = sa.Table(
    "unfetched",
    metadata,
    sa.Column("mailbox", KeyText, sa.ForeignKey("mailbox.name"), primary_key=True),
    sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", CleanText, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
