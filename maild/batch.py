"""Claimed mails: which of them wait, what is at hand of them, and what became of those that cannot be worked on now."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from maild.desk.facts import Parsed
from store.rows import Intake

Outcome = Parsed | Exception
"""What became of reading a mail."""


@dataclass(slots=True)
class Batch:
    """`waiting`: not worked on so far, in order; `unread`: those of them for whose reading was not asked; `small`, `fetched`: contents that are
    at hand, the latter until they are read; `ahead`: what was read for the first that wait, if it was; `alone`: nothing is composed beside;
    `careful`: each is worked on in a savepoint, because one of them broke a transaction (what that had put with the files may go into the
    table for now); `failed`: with the reason; `put_off`: for how long, by number; `away`: big contents cannot be read now."""

    waiting: deque[Intake]
    unread: deque[Intake]
    small: dict[str, bytes]
    fetched: dict[str, bytes] = field(default_factory=dict)
    outcomes: Iterator[Outcome] = field(default_factory=lambda: iter(()))
    ahead: deque[Outcome] = field(default_factory=deque)
    alone: bool = False
    careful: bool = False
    failed: list[tuple[Intake, str]] = field(default_factory=list)
    put_off: dict[int, timedelta] = field(default_factory=dict)
    away: bool = False

    def has(self, row: Intake) -> bool:
        """Whether its content is at hand."""
        return row.sha256 in self.small or row.sha256 in self.fetched

    def content(self, row: Intake) -> bytes:
        """For its reading, which has just been asked for; empty when it is not at hand. The same may have come by another way too."""
        again = any(other.sha256 == row.sha256 for other in self.unread)
        fetched = self.fetched.get(row.sha256, b"") if again else self.fetched.pop(row.sha256, b"")
        return self.small.get(row.sha256) or fetched

    def is_aside(self, row: Intake) -> bool:
        """Whether it is not to be worked on in this batch."""
        return row.id in self.put_off or any(lost is row for lost, _ in self.failed)

    def read(self) -> Outcome:
        """What was read for the first that waits."""
        return self.ahead.popleft() if self.ahead else next(self.outcomes)

    def again(self, undone: Sequence[tuple[Intake, Outcome]]) -> None:
        """These were worked on, and it does not count: they wait again, before the others."""
        self.waiting.extendleft(row for row, _ in reversed(undone))
        self.ahead.extendleft(outcome for _, outcome in reversed(undone))
