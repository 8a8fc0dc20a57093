"""A desk that fetches from a mailbox: the loops of the daemon in this process, with a store and a clock of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from maild.daemon.fetching import Fetching, MailboxState, Waits
from maild.daemon.running import Running
from maild.errors import NotNow
from maild.flow import Flow, Kept
from store import Store
from store.rows import Filter
from tests.flow.stage import MAILD_TOML, Stage, stage, text_of
from tests.intake.dovecot import PASSWORD, USER

SECONDS = 20.0
SOON = Waits(0.05, 0.1, 30, 900, 0.1)


async def until(holds: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """What `holds` gives as soon as that is true."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not (found := await asyncio.to_thread(holds)):
        assert loop.time() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)
    return found


@contextlib.contextmanager
def away(store: Store) -> Iterator[list[str]]:
    """The database cannot be reached. Gives what was tried, as it grows."""
    tried: list[str] = []

    @contextlib.contextmanager
    def gone(**how: bool) -> Iterator[None]:
        tried.append(f"store {how}")
        raise NotNow("the database cannot be used now: the server is away")
        yield

    store.__dict__ |= {"work": gone, "read": gone}
    try:
        yield tried
    finally:
        del store.__dict__["work"], store.__dict__["read"]


@contextlib.contextmanager
def full(flow: Flow) -> Iterator[list[str]]:
    """Only to keep mail fails. Gives what was tried, as it grows."""
    tried: list[str] = []

    def keep(mails: Sequence[Kept], *_: object) -> list[int]:
        tried.append(f"{len(mails)} mails")
        raise NotNow("files cannot be written now: no space left on device")

    flow.__dict__["keep"] = keep
    try:
        yield tried
    finally:
        del flow.__dict__["keep"]


@dataclass
class Box:
    """A desk with one mailbox. `settings`: lines of its `[[imap]]`, over the usual ones."""

    folder: Path
    store: Store
    stage: Stage = field(init=False)
    running: Running = field(init=False)
    fetching: Fetching = field(init=False)
    ahead: timedelta = timedelta(0)

    def set_up(self, port: int, toml: str = "", often: bool = False, **settings: Any) -> Box:
        """The files, and a node that does not run yet. `often`: it looks more often than settings allow."""
        (self.folder / "password").write_text(PASSWORD + "\n")
        values = {"name": "support", "host": "127.0.0.1", "port": port, "tls": "none", "user": USER, "password_file": "password",
                  "timeout": "10s", "poll": "20m"} | settings  # fmt: skip
        lines = (f"{key} = {_toml(value)}" for key, value in values.items() if value is not None)
        text = "\n".join([MAILD_TOML, "[[imap]]", *lines, toml])
        self.stage = stage(self.folder, self.store, text)
        if often:
            flow = self.stage.flow
            [imap] = flow.site.settings.imap
            quick = (imap.model_copy(update={"poll": timedelta(seconds=0.1)}),)
            flow.site = replace(flow.site, settings=flow.site.settings.model_copy(update={"imap": quick}))
        self.stage.flow.clock = lambda: datetime.now(UTC) + self.ahead
        self.new_node("one")
        return self

    def new_node(self, name: str) -> None:
        """A daemon that starts (again)."""
        self.stage.flow.node = name
        self.running = Running(self.stage.flow, self.stage.flow.clock)
        self.fetching = Fetching(self.running, SOON)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """While the loops run. They end as the daemon's do."""
        task = asyncio.create_task(self.fetching.run())
        try:
            yield
        finally:
            self.running.stop()
            async with asyncio.timeout(SECONDS):
                await task

    @property
    def state(self) -> MailboxState:
        return self.fetching.mailboxes()[0]

    async def quiet(self, seconds: float = SECONDS) -> None:
        """Until all was read to its end and the reader waits for more."""
        await until(
            lambda: self.state.state == "idle" and not self.state.waiting,
            f"all is read: {self.state}",
            seconds,
        )

    def tickets(self) -> list[tuple[str, str]]:
        """(requester, subject) of every ticket, when all mail that was kept is processed."""
        self.stage.work()
        with self.store.read() as work:
            return [(one.requester.address, one.subject) for one in work.tickets(Filter())]

    def subjects(self) -> list[str]:
        return sorted(subject for _, subject in self.tickets())

    def routes(self, number: int = 1) -> list[str]:
        """By which ways the first message of a ticket came, in order."""
        self.stage.work()
        with self.store.read() as work:
            first = next(iter(work.messages(number)), None)
            return [route for route, _, _ in work.routes(first.id)] if first else []

    def told(self, to: str = "chen@acme.test") -> list[str]:
        """What the admins are told by mail of the desk itself, and not yet looked at."""
        sent = self.stage.sent()
        return [text_of(mail) for out, mail in sent if out.row.recipient == to and out.row.kind == "alert"]


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return str(value) if isinstance(value, int) else f"'{value}'"


@pytest.fixture
def box(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """On SQLite; at the end nothing in the store may be untrue."""
    (tmp_path / "var").mkdir()
    shutil.copy(request.getfixturevalue("_ready_file"), tmp_path / "var" / "maild.db")
    store = Store.open(f"sqlite:///{tmp_path}/var/maild.db", tmp_path / "files")
    yield Box(tmp_path, store)
    problems = store.check()
    store.close()
    assert problems == []
