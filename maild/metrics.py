"""Numbers for Prometheus: of this node, and of the desk from its store; computed when they are asked for, at most every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from maild import __version__
from maild.errors import NotNow
from store import Store
from store.measuring import Measures

FRESH: Final = 5.0
"""Seconds for which the answer of the store is used again, whoever asks however often."""
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OUTCOMES: Final = ("sent", "later", "unknown", "failed")
_Labelled: TypeAlias = Mapping[Any, float]
"""Values by the tuple of their labels."""


class Metrics:
    """`detail`: how this node is, as it tells it in its heartbeat. `deliveries`: attempts to send by outcome since it started."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        detail: Callable[[], Mapping[str, Any]],
        deliveries: Mapping[str, int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._clock, self._detail, self._deliveries, self._now = (
            store,
            clock,
            detail,
            deliveries,
            now,
        )
        self._lock = threading.Lock()
        self._text, self._until = b"", float("-inf")
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def text(self) -> bytes:
        """All numbers in the text format of Prometheus. Who asks while they are being computed waits for that answer."""
        with self._lock:
            if self._now() >= self._until:
                self._text = generate_latest(self.registry)
                self._until = self._now() + FRESH
            return self._text

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead: the store is not asked before somebody wants to know."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Of this node, then of the desk; without the desk's when its store does not answer."""
        now = self._clock()
        yield InfoMetricFamily("maild_build", "The program.", value={"version": __version__})
        yield from self._node(now)
        try:
            with self._store.read() as work:
                found = work.measures(now)
        except NotNow:
            yield _gauge("maild_store_up", "Whether the database answers.", 0)
            return
        yield _gauge("maild_store_up", "Whether the database answers.", 1)
        yield from _desk(found, now)

    def _node(self, now: datetime) -> Iterator[Metric]:
        detail = self._detail()
        listeners: Mapping[str, Mapping[str, int]] = detail.get("listeners", {})
        open_ = {(address,): one["connections"] for address, one in listeners.items()}
        yield _gauges("maild_listener_connections", "Open connections.", ("listener",), open_)
        mails = {
            (address, outcome): one[outcome]
            for address, one in listeners.items()
            for outcome in ("accepted", "refused", "deferred")
        }
        yield _counters(
            "maild_mails",
            "Incoming mails and recipients, by what they were answered.",
            ("listener", "outcome"),
            mails,
        )
        sent = {(outcome,): self._deliveries.get(outcome, 0) for outcome in OUTCOMES}
        yield _counters("maild_deliveries", "Attempts to deliver a mail, by outcome.", ("outcome",), sent)
        yield CounterMetricFamily(
            "maild_worker_restarts",
            "How often the process that works on mail was replaced.",
            value=detail.get("worker_restarts", 0),
        )
        ages = {(loop,): age for loop, age in detail.get("loops", {}).items()}
        yield _gauges("maild_loop_pulse_age_seconds", "Since each loop last got on.", ("loop",), ages)
        rules = detail.get("rules", {})
        yield _gauge(
            "maild_reload_ok",
            "Whether the files were in order when they were last read.",
            not rules.get("problems"),
        )
        if rules.get("loaded_at"):
            at = datetime.fromisoformat(rules["loaded_at"]).timestamp()
            yield _gauge("maild_reload_timestamp_seconds", "When the files in force were read.", at)
        yield from _mailboxes(detail.get("mailboxes", ()), now)


def _mailboxes(found: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Metric]:
    """How each mailbox is as this node knows it; one that never was read has no age."""
    ages = {
        (one["name"],): (now - datetime.fromisoformat(one["last_success"])).total_seconds()
        for one in found
        if one["last_success"]
    }
    waiting = {(one["name"],): one["waiting"] for one in found}
    up = {(one["name"],): one["error"] is None for one in found}
    label = ("mailbox",)
    yield _gauges(
        "maild_mailbox_last_success_age_seconds", "Since the mailbox was last read to its end.", label, ages
    )
    yield _gauges("maild_mailbox_waiting", "Mails seen in the mailbox and not kept yet.", label, waiting)
    yield _gauges("maild_mailbox_up", "Whether nothing is wrong with the mailbox.", label, up)


def _desk(found: Measures, now: datetime) -> Iterator[Metric]:
    totals = found.totals
    yield _gauge("maild_intake_waiting", "Mails kept and not processed yet.", totals.waiting)
    yield _gauge(
        "maild_intake_oldest_seconds", "Age of the oldest of them.", _age(totals.oldest_waiting, now)
    )
    yield _gauge("maild_quarantine_size", "Mails that could not be processed.", totals.quarantined)
    queues = {("mail",): totals.queued, ("webhook",): totals.posts_queued}
    oldest = {("mail",): _age(totals.oldest_queued, now), ("webhook",): _age(totals.oldest_post, now)}
    failed = {("mail",): totals.failed, ("webhook",): totals.posts_failed}
    yield _gauges("maild_outbox_queued", "What is to go out.", ("queue",), queues)
    yield _gauges("maild_outbox_oldest_seconds", "Age of the oldest of it.", ("queue",), oldest)
    yield _gauges(
        "maild_outbox_failed", "What failed for good and was neither retried nor dropped.", ("queue",), failed
    )
    yield _gauge("maild_outbox_paused", "Whether sending is paused by the admin, as a whole.", found.paused)
    yield _gauges(
        "maild_tickets",
        "Tickets by state.",
        ("state",),
        {(one,): count for one, count in totals.tickets.items()},
    )
    breached = {(one,): count for one, count in found.breached.items()}
    yield _gauges(
        "maild_tickets_breached", "Unfinished tickets with this promise broken.", ("target",), breached
    )
    yield _gauges(
        "maild_nodes", "Daemons of this desk.", ("state",), {("alive",): found.alive, ("stale",): found.stale}
    )


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=float(value))


def _gauges(name: str, what: str, labels: tuple[str, ...], values: _Labelled) -> Metric:
    family = GaugeMetricFamily(name, what, labels=labels)
    for given, value in values.items():
        family.add_metric(given, float(value))
    return family


def _counters(name: str, what: str, labels: tuple[str, ...], values: _Labelled) -> Metric:
    family = CounterMetricFamily(name, what, labels=labels)
    for given, value in values.items():
        family.add_metric(given, float(value))
    return family
