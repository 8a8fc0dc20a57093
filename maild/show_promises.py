"""What the commands about promises print for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import click

from maild.desk.days import spoken
from maild.desk.timeline import ESCALATION
from maild.show import clean

_NAMES = {
    "first_response": "first answer",
    "update": "update",
    "resolution": "solution",
    "silence": "end of silence",
}
_COLOURS = {"running": "green", "paused": "yellow", "met": "blue", "broken": "red", "met late": "red"}


def promises(told: Mapping[str, Any]) -> None:
    """A ticket's clocks, each with the sum behind it."""
    click.secho(f"#{told['id']} {clean(told['subject']) or '(no subject)'}", bold=True)
    policy = f"policy {told['sla']}" if told["sla"] else "no policy: nothing is promised"
    click.echo(f"  {told['state']}, priority {told['priority']}, {policy}")
    for target in told["targets"]:
        _target(target)
    if told["sla"] and not told["targets"]:
        click.echo("  no clock runs")
    if told["escalation"]:
        _escalation(told["escalation"])


def _escalation(told: Mapping[str, Any]) -> None:
    of = f" of {told['steps']}" if told["steps"] else ""
    click.echo(f"\n  escalation: {told['step']}{of} steps taken")
    for line in told["taken"]:
        number = f"step {line['step']}" if line["step"] else "escalated"
        people = f", told: {', '.join(map(clean, line['told']))}" if line["told"] else ""
        by = "" if line["by"] == ESCALATION else f", by {clean(line['by'])}"
        click.echo(f"    {line['local']}  {number}: {clean(line['why'])}{by}{people}")
    if told["acknowledged_by"]:
        click.echo(f"    acknowledged by {clean(told['acknowledged_by'])}")
    if told["next"]:
        when = (
            f"at {told['next_local']} if nobody acts"
            if told["next_local"]
            else "with the next missed promise or #escalate"
        )
        click.echo(f"    next: {told['next']}, {when}")


def _target(target: Mapping[str, Any]) -> None:
    name = _NAMES[target["target"]]
    by = f"calendar {target['calendar']}" if target["calendar"] else "by the wall clock"
    status = click.style(target["status"], fg=_COLOURS[target["status"]])
    click.echo(f"\n  {name}: {status}, within {span(target['promised_minutes'])}, {by}, {target['timezone']}")
    if target["due"]:
        left = target["left_minutes"]
        how = f"{span(left)} left" if left > 0 else f"over for {span(-left)}"
        click.echo(f"    due {target['due_local']}, {how}")
    elif target["left_minutes"] is not None:
        click.echo(f"    stands still, {span(target['left_minutes'])} left")
    for line in target["timeline"]:
        mark = "|" if line["running"] else " "
        click.echo(f"    {line['local']}  {span(line['minutes']):>12}  {mark} {line['what']}")


def span(minutes: int) -> str:
    """`1 h 30 min`; nothing below zero."""
    return spoken(timedelta(minutes=minutes))


def would_break(rows: Sequence[Mapping[str, Any]]) -> None:
    """Tickets for which other policies would have broken other promises."""
    for row in rows:
        click.secho(f"#{row['ticket']} {clean(row['subject']) or '(no subject)'}", bold=True)
        for when, broken in (("now", row["now"]), ("then", row["then"])):
            said = "; ".join(f"{_NAMES[name]} {', '.join(dues)}" for name, dues in broken.items())
            click.echo(f"  {when:<5} {said or 'nothing broken'}")
    click.echo(f"{len(rows)} tickets with other broken promises")
