"""The process that works: it opens the store, passes waiting mail through the flow and tells the node how it gets on.

It is told, through its pipe: `wake` (mail waits), `site` (other files are in force), `stop`. It tells: `ready`, `took` (so many mails),
`beat` (alive), `site` (taken), `rests` (it ends for want of mail). It ends with its pipe, at once: what is in work then is rolled back and done by the next one.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from multiprocessing.connection import Connection
from typing import Final

import structlog

from maild import __version__, isolation, logs
from maild.clock import utc_now
from maild.composing import Beside
from maild.daemon.running import POLL
from maild.errors import ConfigError, NotNow, Unreachable
from maild.flow import Flow
from maild.message.language import hold_tables
from maild.opening import open_store
from maild.parsing import InWorker
from maild.site import Site
from maild.verify.verifying import AsSet, Verifying
from store.migration import HEAD

log = structlog.get_logger("maild.work")

NICE: Final = 5
"""Mail that is being taken or sent has somebody who waits for it."""
BEAT: Final = 1.0
LONGEST_PAUSE: Final = 30.0
REST: Final = 30.0
"""Seconds without mail after which the process ends, and its reader: their memory is better used; the next mail starts them again."""
UNUSED: Final = 5.0
"""Seconds after which one ends that has not seen any mail yet."""


class Orders:
    """What the node says, heard by a thread of its own, so that the end of the node is the end of this process too."""

    def __init__(self, pipe: Connection) -> None:
        self.stopping = False
        self.sites: deque[tuple[Site, int]] = deque()
        self._pipe = pipe
        self._bell = threading.Event()

    def begin(self) -> None:
        threading.Thread(target=self._listen, name="maild-orders", daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                what, *more = self._pipe.recv()
                self.stopping = self.stopping or what == "stop"
                if what == "site":
                    site, number = more
                    self.sites.append((site, number))
                self._bell.set()
        except (EOFError, OSError):
            os._exit(1)  # nobody is left to work for, and whoever comes next must not find us at it

    def wait(self, seconds: float | None) -> None:
        """Until something is said, at most so long."""
        self._bell.wait(seconds)
        self._bell.clear()


class Worker:
    """The loop of the process."""

    def __init__(self, pipe: Connection, orders: Orders, flow: Flow) -> None:
        self._pipe, self._orders, self._flow = pipe, orders, flow
        self._said_at = 0.0
        self._used_at, self._rest = time.monotonic(), UNUSED
        flow.progressed, flow.is_called = self.beat, lambda: orders.stopping or bool(orders.sites)

    def beat(self) -> None:
        """Tell that work gets on, once a second."""
        if time.monotonic() - self._said_at >= BEAT:
            self._say("beat")

    def run(self) -> None:
        """Until the node says stop, or no mail has come for long."""
        pause = POLL
        self._say("ready")
        self._orders.wait(None)
        while not self._orders.stopping:
            while self._orders.sites:
                self._flow.site, number = self._orders.sites.popleft()
                self._say("site", number)
            taken = self._round()
            pause = POLL if taken is not None else min(LONGEST_PAUSE, pause * 2)
            if taken:
                self._used_at, self._rest = time.monotonic(), REST
                self._say("took", taken)
            elif taken == 0 and time.monotonic() - self._used_at > self._rest:
                self._say("rests")
                return
            else:
                self.beat()
                self._orders.wait(pause)

    def _round(self) -> int | None:
        """How many mails were taken; None when it did not go well."""
        try:
            return self._flow.work()
        except NotNow as fault:
            log.error("work waits for the store", reason=str(fault))
        except Exception:  # the worker outlives every fault; a mail that causes one is put aside by flow
            log.exception("worker fault")
        return None

    def _say(self, *what: object) -> None:
        self._said_at = time.monotonic()
        with contextlib.suppress(OSError):  # the other end is gone, and the thread that hears it ends us
            self._pipe.send(what)


def version() -> tuple[str, str]:
    """Of which maild and database this process is."""
    return __version__, HEAD


def _refuse_other(running: tuple[str, str]) -> None:
    """End when another maild was installed under the daemon that runs: it would upgrade the database under it."""
    if running != version():
        logs.to_stderr()
        log.error(
            "another maild was installed: restart the daemon; mail waits for that",
            running=running[0],
            installed=__version__,
        )
        sys.exit(ConfigError.exit_code)


def serve(pipe: Connection, inherited: Site | None, node: str) -> None:
    """The whole process, from its start to its end. One that was not forked is told its site through the pipe."""
    isolation.deafen()
    isolation.be_frugal()
    isolation.collect_seldom()
    hold_tables(isolation.on_disk)
    if inherited is not None:
        isolation.disinherit([pipe.fileno()])
        site = inherited
    else:
        try:
            _refuse_other(pipe.recv())
            site = pipe.recv()
        except (EOFError, OSError):
            sys.exit(1)  # the node is gone already
    settings = site.settings
    logs.configure(settings.log.format, settings.log.level)
    os.nice(NICE)
    orders = Orders(pipe)
    with contextlib.closing(InWorker(method="fork")) as reading, contextlib.closing(Beside()) as beside:
        reading.start()  # before this process has other threads, or anything open
        orders.begin()
        verifying = Verifying(reading, AsSet(lambda: flow.site.settings.trust, utc_now))
        try:
            store = open_store(settings, node)
            store.alone = True  # the node hears through the pipe what is done here
        except Unreachable as fault:
            log.error("the worker cannot reach the store", reason=str(fault))
            sys.exit(1)
        with contextlib.closing(store), contextlib.closing(verifying):
            flow = Flow(site, store, utc_now, node, verifying)
            flow.beside = beside
            Worker(pipe, orders, flow).run()
