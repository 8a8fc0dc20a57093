"""The new words of an answer: what the writer typed, without what was quoted below or above it and without the signature.

Every rule reads one line, or a window of a few lines, once: the time is linear in the text. When in doubt a line is kept.
Lines quoted between answers stay, because the answers need them; a forwarded text stays, because it is what is being sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import re2

from maild.message import labels, marks, phrases

_MAX_LINES = 2000
_LINE = 600
_WINDOW = 5
_ATTRIBUTION_LENGTH = 420
_SIGNATURE_LINES = 14
_FOOTER_LINES = 8
_DISCLAIMER_LINES = 40
_QUOTED = re.compile(r"\s{0,3}(?:[>|›]|&gt;)")
_QUOTE_MARKS = (">", "|", "›", "&gt;")
_ITEM = re.compile(r"\s{0,3}\d{1,2}[.)] ")
_DELIMITER = re.compile(r"\s{0,2}-- ?\s?$")
_UNDERSCORES = re.compile(r"\s{0,3}[_=-]{20,}\s*$")
_FORWARDED = re.compile(phrases.FORWARDED, re.IGNORECASE)
_ORIGINAL = re.compile(phrases.ORIGINAL, re.IGNORECASE)
_ATTRIBUTION = re.compile(phrases.ATTRIBUTION)
_ATTRIBUTION_END = re.compile(phrases.ATTRIBUTION_END)
_ATTRIBUTION_START = re.compile(phrases.ATTRIBUTION_START, re.IGNORECASE)
_BARE_ATTRIBUTION = re.compile(phrases.BARE_ATTRIBUTION, re.IGNORECASE)
_REPLY_ABOVE = re.compile(phrases.REPLY_ABOVE, re.IGNORECASE)
# Searched in the whole text at once, so in linear time by RE2.
_LANDMARK = re2.compile(rf"(?im)^(?:{phrases.FORWARDED}|{phrases.ORIGINAL})|{phrases.REPLY_ABOVE}")
_HEADER_LINE = re2.compile(rf"(?im)^[\s>]*[*_]{{0,2}}\s?(?:{labels.LEADING})\s?[*_]{{0,2}}\s?[:：]")
_WRITER = re2.compile(rf"(?i)@|{'|'.join(map(re2.escape, phrases.VERBS))}|{phrases.QUOTING}")
_ENDS = (":", "：", ">", ")", *phrases.VERBS)
_HEADER_FIRST = re.compile(
    rf"\s{{0,3}}[*_]{{0,2}}\s?(?:{labels.LEADING})\s?[*_]{{0,2}}\s?[:：]", re.IGNORECASE
)
_HEADER_FROM = re.compile(rf"\s{{0,3}}[*_]{{0,2}}\s?(?:{labels.FROM})\s?[*_]{{0,2}}\s?[:：]", re.IGNORECASE)
_HEADER_MORE = re.compile(rf"\s{{0,3}}[*_]{{0,2}}\s?(?:{labels.ANY})\s?[*_]{{0,2}}\s?[:：]", re.IGNORECASE)
_SIGNED = re.compile(r"[-/~][A-ZÀ-Ý][\w.]{1,30}(?: [A-ZÀ-Ý][\w.]{0,30}){0,2}|ᐧ")
_MOBILE = re.compile(phrases.MOBILE, re.IGNORECASE)
_DISCLAIMER = re.compile(phrases.DISCLAIMER, re.IGNORECASE)
_SMALL_PRINT = re.compile(phrases.SMALL_PRINT, re.IGNORECASE)


_DIRECTIONS = dict.fromkeys((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


@dataclass(frozen=True, slots=True)
class Words:
    """`reply` the new words, `signature` what closes them; both without blank lines around."""

    reply: str
    signature: str


def split(text: str, *, forwarded: bool = False) -> Words:
    """Split the readable text of a mail (lines ended by LF) into new words and signature; quotes are in neither.

    `forwarded`: the subject says that what looks like an older mail below is what is being sent. A text whose first two thousand
    lines are all new is taken as a whole: that is no answer, but a log in the body.
    """
    lines = text.split("\n", _MAX_LINES)
    more = len(lines) > _MAX_LINES
    lines = lines[:_MAX_LINES]
    marked = "##" in text and marks.find(lines)
    if marked:
        lines = marks.without_ours(lines, marked)
    quoted = [False] * len(lines)
    if any(mark in text for mark in _QUOTE_MARKS):
        quoted = [bool(_QUOTED.match(line)) for line in lines]
    landmarks, attributed = bool(_LANDMARK.search(text)), bool(_WRITER.search(text))
    end = len(lines)
    if landmarks or attributed or _HEADER_LINE.search(text):
        end = _end_of_new(lines, quoted, landmarks, attributed, forwarded)
    if more and end == len(lines) and not marked:
        return Words(text.strip("\n \t"), "")
    kept, flags = lines[:end], quoted[:end]
    kept, flags = _without_trailing_quote(kept, flags)
    kept, signature = _without_signature(kept, flags)
    kept = _without_footers(kept, signature)
    flags = flags[: len(kept)]
    kept, _ = _without_trailing_quote(kept, flags)
    kept = _without_leading_quote(kept)
    return Words("\n".join(kept).strip("\n \t"), "\n".join(signature).strip("\n \t"))


def _end_of_new(
    lines: list[str], quoted: list[bool], landmarks: bool, attributed: bool, forwarded: bool
) -> int:
    """The index of the line from which everything down to the end repeats an earlier mail.

    `landmarks`: somewhere a line announces an original or forwarded mail, or asks to answer above it. `attributed`: somewhere
    stands what every attribution has, an address or a verb of writing.
    """
    something = False
    near = _near_an_attribution(lines) if attributed else [False] * len(lines)
    for index, line in enumerate(lines):
        text = line[:_LINE]
        if not text.strip():
            continue
        if not quoted[index]:
            if landmarks and _FORWARDED.match(text):
                return len(lines)
            if landmarks and _REPLY_ABOVE.search(text):
                return index
            if (
                something
                and (near[index] or landmarks or ":" in text or "：" in text or text.lstrip()[0] in "_-=*")
                and _starts_quote(lines, quoted, index)
            ):
                return len(lines) if forwarded else index
        something = something or not (quoted[index] or _UNDERSCORES.match(text))
    return len(lines)


def _near_an_attribution(lines: list[str]) -> list[bool]:
    """Which lines may begin an attribution: one ends, or could end, within the window below."""
    near = [False] * len(lines)
    for index, line in enumerate(lines):
        text = _plain(line[-_LINE:]).rstrip().lower()
        if text.endswith(_ENDS):
            for above in range(max(0, index - _WINDOW + 1), index + 1):
                near[above] = True
    return near


def _starts_quote(lines: list[str], quoted: list[bool], index: int) -> bool:
    text = lines[index][:_LINE]
    if text.lstrip()[0] in "-_*=>" and _ORIGINAL.match(text):
        return True
    if _UNDERSCORES.match(text):
        following = _next_text(lines, index + 1)
        return following < len(lines) and _header_block(lines, following)
    if _header_block(lines, index):
        return True
    size = _attribution(lines, index)
    if not size:
        return False
    if _BARE_ATTRIBUTION.fullmatch(text.strip()):
        return False
    following = _next_text(lines, index + size)
    return following >= len(lines) or not quoted[following]


def _header_block(lines: list[str], index: int) -> bool:
    """Whether a block such as Outlook's From:/Sent:/To:/Subject: begins here, in any of the languages we know."""
    if not _HEADER_FIRST.match(lines[index][:_LINE]):
        return False
    # GMX begins with the date, Thunderbird with the subject: then the sender must follow soon.
    if not any(_HEADER_FROM.match(line[:_LINE]) for line in lines[index : index + 4]):
        return False
    fields = 1
    for line in lines[index + 1 : index + 10]:
        if _HEADER_MORE.match(line[:_LINE]):
            fields += 1
    return fields >= 3


