"""Messages, and tickets with theirs, for people to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import click

from maild.desk.days import spoken
from maild.message import quotes
from maild.show import clean, short, told

_MOST = 10
_AUTOMATIC = frozenset(("auto-reply", "bounce", "receipt", "report"))
_COLOURS = {
    "new": "cyan",
    "open": "green",
    "pending": "yellow",
    "on-hold": "yellow",
    "solved": "blue",
    "spam": "red",
}


def ticket(found: Mapping[str, Any], *, full: bool = False) -> None:
    """A ticket with its messages and its history, for reading; what messages quote is folded unless `full`."""
    requester = found["requester"]
    click.secho(f"#{found['id']} {clean(found['subject']) or '(no subject)'}", bold=True)
    who = " ".join(
        filter(
            None,
            (
                requester["name"],
                f"<{requester['address']}>" if requester["address"] else requester["phone"] or "",
            ),
        )
    )
    facts = (
        ("state", click.style(found["state"], fg=_COLOURS.get(found["state"]))), ("priority", found["priority"]), ("requester", clean(who)),
        ("organisation", requester["organisation"]), ("participants", ", ".join(found["participants"])), ("team", found["team"]),
        ("assignee", found["assignee"]), ("channel", found["channel"]), ("type", found["type"]), ("category", found["category"]), ("severity", found["severity"]),
        ("impact", found["impact"]), ("urgency", found["urgency"]), ("tags", ", ".join(found["tags"])),
        ("fields", ", ".join(f"{name}={_line(value)}" for name, value in found["fields"].items())), ("sla", found["sla"]),
        ("received", found["received_at"]), ("first answer due", found["first_response_due"]), ("solution due", found["resolution_due"]),
        ("hoped for", found["due_at"]), ("merged into", found["merged_into"] and f"#{found['merged_into']}"), ("pages", ", ".join(found["urls"])),
        ("cause", found["cause"] and clean(found["cause"])), ("solution", found["solution"] and clean(found["solution"])), ("time", _time(found)),
        ("lacks", "; ".join(_lacks(found["needs"] or ()))), ("broken", ", ".join(found["breached"])), ("links", ", ".join(f"#{link['id']} ({link['kind']})" for link in found["links"])),
    )  # fmt: skip
    for name, value in facts:
        if value not in (None, ""):
            click.echo(f"  {name:<16} {value}")
    for number, message in enumerate(found["messages"]):
        _message(message, full, fold=number > 0 and not full and message["kind"] in _AUTOMATIC)
    click.secho("\nhistory", bold=True)
    for event in found["events"]:
        detail = ", ".join(f"{key}: {told(value)}" for key, value in event["detail"].items())
        click.echo(
            f"  {event['at']}  {clean(event['actor'])}: {event['event']}{' (' + clean(detail) + ')' if detail else ''}"
        )
        for reason in event["reasons"]:
            click.secho(
                f"      {clean(reason['step'])}: {clean(reason['outcome'])} — {clean(reason['evidence'])}",
                dim=True,
            )


def _time(found: Mapping[str, Any]) -> str:
    """`1 h 25 min (ana@acme.example 1 h, ben@acme.example 25 min)`."""
    each = [f"{clean(one['agent'])} {_span(one['minutes'])}" for one in found["time"]]
    return f"{_span(found['minutes_spent'])} ({', '.join(each)})" if each else ""


def _span(minutes: int) -> str:
    return spoken(timedelta(minutes=minutes))


def _line(text: str) -> str:
    """Text of strangers on one line."""
    return " ".join(clean(text).split())


def _lacks(needs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What has to be known and is not, with the number of the question if it was asked."""
    for one in needs:
        if not one["given"]:
            yield f"{one['number']}. {_line(one['question'])}" if one["number"] else _line(one["question"])


def _message(message: Mapping[str, Any], full: bool, *, fold: bool) -> None:
    """One message; an automatic one (`fold`) as its first line, so that people's words stand out."""
    arrow = "→" if message["direction"] == "out" else "←"
    kind = "note" if not message["public"] and message["kind"] == "person" else message["kind"]
    sender = message["from_name"] or message["from"]
    kind += f", {_span(message['minutes'])}" if message["minutes"] else ""
    delivery = f", {message['delivery']}" if message["delivery"] else ""
    click.secho(
        f"\n{arrow} {message['at']}  {clean(sender)}  ({kind}{delivery})",
        fg="green" if message["direction"] == "out" else "cyan",
    )
    if fold:
        lines = clean(message["text"]).strip().splitlines()
        more = f" [… {len(lines) - 1} more lines]" if len(lines) > 1 else ""
        click.secho(f"  {short(lines[0], 80) if lines else ''}{more}", dim=True)
        return
    _words(message["text"] if full else message["reply"], "  ")
    rest = "" if full else folded(message["text"], message["reply"])
    if rest:
        click.secho(f"  {rest}", dim=True)
    for part in message["attachments"]:
        click.echo(f"  [{clean(part['name'])}, {part['type']}, {_size(part['size'])}]")


