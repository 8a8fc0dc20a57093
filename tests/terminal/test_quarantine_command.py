"""`maild quarantine` with what people type: numbers, ranges, all, and what is not there."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from store import Store
from tests.store.samples import NOW, keep
from tests.way.desk import Done, maild

HOSTILE = b"From: \x1b[2Jeve@evil.test\r\nSubject: \x1b]0;pwned\x07\r\n\r\n\x9b31mred\r\n"


def test_numbers_ranges_and_all(tmp_path: Path) -> None:
    assert maild("init", "desk", cwd=tmp_path).returncode == 0
    desk = tmp_path / "desk"
    opened = Store.open(f"sqlite:///{desk}/var/maild.db", desk / "var" / "files")
    with opened.work() as work:
        rows = keep(work, HOSTILE, *(b"mail %d" % number for number in range(5)))
        work.claim_intake("main", NOW, timedelta(minutes=1), 10)
        for row in rows:
            assert work.fail_intake(row, "Traceback\n\x1b[31mboom", NOW, 1, NOW)
    opened.close()

    def said(*words: str) -> Done:
        return maild("quarantine", *words, cwd=desk)

    def there() -> list[int]:
        return [one["id"] for one in json.loads(said("list", "--json").stdout)]

    shown = said("show", "1")
    assert b"boom" in shown.stdout
    assert not {0x1B, 0x07} & set(shown.stdout)
    assert said("show", "1", "--raw").stdout == HOSTILE
    assert json.loads(said("show", "1", "--json").stdout)["error"].startswith("Traceback")
    assert (said("show", "99").returncode, said("show", "x").returncode) == (65, 2)
    for wrong in ("x", "3-", "-", "1-x", "٣"):
        assert said("drop", "--", wrong).returncode == 2, wrong
    assert said("drop").returncode == 2
    assert said("drop", "3-4", "3").stdout.split() == [b"3:", b"done", b"4:", b"done"]
    assert there() == [1, 2, 5, 6]
    missing = said("retry", "2", "3")
    assert (missing.returncode, missing.stdout) == (65, b"2: done\n")
    assert b"number 3" in missing.stderr
    assert said("drop", "1-999999999999").returncode == 0
    assert there() == []
    assert said("retry", "--all").returncode == 0
    assert said("drop", "5").returncode == 65
