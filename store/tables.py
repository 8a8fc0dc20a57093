"""The tables. Columns that refer to a row are named like the value they hold (`ticket`, `person`, `message`).

A change here needs a migration in `store/migrations/versions`; a test compares the two.
"""

from __future__ import annotations

import sqlalchemy as sa

from store.columns import CleanJson, CleanText, KeyText, Number, UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The conditions of partial indexes. They are literal text because SQLite uses such an index only for a query that repeats
# its condition word for word, which one with bound parameters does not.
INTAKE_OPEN = "state IN ('waiting', 'working')"
INTAKE_ASIDE = "state = 'quarantined'"
OUTBOX_OPEN = "state IN ('queued', 'sending')"
OUTBOX_FAILED = "state = 'failed'"
AUTOMATIC_OUTSIDE = "automatic AND outside"
AUTOMATIC_INSIDE = "automatic AND NOT outside"
DESK_EVENT = "ticket IS NULL"
DIGEST_OPEN = "finished_at IS NULL"
SUPPRESSED = "suppressed_at IS NOT NULL"
HELD_BACK = "event IN ('not sent', 'sent later')"
UNMATCHED = "ticket IS NULL"
MERGED = "merged_into IS NOT NULL"
LOOKED_AT = "look_at IS NOT NULL"
CLOCKED = "clock_at IS NOT NULL"


def where(condition: str) -> sa.TextClause:
    """One of these conditions, word for word, as part of a query on its table alone."""
    return sa.text(f"({condition})")


def _partial(name: str, *columns: str, condition: str, unique: bool = False) -> sa.Index:
    clause = sa.text(condition)
    return sa.Index(name, *columns, unique=unique, sqlite_where=clause, postgresql_where=clause)


def _id() -> sa.Column[int]:
    return sa.Column("id", Number, primary_key=True)


