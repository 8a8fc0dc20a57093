"""`maild import`: archives of mail become tickets, and nobody is told."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from maild import show
from maild.clock import moment, utc_now
from maild.desk.archived import OVER_AFTER
from maild.desk.facts import Archive
from maild.desk.rules import EMPTY
from maild.errors import BadInput
from maild.importing import Brought, Filed, Importing
from maild.intake.archive import Apart, Place, dated, find
from maild.parsing import InWorker
from maild.show import clean
from maild.site import Site
from maild.terminal import Desk, json_option
from store import Store

EVERY: Final = 1000
"""Mails between two lines of progress where no bar can be drawn."""
_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)
_ALWAYS: Final = datetime(9999, 12, 31, tzinfo=UTC)


class Broken(BadInput):
    """Some of what was to be imported could not be; the rest was."""


@dataclass(slots=True)
class Summary:
    """What was found and what became of it. `apart`: what could not be read or processed; `undated`: whose Date says nothing, with what
    stood for it; `skipped`: files in folders that are no mail."""

    found: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    out: int = 0
    apart: list[dict[str, str]] = field(default_factory=list)
    undated: list[dict[str, str | None]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def document(self, seconds: float) -> dict[str, object]:
        return {
            "found": self.found,
            "imported": self.imported,
            "tickets": self.counts["ticket"],
            "replies": self.counts["message"],
            "unmatched": self.counts["unmatched"],
            "out": self.out,
            "known": self.counts["known"],
            "broken": self.apart,
            "undated": self.undated,
            "skipped": self.skipped,
            "seconds": round(seconds, 1),
        }

    @property
    def imported(self) -> int:
        return self.counts["ticket"] + self.counts["message"] + self.counts["unmatched"]


@dataclass(slots=True)
class _Run:
    """One import: collects what is to be told."""

    say: Callable[[str], None]
    most: int
    summary: Summary = field(default_factory=Summary)

    def plan(self, paths: Sequence[Path], now: datetime) -> list[tuple[float, Place]]:
        """Where every message lies, by date; those of one date in the order in which they lie there."""
        planned: list[tuple[float, Place]] = []
        for one in find(paths):
            if isinstance(one, Apart):
                self._apart(one)
                continue
            self.summary.found += 1
            if one.size > self.most:
                self.broken(one.where, f"has {one.size} octets, more than limits.message_size ({self.most})")
                continue
            try:
                when = dated(one, now)
            except OSError as error:
                self.broken(one.where, error.strerror or "cannot be read")
                continue
            if when.by != "Date":
                self.summary.undated.append({"file": one.where, "by": when.by, "at": moment(when.at)})
                self.say(f"{one.where}: has no Date that can be; it goes by {when.by}: {moment(when.at)}")
            planned.append((when.at.timestamp(), one))
        planned.sort(key=lambda pair: pair[0])
        return planned

    def _apart(self, one: Apart) -> None:
        if one.wrong:
            self.broken(str(one.file), one.why)
        else:
            self.summary.skipped.append(str(one.file))
            self.say(f"{one.file}: left out: {one.why}")

    def broken(self, name: str, why: str) -> None:
        self.summary.apart.append({"file": name, "why": why})
        self.say(f"{name}: {why}")

    def mails(self, planned: Iterable[tuple[float, Place]]) -> Iterator[Brought]:
        """The messages, read one after the other."""
        for at, place in planned:
            try:
                raw = place.read()
            except OSError as error:
                self.broken(place.where, error.strerror or "cannot be read")
                continue
            if not raw.strip():
                self.broken(place.where, "is empty")
                continue
            yield Brought(place.where, raw, datetime.fromtimestamp(at, UTC))

    def filed(self, one: Filed) -> None:
        self.summary.counts[one.what] += 1
        self.summary.out += one.out
        if one.what == "broken":
            self.broken(one.name, one.why)


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--notify", is_flag=True, help="Tell the agents of conversations that are not over; never requesters."
)
@click.option("--no-rules", is_flag=True, help="Do not let the rules for new tickets set type, category, priority, tags, fields, team.")  # fmt: skip
@click.option("--days", type=click.IntRange(0, 36500), default=OVER_AFTER.days, show_default=True, help="A conversation without a message for so long is over: its ticket is closed.")  # fmt: skip
@click.option("--state", type=click.Choice(["auto", "open", "closed"]), default="auto", help="Or leave all tickets open, or close all.")  # fmt: skip
@json_option
@click.pass_obj
def import_(
    desk: Desk, paths: tuple[Path, ...], notify: bool, no_rules: bool, days: int, state: str, as_json: bool
) -> None:
    """Bring archived mail in: mbox files, Maildirs, .eml files, folders of all of them, in order of date.

    \b
    maild import old-support.mbox ~/Maildir exported/
    maild import --days 30 --json inbox.mbox sent.mbox

    Bring both sides of the conversations, received and sent mail: what the desk's address or an agent wrote to people outside
    becomes an answer that went out. Nothing is sent and no clock starts; tickets at work stay as they are. What is there already
    is not brought again, so an import that was stopped is simply repeated. The daemon may run meanwhile. The files are not changed.
    Exits 65 when something could not be read; the rest is imported.
    """
    loaded, now, began = desk.load(), utc_now(), time.monotonic()
    if no_rules:
        loaded = replace(loaded, rulebook=replace(loaded.rulebook, rules=EMPTY))
    over = {"open": _NEVER, "closed": _ALWAYS}.get(state) or now - timedelta(days=days)
    run = _Run(lambda line: click.echo(clean(line), err=True), loaded.settings.limits.message_size)
    planned = run.plan(paths, now)
    with desk.store() as store:
        _bring(run, planned, loaded, store, Archive(over, notify))
    seconds = time.monotonic() - began
    _show(run.summary, seconds, as_json=as_json)
    if run.summary.apart:
        raise Broken(f"{len(run.summary.apart)} of what was found could not be imported, as said above")


def _bring(
    run: _Run, planned: Sequence[tuple[float, Place]], loaded: Site, store: Store, archive: Archive
) -> None:
    with store.read() as work:
        running = any((utc_now() - node.seen_at).total_seconds() < show.ALIVE for node in work.nodes())
    with closing(InWorker()) as reading, _progress(len(planned), run.say) as advance:
        importing = Importing(
            loaded, store, utc_now, reading, archive, f"import-{os.getpid()}", considerate=running
        )
        for one in importing.bring(run.mails(planned)):
            run.filed(one)
            advance()


@contextmanager
def _progress(total: int, say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, else a line now and then; on stderr."""
    if sys.stderr.isatty() and total:
        with click.progressbar(length=total, label="importing", file=sys.stderr, show_pos=True) as bar:
            yield lambda: bar.update(1)
        return
    began, done = time.monotonic(), 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done % EVERY == 0:
            say(f"{done} of {total} mails, {done / max(time.monotonic() - began, 0.001):.0f} a second")

    yield advance


def _show(summary: Summary, seconds: float, *, as_json: bool) -> None:
    if as_json:
        show.as_json(summary.document(seconds))
        return
    counts = summary.counts
    click.echo(
        f"{summary.imported} of {summary.found} mails imported in {seconds:.0f} s: {counts['ticket']} tickets opened, "
        f"{counts['message']} mails added to tickets, {counts['unmatched']} kept without one; {summary.out} of them were the desk's own. "
        f"{counts['known']} were here already."
    )