def _attribution(lines: list[str], index: int) -> int:
    """How many lines an attribution such as "On Monday, Ann wrote:" takes here; 0 when there is none."""
    if not _ATTRIBUTION_START.match(_plain(lines[index][:_LINE])):
        return 1 if _BARE_ATTRIBUTION.fullmatch(lines[index][:_LINE].strip()) else 0
    joined = ""
    for size, line in enumerate(lines[index : index + _WINDOW], 1):
        if size > 1 and (not line.strip() or (_ITEM.match(line) and _ITEM.match(lines[index]))):
            return 0
        joined = f"{joined} {_plain(line).strip()}"[:_ATTRIBUTION_LENGTH].lower()
        if (
            _ATTRIBUTION_END.search(joined[-24:])
            and _names_writer(joined)
            and _ATTRIBUTION.fullmatch(joined.strip())
        ):
            return size
    return 0


def _plain(line: str) -> str:
    """The line without the marks of direction that stand around names in right-to-left mails."""
    return line if line.isascii() else line.translate(_DIRECTIONS)


def _names_writer(text: str) -> bool:
    """Whether the cheapest signs of an attribution are there: an address, or a verb of writing."""
    return "@" in text or any(verb in text for verb in phrases.VERBS)


def _attribution_above(lines: list[str], end: int) -> int:
    """The index of the first line of an attribution that ends right before `end`, blank lines aside; -1 when none does."""
    last = end - 1
    while last >= 0 and not lines[last].strip():
        last -= 1
    for first in range(max(last - _WINDOW + 1, 0), last + 1):
        size = _attribution(lines, first)
        if size and first + size - 1 >= last:
            return first
    return -1


