"""The marks maild sets into its notifications to agents (`##- answer above this line -##`), found again in their answers.

Whatever a mail program did to the notification, of what stood in it only the customer's own lines may come back, and only where the agent
wrote between them: those between the mark of the message and the mark of its end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from maild.message import phrases

_MARK = re.compile(r"##[-–—] ?(?P<words>[^#\n]{1,80}?) ?[-–—]##")
_OPEN = re.compile(r"##[-–—] [^#\n]{1,80}$")
_QUOTED = re.compile(r"[ \t]{0,3}(?:[>|›]|&gt;)")
_QUOTE_MARKS = re.compile(r"(?:[ \t]{0,3}(?:[>|›]|&gt;))+[ \t]?")
_REPLY_ABOVE = re.compile(phrases.REPLY_ABOVE, re.IGNORECASE)
_LABEL = re.compile(r"\s{0,3}[*_]{0,2}[^\n:：@<>]{1,30}?\s?[*_]{0,2}\s?[:：]\s?\S")
_TIME = re.compile(r"\b\d{1,2}[:.h]\d\d\b|\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b")
_RULE = re.compile(r"\s{0,3}[-_=*]{5,}\s*$")
_LONGEST_BLOCK = 12
_LINE = 600


@dataclass(frozen=True, slots=True)
class Marks:
    """The lines with a mark, in order; `cuts_below`: nothing below the first one was written by the agent."""

    lines: tuple[int, ...]
    above: tuple[bool, ...]
    cuts_below: bool


def find(lines: list[str]) -> Marks | None:
    """The marks in the lines of an answer, also those that were wrapped; None when there is none."""
    at: list[int] = []
    above: list[bool] = []
    for index, line in enumerate(lines):
        if "##" not in line:
            continue
        text = line[:_LINE]
        found = _MARK.search(text)
        if not found and _OPEN.search(text) and index + 1 < len(lines):
            following = _QUOTE_MARKS.sub("", lines[index + 1][:_LINE])
            found = _MARK.search(f"{text} {following}")
        if found:
            at.append(index)
            above.append(bool(_REPLY_ABOVE.search(found["words"])))
    if not at:
        return None
    return Marks(tuple(at), tuple(above), not _QUOTED.match(lines[at[0]]))


def without_ours(lines: list[str], marks: Marks) -> list[str]:
    """The lines without what the notification said; the customer's lines stay where the answer goes on below them."""
    first = marks.lines[0]
    if marks.cuts_below:
        return lines[:first]
    kept = lines[: first - block_above(lines[:first])]
    start, end = _message(marks, len(lines))
    last_answer = max(
        (
            index
            for index in range(first, len(lines))
            if lines[index].strip()
            and not _QUOTED.match(lines[index])
            and not _continues_mark(lines, index, marks)
        ),
        default=-1,
    )
    for index in range(first, last_answer + 1):
        inside = start < index < end
        if not _QUOTED.match(lines[index]):
            if not _continues_mark(lines, index, marks):
                kept.append(lines[index])
        elif inside and index not in marks.lines:
            kept.append(lines[index])
    return kept


def _continues_mark(lines: list[str], index: int, marks: Marks) -> bool:
    """Whether the line is the wrapped end of a mark."""
    return (
        index - 1 in marks.lines
        and bool(re.search(r"[-–—]##\s*$", lines[index][:_LINE]))
        and not _MARK.search(lines[index][:_LINE])
    )


def _message(marks: Marks, count: int) -> tuple[int, int]:
    """Where the customer's message stands: the lines of the mark before it and of the mark after it."""
    around = [line for line, above in zip(marks.lines, marks.above, strict=True) if not above]
    if not around:
        return count, count
    return around[0], around[1] if len(around) > 1 else count


def block_above(lines: list[str]) -> int:
    """How many of the last lines are what a mail program writes above a quote, in whatever language: an attribution or a header block."""
    last = len(lines)
    while last and not lines[last - 1].strip():
        last -= 1
    first = last
    while first and lines[first - 1].strip() and last - first < _LONGEST_BLOCK:
        first -= 1
    block = [line[:_LINE].strip() for line in lines[first:last]]
    if not block:
        return 0
    if len(block) > 2 and sum(1 for line in block if _LABEL.match(line)) >= 3 and "@" in " ".join(block):
        labelled = next(index for index, line in enumerate(block) if _LABEL.match(line))
        return (
            len(lines)
            - first
            - max(0, labelled - 1 if labelled and _RULE.match(block[labelled - 1]) else labelled)
        )
    for size in range(1, min(4, len(block)) + 1):
        joined = " ".join(block[-size:])
        if (
            joined.endswith((":", "：", ">"))
            and _TIME.search(joined)
            and ("@" in joined or size == len(block))
        ):
            return len(lines) - last + size
    return len(lines) - last + 1 if _RULE.match(block[-1]) else 0
