"""What the columns and fields of a ticket are called in the reader's language, by the labels and definitions of the desk's dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from maild.desk import glossary
from maild.desk.people import Ticket
from maild.desk.rulebook import Field, FieldKind, Rulebook, Word

DEFINED = ("type", "category", "severity", "impact", "urgency")
"""Columns that are explained to agents with the definition of their word."""


@dataclass(frozen=True, slots=True)
class Naming:
    """For one reader: `languages` in the order in which they are tried, `locale` for dates, `words` what words.txt sets."""

    rulebook: Rulebook
    languages: tuple[str, ...]
    locale: str
    words: Mapping[str, object]
    outside: bool

    def label(self, word: Word) -> str:
        return glossary.label(word, *self.languages)

    def column(self, name: str, value: object) -> str:
        """The word that stands in this column: its label, of a scale also the number; as it is when nothing is declared."""
        word = self._word(name, value)
        if word is None:
            return "" if value is None else str(value)
        return (
            f"{value} ({self.label(word)})" if name in ("impact", "urgency", "priority") else self.label(word)
        )

    def defined(self, name: str, value: object) -> str:
        """The word with its definition: `critical – Production down or inoperative`."""
        word = self._word(name, value)
        meaning = glossary.definition(word, *self.languages) if word else ""
        return f"{self.column(name, value)} – {meaning}" if meaning else self.column(name, value)

    def explained(self, ticket: Ticket) -> dict[str, str]:
        """The words of a ticket with their definitions, by column; the priority when the dictionary has a name for it."""
        made = {name: self.defined(name, getattr(ticket, name)) for name in DEFINED}
        if ticket.priority in self.rulebook.words.priorities:
            made["priority"] = self.defined("priority", ticket.priority)
        return made

    def _word(self, name: str, value: object) -> Word | None:
        known = self.rulebook.words
        if name in ("impact", "urgency", "priority"):
            numbered = {"impact": known.impacts, "urgency": known.urgencies, "priority": known.priorities}[
                name
            ]
            return numbered.get(int(str(value))) if str(value).isdigit() else None
        words = {"type": known.types, "category": known.categories, "severity": known.severities, "channel": known.channels, "tag": known.tags}  # fmt: skip
        return words.get(name, {}).get(str(value))

    def target(self, name: str) -> str:
        """What a promise is called: `First answer`."""
        labels = self.words.get("labels")
        return str(labels.get(name, name)) if isinstance(labels, dict) else name

    def field(self, key: str) -> str:
        """What a field is called; its key when no such field is declared any more."""
        field = self.rulebook.fields.get(key)
        return (glossary.in_language(field.labels, *self.languages) or field.label) if field else key

    def value(self, key: str, value: str) -> str:
        """What a field holds, as the reader writes it. An agent is named outside, his address is not."""
        field = self.rulebook.fields.get(key)
        kind = field.kind if field else FieldKind.TEXT
        if field is not None and value in field.words:
            return self.label(field.words[value])
        if kind is FieldKind.YES_NO:
            said = self.words.get("yes_no")
            return str(said.get(value, value)) if isinstance(said, dict) else value
        if kind is FieldKind.DATE:
            return self._day(value)
        if kind is FieldKind.NUMBER:
            return value if self.locale.startswith("en") else value.replace(".", ",")
        agent = self.rulebook.agent(value) if kind is FieldKind.PERSON else None
        if agent is not None:
            return agent.name if self.outside else f"{agent.name} <{agent.address}>"
        return value

    def _day(self, value: str) -> str:
        try:
            return format_date(date.fromisoformat(value), "medium", self.locale)
        except ValueError:
            return value  # kept before the field held dates

    def fields(self, ticket: Ticket, *, shown: bool = False) -> list[dict[str, str]]:
        """The fields that hold something, in the order of the files. `shown`: only those that the requester's side may see."""
        declared: Mapping[str, Field] = self.rulebook.fields
        keys = [key for key in declared if key in ticket.fields]
        keys += [key for key in ticket.fields if key not in declared]
        return [
            {"label": self.field(key), "value": self.value(key, ticket.fields[key])}
            for key in keys
            if not shown or (key in declared and declared[key].visible)
        ]
