"""A forwarded mail: who wrote the original, when, about what, its text, and what the forwarder says of it.

Mail programs put the original below a line that announces it, or below a block of header fields alone; or they attach it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo

import re2

from maild.desk.facts import Address, Forwarded
from maild.message import addresses, labels, language, phrases, quotes, written
from maild.message.labels import Role

_MARK = re.compile(phrases.FORWARDED, re.IGNORECASE)
_ANYWHERE = re2.compile(rf"(?im)^[> \t]{{0,20}}(?:{phrases.FORWARDED})")
_ORIGINAL = re.compile(phrases.ORIGINAL, re.IGNORECASE)
_FIRST = re.compile(rf"\s{{0,3}}[*_]{{0,2}}\s?(?:{labels.LEADING})\s?[*_]{{0,2}}\s?[:：]", re.IGNORECASE)
_LABELLED = re.compile(r"\s{0,3}[*_]{0,2}\s?([^\n:：<>@]{1,30}?)\s?[*_]{0,2}\s?[:：]\s?[*_]{0,2}\s?(.*)")
_QUOTE = re.compile(r"^[ \t]{0,3}> ?")
_RULE = re.compile(r"\s{0,3}[-_=*\u2010-\u2015]{5,}\s*$")
_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{1,60}\]\s*)?(?:fwd?|wg|tr|rv|i|enc|res enc|vs|vb|vl|pd|doorst|fs|videresend|vidarebefordrat|továbbítás|πρθ|προώθ|на пересылку|пересл|trs|ilt|yml|fwd?\s?\[\d\]|轉寄|转发|轉發|転送|전달)\s?[:：]",
    re.IGNORECASE,
)
# Outlook writes an address twice, or as a link: `Bob <bob@x<mailto:bob@x>>`, `Bob <bob@x> <mailto:bob@x>`, `Bob [mailto:bob@x]`.
_BRACKETED = re.compile(r"[\[(](?:mailto:|smtp:)?\s?([^\]\s()]{1,250}@[^\]\s()]{1,250})[\])]", re.IGNORECASE)
_LINKED = re.compile(r"<\s?([^<>\s]{3,320})\s?<(?:mailto:)?[^<>]{3,320}>\s?>", re.IGNORECASE)
_TWICE = re.compile(r"(<[^<>]{3,320}>)\s?<(?:mailto:)?[^<>]{3,320}>", re.IGNORECASE)
_ON_BEHALF = re.compile(
    r"(?i)\s(?:on behalf of|im auftrag von|de la part de|en nombre de|em nome de|per conto di|namens|för|på vegne af|w imieniu|от имени)\s"
)
_MAX_LINES = 400
_MAX_FIELDS = 14
_MAX_CONTINUED = 4
_LINE = 600


@dataclass(frozen=True, slots=True)
class _Block:
    """A header block in the text: `end` is the line behind it, `quoted` whether it stands behind quote marks."""

    end: int
    quoted: bool
    from_: Address | None
    subject: str
    date: str


def is_forward(subject: str) -> bool:
    """Whether the subject says that a mail is passed on, as mail programs write it in the main languages."""
    return bool(_SUBJECT.match(subject))


def find(text: str, subject: str, zone: tzinfo | None = None, reply: str = "") -> Forwarded | None:
    """The original of a forwarded mail; None when there is none.

    A line that announces it is enough, as is a header block when the subject says that something is forwarded, or when nothing else
    stands above it. `zone` is where the forwarder wrote; `reply` the text without what is marked as his signature.
    """
    lines = text.split("\n")
    announced = is_forward(subject)
    if not announced and not _ANYWHERE.search(text) and not _FIRST.match(text.lstrip("\n >")[:_LINE]):
        return None
    found = _located(lines, announced)
    if found is None:
        return None
    start, block = found
    own = reply.split("\n") if reply else lines
    again = _located(own, announced) if reply else found
    above = _above(own[: again[0]]) if again else _above(lines[:start])
    body = _body(lines[block.end :], block.quoted)
    at = written.moment(block.date, zone)
    return Forwarded(block.from_, block.subject, block.date, body, at, above, language=language.detect(body))


def attached(
    sender: Address | None,
    subject: str,
    date: str,
    text: str,
    at: datetime | None,
    above: str,
    message_id: str | None,
) -> Forwarded:
    """The original that a mail carries as its attachment, `above` what the forwarder wrote."""
    spoken = language.detect(text)
    return Forwarded(sender, subject, date, text, at, _above(above.split("\n")), message_id, spoken)


def _located(lines: list[str], announced: bool) -> tuple[int, _Block] | None:
    """(the line where the forwarder's words end, the header block below it)."""
    words = False
    for index, line in enumerate(lines[:_MAX_LINES]):
        shown = _QUOTE.sub("", line[:_LINE])
        if not shown.strip():
            continue
        marked = bool(_MARK.match(shown)) or (announced and bool(_ORIGINAL.match(shown)))
        if marked or ((announced or not words) and _FIRST.match(shown)):
            block = _block(lines, index + marked) or (_on_one_line(lines, index) if marked else None)
            if block:
                return index, block
        words = words or not _RULE.match(shown)
    return None


def _block(lines: list[str], start: int) -> _Block | None:
    """The header block that begins at `start`, blank lines before it aside."""
    while start < len(lines) and not _QUOTE.sub("", lines[start]).strip():
        start += 1
    values: dict[Role, str] = {}
    last: Role | None = None
    fields = continued = 0
    index = start
    while index < len(lines) and fields < _MAX_FIELDS:
        shown = _QUOTE.sub("", lines[index][:_LINE])
        field = _field(shown)
        if field:
            last, value = field
            fields += 1
            continued = 0
            values.setdefault(last, value)
        elif not shown.strip():
            # Apple Mail and plain-text converters leave blank lines between the fields.
            if fields and not (index + 1 < len(lines) and _field(_QUOTE.sub("", lines[index + 1][:_LINE]))):
                break
        elif fields and last is not None and continued < _MAX_CONTINUED and _continues(lines, index):
            continued += 1
            if not _LABELLED.match(shown):  # else a field whose label we do not know
                values[last] = f"{values[last]} {shown.strip()}"[:_LINE]
        else:
            break
        index += 1
    sender = _sender(values.get(Role.FROM, ""))
    subject = values.get(Role.SUBJECT, "")
    if fields < 2 or Role.FROM not in values or not (sender or subject):
        return None
    quoted = bool(_QUOTE.match(lines[start]))
    return _Block(index, quoted, sender, subject, values.get(Role.DATE, ""))


def _field(line: str) -> tuple[Role, str] | None:
    match = _LABELLED.match(line)
    known = labels.role(match[1]) if match else None
    return (known, match[2].strip()) if match and known else None


def _continues(lines: list[str], index: int) -> bool:
    """Whether a line that is no field goes on with the one above: it is indented, or more fields follow without a blank line between."""
    if _QUOTE.sub("", lines[index]).startswith((" ", "\t")):
        return True
    for line in lines[index + 1 : index + 1 + _MAX_CONTINUED]:
        shown = _QUOTE.sub("", line[:_LINE])
        if not shown.strip():
            return False
        if _field(shown):
            return True
    return False


def _on_one_line(lines: list[str], index: int) -> _Block | None:
    """Yahoo's block as some converters leave it: `----- Forwarded message ----- From: … To: … Sent: … Subject: …` on one line."""
    line = _QUOTE.sub("", lines[index])[: 4 * _LINE]
    inside = re.split(rf"(?i)(?<![\w@])({labels.ANY})\s?[:：]\s", line)
    pieces = [f"{label}: {value}" for label, value in zip(inside[1::2], inside[2::2], strict=True)]
    block = _block(pieces, 0)
    if block is None:
        return None
    return _Block(index + 1, bool(_QUOTE.match(lines[index])), block.from_, block.subject, block.date)


def _body(lines: list[str], quoted: bool) -> str:
    """The text of the original; quote marks that the forwarding program put before all of it go, those of the original stay."""
    marks = [bool(_QUOTE.match(line)) for line in lines]
    if quoted:
        last = max((index for index, mark in enumerate(marks) if mark), default=-1)
        below = lines[last + 1 :]
        if last >= 0 and below and not below[0].strip():
            lines = lines[: last + 1]
    if quoted or all(mark or not line.strip() for mark, line in zip(marks, lines, strict=True)):
        lines = [_QUOTE.sub("", line, count=1) for line in lines]
    return "\n".join(lines).strip("\n \t")


def _above(lines: list[str]) -> str:
    """The forwarder's own words, without the rule above the original and without his signature."""
    while lines and (not lines[-1].strip() or _RULE.match(lines[-1]) or not lines[-1].strip("> \t")):
        lines = lines[:-1]
    return quotes.split("\n".join(lines)).reply


def _sender(value: str) -> Address | None:
    """The mailbox of a From line as shown: `Name <a@b>`, `Name [mailto:a@b]`, `a@b`, or a name alone."""
    value = _LINKED.sub(r"<\1>", _BRACKETED.sub(r"<\1>", value))
    value = _TWICE.sub(r"\1", value).replace("<mailto:", "<").replace("*", "")
    value = _ON_BEHALF.split(value)[-1]
    found = addresses.read([value]).addresses
    if found:
        return found[0]
    return Address(addresses.display_name(value), "") if value.strip() else None
