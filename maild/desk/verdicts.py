"""What people answer when they are told that their request is solved: that it is, how satisfied they are, or anything else.

Only words that can mean nothing else count: the whole text must consist of them, in one of the languages that maild ships.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from maild.desk.farewell import above_farewell

_LONGEST: Final = 300
"""Longer texts say more than that."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`confirmed`: it is solved, or thanks for it. `rating`: 1 (very dissatisfied) to 5 (very satisfied)."""

    confirmed: bool = False
    rating: int | None = None

    def __bool__(self) -> bool:
        return self.confirmed or self.rating is not None


RATINGS: Final[Mapping[str, tuple[str, str, str, str, str]]] = MappingProxyType(
    {
        "en": ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
        "es": ("muy insatisfecho", "insatisfecho", "neutral", "satisfecho", "muy satisfecho"),
        "de": ("sehr unzufrieden", "unzufrieden", "neutral", "zufrieden", "sehr zufrieden"),
        "fr": ("très insatisfait", "insatisfait", "neutre", "satisfait", "très satisfait"),
        "pt": ("muito insatisfeito", "insatisfeito", "neutro", "satisfeito", "muito satisfeito"),
        "nl": ("zeer ontevreden", "ontevreden", "neutraal", "tevreden", "zeer tevreden"),
        "it": ("molto insoddisfatto", "insoddisfatto", "neutro", "soddisfatto", "molto soddisfatto"),
    }
)
"""The words for 1 to 5, by language; mails to requesters show these."""

_SYNONYMS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "very unsatisfied": 1, "unsatisfied": 2, "very bad": 1, "excellent": 5, "very good": 5,
        "muy insatisfecha": 1, "insatisfecha": 2, "satisfecha": 4, "muy satisfecha": 5, "muy mal": 1, "muy bien": 5, "excelente": 5,
        "sehr schlecht": 1, "sehr gut": 5, "ausgezeichnet": 5,
        "tres insatisfaite": 1, "insatisfaite": 2, "satisfaite": 4, "tres satisfaite": 5, "tres mauvais": 1, "tres bien": 5,
        "muito insatisfeita": 1, "insatisfeita": 2, "satisfeita": 4, "muito satisfeita": 5, "muito mau": 1, "muito bom": 5,
        "heel ontevreden": 1, "heel tevreden": 5, "zeer slecht": 1, "zeer goed": 5, "uitstekend": 5,
        "molto insoddisfatta": 1, "insoddisfatta": 2, "soddisfatta": 4, "molto soddisfatta": 5, "molto male": 1, "molto bene": 5, "ottimo": 5,
    }
)  # fmt: skip

