"""Whose turn it is to write: threads of one process take turns in the order in which they came, the urgent ones first."""

from __future__ import annotations

import threading
from collections import deque


class Turn:
    """A lock that is handed to the one who waits longest, so that a busy thread cannot keep taking it back."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._gates: deque[threading.Lock] = deque()
        self._urgent: deque[threading.Lock] = deque()
        self._held = False

    @property
    def waiting(self) -> int:
        """How many wait for the one whose turn it is."""
        return len(self._gates) + len(self._urgent)

    @property
    def pressed(self) -> bool:
        """Whether somebody urgent waits."""
        return len(self._urgent) > 0

    def acquire(self, timeout: float, *, urgent: bool = False) -> bool:
        """Whether it became our turn within `timeout` seconds."""
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
        """End our turn; the next one goes on at once."""
        with self._guard:
            gates = self._urgent or self._gates
            if gates:
                gates.popleft().release()
            else:
                self._held = False
