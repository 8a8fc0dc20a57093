"""`maild queue`: what waits to go out or has failed; retry, drop, pause, resume."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import click

from maild import documents, show
from maild.clock import moment, utc_now
from maild.errors import BadInput
from maild.terminal import Desk, json_option
from store import Work
from store.rows import DestinationRow

_ALL = "*"


@click.group()
def queue() -> None:
    """Outgoing mail, and posts to webhooks (w7), that are not delivered yet, with the reason."""


@dataclass(frozen=True, slots=True)
class _Queued:
    """What is in the queue: a mail by its number, or a post to a webhook, written w and its number. `to`: where it goes."""

    id: int
    post: bool = False
    to: str = ""

    def __str__(self) -> str:
        return f"w{self.id}" if self.post else str(self.id)

    @property
    def domain(self) -> str:
        host = urlsplit(self.to).hostname or "" if self.post else self.to.rpartition("@")[2]
        return host.lower()


def _queued(_: click.Context, param: click.Parameter, words: tuple[str, ...]) -> tuple[_Queued, ...]:
    """What the arguments name. Raises BadParameter for one that names nothing of the queue."""
    named = []
    for word in words:
        digits = word.removeprefix("w")
        if not digits.isascii() or not digits.isdigit():
            says = f"{word!r} is no number of a mail, like 7, or of a webhook, like w7"
            raise click.BadParameter(says, param=param)
        named.append(_Queued(int(digits), digits != word))
    return tuple(named)


def _domain(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A recipient domain as the queue knows it. Raises BadParameter for what is none."""
    if value is None:
        return None
    domain = value.strip().removeprefix("@").lower()
    if not domain or "@" in domain or not all(char.isalnum() or char in "-._" for char in domain):
        says = f"{value!r} is no domain, like example.com"
        raise click.BadParameter(says, param=param)
    return domain


to_option = click.option(
    "--to",
    "to",
    metavar="ADDRESS|DOMAIN",
    help="Those to this address, or to this domain (webhooks: to this host).",
)


@queue.command("list")
@json_option
@click.pass_obj
def queue_list(desk: Desk, as_json: bool) -> None:
    """What waits, what is being sent, what failed; and what keeps it: a pause, a domain that is left alone."""
    with desk.store() as store, store.read() as work:
        held = work.destinations(utc_now())
        rows = [*map(documents.queued, work.outbox()), *map(documents.posted, work.posts())]
    reasons = {one.domain or _ALL: _why(one) for one in held}
    for row in rows:
        row["held"] = _held(row, reasons)
    if as_json:
        show.as_json(rows)
        return
    for one in held:
        show.held(documents.held_destination(one))
    show.queue(rows)


def _why(one: DestinationRow) -> str:
    if one.paused_at is not None:
        return "paused" if one.domain is None else f"paused for {one.domain}"
    return f"{one.domain} is left alone until {moment(one.wait_until)}: {one.reason}"


def _held(row: Mapping[str, object], reasons: Mapping[str, str]) -> str | None:
    """What keeps a mail that waits; posts to webhooks are never held."""
    if row["state"] != "queued" or row["kind"] == "webhook":
        return None
    return reasons.get(_ALL) or reasons.get(str(row["to"]).rpartition("@")[2].lower())


@queue.command("retry")
@click.argument("numbers", nargs=-1, callback=_queued)
@click.option("--all", "everything", is_flag=True, help="Those that failed for good too.")
@to_option
@click.pass_obj
def queue_retry(desk: Desk, numbers: tuple[_Queued, ...], everything: bool, to: str | None) -> None:
    """Try these mails and webhooks again now; without numbers all that wait."""
    states = ("queued", "failed") if everything or numbers else ("queued",)  # what is being sent needs nobody

    def retry(work: Work, one: _Queued, now: datetime) -> bool:
        return (work.retry_post if one.post else work.retry_mail)(one.id, now)

    def after(work: Work, done: Sequence[_Queued]) -> None:
        work.destinations_reached(sorted({one.domain for one in done if not one.post}))
        for one in work.destinations(utc_now()):
            if one.domain is None or one.domain in {other.domain for other in done}:
                click.echo(f"nothing goes there yet: {_why(one)}", err=True)

    _each(desk, _chosen(numbers, states, to, everything=everything or not numbers), retry, after)


