"""Where an answer ends and lines about its author begin that no `-- ` sets apart, as in most business mail: "Best regards", a name, a title, a telephone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Final

_MOST: Final = 12
_WIDEST: Final = 90
_WORD: Final = re.compile(r"\S+")
_FAREWELL: Final = re.compile(
    r"""(?:(?:with|my)\ )?(?:kind|kindest|best|warm|warmest|many)?\ ?regards|best(?:\ wishes)?|sincerely|yours(?:\ (?:sincerely|faithfully|truly))?|cheers
    |(?:muchos\ |cordiales\ )?saludos(?:\ cordiales)?|un(?:\ cordial)?\ (?:saludo|abrazo)|atentamente
    |(?:mit\ )?(?:freundlichen|freundliche|besten|beste|lieben|liebe|herzlichen|herzliche|viele|schone|schoene)\ gr(?:u|ue)sse?n?|(?:lieber\ |besten\ )?gruss|mfg|lg|vg
    |(?:bien\ )?cordialement|bien\ a\ vous|salutations(?:\ distinguees)?
    |(?:com\ os\ (?:melhores|meus)\ )?cumprimentos|atenciosamente|abracos?
    |(?:met\ )?(?:vriendelijke|hartelijke)\ groet(?:en)?|groet(?:en|jes)?|mvg
    |(?:cordiali|distinti)\ saluti|saluti""",
    re.VERBOSE,
)
_BEGINS_A_SENTENCE: Final = frozenset(
    _WORD.findall("""p.s. ps ps: p.s.: pd pd: i it its it's the this that my we you but and there please not no still now
    yo el la los las mi pero ya no aun todavia sin ich es der die das mein wir aber und bitte nicht kein leider noch
    je il elle le les mon nous mais et ne pas encore eu o os a as meu mas nao ainda ik het de mijn wij maar en niet nog geen
    io lo gli mio ma e non ancora""")
)


def _folded(text: str) -> str:
    flat = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return " ".join("".join(char for char in flat if not unicodedata.combining(char)).split())


def above_farewell(text: str, author: Collection[str]) -> str:
    """The text without its last lines, if these are a farewell and who the author is; the whole text when that is not clear.

    `author`: the names under which he writes; one of them must stand there, on a line of its own.
    """
    lines = text.splitlines()
    names = {word for name in author for word in _folded(name).split() if len(word) > 1}
    said = [at for at, line in enumerate(lines) if line.strip()]
    for at, line in enumerate(lines):
        below = [one for one in lines[at:] if one.strip()]
        if not said or at <= said[0] or len(below) > _MOST:
            continue
        parts = below[1:] if _FAREWELL.fullmatch(_folded(line).strip(" ,.!-")) else below
        if parts and _is_name(parts[0], names) and all(map(_about_him, parts[1:])):
            return "\n".join(lines[:at]).rstrip()
    return text


def _is_name(line: str, names: Collection[str]) -> bool:
    """Whether a line holds one of the names, and beside it only capitalised words or what is no word (`i. A.`, a comma)."""
    words = [word.strip(".,;:-–|()") for word in line.split()]
    return any(_folded(word) in names for word in words) and all(
        len(word) < 3 or word[0].isupper() or _folded(word) in names for word in words
    )


def _about_him(line: str) -> bool:
    """Whether a line is a title, a firm, an address or a number rather than a sentence."""
    words = line.split()
    if len(line) > _WIDEST or line.rstrip().endswith(("!", "?")) or _folded(words[0]) in _BEGINS_A_SENTENCE:
        return False
    plain = [word for word in words if not any(char in word for char in "@./:|+") and word[0].isalpha()]
    small = sum(word[0].islower() for word in plain)
    return small == 0 or small < len(plain) - small
