"""Which mails are one and the same: hashes over what no transport changes."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

from maild.desk.facts import Address
from maild.message.headers import Fields

_ID = re.compile(r"<[^<>\s]{1,500}>")
_BARE_ID = re.compile(r"[^<>\s]{3,500}")
_FIELD = re.compile(rb"^message-id[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"\r?\n\r?\n")
_LONGEST = 4000


def message_id(value: str) -> str | None:
    """The Message-ID of a field's value, in its angle brackets also where the sender left them out; None when there is none."""
    bracketed = _ID.search(value)
    if bracketed:
        return bracketed[0]
    bare = _BARE_ID.fullmatch(value.strip("<> "))
    return f"<{bare[0]}>" if bare else None


def peek(head: bytes) -> str | None:
    """The Message-ID of a mail of which these are the first octets, at little cost: for what is said of it before it is parsed."""
    end = _END.search(head)
    field = _FIELD.search(head, 0, end.start() if end else len(head))
    if field is None:
        return None
    value = field[1][:_LONGEST].decode("utf-8", "surrogateescape")
    return message_id(Fields([("message-id", value)]).first("message-id"))


def normalised(text: str) -> str:
    """The text in NFC with every run of white space as one blank and none around: equal for all transfer encodings."""
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())


def of(message_id: str | None, from_: Iterable[Address], date: datetime | None, text: str) -> tuple[str, str]:
    """Two SHA-256 (hex): over Message-ID, From, Date and normalised text; and over From and text, for mails without Message-ID."""
    words = json.dumps(normalised(text))
    authors = [address.key for address in from_]
    when = date.isoformat() if date else None
    return _digest([message_id, authors, when], words), _digest([authors], words)


def _digest(facts: list[object], words: str) -> str:
    """Of the list of these facts and the words as JSON. Stores hold such hashes: another form would make every known mail a new one."""
    return hashlib.sha256(f"{json.dumps(facts)[:-1]}, {words}]".encode("ascii")).hexdigest()
