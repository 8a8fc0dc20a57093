"""Many clients, slow ones and heavy mails: the daemon stays small, and a small mail is taken meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.load import MEBIBYTE, Watch, hand_over, heavy, many, resident, slow
from tests.way.desk import CONFIG, Desk
from tests.way.relay import Relay

IDLE = 120 * MEBIBYTE
"""Of the process that takes and sends mail, which is alone when nothing has come for half a minute: tests/bench/load.py waits for that."""
ALL_IDLE = 170 * MEBIBYTE
UNDER_LOAD = 400 * MEBIBYTE
SIZE = 25 * 1000 * 1000
SIDE_BY_SIDE = 7
"""tests/bench/load.py sends 50."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    relay = Relay()
    made = Desk(tmp_path / "desk", relay, config=CONFIG.replace('"2 MB"', '"26 MB"\nconnections_per_address = 200'))  # fmt: skip
    made.start(by_exec=True)
    yield made
    made.end()
    relay.close()


def pid(desk: Desk) -> int:
    assert desk.process is not None
    return desk.process.popen.pid


def test_it_is_small_when_nothing_happens(desk: Desk) -> None:
    desk.ask("carla@globex.test", "Warm", "Hello, is anybody there? The fire door does not close.")
    desk.quiet()
    assert resident(pid(desk), alone=True)[0] < IDLE
    assert resident(pid(desk))[1] < ALL_IDLE


def test_heavy_mails_side_by_side_and_a_small_one_meanwhile(desk: Desk) -> None:
    with Watch(pid(desk)).on() as watch:

        def one(number: int) -> None:
            if number < SIDE_BY_SIDE:
                assert hand_over(desk.smtp_port, heavy(number, SIZE)).startswith("250")
            else:
                desk.ask("small@globex.test", "Small", "Hello, the fire door does not close any more.")

        many(one, SIDE_BY_SIDE + 1)
        for number in range(SIDE_BY_SIDE):
            desk.gets(f"heavy{number}@globex.test")
    assert watch.most < UNDER_LOAD, f"{watch.most / MEBIBYTE:.0f} MiB"
    assert len(desk.show("tickets")) == SIDE_BY_SIDE + 1


def test_clients_that_never_finish_leave_room_for_one_that_does(desk: Desk) -> None:
    said = "Hello, the fire door does not close any more."
    desk.ask("dora@globex.test", "Small", said)  # what reads mail has its language model now
    before = resident(pid(desk))[1]
    with slow(desk.smtp_port, 180):
        desk.ask("carla@globex.test", "Small", said)
        assert resident(pid(desk))[1] - before < 60 * MEBIBYTE