_STRONG: Final = r"""
    # en
    perfect | confirmed | yes | yep | yeah | yup | it did | it does | that (?:helped|worked|works|did it|solved it|fixed it) | this (?:helped|worked|works|solved it|fixed it)
    | (?:that|this|it) did the trick | it (?:helped|worked|works|is (?:solved|fixed|resolved|working)|s (?:solved|fixed|resolved|working|all good)) | its (?:solved|fixed|resolved|working)
    | (?:that|this) (?:is|has) (?:been )?(?:solved|fixed|resolved) | (?:works|working) | (?:solved|fixed|resolved) | (?:the )?(?:problem|issue) (?:is |was |has been )?(?:solved|fixed|resolved)
    | works (?:like a charm|great|well|fine|perfectly) | much appreciated | (?:i )?appreciate (?:it|your help) | everything (?:works|is (?:fine|working|ok)) | all (?:good|fine|set|is well) | (?:thanks|thank you|thankyou|thx|many thanks|cheers)
    | (?:(?:you can|you may|please) )?close (?:this (?:ticket|request)|the (?:ticket|request)|it|this) | please close
    # es
    | perfecto | si | ha funcionado | funciono | (?:ya )?funciona | (?:ya )?esta (?:resuelto|solucionado|arreglado) | (?:resuelto|solucionado|arreglado)
    | (?:el )?(?:problema|asunto) (?:(?:ya )?(?:esta|quedo|ha sido) )?(?:resuelto|solucionado) | me (?:ha servido|sirvio|ha ayudado|ayudo) | ya esta | todo (?:bien|correcto|en orden|funciona) | (?:muchas |mil )?gracias(?: por todo)?
    # de
    | perfekt | ja | es (?:hat geholfen|funktioniert|geht|klappt|passt|hat funktioniert|hat geklappt|laeuft|lauft) | jetzt (?:geht|klappt|funktioniert|laeuft|lauft) (?:es|s|alles) | (?:laeuft|lauft) wieder | passt | hat (?:geholfen|funktioniert|geklappt) | (?:das|dies) hat (?:geholfen|funktioniert|geklappt)
    | funktioniert | klappt | (?:ist )?(?:geloest|gelost|behoben|erledigt) | (?:das )?problem (?:ist )?(?:geloest|gelost|behoben|erledigt) | alles (?:gut|bestens|in ordnung|klar)
    | (?:vielen |besten |herzlichen )?dank | danke(?: schoen| schon)? | danke?schoen | dankeschon
    # fr
    | parfait | oui | (?:ca|cela) (?:marche|fonctionne|m a aide|a marche|a fonctionne) | c est (?:resolu|regle|bon) | (?:resolu|regle) | (?:le )?probleme (?:est )?(?:resolu|regle)
    | tout (?:marche|fonctionne|va bien|est (?:bon|regle|resolu)) | (?:un grand )?merci(?: beaucoup| bien| infiniment)?
    # pt
    | perfeito | sim | funcionou | (?:ja )?funciona | ajudou | (?:esta |ficou )?resolvido | (?:o )?problema (?:(?:esta|foi|ficou) )?resolvido | tudo (?:bem|certo|ok|a funcionar|funciona) | (?:muito )?obrigad[oa]
    # nl
    | het (?:werkt|heeft geholpen|is opgelost|doet het) | (?:dat|dit) (?:werkt|heeft geholpen|hielp|werkte) | werkt | opgelost | (?:het )?probleem (?:is )?opgelost | alles (?:werkt|goed|in orde)
    | (?:heel erg |hartelijk |veel )?(?:bedankt|dank)(?: je wel| u wel)? | dank(?: je| u)(?: wel)? | dankjewel | dankuwel
    # it
    | perfetto | si | (?:ora )?funziona | ha funzionato | (?:mi )?ha aiutato | (?:e )?risolto | (?:il )?problema (?:e )?(?:stato )?risolto | tutto (?:bene|ok|a posto|risolto|funziona) | (?:molte |tante |mille )?grazie(?: mille)?
    # without words
    | 👍 | ✅ | 🙏
    """
_FILLER: Final = r"""
    hi | hello | dear | hey | hola | buenos dias | buenas | hallo | guten tag | liebe[rs]? | sehr geehrte[rs]? | bonjour | salut | ola | ciao | buongiorno | beste | goedemorgen | goedemiddag
    | ok | okay | great | wonderful | excellent | super | awesome | good | fine | nice | now | again | very (?:much|good|helpful) | perfectly | so much | a lot | a million | i am | i m | (?:my )?rating | all | everyone | team | support | to all | for (?:the|your) (?:quick |fast |great |kind )?(?:help|support|answer|reply|solution)
    | genial | estupendo | ahora | perfectamente | de acuerdo | muy (?:bien|amable) | estoy | soy | de nuevo | vale | por (?:la|su|tu|vuestra) (?:rapida )?(?:ayuda|respuesta|solucion) | saludos(?: cordiales)? | un (?:cordial )?saludo | atentamente
    | prima | toll | sehr gut | ich bin | wunderbar | jetzt | wieder | sehr | fuer (?:die|ihre|eure|deine) (?:schnelle )?(?:hilfe|antwort|loesung|losung|unterstuetzung) | fur (?:die|ihre|eure|deine) (?:schnelle )?(?:hilfe|antwort|losung|unterstutzung) | (?:mit )?(?:freundlichen|besten|lieben|viele|schone|schoene) (?:gruessen|gruße|grussen|gruesse|grusse|gruss) | mfg | lg | vg
    | maintenant | d accord | tres bien | je suis | pour (?:votre|ton|l) (?:aide|reponse) | (?:bien )?cordialement | bien a vous
    | otimo | agora | muito bom | estou | pela (?:sua )?(?:ajuda|resposta) | (?:com os (?:melhores|meus) )?cumprimentos | atenciosamente
    | mooi | je | u | ik ben | top | nu | weer | voor (?:de|uw|je|jullie) (?:snelle )?(?:hulp|antwoord|reactie) | (?:met )?(?:vriendelijke )?groet(?:en|jes)?
    | adesso | ottimo | molto bene | sono | di nuovo | per (?:l |il )?(?:aiuto|risposta|supporto) | saluti | cordiali saluti
    | (?:kind|best|warm)? ?regards | best (?:wishes)? | cheers
    """


