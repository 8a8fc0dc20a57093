"""Text as words are compared: without case, accents and typography, in any script.

A text becomes tokens: a run of letters and digits is one, every other sign is one by itself, and so is each character of the
scripts that write no spaces between words (there a word may begin anywhere). Joined with single spaces, " like this ", a text
holds a word or a phrase exactly when it holds the phrase's own tokens so joined.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

JOINED = (  # scripts without spaces between words: Thai, Lao, Myanmar, Khmer, kana, bopomofo, Han
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029"
    "\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
)
_INDIC = "\u0900-\u0963\u0966-\u0dff"  # vowel signs are marks there, and part of the word
_TOKEN = re.compile(rf"[^\W_{JOINED}]+(?:[{_INDIC}]+[^\W_{JOINED}]*)*|\S")
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
    "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
_ALIKE = {
    "ı": "i", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ς": "σ",
    **dict.fromkeys("‘’‚‛′ʼ＇`´", "'"), **dict.fromkeys("“”„‟″«»", '"'), **dict.fromkeys("‐‑‒–—―−", "-"),
}  # fmt: skip
_UNLIKE = re.compile(f"[{''.join(_ALIKE)}]")


def _alike(text: str) -> str:
    return _UNLIKE.sub(lambda found: _ALIKE[found[0]], text)


def fold(text: str) -> str:
    """The text without case, accents, invisible characters and typographic quotes; folding it again changes nothing.

    Compatibility forms (full-width letters, ligatures) become the plain ones (Unicode's NFKD with full case folding), and letters
    that no accent makes (ß, ø, ı) the plain ones too. White space stays, so a text may be folded in parts.
    """
    if text.isascii():
        return text.lower().replace("`", "'")
    flat = unicodedata.normalize("NFKD", _alike(text)).casefold()
    return unicodedata.normalize("NFC", _alike(_ACCENTS.sub("", unicodedata.normalize("NFKD", flat))))


def tokens(text: str) -> list[str]:
    """The folded words and signs of a text, in order."""
    return _TOKEN.findall(fold(text))


def haystack(text: str) -> str:
    """The text's tokens as one text in which `needle(word)` occurs when the text holds the word."""
    return f" {' '.join(tokens(text))} "


def needle(word: str) -> str:
    """A word or phrase as it stands in a haystack; only spaces when nothing of it is left to find."""
    return haystack(word)


_REMEMBERED = 40  # characters; longer pieces are rare, and hostile mail is made of them


@lru_cache(maxsize=8192)
def _tokens_in(piece: str) -> int:
    return 1 if piece.isascii() and piece.isalnum() else len(tokens(piece))


@lru_cache(maxsize=4)
def _placed(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The haystack of a text, and for each of its tokens the piece between white space that it comes from: (start, end)."""
    spans: list[tuple[int, int]] = []
    for piece in re.finditer(r"\S+", text):
        short = len(piece[0]) <= _REMEMBERED
        spans += [piece.span()] * (_tokens_in(piece[0]) if short else len(tokens(piece[0])))
    return haystack(text), tuple(spans)


def where(word: str, text: str) -> tuple[int, int] | None:
    """Where the word stands in the text, as written there: (start, end), whole pieces between white space. None: nowhere."""
    wanted = needle(word)
    whole, spans = _placed(text)
    at = whole.find(wanted) if wanted.strip() else -1
    if at < 0:
        return None
    first = whole.count(" ", 0, at)
    return spans[first][0], spans[first + wanted.count(" ") - 2][1]
