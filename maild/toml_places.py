"""Where keys and values stand in a TOML text: `tomllib` gives values only, and a complaint needs a line and a column."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

from maild.errors import Problem
from maild.reading import KeyPath, Place, Places

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]*")
_COMPLAINT = re.compile(r"(.*) \((?:at line (\d+), column (\d+)|at end of document)\)", re.DOTALL)
_EXPLAINED = (
    (r"Cannot overwrite a value", "this key stands twice"),
    (r"Invalid value", "this is no value (text stands in quotes)"),
    (r"Illegal character '\\n'|Unterminated string|Expected \"'\"", "this quote is never closed"),
    (r"Expected newline or end of document", "something stands behind the value (text stands in quotes)"),
    (r"Expected '=' after a key", "a key needs '=' and a value behind it"),
)


def syntax_problem(message: str, text: str, file: str) -> Problem:
    """What `tomllib` says of a text that it refuses, at its place, with what it usually means."""
    found = _COMPLAINT.fullmatch(message)
    what = found[1] if found else message
    if found and found[2]:
        line, column = int(found[2]), int(found[3])
    else:  # at the end of the text: a quote that is not closed there is the last one
        before = text[: max(text.rfind("'"), text.rfind('"'), 0)]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    if twice := re.match(r"Cannot declare \((.*?),?\) twice", what):
        name = ".".join(re.findall(r"'([^']*)'", twice[1]))
        return Problem(file, line, column, f"the section [{name}] stands twice")
    explained = next((words for sign, words in _EXPLAINED if re.match(sign, what)), what)
    return Problem(file, line, column, explained)


def locate(text: str, file: str) -> Places:
    """The places of a text that `tomllib` has accepted. The place of a `[section]` is that of its name."""
    return _Scanner(text, file).scan()


class _Scanner:
    def __init__(self, text: str, file: str) -> None:
        self._text, self._at = text, 0
        self._places = Places(Place(file))
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._lengths: dict[KeyPath, int] = {}

    def scan(self) -> Places:
        table: KeyPath = ()
        self._skip()
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                self._at += 2
                table = self._item()
                self._skip_over("]]")
            elif self._text[self._at] == "[":
                self._at += 1
                table, _ = self._dotted((), header=True)
                self._skip_over("]")
            else:
                self._pair(table)
            self._skip()
        return self._places

    def _item(self) -> KeyPath:
        """The path of the next item of an array of tables, which stands where the name in its header does."""
        path, place = self._dotted((), header=True, item=True)
        index = self._lengths.get(path, 0)
        self._lengths[path] = index + 1
        self._places.values[(*path, index)] = place
        return (*path, index)

    def _pair(self, table: KeyPath) -> None:
        path, _ = self._dotted(table)
        self._skip_over("=")
        self._value(path)

    def _dotted(self, base: KeyPath, *, header: bool = False, item: bool = False) -> tuple[KeyPath, Place]:
        """Reads a dotted key below `base`: its path and the place of its last part. In a header the name of an array of
        tables stands for its newest item, except at the end of the header of an `item`."""
        path = base
        while True:
            self._skip()
            place, part = self._place(), self._key()
            path = (*path, part)
            self._places.keys.setdefault(path, place)
            self._skip()
            more = self._text[self._at] == "."
            if header and path in self._lengths and (more or not item):
                path = (*path, self._lengths[path] - 1)
            if not more:
                return path, place
            self._at += 1

    def _key(self) -> str:
        quoted = _STRING.match(self._text, self._at)
        found = quoted or _BARE.match(self._text, self._at)
        if found is None:
            raise ValueError(f"no key at {self._place()}")
        self._at = found.end()
        return found[0] if quoted is None else str(tomllib.loads(f"key = {found[0]}")["key"])

    def _value(self, path: KeyPath) -> None:
        self._skip()
        self._places.values.setdefault(path, self._place())
        string = _STRING.match(self._text, self._at)
        if string is not None:
            self._at = string.end()
        elif self._text[self._at] == "[":
            self._array(path)
        elif self._text[self._at] == "{":
            self._inline(path)
        else:
            plain = _PLAIN.match(self._text, self._at)
            self._at = plain.end() if plain else self._at

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while not self._ends("]"):
            self._value((*path, index))
            index += 1

    def _inline(self, path: KeyPath) -> None:
        self._at += 1
        while not self._ends("}"):
            self._pair(path)

    def _ends(self, mark: str) -> bool:
        """Skips to the next item of an array or inline table; True at its end."""
        self._skip()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip()
        if self._text[self._at] != mark:
            return False
        self._at += 1
        return True

    def _skip(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at

    def _skip_over(self, mark: str) -> None:
        self._skip()
        self._at += len(mark)

    def _place(self) -> Place:
        line = bisect_right(self._starts, self._at)
        return Place(self._places.whole.file, line, self._at - self._starts[line - 1] + 1)
