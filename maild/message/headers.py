"""Header fields as people write them: folded, encoded (RFC 2047), raw 8-bit, with parameters (RFC 2045, RFC 2231)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable

from maild.message.charset import clean, codec_name, decode, decode_header

MAX_FIELDS = 1000
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
_CONTINUED = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*)?)?")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_MAX_PARAMETERS = 200


class Fields:
    """The header of one part: values as text on one line, found by name without case, in order of appearance.

    `items` are (name, value) pairs as the email package holds them: octets beyond ASCII as surrogates. `charset` is what raw 8-bit
    values are tried in when they are no UTF-8.
    """

    __slots__ = ("_by_name", "_charset", "_items", "_pairs")

    def __init__(self, items: Iterable[tuple[str, str]], charset: str | None = None) -> None:
        self._charset = charset
        self._by_name: dict[str, list[str]] = {}
        self._items: list[tuple[str, str]] = []
        self._pairs: tuple[tuple[str, str], ...] | None = None
        for name, value in items:
            self._by_name.setdefault(name.lower(), []).append(value)
            if len(self._items) < MAX_FIELDS:
                self._items.append((name, value))

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def names(self) -> Iterable[str]:
        """The field names that occur, in lower case."""
        return self._by_name

    def raw(self, name: str) -> list[str]:
        """The values of `name` (lower case), unfolded and readable, encoded words left as they are."""
        return [unfolded(value, self._charset) for value in self._by_name.get(name, ())]

    def all(self, name: str) -> list[str]:
        """The values of `name` (lower case), decoded, each on one line."""
        return [decoded(value, self._charset) for value in self._by_name.get(name, ())]

    def first(self, name: str) -> str:
        """The topmost value of `name` (lower case), decoded; "" when there is none."""
        values = self._by_name.get(name)
        return decoded(values[0], self._charset) if values else ""

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The first thousand fields as (name as written, decoded value)."""
        if self._pairs is None:
            self._pairs = tuple((decoded(name), decoded(value, self._charset)) for name, value in self._items)
        return self._pairs


def unfolded(value: str, charset: str | None = None) -> str:
    """A raw value on one line as clean text: 8-bit octets read as UTF-8 or `charset`, controls as a space."""
    if value.isascii():
        if value.isprintable():
            return value.strip()
    else:
        value = decode_header(value.encode("utf-8", "surrogateescape"), charset)
    if "\n" in value:
        value = _FOLD.sub("", value)
    return clean(_CONTROL.sub(" ", value)).strip()


def decoded(value: str, charset: str | None = None) -> str:
    """A raw value as the text its writer meant, on one line."""
    text = unfolded(value, charset)
    if "=?" not in text:
        return text
    return clean(_CONTROL.sub(" ", decode_words(text))).strip()


def decode_words(text: str) -> str:
    """Replace the encoded words of RFC 2047, also inside quotes, without the blanks around them, or with blanks in them.

    Words that stand beside each other are joined before they are decoded, because many programs cut characters in half.
    """
    out: list[str] = []
    pending: list[bytes] = []
    charset = ""
    position = 0
    for start, end, label, data in _words(text):
        between = text[position:start]
        if pending and between.strip(" \t"):
            out.append(decode(b"".join(pending), charset))
            pending = []
            out.append(between)
        elif pending and label != charset:
            out.append(decode(b"".join(pending), charset))
            pending = []
        elif not pending:
            out.append(between)
        pending.append(data)
        charset = label
        position = end
    if pending:
        out.append(decode(b"".join(pending), charset))
    out.append(text[position:])
    return "".join(out)


