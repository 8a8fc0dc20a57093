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


# What is closed, opened again or asked about
_OBJECT: Final = r"(?: (?:it|this|(?:the|this|my) (?:ticket|request|case)))?"
_OBJETO: Final = r"(?: (?:el|la|este|esta|mi) (?:ticket|tique|solicitud|consulta|caso))?"
_SACHE: Final = r"(?:es|das|dies|(?:(?:das|dieses|mein) )?(?:ticket|anliegen)|(?:(?:die|diese|meine) )?anfrage|(?:den|diesen|meinen) fall)"
_DEMANDE: Final = r"(?: (?:la|cette|ma) (?:demande|requete)| (?:le|ce|mon) (?:ticket|dossier))?"
_PEDIDO: Final = r"(?: (?:o|este|meu|o meu) (?:ticket|pedido|chamado|caso)| (?:a|esta|minha|a minha) (?:solicitacao|consulta))?"
_VERZOEK: Final = r"(?:(?:(?:het|dit|mijn) )?(?:ticket|verzoek)|(?:(?:de|deze|mijn) )?(?:aanvraag|melding))"
_RICHIESTA: Final = (
    r"(?: (?:la|questa|la mia) (?:richiesta|segnalazione)| (?:il|questo|il mio) (?:ticket|caso))?"
)

