"""Mail that arrived: kept, claimed by one worker at a time, finished, or put aside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from maild.desk.facts import Envelope
from maild.errors import NotNow
from store.bells import MAIL
from store.content import Content, ContentWork
from store.prepared import Prepared
from store.rows import Arrival, Intake, Quarantined
from store.tables import IMPORTED, INTAKE_ASIDE, INTAKE_OPEN, intake, where
from store.transaction import any_of, chunks

_INSERT = sa.insert(intake).returning(intake.c.id, sort_by_parameter_order=True)
_UPDATE = sa.update(intake)
_COLUMNS = (
    intake.c.id,
    intake.c.sha256,
    intake.c.size,
    intake.c.sender,
    intake.c.recipients,
    intake.c.route,
    intake.c.peer,
    intake.c.helo,
    intake.c.received_at,
    intake.c.trusted,
    intake.c.unauthenticated,
    intake.c.attempts,
    intake.c.message_id,
)
_FINISH = Prepared(_UPDATE.where(intake.c.id == sa.bindparam("number"), intake.c.state == "working"))
_FREE: dict[str, Any] = {"node": None, "lease_until": None}
_TO_WORK_ON = (
    where(INTAKE_OPEN),
    sa.or_(
        sa.and_(
            intake.c.state == "waiting",
            sa.or_(intake.c.due_at.is_(None), intake.c.due_at <= sa.bindparam("now")),
        ),
        sa.and_(intake.c.state == "working", intake.c.lease_until < sa.bindparam("now")),
    ),
)
_CANDIDATES = Prepared(
    sa.select(intake.c.id, intake.c.attempts)
    .where(*_TO_WORK_ON)
    .order_by(intake.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = Prepared(
    _UPDATE.where(intake.c.id.in_(any_of("numbers")))
    .values(attempts=intake.c.attempts + 1)
    .returning(*_COLUMNS)
)
_WAITS = sa.select(sa.exists().where(*_TO_WORK_ON))
_IMPORTED_BEFORE = sa.select(intake.c.sha256).where(where(IMPORTED), intake.c.sha256.in_(any_of("hashes")))


_EARLIER = Prepared(
    sa.select(intake.c.due_at)
    .where(
        where(INTAKE_OPEN),
        intake.c.id < sa.bindparam("number"),
        intake.c.message_id.in_(any_of("answered")),
    )
    .order_by(intake.c.due_at)
)


class LeaseLost(NotNow):
    """The work took longer than its lease and another node has taken it over: what was done here must not count."""


def _envelope(row: Any) -> Envelope:
    return Envelope(
        row.sender,
        tuple(row.recipients),
        row.route,
        row.peer,
        row.received_at,
        row.trusted,
        row.unauthenticated,
        row.helo,
    )


class IntakeWork(ContentWork):
    """The intake as part of a transaction."""

    def keep(self, arrivals: Sequence[Arrival]) -> list[int]:
        """Accept mails whose content is kept already: their numbers, in order. Due at once."""
        if not arrivals:
            return []
        self._hold(arrival.sha256 for arrival in arrivals if arrival.size > Content.SMALL)
        rows = [
            {
                "sha256": arrival.sha256,
                "size": arrival.size,
                "sender": arrival.envelope.sender,
                "recipients": arrival.envelope.recipients,
                "route": arrival.envelope.route,
                "peer": arrival.envelope.peer,
                "helo": arrival.envelope.helo,
                "received_at": arrival.envelope.received_at,
                "trusted": arrival.envelope.trusted,
                "unauthenticated": arrival.envelope.unauthenticated,
                "message_id": arrival.message_id,
                "state": "waiting",
                "attempts": 0,
            }
            for arrival in arrivals
        ]
        self.ring(MAIL)
        if self._postgres and len(rows) > 1:  # where each statement is a round trip
            return list(self._connection.scalars(_INSERT, rows))
        return [self._insert(intake, row) for row in rows]

    def take_up(self, arrival: Arrival, node: str, now: datetime, lease: timedelta) -> int:
        """Accept a mail whose content is kept already and begin to work on it, so that nobody else ever does: its number."""
        [number] = self.keep([arrival])
        taken = {"state": "working", "node": node, "lease_until": now + lease, "attempts": 1}
        self._connection.execute(_UPDATE.where(intake.c.id == number).values(**taken))
        return number

    def imported(self, hashes: Iterable[str]) -> set[str]:
        """Those of these SHA-256 whose mails came out of an archive before."""
        found: set[str] = set()
        for part in chunks(hashes):
            found.update(self._connection.scalars(_IMPORTED_BEFORE, {"hashes": part}))
        return found

    def intake_waits(self, now: datetime) -> bool:
        """Whether there is a mail to work on."""
        return bool(self._connection.scalar(_WAITS, {"now": now}))

    def claim_intake(self, node: str, now: datetime, lease: timedelta, limit: int) -> list[Intake]:
        """Up to `limit` mails to work on until `now + lease`, in order of number; each goes to one claimer only.

        A mail that was in work before and did not end well comes alone, so that it can harm no other.
        """
        found = _CANDIDATES.rows(self._connection, {"now": now, "most": limit})
        if not found:
            return []
        ids = [found[0].id]
        if not found[0].attempts:
            for row in found[1:]:
                if row.attempts:
                    break
                ids.append(row.id)
        claim = {"numbers": ids, "state": "working", "node": node, "lease_until": now + lease}
        rows = sorted(_CLAIM.rows(self._connection, claim), key=lambda row: row.id)
        return [
            Intake(row.id, row.sha256, row.size, _envelope(row), row.attempts, row.message_id) for row in rows
        ]

    def answers_earlier(self, id: int, answered: Sequence[str], now: datetime) -> datetime | None:
        """Until when a mail must wait for one that came before it and is not done, and that it answers (Message-IDs as their headers write
        them): another node has it in work, or it could not be worked on so far. None: for none."""
        if not answered:
            return None
        found = _EARLIER.rows(self._connection, {"number": id, "answered": list(answered)})
        return max((row[0] or now for row in found), default=None)

    def release_intake(self, node: str, *, untouched: bool = False) -> int:
        """Give back what this node left in work when it died: how many. The attempts count, unless it was `untouched`."""
        mine = _UPDATE.where(where(INTAKE_OPEN), intake.c.state == "working", intake.c.node == node)
        attempts = intake.c.attempts - 1 if untouched else intake.c.attempts
        return self._connection.execute(
            mine.values(state="waiting", due_at=None, attempts=attempts, **_FREE)
        ).rowcount

    def unclaim_intake(self, ids: Sequence[int], due_at: datetime, node: str) -> None:
        """Give back what this node could not work on for no fault of the mail; this attempt does not count."""
        for part in chunks(ids):
            mine = (where(INTAKE_OPEN), intake.c.state == "working", intake.c.node == node)
            back = _UPDATE.where(intake.c.id.in_(part), *mine)
            attempts = intake.c.attempts - 1
            self._connection.execute(back.values(state="waiting", attempts=attempts, due_at=due_at, **_FREE))

    def finish_intake(self, id: int, outcome: str, message: int | None, now: datetime) -> None:
        """The mail is done, as `message` if it became one. LeaseLost when it is not in work any more."""
        done = _FINISH.run(
            self._connection,
            {
                "number": id,
                "state": "done",
                "outcome": outcome,
                "message": message,
                "finished_at": now,
                "error": None,
                **_FREE,
            },
        )
        if not done:
            raise LeaseLost(f"intake {id} is not in work any more")

    def fail_intake(self, id: int, error: str, now: datetime, attempts_max: int, retry_at: datetime) -> bool:
        """The mail could not be processed: once more at `retry_at`, or into quarantine after `attempts_max`. True when it is
        quarantined now; nothing changes when it is not in work any more."""
        tired = intake.c.attempts >= attempts_max
        state = self._connection.scalar(
            _UPDATE.where(intake.c.id == id, intake.c.state == "working")
            .values(
                state=sa.case((tired, "quarantined"), else_="waiting"),
                finished_at=sa.case((tired, sa.literal(now, intake.c.finished_at.type)), else_=sa.null()),
                due_at=retry_at,
                error=error,
                **_FREE,
            )
            .returning(intake.c.state)
        )
        return bool(state == "quarantined")

    def quarantined(self) -> list[Quarantined]:
        """What was put aside, in order of number."""
        return self._aside(where(INTAKE_ASIDE))

    def quarantined_one(self, id: int) -> Quarantined | None:
        return next(iter(self._aside(where(INTAKE_ASIDE), intake.c.id == id)), None)

    def _aside(self, *conditions: sa.ColumnElement[bool] | sa.TextClause) -> list[Quarantined]:
        query = (
            sa.select(*_COLUMNS, intake.c.finished_at, intake.c.error)
            .where(*conditions)
            .order_by(intake.c.id)
        )
        return [
            Quarantined(
                row.id, row.sha256, row.size, _envelope(row), row.attempts, row.finished_at, row.error
            )
            for row in self._connection.execute(query)
        ]

    def retry_quarantined(self, id: int, now: datetime) -> bool:
        """Try it again from the first attempt; False when it is not in quarantine."""
        self.ring(MAIL)
        return self._leave(id, state="waiting", attempts=0, due_at=now, finished_at=None)

    def drop_quarantined(self, id: int, now: datetime) -> bool:
        """Give it up; the row and the raw mail stay. False when it is not in quarantine."""
        return self._leave(id, state="dropped", finished_at=now)

    def _leave(self, id: int, **values: object) -> bool:
        leave = _UPDATE.where(where(INTAKE_ASIDE), intake.c.id == id).values(**values)
        return bool(self._connection.execute(leave).rowcount)
