"""What a process of ours does first: a forked one leaves what belongs to its parent, each gives back memory that it does not need."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import os
import signal
import tempfile
from collections.abc import Sequence
from multiprocessing import resource_tracker
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
_BIG: Final = 1 << 20
_PIECE: Final = 16 << 10
_SPARE: Final = 4 << 20
"""What a process may keep for its next mail, instead of asking for the same pages again with each."""


def be_frugal() -> None:
    """Pieces of memory of a mebibyte or more go back to the system when they are freed, small ones when four are free at the end; threads share
    theirs (mallopt(3)).

    Without glibc nothing is changed. glibc alone would raise its threshold with the first big mail, and keep the memory of all that follow.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _BIG)
        mallopt(_TRIM_THRESHOLD, _SPARE)
        mallopt(_ARENA_MAX, 2)


def collect_seldom() -> None:
    """Look for garbage in cycles once for several mails: there is little of it, and each look goes through all that is in use."""
    gc.set_threshold(20_000, 20, 20)


def give_back() -> None:
    """End what spawned processes have left, and let memory that is free inside go back to the system (malloc_trim(3), where there is glibc).

    To be called when none of them lives any more. With the first one multiprocessing starts another that looks after semaphores, of which
    we have none; it would stay, and take a tenth of what this process does.
    """
    stop = getattr(resource_tracker._resource_tracker, "_stop", None)  # it has no public name
    if stop is not None:
        stop()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def on_disk(octets: memoryview) -> memoryview:
    """The same in a file without a name, of which memory holds what was looked at; where a disk has no room for it, as it is."""
    for folder in ("/var/tmp", None):  # noqa: S108  it has no name there; the usual one is often in memory itself
        with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder) as file:
            # what is written at once is held at once too (large folios)
            for at in range(0, len(octets), _PIECE):
                file.write(octets[at : at + _PIECE])
            file.flush()
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return octets


def stand_back() -> None:
    """Do not take the processor away from whoever wakes us with work (sched(7), SCHED_BATCH): he has more to do meanwhile."""
    with contextlib.suppress(OSError):  # a container may forbid it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


_PARENTS_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def deafen() -> None:
    """Leave the signals that are meant for the daemon to the daemon: this process ends with its pipe."""
    signal.set_wakeup_fd(-1)
    for number in _PARENTS_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def disinherit(keep: Sequence[int]) -> None:
    """Close what the parent had open (its sockets, its database, its locks) but for standard streams and `keep`.

    To be called in a forked process only, before it opens anything. Objects of the parent stay, frozen, and are never used.
    """
    gc.freeze()  # and not collect: that would touch, and so copy, every object
    first = 3
    for descriptor in sorted(keep):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
