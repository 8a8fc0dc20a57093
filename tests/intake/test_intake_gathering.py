"""Which mails share a commit."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from maild.desk.facts import Envelope
from maild.errors import NotNow
from maild.flow import Flow
from maild.intake.gathering import MOST, Gathering
from maild.keeping import Kept, Ready

ENVELOPE = Envelope("c@a.test", ("support@acme.test",), "smtp", "127.0.0.1", datetime(2026, 1, 1, tzinfo=UTC))


class Keeping:
    """Keeps what it is given when it is its turn; `bad`: hashes that break a commit."""

    def __init__(self, *bad: str) -> None:
        self.batches: list[list[str]] = []
        self.bad = bad
        self.turn = threading.Event()
        self.turn.set()
        self.away = False

    def ready(self, mail: Kept) -> Ready:
        return Ready(mail, None, mail.spool.read())

    def keep_ready(self, take: Callable[[], list[Ready]]) -> None:
        assert self.turn.wait(30)
        if self.away:
            raise NotNow("the database cannot be used now")
        self.batches.append([one.mail.sha256 for one in take()])
        if any(one in self.bad for one in self.batches[-1]):
            raise ValueError("no")


def gather(keeping: Keeping) -> Gathering:
    return Gathering(cast("Flow", cast(Any, keeping)), asyncio.Event())


async def give(to: Gathering, sha256: str) -> None:
    await to.receive(io.BytesIO(b"x"), 1, sha256, ENVELOPE)


def names(number: int) -> list[str]:
    return [str(one) for one in range(number)]


async def test_mails_that_come_in_while_it_is_not_our_turn_share_a_commit() -> None:
    keeping = Keeping()
    to = gather(keeping)
    keeping.turn.clear()
    given = []
    for name in names(10):
        given.append(asyncio.create_task(give(to, name)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    keeping.turn.set()
    await asyncio.gather(*given)
    assert keeping.batches == [names(10)]
    await give(to, "alone")
    assert keeping.batches[1:] == [["alone"]]


async def test_a_commit_holds_so_many_at_most_and_every_mail_is_in_one() -> None:
    keeping = Keeping()
    to = gather(keeping)
    keeping.turn.clear()
    given = [asyncio.create_task(give(to, name)) for name in names(2 * MOST + 5)]
    await asyncio.sleep(0)
    keeping.turn.set()
    await asyncio.gather(*given)
    assert [len(batch) for batch in keeping.batches] == [MOST, MOST, 5]
    assert [one for batch in keeping.batches for one in batch] == names(2 * MOST + 5)


async def test_when_no_turn_is_had_every_sender_is_told_to_come_again() -> None:
    keeping = Keeping()
    to = gather(keeping)
    keeping.away = True
    outcomes = await asyncio.gather(*(give(to, name) for name in names(3)), return_exceptions=True)
    assert [str(one) for one in outcomes] == ["the database cannot be used now"] * 3
    assert keeping.batches == []
    keeping.away = False
    await give(to, "again")
    assert keeping.batches == [["again"]]


async def test_one_that_breaks_the_commit_harms_no_other() -> None:
    keeping = Keeping("2")
    to = gather(keeping)
    outcomes = await asyncio.gather(*(give(to, str(number)) for number in range(4)), return_exceptions=True)
    assert [isinstance(one, NotNow) for one in outcomes] == [False, False, True, False]
