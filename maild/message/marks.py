"""The marks maild sets into its notifications to agents, found again in their answers.

`##- answer above this line -##` begins a notification, `##+ … +##` the message in it, `##= … =##` ends that. Whatever a mail program did to the notification, of what stood in it only the customer's own lines may come back, and only where the agent
wrote between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# A dash may have become a longer one on the way; what stands behind the first mark on its line is ours too.
_BEGINS = re.compile(r"##[-–—] ?[^#\n]{1,80}? ?[-–—]##")
_ZONE = re.compile(r"##([+=]) [^#\n]{1,80} \1##")
_OPEN = re.compile(r"##[-–—+=] [^#\n]{1,80}$")
_CLOSED = re.compile(r"[^#\n]{0,80}[-–—+=]##$")
_QUOTED = re.compile(r"[ \t]{0,3}(?:[>|›]|&gt;)")
_QUOTE_MARKS = re.compile(r"(?:[ \t]{0,3}(?:[>|›]|&gt;))+[ \t]?")
_LABEL = re.compile(r"\s{0,3}[*_]{0,2}[^\n:：@<>]{1,30}?\s?[*_]{0,2}\s?[:：]\s?\S")
_TIME = re.compile(r"\b\d{1,2}[:.h]\d\d\b|\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b")
_RULE = re.compile(r"\s{0,3}[-_=*]{5,}\s*$")
_LONGEST_BLOCK = 12
_LINE = 600


@dataclass(frozen=True, slots=True)
class Marks:
    """`at` which lines a mark stands (both, when it was wrapped). `begin`: where the notification does, None when that mark is gone;
    `message` the lines between which the customer's words stand; `quoted`: the notification is, so that answers below can be told."""

    at: frozenset[int]
    begin: int | None
    message: range
    quoted: bool


def find(lines: list[str]) -> Marks | None:
    """The marks in the lines of an answer; None when there is none."""
    at: set[int] = set()
    begin = start = end = None
    for index, line in enumerate(lines):
        if "##" not in line:
            continue
        core = _core(line)
        rows = {index}
        if _OPEN.match(core) and index + 1 < len(lines) and _CLOSED.match(_core(lines[index + 1])):
            core = f"{core} {_core(lines[index + 1])}"
            rows.add(index + 1)
        zone = _ZONE.fullmatch(core)
        if begin is None and _BEGINS.match(core):
            begin = index
        elif zone and zone[1] == "+":
            start = index if start is None else start
        elif zone:
            end = index if end is None or start is None or end < start else end
        else:
            continue
        at |= rows
    if not at:
        return None
    first = min(at)
    message = (
        range(start + 1, end if end is not None and end > start else len(lines))
        if start is not None
        else range(0)
    )
    return Marks(frozenset(at), begin, message, bool(_QUOTED.match(lines[first])))


def _core(line: str) -> str:
    """The line without marks of quoting and blanks around."""
    return _QUOTE_MARKS.sub("", line[:_LINE], count=1).strip()


def without_ours(lines: list[str], marks: Marks) -> list[str]:
    """The lines without what the notification said; the customer's lines stay where the answer goes on below them."""
    first = min(marks.at)
    if not marks.quoted:
        return lines[: first - block_above(lines[:first])]
    kept = lines[: first - block_above(lines[:first])] if marks.begin == first else _unquoted(lines[:first])
    answers = [
        index for index in range(first, len(lines)) if _is_answer(lines[index]) and index not in marks.at
    ]
    for index in range(first, answers[-1] + 1 if answers else first):
        if index not in marks.at and (index in marks.message or not _QUOTED.match(lines[index])):
            kept.append(lines[index])
    return kept


def _is_answer(line: str) -> bool:
    return bool(line.strip()) and not _QUOTED.match(line)


def _unquoted(lines: list[str]) -> list[str]:
    """What the agent wrote above marks whose first one is gone: the quoted lines are the notification's."""
    while lines and (not lines[-1].strip() or _QUOTED.match(lines[-1])):
        lines = lines[:-1]
    kept = [line for line in lines if not _QUOTED.match(line)]
    return kept[: len(kept) - block_above(kept)]


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
