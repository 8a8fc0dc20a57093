"""What a server's answers to SELECT and FETCH say. Pure: lines are as aioimaplib hands them out, literals as `bytearray`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

_RECORD = re.compile(rb"\d+ FETCH \(", re.IGNORECASE)
_UID = re.compile(rb"\bUID (\d+)", re.IGNORECASE)
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)", re.IGNORECASE)
_DATE = re.compile(rb'\bINTERNALDATE "([^"]+)"', re.IGNORECASE)
_QUOTED = re.compile(rb'\bBODY\[[^\]]*\](?:<\d+>)? "((?:\\.|[^"\\])*)"', re.IGNORECASE)
_NUMBER = {name: re.compile(rb"\b%s (\d+)" % name, re.IGNORECASE) for name in (b"UIDVALIDITY", b"UIDNEXT")}
_FLAGS = re.compile(rb"PERMANENTFLAGS \(([^)]*)\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selected:
    """A mailbox as SELECT shows it. `uidnext`: the UID that the next mail gets; 0 where the server does not say."""

    uidvalidity: int
    uidnext: int
    keywords: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail in the mailbox: its size in octets, and when it came there."""

    size: int
    at: datetime | None


def selected(lines: Iterable[bytes | bytearray]) -> Selected:
    """Of an answer to SELECT."""
    said = b" ".join(lines)
    found = {name: int(match[1]) if (match := one.search(said)) else 0 for name, one in _NUMBER.items()}
    flags = _FLAGS.search(said)
    return Selected(found[b"UIDVALIDITY"], found[b"UIDNEXT"], bool(flags and rb"\*" in flags[1]))


def listed(lines: Iterable[bytes | bytearray]) -> dict[int, Listed]:
    """Of an answer to FETCH of sizes and dates, by UID."""
    found = {}
    for text, _ in _records(lines):
        uid, size, date = _UID.search(text), _SIZE.search(text), _DATE.search(text)
        if uid and size:
            found[int(uid[1])] = Listed(int(size[1]), _moment(date[1]) if date else None)
    return found


def bodies(lines: Iterable[bytes | bytearray], wanted: Collection[int]) -> dict[int, bytes]:
    """Of an answer to FETCH of bodies or parts of them, by UID; of those that are `wanted` and were given."""
    found = {}
    for text, literal in _records(lines):
        uid, quoted = _UID.search(text), _QUOTED.search(text)
        if literal is None and quoted is not None:
            literal = re.sub(rb"\\(.)", rb"\1", quoted[1])
        if uid is not None and literal is not None and int(uid[1]) in wanted:
            found[int(uid[1])] = literal
    return found


def _records(lines: Iterable[bytes | bytearray]) -> Iterator[tuple[bytes, bytes | None]]:
    """Each mail's part of an answer to FETCH: what stands outside of its literal, and the literal if there is one."""
    text, literal = b"", None
    for line in lines:
        if isinstance(line, bytearray):
            literal = bytes(line) if literal is None else literal
            continue
        if _RECORD.match(line):
            if text:
                yield text, literal
            text, literal = b"", None
        text += line
        if line.endswith(b"{0}"):  # the parser hands out no literal without octets
            literal = b""
    if text:
        yield text, literal


def _moment(written: bytes) -> datetime | None:
    """An INTERNALDATE, such as "01-Feb-2026 03:04:05 +0100"."""
    try:
        return parsedate_to_datetime(written.strip().replace(b"-", b" ", 2).decode("ascii"))
    except (ValueError, UnicodeDecodeError):
        return None
