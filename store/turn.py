"""Whose turn it is to write: threads take turns in the order in which they came, the urgent ones first; and so do processes.

SQLite itself makes a writer that has to wait look again and again, and whoever has just written is mostly the next to write too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_WRITE: Final = 0
"""Held by the process that writes."""
_NEXT: Final = 1
"""Held by the process that waits to write; who has just written cannot pass by it."""
_URGENT: Final = 2
"""Shared by the processes in which somebody urgent waits."""


class Turn:
    """A lock that is handed to the one who waits longest, so that a busy thread cannot keep taking it back."""

    def __init__(self, among: Among | None = None) -> None:
        self._guard = threading.Lock()
        self._gates: deque[threading.Lock] = deque()
        self._urgent: deque[threading.Lock] = deque()
        self._held = False
        self._among = among
        self._passed_on = False
        """Whether the turn of this process went from one thread to the next."""

    @classmethod
    def of(cls, database: Path) -> Turn:
        """That of an SQLite file: one for all threads of this process, in turn with other processes."""
        key = (os.getpid(), os.path.realpath(database))
        with _TURNS_GUARD:
            turn = _TURNS.get(key)
            if turn is None:
                turn = _TURNS[key] = cls(Among(database.with_name(f"{database.name}-turn")))
            return turn

    @property
    def waiting(self) -> int:
        """How many threads of this process wait for the one whose turn it is."""
        return len(self._gates) + len(self._urgent)

    @property
    def pressed(self) -> bool:
        """Whether somebody urgent waits, here or in another process."""
        return len(self._urgent) > 0 or (self._among is not None and self._among.pressed)

    def acquire(self, timeout: float, *, urgent: bool = False) -> bool:
        """Whether it became our turn within `timeout` seconds, for each of threads and processes."""
        if self._among is None:
            return self._acquire(timeout, urgent)
        with self._among.urging() if urgent else contextlib.nullcontext():
            if not self._acquire(timeout, urgent):
                return False
            if self._passed_on or self._among.acquire(timeout):
                return True
            self._hand_on()
            return False

    def _acquire(self, timeout: float, urgent: bool) -> bool:
        gates = self._urgent if urgent else self._gates
        with self._guard:
            if not self._held:
                self._held = True
                return True
            gate = threading.Lock()
            gate.acquire()
            gates.append(gate)
        if gate.acquire(timeout=timeout):
            return True
        with self._guard:
            if gate in gates:
                gates.remove(gate)
                return False
        return True  # it was handed to us just when we gave up

    def release(self) -> None:
        """End our turn; the next one goes on at once. Somebody urgent in this process shares its turn: else whoever came before him would make
        him wait for another process once more. But only one, for the others wait too."""
        if self._among is not None:
            with self._guard:
                self._passed_on = bool(self._urgent) and not self._passed_on
                if self._passed_on:
                    self._urgent.popleft().release()
                    return
            self._among.release()
        self._hand_on()

    def _hand_on(self) -> None:
        with self._guard:
            gates = self._urgent or self._gates
            if gates:
                gates.popleft().release()
            else:
                self._held = False


_TURNS: weakref.WeakValueDictionary[tuple[int, str], Turn] = weakref.WeakValueDictionary()
_TURNS_GUARD: Final = threading.Lock()


class Among:
    """The turn among processes: locks on bytes of a file (fcntl(2)), which the kernel gives up for a process that ends in any way.

    For one thread at a time. Where the file cannot be made or locked every process has its turn at once, and SQLite keeps order.
    """

    def __init__(self, path: Path) -> None:
        self._file: int | None = None
        with contextlib.suppress(OSError):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            weakref.finalize(self, os.close, self._file)
        self._guard = threading.Lock()
        self._urging = 0
        self._waits = False
        self._given_up = False
        self._came = threading.Event()

    def acquire(self, timeout: float) -> bool:
        """Whether it became this process's turn within `timeout` seconds."""
        file = self._file
        if file is None:
            return True
        with self._guard:
            if not self._waits:
                if _try(file, _NEXT) and _try(file, _WRITE):
                    _unlock(file, _NEXT)
                    return True
                self._waits = True
                self._came.clear()
                threading.Thread(target=self._wait, args=(file,), name="maild-turn", daemon=True).start()
            self._given_up = False
        if self._came.wait(timeout):
            return True
        with self._guard:
            self._given_up = self._waits
            return not self._waits  # it came just when we gave up

    def _wait(self, file: int) -> None:
        """In a thread of its own, because the kernel knows no time-out for this."""
        with contextlib.suppress(OSError):  # the file system lost its locks: SQLite keeps order
            fcntl.lockf(file, fcntl.LOCK_EX, 1, _NEXT)
            fcntl.lockf(file, fcntl.LOCK_EX, 1, _WRITE)
            _unlock(file, _NEXT)
        with self._guard:
            self._waits = False
            if self._given_up:
                _unlock(file, _WRITE)
            else:
                self._came.set()

    def release(self) -> None:
        """End the turn of this process."""
        if self._file is not None:
            _unlock(self._file, _WRITE)

    @contextlib.contextmanager
    def urging(self) -> Iterator[None]:
        """Let the process whose turn it is know that somebody urgent waits."""
        self._urge(1)
        try:
            yield
        finally:
            self._urge(-1)

    def _urge(self, more: int) -> None:
        if self._file is None:
            return
        with self._guard:
            before, self._urging = self._urging, self._urging + more
            if before == 0:
                with contextlib.suppress(OSError):  # somebody looks at it just now, and will look again
                    fcntl.lockf(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, _URGENT)
            elif self._urging == 0:
                _unlock(self._file, _URGENT)

    @property
    def pressed(self) -> bool:
        """Whether somebody urgent waits in another process."""
        if self._file is None:
            return False
        with self._guard:
            if self._urging:  # our own lock would not be told from another's
                return True
            if _try(self._file, _URGENT):
                _unlock(self._file, _URGENT)
                return False
        return True


def _try(file: int, byte: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except OSError:
        return False
    return True


def _unlock(file: int, byte: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)
