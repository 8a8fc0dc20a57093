"""The way out over HTTP: posts that are due are claimed, sent a few at a time, and what became of each is recorded.

One receiver that is slow, or away, holds up neither mail nor other receivers: each host has its own few posts on the way at once.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from maild import config
from maild.applying import Applying
from maild.delivery.post import TOTAL_SECONDS, Answer, Poster
from maild.delivery.retry import next_attempt
from maild.desk.course import ONCE_A_DAY
from maild.desk.effects import Decision, Reason
from maild.desk.failing import admins_alert
from maild.errors import ConfigError, NotNow
from maild.flow import Flow
from store import Work
from store.rows import PostRow

log = structlog.get_logger("maild.webhooks")

LEASE: Final = timedelta(minutes=5)
LIFE: Final = timedelta(days=3)
LONGEST_WAIT: Final = timedelta(hours=4)
"""What a receiver may ask for at most in Retry-After: as long as we would wait by ourselves."""
MOST: Final = 16
PER_HOST: Final = 2
PAUSE: Final = 0.5
GRACE: Final = 20.0

Result = tuple[PostRow, Answer]


class Posts:
    """The queue of posts, on the store of a flow. Synchronous; called from threads."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._unsure = False
        """Whether posts may be claimed of which nobody here knows: the transaction that claimed them ended nobody knows how."""

    def claim(self, running: Sequence[PostRow], results: Sequence[Result] = ()) -> list[PostRow]:
        """Record what became of claimed posts, and claim more that are due: each must come back in `results` or through `give_back`."""
        self.settle(results)
        now = self.flow.clock()
        with self.flow.store.read() as work:
            due = work.next_post_due()
        if (due is None or due > now or len(running) >= MOST) and not self._unsure:
            return []
        counts = Counter(row.host for row in running)
        busy = [host for host, count in counts.items() if count >= PER_HOST]
        unsure, self._unsure = self._unsure, True
        with self.flow.store.work() as work:
            if unsure:
                work.release_posts(self.flow.node, [row.id for row in running])
            claimed = work.claim_posts(self.flow.node, now, LEASE, MOST - len(running), PER_HOST, busy)
        self._unsure = False
        return claimed

    def settle(self, results: Sequence[Result]) -> None:
        """Record what became of posts. One that fails for good is written into its ticket's history, and the admins hear of it."""
        if not results:
            return
        now = self.flow.clock()
        with self.flow.store.work() as work:
            for row, answer in results:
                self._settle_safely(work, row, answer, now)

    def _settle_safely(self, work: Work, row: PostRow, answer: Answer, now: datetime) -> None:
        """What breaks us while one post is settled must not hold up the others: its end is recorded all the same."""
        try:
            with work.savepoint():
                self._settle(work, row, answer, now)
        except NotNow:
            raise
        except Exception:
            log.exception("settling failed", post=row.id, ticket=row.ticket, outcome=answer.kind)
            if answer.kind == "sent":
                work.post_sent(row.id, now, answer.text)
            elif work.has_post(self.flow.node, row):
                work.post_failed(row.id, now, answer.text)

    def _settle(self, work: Work, row: PostRow, answer: Answer, now: datetime) -> None:
        if answer.kind == "sent":
            work.post_sent(row.id, now, answer.text)
            log.info("posted", post=row.id, event_id=row.event_id, ticket=row.ticket, host=row.host)
            return
        if not work.has_post(self.flow.node, row):
            log.warning("settled before", post=row.id, ticket=row.ticket, outcome=answer.text)
            return
        due = None
        if answer.kind == "later":
            due = next_attempt(row.attempts, row.created_at, now, row.id, LIFE)
        if due is not None:
            work.post_later(row.id, max(due, now + min(answer.wait, LONGEST_WAIT)), answer.text)
            log.warning("post deferred", post=row.id, host=row.host, attempt=row.attempts, reason=answer.text)
        else:
            work.post_failed(row.id, now, answer.text)
            detail = {"to": row.host, "rule": row.rule, "reason": answer.text}
            work.record(row.ticket, "desk", "webhook failed", detail, (), now)
            log.error("post failed", post=row.id, host=row.host, ticket=row.ticket, reason=answer.text)
            self._warn(work, row, answer.text, now)

    def _warn(self, work: Work, row: PostRow, why: str, now: datetime) -> None:
        """Tell the admins, once a day for each URL."""
        subject = f"webhook {row.url}"
        told = work.warned([subject]).get(subject)
        if told is not None and now - told < ONCE_A_DAY:
            return
        work.record(None, "desk", "warned", {"subject": subject, "why": why}, (), now)
        says = (
            f"The webhook of rule '{row.rule}' could not be told of ticket {row.ticket}, and is not tried again: {why}",
            f"It is {row.url}. Everything else goes on.",
            f"See what is not delivered with: maild queue list; try again with: maild queue retry w{row.id}",
        )
        site = self.flow.site
        decision = Decision(admins_alert(site.rulebook, says), (Reason("alert", says[0]),))
        Applying(work, site, f"webhook:{row.id}:{now.isoformat()}", now).apply(decision)

    def give_back(self, rows: Sequence[PostRow]) -> None:
        """Claimed posts that were not tried to the end (the daemon stops): due again at once, with the same id."""
        with self.flow.store.work() as work:
            for row in rows:
                if work.has_post(self.flow.node, row):
                    work.post_released(row.id, self.flow.clock())


