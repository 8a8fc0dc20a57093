"""What an agent should know of a ticket, as tables of label and value in his language; what is empty is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

Rows = list[dict[str, str]]
_TICKET = (
    "subject", "state", "priority", "type", "category", "severity", "impact", "urgency", "assignee", "team", "tags",
    "cause", "solution",
)  # fmt: skip
_DUE = ("first_response", "update", "resolution", "silence")


def tables(
    made: Mapping[str, object], words: Mapping[str, object], defined: Mapping[str, str]
) -> dict[str, Rows]:
    """`made`: the values of a mail to an agent (`values.values`); `words`: what words.txt sets; `defined`: words of the dictionary with their
    definitions, by column."""
    ticket = cast("Mapping[str, object] | None", made["ticket"])
    if ticket is None:
        return {"changes": [], "who": [], "ticket": [], "due": []}
    labels, states = _dictionary(words, "labels"), _dictionary(words, "states")
    fields = cast("list[dict[str, str]]", ticket["fields"])
    shown = {
        **ticket,
        "state": states.get(str(ticket["state"]), ticket["state"]),
        "priority": _dictionary(words, "priorities").get(str(ticket["priority"]), ticket["priority"]),
        "assignee": ticket["assignee"] or "–",
        "tags": ", ".join(cast("list[str]", ticket["tags"])),
        **defined,
    }
    facts = [(labels.get(name, name), shown[name]) for name in _TICKET]
    facts += [(field["label"], field["value"]) for field in fields]
    facts += [(labels.get("lacks", "lacks"), _numbered(one)) for one in cast("Rows", made["questions"])]
    if cast(int, ticket["level"]) > 1:
        facts.append((labels.get("level", "level"), ticket["level"]))
    if ticket["escalated"]:
        taken, of = cast(int, ticket["escalated"]), cast(int, ticket["steps"])
        facts.append((labels.get("escalated", "escalated"), f"{taken} / {of}" if taken <= of else taken))
    facts.append((labels.get("contact", "contact"), ticket["contact"]))
    if ticket["channel"] != "email":
        facts.append((labels.get("channel", "channel"), ticket["channel"]))
    facts.append((labels.get("urls", "urls"), ", ".join(cast("list[str]", ticket["urls"]))))
    if ticket["minutes_spent"]:
        facts.append((labels.get("minutes_spent", "minutes_spent"), f"{ticket['minutes_spent']} min"))
    due = cast("Mapping[str, object]", ticket["due"])
    missed = ", ".join(labels.get(name, name) for name in cast("list[str]", ticket["breached"]))
    return {
        "changes": _changes(made, labels, states),
        "who": _rows(_who(made, ticket, labels, states)),
        "ticket": _rows(facts),
        "due": _rows(
            [
                *((labels.get(name, name), due[name]) for name in _DUE),
                (labels.get("estimate", "estimate"), ticket["estimate"]),
                (labels.get("breached", "breached"), missed),
            ]
        ),
    }


def _numbered(question: Mapping[str, object]) -> str:
    """A question with its number, if the requester was asked it."""
    return f"{question['number']}. {question['text']}" if question["number"] else str(question["text"])


def _changes(made: Mapping[str, object], labels: Mapping[str, str], states: Mapping[str, str]) -> Rows:
    def value(text: str) -> str:
        return states.get(text, text) or "–"

    return [
        {
            "label": labels.get(change["name"], change["label"]),
            "value": f"{value(change['old'])} → {value(change['new'])}",
        }
        for change in cast("list[dict[str, str]]", made["changes"])
    ]


def _who(
    made: Mapping[str, object],
    ticket: Mapping[str, object],
    labels: Mapping[str, str],
    states: Mapping[str, str],
) -> list[tuple[str, object]]:
    """The requester, the other participants, and the requester's other tickets; a label stands before the first of several."""
    requester = cast("Mapping[str, str]", ticket["requester"])
    rows: list[tuple[str, object]] = [
        (labels.get("requester", "requester"), _named(requester)),
        (labels.get("phone", "phone"), requester["phone"]),
        (labels.get("organisation", "organisation"), ticket["organisation"]),
        (labels.get("sla", "sla"), ticket["sla"]),
    ]
    for person in cast("list[dict[str, str]]", ticket["participants"]):
        rows.append((labels.get("participants", "participants"), _named(person)))
    for other in cast("list[dict[str, str]]", made["earlier"]):
        state = states.get(other["state"], other["state"])
        rows.append(
            (
                labels.get("earlier", "earlier"),
                f"#{other['number']} {other['subject']} ({state}, {other['received']})",
            )
        )
    return rows


def _named(person: Mapping[str, str]) -> str:
    """Somebody's name and address, if there is one."""
    return f"{person['name']} <{person['address']}>".strip() if person["address"] else person["name"]


def _rows(pairs: Iterable[tuple[str, object]]) -> Rows:
    return [{"label": label, "value": str(value)} for label, value in pairs if value]


def _dictionary(words: Mapping[str, object], name: str) -> Mapping[str, str]:
    found = words.get(name)
    return cast("Mapping[str, str]", found) if isinstance(found, dict) else {}
