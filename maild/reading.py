"""How admins' files are read: values written by people (durations, sizes, addresses, zones), where in a file each of them
stands, and a sentence with the nearest right word for everything that is wrong. Shared by maild.toml and rules/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, get_args, get_origin
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from maild.errors import Problem

KeyPath = tuple[str | int, ...]

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"(?:\d+\s*[wdhms]\s*)+")
_WORDY_SPAN = re.compile(r"(?:\d+\s*(?:w|week|d|day|h|hr|hour|m|min|minute|s|sec|second)s?\s*)+")
_LONGEST = timedelta(days=3660)
_FACTORS = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, counting from 1; line 0 is the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def problem(self, message: str) -> Problem:
        return Problem(self.file, self.line, self.column, message)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(slots=True)
class Places:
    """Where the keys and values of a document begin, by their path of keys and list indexes."""

    whole: Place
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)

    def value(self, path: KeyPath) -> Place:
        """Where the value at `path` begins, or the nearest value around it."""
        return self._deepest(path, self.values, self.keys)

    def key(self, path: KeyPath) -> Place:
        """Where the key at `path` stands (a list item: where it begins), or the nearest key around it."""
        return self._deepest(path, self.keys, self.values)

    def number(self, name: str) -> None:
        """A table of that name is read as the only one of a list: what stands in it has these places too."""
        for known in (self.keys, self.values):
            inside = {(name, 0, *path[1:]): place for path, place in known.items() if path[0] == name}
            known.update(inside)

    def written(self, path: KeyPath) -> KeyPath:
        """As much of the path as the document holds: a short form has no place for what it stands for."""
        lengths = range(len(path), 0, -1)
        return next((path[:at] for at in lengths if path[:at] in self.keys or path[:at] in self.values), ())

    def _deepest(self, path: KeyPath, first: Mapping[KeyPath, Place], then: Mapping[KeyPath, Place]) -> Place:
        written = self.written(path)
        return first.get(written) or then.get(written) or self.whole


class Shape(BaseModel):
    """Base of what a part of a file may hold. Unknown keys are refused; `advice` says more about some of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    advice: ClassVar[Mapping[str, str]] = {}


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` with the known word that is nearest; else the known words when they are few; else nothing."""
    words = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), words, 1)
    if close:
        return f" (did you mean '{words[close[0]]}'?)"
    return f" (known: {', '.join(words.values())})" if 0 < len(words) <= 20 else ""


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    return f"unknown {what} '{word}'{nearest(word, known)}"


def unknown_word(
    what: str, word: str | None, known: Iterable[str], path: KeyPath, places: Places
) -> Iterator[Problem]:
    """A problem at the place of a word (None: nothing was said) that names nothing that is defined."""
    if word is None or word in (names := list(known)):
        return
    message = unknown(what, word, names) if names else f"unknown {what} '{word}': none is defined"
    key = next(part for part in reversed(path) if isinstance(part, str))
    yield places.value(path).problem(f"{key}: {message}")


def _did_you_mean(word: object, choices: Iterable[str]) -> str:
    hint = nearest(str(word), choices)
    return hint if "did you mean" in hint else ""


def duration(value: object) -> timedelta:
    """`30m`, `4h`, `5d`, `1h30m` as a span. Raises ValueError for anything else, nothing at all, or more than ten years."""
    if isinstance(value, timedelta):
        return value
    text = value.strip().lower() if isinstance(value, str) else value
    if isinstance(text, str) and _SPAN.fullmatch(text):
        seconds = sum(
            int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d{1,12})\s*([wdhms])", text)
        )
        if 0 < seconds <= _LONGEST.total_seconds():
            return timedelta(seconds=seconds)
        raise ValueError(f"'{value}' must be longer than nothing and at most ten years")
    if isinstance(text, str) and _WORDY_SPAN.fullmatch(text):
        short = "".join(number + unit[0] for number, unit in re.findall(r"(\d+)\s*([a-z]+)", text))
        raise ValueError(f"'{value}' is no duration (did you mean '{short}'?)")
    raise ValueError(f"'{value}' is no duration: write a number and a unit, like 30m, 4h, 5d or 1h30m")


def size(value: object) -> int:
    """`"25 MB"`, `"64 KB"`, `"10 MiB"` or a number, in octets. Raises ValueError for anything else and below 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            f"'{value}' is no size: write a number of octets, or one with a unit, like \"25 MB\""
        )
    unit = found[2].upper()
    if unit not in _FACTORS:
        raise ValueError(unknown("unit of size", found[2], ("B", "KB", "MB", "GB", "KiB", "MiB", "GiB")))
    octets = int(float(found[1]) * _FACTORS[unit])
    if octets < 1:
        raise ValueError(f"'{value}' must be more than nothing")
    return octets


def mailbox(value: str) -> str:
    """A bare mail address, in lower case. Raises ValueError with what is wrong."""
    local, at, right = value.rpartition("@")
    if "<" in value or " " in value.strip():
        raise ValueError(f"'{value}' must be the bare address, without a name and brackets")
    if not at or not _LOCAL.fullmatch(local):
        raise ValueError(f"'{value}' is no mail address, like name@example.org")
    return f"{local.lower()}@{domain(right)}"


def domain(value: str) -> str:
    """A domain name, in lower case. Raises ValueError; an international one has to be written as `xn--…`."""
    name = value.lower()
    if "@" in name:
        raise ValueError(f"'{value}' must be a domain, without anything before the @")
    if not name.isascii():
        try:
            ascii_name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"'{value}' is no domain name") from None
        raise ValueError(f"'{value}' must be written as mail writes it: '{ascii_name}'")
    if not _DOMAIN.fullmatch(name) or len(name) > 253:
        raise ValueError(f"'{value}' is no domain name")
    return name


def list_id(value: str) -> str:
    """A List-Id without phrase and brackets (RFC 2919 §3), in lower case. Raises ValueError."""
    return domain(value.rpartition("<")[2].rstrip(">"))


def zone(value: str) -> ZoneInfo:
    """The IANA time zone. Raises ValueError with the nearest name; a city alone finds its zone."""
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        names = available_timezones()
    by_city = {name.rpartition("/")[2].lower(): name for name in sorted(names)}
    city = by_city.get(value.rpartition("/")[2].strip().lower().replace(" ", "_"))
    region = any(name.startswith(f"{value}/") for name in names)
    hint = f" (did you mean '{city}'?)" if city else "" if region else _did_you_mean(value, names)
    raise ValueError(f"unknown time zone '{value}'{hint or ': write it like Europe/Amsterdam'}")


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError(f"'{value}' is no language tag, like en, es or pt-BR")
    return value


def _line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Line = Annotated[Text, AfterValidator(_line)]
Duration = Annotated[timedelta, BeforeValidator(duration)]
Size = Annotated[int, BeforeValidator(size)]
Mailbox = Annotated[str, AfterValidator(mailbox)]
Domain = Annotated[str, AfterValidator(domain)]
ListId = Annotated[str, AfterValidator(list_id)]
Zone = Annotated[str, AfterValidator(lambda value: zone(value).key)]
Language = Annotated[str, AfterValidator(_language)]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=1)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]


def problems(error: ValidationError, shape: type[Shape], places: Places) -> list[Problem]:
    """A sentence at its place for everything that pydantic has found in a document of this shape."""
    found = []
    for wrong in error.errors(include_url=False):
        path = wrong["loc"]
        if wrong["type"] == "missing":
            item = max((at + 1 for at, part in enumerate(path) if isinstance(part, int)), default=0)
            found.append(places.key(path).problem(f"'{'.'.join(map(str, path[item:]))}' is missing"))
        elif wrong["type"] == "extra_forbidden":
            found.append(places.key(path).problem(_unknown_key(shape, path)))
        elif path and path[-1] == "[key]":
            found.append(places.key(path[:-1]).problem(f"key '{path[-2]}': {_sentence(dict(wrong))}"))
        else:
            written = places.written(path)
            name = next((part for part in reversed(written) if isinstance(part, str)), "")
            found.append(places.value(written).problem(f"{name}: {_sentence(dict(wrong))}"))
    return found


def _unknown_key(shape: type[Shape], path: KeyPath) -> str:
    word, owner = str(path[-1]), _shape_at(shape, path[:-1])
    if owner is None:
        return f"unknown key '{word}'"
    if word in owner.advice:
        return f"'{word}': {owner.advice[word]}"
    return unknown("key", word, [info.alias or name for name, info in owner.model_fields.items()])


def _shape_at(annotation: Any, path: KeyPath) -> type[Shape] | None:
    """The shape that `path` leads to, through the annotations of fields, lists and mappings."""
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        if not path:
            return annotation
        for name, info in annotation.model_fields.items():
            if (info.alias or name) == path[0]:
                return _shape_at(info.annotation, path[1:])
        return None
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _shape_at(inner[0], path)
    if get_origin(annotation) in (dict, tuple, list):
        return _shape_at(inner[1] if get_origin(annotation) is dict else inner[0], path[1:])
    return next((found for option in inner if (found := _shape_at(option, path)) is not None), None)


def _sentence(wrong: Mapping[str, Any]) -> str:
    context, value, kind = wrong.get("ctx", {}), wrong["input"], str(wrong["type"])
    if kind == "value_error":
        return str(context["error"])
    if kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']*)'", context["expected"])
        return f"'{value}' is not one of {', '.join(choices)}{_did_you_mean(value, choices)}"
    if kind == "string_type":
        quotes = ": put it in quotes" if isinstance(value, int | float) else ""
        return f"must be text{quotes}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"must be at least {context['ge']}" if "ge" in context else f"must be at most {context['le']}"
    unquoted = (
        ", without quotes"
        if isinstance(value, str) and (value.isdigit() or value in ("true", "false"))
        else ""
    )
    plain = {
        "int_type": f"must be a whole number{unquoted}",
        "bool_type": f"must be true or false{unquoted}",
        "tuple_type": "must be a list, like [a, b]",
        "list_type": "must be a list, like [a, b]",
        "dict_type": "must hold keys and values",
        "model_type": "must hold keys and values",
    }
    return plain.get(kind, str(wrong["msg"]))
