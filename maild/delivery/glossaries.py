"""The desk's words for an agent who asks: each with what it is called and means, what follows from it, and how to set it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

from maild.delivery.naming import Naming
from maild.delivery.notice import Notice
from maild.delivery.times import Clock
from maild.desk import glossary
from maild.desk.rulebook import Field, FieldKind, Rulebook, Word

Values = dict[str, object]
_COMMANDS: Final = {
    "types": "type",
    "categories": "category",
    "severities": "severity",
    "impacts": "impact",
    "urgencies": "urgency",
    "priorities": "priority",
    "channels": "channel",
    "tags": "tag",
}


def sections(notice: Notice, names: Iterable[str], clock: Clock, words: Mapping[str, object]) -> list[Values]:
    """These lists of words, in the reader's language. One that is not declared says that any word will do."""
    rulebook = notice.rulebook
    languages = tuple(filter(None, (notice.language, rulebook.identity.language)))
    made = _Made(Naming(rulebook, languages, clock.locale, words, outside=False), words)
    return [made.section(name) for name in names]


class _Made:
    def __init__(self, naming: Naming, words: Mapping[str, object]) -> None:
        self.naming, self.rulebook = naming, naming.rulebook
        found = words.get("glossary")
        self.said = cast("Mapping[str, str]", found) if isinstance(found, dict) else {}

    def _say(self, name: str) -> str:
        return self.said.get(name, name)

    def section(self, name: str) -> Values:
        rows = self._fields() if name == "fields" else self._rows(name)
        nothing = "no_fields" if name == "fields" else f"open_{name}" if name in ("impacts", "urgencies", "priorities") else "open"  # fmt: skip
        return {
            "title": self._say(name),
            "rows": rows,
            "notes": ([] if rows else [self._say(nothing)]) + (self._table() if name == "priorities" else []),
        }

    def _rows(self, name: str) -> list[Values]:
        known = _declared(self.rulebook, name)
        if name in ("impacts", "urgencies", "priorities"):
            return [self._row(word, str(at), _COMMANDS[name]) for at, word in sorted(known.items())]
        return [self._row(word, word.key, _COMMANDS[name]) for word in known.values()]

    def _row(self, word: Word, key: str, command: str) -> Values:
        return {
            "key": key,
            "label": _other(self.naming.label(word), key),
            "means": glossary.definition(word, *self.naming.languages),
            "more": self._more(word),
            "set": f"#{command} {key}",
        }

    def _more(self, word: Word) -> list[str]:
        """What follows from the word."""
        more = []
        if word.impact is not None:
            more.append(f"{self._say('implies')}: {self.naming.column('impact', word.impact)}")
        asked = [glossary.in_language(need.ask, *self.naming.languages) for need in word.needs]
        if asked:
            more.append(f"{self._say('asks')}: {' '.join(asked)}")
        required = (*word.required, *self._required_fields(word))
        if required:
            more.append(f"{self._say('requires')}: {', '.join(self._say(one) for one in required)}")
        return more

    def _required_fields(self, word: Word) -> list[str]:
        if word is not self.rulebook.words.types.get(word.key):
            return []
        return [self.naming.field(key) for key, field in self.rulebook.fields.items() if word.key in field.required]  # fmt: skip

    def _table(self) -> list[str]:
        """The priority that follows from each impact, for urgencies 1 to 3."""
        rows = self.rulebook.words.priority
        return [f"{self._say('table')} {at}: {', '.join(map(str, row))}" for at, row in enumerate(rows, 1)]

    def _fields(self) -> list[Values]:
        return [self._field(field) for field in self.rulebook.fields.values()]

    def _field(self, field: Field) -> Values:
        values = [self._valued(word) for word in field.words.values()]
        more = [", ".join(values)] if values else []
        if field.required:
            required = ", ".join(self._type(key) for key in field.required)
            more.append(f"{self._say('requires_field')}: {required}")
        if field.visible:
            more.append(self._say("visible"))
        example = next(iter(field.words), "") or _EXAMPLES[field.kind]
        return {
            "key": field.key,
            "label": _other(self.naming.field(field.key), field.key),
            "means": self._say(f"holds_{field.kind.name.lower()}"),
            "more": more,
            "set": f"#field {field.key}={example}",
        }

    def _valued(self, word: Word) -> str:
        label = _other(self.naming.label(word), word.key)
        return f"{word.key} ({label})" if label else word.key

    def _type(self, key: str) -> str:
        return self.naming.column("type", key) if key else self._say("every_type")


def _other(label: str, key: str) -> str:
    """The label, when it says more than the key."""
    return "" if label.lower() == key.lower() else label


_EXAMPLES: Final = {
    FieldKind.TEXT: "…",
    FieldKind.NUMBER: "12",
    FieldKind.DATE: "2026-12-24",
    FieldKind.CHOICE: "…",
    FieldKind.YES_NO: "yes",
    FieldKind.PERSON: "name@example.org",
}


def _declared(rulebook: Rulebook, name: str) -> Mapping[object, Word]:
    """The words of one of the lists, by key or number."""
    known = glossary.channels(rulebook) if name == "channels" else getattr(rulebook.words, name)
    return cast("Mapping[object, Word]", known)
