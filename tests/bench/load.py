"""Memory and patience under load: `python -m tests.bench.load [HEAVY]`.

Prints what the daemon's processes hold (shares of pages, MiB) at rest, with 200 clients that never finish, and with HEAVY mails of 25 MB side by
side; and how long a small mail takes from MAIL to its acknowledgement before and meanwhile.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.crash.load import MEBIBYTE, Watch, hand_over, heavy, many, resident, slow
from tests.crash.siege import children
from tests.way.desk import CONFIG, Desk, until
from tests.way.relay import Relay

REST = 120.0
SIZE = 25 * 1000 * 1000


def small(desk: Desk, name: str, number: int) -> float:
    """Seconds until the acknowledgement of a small mail, the middle of so many."""
    taken = []
    for n in range(number):
        start = time.monotonic()
        desk.ask(
            f"{name}{n}@globex.test", f"Small {name}{n}", "Hello, the fire door does not close any more."
        )
        taken.append(time.monotonic() - start)
    return median(taken)


def main(number: int) -> None:
    relay = Relay()
    with tempfile.TemporaryDirectory() as folder:
        config = CONFIG.replace('"2 MB"', '"26 MB"\nconnections = 300\nconnections_per_address = 300')
        desk = Desk(Path(folder) / "desk", relay, config=config)
        desk.start(by_exec=True)
        assert desk.process is not None
        pid = desk.process.popen.pid
        print(f"a small mail, alone:               {small(desk, 'alone', 10):6.2f} s")
        until(lambda: not children(pid), "the worker rests", REST)
        whole, shares = resident(pid)
        print(
            f"at rest:                           {shares / MEBIBYTE:6.0f} MiB ({whole / MEBIBYTE:.0f} with shared pages counted for each)"
        )
        print(f"a small mail after that:           {small(desk, 'after', 1):6.2f} s")
        with slow(desk.smtp_port, 200):
            print(f"a small mail among 200 idlers:     {small(desk, 'among', 10):6.2f} s")
            print(f"with 200 clients that never finish {resident(pid)[1] / MEBIBYTE:6.0f} MiB")
        said: list[float] = []

        def one(n: int) -> None:
            if n < number:
                assert hand_over(desk.smtp_port, heavy(n, SIZE), 1200).startswith("250")
            else:
                said.append(small(desk, "meanwhile", 3))

        with Watch(pid).on() as watch:
            many(one, number + 1)
            until(lambda: not desk.show("status")["intake"]["waiting"], "all is worked on", 1200)
        print(f"a small mail meanwhile:            {said[0]:6.2f} s")
        print(f"with {number} mails of 25 MB side by side: {watch.most / MEBIBYTE:6.0f} MiB at most")
        desk.end()
    relay.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