# The words are folded: no accents, `ss` for `ß`, one blank for what is no letter, nothing polite.
_WORDS: Final[Mapping[tuple[Request, str], re.Pattern[str]]] = MappingProxyType(
    {
        (Request.CLOSE, "en"): re.compile(rf"(?:(?:you (?:can|may)|can you|could you|please)(?: now)? )?close{_OBJECT}(?: now)?"),
        (Request.CLOSE, "es"): re.compile(rf"(?:puedes? |pueden )?(?:cerrar|cierra|cierre|cierren|cierralo|cierrelo|cierrenlo){_OBJETO}"),
        (Request.CLOSE, "de"): re.compile(
            rf"(?:(?:sie koe?nnen|koe?nnt?en sie) )?(?:{_SACHE} )?(?:jetzt )?schliessen|schliess(?:e|en sie) {_SACHE}(?: jetzt)?"
            rf"|{_SACHE} kann (?:jetzt )?geschlossen werden"
        ),
        (Request.CLOSE, "fr"): re.compile(
            rf"(?:(?:de|veuillez|vous pouvez|(?:pouvez|pourriez)[ -]vous) )?(?:fermer|clore|cloturer){_DEMANDE}|(?:fermez|cloturez){_DEMANDE}"
        ),
        (Request.CLOSE, "pt"): re.compile(rf"(?:podem? )?(?:fechar|feche|fechem|encerrar|encerre|encerrem){_PEDIDO}"),
        (Request.CLOSE, "nl"): re.compile(
            rf"(?:(?:u|jullie) (?:kunt|kan|kunnen|mag|mogen) |(?:kunt|wilt) u )?(?:{_VERZOEK} )?(?:nu )?(?:af)?sluiten"
            rf"|sluit(?: {_VERZOEK})?(?: (?:nu|af|maar))?|{_VERZOEK} (?:kan|mag) (?:gesloten worden|worden gesloten)"
        ),
        (Request.CLOSE, "it"): re.compile(
            rf"(?:(?:puo|potete|potrebbe|potreste) )?(?:chiudere|chiudi|chiuda|chiudete){_RICHIESTA}|(?:(?:puo|potete) )?(?:chiuderl[ao]|chiudetel[ao])"
        ),
        (Request.REOPEN, "en"): re.compile(rf"(?:(?:can you|could you|please) )?re-?open{_OBJECT}(?: again)?"),
        (Request.REOPEN, "es"): re.compile(rf"(?:puedes? |pueden )?(?:reabrir|reabre|reabra|reabran|reabralo){_OBJETO}"),
        (Request.REOPEN, "de"): re.compile(rf"(?:koe?nnt?en sie )?(?:{_SACHE} )?(?:wieder|erneut|neu|nochmals?)[ -]?(?:er)?oe?ffnen"),
        (Request.REOPEN, "fr"): re.compile(rf"(?:(?:de|veuillez|(?:pouvez|pourriez)[ -]vous) )?(?:rouvrir|reouvrir|rouvrez|reouvrez){_DEMANDE}"),
        (Request.REOPEN, "pt"): re.compile(rf"(?:podem? )?(?:reabrir|reabra|reabram){_PEDIDO}"),
        (Request.REOPEN, "nl"): re.compile(
            rf"(?:(?:kunt|wilt) u )?(?:{_VERZOEK} )?(?:heropenen|(?:opnieuw|weer) openen)|heropen(?: {_VERZOEK})?"
        ),
        (Request.REOPEN, "it"): re.compile(
            rf"(?:(?:puo|potete|potrebbe|potreste) )?(?:riaprire|riapri|riapra|riaprite){_RICHIESTA}|(?:(?:puo|potete) )?riaprirl[ao]"
        ),
        (Request.STATUS, "en"): re.compile(r"(?:what is the )?status(?: of (?:it|this|(?:the|this|my) (?:ticket|request|case)))?"),
        (Request.STATUS, "es"): re.compile(rf"(?:cual es el )?estado(?: de{_OBJETO})?"),
        (Request.STATUS, "de"): re.compile(
            r"(?:(?:wie|was) ist der (?:aktuelle )?(?:status|stand)|status|sachstand|stand der dinge|aktueller stand)"
            r"(?: (?:der|meiner|dieser) anfrage| (?:des|meines|dieses) (?:tickets|anliegens))?"
        ),
        (Request.STATUS, "fr"): re.compile(
            r"(?:quel est (?:le |l ))?(?:statut|etat)(?: de (?:la|cette|ma) demande| du (?:ticket|dossier)| de (?:ce|mon) (?:ticket|dossier))?"
            r"|ou en est (?:la|cette|ma) demande|ou en est (?:le|ce|mon) (?:ticket|dossier)"
        ),
        (Request.STATUS, "pt"): re.compile(
            r"(?:qual e o )?(?:estado|status)(?: d(?:o(?: meu)?|este|e meu) (?:ticket|pedido|chamado|caso)| d(?:a(?: minha)?|esta) (?:solicitacao|consulta))?"
        ),
        (Request.STATUS, "nl"): re.compile(rf"(?:wat is de )?(?:status|stand van zaken)(?: van {_VERZOEK})?|hoe staat het met {_VERZOEK}"),
        (Request.STATUS, "it"): re.compile(
            r"(?:qual e lo )?stato(?: della(?: mia)? (?:richiesta|segnalazione)| di questa (?:richiesta|segnalazione)| del(?: mio)? (?:ticket|caso))?"
            r"|a che punto e (?:(?:la|questa|la mia) (?:richiesta|segnalazione)|(?:il|questo|il mio) (?:ticket|caso))"
        ),
        (Request.HELP, "en"): re.compile(r"help"),
        (Request.HELP, "es"): re.compile(r"ayuda"),
        (Request.HELP, "de"): re.compile(r"hilfe"),
        (Request.HELP, "fr"): re.compile(r"aide|a l aide"),
        (Request.HELP, "pt"): re.compile(r"ajuda"),
        (Request.HELP, "nl"): re.compile(r"help|hulp"),
        (Request.HELP, "it"): re.compile(r"aiuto"),
    }
)  # fmt: skip
"""By what is asked and the language in which. A word that several languages share stands under each."""
_POLITE = re.compile(
    r"""\b(?:
    please|thank\ you|thanks(?:\ you)?|por\ favor|(?:muchas\ )?gracias
    |bitte|(?:vielen|besten|herzlichen)\ dank|danke(?:\ ?schoe?n)?
    |s\ il\ (?:vous|te)\ plait|svp|stp|merci(?:\ beaucoup|\ bien|\ d\ avance)?
    |se\ faz\ favor|(?:muito\ )?obrigad[oa]
    |alstublieft|alsjeblieft|aub|a\ u\ b|graag|(?:alvast\ |hartelijk\ )?bedankt|dank\ (?:u|je)(?:\ wel)?|dankjewel
    |per\ (?:favore|piacere|cortesia)|grazie(?:\ mille)?
    )\b""",
    re.VERBOSE,
)


def _folded(text: str) -> str:
    """Lower case, no accents, no punctuation, no politeness."""
    flat = "".join(
        char
        for char in unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
        if not unicodedata.combining(char)
    )
    words = re.sub(r"[^\w-]+", " ", flat)
    return " ".join(_POLITE.sub(" ", words).split())


def _found(text: str) -> tuple[Request, tuple[str, ...]] | None:
    """What is asked, and the languages in which these words ask it."""
    if len(text) > _LONGEST or "#" in text:  # a requester's # lines are plain text (CONTRACT §4)
        return None
    plain = _folded(text)
    found = [asked for asked, words in _WORDS.items() if words.fullmatch(plain)]
    return (found[0][0], tuple(language for _, language in found)) if found else None


def read(text: str) -> Request | None:
    """The request that these words are, and nothing else with them."""
    found = _found(text)
    return found[0] if found else None


def languages_of(mail: Mail) -> tuple[str, ...]:
    """The languages in which a mail of one word may ask; none when it asks nothing."""
    found = _found(bare(mail.subject)) or _found(mail.reply)
    return found[1] if found else ()


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
