"""What commands print for people: short, aligned, coloured on a terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from maild.desk.commands import COMMANDS, SYNONYMS
from maild.desk.people import Ticket
from maild.documents import moment
from store.rows import Node, Totals

ALIVE = 20
_WITHOUT_ARGUMENT = frozenset(("note", "public", "solve", "close", "reopen", "spam", "help"))
_WITH_ARGUMENT = {*COMMANDS, *SYNONYMS} - {
    *_WITHOUT_ARGUMENT,
    *(word for word, name in SYNONYMS.items() if name in _WITHOUT_ARGUMENT),
}
_COLOURS = {
    "new": "cyan",
    "open": "green",
    "pending": "yellow",
    "on-hold": "yellow",
    "solved": "blue",
    "spam": "red",
}


def as_json(value: object, *, line: bool = False) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=None if line else 2, default=str))


def _clean(text: str) -> str:
    """Text of strangers for a terminal: no control characters, so no escape sequences."""
    return "".join(char if char in "\n\t" or (char.isprintable()) else " " for char in text)


def _short(text: str, most: int) -> str:
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


def tickets(found: Sequence[Ticket]) -> None:
    """A line a ticket."""
    if not found:
        click.echo("no tickets")
        return
    rows = [
        (f"#{one.id}", str(one.state), str(one.priority), (one.assignee or one.team or "-"), _short(_clean(one.requester.address or one.requester.name or "-"), 40),
         (moment(one.first_response_due if not one.first_response_at else one.resolution_due) or "-"), _clean(one.subject or "(no subject)"))
        for one in found
    ]  # fmt: skip
    _table(("ticket", "state", "prio", "with", "requester", "due", "subject"), rows)


def ticket(found: Mapping[str, Any]) -> None:
    """A ticket with its messages and its history, for reading."""
    requester = found["requester"]
    click.secho(f"#{found['id']} {_clean(found['subject']) or '(no subject)'}", bold=True)
    who = " ".join(
        filter(None, (requester["name"], f"<{requester['address']}>" if requester["address"] else ""))
    )
    facts = (
        ("state", click.style(found["state"], fg=_COLOURS.get(found["state"]))), ("priority", found["priority"]), ("requester", _clean(who)),
        ("organisation", requester["organisation"]), ("participants", ", ".join(found["participants"])), ("team", found["team"]),
        ("assignee", found["assignee"]), ("type", found["type"]), ("category", found["category"]), ("tags", ", ".join(found["tags"])),
        ("fields", ", ".join(f"{name}={value}" for name, value in found["fields"].items())), ("sla", found["sla"]),
        ("received", found["received_at"]), ("first answer due", found["first_response_due"]), ("solution due", found["resolution_due"]),
        ("broken", ", ".join(found["breached"])), ("links", ", ".join(f"#{link['id']} ({link['kind']})" for link in found["links"])),
    )  # fmt: skip
    for name, value in facts:
        if value not in (None, ""):
            click.echo(f"  {name:<16} {value}")
    for message in found["messages"]:
        _message(message)
    click.secho("\nhistory", bold=True)
    for event in found["events"]:
        detail = ", ".join(f"{key}: {_shown(value)}" for key, value in event["detail"].items())
        click.echo(
            f"  {event['at']}  {_clean(event['actor'])}: {event['event']}{' (' + _clean(detail) + ')' if detail else ''}"
        )
        for reason in event["reasons"]:
            click.secho(
                f"      {_clean(reason['step'])}: {_clean(reason['outcome'])} — {_clean(reason['evidence'])}",
                dim=True,
            )


def _shown(value: object) -> str:
    if isinstance(value, list):
        return (
            " → ".join(str(one) for one in value) if len(value) == 2 else ", ".join(str(one) for one in value)
        )
    return str(value)


def _message(message: Mapping[str, Any]) -> None:
    arrow = "→" if message["direction"] == "out" else "←"
    kind = "note" if not message["public"] and message["kind"] == "person" else message["kind"]
    sender = message["from_name"] or message["from"]
    delivery = f", {message['delivery']}" if message["delivery"] else ""
    click.secho(
        f"\n{arrow} {message['at']}  {_clean(sender)}  ({kind}{delivery})",
        fg="green" if message["direction"] == "out" else "cyan",
    )
    for line in _clean(message["text"]).strip().splitlines():
        click.echo(f"  {line}")
    for part in message["attachments"]:
        click.echo(f"  [{_clean(part['name'])}, {part['type']}, {part['size']} octets]")


def queue(rows: Sequence[Mapping[str, Any]]) -> None:
    """A line a mail."""
    if not rows:
        click.echo("the queue is empty")
        return
    shown = [
        (str(row["id"]), row["state"], str(row["attempts"]), f"#{row['ticket']}" if row["ticket"] else "-", row["kind"], row["to"],
         row["next_attempt"] or "-", _clean(row["reason"] or ""))
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
            f"<{_clean(row['sender'])}>",
            str(row["size"]),
            _clean(row["error"].strip().splitlines()[-1]),
        )
        for row in rows
    ]
    _table(("mail", "received", "from", "octets", "reason"), shown)


def quarantined(row: Mapping[str, Any], content: bytes) -> None:
    """One mail with its reason and the beginning of its bytes."""
    for name in ("id", "received_at", "route", "size", "attempts"):
        click.echo(f"{name:<12} {row[name]}")
    click.echo(f"{'from':<12} <{_clean(row['sender'])}>\n{'to':<12} {_clean(', '.join(row['recipients']))}")
    click.secho("\nreason", bold=True)
    click.echo(_clean(row["error"].rstrip()))
    click.secho(f"\nthe mail (the first of {row['size']} octets; --raw for all)", bold=True)
    click.echo(_clean(content[:2000].decode("utf-8", "replace")))


def inspected(found: Mapping[str, Any]) -> None:
    """What was understood of a message, for reading."""
    sender = found["from"] or {}
    click.secho(str(found["file"]), bold=True)
    rows = (
        ("from", " ".join(filter(None, (sender.get("name"), f"<{sender.get('address')}>" if sender else "")))), ("subject", found["subject"]),
        ("date", found["date"]), ("message-id", found["message_id"]), ("kind", found["kind"]), ("language", found["language"]),
        ("bounce", json.dumps(found["bounce"], ensure_ascii=False) if found["bounce"] else None), ("defects", ", ".join(found["defects"])),
    )  # fmt: skip
    for name, value in rows:
        if value:
            click.echo(f"  {name:<10} {_clean(str(value))}")
    for part in found["attachments"]:
        click.echo(f"  {'attached':<10} {_clean(part['name'])} ({part['type']}, {part['size']} octets)")
    click.echo("  new words:")
    for line in _clean(found["reply"]).splitlines():
        click.echo(f"    {line}")


def status_document(nodes: Sequence[Node], totals: Totals, now: datetime) -> dict[str, Any]:
    """Health as a document. A node counts as running when it reported within the last 20 seconds."""
    alive = [
        {
            "name": node.name, "pid": node.pid, "version": node.version, "started_at": moment(node.started_at), "seen_at": moment(node.seen_at),
            "alive": (now - node.seen_at).total_seconds() < ALIVE, **node.detail,
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
        },
        "tickets": dict(totals.tickets),
    }


def status(found: Mapping[str, Any]) -> None:
    """Health for reading."""
    if not found["nodes"]:
        click.secho("maild is not running", fg="red")
    for node in found["nodes"]:
        word = click.style("running", fg="green") if node["alive"] else click.style("gone", fg="red")
        click.echo(
            f"{node['name']}: {word}, pid {node['pid']}, version {node['version']}, last seen {node['seen_at']}"
        )
        for address, counters in node.get("listeners", {}).items():
            click.echo(f"  {address}: " + ", ".join(f"{value} {name}" for name, value in counters.items()))
    intake, outgoing = found["intake"], found["outgoing"]
    click.echo(
        f"incoming: {intake['waiting']} waiting{_since(intake['oldest'])}, {intake['quarantined']} in quarantine"
    )
    click.echo(
        f"outgoing: {outgoing['queued']} queued{_since(outgoing['oldest'])}, {outgoing['failed']} failed"
    )
    click.echo(
        "tickets: " + (", ".join(f"{count} {state}" for state, count in found["tickets"].items()) or "none")
    )


def _since(moment_: str | None) -> str:
    return f" since {moment_}" if moment_ else ""


def command_lines(words: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Arguments of `maild ticket N …` as command lines and a text.

    Words that start with # are command lines (one without its argument takes the next word), the others the text. Without any #, all
    words are one command line, but what follows `note` and `public` is the text.
    """
    if not words:
        return (), ""
    if not any(word.startswith("#") for word in words):
        first = words[0].lower()
        if first in ("note", "public"):
            return (f"#{first}",), "\n".join(words[1:])
        return (f"#{' '.join(words)}",), ""
    commands: list[str] = []
    text: list[str] = []
    for word in words:
        if word.startswith("#") and not word.startswith("##"):
            commands.append(word)
        elif commands and not text and commands[-1].lstrip("#").lower() in _WITH_ARGUMENT:
            commands[-1] += f" {word}"
        else:
            text.append(word.removeprefix("#") if word.startswith("##") else word)
    return tuple(commands), "\n".join(text)
