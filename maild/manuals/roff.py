"""roff as man(7) wants it: text made safe, and the Markdown of our own documents written as a manual page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_SPECIAL: Final = {"\\": r"\e", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", "-": r"\-"}
"""What roff would take for something else, or print as another character (groff_char(7))."""


def text(words: str) -> str:
    """-> the words, to be printed as they stand. Characters beyond ASCII are named, so that no locale changes them."""
    safe = "".join(_SPECIAL.get(char, char if ord(char) < 128 else f"\\[u{ord(char):04X}]") for char in words)
    return re.sub(r"(?m)^(?=\.)", r"\\&", safe)


def bold(words: str) -> str:
    return rf"\fB{text(words)}\fR"


def italic(words: str) -> str:
    return rf"\fI{text(words)}\fR"


def heading(words: str, level: int = 1) -> str:
    """A section (level 1) or subsection."""
    return f'.{"SH" if level == 1 else "SS"} "{_quoted(text(words))}"'


def term(label: str, *lines: str) -> list[str]:
    """A label that is roff already, and what it means."""
    return [".TP", label, *lines]


def example(lines: Iterable[str]) -> list[str]:
    """Lines that are printed as they stand."""
    return [".PP", ".RS 4", ".nf", *(text(line) if line else r"\&" for line in lines), ".fi", ".RE"]


def title(name: str, section: int, version: str, about: str) -> list[str]:
    """The first lines of a page, up to its NAME."""
    return [
        f'.TH "{text(name.upper())}" "{section}" "" "maild {text(version)}" "maild"',
        ".nh",
        ".ad l",
        ".SH NAME",
        rf"{text(name)} \- {text(about)}",
    ]


def from_markdown(source: str) -> list[str]:
    """-> the lines of a document: headings of the second level become sections; its title is left out."""
    tokens = MarkdownIt("commonmark").enable("table").parse(source)
    return _Writer(tokens).lines()


def _quoted(words: str) -> str:
    return words.replace('"', r"\(dq")


class _Writer:
    """One document's tokens as lines."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._lines: list[str] = []
        self._lists: list[int] = []
        """For each list that is open, the number of its last item; -1 where they have none."""
        self._fresh = False
        """An item has just begun: its first paragraph needs no start of its own."""

    def lines(self) -> list[str]:
        index = 0
        while index < len(self._tokens):
            token = self._tokens[index]
            if token.type == "table_open":
                end = next(
                    n for n in range(index, len(self._tokens)) if self._tokens[n].type == "table_close"
                )
                self._table(self._tokens[index:end])
                index = end
            elif token.type == "heading_open":
                self._heading(token, self._tokens[index + 1])
                index += 2
            else:
                self._token(token)
            index += 1
        return self._lines

    def _heading(self, opened: Token, inline: Token) -> None:
        first = not self._lines
        if not (first and opened.tag == "h1"):
            self._lines.append(heading(plain(inline), 1 if opened.tag in ("h1", "h2") else 2))
        elif self._lines == []:
            self._lines.append(heading("Description"))

    def _token(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._open_list(-1)
            case "ordered_list_open":
                self._open_list(int(str(token.attrs.get("start", 1))) - 1)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                if self._lists:
                    self._lines.append(".RE")
            case "list_item_open":
                self._item()
            case "paragraph_open" if not self._fresh:
                self._lines.append(".PP" if not self._lists else ".sp")
            case "inline":
                self._lines += _filled(inline_of(token))
                self._fresh = False
            case "fence" | "code_block":
                self._lines += example(token.content.rstrip("\n").split("\n"))
            case _:
                pass  # closing tokens and comments say nothing

    def _open_list(self, number: int) -> None:
        if self._lists:
            self._lines.append(".RS")
        self._lists.append(number)

    def _item(self) -> None:
        if self._lists[-1] >= 0:
            self._lists[-1] += 1
            self._lines.append(f".IP {self._lists[-1]}. 4")
        else:
            self._lines.append(r".IP \(bu 2")
        self._fresh = True

    def _table(self, tokens: Sequence[Token]) -> None:
        """Each row is a term and its meaning; with more than two columns each meaning names its column."""
        cells = [token for token in tokens if token.type == "inline"]
        width = sum(token.type == "th_open" for token in tokens)
        names = [plain(cell) for cell in cells[:width]]
        for start in range(width, len(cells), width):
            row = cells[start : start + width]
            label, meanings = _filled(inline_of(row[0])), zip(names[1:], row[1:], strict=True)
            self._lines += term(" ".join(label) or r"\&")
            said = [(name, _filled(inline_of(cell))) for name, cell in meanings if cell.content]
            for number, (name, lines) in enumerate(said):
                self._lines += [".br"] * (number > 0)
                self._lines += [f"{italic(name)}:", *lines] if width > 2 else lines
            self._lines += [r"\&"] * (not said)


def _filled(inline: str) -> list[str]:
    return [line.strip() for line in inline.split("\n") if line.strip()]


def inline_of(token: Token) -> str:
    """Words with their emphasis, links with their address when it is outside of the document."""
    parts: list[str] = []
    links: list[str] = []
    for child in token.children or ():
        match child.type:
            case "text":
                parts.append(text(child.content))
            case "code_inline":
                parts.append(bold(child.content))
            case "softbreak":
                parts.append("\n")
            case "hardbreak":
                parts.append("\n.br\n")
            case "strong_open":
                parts.append(r"\fB")
            case "em_open":
                parts.append(r"\fI")
            case "strong_close" | "em_close":
                parts.append(r"\fR")
            case "link_open":
                links.append(str(child.attrs.get("href", "")))
            case "link_close":
                target = links.pop()
                if target.startswith(("http:", "https:")):
                    parts.append(rf" <{text(target)}>")
            case _:
                pass  # HTML of a document says nothing on a terminal
    return "".join(parts)


def plain(token: Token) -> str:
    """The words alone."""
    return "".join(child.content for child in token.children or () if child.type in ("text", "code_inline"))
