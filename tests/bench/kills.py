"""kill -9 in a loop under load: `python -m tests.bench.kills [ROUNDS [SEED]]`.

In each round the daemon, one of its processes or its relay dies at a random moment while mail comes by SMTP, LMTP and pipe. At the end every
mail that was taken is one ticket with one message, told once to each; the store is consistent. Prints what died, and how many mails came.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.siege import Siege, assert_whole
from tests.way.desk import Desk
from tests.way.relay import Relay


def main(rounds: int, seed: int) -> None:
    """Raises AssertionError with what is wrong."""
    relay = Relay()
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder) / "desk", relay)
        desk.start()
        start = time.monotonic()
        siege = Siege(desk, relay, random.Random(seed))
        try:
            taken = siege.run(rounds, 1.5)
            assert_whole(desk, taken)
        finally:
            desk.end()
            relay.close()
        seconds = time.monotonic() - start
    print(f"{rounds} rounds in {seconds:.0f} s: died {dict(siege.died)}; {len(taken)} mails taken, each once")


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:]]
    main(*(numbers + [100, 4711][len(numbers) :]))
