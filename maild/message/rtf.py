"""Rich Text as Outlook sends it inside winmail.dat: decompressed (MS-OXRTFCP), and read as text or as the HTML it wraps (MS-OXRTFEX)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from maild.message.charset import codec_name, decode

_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes"
    b" New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_COMPRESSED, _STORED = b"LZFu", b"MELA"
_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.IGNORECASE,
)
_SKIPPED = frozenset(
    [
        "fonttbl",
        "colortbl",
        "stylesheet",
        "info",
        "pict",
        "object",
        "header",
        "footer",
        "headerl",
        "headerr",
        "footerl",
        "footerr",
        "listtable",
        "listoverridetable",
        "rsidtbl",
        "generator",
        "themedata",
        "datastore",
        "xmlnstbl",
        "latentstyles",
        "fldinst",
    ]
)
_SAID = {
    "par": "\n", "line": "\n", "sect": "\n", "row": "\n", "page": "\n", "tab": "\t", "cell": "\t", "emdash": "—", "endash": "–",
    "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ",
}  # fmt: skip
_MAX_DEPTH = 500


@dataclass(frozen=True, slots=True)
class Said:
    """The words; `html` instead when the RTF only wraps a page."""

    text: str = ""
    html: str = ""


def decompress(data: bytes, limit: int) -> bytes:
    """The RTF of a compressed body, at most `limit` octets; b"" when it is none. Damage ends it early."""
    if len(data) < 16 or data[8:12] not in (_COMPRESSED, _STORED):
        return b""
    limit = min(limit, int.from_bytes(data[4:8], "little"))
    if data[8:12] == _STORED:
        return data[16 : 16 + limit]
    window = bytearray(_DICTIONARY.ljust(4096, b"\0"))
    write = len(_DICTIONARY)
    out = bytearray()
    position = 16
    while position < len(data) and len(out) < limit:
        control = data[position]
        position += 1
        for bit in range(8):
            if not control >> bit & 1:
                run = data[position : position + 1]
                position += 1
            else:
                token = int.from_bytes(data[position : position + 2], "big")
                position += 2
                if position > len(data) or token >> 4 == write:
                    return bytes(out[:limit])
                run = _copied(window, token >> 4, (token & 15) + 2, write)
            for octet in run:
                window[write] = octet
                write = (write + 1) % 4096
            out += run
    return bytes(out[:limit])


def _copied(window: bytearray, start: int, length: int, write: int) -> bytes:
    """`length` octets of the ring from `start`; where it reaches what it writes itself, that repeats."""
    distance = (write - start) % 4096 or 4096
    return bytes(window[(start + offset % distance) % 4096] for offset in range(length))


@dataclass(slots=True)
class _Group:
    """What holds inside braces: whether words are skipped, whether they are tags of the wrapped page, octets of a fallback."""

    skipped: bool = False
    tags: bool = False
    fallback: int = 1


@dataclass(slots=True)
class _Reader:
    wraps: bool
    page: str = "cp1252"
    out: list[str] = field(default_factory=list)
    octets: bytearray = field(default_factory=bytearray)
    stack: list[_Group] = field(default_factory=list)
    group: _Group = field(default_factory=_Group)
    muted: bool = False
    ignorable: bool = False
    to_skip: int = 0

    def flush(self) -> None:
        if self.octets:
            self.out.append(decode(bytes(self.octets), self.page))
            self.octets.clear()

    def say(self, text: str) -> None:
        if not self.group.skipped and (self.group.tags or not self.muted):
            self.flush()
            self.out.append(text)

    def raw(self, octets: bytes) -> None:
        cut = min(self.to_skip, len(octets))
        self.to_skip -= cut
        if not self.group.skipped and (self.group.tags or not self.muted):
            self.octets += octets[cut:]

    def brace(self, octet: bytes) -> None:
        self.to_skip = 0
        if octet == b"{":
            if len(self.stack) < _MAX_DEPTH:
                self.stack.append(self.group)
                self.group = _Group(self.group.skipped, self.group.tags, self.group.fallback)
        elif self.stack:
            self.flush()
            self.group = self.stack.pop()

    def word(self, name: str, number: int | None) -> None:
        ignorable, self.ignorable = self.ignorable, False
        if name == "htmltag":
            self.group.skipped = not self.wraps
            self.group.tags = True
        elif name == "htmlrtf":
            self.muted = self.wraps and number != 0
        elif name in _SKIPPED or ignorable:
            self.group.skipped = True
        elif name == "ansicpg" and number:
            self.page = codec_name(f"cp{number}") or self.page
        elif name == "uc" and number is not None:
            self.group.fallback = min(max(number, 0), 8)
        elif name == "u" and number is not None:
            self.say(chr(number & 0xFFFF) if not 0xD800 <= number & 0xFFFF <= 0xDFFF else "\ufffd")
            self.to_skip = self.group.fallback
        elif name in _SAID and not (
            self.wraps and name in ("par", "line", "tab") and self.group.tags and self.muted
        ):
            self.say(_SAID[name])


def read(source: bytes) -> Said:
    """The words of an RTF document, or the page it wraps."""
    reader = _Reader(b"\\fromhtml" in source[:2000])
    for match in _TOKEN.finditer(source):
        name, number, code, symbol, brace, words = match.groups()
        if name:
            reader.word(name.decode("ascii").lower(), int(number) if number else None)
        elif code:
            reader.raw(bytes([int(code, 16)]))
        elif brace:
            reader.brace(brace)
        elif words:
            reader.raw(words)
        elif symbol == b"*":
            reader.ignorable = True
        elif symbol in (b"\\", b"{", b"}"):
            reader.raw(symbol)
        elif symbol == b"~":
            reader.say("\xa0")
    reader.flush()
    text = "".join(reader.out).replace("\r\n", "\n").strip("\n\0 ")
    return Said(html=text) if reader.wraps else Said(text=text)
