"""`maild ticket N`: one ticket whole, and what agents can do to it by mail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from maild import documents, show, show_messages
from maild.clock import utc_now
from maild.desk.commands import COMMANDS, SYNONYMS
from maild.desk.mentions import MENTION
from maild.desk.people import Ticket
from maild.desk.solving import TIME
from maild.errors import BadInput
from maild.terminal import Desk, json_option

if TYPE_CHECKING:
    from maild.desk.rulebook import Rulebook
    from maild.site import Site

_WITHOUT_ARGUMENT = frozenset(
    ("note", "public", "send", "solve", "close", "reopen", "spam", "escalate", "ack", "undo", "back", "help")
)
_WITH_ARGUMENT = {*COMMANDS, *SYNONYMS} - {
    *_WITHOUT_ARGUMENT,
    *(word for word, name in SYNONYMS.items() if name in _WITHOUT_ARGUMENT),
}


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
    lines, text = command_lines(commands)
    loaded = desk.load() if commands else None
    with desk.store() as store:
        if loaded is not None:
            from maild.flow import Flow  # to look at a ticket needs no rules, parsers and templates

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
        show_messages.ticket(found, full=full)


def _needs(desk: Desk, one: Ticket, loaded: Site | None) -> list[dict[str, object]] | None:
    """What has to be known of the ticket; None while the desk's files are wrong, for they say it."""
    if not (one.type or one.category or one.fields):
        return []
    rulebook = loaded.rulebook if loaded else desk.rulebook()
    return needs(one, rulebook) if rulebook else None


def needs(one: Ticket, rulebook: Rulebook) -> list[dict[str, object]]:
    """What has to be known of a ticket: `number` of the question (None: the requester was not asked it), the question in the desk's
    language, the field that holds the answer (None: none does), and whether it is given."""
    from maild.desk import triage  # few tickets ask something

    return [
        {
            "number": known.number,
            "question": triage.question(known.need, None, rulebook),
            "field": known.need.field,
            "given": known.given,
        }
        for known in triage.listed(one, rulebook)
    ]


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
