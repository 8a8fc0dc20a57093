"""What due promises cost: `python -m tests.bench.clocks [OPEN [DUE]]`.

A desk on SQLite with 100,000 open tickets, 1,000 of which have a broken promise: milliseconds to find what is due, seconds until all is
done with history, mails and next due time, and how long a look takes when nothing is due. A tenth of the tickets first shows that the
cost goes with what is due and not with what is open.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from maild.desk.clocks import clocks, due_times, next_at
from maild.desk.facts import Address
from maild.desk.timeline import opening
from store import Store
from tests.flow import stage as s

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULES = s.RULES.replace("resolution: 24h}", "update: 4h, resolution: 24h, warn: 75%}")


def fill(desk: s.Stage, count: int, due: int) -> None:
    """Open tickets, evenly old; of so many the first answer is just due."""
    rulebook = desk.flow.site.rulebook
    with desk.store.work() as work:
        requesters = [work.person(Address("", f"c{number}@home.test")) for number in range(min(count, 2000))]
        for number in range(count):
            late = number % (count // due) == 0
            at = NOW - timedelta(minutes=10) if late else NOW
            found = clocks(rulebook, opening(at, "new", 3, "standard"), at)
            wakes = NOW if late else next_at(found)
            work.open_ticket(
                subject=f"Fire {number}", requester=requesters[number % len(requesters)], received_at=at, created_at=at, language="en",
                channel="email", organisation=None, team="support", priority=3, level=1, sla="standard", due=due_times(found), clock_at=wakes,
            )  # fmt: skip


def measured(count: int, due: int) -> tuple[float, float, float, int]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/desk.db", Path(folder) / "files")
        desk = s.stage(Path(folder), store, rules=RULES)
        desk.now[0] = NOW
        desk.flow.look_again()
        fill(desk, count, due)
        start = time.perf_counter()
        with store.read() as work:
            found = len(work.due_clocks(NOW, due))
        finding = time.perf_counter() - start
        start = time.perf_counter()
        while desk.flow.tick():
            pass
        doing = time.perf_counter() - start
        start = time.perf_counter()
        desk.flow.tick()
        idle = time.perf_counter() - start
        store.close()
    return finding, doing, idle, found


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    due = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    print(f"{'open':>8} {'due':>6} {'found in':>10} {'done in':>9} {'each':>8} {'idle':>8}")
    for count in (most // 10, most):
        finding, doing, idle, found = measured(count, due)
        print(
            f"{count:>8} {found:>6} {1000 * finding:>7.1f} ms {doing:>7.2f} s {1000 * doing / found:>5.2f} ms {1000 * idle:>5.1f} ms"
        )


if __name__ == "__main__":
    main()
