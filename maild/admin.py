"""Commands that look at the desk's store and act on it: tickets, the queue, the quarantine, the state of the daemon."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import click

from maild import config, documents, show, site
from maild.clock import utc_now
from maild.desk.mentions import MENTION
from maild.desk.people import Person, Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Wanted
from maild.desk.solving import TIME
from maild.desk.words import State
from maild.errors import EXIT_UNREACHABLE, BadInput, ConfigError
from maild.flow import Flow
from maild.site import Site
from maild.terminal import Desk, json_option
from store import Work
from store.rows import Filter

DAY = timedelta(days=1)
_ALL = 2**31
_T = TypeVar("_T")


@click.command()
@click.option("--state", type=click.Choice([str(state) for state in State]), help="In this state.")
@click.option("--assignee", metavar="ADDRESS")
@click.option("--team")
@click.option("--requester", metavar="ADDRESS")
@click.option("--tag")
@click.option("--priority", type=click.IntRange(1, 5))
@click.option("--overdue", is_flag=True, help="With a promise that is over.")
@click.option("--search", metavar="WORDS", help="All these words occur in subject or messages.")
@click.option("--after", default=0, metavar="N", help="Only numbers above N.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@json_option
@click.pass_obj
def tickets(desk: Desk, /, as_json: bool, overdue: bool, **filters: Any) -> None:
    """Every ticket in every state, in order of number."""
    chosen = Filter(overdue_at=utc_now() if overdue else None, **filters)
    with desk.store() as store, store.read() as work:
        found = work.tickets(chosen)
        rows = [documents.ticket(one, work.links(one.id)) for one in found] if as_json else []
    if as_json:
        show.as_json(rows)
    else:
        show.tickets(found)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("number", type=click.IntRange(min=1))
@click.argument("commands", nargs=-1)
@click.option(
    "--as",
    "actor",
    default="admin",
    metavar="ADDRESS",
    help="Act as this agent (default: the admin on this host).",
)
@click.option("--full", is_flag=True, help="Messages with what they quote, and their signatures.")
@json_option
@click.pass_obj
def ticket(desk: Desk, number: int, commands: tuple[str, ...], actor: str, full: bool, as_json: bool) -> None:
    """One ticket whole; with COMMANDS the same commands agents use by mail, as the admin on this host.

    \b
    maild ticket 12 solve
    maild ticket 12 assign ana@example.org
    maild ticket 12 note "Called her back, she will send the log."
    maild ticket 12 '#priority 1' '#tag outage' '#public' "We are on it."
    """
    lines, text = show.command_lines(commands)
    loaded = desk.load() if commands else None
    with desk.store() as store:
        if loaded is not None:
            decision = Flow(loaded, store, utc_now).act(number, actor, lines, text)
            refused = [reason.evidence for reason in decision.reasons if reason.outcome == "REFUSED"]
            if refused:
                raise BadInput("nothing was done: " + "; ".join(refused))
            for reason in decision.reasons:
                if reason.step in (MENTION, TIME):
                    click.echo(reason.outcome, err=True)
        with store.read() as work:
            one = work.ticket(number)
            found = documents.of_ticket(work, one) if one else {}
    if one is None:
        raise BadInput(f"there is no ticket {number}")
    found["needs"] = _needs(desk, one, loaded)
    if as_json:
        show.as_json(found)
    else:
        show.ticket(found, full=full)


def _needs(desk: Desk, one: Ticket, loaded: Site | None) -> list[dict[str, object]] | None:
    """What has to be known of the ticket; None while the desk's files are wrong, for they say it."""
    if not (one.type or one.category or one.fields):
        return []
    rulebook = loaded.rulebook if loaded else desk.rulebook()
    return documents.needs(one, rulebook) if rulebook else None


@click.group()
def queue() -> None:
    """Outgoing mail, and posts to webhooks (w7), that are not delivered yet, with the reason."""


@dataclass(frozen=True, slots=True)
class _Queued:
    """What is in the queue: a mail by its number, or a post to a webhook, written w and its number."""

    id: int
    post: bool = False

    def __str__(self) -> str:
        return f"w{self.id}" if self.post else str(self.id)


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


@queue.command("list")
@json_option
@click.pass_obj
def queue_list(desk: Desk, as_json: bool) -> None:
    """What waits, what is being sent, what failed."""
    rows = _read(
        desk,
        lambda work: [*map(documents.queued, work.outbox()), *map(documents.posted, work.posts())],
    )
    if as_json:
        show.as_json(rows)
    else:
        show.queue(rows)


@queue.command("retry")
@click.argument("numbers", nargs=-1, callback=_queued)
@click.option("--all", "everything", is_flag=True, help="Those that failed for good too.")
@click.pass_obj
def queue_retry(desk: Desk, numbers: tuple[_Queued, ...], everything: bool) -> None:
    """Try these mails and webhooks again now; without numbers all that wait."""

    def waiting(work: Work) -> list[_Queued]:
        states = (
            ("queued", "failed") if everything else ("queued",)
        )  # what is being sent just now needs nobody
        mails = [_Queued(row.id) for row in work.outbox(states)]
        return [*mails, *(_Queued(row.id, True) for row in work.posts(states))]

    def retry(work: Work, one: _Queued) -> bool:
        return (work.retry_post if one.post else work.retry_mail)(one.id, utc_now())

    every = waiting if everything or not numbers else None
    _each(desk, numbers, every, retry, "mail in the queue")