@queue.command("drop")
@click.argument("numbers", nargs=-1, callback=_queued)
@click.option("--all", "everything", is_flag=True, help="All that wait or have failed.")
@to_option
@click.pass_obj
def queue_drop(desk: Desk, numbers: tuple[_Queued, ...], everything: bool, to: str | None) -> None:
    """Never send these mails and webhooks."""
    if not (numbers or everything or to):
        raise click.UsageError("say which: numbers, --to ADDRESS, or --all")

    def drop(work: Work, one: _Queued, now: datetime) -> bool:
        return (work.drop_post if one.post else work.drop_mail)(one.id, now)

    _each(desk, _chosen(numbers, ("queued", "failed"), to, everything=not numbers), drop)


@queue.command("pause")
@click.option("--domain", callback=_domain, metavar="DOMAIN", help="Only mail to this domain.")
@click.pass_obj
def queue_pause(desk: Desk, domain: str | None) -> None:
    """Let nothing go out, on any node, until `maild queue resume`. Mail is taken, worked on and queued as ever."""
    _switch(desk, domain, "paused", lambda work, now: work.pause_mail(domain, now))


@queue.command("resume")
@click.option("--domain", callback=_domain, metavar="DOMAIN", help="Mail to this domain.")
@click.pass_obj
def queue_resume(desk: Desk, domain: str | None) -> None:
    """Let mail go out again, at once. Domains that were paused by name stay so until they are resumed by name."""
    _switch(desk, domain, "resumed", lambda work, _: work.resume_mail(domain))


def _switch(desk: Desk, domain: str | None, what: str, act: Callable[[Work, datetime], bool]) -> None:
    """Pause or resume, said on stdout and in the history of the desk."""
    with desk.store() as store, store.work() as work:
        now = utc_now()
        changed = act(work, now)
        if changed:
            work.record(None, "admin", f"queue {what}", {"domain": domain} if domain else {}, (), now)
        left = [one for one in work.destinations(now) if one.paused_at is not None]
    where = domain or "the queue"
    click.echo(f"{where}: {what}" if changed else f"{where}: was {'' if what == 'paused' else 'not '}paused")
    if what == "resumed":
        for one in left:
            click.echo(f"still {_why(one)}", err=True)


def _chosen(
    numbers: Sequence[_Queued], states: Sequence[str], to: str | None, *, everything: bool
) -> Callable[[Work], list[_Queued]]:
    """How to find what a command is about: the numbers, or everything in these states; of these what goes `to` there."""

    def find(work: Work) -> list[_Queued]:
        mails = {_Queued(row.id): _Queued(row.id, to=row.recipient) for row in work.outbox(states)}
        posts = {_Queued(row.id, True): _Queued(row.id, True, row.url) for row in work.posts(states)}
        known = mails | posts
        found = list(known.values()) if everything else [known.get(one, one) for one in numbers]
        return found if to is None else [one for one in found if _goes(one, to)]

    return find


def _goes(one: _Queued, to: str) -> bool:
    wanted = to.strip().lower()
    return one.to.lower() == wanted or one.domain == wanted.removeprefix("@")


def _each(
    desk: Desk,
    find: Callable[[Work], Sequence[_Queued]],
    act: Callable[[Work, _Queued, datetime], bool],
    after: Callable[[Work, Sequence[_Queued]], Any] = lambda _work, _done: None,
) -> None:
    """Do something to each; a number that is not there is told, and the exit code says so."""
    with desk.store() as store, store.work() as work:
        found, now = find(work), utc_now()
        done = [one for one in found if act(work, one, now)]
        for one in done:
            click.echo(f"{one}: done")
        after(work, done)
    missing = [one for one in found if one not in frozenset(done)]
    if missing:
        raise BadInput("; ".join(f"there is no mail in the queue with number {one}" for one in missing))
    if not found:
        click.echo("there is nothing of that in the queue")
