"""Needs that were asked and met, what somebody chose, steps of the escalation; people found by name and telephone number."""

import sqlalchemy as sa
from alembic import op

from maild.desk.folding import fold

revision = "0008"
down_revision = "0007"

LONGEST = 150
"""Characters of a name that is found again."""


def upgrade() -> None:
    for name in ("chosen", "asked", "met"):
        op.add_column("ticket", sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("ticket", sa.Column("step", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("ticket", sa.Column("contact", sa.Text()))
    op.add_column("person", sa.Column("groups", sa.JSON(), nullable=False, server_default="[]"))
    for name in ("name_key", "phone_key"):
        op.add_column("person", sa.Column(name, sa.Text()))
        op.create_index(f"ix_person_{name}", "person", [name])
    # Whatever is not the usual one was set by somebody, as far as anybody can still tell.
    op.execute("UPDATE ticket SET chosen = '[\"priority\"]' WHERE priority <> 3")
    _find_again()


def _find_again() -> None:
    """Keys of those who are there. To whom they belong was written when they came, by their domain; from now on that is looked up."""
    person = sa.table(
        "person", *(sa.column(name) for name in ("id", "name", "phone", "name_key", "phone_key"))
    )
    connection = op.get_bind()
    keys = []
    for row in connection.execute(sa.select(person.c.id, person.c.name, person.c.phone)):
        name = " ".join(fold(row.name).split())
        digits = "".join(char for char in row.phone or "" if char.isdecimal()).lstrip("0")
        if len(name) <= LONGEST and (name or digits):
            keys.append({"number": row.id, "by_name": name or None, "by_phone": digits[-7:] or None})
    change = sa.update(person).where(person.c.id == sa.bindparam("number"))
    for first in range(0, len(keys), 1000):
        connection.execute(
            change.values(name_key=sa.bindparam("by_name"), phone_key=sa.bindparam("by_phone")),
            keys[first : first + 1000],
        )
    op.execute("UPDATE person SET organisation = NULL, language = NULL, zone = NULL WHERE address <> ''")
