"""Octets to text: what was declared is a hint, what can be verified wins.

The order is: a byte order mark or a stateful encoding; valid UTF-8; the declared charset read as the WHATWG Encoding
Standard reads its label; a confident guess; windows-1252, which accepts anything.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

import chardet

_GUESS_OCTETS = 16_384
_CONFIDENT = 0.2
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# Encodings in which pure ASCII octets are not ASCII text, so that "valid UTF-8" proves nothing.
_STATEFUL = ("utf-16", "utf-32", "utf16", "utf32", "iso-2022", "iso2022", "csiso2022", "utf-7", "utf7", "hz")
# Labels whose meaning in the wild (WHATWG Encoding Standard §4.2) differs from the codec Python gives them.
_ALIASES = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "8bit": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp",
    "csiso2022jp": "iso2022_jp",
    "iso-8859-8-i": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "cp-850": "cp850",
    "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman",
}
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONG_RUN = re.compile(rb"[\x80-\xff]{4}")
_WESTERN = (
    "utf",
    "cp1250",
    "cp1252",
    "cp1254",
    "cp1257",
    "iso8859-1",
    "iso8859-2",
    "iso8859-9",
    "latin",
    "mac",
    "cp4",
    "cp8",
    "ascii",
)
_LABEL = re.compile(r"[a-z0-9][a-z0-9._:-]{0,40}")
_JAPANESE_ESCAPE = (b"\x1b$B", b"\x1b$@", b"\x1b(J")


@lru_cache(maxsize=256)
def codec_name(label: str | None) -> str | None:
    """The name of the Python text codec for a charset label as written in a mail, or None when there is none."""
    name = (label or "").strip("\"' \t;").lower()
    name = _ALIASES.get(name, name)
    if not _LABEL.fullmatch(name):
        return None
    if name.startswith("cp-"):
        name = "cp" + name[3:]
    try:
        info = codecs.lookup(name)
        # Python has codecs that are no charsets (base64, rot13, idna, undefined): only those that decode octets count.
        "a".encode(info.name).decode(info.name)
    except (LookupError, ValueError, TypeError):
        return None
    return None if info.name in ("idna", "punycode", "unicode_escape", "raw-unicode-escape") else info.name


def clean(text: str) -> str:
    """The text without NUL and lone surrogates, both replaced by U+FFFD: what a database and UTF-8 can hold."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if not text.isascii() and _SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def decode_header(data: bytes, label: str | None = None) -> str:
    """The text of raw 8-bit octets in a header, where nothing declares a charset; `label` is that of the body. Never fails.

    Octets beyond ASCII that stand in long runs are no Western text, whatever the body declares.
    """
    if (
        codec_name(label) in (None, "cp1252", "utf-8")
        and _LONG_RUN.search(data)
        and _strictly(data, "utf-8") is None
    ):
        guess = codec_name(chardet.detect(data[:_GUESS_OCTETS]).get("encoding"))
        text = _strictly(data, guess) if guess and not guess.startswith(_WESTERN) else None
        if text is not None:
            return clean(text)
    return decode(data, label)


def decode(data: bytes, label: str | None = None) -> str:
    """The text of `data`, whose declared charset is `label`. Never fails; the result is clean."""
    return clean(_decode(data, label))


def _decode(data: bytes, label: str | None) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    declared = codec_name(label)
    stateful = _is_stateful(data, label)
    if not stateful:
        if any(escape in data for escape in _JAPANESE_ESCAPE) and data.isascii():
            return _iso2022_jp(data)
        text = _strictly(data, "utf-8")
        if text is not None:
            return text
    if declared == "iso2022_jp" and stateful:
        return _iso2022_jp(data)
    if declared == "utf-8" and _nearly_utf8(data):
        return data.decode("utf-8", "replace")
    if declared and declared not in ("utf-8", "cp1252"):
        text = _strictly(data, declared)
        if text is not None:
            return text
    if declared == "cp1252" and label:
        return data.decode("cp1252", "replace")
    return _guessed(data, declared)


def _strictly(data: bytes, name: str) -> str | None:
    """The text when every octet has a meaning in the codec `name`; None when the declaration or the guess was wrong."""
    try:
        return data.decode(name)
    except (UnicodeError, ValueError):
        return None


def _is_stateful(data: bytes, label: str | None) -> bool:
    """Whether the label names an encoding in which ASCII octets mean something else, and the octets do not deny it."""
    name = (label or "").strip("\"' ").lower()
    return name.startswith(_STATEFUL) and (
        data.isascii() or name.startswith(("utf-16", "utf-32", "utf16", "utf32"))
    )


def _iso2022_jp(data: bytes) -> str:
    """ISO-2022-JP as it is sent: with the vendors' characters (①, ㈱, 髙), which Python's codec refuses and cp932 knows."""
    out: list[str] = []
    for piece in re.split(rb"(?=\x1b[$(])", data):
        if piece.startswith((b"\x1b$B", b"\x1b$@")):
            pairs = piece[3:]
            shifted = bytearray()
            for index in range(0, len(pairs) - 1, 2):
                shifted += _shifted(pairs[index], pairs[index + 1])
            out.append(shifted.decode("cp932", "replace"))
        elif piece.startswith(b"\x1b(I"):
            out.append(bytes(octet | 0x80 for octet in piece[3:]).decode("cp932", "replace"))
        else:
            content = piece[3:] if piece.startswith((b"\x1b(B", b"\x1b(J")) else piece
            out.append(content.decode("cp1252", "replace"))
    return "".join(out)


def _shifted(row: int, cell: int) -> bytes:
    """A JIS X 0208 pair as Shift_JIS octets; what is no pair is kept, so that line ends survive."""
    if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
        return bytes((row & 0x7F, cell & 0x7F))
    lead = ((row - 0x21) >> 1) + 0x81
    trail = cell + (0x1F if row & 1 else 0x7E)
    return bytes((lead + 0x40 if lead > 0x9F else lead, trail + 1 if row & 1 and trail >= 0x7F else trail))


def _nearly_utf8(data: bytes) -> bool:
    """Whether the damage is small: then replacing it loses less than another charset would."""
    text = data.decode("utf-8", "replace")
    beyond = sum(1 for char in text if char > "\x7f")
    return text.count("\ufffd") * 3 <= beyond


def _guessed(data: bytes, declared: str | None) -> str:
    guess = chardet.detect(data[:_GUESS_OCTETS])
    name = codec_name(guess.get("encoding"))
    if name and name != "utf-8" and (guess.get("confidence") or 0) > _CONFIDENT:
        text = _strictly(data, name)
        if text is not None:
            return text
    fallback = declared if declared and declared != "utf-8" else "cp1252"
    return data.decode(fallback, "replace")
