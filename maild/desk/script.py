"""An agent's words taken apart: command lines at the top, the text, and commands that stand where they are none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from maild.desk.commands import name_of

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000\t"), " ")
_QUOTES = {
    ord("“"): '"',
    ord("”"): '"',
    ord("„"): '"',
    ord("‘"): "'",
    ord("’"): "'",
    ord("＃"): "#",
    ord("\u2010"): "-",
    ord("\u2011"): "-",
}
_PLAIN = {**_INVISIBLE, **_SPACES, **_QUOTES}
_LINKED = re.compile(r"\[([^\[\]\s]{1,300})\]\((?:https?:|mailto:)[^()\s]{1,2000}\)", re.IGNORECASE)
_BESIDE = re.compile(r"(?<=\S)\s*<(?:https?:|mailto:)[^<>\s]{1,2000}>", re.IGNORECASE)
_MAILTO = re.compile(r"<mailto:([^<>\s]{1,300})>", re.IGNORECASE)
_NUMBERED = ("link", "merge")


@dataclass(frozen=True, slots=True)
class Script:
    """A text taken apart: command lines, the rest, and lines further down that begin with a known command.

    Commands stand at the top; only `#split` may stand between texts. `parts`: for each `#split` line, in order, the text below it.
    """

    commands: tuple[str, ...]
    text: str
    stray: tuple[str, ...]
    parts: tuple[str, ...] = ()


def normal(line: str) -> str:
    """The line without what mail programs put into it: odd spaces, invisible characters, curly quotes."""
    return line.translate(_PLAIN).strip()


def _command(plain: str) -> str:
    """A command line without the links that a mail program made of its words."""
    head, space, argument = _LINKED.sub(r"\1", plain).partition(" ")
    return head + space + _MAILTO.sub(r"\1", _BESIDE.sub("", argument))


def _mangled(plain: str) -> str | None:
    """The command word of a line that would be a command but for what a mail program or a hand put before the #; None: it is text."""
    core = plain.lstrip("\"'`*_•·–—-([{ ").rstrip("\"'`*_)]} ")
    return name_of(core)


def _is_command(plain: str) -> bool:
    return plain.startswith("#") and not plain.startswith("##")


def split(text: str, not_mine: frozenset[str] = frozenset()) -> Script:
    """Take the new words of an agent's message apart. `##` begins plain text with `#`.

    `not_mine`: lines (as `normal` has them) that stood in the notification: they are never commands.
    """
    lines = text.splitlines()
    commands: list[str] = []
    at = 0
    for at, line in enumerate(lines):  # noqa: B007
        plain = normal(line)
        if not plain:
            continue
        if not _is_command(plain) or plain in not_mine:
            break
        commands.append(_command(plain))
    else:
        at = len(lines)
    parts: list[list[str]] = [[] for line in commands if name_of(line) == "split"]
    rest: list[str] = []
    stray = []
    if "#" not in text and "＃" not in text:  # most mails of customers
        return Script((), _joined(lines[at:]), ())
    for line in lines[at:]:
        plain = normal(line)
        below = parts[-1] if parts else rest
        if parts and _is_command(plain) and name_of(plain) == "split" and plain not in not_mine:
            commands.append(_command(plain))
            parts.append([])
        elif _mangled(plain) is not None:
            stray.append(plain)
            below.append(line)
        else:
            below.append(line.translate(_INVISIBLE).lstrip()[1:] if plain.startswith("##") else line)
    return Script(tuple(commands), _joined(rest), tuple(stray), tuple(map(_joined, parts)))


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).strip("\n").rstrip()


def named(commands: tuple[str, ...]) -> tuple[int, ...]:
    """Ticket numbers that the lines name, so that they can be looked up beforehand."""
    return tuple(
        int(found[1])
        for line in commands
        if name_of(line) in _NUMBERED and (found := re.match(r"#\s?\w+[.:!,;]?\s+#?(\d{1,12})\b", line))
    )


def uses(commands: tuple[str, ...], name: str) -> bool:
    """Whether one of the lines is this command."""
    return any(name_of(line) == name for line in commands)
