"""Column types that hold on SQLite and PostgreSQL alike what mail may contain: text, JSON, times, keys.

PostgreSQL refuses NUL in text, both refuse lone surrogates, SQLite forgets offsets; broken mail has all of these.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

KEY_OCTETS: Final = 600
"""Longest indexed text. PostgreSQL refuses index entries above a third of a page (2704 octets), for all columns together."""


def clean(text: str) -> str:
    """The text with U+FFFD for every NUL and lone surrogate."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def clean_json(value: object) -> object:
    """The JSON value with all its texts clean, keys too; a number that JSON does not know becomes null."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def bounded(text: str) -> str:
    """The text as an indexed column holds it: clean, and one of more than `KEY_OCTETS` octets cut and ended by its hash."""
    text = clean(text)
    if len(text) * 4 <= KEY_OCTETS:
        return text
    octets = text.encode()
    if len(octets) <= KEY_OCTETS:
        return text
    digest = hashlib.sha256(octets).hexdigest()
    return octets[: KEY_OCTETS - len(digest) - 1].decode(errors="ignore") + "~" + digest


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware time, stored and given back in UTC. A naive one is refused with ValueError."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without zone cannot be stored: {value}")
        return value.astimezone(UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """For SQLite the text that SQLAlchemy makes of a time, made more directly: every mail stores some forty."""
        return _sqlite_time if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_latest_time: tuple[datetime | None, str | None] = (None, None)


def _sqlite_time(value: datetime | None) -> str | None:
    global _latest_time
    known, text = _latest_time
    if value is known:  # most times of a transaction are its own
        return text
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"a time without zone cannot be stored: {value}")
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    _latest_time = value, text
    return text


def _clean_or_none(value: str | None) -> str | None:
    if value is None or (value.isascii() and "\x00" not in value):
        return value
    return clean(value)


def _bounded_or_none(value: str | None) -> str | None:
    if value is None or (len(value) <= KEY_OCTETS and value.isascii() and "\x00" not in value):
        return value
    return bounded(value)


class CleanText(sa.types.TypeDecorator[str]):
    """Text in which NUL and lone surrogates have become U+FFFD."""

    impl = sa.Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """Neither database has more to do with a text."""
        return _clean_or_none


class KeyText(sa.types.TypeDecorator[str]):
    """Text of an index: `bounded` when it is written and when it is looked for."""

    impl = sa.Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """Neither database has more to do with a text."""
        return _bounded_or_none


_EMPTY: Final[Mapping[type, str]] = {list: "[]", tuple: "[]", dict: "{}"}


_ENCODER: Final = json.JSONEncoder(allow_nan=False)


def _json(value: object) -> str:
    """The JSON of the clean value, which is mostly clean as it is. Its keys are texts."""
    with contextlib.suppress(TypeError, ValueError):  # a mapping of our own, a number that JSON does not know
        text = _ENCODER.encode(value)
        if "\\u0000" not in text and "\\ud" not in text:
            return text
    return _ENCODER.encode(clean_json(value))


class CleanJson(sa.types.TypeDecorator[Any]):
    """A JSON value whose texts are clean."""

    impl = sa.JSON
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> object:
        return clean_json(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """For SQLite, where it is text, empty lists and objects are so at once: most are empty."""
        process = super().bind_processor(dialect)
        if dialect.name != "sqlite" or process is None:
            return process

        def processed(value: Any) -> Any:
            kind = type(value)
            if kind not in _EMPTY:
                return process(value)
            return _json(value) if value else _EMPTY[kind]

        return processed


Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""Primary and foreign keys. On SQLite only INTEGER is an alias of the row id."""