def _words(text: str) -> Iterable[tuple[int, int, str, bytes]]:
    """(start, end, charset, octets) of each encoded word (RFC 2047 §2); one pass, each end is looked for once."""
    position = text.find("=?")
    end = -1
    while position >= 0:
        following = position + 2
        mark = text.find("?", following, following + 80)
        if mark > 0 and text[mark + 1 : mark + 2] in "bBqQ" and text[mark + 2 : mark + 3] == "?":
            begin = mark + 3
            if end < begin:
                end = text.find("?=", begin)
                if end < 0:
                    return
            label = text[following:mark].partition("*")[0].lower()
            content = text[begin:end]
            if codec_name(label) and "=?" not in content:
                yield position, end + 2, label, _octets(text[mark + 1], content)
                following = end + 2
        position = text.find("=?", following)


def _octets(encoding: str, content: str) -> bytes:
    if encoding in "qQ":
        return binascii.a2b_qp(content.encode("utf-8", "surrogateescape"), header=True)
    letters = _NOT_BASE64.sub("", content)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return binascii.a2b_base64(letters + "=" * (-len(letters) % 4))


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """A structured value such as Content-Type: the part before the first `;` in lower case, and its parameters.

    Names are in lower case. RFC 2231 continuations and charsets are resolved, encoded words in values too.
    """
    pieces = _split(value)
    plain: dict[str, str] = {}
    extended: dict[str, list[tuple[int, bool, str]]] = {}
    for piece in pieces[1 : _MAX_PARAMETERS + 1]:
        name, equals, content = piece.partition("=")
        name = name.strip().lower()
        if not equals or not name:
            continue
        content = _unquoted(content.strip())
        continued = _CONTINUED.fullmatch(name)
        if continued:
            number, star = continued[2], bool(continued[3])
            coded = number is None or star
            extended.setdefault(continued[1], []).append((int(number or 0), coded, content))
        else:
            plain.setdefault(name, clean(decode_words(content)) if "=?" in content else content)
    for name, chunks in extended.items():
        plain[name] = _rejoined(sorted(chunks, key=lambda chunk: chunk[0]))
    return (pieces[0].strip().lower() if pieces else ""), plain


def _split(value: str) -> list[str]:
    """The pieces between semicolons that do not stand in quotes."""
    if '"' not in value:
        return value.split(";")
    pieces: list[str] = []
    start = 0
    quoted = escaped = False
    for index, char in enumerate(value):
        if escaped:
            escaped = False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            pieces.append(value[start:index])
            start = index + 1
    pieces.append(value[start:])
    return pieces


def _unquoted(content: str) -> str:
    if not content.startswith('"'):
        return content
    content = content[1:]
    end = len(content)
    index = 0
    while index < end:
        if content[index] == "\\":
            index += 1
        elif content[index] == '"':
            break
        index += 1
    # A backslash before a letter is a Windows path, not a quoted pair: only quotes and backslashes are escaped in practice.
    return content[:index].replace('\\"', '"').replace("\\\\", "\\")


def _rejoined(chunks: list[tuple[int, bool, str]]) -> str:
    """RFC 2231 §4: the charset stands in the first chunk; octets of all chunks are joined before they are decoded."""
    label: str | None = None
    octets = b""
    for index, (_, coded, content) in enumerate(chunks):
        if coded and index == 0 and content.count("'") >= 2:
            label, _, content = content.split("'", 2)
        encoded = content.encode("utf-8", "surrogateescape")
        octets += _ESCAPED.sub(lambda one: bytes([int(one[1], 16)]), encoded) if coded else encoded
    text = decode(octets, label)
    return clean(decode_words(text)) if "=?" in text else text


def statements(value: str) -> list[str] | None:
    """The pieces of a structured value between its semicolons, comments (RFC 5322 §3.2.2) taken out; None when a quote or comment is left
    open."""
    pieces: list[str] = []
    current: list[str] = []
    depth = 0
    quoted = escaped = False
    for char in value:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
        elif not quoted and char == "(":
            depth += 1
        elif not quoted and char == ")" and depth:
            depth -= 1
            char = " "
        elif not quoted and not depth and char == ";":
            pieces.append("".join(current))
            current = []
            continue
        if not depth:
            current.append(char)
    pieces.append("".join(current))
    return None if quoted or depth else pieces
