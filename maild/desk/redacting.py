"""Taking a person out of what others have written: names, addresses, telephone numbers, and lines that are quoted from him."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

_QUOTE: Final = re.compile(r"^[ \t]*(?:[>|][ \t]?)+")
_SHORTEST_LINE: Final = 12
"""Characters of a line that is surely his and no "Thank you" of anybody's."""
_SHORTEST_NAME: Final = 3
_SHORTEST_NUMBER: Final = 5


def _plain(line: str) -> str:
    """A line as it is compared: without marks of quoting, in one spacing."""
    return " ".join(_QUOTE.sub("", line).split())


@dataclass(slots=True)
class Redaction:
    """`called`: what stands in his place, like "erased person 12". `said`: texts of his; their lines are known again where somebody quotes them."""

    called: str
    names: Iterable[str] = ()
    addresses: Iterable[str] = ()
    phones: Iterable[str] = ()
    said: Iterable[str] = ()
    _whole: re.Pattern[str] | None = field(init=False)
    _part: re.Pattern[str] | None = field(init=False)
    _lines: frozenset[str] = field(init=False)
    _all: str = field(init=False)

    def __post_init__(self) -> None:
        self.said = tuple(self.said)
        names = {" ".join(name.split()) for name in self.names if name.strip()}
        phones = {phone for phone in self.phones if len(phone) >= _SHORTEST_NUMBER}
        self._whole = _any({*filter(None, self.addresses), *names, *phones}, re.IGNORECASE)
        parts = {part.strip(".,;()\"'") for name in names for part in name.split()}
        # A name in small letters would be found in the words of any text.
        self._part = _any({part for part in parts if len(part) >= _SHORTEST_NAME and not part.islower()})
        self._all = "\n".join(" ".join(text.lower().split()) for text in self.said)
        self._lines = frozenset(
            line
            for text in self.said
            for line in map(_plain, text.splitlines())
            if len(line) >= _SHORTEST_LINE
        )

    def identity(self, text: str) -> str:
        """The text with `called` wherever it names him."""
        if self._whole is not None:
            text = self._whole.sub(self.called, text)
        if self._part is not None:
            text = self._part.sub(self.called, text)
        return text

    def quoted(self, text: str) -> bool:
        """Whether a line of his stands in the text."""
        return any(_plain(line) in self._lines for line in text.splitlines())

    def named(self, text: str) -> bool:
        """Whether the text names him."""
        return self.identity(text) != text

    def words(self, text: str, *, quotes: bool) -> str:
        """Somebody else's words without his: lines of his go, with `quotes` every quoted line; within lines they, and his names, are
        replaced."""
        kept = []
        for line in text.splitlines():
            if _plain(line) in self._lines or (quotes and _QUOTE.match(line)):
                continue
            kept.append(line)
        text = "\n".join(kept)
        for his in self._lines:
            text = text.replace(his, "[erased]")
        return self.identity(text).strip()

    def value(self, value: object) -> object:
        """A JSON value in which no text names him or holds a line of his."""
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, Mapping):
            return {self.identity(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def _string(self, text: str) -> str:
        if self.quoted(text):
            return "[erased]"
        return self.identity(text)

    def evidence(self, text: str) -> str:
        """The evidence of a rule without the words of his that it quotes."""
        found = _QUOTED.sub(lambda match: self._unquoted(match[0]), text)
        return self.identity(found)

    def _unquoted(self, quoted: str) -> str:
        inner = " ".join(quoted[1:-1].lower().split()).strip("… ")
        return f"{quoted[0]}[erased]{quoted[-1]}" if inner and inner in self._all else quoted


_QUOTED: Final = re.compile("\"[^\"\n]+\"|'[^'\n]+'|“[^”\n]+”|«[^»\n]+»|‘[^’\n]+’")


def _any(texts: Iterable[str], flags: int = 0) -> re.Pattern[str] | None:
    """Finds any of the texts as whole words, the longest first."""
    found = sorted((text for text in texts if text), key=len, reverse=True)
    if not found:
        return None
    either = "|".join(re.escape(text).replace(r"\ ", r"\s+") for text in found)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", flags)
