"""Sets of UIDs that stay small when there are many of them: a mailbox is read nearly without holes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

_SET = re.compile(r"(?:\d+(?::\d+)?(?:,\d+(?::\d+)?)*)?")


class Uids:
    """A set of numbers from 1, kept as ranges. Immutable."""

    __slots__ = ("_ranges", "_starts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        """`ranges`: (first, last) each, in any order; they may touch or overlap."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted(one for one in ranges if one[0] <= one[1]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        self._ranges = tuple(merged)
        self._starts = [first for first, _ in merged]

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Uids:
        return cls((number, number) for number in numbers)

    @classmethod
    def parse(cls, text: str) -> Uids:
        """A sequence set (RFC 3501 §9) without `*`; "" is the empty one. ValueError for anything else."""
        if not _SET.fullmatch(text):
            raise ValueError(f"'{text}' is no set of UIDs")
        ends = (part.partition(":") for part in text.split(",") if part)
        return cls((int(first), int(last or first)) for first, _, last in ends)

    def __str__(self) -> str:
        return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in self._ranges)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number <= self._ranges[at][1]

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self._ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Uids) and self._ranges == other._ranges

    def __hash__(self) -> int:
        return hash(self._ranges)

    def __iter__(self) -> Iterator[int]:
        """In ascending order."""
        for first, last in self._ranges:
            yield from range(first, last + 1)

    @property
    def highest(self) -> int:
        """0 when there is none."""
        return self._ranges[-1][1] if self._ranges else 0

    def __and__(self, numbers: Iterable[int]) -> set[int]:
        """Those of these numbers that are in it."""
        return {number for number in numbers if number in self}

    def __or__(self, numbers: Iterable[int]) -> Uids:
        """With these numbers too."""
        return Uids((*self._ranges, *((number, number) for number in numbers)))

    def __sub__(self, numbers: Iterable[int]) -> Uids:
        """Without these numbers."""
        kept: list[tuple[int, int]] = []
        gone = sorted(set(numbers))
        at = 0
        for first, last in self._ranges:
            start = first
            while at < len(gone) and gone[at] <= last:
                if gone[at] >= start:
                    kept.append((start, gone[at] - 1))
                    start = gone[at] + 1
                at += 1
            kept.append((start, last))
        return Uids(kept)


def parts(numbers: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    """In order, at most so many at a time."""
    for at in range(0, len(numbers), most):
        yield numbers[at : at + most]
