"""People as agents name them, on the telephone: by name, by number, by both, by address (`#requester`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from maild.desk.facts import Address
from maild.desk.folding import fold
from maild.desk.people import Person

SHORT: Final = 7
"""Digits from which on two spellings of a number are compared by their ends; fewer are an extension, compared whole."""

_ENDS: Final = 9
"""Most digits that are compared: what stands before them is a country or trunk prefix."""

_LONGEST: Final = 200
_NAMED = re.compile(r"(?:\"?([^\"<>]{0,200}?)\"?\s*)?<([^<>]+)>")
_ADDRESS = re.compile(r"[^\s<>@,;:\"()\[\]\\]{1,64}@[^\s<>@,;:\"()\[\]\\]{1,190}")
_TEL = r"(?:(?:tel|phone|mobile)[.:]?\s*)?"
_BEYOND = r"(?:\s*(?:extension|ext|x)\.?\s*\d{1,6}\b)"
_NUMBER = re.compile(rf"{_TEL}(\+?[\d(][\d\s()./-]{{1,28}}{_BEYOND}?)", re.IGNORECASE)
_BEHIND = re.compile(rf"(.*?\S)[\s,;:]+({_TEL}\+?[\d(][\d\s()./-]{{5,28}}{_BEYOND}?)", re.IGNORECASE)
_BEFORE = re.compile(rf"(\+?[\d(][\d\s()./-]{{5,28}}{_BEYOND}?)[\s,;:]+([^\W\d_].*)", re.IGNORECASE)
_EXTENSION = re.compile(rf"{_BEYOND}\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is meant: an address ("" for none), a name ("" when only the number is known), a number as it was written."""

    name: str = ""
    address: str = ""
    phone: str | None = None


def read(written: str) -> Caller | None:
    """What these words name: `Name <address>`, an address, a telephone number, a name, a name and a number. None: an address is meant
    that is none."""
    word = " ".join(written.split())[:_LONGEST]
    named = _NAMED.fullmatch(word)
    address, name = (named[2].strip(), (named[1] or "").strip()) if named else (word.rstrip("."), "")
    if named or "@" in address:
        if not _ADDRESS.fullmatch(address):
            return None
        local, _, domain = address.rpartition("@")
        return Caller(name, f"{local}@{domain.lower()}")
    number = is_number(word)
    if number:
        return Caller(phone=number)
    for pattern, at, behind in ((_BEHIND, 1, 2), (_BEFORE, 2, 1)):
        both = pattern.fullmatch(word)
        number = is_number(both[behind]) if both else ""
        if both and len(digits(number)) >= SHORT:
            return Caller(both[at].strip(" ,;:"), phone=number)
    return Caller(word)


def addresses_of(written: Iterable[str]) -> tuple[str, ...]:
    """The addresses (in lower case) among what names people."""
    found = map(read, written)
    return tuple(one.address.lower() for one in found if one is not None and one.address)


def is_number(word: str) -> str:
    """The telephone number that this is, without a word before it; "" when it is none."""
    found = _NUMBER.fullmatch(word.strip())
    return found[1].strip() if found and len(digits(found[1])) >= 3 else ""


def digits(phone: str) -> str:
    """The digits of a number without prefixes for a country or a trunk that are zeros: `(020) 555 1234` and `020-5551234` are one.
    `+31 (0)20` is `+31 20`. An extension behind it is no part of it."""
    plain = _EXTENSION.sub("", phone).replace("(0)", "")
    return "".join(char for char in plain if char.isdecimal()).lstrip("0")


def _extension(phone: str) -> str:
    found = _EXTENSION.search(phone)
    return "".join(char for char in found[0] if char.isdecimal()) if found else ""


def same_number(one: str, other: str) -> bool:
    """Whether two spellings are one number: `+31 20 555 1234`, `0031 20 555 1234` and `020 555 1234`; with an extension in both, the
    same one."""
    first, second = digits(one), digits(other)
    if _extension(one) and _extension(other) and _extension(one) != _extension(other):
        return False
    length = min(len(first), len(second), _ENDS)
    if length < SHORT:
        return bool(first) and first == second
    return first[-length:] == second[-length:]


def name_key(name: str) -> str | None:
    """By what a name is found again, whatever its case, accents and spaces; None for no name."""
    return " ".join(fold(name).split()) or None


def phone_key(phone: str | None) -> str | None:
    """The part of a number that all its spellings share; None for no number."""
    return digits(phone or "")[-SHORT:] or None


def meant(asked: Caller, people: Iterable[Person]) -> tuple[Person, ...]:
    """Those of the people whom a name, a number or both may mean. With both: who has both, else who has the one and of whom the other is
    not known; somebody of that name with another number is somebody else."""
    found = {person.id: person for person in people}.values()
    key, phone = name_key(asked.name), asked.phone
    named = {person.id for person in found if key is not None and name_key(person.name) == key}
    called = {person.id for person in found if phone and person.phone and same_number(phone, person.phone)}
    if key is None or phone is None:
        return tuple(person for person in found if person.id in named | called)
    ways = (
        named & called,
        {person.id for person in found if person.id in named and not person.phone},
        {person.id for person in found if person.id in called and not person.name},
    )
    right = next((way for way in ways if way), set())
    return tuple(person for person in found if person.id in right)


def unreached(person: Person | Address, phone: str | None = None) -> str:
    """What the agent is told who names a requester without an address."""
    return f"Nothing is sent: {shown(person, phone)} has no address."


def shown(person: Person | Address, phone: str | None = None) -> str:
    """Somebody in a sentence: the name, else the number, else the address."""
    number = person.phone if isinstance(person, Person) else phone
    return person.name or number or person.address or "nobody"
