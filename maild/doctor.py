"""`maild doctor`: tries the site and says what is wrong, why, and what to do. Nothing is changed, and nothing stored."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from maild import config, outgoing, show, site
from maild.clock import utc_now
from maild.daemon.member import place
from maild.doctoring import correspondents, keeping, names
from maild.doctoring.findings import Cause, Finding, Grade, misconfigured, ok, warning, within
from maild.errors import EXIT_CONFIG, EXIT_UNREACHABLE, ConfigError, MaildError
from maild.opening import open_store
from maild.settings import Settings
from maild.show import clean
from maild.terminal import Desk, json_option
from maild.verify.resolver import Resolver
from store import Store, looking
from store.nodes import DEAD_AFTER
from store.rows import Node

_COLOURS = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAULT: "red"}
_SEND_SECONDS = 120.0


@click.command()
@click.option(
    "--send",
    metavar="ADDRESS",
    help="Also send a real test mail there; of the desk's own address it is said when it has come back.",
)
@json_option
@click.pass_obj
def doctor(desk: Desk, send: str | None, as_json: bool) -> None:
    """Try the site: files, database, DNS, relays, mailboxes, listeners. Says what is wrong, why, and what to do; changes nothing.

    Exits 0 when all is well (warnings count as well), 69 when a service does not answer, 78 when the configuration is wrong.
    """
    found = examine(desk, send)
    worst = Grade.FAULT if any(one.grade is Grade.FAULT for one in found) else Grade.WARNING if any(one.grade is Grade.WARNING for one in found) else Grade.OK  # fmt: skip
    if as_json:
        show.as_json({"result": str(worst), "checks": [_document(one) for one in found]})
    else:
        printed(found)
    causes = {one.cause for one in found if one.grade is Grade.FAULT}
    if Cause.CONFIGURATION in causes:
        raise SystemExit(EXIT_CONFIG)
    if causes:
        raise SystemExit(EXIT_UNREACHABLE)


def examine(desk: Desk, send: str | None) -> list[Finding]:
    """All checks; those that need a configuration are left out when there is none."""
    path = desk.path
    checked = config.check(path)
    found = _files(desk)
    if checked.settings is None:
        return found
    return found + asyncio.run(_site(checked.settings, send, utc_now()))


def _files(desk: Desk) -> list[Finding]:
    try:
        loaded = site.load(desk.path, utc_now())
    except ConfigError as error:
        return [
            misconfigured(
                "configuration", problem.file, str(problem), "mend it; maild check says when it is right"
            )
            for problem in error.problems
        ]
    agents = len(loaded.rulebook.agents)
    found = [
        ok(
            "configuration",
            str(desk.path),
            f"in order, with {agents} agents and {len(loaded.rulebook.teams)} teams",
        )
    ]
    return [
        *found,
        *(
            warning("configuration", "files", one, "mend it, or leave it if it is meant")
            for one in loaded.warnings
        ),
    ]


async def _site(settings: Settings, send: str | None, now: datetime) -> list[Finding]:
    with _opened(settings, now) as store:
        nodes = await asyncio.to_thread(_here, store, now) if store else []
        resolver = Resolver(settings.trust.resolvers)
        checks = [
            within("database", "server", lambda: keeping.database(settings, now)),
            within("files", "place", lambda: keeping.files(settings)),
            within("dns", "all", lambda: names.all_of(settings, resolver)),
            *(
                within("relay", one.address, lambda one=one: correspondents.relay(one, now))  # type: ignore[misc]
                for one in outgoing.relays(settings)
            ),
            *(
                within("mailbox", one.name, lambda one=one: correspondents.mailbox(one, store))  # type: ignore[misc]
                for one in settings.imap
            ),
            within("listener", "all", lambda: correspondents.listeners(settings, nodes)),
        ]
        found = [finding for part in await asyncio.gather(*checks) for finding in part]
        found += correspondents.listener_certificates(settings, now)
        if send is not None:
            found += await within(
                "round trip",
                f"to {send}",
                lambda: correspondents.round_trip(settings, send, store),
                _SEND_SECONDS,
            )
        return found


@contextlib.contextmanager
def _opened(settings: Settings, now: datetime) -> Iterator[Store | None]:
    """The store, where opening it makes and upgrades nothing; what is wrong with it, its own check says."""
    try:
        looked = looking.database(settings.store.url, now)
        store = (
            open_store(settings) if looked is not None and looked.current and not looked.obstacle else None
        )
    except MaildError:
        store = None
    try:
        yield store
    finally:
        if store is not None:
            store.close()


def _here(store: Store, now: datetime) -> Sequence[Node]:
    """The daemons that run on this host."""
    mine = place()
    with store.read() as work:
        return [
            node
            for node in work.nodes()
            if (now - node.seen_at).total_seconds() <= DEAD_AFTER and (not node.place or node.place == mine)
        ]


def printed(found: Sequence[Finding]) -> None:
    """For reading, a line a check, with what to do below it."""
    for one in found:
        grade = click.style(f"{one.grade:<8}", fg=_COLOURS[one.grade])
        click.echo(f"{grade}{one.part} {clean(one.what)}: {' '.join(clean(one.says).split())}")
        if one.do:
            click.echo(f"{'':<8}→ {one.do}")
    counts = ", ".join(f"{sum(one.grade is grade for one in found)} {grade}" for grade in Grade)
    click.echo(counts)


def _document(one: Finding) -> dict[str, object]:
    return {"part": one.part, "what": one.what, "grade": str(one.grade), "says": one.says, "do": one.do or None, "cause": str(one.cause) if one.cause else None}  # fmt: skip
