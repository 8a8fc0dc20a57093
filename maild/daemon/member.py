"""This node among those of the desk: it joins under a name of its own, says that it lives, and takes over from those that do not.

A node that was silent for `DEAD_AFTER` is buried by another: its sessions on the server are ended, what it had claimed is free, its leases
too. Who is silent himself for `FENCED_AFTER` sends nothing any more until he has been heard. All of this goes by the clock of the database.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from maild import __version__
from maild.daemon.running import Running, boot_time
from maild.lock import AlreadyRunning
from store import Work
from store.bells import MAIL, NODES, OUTBOX
from store.nodes import DEAD_AFTER
from store.rows import Node

log = structlog.get_logger("maild.daemon")

CLOCK: Final = "clock"
"""The lease of the node that passes on what is due."""
LEASE: Final = timedelta(seconds=DEAD_AFTER)
_LOOK: Final = 0.5
_NAME_MAX: Final = 50


def name_of(path: Path, given: str) -> str:
    """The name of the node that runs with this configuration file: the given one, else the host's and a mark that tells two files apart."""
    mark = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:4]
    return given or f"{os.uname().nodename[: _NAME_MAX - 5]}-{mark}"


def place() -> str:
    """The machine since its last start and where its process numbers count; "" where the system does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


@dataclass(slots=True)
class Member:
    """Synchronous; called from threads, one at a time. `only`: no other node can be there (the lock of the files says so)."""

    running: Running
    only: bool
    started_at: datetime
    pause: Callable[[float], None] = time.sleep
    _place: str = field(default_factory=place)

    @property
    def name(self) -> str:
        return self.running.flow.node

    def join(self) -> None:
        """Enter the desk, and take up again what was in work under this name. Waits some seconds where it is not certain that the former process
        of this name has ended; AlreadyRunning when it has not. Raises NotNow."""
        instead_of = None
        while (other := self._enter(instead_of)) is not None:
            instead_of = other if self._is_gone(other) else self._wait_for_end(other)

    def _enter(self, instead_of: Node | None) -> Node | None:
        began = boot_time()
        with self.running.flow.store.work() as work:
            node, shared = self._report(work, {})
            other = work.join(node, instead_of)
            if other is not None:
                return other
            mails, sends = work.release_intake(self.name), work.release_outbox(self.name)
            posts = work.release_posts(self.name)
            self._bury_dead(work, node)
            has_clock = work.take_lease(CLOCK, self.name, node.seen_at, node.seen_at + LEASE)
            work.ring(NODES)
        if mails or sends or posts:
            log.warning("taken up again", mails=mails, outgoing=sends, posts=posts)
        self._heard(began, node, shared, has_clock)
        return None

    def _report(self, work: Work, detail: Mapping[str, object]) -> tuple[Node, bool]:
        """What this node says of itself, and whether its time is that of a clock that it shares with others."""
        at = work.time()
        now = at or self.running.clock()
        node = Node(self.name, os.getpid(), __version__, self.started_at, now, detail, self._place)
        return node, at is not None

    def _is_gone(self, other: Node) -> bool:
        """Whether the process is certainly not there any more."""
        if self.only:
            return True
        if not self._place or other.place != self._place:
            return False
        if other.pid == os.getpid():
            return True
        try:
            os.kill(other.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def _wait_for_end(self, other: Node) -> Node:
        """Until the node was silent for long enough."""
        log.warning("another node of this name was here just now", node=self.name, pid=other.pid)
        while not self.running.stopping.is_set():
            with self.running.flow.store.read() as work:
                there = next((one for one in work.nodes() if one.name == self.name), None)
                now = work.time() or self.running.clock()
            if there is None or _silent(there, now):
                return other if there is None else there
            if not there.is_same(other) or there.seen_at > other.seen_at:
                raise AlreadyRunning(
                    f"a node named {self.name} runs already (process {there.pid}); give each node of the desk a name of its own: node in [store]"
                )
            self.pause(_LOOK)
        raise AlreadyRunning(f"stopped while a node named {self.name} was perhaps still running")

    def beat(self, detail: Mapping[str, object]) -> bool:
        """Say that this node lives, and how; bury the dead, and hold the clock. Whether something was taken over. AlreadyRunning when
        somebody else has the name now. Raises NotNow."""
        began = boot_time()
        had_clock = self.running.has_clock
        with self.running.flow.store.work() as work:
            node, shared = self._report(work, detail)
            known = work.heartbeat(node)
            other = None if known else work.join(node)
            if other is not None:
                raise AlreadyRunning(f"process {other.pid} has taken the name {self.name} of this node")
            buried = self._bury_dead(work, node)
            has_clock = work.take_lease(CLOCK, self.name, node.seen_at, node.seen_at + LEASE)
        if not known:
            log.warning("was taken for dead", node=self.name)
        self._heard(began, node, shared, has_clock)
        return buried or (has_clock and not had_clock)

    def _heard(self, began: float, node: Node, shared: bool, has_clock: bool) -> None:
        self.running.heard_at = began if shared else None
        self.running.offset = node.seen_at - self.running.clock() if shared else timedelta(0)
        self.running.clock_until = began + LEASE.total_seconds() if has_clock else 0.0

    def _bury_dead(self, work: Work, me: Node) -> bool:
        """Whether there was somebody to bury. What the dead had at work is free."""
        buried = False
        others = [one for one in work.nodes() if one.name != me.name]
        for one in others:
            if not (self.only or _silent(one, me.seen_at)):
                continue
            # first, because one that was frozen amid a transaction holds its row
            sessions = work.end_sessions(one.name)
            if not work.forget_node(one):
                continue
            mails, sends = work.release_intake(one.name), work.release_outbox(one.name)
            posts = work.release_posts(one.name)
            log.warning(
                "node taken for dead",
                node=one.name, seen_at=one.seen_at.astimezone(UTC).isoformat(), sessions=sessions, mails=mails, outgoing=sends, posts=posts,
            )  # fmt: skip
            buried = True
        self.running.flow.store.alone = not any(not _silent(one, me.seen_at) for one in others)
        return buried

    def leave(self) -> None:
        """The node has ended in order: its leases, and what it had claimed, are free at once."""
        with self.running.flow.store.work() as work:
            node, _ = self._report(work, {})
            if work.forget_node(node):  # what was not brought to its end is for the others
                work.release_intake(self.name), work.release_outbox(self.name), work.release_posts(self.name)
            for bell in (NODES, MAIL, OUTBOX):
                work.ring(bell)


def _silent(node: Node, now: datetime) -> bool:
    return (now - node.seen_at).total_seconds() > DEAD_AFTER