def _words(text: str, margin: str) -> None:
    for line in clean(text).strip().splitlines():
        click.echo(f"{margin}{line}".rstrip())


def _size(octets: int) -> str:
    """A size as people write it."""
    if octets < 1000:
        return f"{octets} octets"
    return f"{octets / 1000:.0f} kB" if octets < 1_000_000 else f"{octets / 1_000_000:.1f} MB"


def folded(text: str, reply: str) -> str:
    """What stands in `text` beside the new words, as one line such as `[… 14 quoted lines, signature]`; "" when nothing does."""
    rest = Counter(line.strip() for line in text.splitlines() if line.strip())
    rest -= Counter(line.strip() for line in reply.splitlines() if line.strip())
    signature = Counter(line.strip() for line in quotes.split(text).signature.splitlines() if line.strip())
    closing = signature & rest
    count = (rest - closing - Counter({"--": rest["--"]})).total()
    said = [f"{count} quoted line{'s' * (count != 1)}"] if count else []
    said += ["signature"] if closing else []
    return f"[… {', '.join(said)}]" if said else ""


def inspected(found: Mapping[str, Any]) -> None:
    """What was understood of a message, for reading."""
    click.secho(str(found["file"]), bold=True)
    reasons, silent = found["kind_reasons"], found["unanswerable"]
    rows = [
        ("from", _mailbox(found["from"])), ("to", ", ".join(map(_mailbox, found["to"][:_MOST]))), ("cc", ", ".join(map(_mailbox, found["cc"][:_MOST]))),
        ("reply to", ", ".join(map(_mailbox, found["reply_to"]))), ("subject", found["subject"]), ("date", found["date"]),
        ("message-id", found["message_id"]), ("answers", ", ".join(found["in_reply_to"])),
        ("kind", found["kind"] + (f", because {'; '.join(reasons)}" if reasons else "")),
        ("automatic", f"no answer, because {'; '.join(silent)}" if silent else ""),
        ("language", found["language"]), ("protection", ", ".join(found["protection"])),
    ]  # fmt: skip
    rows += _bounced(found["bounce"]) if found["bounce"] else []
    rows += _forwarded(found["forwarded"]) if found["forwarded"] else []
    rows += [
        (
            "attached",
            f"{part['name']} ({part['type']}, {_size(part['size'])}{', inline' if part['inline'] else ''})",
        )
        for part in found["attachments"]
    ]
    rows += [("defect", defect) for defect in found["defects"]]
    for name, value in rows:
        if value:
            click.echo(f"  {name:<10} {clean(str(value))}")
    click.secho("  new words", dim=True)
    _words(found["reply"] or "(none)", "    ")
    rest = folded(found["text"], found["reply"])
    if rest:
        click.secho(f"    {rest}", dim=True)


def _mailbox(one: Mapping[str, str] | None) -> str:
    if not one:
        return ""
    return " ".join(filter(None, (one["name"], f"<{one['address']}>" if one["address"] else "")))


def _bounced(bounce: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A failed delivery, and each address that could not be reached."""
    what = "failed for good" if bounce["permanent"] else "not delivered yet"
    of = f", of {bounce['original_message_id']}" if bounce["original_message_id"] else ""
    each = (
        "  ".join(filter(None, (one["address"], one["status"], one["diagnostic"])))
        for one in bounce["recipients"][:_MOST]
    )
    return [("bounce", what + of), *(("", text) for text in each)]


def _forwarded(original: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The original that was passed on, and what the forwarder says of it."""
    about = " – ".join(filter(None, (_mailbox(original["from"]), original["subject"])))
    rows = [("forwarded", about), ("", original["at"] or original["date"])]
    words = " ".join(original["above"].split())
    return [*rows, ("", f"with the words: {short(words, 200)}" if words else "")]
