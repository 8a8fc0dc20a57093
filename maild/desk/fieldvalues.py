"""What somebody says for a custom field, as the field keeps it: numbers with a point, dates as 2026-12-24, yes or no, people by address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from maild.desk import glossary
from maild.desk.folding import fold
from maild.desk.rulebook import Field, FieldKind, Rulebook
from maild.reading import mailbox

TEXT_MAX: Final = 2000
"""How much of a text a field keeps, in characters."""
YES: Final = frozenset(("yes", "y", "true", "ja", "j", "si", "s", "oui", "sim", "tak", "ano", "da"))
NO: Final = frozenset(("no", "n", "false", "nein", "nee", "non", "nao", "nie", "ne"))
_NUMBER = re.compile(r"([+-]?)(\d{1,30}|\d{1,3}(?:[ '\u00a0\u202f]\d{3}){1,9})(?:[.,](\d{1,30}))?")
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")


def value(field: Field, said: str, rulebook: Rulebook) -> str:
    """What the field keeps of what is said. Raises ValueError with a sentence that says what it may hold, and the nearest right word."""
    plain = said.strip()
    if not plain:
        raise ValueError("must not be empty")
    return _READ[field.kind](field, plain, rulebook)


def _text(field: Field, said: str, rulebook: Rulebook) -> str:
    return said[:TEXT_MAX].rstrip()


def _number(field: Field, said: str, rulebook: Rulebook) -> str:
    """A comma is a decimal comma; thousands may be set apart by spaces."""
    found = _NUMBER.fullmatch(said)
    if found is None:
        raise ValueError(f"'{said}' is no number, like 12 or 2.5")
    whole = re.sub(r"\D", "", found[2]).lstrip("0") or "0"
    sign = "-" if found[1] == "-" else ""
    return f"{sign}{whole}.{found[3]}" if found[3] else f"{sign}{whole}"


def _date(field: Field, said: str, rulebook: Rulebook) -> str:
    iso, dotted = _ISO.fullmatch(said), _DOTTED.fullmatch(said)
    year, month, day = iso.groups() if iso else dotted.groups()[::-1] if dotted else ("0", "0", "0")
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise ValueError(f"'{said}' is no date, like 2026-12-24") from None


def _choice(field: Field, said: str, rulebook: Rulebook) -> str:
    words = field.words.values()
    found = glossary.found(words, said)
    if found is None:
        near = glossary.nearest(words, said)
        hint = f"; did you mean {near.key}?" if near else ""
        raise ValueError(f"'{said}' is not one of {', '.join(field.values)}{hint}")
    return found.key


def _yes_no(field: Field, said: str, rulebook: Rulebook) -> str:
    word = fold(said.rstrip(".!"))
    if word in YES or word in NO:
        return "yes" if word in YES else "no"
    raise ValueError(f"'{said}' is neither yes nor no")


def _person(field: Field, said: str, rulebook: Rulebook) -> str:
    """An agent or somebody of the register by name or address; anybody else by address."""
    plain = fold(said)
    named = [agent.address for agent in rulebook.agents.values() if fold(agent.name) == plain]
    named += [address for address, one in rulebook.people.items() if fold(one.name) == plain and address == one.addresses[0]]  # fmt: skip
    if len(named) == 1:
        return named[0]
    if named:
        raise ValueError(f"'{said}' could be {' or '.join(named)}")
    address = said.rpartition("<")[2].rstrip(">").strip() if "<" in said else said
    try:
        return mailbox(address)
    except ValueError:
        near = glossary.close(said, (agent.name for agent in rulebook.agents.values()))
        hint = f"; did you mean {near}?" if near else ""
        raise ValueError(f"'{said}' is nobody here and no mail address{hint}") from None


_READ: Final[Mapping[FieldKind, Callable[[Field, str, Rulebook], str]]] = MappingProxyType(
    {
        FieldKind.TEXT: _text,
        FieldKind.NUMBER: _number,
        FieldKind.DATE: _date,
        FieldKind.CHOICE: _choice,
        FieldKind.YES_NO: _yes_no,
        FieldKind.PERSON: _person,
    }
)
