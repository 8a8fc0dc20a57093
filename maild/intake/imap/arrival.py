"""From the bytes in a mailbox to a mail of the desk: its envelope, and what stands for one that is too big."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from maild.desk.facts import Envelope
from maild.keeping import Kept
from maild.message.envelope import header_of, sender_of
from maild.settings import Imap

_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^[!-9;-~]+[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.MULTILINE)
_OF_THE_BODY = re.compile(rb"(?:content-|mime-version|dkim-|domainkey-|arc-|lines[ \t]*:)", re.IGNORECASE)
"""Fields that say something of a body, or sign it: there is another one now."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which mailbox mails come from, and what its desk is: `accepts` tells its addresses."""

    imap: Imap
    address: str
    accepts: Callable[[str], bool]


def kept(place: Place, raw: bytes, arrived: datetime | None, now: datetime) -> Kept:
    """A fetched mail as the desk keeps it. `arrived`: its INTERNALDATE, from which the clocks run; never later than now."""
    received = min(arrived, now) if arrived is not None else now
    return Kept(io.BytesIO(raw), len(raw), hashlib.sha256(raw).hexdigest(), envelope(place, raw, received))


def envelope(place: Place, raw: bytes, received: datetime) -> Envelope:
    """Sender by Return-Path, else From; recipients: those addresses of ours that the delivering servers wrote down, else those in To and
    Cc, else the desk itself, for what is in its mailbox is its own whatever the header says. Its server's word on the sender counts."""
    mail = header_of(raw)
    shown = (one.address for one in (*mail.to, *mail.cc))
    ours = [one for one in mail.delivered_to if place.accepts(one)] or [
        one for one in shown if place.accepts(one)
    ]
    recipients = tuple(dict.fromkeys(ours)) or (place.address,)
    route = place.imap.route
    return Envelope(sender_of(mail), recipients, route, route, received, trusted=True)


def too_big(head: bytes, size: int, limit: int, imap: Imap) -> bytes:
    """What stands for a mail that is not fetched: its header with a text that says so. `size` and `limit` in octets."""
    found = _END.search(head)
    fields = (found[0] for found in _FIELD.finditer(head[: found.end()] if found else head + b"\r\n"))
    kept = b"".join(one.rstrip(b"\r\n") + b"\r\n" for one in fields if not _OF_THE_BODY.match(one))
    action, _, folder = imap.then.partition(":")
    where = f"moved to '{folder}'" if action == "move" else f"left in '{imap.mailbox}'"
    text = (
        f"[This mail was not fetched: it has {_shown(size)}, and mails of more than {_shown(limit)} are not taken\r\n"
        f"(limits.message_size). Only its header was read. The mail itself was {where} of the mailbox '{imap.name}'.]\r\n"
    )
    # zxx: these are not the sender's words, and shall not be taken for the sender's language
    return (
        kept
        + b'MIME-Version: 1.0\r\nContent-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n'
        b"Content-Language: zxx\r\n\r\n" + text.encode()
    )


def _shown(octets: int) -> str:
    unit, size = ("MB", octets / 1_000_000) if octets >= 1_000_000 else ("KB", octets / 1000)
    return f"{size:.1f}".removesuffix(".0") + f" {unit}"
