"""The Jinja environment of an admin's templates: sandboxed, strict, and without the ways to make giants of small things."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from jinja2 import BaseLoader, StrictUndefined, TemplateNotFound
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from maild.delivery.guides import markdown

LAST_LANGUAGE: Final = "en"
OUTPUT_MAX = 20_000_000
_SEQUENCE_MAX = 1_000_000
_POWER_MAX = 4096
_NO_GLOBALS = ("lipsum", "cycler", "joiner", "namespace")
_NO_FILTERS = ("format", "center", "indent", "batch", "slice", "random", "pprint")
_NO_METHODS = frozenset(
    ("format", "format_map", "ljust", "rjust", "center", "zfill", "expandtabs", "replace")
)
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"]{1,2000}", re.IGNORECASE)
_GREY: Final = "color:#767676;border-left:2px solid #999999;padding-left:10px;margin:4px 0"


class Loader(BaseLoader):
    """The admin's files over the shipped ones; `shipped/…` always names the shipped one, for a template that extends it."""

    def __init__(self, shipped: Mapping[str, str], own: Mapping[str, str]) -> None:
        self.shipped, self.own = shipped, own

    def get_source(
        self, environment: Any, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source = self.own.get(template, self.shipped.get(template))
        if source is None and template.startswith("shipped/"):
            source = self.shipped.get(template.removeprefix("shipped/"))
        if source is None:
            raise TemplateNotFound(template)
        return source, template, lambda: True


class Environment(SandboxedEnvironment):
    """Escapes in *.html; no arithmetic, filter or method whose result can be very much larger than what went in."""

    intercepted_binops = frozenset(("*", "**", "+", "%"))

    def __init__(self, loader: Loader) -> None:
        super().__init__(
            loader=loader,
            undefined=StrictUndefined,
            autoescape=_is_html,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        for name in _NO_GLOBALS:
            del self.globals[name]
        for name in _NO_FILTERS:
            del self.filters[name]
        self.filters |= {"as_html": as_html, "markdown": markdown, "word": word}

        self._words: dict[str, dict[str, object]] = {}

    def words(self, language: str) -> dict[str, object]:
        """What words.txt of the language sets, over the English ones, so that a word still missing is an English one."""
        if language not in self._words:
            words: dict[str, object] = {}
            for folder in (LAST_LANGUAGE, *reversed([*look_up((language,))][1:]), language):
                try:
                    module = self.get_template(f"mail/{folder}/words.txt").module
                except TemplateNotFound:
                    continue
                # no macros: what one of a .txt makes is not escaped, and would count as safe in a .html
                words |= {
                    name: value
                    for name, value in vars(module).items()
                    if not name.startswith("_") and isinstance(value, (str, int, dict, list, tuple))
                }
            self._words[language] = words
        return self._words[language]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Raises SecurityError when the result would be a giant."""
        sizes = [len(value) for value in (left, right) if isinstance(value, (str, list, tuple))]
        if operator == "*" and sizes:
            times = right if isinstance(left, (str, list, tuple)) else left
            if isinstance(times, int) and sizes[0] * times > _SEQUENCE_MAX:
                raise SecurityError("this multiplication makes too long a text")
        elif operator == "+" and sum(sizes) > OUTPUT_MAX:
            raise SecurityError("this addition makes too long a text")
        elif operator == "**" and _bits(left) * abs(right if isinstance(right, int) else 1) > _POWER_MAX:
            raise SecurityError("this power makes too large a number")
        elif operator == "%" and isinstance(left, str):
            raise SecurityError("a text cannot be formatted with %: use ~ to join")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`ticket.due.update` is the entry of that name, never the method of dictionaries."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def wrap_str_format(self, value: Any) -> None:
        """Nothing stands in for str.format, which is refused like the other methods that pad."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in _NO_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)


def look_up(tags: Iterable[str]) -> Iterator[str]:
    """RFC 4647 §3.4: each language tag, then shorter and shorter ones, in lower case."""
    for tag in tags:
        parts = tag.lower().replace("_", "-").split("-")
        for length in range(len(parts), 0, -1):
            yield "-".join(parts[:length])


def _bits(value: object) -> int:
    return value.bit_length() if isinstance(value, int) else 1


def _is_html(name: str | None) -> bool:
    return name is not None and name.endswith(".html")


def word(value: object, words: Mapping[str, object]) -> object:
    """`{{ ticket.state|word(w.states) }}`: the word for a value, the value itself when there is none."""
    return words.get(str(value), value)


def as_html(text: str) -> Markup:
    """`{{ message.text|as_html }}`: a plain text as HTML. Everything is escaped; line breaks and spaces are kept, addresses
    of the web and mail become links that show where they lead, quoted lines are grey."""
    pieces: list[str] = []
    for quoted, lines in groupby(
        text.replace("\r\n", "\n").rstrip().split("\n"), lambda line: line.startswith(">")
    ):
        block = "<br>\n".join(_linked(line) for line in lines)
        pieces.append(f'<div style="{_GREY}">{block}</div>' if quoted else block)
    return Markup("\n".join(pieces))  # noqa: S704  each piece is escaped in _linked


def _linked(line: str) -> str:
    if ":" not in line:
        return _spaced(line)
    made = ""
    at = 0
    for match in _LINK.finditer(line):
        link = match[0].rstrip(".,;:!?'")
        if "(" not in link:
            link = link.rstrip(")")
        shown = escape(link)
        made += f'{_spaced(line[at : match.start()])}<a href="{shown}">{shown}</a>'
        at = match.start() + len(link)
    return made + _spaced(line[at:])


def _spaced(text: str) -> str:
    return str(escape(text)).replace("\t", "    ").replace("  ", "&nbsp; ")
