"""Lines being written while a page is read: blocks, margins, columns, and who marked what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# What a line is: new words, quoted as a whole, an attribution, a signature, or below the point where an older mail begins.
NEW, QUOTED, WROTE, SIGNATURE, REST = range(5)
_WIDEST_COLUMN = 40
_MOST_PADDED = 5000
_SCHEME = re.compile(r"(?i)^(?:mailto:|tel:|https?://(?:www\.)?|ftp://)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text and what it is."""

    text: str
    mark: int = NEW


class Writer:
    """Collects lines. A block break ends the line; margins are empty lines that only come when more follows."""

    __slots__ = ("_lines", "_margin", "_pieces", "mark")

    def __init__(self, mark: int = NEW) -> None:
        self._lines: list[Line] = []
        self._pieces: list[str] = []
        self._margin = 0
        self.mark = mark

    def say(self, text: str, *, keep: bool = False) -> None:
        """Add words to the line; a blank at its beginning, or behind another one, is dropped unless `keep`."""
        if not text:
            return
        if not keep and text[0] == " " and (not self._pieces or self._pieces[-1][-1] == " "):
            text = text[1:]
            if not text:
                return
        self._pieces.append(text)

    def end_line(self) -> None:
        """End the line, also an empty one."""
        self._emit("".join(self._pieces).rstrip())
        self._pieces.clear()

    def break_block(self, margin: int) -> None:
        """End the line if there is one, and ask for `margin` empty lines before the next."""
        if self._pieces:
            self.end_line()
        if margin > self._margin:
            self._margin = margin

    def _emit(self, text: str) -> None:
        if self._margin:
            if self._lines:
                self._lines.append(Line("", self.mark))
            self._margin = 0
        self._lines.append(Line(text, self.mark))

    def take(self, lines: Iterable[Line], first: str, others: str) -> None:
        """Add the lines of an inner element behind a prefix."""
        self.break_block(0)
        prefix = first
        for line in lines:
            if self._margin:
                if self._lines:
                    self._lines.append(Line("", self.mark))
                self._margin = 0
            self._lines.append(Line((prefix + line.text).rstrip(), line.mark))
            prefix = others

    def take_table(self, rows: list[list[list[Line]]]) -> None:
        """Add a table: rows of short cells side by side in columns, others one cell below the other."""
        cells = sum(map(len, rows))
        plain = all(len(cell) <= 1 for row in rows for cell in row)
        widths: list[int] = []
        if plain and cells <= _MOST_PADDED:
            for row in rows:
                widths += [0] * (len(row) - len(widths))
                for column, cell in enumerate(row):
                    if cell and len(row) > 1:
                        widths[column] = max(widths[column], min(len(cell[0].text), _WIDEST_COLUMN))
        for row in rows:
            if sum(1 for cell in row if cell) > 1 and all(len(cell) <= 1 for cell in row):
                self.take([_side_by_side(row, widths)], "", "")
            else:
                for cell in row:
                    self.take(cell, "", "")

    def place(self) -> tuple[int, int]:
        """Where the writer stands, for `name_target`."""
        return len(self._lines), len(self._pieces)

    def name_target(self, place: tuple[int, int], target: str) -> None:
        """Put the target of a link behind its words, unless these say it already or there are none."""
        lines, pieces = place
        if len(self._lines) == lines:
            said = "".join(self._pieces[pieces:]).strip()
        else:
            said = "\n".join(line.text for line in self._lines[lines:]) + "".join(self._pieces)
        bare = _SCHEME.sub("", target).rstrip("/")
        if target[:7].lower() == "mailto:":
            bare = target = target[7:].partition("?")[0]
        if not said.strip() or not bare or bare.lower() in said.lower():
            return
        blank = self._pieces[-1].endswith(" ") if self._pieces else True
        if self._pieces:
            self._pieces.append(f"<{target}>" if blank else f" <{target}>")
        elif self._lines:
            self._lines[-1] = replace(self._lines[-1], text=f"{self._lines[-1].text} <{target}>")

    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def first_since(self, start: int) -> str:
        """The first line with words from `start` on."""
        return next((line.text for line in self._lines[start:] if line.text.strip()), "")

    def unmark_since(self, start: int) -> None:
        """Make the lines from `start` on new words again."""
        self._lines[start:] = [replace(line, mark=NEW) for line in self._lines[start:]]

    def mark_rest(self) -> None:
        """From here on down to the end an older mail is repeated."""
        self.mark = REST

    def finished(self) -> list[Line]:
        """All lines; the writer is done."""
        self.break_block(0)
        return self._lines


def _side_by_side(row: list[list[Line]], widths: list[int]) -> Line:
    parts = []
    for column, cell in enumerate(row):
        text = cell[0].text if cell else ""
        parts.append(text.ljust(widths[column]) if column < len(widths) else text)
    mark = next((cell[0].mark for cell in row if cell), NEW)
    return Line("  ".join(part for part in parts if part or widths).rstrip(), mark)


def laid_out(lines: Iterable[Line]) -> list[Line]:
    """At most one empty line in a row, none at the beginning and the end."""
    out: list[Line] = []
    for line in lines:
        if line.text.strip("\xa0\u200b\u00ad\u034f ") or (out and out[-1].text):
            out.append(line if line.text.strip("\xa0\u200b\u00ad\u034f ") else replace(line, text=""))
    while out and not out[-1].text:
        out.pop()
    return out


def new_words(lines: Sequence[Line], *, forwarded: bool) -> tuple[Sequence[Line], Sequence[Line]]:
    """(new words, signature). An attribution goes with the quote it stands above.

    Without other words, or when the mail says that it is `forwarded`, the older mail is the content.
    """
    if not any(line.mark for line in lines):
        return lines, []
    others = any(line.mark == NEW and line.text and not line.text.startswith(">") for line in lines)
    older = any(line.mark in (QUOTED, WROTE, REST) for line in lines)
    cut = others and not forwarded
    words: list[Line] = []
    signature: list[Line] = []
    for index, line in enumerate(lines):
        quoted = line.mark in (QUOTED, REST) or (line.mark == WROTE and _above_a_quote(lines, index))
        if line.mark == SIGNATURE and (others or (forwarded and older)):
            signature.append(line)
        elif not (cut and quoted):
            words.append(line)
    return laid_out(words), laid_out(signature)


def _above_a_quote(lines: Sequence[Line], index: int) -> bool:
    following = next((line for line in lines[index + 1 :] if line.text and line.mark != WROTE), None)
    return following is not None and (following.text.startswith(">") or following.mark in (QUOTED, REST))
