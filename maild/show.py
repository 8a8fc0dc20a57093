"""What commands print for people: short, aligned, coloured on a terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from textwrap import indent
from typing import Any

import click

from maild.clock import moment
from maild.desk.people import Ticket

ALIVE = 20


def as_json(value: object, *, line: bool = False) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=None if line else 2, default=str))


def as_json_rows(rows: Iterable[object]) -> None:
    """One JSON document on stdout: a list of any length, a row at a time."""
    before = "["
    for row in rows:
        text = json.dumps(row, ensure_ascii=False, indent=2, default=str)
        click.echo(before + "\n" + indent(text, "  "), nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


def clean(text: str) -> str:
    """Text of strangers for a terminal: no control characters, so no escape sequences."""
    return "".join(char if char in "\n\t" or (char.isprintable()) else " " for char in text)


def short(text: str, most: int) -> str:
    """At most so many characters of a text."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], last: int | None = None) -> None:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    room = (
        max(20, shutil.get_terminal_size((110, 24)).columns - sum(widths[:-1]) - 2 * len(widths))
        if last is None
        else last
    )
    for number, row in enumerate((head, *rows)):
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        final = row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + "…"
        click.secho("  ".join((*cells, final)).rstrip(), bold=number == 0)


def tickets(pages: Iterable[Sequence[Ticket]]) -> None:
    """A line a ticket, in a table for each page."""
    shown = False
    for page in pages:
        if shown:
            click.echo()
        _tickets(page)
        shown = True
    if not shown:
        click.echo("no tickets")


def _tickets(found: Sequence[Ticket]) -> None:
    rows = [
        (f"#{one.id}", str(one.state), str(one.priority), (one.assignee or one.team or "-"), short(clean(one.requester.address or one.requester.name or one.requester.phone or "-"), 40),
         (moment(one.first_response_due if not one.first_response_at else one.resolution_due) or "-"), clean(one.subject or "(no subject)"))
        for one in found
    ]  # fmt: skip
    _table(("ticket", "state", "prio", "with", "requester", "due", "subject"), rows)


def told(value: object) -> str:
    """A value of an event's detail."""
    if isinstance(value, list):
        return (
            " → ".join(str(one) for one in value) if len(value) == 2 else ", ".join(str(one) for one in value)
        )
    return str(value)


def held(found: Mapping[str, Any]) -> None:
    """A pause, or a domain that is left alone."""
    if found["paused_at"] is None:
        what = (
            f"{clean(found['domain'])} is left alone until {found['until']}: {clean(found['reason'] or '')}"
        )
        click.secho(what, fg="yellow")
        return
    domain = found["domain"] and clean(found["domain"])
    again = f"maild queue resume --domain {domain}" if domain else "maild queue resume"
    click.secho(f"{domain or 'the queue'} is paused since {found['paused_at']} ({again})", fg="yellow")


def queue(rows: Sequence[Mapping[str, Any]]) -> None:
    """A line a mail or webhook."""
    if not rows:
        click.echo("the queue is empty")
        return
    shown = [
        (str(row["id"]), row["state"], str(row["attempts"]), f"#{row['ticket']}" if row["ticket"] else "-", row["kind"], clean(row["to"]),
         row["next_attempt"] or "-", clean(row["held"] or row["reason"] or ""))
        for row in rows
    ]  # fmt: skip
    _table(("mail", "state", "tries", "ticket", "what", "to", "next", "reason"), shown)


def quarantine(rows: Sequence[Mapping[str, Any]]) -> None:
    """A line a mail."""
    if not rows:
        click.echo("quarantine is empty")
        return
    shown = [
        (
            str(row["id"]),
            str(row["received_at"]),
            f"<{clean(row['sender'])}>",
            str(row["size"]),
            clean(row["error"].strip().splitlines()[-1]),
        )
        for row in rows
    ]
    _table(("mail", "received", "from", "octets", "reason"), shown)


def quarantined(row: Mapping[str, Any], content: bytes) -> None:
    """One mail with its reason and the beginning of its bytes."""
    for name in ("id", "received_at", "route", "size", "attempts"):
        click.echo(f"{name:<12} {row[name]}")
    click.echo(f"{'from':<12} <{clean(row['sender'])}>\n{'to':<12} {clean(', '.join(row['recipients']))}")
    click.secho("\nreason", bold=True)
    click.echo(clean(row["error"].rstrip()))
    click.secho(f"\nthe mail (the first of {row['size']} octets; --raw for all)", bold=True)
    click.echo(clean(content[:2000].decode("utf-8", "replace")))


def person(found: Mapping[str, Any]) -> None:
    """Somebody of the register, for reading."""
    suppressed = found["suppressed"]
    allowed = f"no, since {suppressed['at']}: {suppressed['why']}" if suppressed else "yes"
    facts = (
        ("name", found["name"]), ("address", found["address"]), ("other addresses", ", ".join(one for one in found["addresses"] if one != found["address"].lower())),
        ("phone", found["phone"]), ("organisation", _with_reason(found["organisation"], found["organisation_from"])),
        ("groups", ", ".join(found["groups"])), ("language", found["language"]), ("time zone", found["zone"]),
        ("automatic mail", allowed), ("tickets", ", ".join(f"#{number}" for number in found["tickets"])),
    )  # fmt: skip
    for name, value in facts:
        if value:
            click.echo(f"{name:<16} {clean(str(value))}")


def _with_reason(name: str | None, reason: str | None) -> str:
    return f"{name} ({reason})" if name else ""
