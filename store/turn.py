"""Whose turn it is to write: threads of one process take turns in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque


class Turn:
    """A lock that is handed to the one who waits longest, so that a busy thread cannot keep taking it back."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._gates: deque[threading.Lock] = deque()
        self._held = False

    @property
    def waiting(self) -> int:
        """How many wait for the one whose turn it is."""
        return len(self._gates)

    def acquire(self, timeout: float) -> bool:
        """Whether it became our turn within `timeout` seconds."""
        with self._guard:
            if not self._held:
                self._held = True
                return True
            gate = threading.Lock()
            gate.acquire()
            self._gates.append(gate)
        if gate.acquire(timeout=timeout):
            return True
        with self._guard:
            if gate in self._gates:
                self._gates.remove(gate)
                return False
        return True  # it was handed to us just when we gave up

    def release(self) -> None:
        """End our turn; the next one goes on at once."""
        with self._guard:
            if self._gates:
                self._gates.popleft().release()
            else:
                self._held = False
