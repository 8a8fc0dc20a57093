"""Everything the desk remembers, on SQLite or PostgreSQL: named methods only, and no SQL elsewhere.

    store = Store.open("sqlite:////var/lib/maild/maild.db", Path("/var/lib/maild/files"))
    with store.work() as work:          # one transaction: all of it is committed at the end, or nothing
        person = work.person(Address("Carla Ruiz", "carla@customer.example"))

What a row is:

    content       octets known by their SHA-256, if small (bigger ones are files): raw mails, attachments, big mails of ours
    intake        a mail that arrived, with its envelope: waiting, working, done, quarantined, dropped
    person        somebody of the register        address      by which mail address a person is known, in lower case
    ticket        a ticket and its due times      participant  who takes part in it besides the requester
    watcher       an agent who follows a ticket   link         what one ticket is to another
    message       a message or note; of a ticket, or kept unmatched
    attachment    a part of a message             route        a way by which a message came
    reference     a Message-ID seen in a ticket, by whom
    event         a line of the history with its reasons; of a ticket, or of the desk
    outbox        a mail of ours, its bytes fixed: queued, sending, sent, failed, dropped
    post          a ticket on its way to a webhook: queued, sending, sent, failed, dropped
    digest        a line that waits for a digest  node         a daemon that reports itself
    held          an agent's mail that waits for a word of his
    absence       an agent who is away until a time
    turn          who of a team got the last ticket in turn
    fired         a rule on time that fired for a ticket
    memo          a small thing by its name
    appointment   when a mail that comes regularly is due to somebody
    signing_key   what reply tokens are made with

Never deleted: intake, content, tickets, messages, routes, references, history, outbox, posts, digests, keys. Deleted are only ties that were
undone (participant, watcher), absences that are over, appointments with who has left, nodes that are forgotten, and a register entry that two nodes made at once.

Several processes may use one database. On PostgreSQL they may run on several hosts, which then share the folder of files.
Faults that pass are raised as `NotNow` from every call; errors of the program stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maild.errors import NotNow, Unreachable
from store.consistency import violations
from store.content import Content
from store.engine import Counts, Database, parse_url
from store.files import Files
from store.intake import LeaseLost
from store.migration import migrate
from store.outbox import NoteLeak
from store.work import Work

__all__ = ["Content", "Counts", "LeaseLost", "NoteLeak", "Store", "Work"]


class Store:
    """An open store, for all threads of the process. Made by `open`."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files
        self.content = Content(database, files)

    @classmethod
    def open(cls, url: str, files: Path) -> Store:
        """Open the database of this SQLAlchemy URL (SQLite paths absolute) and the folder for big contents.

        Makes what is missing and upgrades what is older. ConfigError for a URL or database that cannot be used, Unreachable when
        it does not answer.
        """
        parsed = parse_url(url)
        shown = parsed.render_as_string(hide_password=True)
        try:
            folder = Files(files)
            folder.prepare()
            migrate(parsed)
        except NotNow as error:
            raise Unreachable(f"{shown}: {error}") from error
        except OSError as error:
            raise Unreachable(f"{shown}: {error.filename or files}: {error.strerror}") from error
        return cls(Database(parsed), folder)

    @contextmanager
    def work(self, *, urgent: bool = False) -> Iterator[Work]:
        """One write transaction, committed at the end, rolled back when an exception passes. Not to be nested.

        `urgent`: before other threads that wait to write, and those that see `contended` make room for it.
        """
        with self._database.work(urgent=urgent) as connection:
            yield Work(connection, self._files, writing=True)

    @contextmanager
    def read(self) -> Iterator[Work]:
        """One state of the database to look at; methods that change something fail."""
        with self._database.read() as connection:
            yield Work(connection, self._files, writing=False)

    @property
    def counts(self) -> Counts:
        """Statements executed and transactions committed since the store was opened."""
        return self._database.counts

    @property
    def contended(self) -> bool:
        """Whether another thread waits urgently for the write transaction that is open; long work should then end its own."""
        return self._database.contended

    def check(self) -> list[str]:
        """What is untrue in the store and never should be, a sentence each; reads everything."""
        with self._database.read() as connection:
            return list(violations(connection, self._files))

    def close(self) -> None:
        self._database.close()