def _ref(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(name, Number, sa.ForeignKey(f"{target}.id"), nullable=nullable, primary_key=primary_key)


signing_key = sa.Table(
    "signing_key",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("retired_at", UtcDateTime),
)

content = sa.Table(
    "content",
    metadata,
    sa.Column("sha256", KeyText, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

person = sa.Table(
    "person",
    metadata,
    _id(),
    sa.Column("name", CleanText, nullable=False),
    sa.Column("address", CleanText, nullable=False),
    sa.Column("organisation", CleanText),
    sa.Column("language", CleanText),
    sa.Column("zone", CleanText),
    sa.Column("phone", CleanText),
    sa.Column("groups", CleanJson, nullable=False, server_default="[]"),
    sa.Column("name_key", KeyText),
    sa.Column("phone_key", KeyText),
    sa.Index("ix_person_name_key", "name_key"),
    sa.Index("ix_person_phone_key", "phone_key"),
)

address = sa.Table(
    "address",
    metadata,
    sa.Column("key", KeyText, primary_key=True),
    _ref("person", "person"),
    sa.Column("suppressed_at", UtcDateTime),
    sa.Column("suppressed_why", CleanText),
    sa.Index("ix_address_person", "person"),
    _partial("ix_address_suppressed", "suppressed_at", condition=SUPPRESSED),
)

ticket = sa.Table(
    "ticket",
    metadata,
    _id(),
    sa.Column("subject", CleanText, nullable=False),
    sa.Column("state", CleanText, nullable=False),
    _ref("requester", "person"),
    sa.Column("requester_address", CleanText, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("type", CleanText),
    sa.Column("category", CleanText),
    sa.Column("severity", CleanText),
    sa.Column("impact", CleanText),
    sa.Column("urgency", CleanText),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("tags", CleanJson, nullable=False),
    sa.Column("fields", CleanJson, nullable=False),
    sa.Column("language", CleanText),
    sa.Column("channel", CleanText, nullable=False),
    sa.Column("organisation", CleanText),
    sa.Column("team", CleanText),
    sa.Column("assignee", CleanText),
    sa.Column("sla", CleanText),
    sa.Column("first_response_at", UtcDateTime),
    sa.Column("solved_at", UtcDateTime),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("first_response_due", UtcDateTime),
    sa.Column("update_due", UtcDateTime),
    sa.Column("resolution_due", UtcDateTime),
    sa.Column("silence_due", UtcDateTime),
    sa.Column("breached", CleanJson, nullable=False),
    sa.Column("cause", CleanText),
    sa.Column("solution", CleanText),
    _ref("merged_into", "ticket", nullable=True),
    sa.Column("satisfaction", sa.Integer),
    sa.Column("minutes_spent", sa.Integer, nullable=False),
    sa.Column("due_at", UtcDateTime),
    sa.Column("urls", CleanJson, nullable=False, server_default="[]"),
    sa.Column("active_at", UtcDateTime),
    sa.Column("look_at", UtcDateTime),
    sa.Column("clock_at", UtcDateTime),
    sa.Column("chosen", CleanJson, nullable=False, server_default="[]"),
    sa.Column("asked", CleanJson, nullable=False, server_default="[]"),
    sa.Column("met", CleanJson, nullable=False, server_default="[]"),
    sa.Column("step", sa.Integer, nullable=False, server_default="0"),
    sa.Column("contact", CleanText),
    sa.Column("runbooks", CleanJson, nullable=False, server_default="[]"),
    sa.Index("ix_ticket_requester", "requester"),
    _partial("ix_ticket_merged_into", "merged_into", condition=MERGED),
    _partial("ix_ticket_look_at", "look_at", condition=LOOKED_AT),
    _partial("ix_ticket_clock_at", "clock_at", condition=CLOCKED),
)

participant = sa.Table(
    "participant",
    metadata,
    _ref("ticket", "ticket", primary_key=True),
    _ref("person", "person", primary_key=True),
    sa.Column("added_by", CleanText, nullable=False),
    sa.Column("added_at", UtcDateTime, nullable=False),
)

watcher = sa.Table(
    "watcher",
    metadata,
    _ref("ticket", "ticket", primary_key=True),
    sa.Column("address", KeyText, primary_key=True),
)

link = sa.Table(
    "link",
    metadata,
    _ref("ticket", "ticket", primary_key=True),
    _ref("other", "ticket", primary_key=True),
    sa.Column("kind", KeyText, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.CheckConstraint("ticket <> other", name="two_tickets"),
    sa.Index("ix_link_other", "other"),
)

intake = sa.Table(
    "intake",
    metadata,
    _id(),
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
    sa.CheckConstraint("state IN ('waiting', 'working', 'done', 'quarantined', 'dropped')", name="state"),
    _partial("ix_intake_open", "id", condition=INTAKE_OPEN),
    _partial("ix_intake_aside", "id", condition=INTAKE_ASIDE),
)

message = sa.Table(
    "message",
    metadata,
    _id(),
    _ref("ticket", "ticket", nullable=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("direction", CleanText, nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("kind", CleanText, nullable=False),
    sa.Column("from_name", CleanText, nullable=False),
    sa.Column("from_address", CleanText, nullable=False),
    sa.Column("to", CleanJson, nullable=False),
    sa.Column("cc", CleanJson, nullable=False),
    sa.Column("subject", CleanText, nullable=False),
    sa.Column("text", CleanText, nullable=False),
    sa.Column("reply", CleanText, nullable=False),
    _ref("person", "person", nullable=True),
    sa.Column("message_id", CleanText),
    sa.Column("identity", KeyText),
    sa.Column("content_identity", KeyText),
    sa.Column("html", CleanText),
    sa.Column("language", CleanText),
    _ref("intake", "intake", nullable=True),
    sa.Column("sha256", KeyText),
    sa.Column("minutes", sa.Integer),
    sa.Column("defects", CleanJson, nullable=False),
    sa.CheckConstraint("direction IN ('in', 'out')", name="direction"),
    sa.Index("ix_message_ticket", "ticket"),
    _partial("ix_message_unmatched", "created_at", condition=UNMATCHED),
    _partial("ix_message_identity", "identity", condition="identity IS NOT NULL"),
    _partial("ix_message_content_identity", "content_identity", condition="content_identity IS NOT NULL"),
)

attachment = sa.Table(
    "attachment",
    metadata,
    _ref("message", "message", primary_key=True),
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
    _id(),
    _ref("message", "message"),
    _ref("intake", "intake"),
    sa.Column("route", CleanText, nullable=False),
    sa.Column("peer", CleanText, nullable=False),
    sa.Column("sender", CleanText, nullable=False),
    sa.Column("recipients", CleanJson, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_route_message", "message"),
)

reference = sa.Table(
    "reference",
    metadata,
    _id(),
    _ref("ticket", "ticket"),
    _ref("person", "person", nullable=True),
    sa.Column("mid", KeyText, nullable=False),
    sa.Column("written", sa.Boolean, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_reference_mid", "mid"),
    _partial("uq_reference_person", "ticket", "person", "mid", condition="person IS NOT NULL", unique=True),
    _partial("uq_reference_nobody", "ticket", "mid", condition="person IS NULL", unique=True),
)

event = sa.Table(
    "event",
    metadata,
    _id(),
    _ref("ticket", "ticket", nullable=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("actor", CleanText, nullable=False),
    sa.Column("event", KeyText, nullable=False),
    sa.Column("subject", KeyText),
    sa.Column("detail", CleanJson, nullable=False),
    sa.Column("reasons", CleanJson, nullable=False),
    sa.Index("ix_event_ticket", "ticket"),
    _partial("ix_event_desk", "event", "subject", condition=DESK_EVENT),
    _partial("ix_event_held_back", "at", condition=HELD_BACK),
)

outbox = sa.Table(
    "outbox",
    metadata,
    _id(),
    sa.Column("event_key", KeyText, nullable=False),
    sa.Column("recipient", CleanText, nullable=False),
    sa.Column("recipient_key", KeyText, nullable=False),
    sa.Column("recipient_domain", KeyText, nullable=False),
    _ref("person", "person"),
    _ref("ticket", "ticket", nullable=True),
    _ref("message", "message", nullable=True),
    sa.Column("message_id", KeyText, nullable=False),
    _ref("key_id", "signing_key"),
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
    _partial("ix_outbox_due", "due_at", condition=OUTBOX_OPEN),
    _partial("ix_outbox_failed", "id", condition=OUTBOX_FAILED),
    _partial(
        "ix_outbox_automatic",
        "created_at",
        "recipient_domain",
        "recipient_key",
        condition=AUTOMATIC_OUTSIDE,
    ),
    _partial("ix_outbox_agents", "recipient_key", "created_at", condition=AUTOMATIC_INSIDE),
)

post = sa.Table(
    "post",
    metadata,
    _id(),
    sa.Column("event_key", KeyText, nullable=False),
    sa.Column("event_id", KeyText, nullable=False),
    sa.Column("url", CleanText, nullable=False),
    sa.Column("url_key", KeyText, nullable=False),
    sa.Column("host", KeyText, nullable=False),
    sa.Column("rule", CleanText, nullable=False),
    _ref("ticket", "ticket"),
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
    _partial("ix_post_due", "due_at", condition=OUTBOX_OPEN),
    _partial("ix_post_failed", "id", condition=OUTBOX_FAILED),
)

digest = sa.Table(
    "digest",
    metadata,
    _id(),
    sa.Column("recipient", CleanText, nullable=False),
    sa.Column("role", CleanText, nullable=False),
    _ref("ticket", "ticket", nullable=True),
    sa.Column("subject", CleanText, nullable=False),
    sa.Column("happenings", CleanJson, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("why", CleanText, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    _partial("ix_digest_open", "due_at", condition=DIGEST_OPEN),
)

absence = sa.Table(
    "absence",
    metadata,
    sa.Column("agent", KeyText, primary_key=True),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
)

held = sa.Table(
    "held",
    metadata,
    _id(),
    _ref("intake", "intake"),
    _ref("ticket", "ticket"),
    sa.Column("agent", KeyText, nullable=False),
    sa.Column("why", CleanText, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Index("ix_held_agent", "agent", "at"),
    sa.Index("ix_held_intake", "intake"),
)

node = sa.Table(
    "node",
    metadata,
    sa.Column("name", KeyText, primary_key=True),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("version", CleanText, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("detail", CleanJson, nullable=False),
)

turn = sa.Table(
    "turn",
    metadata,
    sa.Column("team", KeyText, primary_key=True),
    sa.Column("agent", CleanText, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)

fired = sa.Table(
    "fired",
    metadata,
    _ref("ticket", "ticket", primary_key=True),
    sa.Column("rule", KeyText, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

memo = sa.Table(
    "memo",
    metadata,
    sa.Column("name", KeyText, primary_key=True),
    sa.Column("value", CleanText, nullable=False),
)

appointment = sa.Table(
    "appointment",
    metadata,
    sa.Column("recipient", KeyText, primary_key=True),
    sa.Column("kind", KeyText, primary_key=True),
    sa.Column("due_at", UtcDateTime, nullable=False),
)