def _without_trailing_quote(lines: list[str], quoted: list[bool]) -> tuple[list[str], list[bool]]:
    end = len(lines)
    while end and (not lines[end - 1].strip() or quoted[end - 1]):
        end -= 1
    if not any(quoted[end:]):
        return lines, quoted
    if end:
        above = _attribution_above(lines, end)
        end = above if above >= 0 else end
    if not any(line.strip() for line in lines[:end]):
        return ([], []) if end else (lines, quoted) if not any(quoted) else ([], [])
    return lines[:end], quoted[:end]


def _without_leading_quote(lines: list[str]) -> list[str]:
    """An answer below one quote: the quote and its attribution go. With answers between quotes all stays."""
    start = _next_text(lines, 0)
    if start >= len(lines):
        return lines
    first = start
    size = _attribution(lines, start)
    if size:
        first = _next_text(lines, start + size)
    if first >= len(lines) or not _QUOTED.match(lines[first]):
        return lines
    end = first
    while end < len(lines) and (not lines[end].strip() or _QUOTED.match(lines[end])):
        end += 1
    rest = lines[end:]
    if not any(line.strip() for line in rest) or any(_QUOTED.match(line) for line in rest):
        return lines
    return rest


def _without_signature(lines: list[str], quoted: list[bool]) -> tuple[list[str], list[str]]:
    """Cut at the last delimiter `-- ` (RFC 3676 §4.3) when only a few lines stand below it."""
    below = 0
    for index in range(len(lines) - 1, 0, -1):
        if not lines[index].strip():
            continue
        if _DELIMITER.match(lines[index][:_LINE]) and not quoted[index]:
            start = index
            while start and _DELIMITER.match(lines[start - 1][:_LINE]):
                start -= 1
            if any(line.strip() for line in lines[:start]):
                return lines[:start], lines[index + 1 :]
            break
        below += 1
        if below > _SIGNATURE_LINES:
            break
    return lines, []


def _without_footers(lines: list[str], signature: list[str]) -> list[str]:
    """Cut what a mobile client, a mailing list or a lawyer appends, moving it to the signature."""
    while True:
        last = len(lines)
        while last and not lines[last - 1].strip():
            last -= 1
        start = _footer(lines, last)
        if not start or not any(line.strip() for line in lines[:start]):
            return lines
        signature[:0] = lines[start:last]
        lines = lines[:start]


def _footer(lines: list[str], last: int) -> int:
    """The index where a footer that ends before `last` begins; 0 when there is none."""
    if not last:
        return 0
    text = _plain(lines[last - 1][:_LINE]).strip()
    if _MOBILE.fullmatch(text) or _SIGNED.fullmatch(text):
        return last - 1
    return _disclaimer(lines, last) or _list_footer(lines, last)


def _disclaimer(lines: list[str], last: int) -> int:
    """The index of the paragraph that begins the small print at the end; 0 when there is none."""
    first = 0
    for index in range(last - 1, max(last - 1 - _DISCLAIMER_LINES, 0), -1):
        if lines[index].strip() and not lines[index - 1].strip() and _DISCLAIMER.match(lines[index][:_LINE]):
            paragraph = " ".join(line[:_LINE] for line in lines[index : min(index + 4, last)])
            if _SMALL_PRINT.search(paragraph):
                first = index
    while first > 1 and (not lines[first - 1].strip() or not lines[first - 1].strip("-_=* ")):
        first -= 1
    return first


def _list_footer(lines: list[str], last: int) -> int:
    """The index of a rule of underscores above a few closing lines with an address; 0 when there is none."""
    for index in range(last - 1, max(last - 1 - _FOOTER_LINES, 0), -1):
        if _UNDERSCORES.match(lines[index][:_LINE]):
            below = " ".join(line[:_LINE] for line in lines[index + 1 : last])
            above = any(line.strip() for line in lines[:index])
            return index if above and below.strip() and ("://" in below or "@" in below) else 0
    return 0


def _next_text(lines: list[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index
