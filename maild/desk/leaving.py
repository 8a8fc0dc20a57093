"""What may leave the desk with an agent's answer, and what must not (CONTRACT §4)."""

from __future__ import annotations

import re

from maild.desk import tokens
from maild.desk.facts import Attachment
from maild.desk.rulebook import Identity, Rulebook

_STAYS = frozenset(
    (
        "text/vcard",
        "text/x-vcard",
        "text/directory",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-signature",
        "application/pgp-keys",
        "application/ms-tnef",
    )
)
_MARK = re.compile(r"##([-+=]) .{1,80} \1##")
_QUOTED = re.compile(r"((?:[ \t]*>)*)[ \t]?(.*)")
_RUN = re.compile(r"[a-z2-7]{30,}", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"\b[a-z0-9]{8}\.[a-z2-7]{26}@", re.IGNORECASE)
_ZONES = {"-": "head", "+": "message", "=": "tail"}


def may_leave(attachment: Attachment) -> bool:
    """Whether an agent's attachment goes to the requester: not his vCard, not his signature."""
    return attachment.type.lower() not in _STAYS and not attachment.name.lower().endswith((".vcf", ".p7s"))


def looks_like_a_mark(line: str) -> bool:
    """Whether the line holds what would be taken for one of maild's marks in a mail to an agent."""
    return _MARK.search(line) is not None


def separate(text: str) -> str | None:
    """An agent's words without what maild wrote in the notification that is quoted between them; customers' lines stay.

    The notification's marks say what is whose: `##- … -##` begins it, `##+ … +##` the message, `##= … =##` ends that. None: the
    marks stand among unquoted lines, so that nobody can tell whose words those are.
    """
    if not _MARK.search(text):
        return text
    kept: list[str] = []
    zone = "head"
    for line in text.split("\n"):
        found = _QUOTED.fullmatch(line)
        quote, core = (found[1], found[2].strip()) if found else ("", line.strip())
        mark = _MARK.fullmatch(core)
        if mark and not quote:
            return None
        if mark:
            zone = _ZONES[mark[1]]
        if mark or (quote and zone != "message"):
            if kept and kept[-1].rstrip().endswith(":") and not kept[-1].startswith(">"):
                kept.pop()  # "On … wrote:" before what is gone
        else:
            kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")


def without_note(text: str, note: str | None) -> str:
    """An agent's words (what `separate` left) without the quoted lines of the note they answer; without any quoted line when it is not known
    (None)."""
    said = " ".join(note.split()) if note is not None else None
    kept = []
    for line in text.split("\n"):
        found = _QUOTED.fullmatch(line)
        core = " ".join(found[2].split()) if found and found[1] else ""
        if not (found and found[1] and (said is None or core in said)):
            kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")


def leaks(text: str, rulebook: Rulebook) -> tuple[str, ...]:
    """What in a text must not leave: agents' addresses, tokens of ours in any shape. Empty: it may go."""
    low = text.lower()
    return (
        *(f"the address {address}" for address in rulebook.agents if _stands(address, low)),
        *tokens_in(low),
    )


def masked(text: str, identity: Identity) -> str:
    """The text with the desk's plain addresses where they carry a token: it may be that of whoever wrote or quoted this."""
    if identity.delimiter not in text:
        return text

    def plain(found: re.Match[str]) -> str:
        return found[0] if tokens.read(found[2]) is None else f"{found[1]}@{found[3]}"

    local = "|".join(re.escape(one.partition("@")[0]) for one in identity.addresses)
    address = rf"\b({local}){re.escape(identity.delimiter)}([a-z2-7]{{30,64}})@([a-z0-9.-]+)"
    return re.sub(address, plain, text, flags=re.IGNORECASE)


def tokens_in(text: str) -> tuple[str, ...]:
    """What of a text is a reply token or a Message-ID of some desk of ours, whatever stands around it."""
    found = []
    if any(tokens.read(run) is not None for run in _RUN.findall(text)):
        found.append("a reply token of ours")
    if _MESSAGE_ID.search(text):
        found.append("a Message-ID of ours")
    return tuple(found)


def _stands(address: str, text: str) -> bool:
    """Whether this address stands in the text, and not as the end of a longer one."""
    at = text.find(address)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(address) : at + len(address) + 1]
        if not (before.isalnum() or before in tuple(".+%-")) and not (after.isalnum() or after == "-"):
            return True
        at = text.find(address, at + 1)
    return False
