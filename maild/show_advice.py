"""What explain and replay print for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from maild.show import clean

_COLOURS = {
    "fired": "green",
    "holds": "green",
    "not met": None,
    "fails": "red",
    "can't tell": "yellow",
    "not reached": "yellow",
}
_TICKET = ("subject", "state", "type", "category", "severity", "priority", "tags", "fields", "language", "team", "level", "assignee", "sla")  # fmt: skip


def explained(found: Mapping[str, Any]) -> None:
    """One message: what it is, whose, where it belongs, what the rules say of it, what comes of it."""
    message, thread = found["message"], found["thread"]
    _head("The mail")
    sender = message["from"] or {"name": "", "address": "nobody"}
    _row("from", f"{sender['name']} <{sender['address']}>".strip())
    _row("subject", message["subject"] or "(none)")
    _row("kind", f"{message['kind']}{_because(message['kind_reasons'])}")
    _row("language", message["language"] or "too short to tell")
    if message["unanswerable"]:
        _row("no answer", "; ".join(message["unanswerable"]))
    if found["sender"]:
        _row("sender is", found["sender"]["evidence"])
    if found["proof"]["why"]:
        _row("proof", found["proof"]["why"])
    if found["known"]:
        _row("note", f"it came before (message {found['known']['message']}); this is as if it came for the first time")  # fmt: skip
    _head("The ticket it belongs to")
    _row(thread["outcome"] or "not asked", thread["evidence"] or "")
    for rejected in thread["rejected"]:
        _row("rejected", rejected)
    for trace in found["rules"]:
        _trace(trace)
    _outcome(found)


def _outcome(found: Mapping[str, Any]) -> None:
    ticket = found["ticket"]
    _head("What would be done")
    if ticket is None:
        _row("no ticket", "the message is kept")
    else:
        _row("ticket", str(ticket["id"] or "a new one"))
        for name in _TICKET:
            if ticket[name] not in (None, [], {}):
                _row(name, value(ticket[name]))
    for name, due in found["clocks"].items():
        _row(f"{name} due", due)
    for mail in found["mails"]:
        _row("mail", f"{mail['what']} to {mail['to']} ({mail['as']})")
    for effect in found["effects"]:
        if effect.get("event") == "not sent":
            _row("not sent", f"{effect['template']} to {effect['to']}: {'; '.join(effect['why'])}")
    others = [one for one in found["reasons"] if one["step"] not in ("thread", "kind", "sender", "rule")]
    _head("Reasons")
    for reason in others:
        _row(reason["step"], f"{reason['outcome']}{_because([reason['evidence']])}")


def _trace(trace: Mapping[str, Any]) -> None:
    for one in trace["rounds"]:
        _head(f"Rules on {one['occasion']}")
        if not one["rules"]:
            click.echo("  there are none")
        for rule in one["rules"]:
            why = f" ({rule['why']})" if rule["why"] else ""
            mark = click.style(f"  {rule['outcome']:<12}", fg=_COLOURS.get(rule["outcome"]))
            name = click.style(clean(rule["rule"]), bold=rule["outcome"] == "fired")
            click.echo(f"{mark}{name}{why}  " + click.style(rule["place"], dim=True))
            for condition in rule["conditions"]:
                _condition(condition, 1)
            for done in rule["did"]:
                click.echo(f"      → {clean(done)}")
    for note in trace["notes"]:
        click.echo(f"  note: {note}")


def _condition(checked: Mapping[str, Any], depth: int) -> None:
    mark = click.style(f"{checked['value']:<11}", fg=_COLOURS.get(checked["value"]))
    wanted = f": {checked['wanted']}" if checked.get("wanted") else ""
    evidence = f"  ({checked['evidence']})" if checked.get("evidence") else ""
    click.echo(f"{'    ' * depth}  {mark}{clean(checked['condition'] + wanted + evidence)}")
    for part in checked.get("parts", ()):
        _condition(part, depth + 1)


def difference(row: Mapping[str, Any]) -> None:
    """One message that other rules would treat otherwise."""
    click.secho(clean(f"{row['file']}: {row['subject'] or '(no subject)'} – {row['from'] or 'nobody'}"), bold=True)  # fmt: skip
    for name, (old, new) in row["differences"].items():
        if name == "mails":
            _mails(old, new)
            continue
        before = click.style(clean(value(old)), fg="red")
        after = click.style(clean(value(new)), fg="green")
        click.echo(f"  {name:<12} {before} → {after}")


def _mails(old: Sequence[Mapping[str, str]], new: Sequence[Mapping[str, str]]) -> None:
    for sign, colour, some, others in (("-", "red", old, new), ("+", "green", new, old)):
        for mail in some:
            if mail not in others:
                told = f"{mail['what']} to {mail['to']} ({mail['as']})"
                click.echo(f"  {'mail':<12} " + click.style(f"{sign} {clean(told)}", fg=colour))


def differences_of(count: int, different: int) -> None:
    """The sum of a replay."""
    messages = "1 message" if count == 1 else f"{count} messages"
    click.echo(f"{messages}, {different or 'none'} treated otherwise")


def value(one: object) -> str:
    """A value as a person writes it."""
    if one in (None, [], {}, ""):
        return "—"
    if isinstance(one, Mapping):
        return ", ".join(f"{key}={value(item)}" for key, item in one.items())
    if isinstance(one, list):
        return ", ".join(value(item) for item in one)
    return str(one)


def _head(text: str) -> None:
    click.secho(f"\n{text}", bold=True)


def _row(name: str, text: str) -> None:
    click.echo(f"  {name:<12} {clean(text)}")


def _because(reasons: Sequence[str]) -> str:
    said = "; ".join(reason for reason in reasons if reason)
    return f" ({said})" if said else ""
