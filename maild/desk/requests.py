"""What people of the requester's side ask in a word by mail: `close`, `reopen`, `status`, `help`, in the languages that maild ships.

Here are only the words. Whether somebody may ask is a matter of evidence (CONTRACT §4).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from maild.desk.facts import Mail
from maild.desk.questions import bare

_LONGEST: Final = 80


class Request(StrEnum):
    CLOSE = "close"
    REOPEN = "reopen"
    STATUS = "status"
    HELP = "help"


_OBJECT: Final = r"(?: (?:it|this|(?:the|this|my) (?:ticket|request|case)))?"
_OBJETO: Final = r"(?: (?:el|la|este|esta|mi) (?:ticket|tique|solicitud|consulta|caso))?"
_WORDS: Final[Mapping[tuple[Request, str], re.Pattern[str]]] = MappingProxyType(
    {
        (Request.CLOSE, "en"): re.compile(rf"(?:(?:you (?:can|may)|can you|could you|please)(?: now)? )?close{_OBJECT}(?: now)?"),
        (Request.CLOSE, "es"): re.compile(rf"(?:puedes? |pueden )?(?:cerrar|cierra|cierre|cierren|cierralo|cierrelo|cierrenlo){_OBJETO}"),
        (Request.REOPEN, "en"): re.compile(rf"(?:(?:can you|could you|please) )?re-?open{_OBJECT}(?: again)?"),
        (Request.REOPEN, "es"): re.compile(rf"(?:puedes? |pueden )?(?:reabrir|reabre|reabra|reabran|reabralo){_OBJETO}"),
        (Request.STATUS, "en"): re.compile(r"(?:what is the )?status(?: of (?:it|this|(?:the|this|my) (?:ticket|request|case)))?"),
        (Request.STATUS, "es"): re.compile(rf"(?:cual es el )?estado(?: de{_OBJETO})?"),
        (Request.HELP, "en"): re.compile(r"help"),
        (Request.HELP, "es"): re.compile(r"ayuda"),
    }
)  # fmt: skip
"""By what is asked and the language in which."""
_POLITE = re.compile(r"\b(?:please|por favor|thanks?(?: you)?|thank you|gracias)\b")


def _folded(text: str) -> str:
    """Lower case, no accents, no punctuation, no politeness."""
    flat = "".join(
        char for char in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(char)
    )
    words = re.sub(r"[^\w-]+", " ", flat)
    return " ".join(_POLITE.sub(" ", words).split())


def _found(text: str) -> tuple[Request, str] | None:
    if len(text) > _LONGEST or "#" in text:  # a requester's # lines are plain text (CONTRACT §4)
        return None
    plain = _folded(text)
    return next((asked for asked, words in _WORDS.items() if words.fullmatch(plain)), None)


def read(text: str) -> Request | None:
    """The request that these words are, and nothing else with them."""
    found = _found(text)
    return found[0] if found else None


def language_of(mail: Mail) -> str | None:
    """The language in which a mail of one word asks; None when it asks nothing."""
    found = _found(bare(mail.subject)) or _found(mail.reply)
    return found[1] if found else None


def in_reply(mail: Mail) -> Request | None:
    """What the only words of an answer ask."""
    return read(mail.reply)


def in_subject(mail: Mail) -> Request | None:
    """What a mail asks whose only word stands in the subject, in the text, or in both."""
    subject, said = bare(mail.subject), mail.reply.strip()
    if not subject:
        return read(said)
    asked = read(subject)
    return asked if not said or read(said) is asked else None
