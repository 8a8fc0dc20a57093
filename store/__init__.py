"""Everything the desk remembers, on SQLite or PostgreSQL: named methods only, and no SQL elsewhere.

    store = Store.open("sqlite:////var/lib/maild/maild.db", Path("/var/lib/maild/files"))
    with store.work() as work:          # one transaction: all of it is committed at the end, or nothing
        person = work.person(Address("Carla Ruiz", "carla@customer.example"))

What a row is:

    content       octets known by their SHA-256, if small (bigger ones are files, or on their way there): raw mails, attachments, big mails of ours
    intake        a mail that arrived, with its envelope: waiting, working, done, quarantined, dropped
    discard       a content that an erasure has freed, until it is removed
    person        somebody of the register        address      by which mail address a person is known, in lower case
    ticket        a ticket and its due times      participant  who takes part in it besides the requester
    watcher       an agent who follows a ticket   link         what one ticket is to another
    message       a message or note; of a ticket, or kept unmatched
    attachment    a part of a message             route        a way by which a message came
    reference     a Message-ID seen in a ticket, by whom
    event         a line of the history with its reasons; of a ticket, or of the desk
    destination   a recipient domain that is paused, left alone, or gets mail at a pace
    outbox        a mail of ours, its bytes fixed: queued, sending, sent, failed, dropped
    post          a ticket on its way to a webhook: queued, sending, sent, failed, dropped
    mailbox       how far a mailbox is read   unfetched    a mail in it that could not be fetched so far
    digest        a line that waits for a digest  node         a daemon that reports itself
    held          an agent's mail that waits for a word of his
    absence       an agent who is away until a time
    turn          who of a team got the last ticket in turn
    fired         a rule on time that fired for a ticket
    memo          a small thing by its name
    lease         what one node at a time does, until when
    appointment   when a mail that comes regularly is due to somebody
    search        by which terms a ticket is found, made of the rest
    signing_key   what reply tokens are made with

Never deleted: intake, tickets, messages, routes, history, outbox, posts, digests, keys; and content, references but by the erasure of a
person (`store.erasing`), which empties the others of him. Deleted are only ties that were
undone (participant, watcher), absences that are over, appointments with who has left, leases that were given up, nodes that are forgotten, and a register entry that two nodes made at once.

Several processes may use one database. On PostgreSQL they may run on several hosts, which then share the folder or bucket of files: `place` checks that.
Faults that pass are raised as `NotNow` from every call; errors of the program stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from maild.errors import NotNow, Unreachable
from store.bells import Bells
from store.blobs import Blobs, Bucket, FilesAway, FilesPlace
from store.consistency import violations
from store.content import Content
from store.engine import Collided, Counts, Database, parse_url, sqlite_file
from store.files import Files
from store.intake import LeaseLost
from store.migration import migrate
from store.outbox import NoteLeak
from store.place import check_place
from store.s3 import S3Files
from store.search import rebuild
from store.transaction import Contended
from store.work import Work

__all__ = [
    "Bucket",
    "Collided",
    "Contended",
    "Content",
    "Counts",
    "FilesAway",
    "LeaseLost",
    "NoteLeak",
    "Store",
    "Work",
    "blobs_at",
]


def blobs_at(place: FilesPlace) -> Blobs:
    """What keeps big contents in this folder or bucket."""
    return S3Files(place) if isinstance(place, Bucket) else Files(place)


_MOVED_MOST: Final = 100


class Store:
    """An open store, for all threads of the process. Made by `open`. `alone`: nobody elsewhere needs to be woken by what is done here."""

    def __init__(self, database: Database, files: Blobs) -> None:
        self._database = database
        self._files = files
        self.content = Content(database, files)
        self.alone = False

    @classmethod
    def open(cls, url: str, files: FilesPlace, *, node: str = "") -> Store:
        """Open the database of this SQLAlchemy URL (SQLite paths absolute) and the folder or bucket for big contents. `node`: on whose
        behalf, so that its transactions can be ended when it is taken for dead (`Work.bury`).

        Makes what is missing and upgrades what is older. ConfigError for a URL or database that cannot be used, Unreachable when
        it does not answer.
        """
        parsed = parse_url(url)
        shown = parsed.render_as_string(hide_password=True)
        try:
            blobs = blobs_at(files)
            blobs.prepare()
            migrate(parsed)
            database = Database(parsed, node)
            try:
                check_place(database, blobs)
            except BaseException:
                database.close()
                raise
        except NotNow as error:
            raise Unreachable(f"{shown}: {error}") from error
        except OSError as error:
            raise Unreachable(f"{shown}: {error.filename or files}: {error.strerror}") from error
        return cls(database, blobs)

    @contextmanager
    def work(self, *, urgent: bool = False) -> Iterator[Work]:
        """One write transaction, committed at the end, rolled back when an exception passes. Not to be nested.

        `urgent`: before other threads that wait to write, and those that see `contended` make room for it.
        """
        work: Work | None = None
        try:
            with self._database.work(urgent=urgent) as connection:
                work = Work(connection, self._files, writing=True)
                yield work
                work.index()
                work.give_up()
                if not self.alone:
                    work.ring_out()
        except BaseException:
            if work is not None and work.written:
                self._give_up(work.written)
            raise

    def _give_up(self, files: Sequence[str]) -> None:
        with suppress(NotNow), self._database.work() as connection:  # else they stay, as after a kill
            Work(connection, self._files, writing=True).give_up(files)

    @contextmanager
    def read(self) -> Iterator[Work]:
        """One state of the database to look at; methods that change something fail."""
        with self._database.read() as connection:
            yield Work(connection, self._files, writing=False)

    @property
    def lock_file(self) -> Path | None:
        """What a daemon locks that must be the only one on this store; None where several may share it."""
        path = sqlite_file(self._database.url)
        return None if path is None else path.with_name(f"{path.name}.lock")

    def bells(self) -> Bells | None:
        """What hears transactions of other processes ring; None on SQLite."""
        return self._database.bells()

    @property
    def database(self) -> str:
        """Which kind of database it is on: sqlite or postgresql."""
        return self._database.url.get_backend_name()

    @property
    def counts(self) -> Counts:
        """Statements executed and transactions committed since the store was opened."""
        return self._database.counts

    @property
    def contended(self) -> bool:
        """Whether another thread waits urgently for the write transaction that is open; long work should then end its own."""
        return self._database.contended

    def rebuild_search(self) -> None:
        """Make the search index anew, for rows that were written beneath the store; reads everything."""
        with self._database.work() as connection:
            rebuild(connection)

    def check(self) -> list[str]:
        """What is untrue in the store and never should be, a sentence each; reads everything."""
        with self._database.read() as connection:
            return list(violations(connection, self._files))

    def sweep(self, goes_on: Callable[[], bool] = lambda: True) -> int:
        """Remove the contents that erasures have freed: how many, as far as it goes on. Nothing when there are none, at the price of one look."""
        with self.read() as work:
            if not work.discarded():
                return 0
        with self._database.alone() as still:
            with self.work() as work:
                free = work.begin_sweep()
            gone = []
            for sha256 in free:
                if not goes_on():
                    break
                still()
                self._files.discard(sha256)
                gone.append(sha256)
            with self.work() as work:
                work.end_sweep(gone)
        return len(gone)

    def move_out(self, goes_on: Callable[[], bool] = lambda: True) -> int:
        """Put big contents that transactions had to write into the database with the files, which are far away: how many, as far as it goes
        on. Nothing when there are none, at the price of one look."""
        moved = 0
        while waiting := self.content.to_move(_MOVED_MOST):
            for sha256 in waiting:
                if not goes_on():
                    return moved
                with self._database.alone() as still:
                    put = self.content.put_from_table(sha256)
                    still()
                    with self.work() as work:
                        work.moved_out(sha256, put=put)
                moved += put
        return moved

    def compact(self) -> bool:
        """Give back what erased rows have left in the database's files; False for a big SQLite database, which would stand still for long.

        PostgreSQL overwrites such rows in its own time (VACUUM), and keeps what it has archived of its log.
        """
        return self._database.compact()

    def close(self) -> None:
        self._database.close()
