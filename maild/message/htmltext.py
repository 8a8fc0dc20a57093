"""HTML of mails as text, in one pass over its tree: paragraphs, lists, tables and link targets kept, quotes marked with `> `.

What is styled away stays away. The page must have been tamed (`html.tame`), so that depth and attributes are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser, LexborNode

from maild.message.charset import clean
from maild.message.htmllines import NEW, QUOTED, REST, SIGNATURE, WROTE, Line, Writer, laid_out, new_words
from maild.message.phrases import FORWARDED

_BLOCKS = frozenset(
    [
        "div",
        "section",
        "article",
        "header",
        "footer",
        "address",
        "center",
        "form",
        "fieldset",
        "main",
        "aside",
        "nav",
        "figure",
        "figcaption",
        "hr",
        "legend",
        "details",
        "summary",
        "dl",
        "dt",
        "caption",
        "body",
        "tbody",
        "thead",
        "tfoot",
    ]
)
_PARAGRAPHS = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6"])
_HIDDEN = re.compile(
    r"(?i)(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|max-height\s*:\s*0(?:px)?\s*(?:;[^}]*)?overflow\s*:\s*hidden)"
)
_PREFORMATTED = re.compile(r"(?i)white-space\s*:\s*(?:pre|break-spaces)")
_TIGHT = re.compile(r"(?i)margin(?:-top|-bottom)?\s*:\s*0")
_CITED = re.compile(
    r"(?i)border-left(?:-width|-style)?\s*:[^;]{0,40}(?:solid|\dpx)|border-width\s*:\s*(?:0\S*|medium) (?:0\S*|medium) (?:0\S*|medium) \d"
)
# Outlook's rule above the header block of the mail it answers, in any language.
_OUTLOOK_RULE = re.compile(
    r"(?i)border-top\s*:\s*(?:solid #(?:e1e1e1|b5c4df)|#(?:e1e1e1|b5c4df)[^;]{0,20} solid)"
)
_SIGNATURE_NAME = re.compile(
    r"(?i)(?:^|[\s_-])(?:\w{0,20}_|ms-outlook-mobile-|apple-?mail-?)?signature(?:_?block)?(?=$|[\s_-])"
)
_FORWARDED = re.compile(FORWARDED, re.IGNORECASE)
_CITE_CLASSES = frozenset(("gmail_quote", "protonmail_quote", "tutanota_quote", "cite", "moz-quote"))
# Containers of attribution and quote; answers may stand inside, between the quotes.
_CONTAINER_CLASSES = frozenset(
    (
        "gmail_quote",
        "gmail_quote_container",
        "protonmail_quote",
        "zmail_extra",
        "tutanota_quote",
        "yahoo_quoted",
    )
)
_QUOTE_CLASSES = frozenset(("gmx_quote", "iwcquote"))
_WROTE_CLASSES = frozenset(
    ("gmail_attr", "moz-cite-prefix", "moz-email-headers-table-prefix", "gmail_quote_attribution")
)
_REST_NAMES = frozenset(
    (
        "divRplyFwdMsg", "appendonsend", "OLK_SRC_BODY_SECTION", "mail-editor-reference-message-container", "stopSpelling",
        "OutlookMessageHeader", "isForwardContent", "replySplit", "isReplyContent",
    )
)  # fmt: skip
_TARGET = re.compile(r"(?i)(?:https?://|ftp://|mailto:|tel:)[^\s<>]{1,2000}")
_SPACES = re.compile(r"[ \t\n\r\f]+")
_SHORT_ALT = 4
_UNSEEN = str.maketrans({"\xa0": " ", "\u200b": None, "\u00ad": None, "\u034f": None, "\u200c": None})


@dataclass(frozen=True, slots=True)
class Page:
    """A page as lines, none with trailing blanks, at most one empty line in a row."""

    lines: tuple[Line, ...] = ()

    def text(self) -> str:
        """All of it."""
        return _text(self.lines)

    def new_words(self, *, forwarded: bool = False) -> tuple[str, str]:
        """(what was written anew, what was marked as a signature); in a forwarded mail the older mail is kept."""
        words, signature = new_words(self.lines, forwarded=forwarded)
        return _text(words), _text(signature)


def read(tamed: str) -> Page:
    """The lines of a tamed page."""
    if "<" not in tamed and "&" not in tamed:
        return Page(tuple(laid_out(Line(one.rstrip()) for one in tamed.split("\n"))))
    body = LexborHTMLParser(tamed).body
    if body is None:
        return Page()
    walk = _Walk()
    walk.over(body)
    return Page(tuple(laid_out(walk.writer.finished())))


def _text(lines: Iterable[Line]) -> str:
    return clean("\n".join(line.text for line in lines).translate(_UNSEEN))


@dataclass(slots=True)
class _Table:
    """The rows met so far, each a list of cells, each a list of lines."""

    rows: list[list[list[Line]]] = field(default_factory=list)


class _Walk:
    """The state of one pass. `_enter` says what is to be done when the element is left; None hides it with all it holds."""

    def __init__(self) -> None:
        self.writer = Writer()
        self._preformatted = 0
        self._lists: list[int | None] = []
        self._tables: list[_Table] = []
        self._containers = 0

    def over(self, body: LexborNode) -> None:
        """Visit every node below `body` in order, without recursion."""
        open_: list[tuple[LexborNode, Callable[[], None]]] = []
        node = body.first_child
        while node is not None or open_:
            if node is None:
                node, leave = open_.pop()
                leave()
                node = node.next
                continue
            tag = node.tag or ""
            if tag == "-text":
                self._said(node.text_content or "")
            elif not tag.startswith(("-", "!", "_")):
                done = self._enter(node, tag)
                if done is not None:
                    open_.append((node, done))
                    node = node.first_child
                    continue
            node = node.next

    def _said(self, text: str) -> None:
        if not self._preformatted:
            self.writer.say(_SPACES.sub(" ", text))
            return
        first, *more = text.replace("\r\n", "\n").split("\n")
        self.writer.say(first, keep=True)
        for line in more:
            self.writer.end_line()
            self.writer.say(line, keep=True)

    def _enter(self, node: LexborNode, tag: str) -> Callable[[], None] | None:
        if tag == "br":
            self.writer.end_line()
            return None
        attributes = node.attributes
        style = attributes.get("style") or ""
        if (style and _hidden(style)) or "hidden" in attributes:
            return None
        leave = self._shape(node, tag, attributes, style)
        name = attributes.get("id") or ""
        classes = attributes.get("class") or ""
        if name or classes or style:
            leave = self._marked(node, name, classes, style, leave)
        return leave

    def _shape(
        self, node: LexborNode, tag: str, attributes: dict[str, str | None], style: str
    ) -> Callable[[], None] | None:
        if tag == "a":
            return self._link(attributes.get("href") or "")
        if tag == "img":
            alt = (attributes.get("alt") or "").strip()
            if alt and len(alt) <= _SHORT_ALT and not alt.isascii():
                self.writer.say(alt)
            return None
        if tag in _PARAGRAPHS:
            tight = (attributes.get("class") or "").startswith(("Mso", "xMso", "x_Mso")) or _TIGHT.search(
                style
            )
            return self._block(0 if tight else 1)
        if tag == "blockquote":
            return self._quotation(attributes, style)
        if tag in ("ul", "ol"):
            self._lists.append(_number(attributes.get("start")) if tag == "ol" else None)
            return self._then(self._block(0 if len(self._lists) > 1 else 1), self._lists.pop)
        if tag == "li":
            return self._nested(self._bullet(), "    ")
        if tag == "dd":
            return self._nested("    ", "    ")
        if tag == "pre" or _PREFORMATTED.search(style):
            self._preformatted += 1
            return self._then(self._block(1 if tag == "pre" else 0), self._less_preformatted)
        if tag in ("table", "tr", "td", "th"):
            return self._tabular(tag)
        return self._block(1 if tag == "hr" else 0) if tag in _BLOCKS else _nothing

    def _then(self, first: Callable[[], None], second: Callable[[], object]) -> Callable[[], None]:
        def leave() -> None:
            first()
            second()

        return leave

    def _less_preformatted(self) -> None:
        self._preformatted -= 1

    def _block(self, margin: int) -> Callable[[], None]:
        self.writer.break_block(margin)
        return lambda: self.writer.break_block(margin)

    def _nested(self, first: str, others: str) -> Callable[[], None]:
        """An element with lines of its own, which come back behind a prefix."""
        outer = self.writer
        outer.break_block(0)
        self.writer = Writer(outer.mark)

        def leave() -> None:
            outer.take(self._inner(outer), first, others)

        return leave

    def _inner(self, outer: Writer) -> list[Line]:
        """The lines of an inner element; where an older mail began inside it, it goes on outside."""
        inner, self.writer = self.writer, outer
        lines = inner.finished()
        if inner.mark == REST:
            outer.break_block(0)
            outer.mark = REST
        return lines

    def _bullet(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "  * "
        self._lists[-1] = number + 1
        return f"{number:2}. "

    def _quotation(self, attributes: dict[str, str | None], style: str) -> Callable[[], None]:
        classes = set((attributes.get("class") or "").lower().split())
        cited = (
            self._containers
            or attributes.get("type") == "cite"
            or "cite" in attributes
            or classes & _CITE_CLASSES
        )
        if not cited and not _CITED.search(style):
            return self._then(self._nested("    ", "    "), lambda: self.writer.break_block(1))
        outer = self.writer
        outer.break_block(1)
        self.writer = Writer(outer.mark)

        def leave() -> None:
            lines = laid_out(self._inner(outer))
            forwarded = bool(lines) and _FORWARDED.match(lines[0].text)
            prefix = "" if forwarded else "> "
            outer.take(lines, prefix, prefix)
            outer.break_block(1)

        return leave

    def _tabular(self, tag: str) -> Callable[[], None]:
        if tag == "table":
            self.writer.break_block(1)
            self._tables.append(_Table())
            return self._end_of_table
        if not self._tables:
            return self._block(0)
        if tag == "tr":
            self._tables[-1].rows.append([])
            return _nothing
        outer, rows = self.writer, self._tables[-1].rows
        self.writer = Writer(outer.mark)

        def leave() -> None:
            lines = laid_out(self._inner(outer))
            if not rows:
                rows.append([])
            rows[-1].append(lines)

        return leave

    def _end_of_table(self) -> None:
        self.writer.take_table(self._tables.pop().rows)
        self.writer.break_block(1)

    def _link(self, href: str) -> Callable[[], None]:
        target = _TARGET.fullmatch(href.strip())
        if not target:
            return _nothing
        writer = self.writer
        place = writer.place()

        def leave() -> None:
            if self.writer is writer:
                writer.name_target(place, target[0])

        return leave

    def _marked(
        self, node: LexborNode, name: str, classes: str, style: str, leave: Callable[[], None] | None
    ) -> Callable[[], None] | None:
        """What the ids and classes of mail programs say about an element: a quote, an attribution, a signature, or where the rest begins."""
        if leave is None:
            return None
        mark = _role(name, classes, style, node.tag == "blockquote")
        if mark == REST:
            self.writer.break_block(0)
            self.writer.mark_rest()
            return leave
        if mark == QUOTED and node.css_first("blockquote") is not None and _contains(classes):
            self._containers += 1
            return self._then(leave, self._end_of_container)
        if mark == NEW:
            return leave
        return self._with_mark(mark, leave)

    def _end_of_container(self) -> None:
        self._containers -= 1

    def _with_mark(self, mark: int, leave: Callable[[], None]) -> Callable[[], None]:
        writer = self.writer
        writer.break_block(0)
        before, writer.mark = writer.mark, mark if writer.mark == NEW else writer.mark
        start = writer.count()

        def closed() -> None:
            leave()
            writer.break_block(0)
            if writer.mark != REST:
                writer.mark = before
            if mark == QUOTED and _FORWARDED.match(writer.first_since(start)):
                writer.unmark_since(start)

        return closed


@lru_cache(maxsize=4096)
def _role(name: str, classes: str, style: str, blockquote: bool) -> int:
    """What an element with this id, these classes and this style is: a mark of `htmllines`. Pages repeat few of them often."""
    words = set(classes.split())
    if (
        name in _REST_NAMES
        or words & _REST_NAMES
        or ("border-top" in style.lower() and _OUTLOOK_RULE.search(style))
    ):
        return REST
    if words & _WROTE_CLASSES:
        return WROTE
    if words & (_QUOTE_CLASSES | _CONTAINER_CLASSES) and not blockquote:
        return QUOTED
    if _SIGNATURE_NAME.search(name) or (classes and _SIGNATURE_NAME.search(classes)):
        return SIGNATURE
    return NEW


def _contains(classes: str) -> bool:
    """Whether an element with these classes holds attribution and quote, and perhaps answers between the quotes."""
    return not _CONTAINER_CLASSES.isdisjoint(classes.split())


@lru_cache(maxsize=4096)
def _hidden(style: str) -> bool:
    return bool(_HIDDEN.search(style))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else 1


def _nothing() -> None:
    """Leaving an inline element changes nothing."""
