"""Commands that look at the desk's store and act on it: tickets, the quarantine, the state of the daemon."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import click

from maild import documents, show, show_status
from maild.clock import utc_now
from maild.desk.people import Ticket
from maild.desk.words import State
from maild.errors import EXIT_UNREACHABLE, BadInput
from maild.terminal import Desk, json_option
from store import Work
from store.rows import Filter

DAY = timedelta(days=1)


@click.command()
@click.option("--state", type=click.Choice([str(state) for state in State]), help="In this state.")
@click.option("--assignee", metavar="ADDRESS")
@click.option("--team")
@click.option("--requester", metavar="ADDRESS")
@click.option("--tag")
@click.option("--priority", type=click.IntRange(1, 5))
@click.option("--overdue", is_flag=True, help="With a promise that is over.")
@click.option(
    "--search",
    metavar="WORDS",
    help="All these words occur in subject or messages; a word finds those that begin with it.",
)
@click.option("--after", default=0, metavar="N", help="Only numbers above N.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@json_option
@click.pass_obj
def tickets(desk: Desk, /, as_json: bool, overdue: bool, **filters: Any) -> None:
    """Every ticket in every state, in order of number."""
    chosen = Filter(overdue_at=utc_now() if overdue else None, **filters)
    with desk.store() as store, store.read() as work:
        pages = work.pages(chosen)
        if as_json:
            show.as_json_rows(_documents(work, pages))
        else:
            show.tickets(pages)


def _documents(work: Work, pages: Iterable[list[Ticket]]) -> Iterator[dict[str, object]]:
    for page in pages:
        links = work.links_of(one.id for one in page)
        yield from (documents.ticket(one, links.get(one.id, [])) for one in page)


def _aside(_: click.Context, param: click.Parameter, words: tuple[str, ...]) -> tuple[range, ...]:
    """The numbers, and ranges of them (3-9), that the arguments name. Raises BadParameter for one that names none."""
    named = []
    for word in words:
        first, dash, last = word.partition("-")
        if not all(part.isascii() and part.isdigit() for part in (first, last if dash else first)):
            says = f"{word!r} is no number of a mail, like 7, or a range of them, like 3-9"
            raise click.BadParameter(says, param=param)
        named.append(range(int(first), int(last if dash else first) + 1))
    return tuple(named)


def _in_quarantine(ranges: tuple[range, ...], *, everything: bool) -> Callable[[Work], list[int]]:
    """Which mails in quarantine are meant; a single number also when it is not there, so that it is told."""

    def chosen(work: Work) -> list[int]:
        there = [row.id for row in work.quarantined()]
        if everything:
            return there
        found = (number for one in ranges for number in (one if len(one) == 1 else there) if number in one)
        return list(dict.fromkeys(found))

    return chosen


@click.group()
def quarantine() -> None:
    """Mail that could not be processed, whole, with the reason."""


@quarantine.command("list")
@json_option
@click.pass_obj
def quarantine_list(desk: Desk, as_json: bool) -> None:
    """What is in quarantine."""
    rows = _read(desk, lambda work: [documents.quarantined(row) for row in work.quarantined()])
    if as_json:
        show.as_json(rows)
    else:
        show.quarantine(rows)


@quarantine.command("show")
@click.argument("number", type=int)
@click.option("--raw", is_flag=True, help="The mail itself, as it came, on stdout.")
@json_option
@click.pass_obj
def quarantine_show(desk: Desk, number: int, raw: bool, as_json: bool) -> None:
    """One mail: envelope, reason, traceback."""
    with desk.store() as store:
        with store.read() as work:
            row = work.quarantined_one(number)
        if row is None:
            raise BadInput(f"there is no mail {number} in quarantine")
        try:
            content = store.content.get(row.sha256)
        except KeyError:
            if raw:
                raise BadInput(f"the store lacks the octets of mail {number}") from None
            content = b""
    if raw:
        sys.stdout.buffer.write(content)
    elif as_json:
        show.as_json(documents.quarantined(row))
    else:
        show.quarantined(documents.quarantined(row), content)


@quarantine.command("retry")
@click.argument("numbers", nargs=-1, callback=_aside)
@click.option("--all", "everything", is_flag=True, help="All of them, as without numbers.")
@click.pass_obj
def quarantine_retry(desk: Desk, numbers: tuple[range, ...], everything: bool) -> None:
    """Let the daemon process these mails (7, or 3-9) again; without numbers all of them."""
    every = _in_quarantine(numbers, everything=everything or not numbers)
    _each(desk, every, lambda work, id: work.retry_quarantined(id, utc_now()))


@quarantine.command("drop")
@click.argument("numbers", nargs=-1, callback=_aside)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.pass_obj
def quarantine_drop(desk: Desk, numbers: tuple[range, ...], everything: bool) -> None:
    """Take these mails (7, or 3-9) out of quarantine for good. Their octets are kept, and part of an export."""
    if not numbers and not everything:
        raise click.UsageError("name mails, or --all")
    _each(
        desk,
        _in_quarantine(numbers, everything=everything),
        lambda work, id: work.drop_quarantined(id, utc_now()),
    )


@click.command()
@json_option
@click.pass_obj
def status(desk: Desk, as_json: bool) -> None:
    """Health of the running daemon: listeners, queues, the oldest unprocessed message. Exits 69 when none runs."""
    with desk.store() as store, store.read() as work:
        now = utc_now()
        found = show_status.status_document(
            work.nodes(),
            work.totals(),
            work.held_back(now - DAY),
            work.away(now),
            now,
            work.destinations(now),
        )
    if as_json:
        show.as_json(found)
    else:
        show_status.status(found)
    if not found["running"]:
        raise SystemExit(EXIT_UNREACHABLE)


def _read(desk: Desk, read: Callable[[Work], list[Any]]) -> list[Any]:
    with desk.store() as store, store.read() as work:
        return read(work)


def _each(desk: Desk, chosen: Callable[[Work], Sequence[int]], act: Callable[[Work, int], bool]) -> None:
    """Do something to each mail; one that is not there is told, and the exit code says so."""
    missing = []
    with desk.store() as store, store.work() as work:
        for number in chosen(work):
            if act(work, number):
                click.echo(f"{number}: done")
            else:
                missing.append(number)
    if missing:
        raise BadInput(
            "; ".join(f"there is no mail in quarantine with number {number}" for number in missing)
        )
