"""What mails say of the questions to a requester: those that are open, and what he has given of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from maild.delivery.naming import Naming
from maild.delivery.notice import Notice
from maild.desk import triage
from maild.desk.rulebook import Need, Rulebook

_ACKNOWLEDGEMENT: Final = "acknowledgement"
Rows = list[dict[str, object]]


def questions(notice: Notice) -> Rows:
    """What has to be known of the ticket and is not, with the number of the question: to the requester's side what it was asked, to agents
    also what nobody was asked (number 0)."""
    ticket = notice.ticket
    if ticket is None:
        return []
    return [
        {"number": one.number or 0, "text": triage.question(one.need, notice.language, notice.rulebook)}
        for one in triage.listed(ticket, notice.rulebook)
        if not one.given and (one.number or not notice.role.outside)
    ]


def unasked(own: Mapping[str, str], rulebook: Rulebook) -> tuple[str, ...]:
    """A warning for each acknowledgement among the admin's own templates (by path) that does not show the questions that its readers
    count as asked."""
    if not any(True for _ in triage.every(rulebook)):
        return ()
    said = (value for rule in rulebook.rules.every for value in rule.actions.get("acknowledge", ()))
    names = {_ACKNOWLEDGEMENT, *map(str, said)}
    return tuple(
        f"{path}: does not show `questions`: nobody is asked what the desk has to know"
        for path, text in sorted(own.items())
        if path.endswith(".txt") and path.rpartition("/")[2].removesuffix(".txt") in names
        and "questions" not in text and "shipped/" not in text
    )  # fmt: skip


def supplied(notice: Notice, naming: Naming) -> Rows:
    """What was given of what was asked: the label of its field or else the question, and the value; "" when that is not repeated."""
    if notice.ticket is None:
        return []
    asked = triage.asked(notice.ticket, notice.rulebook).values()
    by_key = {needs[0].key: needs[0] for needs in asked}
    return [
        {"label": _label(by_key[key], notice, naming), "value": _value(by_key[key], value, naming)}
        for key, value in notice.supplied
        if key in by_key
    ]


def _label(need: Need, notice: Notice, naming: Naming) -> str:
    if need.field and need.field in notice.rulebook.fields:
        return naming.field(need.field)
    return triage.question(need, notice.language, notice.rulebook).rstrip(" .:!。")


def _value(need: Need, value: str, naming: Naming) -> str:
    """The value as people read it. An address that the register has for a name is not told to whoever wrote the name."""
    register = naming.rulebook.people
    return "" if need.field is None or value in register else naming.value(need.field, value)
