"""Health as a document and for reading: nodes with their listeners, mailboxes and loops, the queues, the tickets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from maild import show
from maild.clock import moment
from maild.documents import held_destination
from maild.show import clean
from store.rows import DestinationRow, HeldBack, Node, Totals


def status_document(
    nodes: Sequence[Node],
    totals: Totals,
    held_back: HeldBack,
    away: Mapping[str, datetime],
    now: datetime,
    held: Sequence[DestinationRow] = (),
) -> dict[str, Any]:
    """Health as a document. A node counts as running when it reported within the last 20 seconds. `held_back`: of the last day.
    `away`: agents by address, with when each is back. `held`: domains that get no mail now."""
    alive = [
        {
            "name": node.name, "pid": node.pid, "version": node.version, "started_at": moment(node.started_at), "seen_at": moment(node.seen_at),
            "alive": (now - node.seen_at).total_seconds() < show.ALIVE, **node.detail,
        }
        for node in nodes
    ]  # fmt: skip
    return {
        "running": any(node["alive"] for node in alive),
        "nodes": alive,
        "intake": {
            "waiting": totals.waiting,
            "oldest": moment(totals.oldest_waiting),
            "quarantined": totals.quarantined,
        },
        "outgoing": {
            "queued": totals.queued,
            "oldest": moment(totals.oldest_queued),
            "failed": totals.failed,
            "held": [held_destination(one) for one in held],
        },
        "webhooks": {
            "queued": totals.posts_queued,
            "oldest": moment(totals.oldest_post),
            "failed": totals.posts_failed,
        },
        "automatic": {
            "not_sent": dict(held_back.not_sent),
            "delayed": held_back.delayed,
            "suppressed": held_back.suppressed,
            "unmatched": held_back.unmatched,
        },
        "tickets": dict(totals.tickets),
        "away": [{"agent": agent, "until": moment(until)} for agent, until in sorted(away.items())],
    }


def _rules(found: Mapping[str, Any]) -> None:
    """Since when a node's rules are in force, and why newer ones are not."""
    if found.get("problems"):
        click.secho(f"  new rules were refused at {found['refused_at']}; those in force stay:", fg="red")
        for problem in found["problems"]:
            click.echo(f"    {problem}")


def _mailboxes(found: Iterable[Mapping[str, Any]]) -> None:
    """Each with what it is doing, when it was last read to its end, and what is wrong."""
    for one in found:
        read = f"last read {one['last_success']}" if one["last_success"] else "not read yet"
        waiting = f", {one['waiting']} waiting" if one["waiting"] else ""
        click.echo(f"  mailbox {clean(one['name'])}: {one['state']}, {read}{waiting}")
        if one["error"]:
            click.secho(f"    since {one['error_at']}: {clean(one['error'])}", fg="red")


def _loops(node: Mapping[str, Any]) -> None:
    """Parts of a daemon that hang, and how often its worker was replaced."""
    for loop in node.get("stalled", ()):
        seconds = node.get("loops", {}).get(loop, 0)
        click.secho(f"  {loop} has not got on for {seconds:.0f} s", fg="red")
    if node.get("worker_restarts"):
        often = "once" if node["worker_restarts"] == 1 else f"{node['worker_restarts']} times"
        click.secho(f"  the worker was replaced {often}", fg="yellow")


def status(found: Mapping[str, Any]) -> None:
    """Health for reading."""
    if not found["nodes"]:
        click.secho("maild is not running", fg="red")
    for node in found["nodes"]:
        word = click.style("running", fg="green") if node["alive"] else click.style("stale", fg="red")
        click.echo(
            f"{node['name']}: {word}, pid {node['pid']}, version {node['version']}, last seen {node['seen_at']}"
        )
        for address, counters in node.get("listeners", {}).items():
            click.echo(f"  {address}: " + ", ".join(f"{value} {name}" for name, value in counters.items()))
        for relay in node.get("relays", ()):
            if relay["away"]:
                click.secho(f"  relay {relay['address']} is away: {clean(relay['away'])}", fg="red")
        _mailboxes(node.get("mailboxes", ()))
        _loops(node)
        _rules(node.get("rules", {}))
    intake, outgoing = found["intake"], found["outgoing"]
    click.echo(
        f"incoming: {intake['waiting']} waiting{_since(intake['oldest'])}, {intake['quarantined']} in quarantine"
    )
    click.echo(
        f"outgoing: {outgoing['queued']} queued{_since(outgoing['oldest'])}, {outgoing['failed']} failed"
    )
    for one in outgoing["held"]:
        show.held(one)
    webhooks = found["webhooks"]
    if webhooks["queued"] or webhooks["failed"]:
        click.echo(
            f"webhooks: {webhooks['queued']} queued{_since(webhooks['oldest'])}, {webhooks['failed']} failed"
        )
    automatic = found["automatic"]
    reasons = ", ".join(f"{clean(why)} {count}" for why, count in automatic["not_sent"].items())
    click.echo(
        f"automatic mail, last day: {sum(automatic['not_sent'].values())} not sent{f' ({reasons})' if reasons else ''}, "
        f"{automatic['delayed']} delayed, {automatic['unmatched']} received and kept unmatched; "
        f"{automatic['suppressed']} addresses suppressed now"
    )
    click.echo(
        "tickets: " + (", ".join(f"{count} {state}" for state, count in found["tickets"].items()) or "none")
    )
    for one in found["away"]:
        click.echo(f"away: {clean(one['agent'])} until {one['until']}")


def _since(moment_: str | None) -> str:
    return f" since {moment_}" if moment_ else ""
