"""Which mails share a commit."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from typing import Any, cast

from maild.desk.facts import Envelope
from maild.errors import NotNow
from maild.flow import Flow
from maild.intake import gathering
from maild.intake.gathering import Gathering
from maild.keeping import Kept

ENVELOPE = Envelope("c@a.test", ("support@acme.test",), "smtp", "127.0.0.1", datetime(2026, 1, 1, tzinfo=UTC))


class Keeping:
    """Keeps what it is given; `bad`: hashes that break a commit."""

    def __init__(self, *bad: str) -> None:
        self.batches: list[list[str]] = []
        self.bad = bad

    def keep(self, mails: list[Kept]) -> None:
        self.batches.append([mail.sha256 for mail in mails])
        if any(mail.sha256 in self.bad for mail in mails):
            raise ValueError("no")


def gather(keeping: Keeping) -> Gathering:
    return Gathering(cast("Flow", cast(Any, keeping)), asyncio.Event())


async def give(to: Gathering, sha256: str, turns: int = 0) -> None:
    """Hand a mail over after so many turns of the loop, as one connection of several is read after another."""
    for _ in range(turns):
        await asyncio.sleep(0)
    await to.receive(io.BytesIO(b"x"), 1, sha256, ENVELOPE)


async def test_mails_that_come_in_together_share_a_commit() -> None:
    keeping = Keeping()
    to = gather(keeping)
    await asyncio.gather(*(give(to, str(number), number) for number in range(10)))
    assert keeping.batches == [[str(number) for number in range(10)]]
    await give(to, "alone")
    assert keeping.batches[1:] == [["alone"]]


async def test_those_that_never_cease_to_come_wait_for_a_few_looks_only(monkeypatch: Any) -> None:
    monkeypatch.setattr(gathering, "LOOK", 0.0)
    keeping = Keeping()
    to = gather(keeping)
    await asyncio.gather(*(give(to, str(number), number) for number in range(200)))
    assert 1 < len(keeping.batches) < 60
    assert [one for batch in keeping.batches for one in batch] == [str(number) for number in range(200)]


async def test_one_that_breaks_the_commit_harms_no_other() -> None:
    keeping = Keeping("2")
    to = gather(keeping)
    outcomes = await asyncio.gather(*(give(to, str(number)) for number in range(4)), return_exceptions=True)
    assert [isinstance(one, NotNow) for one in outcomes] == [False, False, True, False]
