"""Which mails are one and the same: hashes over what no transport changes."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from datetime import datetime

from maild.desk.facts import Address


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