@queue.command("drop")
@click.argument("numbers", nargs=-1, callback=_queued, required=True)
@click.pass_obj
def queue_drop(desk: Desk, numbers: tuple[_Queued, ...]) -> None:
    """Never send these mails and webhooks."""

    def drop(work: Work, one: _Queued) -> bool:
        return (work.drop_post if one.post else work.drop_mail)(one.id, utc_now())

    _each(desk, numbers, None, drop, "mail in the queue")


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
        content = store.content.get(row.sha256)
    if raw:
        sys.stdout.buffer.write(content)
    elif as_json:
        show.as_json(documents.quarantined(row))
    else:
        show.quarantined(documents.quarantined(row), content)


@quarantine.command("retry")
@click.argument("numbers", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="All of them, as without numbers.")
@click.pass_obj
def quarantine_retry(desk: Desk, numbers: tuple[int, ...], everything: bool) -> None:
    """Let the daemon process these mails again; without numbers all of them."""
    every = (lambda work: [row.id for row in work.quarantined()]) if everything or not numbers else None
    _each(desk, numbers, every, lambda work, id: work.retry_quarantined(id, utc_now()), "mail in quarantine")


@quarantine.command("drop")
@click.argument("numbers", nargs=-1, type=int, required=True)
@click.pass_obj
def quarantine_drop(desk: Desk, numbers: tuple[int, ...]) -> None:
    """Take these mails out of quarantine for good."""
    _each(desk, numbers, None, lambda work, id: work.drop_quarantined(id, utc_now()), "mail in quarantine")


@click.command()
@json_option
@click.pass_obj
def status(desk: Desk, as_json: bool) -> None:
    """Health of the running daemon: listeners, queues, the oldest unprocessed message. Exits 69 when none runs."""
    with desk.store() as store, store.read() as work:
        now = utc_now()
        found = show.status_document(
            work.nodes(), work.totals(), work.held_back(now - DAY), work.away(now), now
        )
    if as_json:
        show.as_json(found)
    else:
        show.status(found)
    if not found["running"]:
        raise SystemExit(EXIT_UNREACHABLE)


@click.group()
def person() -> None:
    """Who is known to the desk."""


@person.command("show")
@click.argument("who")
@json_option
@click.pass_obj
def person_show(desk: Desk, who: str, as_json: bool) -> None:
    """What is known of somebody (WHO: an address, a name or a telephone number): names, addresses, to whom he belongs and why, tickets,
    and whether automatic mail goes to this address."""
    with desk.store() as store:
        try:
            rulebook = desk.load().rulebook
        except ConfigError as error:
            click.echo(
                f"maild: only what is stored is shown, for the rule files are wrong: {error}", err=True
            )
            rulebook = Rulebook(site.identity(config.load(desk.path)))
        else:
            with store.work() as work:
                work.take_contacts(rulebook.contacts)
        with store.read() as work:
            found = _known(work, who, rulebook)
    if as_json:
        show.as_json(found)
    else:
        show.person(found)


def _known(work: Work, who: str, rulebook: Rulebook) -> dict[str, object]:
    known = work.person_at(who)
    if known is None:
        known = _called(work, who)
    elif known.key != who.lower():
        known = replace(known, address=who.lower())
    suppressed = work.suppression(known.address) if known.address else None
    tickets = sorted(work.earlier(known.id, None, _ALL), key=lambda ticket: ticket.id)
    return documents.person(known, suppressed, tickets, work.addresses(known.id), rulebook)


def _called(work: Work, who: str) -> Person:
    """The one whom a name or a telephone number means. BadInput: nobody, or several."""
    found = work.snapshot(Wanted(callers=(who,)), utc_now()).callers.get(who, ())
    if len(found) > 1:
        people = "; ".join(_told(one) for one in found)
        raise BadInput(f"{who!r} could be {people}: say the address, or name and number together")
    if not found:
        raise BadInput(f"nobody is known as {who}")
    return found[0]


def _told(person: Person) -> str:
    """Somebody among others of his name or number."""
    address = f"<{person.address}>" if person.address and person.name else person.address
    number = f", {person.phone}" if person.phone else ""
    return f"{person.name} {address}".strip() + number


@person.command("allow")
@click.argument("address")
@click.pass_obj
def person_allow(desk: Desk, address: str) -> None:
    """Let automatic mail go to an address again where it was suppressed, because mail failed there or somebody complained."""
    with desk.store() as store, store.work() as work:
        if work.person_at(address) is None:
            raise BadInput(f"nobody is known by the address {address}")
        allowed = work.allow(address)
        if allowed:
            detail = {"subject": address.lower(), "why": "by the admin on this host"}
            work.record(None, "admin", "allowed", detail, (), utc_now())
    click.echo(f"{address}: {'allowed again' if allowed else 'was not suppressed'}")


def _read(desk: Desk, read: Callable[[Work], list[Any]]) -> list[Any]:
    with desk.store() as store, store.read() as work:
        return read(work)


def _each(
    desk: Desk,
    numbers: Sequence[_T],
    everything: Callable[[Work], Sequence[_T]] | None,
    act: Callable[[Work, _T], bool],
    what: str,
) -> None:
    """Do something to each number, or to all; a number that is not there is told, and the exit code says so."""
    missing = []
    with desk.store() as store, store.work() as work:
        for number in everything(work) if everything else numbers:
            if act(work, number):
                click.echo(f"{number}: done")
            else:
                missing.append(number)
    if missing:
        raise BadInput("; ".join(f"there is no {what} with number {number}" for number in missing))