class Webhooks:
    """The loop that posts. `run` ends when `stopping` is set and what was on the way has ended, or been given back.

    `beat` is called in every round. Nothing is posted while this node is `fenced`: another may be posting it.
    """

    def __init__(
        self,
        flow: Flow,
        stopping: asyncio.Event,
        total_seconds: float = TOTAL_SECONDS,
        beat: Callable[[], None] = lambda: None,
        fenced: Callable[[], bool] = lambda: False,
    ) -> None:
        self._beat, self._fenced = beat, fenced
        self.posts, self._flow, self._stopping = Posts(flow), flow, stopping
        self._poster = Poster(total_seconds)
        self._running: dict[asyncio.Task[Answer], PostRow] = {}

    async def run(self) -> None:
        pause = PAUSE
        try:
            while not self._stopping.is_set():
                self._beat()
                try:
                    await self._some()
                    pause = PAUSE
                except NotNow as fault:
                    log.error("webhooks wait for the store", reason=str(fault))
                    pause = min(30.0, pause * 2)
                except (
                    Exception
                ):  # the loop outlives every fault: claimed rows come back when their lease ends
                    log.exception("webhook fault")
                    pause = min(30.0, pause * 2)
                await self._wait(pause)
            await self._finish()
        finally:
            await self._poster.close()

    async def _wait(self, seconds: float) -> None:
        """Until a post has ended, the daemon stops, or so much time has passed."""
        stop = asyncio.ensure_future(self._stopping.wait())
        going = [task for task in self._running if not task.done()]
        await asyncio.wait((stop, *going), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()

    async def _some(self) -> None:
        """Settle what has ended and begin as much again."""
        done = [task for task in self._running if task.done()]
        results = [(self._running[task], task.result()) for task in done]
        going = [row for task, row in self._running.items() if task not in done]
        claimed = await asyncio.to_thread(self.posts.claim, going, results)
        for task in done:
            del self._running[task]
        for row in claimed:
            self._running[asyncio.create_task(self._post(row))] = row

    async def _post(self, row: PostRow) -> Answer:
        if self._fenced():
            return Answer("later", "this node was cut off from the others")
        try:
            secret = await asyncio.to_thread(
                config.webhook_secret, self._flow.site.settings.webhooks, os.environ
            )
        except ConfigError as error:
            log.error("webhook without a secret", problems=[str(problem) for problem in error.problems])
            return Answer("later", "; ".join(problem.message for problem in error.problems))
        return await self._poster.post(row.url, row.event_id, row.body, secret, self._flow.clock())

    async def _finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE)
        done = [task for task in self._running if task.done()]
        results = [(self._running.pop(task), task.result()) for task in done]
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.to_thread(self.posts.settle, results)
        if self._running:  # outcome unknown: the same post goes again after the next start
            await asyncio.to_thread(self.posts.give_back, list(self._running.values()))
