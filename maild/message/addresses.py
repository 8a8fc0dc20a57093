"""Address fields: mail-parser reads what is regular, the rest is recovered where only one reading is possible."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mailparser.utils import get_addresses

from maild.desk.facts import Address
from maild.message.charset import clean
from maild.message.headers import decode_words
from maild.message.wire import MAX_ADDRESSES, MAX_FIELD

_MAX_OCCURRENCES = 20
_MAX_ADDRESS = 320
_MAX_NAME = 200
_TOKEN = re.compile(r"[^\s<>()\[\],;:\"'@]{1,64}@[^\s<>()\[\],;:\"'@]{1,255}")
# The usual `Name <a@b.c>`, `"Name, more" <a@b.c>` and `a@b.c` have one reading only.
_REGULAR = re.compile(
    r'\s{0,9}(?:(?:"([^"\\<>@=\r\n]{0,200})"|([A-Za-z0-9][A-Za-z0-9 .-]{0,200}?))?\s{0,9}<([A-Za-z0-9_+-]{1,64}(?:\.[A-Za-z0-9_+-]{1,64}){0,9}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,9})>'
    r"|([A-Za-z0-9_+-]{1,64}(?:\.[A-Za-z0-9_+-]{1,64}){0,9}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,9}))\s{0,9}"
)
_FORBIDDEN = re.compile("[\x00-\x20\x7f-\x9f<>,;\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_QUOTED_LOCAL = re.compile(r'"[^"\s@]{1,64}"@[^"@\s]{1,255}')
_LIKE_AN_ADDRESS = re.compile(r"(?<![^\s@])[^\s@]+@[^\s@]+")  # tried only where a word begins: in linear time


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The addresses of all fields of one name, at most 500 a field. `certain`: every part of them had one reading only."""

    addresses: tuple[Address, ...]
    certain: bool


def read(values: Iterable[str]) -> Mailboxes:
    """The mailboxes of address fields (RFC 5322 §3.4), given unfolded and with their encoded words still in place."""
    found: list[Address] = []
    certain = True
    for value in list(values)[:_MAX_OCCURRENCES]:
        boxes = _field(value[:MAX_FIELD])
        found += boxes.addresses[:MAX_ADDRESSES]
        certain = certain and boxes.certain
    return Mailboxes(tuple(found), certain)


def _field(value: str) -> Mailboxes:
    regular = _REGULAR.fullmatch(value)
    if regular:
        quoted, name, bracketed, bare = regular.groups()
        mailbox = _mailbox(quoted or name or "", bracketed or bare)
        return Mailboxes((mailbox,) if mailbox else (), mailbox is not None)
    defects: list[dict[str, Any]] = []
    pairs = [pair for pair in get_addresses(value, defects=defects, decode_names=True) if pair[1]]
    lost = [str(defect["raw"]) for defect in defects if not defect["recovered"]]
    found: list[Address] = []
    surname = _lost_surname(lost, value)
    for name, address in pairs[:MAX_ADDRESSES]:
        mailbox = _mailbox(f"{surname}, {name}" if surname and len(pairs) == 1 else name, address)
        if mailbox:
            found.append(mailbox)
    for piece in lost[:MAX_ADDRESSES] if not surname else ():
        found += _recovered(piece)
    if not found and "=?" in value:
        # Some programs put the whole mailbox, brackets and all, into one encoded word.
        return Mailboxes(tuple(_recovered(decode_words(value))), False)
    return Mailboxes(tuple(found), not lost or bool(surname))


def _lost_surname(lost: list[str], value: str) -> str:
    """`Smith, John <j@x>` without quotes: the piece before the comma belongs to the name."""
    if len(lost) == 1 and "@" not in lost[0] and value.startswith(lost[0] + ",") and value.count(",") == 1:
        return lost[0].strip()
    return ""


def _recovered(piece: str) -> list[Address]:
    """The addresses in a piece that follows no grammar; none when it is not clear which text is one."""
    piece = piece[:MAX_FIELD]
    bracketed = [
        (match.start(), match[1])
        for match in re.finditer(r"<\s{0,9}(?:mailto:)?([^<>]{3,320}?)\s{0,9}>", piece)
    ]
    named = [(at, text) for at, text in bracketed if _TOKEN.fullmatch(text)]
    if not named:
        named = [
            (match.start(), match[0]) for match in _TOKEN.finditer(piece) if not _continues(piece, match)
        ]
    found = []
    for index, (at, text) in enumerate(named[:MAX_ADDRESSES]):
        mailbox = _mailbox(piece[:at].strip(" \t\"'<(:;,") if index == 0 else "", text.strip(".'"))
        if mailbox:
            found.append(mailbox)
    return found


def _continues(piece: str, match: re.Match[str]) -> bool:
    """Whether an `@` stands right beside the match, so that `a@b@c` is not read as `a@b`."""
    return piece[match.end() : match.end() + 1] == "@" or (
        match.start() > 0 and piece[match.start() - 1] == "@"
    )


def _mailbox(name: str, address: str) -> Address | None:
    local, _, domain = address.strip().rpartition("@")
    quoted = local.startswith('"') and local.endswith('"')
    if not local or not domain or len(address) > _MAX_ADDRESS or _FORBIDDEN.search(domain):
        return None
    if _FORBIDDEN.search(local) and not (quoted and not _CONTROL.search(local)):
        return None
    return Address(display_name(name), clean(f"{local}@{domain.lower()}"))


def display_name(name: str) -> str:
    """A name fit to show: decoded also where quotes should have kept it literal, without controls and wrapping quotes."""
    text = decode_words(name) if "=?" in name else name
    text = " ".join(_CONTROL.sub(" ", clean(text)).split())[:_MAX_NAME]
    while len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1].strip()
    return text


def loose(value: str) -> list[str]:
    """Every text in `value` that looks like an address, domains in lower case: for trace fields such as Delivered-To."""
    found = []
    for match in _LIKE_AN_ADDRESS.finditer(value[:MAX_FIELD]):
        text = match[0].strip("<>,;()'")
        local, _, domain = (text if _QUOTED_LOCAL.fullmatch(text) else text.strip("<>,;()\"'")).rpartition(
            "@"
        )
        if local and domain and not _FORBIDDEN.search(local + domain):
            found.append(f"{local}@{domain.lower()}")
    return found[:MAX_ADDRESSES]
