"""The words of rules: every condition and action, what it takes, and how it is written. rules/README.md prints these tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

NESTING: Final = ("any", "all", "not")
NO_MATCH: Final = "no match"
FIELD: Final = "field."


class Takes(StrEnum):
    """What stands behind a word."""

    TEXT = "words or /pattern/"
    HEADER = "a header's name with words or /pattern/"
    WORD = "a word"
    NUMBER = "a number"
    THIRD = "1 to 3, or its name"
    SPAN = "a span of time"
    HOURS = "in or out of a calendar"
    LINE = "a text"
    LINK = "a link"
    FLAG = "true"


class Condition(NamedTuple):
    takes: Takes
    example: str
    means: str


class Action(NamedTuple):
    """`many`: a list of values is allowed."""

    takes: Takes
    example: str
    means: str
    many: bool = False


CONDITIONS: Final[Mapping[str, Condition]] = {
    "from": Condition(Takes.TEXT, "from: boss@globex.example", "who wrote: an address, or words of the name or address"),
    "from_domain": Condition(Takes.TEXT, "from_domain: [globex.example, initech.example]", "the domain of who wrote, or one above it"),
    "organisation": Condition(Takes.WORD, "organisation: Globex", "to whom who wrote belongs; without a mail: the requester"),
    "group": Condition(Takes.WORD, "group: pilots", "a group of who wrote; without a mail: of the requester"),
    "to": Condition(Takes.TEXT, "to: soporte@acme.example", "any address the mail went to, To and Cc included"),
    "subject": Condition(Takes.TEXT, r"subject: /\binvoice\s+INV-\d{4,}\b/", "the mail's subject; without a mail: the ticket's"),
    "body": Condition(Takes.TEXT, 'body: ["would be great if", "could you add"]', "the new words and a forwarded text, no quotes, no signature"),
    "text": Condition(Takes.TEXT, 'text: [outage, "no funciona"]', "subject or body"),
    "header": Condition(Takes.HEADER, "header: {X-Spam: yes, Precedence: null}", "every header named must fit; null: it is not there"),
    "attachment": Condition(Takes.TEXT, 'attachment: ["*.exe", "image/*", invoice]', "a file's name (words, or with * and ?) or, with a slash, its type; yes: any file; no: none. Pictures inside the text do not count"),
    "language": Condition(Takes.WORD, "language: [es, pt]", "of the mail, `pt` also for pt-BR; null: too short to tell"),
    "kind": Condition(Takes.WORD, "kind: bulk", "of the mail: person, auto-reply, bounce, bulk, receipt, report"),
    "channel": Condition(Takes.WORD, "channel: phone", "email, internal, or one of `desk.channels`"),
    "hours": Condition(Takes.HOURS, "hours: {out: office}", "whether it is now in or out of a calendar's hours"),
    "state": Condition(Takes.WORD, "state: [new, open]", "the ticket's state"),
    "type": Condition(Takes.WORD, "type: incident", "the ticket's type"),
    "category": Condition(Takes.WORD, "category: null", "the ticket's category"),
    "severity": Condition(Takes.WORD, "severity: [critical, significant]", "the ticket's severity"),
    "impact": Condition(Takes.THIRD, "impact: 1", "the ticket's impact, 1 the widest"),
    "urgency": Condition(Takes.THIRD, "urgency: [1, 2]", "the ticket's urgency, 1 the most urgent"),
    "priority": Condition(Takes.NUMBER, 'priority: "<= 2"', "1 (most urgent) to 5; with <, <=, > or >= a comparison"),
    "tags": Condition(Takes.WORD, "tags: [outage, vip]", "any of the ticket's tags"),
    "team": Condition(Takes.WORD, "team: null", "the ticket's team"),
    "assignee": Condition(Takes.WORD, "assignee: ana@acme.example", "who is responsible, by address or name"),
    "level": Condition(Takes.NUMBER, "level: 2", "first line, second line …; with <, <=, > or >= a comparison"),
    "field.NAME": Condition(Takes.WORD, "field.product: flow", "the whole value of a field of yours; a /pattern/ finds parts"),
    "idle": Condition(Takes.SPAN, "idle: 5d", "so long, or longer, since a person wrote or changed something, by the wall clock; with < shorter"),
    "age": Condition(Takes.SPAN, 'age: "< 4h"', "so long, or longer, since the ticket came, by the wall clock; with < shorter"),
}  # fmt: skip

ACTIONS: Final[Mapping[str, Action]] = {
    "type": Action(Takes.WORD, "type: incident", "sets the type"),
    "category": Action(Takes.WORD, "category: billing", "sets the category"),
    "severity": Action(Takes.WORD, "severity: critical", "sets the severity, and the impact that it implies"),
    "impact": Action(Takes.THIRD, "impact: 1", "sets the impact"),
    "urgency": Action(Takes.THIRD, "urgency: 2", "sets the urgency"),
    "priority": Action(Takes.NUMBER, "priority: 1", "1 (most urgent) to 5; `raise`: one step more urgent"),
    "tags": Action(Takes.WORD, "tags: [outage, vip]", "adds tags", many=True),
    "untag": Action(Takes.WORD, "untag: vip", "takes tags away", many=True),
    "field.NAME": Action(Takes.WORD, "field.product: flow", "sets a field of yours; null empties it"),
    "language": Action(Takes.WORD, "language: es", "the language the desk writes in"),
    "team": Action(Takes.WORD, "team: engineering", "hands it to a team, with the team's level; who is not in that team is no longer responsible"),
    "assignee": Action(Takes.WORD, "assignee: round-robin", "an agent; round-robin, least-busy: of the team, who speaks the language, is not away and did not ask himself; oncall: by the rota; null: nobody"),
    "level": Action(Takes.NUMBER, "level: 2", "sets the level"),
    "state": Action(Takes.WORD, "state: closed", "open, pending, on-hold, solved or closed"),
    "watch": Action(Takes.WORD, "watch: chen@acme.example", "these agents hear of everything", many=True),
    "note": Action(Takes.LINE, "note: Check the status page first", "adds a note, for agents only", many=True),
    "reply": Action(Takes.WORD, "reply: answer", "sends this template to the requester", many=True),
    "acknowledge": Action(Takes.WORD, "acknowledge: no", "acknowledges with this template, or not at all"),
    "help": Action(Takes.LINK, "help: https://kb.acme.example/printing", "adds a link to the acknowledgement", many=True),
    "runbook": Action(Takes.WORD, "runbook: triage", "the guide goes with the responsible's notification", many=True),
    "webhook": Action(Takes.LINK, "webhook: https://hooks.acme.example/desk", "posts the ticket there as JSON", many=True),
    "spam": Action(Takes.FLAG, "spam: true", "the ticket is spam: nobody is told, nothing is answered"),
    "discard": Action(Takes.FLAG, "discard: true", "no ticket: the mail is kept and that is all"),
}  # fmt: skip


def names_field(key: object) -> bool:
    return isinstance(key, str) and key.startswith(FIELD) and len(key) > len(FIELD)


def condition(key: object) -> Condition | None:
    """The condition of this name; None: there is none."""
    return CONDITIONS.get("field.NAME" if names_field(key) else str(key)) if key != "field.NAME" else None


def action(key: object) -> Action | None:
    """The action of this name; None: there is none."""
    return ACTIONS.get("field.NAME" if names_field(key) else str(key)) if key != "field.NAME" else None


def conditions_table() -> str:
    """The conditions as rules/README.md shows them."""
    return _table("condition", CONDITIONS)


def actions_table() -> str:
    """The actions as rules/README.md shows them."""
    return _table("action", ACTIONS)


def _table(what: str, words: Mapping[str, Condition] | Mapping[str, Action]) -> str:
    rows = [f"| {what} | for example | |", "| --- | --- | --- |"]
    for name, word in words.items():
        example = word.example.replace("|", "\\|")
        rows.append(f"| `{name}` | `{example}` | {word.means} |")
    return "\n".join(rows)
