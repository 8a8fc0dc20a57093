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


def of_message(message_id: str | None, from_: Iterable[Address], date: datetime | None, text: str) -> str:
    """SHA-256 (hex) over Message-ID, From, Date and normalised text."""
    when = date.isoformat() if date else None
    return _digest([message_id, [address.key for address in from_], when, normalised(text)])


def of_content(from_: Iterable[Address], text: str) -> str:
    """SHA-256 (hex) over From and normalised text, for messages without a Message-ID."""
    return _digest([[address.key for address in from_], normalised(text)])


def _digest(facts: list[object]) -> str:
    return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode("ascii")).hexdigest()
