"""Posts: tickets on their way to webhooks, from the moment their words are fixed. Like the outbox, but for HTTP."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from store import tables
from store.rows import NewPost, PostRow
from store.tables import OUTBOX_OPEN, in_queue, where
from store.transaction import Transaction, insert_ignore

_POST: Final = tables.post.c
_UPDATE: Final = sa.update(tables.post)
_COLUMNS: Final = tuple(
    column for column in _POST if column.name not in ("event_key", "url_key", "node", "lease_until")
)
_FREE: Final[dict[str, Any]] = {"node": None, "lease_until": None}


class PostWork(Transaction):
    """Posts as part of a transaction."""

    def queue_post(self, post: NewPost) -> bool:
        """Put it into the queue; False when this URL was told of this event before."""
        row = {
            "event_key": post.event_key,
            "event_id": post.event_id,
            "url": post.url,
            "url_key": post.url,
            "host": post.host,
            "rule": post.rule,
            "ticket": post.ticket,
            "body": post.body,
            "state": "queued",
            "attempts": 0,
            "due_at": post.created_at,
            "created_at": post.created_at,
            "reason": "",
        }
        insert = insert_ignore(
            self._connection, tables.post, key=(_POST.event_key, _POST.url_key), returning=(_POST.id,)
        )
        return self._connection.execute(insert, [row]).first() is not None

    def claim_posts(
        self,
        node: str,
        now: datetime,
        lease: timedelta,
        limit: int,
        per_host: int,
        busy: Collection[str] = (),
    ) -> list[PostRow]:
        """Up to `limit` posts to send until `now + lease`, earliest due first, at most `per_host` to one host and none to those that
        are `busy`; each goes to one claimer."""
        due = sa.or_(
            sa.and_(_POST.state == "queued", _POST.due_at <= now),
            sa.and_(_POST.state == "sending", _POST.lease_until < now),
        )
        turn = sa.func.row_number().over(partition_by=_POST.host, order_by=(_POST.due_at, _POST.id))
        waiting = (
            sa.select(_POST.id, turn.label("turn"))
            .where(where(OUTBOX_OPEN), due, _POST.host.not_in(busy))
            .subquery()
        )
        chosen = (
            sa.select(_POST.id)
            .where(_POST.id.in_(sa.select(waiting.c.id).where(waiting.c.turn <= per_host)), due)
            .order_by(_POST.due_at, _POST.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ids = self._connection.scalars(chosen).all()
        if not ids:
            return []
        claim = (
            _UPDATE.where(_POST.id.in_(ids))
            .values(state="sending", node=node, lease_until=now + lease, attempts=_POST.attempts + 1)
            .returning(*_COLUMNS)
        )
        rows = {row.id: PostRow(**row._mapping) for row in self._connection.execute(claim)}
        return [rows[id] for id in ids]

    def release_posts(self, node: str, but: Collection[int] = ()) -> int:
        """Give back what this node left half sent when it died, `but` what it knows to be sending: how many. They may go out twice, with the
        same id."""
        mine = _UPDATE.where(where(OUTBOX_OPEN), _POST.state == "sending", _POST.node == node)
        if but:
            mine = mine.where(_POST.id.not_in(but))
        return self._connection.execute(mine.values(state="queued", **_FREE)).rowcount

    def has_post(self, node: str, row: PostRow) -> bool:
        """Whether this node has the post in work as it claimed it, and nobody has taken it over since; until the transaction ends nobody can."""
        query = sa.select(_POST.id).where(
            _POST.id == row.id, _POST.state == "sending", _POST.node == node, _POST.attempts == row.attempts
        )
        return self._connection.scalar(query.with_for_update()) is not None

    def post_sent(self, id: int, now: datetime, answer: str) -> None:
        """The receiver took it, saying `answer`."""
        self._settle_post(id, ("queued", "sending"), state="sent", finished_at=now, reason=answer, **_FREE)

    def post_later(self, id: int, due_at: datetime, reason: str) -> None:
        """It was tried and is to be tried again."""
        self._settle_post(id, ("sending",), state="queued", due_at=due_at, reason=reason, **_FREE)

    def post_failed(self, id: int, now: datetime, reason: str) -> bool:
        """It was refused for good; False when somebody has settled it before."""
        return self._settle_post(
            id, ("queued", "sending"), state="failed", finished_at=now, reason=reason, **_FREE
        )

    def post_released(self, id: int, due_at: datetime) -> None:
        """It was claimed but not tried; this attempt does not count."""
        attempts = _POST.attempts - 1
        self._settle_post(id, ("sending",), state="queued", due_at=due_at, attempts=attempts, **_FREE)

    def retry_post(self, id: int, now: datetime) -> bool:
        """Post what waits or has failed at once, attempts counted anew; False for any other."""
        again = {"state": "queued", "due_at": now, "attempts": 0, "finished_at": None}
        return self._settle_post(id, ("queued", "failed"), **again)

    def drop_post(self, id: int, now: datetime) -> bool:
        """Give up what waits or has failed; the row stays. False for any other."""
        return self._settle_post(id, ("queued", "failed"), state="dropped", finished_at=now)

    def _settle_post(self, id: int, before: Sequence[str], **values: object) -> bool:
        change = _UPDATE.where(_POST.id == id, _POST.state.in_(before)).values(**values)
        return bool(self._connection.execute(change).rowcount)

    def posts(self, states: Sequence[str] = ("queued", "sending", "failed")) -> list[PostRow]:
        """Those in these states, in order of number."""
        query = sa.select(*_COLUMNS).where(in_queue(_POST.state, states)).order_by(_POST.id)
        return [PostRow(**row._mapping) for row in self._connection.execute(query)]

    def next_post_due(self) -> datetime | None:
        """When there is something to post next; None when nothing waits."""
        due = sa.case((_POST.state == "queued", _POST.due_at), else_=_POST.lease_until)
        when: datetime | None = self._connection.scalar(sa.select(sa.func.min(due)).where(where(OUTBOX_OPEN)))
        return when
