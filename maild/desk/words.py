"""The words of the desk that are closed lists: states, roles, scopes, ticket events, ways of telling."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on-hold"
    SOLVED = "solved"
    CLOSED = "closed"
    SPAM = "spam"
    MERGED = "merged"


class Role(StrEnum):
    """As what somebody is told of an event."""

    REQUESTER = "requester"
    PARTICIPANT = "participant"
    RESPONSIBLE = "responsible"
    NEW_RESPONSIBLE = "new-responsible"
    TEAM = "team"
    TEAM_COPY = "team-copy"
    CONTACT = "contact"
    WATCHER = "watcher"
    ADMIN = "admin"

    @property
    def outside(self) -> bool:
        """Whether this is the requester's side, which never sees a note."""
        return self in (Role.REQUESTER, Role.PARTICIPANT)


class Scope(StrEnum):
    """Whom an answer to a mail of ours reaches."""

    PUBLIC = "public"
    INTERNAL = "internal"


class Notify(StrEnum):
    EACH = "each"
    DIGEST = "digest"
    OFF = "off"


class Happening(StrEnum):
    """The events of a ticket that somebody may be told of (the rows of the notices table)."""

    CREATED = "created"
    REPLIED = "replied"
    ANSWERED = "answered"
    NOTED = "noted"
    STATE = "state"
    ASSIGNED = "assigned"
    CHANGED = "changed"
    ESTIMATED = "estimated"
    UNDELIVERABLE = "undeliverable"
    UPDATED = "updated"
    WARNED = "warned"
    BREACHED = "breached"
    SUPPLIED = "supplied"
    RATED = "rated"
    ESCALATED = "escalated"
