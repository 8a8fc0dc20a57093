"""Turns among processes: handed over at once, the urgent ones seen, and free again when their holder is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.turn import Among, Turn

PATIENCE = 30
OTHER = """
import sys
from pathlib import Path
from store.turn import Turn
turn = Turn.of(Path(sys.argv[1]))
for line in sys.stdin:
    match line.split():
        case ["acquire", seconds]: print(turn.acquire(float(seconds)), flush=True)
        case ["urgently", seconds]: print(turn.acquire(float(seconds), urgent=True), flush=True)
        case ["release"]: turn.release()
"""


class Other:
    """Another process that takes turns as it is told."""

    def __init__(self, database: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=Path(__file__).resolve().parents[2],
        )

    def told(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")

    def said(self) -> bool:
        assert self.process.stdout is not None
        return self.process.stdout.readline() == "True\n"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "maild.db"


@contextmanager
def another(database: Path) -> Iterator[Other]:
    other = Other(database)
    with other.process:
        try:
            yield other
        finally:
            other.process.kill()


def until(turn: Turn, pressed: bool) -> None:
    deadline = time.monotonic() + PATIENCE
    while turn.pressed is not pressed:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _next_is_taken(database: Path) -> bool:
    """Whether the other process waits to write; asked in a process of its own, because a process never meets its own locks."""
    look = (
        "import fcntl, sys\n"
        "with open(sys.argv[1], 'r+b') as file:\n"
        "    try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1)\n"
        "    except OSError: sys.exit(1)\n"
    )
    return subprocess.run([sys.executable, "-c", look, f"{database}-turn"], check=False).returncode == 1


def test_a_busy_process_does_not_pass_by_one_that_waits(database: Path) -> None:
    turn = Turn.of(database)
    with another(database) as other:
        for _ in range(5):
            assert turn.acquire(PATIENCE)
            other.told(f"urgently {PATIENCE}")
            until(turn, pressed=True)
            turn.release()
            again: list[bool] = []
            thread = threading.Thread(target=lambda into: into.append(turn.acquire(PATIENCE)), args=(again,))
            thread.start()
            assert other.said(), "it did not get its turn before us"
            assert again == []
            other.told("release")
            thread.join(PATIENCE)
            assert again == [True]
            assert not turn.pressed
            turn.release()


def test_who_is_not_urgent_does_not_press(database: Path) -> None:
    turn = Turn.of(database)
    with another(database) as other:
        assert turn.acquire(PATIENCE)
        other.told("acquire 0.05")
        assert not other.said()
        assert not turn.pressed
        turn.release()
        other.told(f"acquire {PATIENCE}")
        assert other.said()


def test_somebody_urgent_shares_the_turn_of_his_process_but_only_one(database: Path) -> None:
    turn, order = Turn.of(database), list[str]()

    def take(name: str, urgent: bool) -> None:
        assert turn.acquire(PATIENCE, urgent=urgent)
        order.append(name)
        turn.release()

    with another(database) as other:
        assert turn.acquire(PATIENCE)
        threads = [
            threading.Thread(target=take, args=(name, urgent))
            for name, urgent in (("plain", False), ("first", True), ("second", True))
        ]
        for number, thread in enumerate(threads, 1):
            thread.start()
            while turn.waiting < number:
                time.sleep(0.001)
        other.told(f"acquire {PATIENCE}")
        waits = threading.Thread(target=lambda: order.append("other") if other.said() else None)
        waits.start()
        while not _next_is_taken(database):
            time.sleep(0.001)
        turn.release()
        waits.join(PATIENCE)
        other.told("release")
        for thread in threads:
            thread.join(PATIENCE)
    assert order == ["first", "other", "second", "plain"]
    assert not turn.pressed


def test_the_turn_of_a_process_that_is_killed_is_free(database: Path) -> None:
    turn = Turn.of(database)
    with another(database) as other:
        other.told(f"urgently {PATIENCE}")
        assert other.said()
        assert not turn.acquire(0.01)
        other.process.kill()
        assert turn.acquire(PATIENCE)
        assert not turn.pressed
        turn.release()


def test_a_turn_that_comes_after_giving_up_is_given_back(database: Path) -> None:
    turn = Turn.of(database)
    with another(database) as other, another(database) as third:
        other.told(f"acquire {PATIENCE}")
        assert other.said()
        assert not turn.acquire(0.01)
        other.told("release")
        third.told(f"acquire {PATIENCE}")
        assert third.said(), "nobody holds it, but it is not free"
        third.told("release")
        assert turn.acquire(PATIENCE)
        turn.release()


def test_all_stores_of_a_process_share_one_turn(database: Path) -> None:
    assert Turn.of(database) is Turn.of(database.parent / "." / "maild.db")


def test_without_a_file_to_lock_turns_are_taken_all_the_same(tmp_path: Path) -> None:
    turn = Turn(Among(tmp_path / "missing" / "maild.db-turn"))
    for urgent in (False, True):
        assert turn.acquire(1, urgent=urgent)
        assert not turn.pressed
        turn.release()
