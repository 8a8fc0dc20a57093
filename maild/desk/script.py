"""An agent's words taken apart: command lines at the top, the text, and commands that stand where they are none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from maild.desk.commands import COMMANDS, LATER, SYNONYMS, WORD

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u202f\t"), " ")
_QUOTES = {ord("“"): '"', ord("”"): '"', ord("‘"): "'", ord("’"): "'", ord("＃"): "#"}
_PLAIN = {**_INVISIBLE, **_SPACES, **_QUOTES}


@dataclass(frozen=True, slots=True)
class Script:
    """A text taken apart: command lines from its top, the rest, and lines further down that begin with a known command."""

    commands: tuple[str, ...]
    text: str
    stray: tuple[str, ...]


def _known(word: str) -> bool:
    return word in COMMANDS or word in SYNONYMS or word in LATER


def _normal(line: str) -> str:
    return line.translate(_PLAIN).strip()


def _mangled(plain: str) -> str | None:
    """The command word of a line that would be a command but for what a mail program or a hand put before the #; None: it is text."""
    found = WORD.match(plain.lstrip("\"'`*_•·–—-([{ ").rstrip("\"'`*_)]} "))
    return found[1].lower() if found and _known(found[1].lower()) else None


def split(text: str) -> Script:
    """Take the new words of an agent's message apart. `##` begins plain text with `#`."""
    lines = text.splitlines()
    commands: list[str] = []
    at = 0
    for at, line in enumerate(lines):  # noqa: B007
        plain = _normal(line)
        if not plain:
            continue
        if not plain.startswith("#") or plain.startswith("##"):
            break
        commands.append(plain)
    else:
        at = len(lines)
    rest = lines[at:]
    stray = []
    for number, line in enumerate(rest):
        plain = _normal(line)
        if _mangled(plain) is not None:
            stray.append(plain)
        elif plain.startswith("##"):
            rest[number] = line.translate(_INVISIBLE).lstrip()[1:]
    return Script(tuple(commands), "\n".join(rest).strip("\n").rstrip(), tuple(stray))


def linked(commands: tuple[str, ...]) -> tuple[int, ...]:
    """Ticket numbers that the lines name, so that they can be looked up beforehand."""
    return tuple(
        int(number)
        for line in commands
        for number in re.findall(r"^#\s?link\s+#?(\d{1,12})$", line.strip(), re.IGNORECASE)
    )