def _phrases(pattern: str) -> str:
    lines = (line for line in pattern.splitlines() if not line.strip().startswith("#"))
    parts = (part.strip() for part in " ".join(lines).split(" | "))
    cleaned = (part.removeprefix("|").strip() for part in parts)
    return "|".join(part.replace(" ", r"\ ") for part in sorted(filter(None, cleaned), key=len, reverse=True))


_CONFIRMS: Final = re.compile(rf"(?:^|(?<= ))(?:{_phrases(_STRONG)})(?= |$)")
_SAYS_NOTHING: Final = re.compile(rf"(?:^|(?<= ))(?:{_phrases(_FILLER)})(?= |$)")
_NUMBER: Final = re.compile(
    r"([1-5])(?:\s?(?:/|of|de|von|sur|van|su|out of)\s?5)?(?:\s?(?:stars?|points?|estrellas?|sterne?|etoiles?|estrelas?|sterren|stelle))?"
)
_STARS: Final = re.compile(r"[★⭐*]{1,5}")
_UNHAPPY: Final = re.compile(r"[:;=]['´]?-?[(\[/|\\]|[☹🙁😞😟😠😡😢😤😩😫😭🤬👎❌]")
_NEVER_NAMES: Final = frozenset(
    re.findall(
        r"\w+",
        "no not non nein nicht nao nee niet but aber pero mais mas maar ma still noch aun encore ancora ainda nog pas kein",
    )
)
"""Some people are called so; in an answer these words may turn its meaning."""


def _folded(text: str) -> str:
    """Lower case, no accents, one blank for whatever is no letter or figure."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    flat = "".join(char for char in plain if not unicodedata.combining(char))
    spaced = re.sub(r"([👍✅🙏])", r" \1 ", flat)
    return " ".join(re.sub(r"[^\w/★⭐*👍✅🙏]+", " ", spaced).split())


_BY_WORD: Final[Mapping[str, int]] = MappingProxyType(
    {_folded(word): at + 1 for words in RATINGS.values() for at, word in enumerate(words)} | dict(_SYNONYMS)
)

_WORDED: Final = re.compile(
    rf"(?<!\S)(?:{'|'.join(sorted((word for words in RATINGS.values() for word in map(_folded, words)), key=len, reverse=True))})(?!\S)"
)
"""How satisfied somebody is, said among other words."""


def verdict(text: str, names: Collection[str] = (), author: Collection[str] = ()) -> Verdict:
    """What these words (an answer without quotes and signature) say, if they say nothing else; a false verdict for all others.

    `names`: of the people who write to each other, which may stand in a greeting or below; `author`: those of whoever wrote
    this, below which lines about him may stand.
    """
    said = above_farewell(text, author)
    if len(said) > _LONGEST or any(mark in said for mark in "?¿？") or _UNHAPPY.search(said):
        return Verdict()
    plain = _folded(said)
    known = {word for name in (*names, *author) for word in _folded(name).split()} - _NEVER_NAMES
    plain = " ".join(word for word in plain.split() if word not in known)
    rating, rest = _rating(plain)
    rest, strong = _CONFIRMS.subn("", rest)
    rest = _SAYS_NOTHING.sub("", rest)
    if rest.strip() or (rating is None and not strong):
        return Verdict()
    return Verdict(
        bool(strong) and (rating is None or rating > 2), rating
    )  # who thanks for a 1 is not content


def _rating(plain: str) -> tuple[int | None, str]:
    """The rating at the beginning or the end, and what stands beside it."""
    if plain in _BY_WORD:
        return _BY_WORD[plain], ""
    for found in (_NUMBER.match(plain), _STARS.match(plain)):
        if found is not None and (found.end() == len(plain) or plain[found.end()] == " "):
            rest = plain[found.end() :].strip()
            number = int(found[1]) if found.re is _NUMBER else len(found[0])
            worded = _WORDED.match(rest)
            same = worded is not None and _BY_WORD[worded[0]] == number
            return number, rest[worded.end() :] if worded is not None and same else rest
    head, _, last = plain.rpartition(" ")
    if last in ("1", "2", "3", "4", "5"):
        return int(last), head
    worded = _WORDED.search(plain)
    if worded is not None:
        return _BY_WORD[worded[0]], f"{plain[: worded.start()]} {plain[worded.end() :]}".strip()
    return None, plain


def label(rating: int, language: str) -> str:
    """The word for 1 to 5 in this language, in English where maild does not speak it."""
    words = RATINGS.get(language.lower().partition("-")[0], RATINGS["en"])
    return words[rating - 1]
