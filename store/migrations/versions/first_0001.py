"""The first tables.

A migration is history: it names its types itself and uses nothing of `store.tables`, which moves on.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


def json(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=null)


def time(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TIME, nullable=null)


def number(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, nullable=null)


def integer(name: str, *, null: bool = False, counted: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=null, autoincrement="auto" if counted else False)


def big(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def flag(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=null)


def blob(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def index(
    name: str, table: str, columns: Sequence[str], *, where: str | None = None, unique: bool = False
) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    create_content()
    create_intake()
    create_node()
    create_person()
    create_signing_key()
    create_address()
    create_ticket()
    create_digest()
    create_event()
    create_link()
    create_message()
    create_participant()
    create_reference()
    create_watcher()
    create_attachment()
    create_outbox()
    create_route()


def create_content() -> None:
    op.create_table(
        "content", text("sha256"), blob("data"), sa.PrimaryKeyConstraint("sha256", name="pk_content")
    )


def create_intake() -> None:
    op.create_table(
        "intake",
        number("id"),
        text("sha256"),
        big("size"),
        text("sender"),
        json("recipients"),
        text("route"),
        text("peer"),
        time("received_at"),
        flag("trusted"),
        flag("unauthenticated"),
        text("state"),
        integer("attempts"),
        time("due_at", null=True),
        text("node", null=True),
        time("lease_until", null=True),
        text("error", null=True),
        time("finished_at", null=True),
        text("outcome", null=True),
        number("message", null=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'working', 'done', 'quarantined', 'dropped')", name="ck_intake_state"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_intake"),
    )
    index("ix_intake_aside", "intake", ["id"], where="state = 'quarantined'")
    index("ix_intake_open", "intake", ["id"], where="state IN ('waiting', 'working')")


def create_node() -> None:
    op.create_table(
        "node",
        text("name"),
        big("pid"),
        text("version"),
        time("started_at"),
        time("seen_at"),
        json("detail"),
        sa.PrimaryKeyConstraint("name", name="pk_node"),
    )


def create_person() -> None:
    op.create_table(
        "person",
        number("id"),
        text("name"),
        text("address"),
        text("organisation", null=True),
        text("language", null=True),
        text("zone", null=True),
        text("phone", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
    )


def create_signing_key() -> None:
    op.create_table(
        "signing_key",
        integer("id", counted=False),
        blob("secret"),
        time("retired_at", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_signing_key"),
    )


def create_address() -> None:
    op.create_table(
        "address",
        text("key"),
        number("person"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_address_person_person"),
        sa.PrimaryKeyConstraint("key", name="pk_address"),
    )
    index("ix_address_person", "address", ["person"])


def create_ticket() -> None:
    op.create_table(
        "ticket",
        number("id"),
        text("subject"),
        text("state"),
        number("requester"),
        text("requester_address"),
        time("received_at"),
        time("created_at"),
        time("updated_at"),
        text("type", null=True),
        text("category", null=True),
        text("severity", null=True),
        text("impact", null=True),
        text("urgency", null=True),
        integer("priority"),
        integer("level"),
        json("tags"),
        json("fields"),
        text("language", null=True),
        text("channel"),
        text("organisation", null=True),
        text("team", null=True),
        text("assignee", null=True),
        text("sla", null=True),
        time("first_response_at", null=True),
        time("solved_at", null=True),
        time("closed_at", null=True),
        time("first_response_due", null=True),
        time("update_due", null=True),
        time("resolution_due", null=True),
        time("silence_due", null=True),
        json("breached"),
        text("cause", null=True),
        text("solution", null=True),
        number("merged_into", null=True),
        integer("satisfaction", null=True),
        integer("minutes_spent"),
        sa.ForeignKeyConstraint(["merged_into"], ["ticket.id"], name="fk_ticket_merged_into_ticket"),
        sa.ForeignKeyConstraint(["requester"], ["person.id"], name="fk_ticket_requester_person"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket"),
    )
    index("ix_ticket_requester", "ticket", ["requester"])
    index(
        "ix_ticket_first_response",
        "ticket",
        ["first_response_due"],
        where="first_response_at IS NULL AND state IN ('new', 'open')",
    )


def create_digest() -> None:
    op.create_table(
        "digest",
        number("id"),
        text("recipient"),
        text("role"),
        number("ticket", null=True),
        text("subject"),
        json("happenings"),
        time("at"),
        time("due_at"),
        text("why"),
        time("finished_at", null=True),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_digest_ticket_ticket"),
        sa.PrimaryKeyConstraint("id", name="pk_digest"),
    )
    index("ix_digest_open", "digest", ["due_at"], where="finished_at IS NULL")


def create_event() -> None:
    op.create_table(
        "event",
        number("id"),
        number("ticket", null=True),
        time("at"),
        text("actor"),
        text("event"),
        text("subject", null=True),
        json("detail"),
        json("reasons"),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_event_ticket_ticket"),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    index("ix_event_desk", "event", ["event", "subject"], where="ticket IS NULL")
    index("ix_event_ticket", "event", ["ticket"])


def create_link() -> None:
    op.create_table(
        "link",
        number("ticket"),
        number("other"),
        text("kind"),
        time("at"),
        sa.CheckConstraint("ticket <> other", name="ck_link_two_tickets"),
        sa.ForeignKeyConstraint(["other"], ["ticket.id"], name="fk_link_other_ticket"),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_link_ticket_ticket"),
        sa.PrimaryKeyConstraint("ticket", "other", "kind", name="pk_link"),
    )
    index("ix_link_other", "link", ["other"])


def create_message() -> None:
    op.create_table(
        "message",
        number("id"),
        number("ticket", null=True),
        time("at"),
        time("created_at"),
        text("direction"),
        flag("public"),
        text("kind"),
        text("from_name"),
        text("from_address"),
        json("to"),
        json("cc"),
        text("subject"),
        text("text"),
        text("reply"),
        number("person", null=True),
        text("message_id", null=True),
        text("identity", null=True),
        text("content_identity", null=True),
        text("html", null=True),
        text("language", null=True),
        number("intake", null=True),
        text("sha256", null=True),
        integer("minutes", null=True),
        json("defects"),
        sa.CheckConstraint("direction IN ('in', 'out')", name="ck_message_direction"),
        sa.ForeignKeyConstraint(["intake"], ["intake.id"], name="fk_message_intake_intake"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_message_person_person"),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_message_ticket_ticket"),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
    )
    index(
        "ix_message_content_identity", "message", ["content_identity"], where="content_identity IS NOT NULL"
    )
    index("ix_message_identity", "message", ["identity"], where="identity IS NOT NULL")
    index("ix_message_ticket", "message", ["ticket"])


def create_participant() -> None:
    op.create_table(
        "participant",
        number("ticket"),
        number("person"),
        text("added_by"),
        time("added_at"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_participant_person_person"),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_participant_ticket_ticket"),
        sa.PrimaryKeyConstraint("ticket", "person", name="pk_participant"),
    )


def create_reference() -> None:
    op.create_table(
        "reference",
        number("id"),
        number("ticket"),
        number("person", null=True),
        text("mid"),
        flag("written"),
        time("at"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_reference_person_person"),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_reference_ticket_ticket"),
        sa.PrimaryKeyConstraint("id", name="pk_reference"),
    )
    index("ix_reference_mid", "reference", ["mid"])
    index("uq_reference_nobody", "reference", ["ticket", "mid"], where="person IS NULL", unique=True)
    index(
        "uq_reference_person",
        "reference",
        ["ticket", "person", "mid"],
        where="person IS NOT NULL",
        unique=True,
    )


def create_watcher() -> None:
    op.create_table(
        "watcher",
        number("ticket"),
        text("address"),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_watcher_ticket_ticket"),
        sa.PrimaryKeyConstraint("ticket", "address", name="pk_watcher"),
    )


def create_attachment() -> None:
    op.create_table(
        "attachment",
        number("message"),
        integer("position", counted=False),
        text("name"),
        text("type"),
        big("size"),
        flag("inline"),
        text("sha256"),
        text("content_id"),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name="fk_attachment_message_message"),
        sa.PrimaryKeyConstraint("message", "position", name="pk_attachment"),
    )


def create_outbox() -> None:
    op.create_table(
        "outbox",
        number("id"),
        text("event_key"),
        text("recipient"),
        text("recipient_key"),
        text("recipient_domain"),
        number("person"),
        number("ticket", null=True),
        number("message", null=True),
        text("message_id"),
        number("key_id"),
        text("role"),
        text("scope", null=True),
        text("kind"),
        flag("outside"),
        flag("public"),
        flag("automatic"),
        flag("answer"),
        blob("raw", null=True),
        text("sha256", null=True),
        text("state"),
        integer("attempts"),
        time("due_at"),
        time("created_at"),
        text("node", null=True),
        time("lease_until", null=True),
        time("sent_at", null=True),
        time("finished_at", null=True),
        text("reason"),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed', 'dropped')", name="ck_outbox_state"
        ),
        sa.CheckConstraint("(raw IS NULL) <> (sha256 IS NULL)", name="ck_outbox_raw"),
        sa.CheckConstraint("public OR NOT outside", name="ck_outbox_no_note_leaves"),
        sa.ForeignKeyConstraint(["key_id"], ["signing_key.id"], name="fk_outbox_key_id_signing_key"),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name="fk_outbox_message_message"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_outbox_person_person"),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name="fk_outbox_ticket_ticket"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    index("ix_outbox_agents", "outbox", ["recipient_key", "created_at"], where="automatic AND NOT outside")
    index(
        "ix_outbox_automatic",
        "outbox",
        ["created_at", "recipient_domain", "recipient_key"],
        where="automatic AND outside",
    )
    index("ix_outbox_due", "outbox", ["due_at"], where="state IN ('queued', 'sending')")
    index("ix_outbox_failed", "outbox", ["id"], where="state = 'failed'")
    index("ix_outbox_message", "outbox", ["message"])
    index("ix_outbox_ticket", "outbox", ["ticket", "created_at"])
    index("uq_outbox_message_id", "outbox", ["message_id"], unique=True)
    index("uq_outbox_told_once", "outbox", ["event_key", "recipient_key"], unique=True)


def create_route() -> None:
    op.create_table(
        "route",
        number("id"),
        number("message"),
        number("intake"),
        text("route"),
        text("peer"),
        text("sender"),
        json("recipients"),
        time("at"),
        sa.ForeignKeyConstraint(["intake"], ["intake.id"], name="fk_route_intake_intake"),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name="fk_route_message_message"),
        sa.PrimaryKeyConstraint("id", name="pk_route"),
    )
    index("ix_route_message", "route", ["message"])
