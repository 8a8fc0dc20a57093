"""The language of new words, as a BCP 47 tag."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

_ENOUGH_LETTERS = 20
_CERTAIN = 0.5
_SURE = 0.75  # when the common words speak for another
_SAMPLE = 160
_ENOUGH_WORDS = 4
_NO_WORDS = re.compile(r"\S{1,200}(?:@|://)\S{0,400}|[\d_#*=<>|/\\-]+")
# One ideograph or syllable says as much as three letters of an alphabet.
_DENSE = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_TAGS = {"no": "nb", "zxx": None}
# Regional relatives that take a part of the evidence of short texts, and in which hardly anybody writes to a desk.
_KIN = {
    "ext": "es",
    "an": "es",
    "ast": "es",
    "pcm": "en",
    "wa": "fr",
    "vec": "it",
    "lij": "it",
    "lmo": "it",
    "scn": "it",
}
_WORD = re.compile(r"[^\W\d_]+")
# Words no text of a language does without. Languages that share most of theirs (Danish and Norwegian) are left to the model.
_COMMON = {
    "en": "the and is of to that you it for we are this with have not be on my i what when can please your our was would has in at from by an if do but all so they there no as me could any",
    "de": "der die das und ist nicht ich sie wir ein eine mit auf für zu den von dem wie auch noch bei habe haben bitte mir uns es kann",
    "fr": "le la les et est je vous nous ne pas que des une pour dans sur avec du mon ma ce votre j ai il sont être au",
    "es": "el la los las y es que de en un una por para con no se me mi su lo le del pero está tengo como cuando",
    "it": "il lo la gli e è che di un una per non con mi ci sono del della ho come quando si da questo grazie nel",
    "nl": "de het een en is niet ik u wij dat van op met voor te zijn mijn er aan om wat maar kan hebben heb deze uw",
    "pt": "o a os as e é que de um uma para com não por do da em me meu minha se no na está são mais isso você",
    "sv": "och är att det som en ett jag inte på med för av vi har den till kan om från när mig min hej",
    "pl": "i w na nie się jest że do z to o jak proszę mam dla od po ale czy są mnie jestem przez który",
}


@cache
def _languages() -> dict[str, tuple[str, ...]]:
    """Each common word with the languages it is one of."""
    found: dict[str, list[str]] = {}
    for tag, words in _COMMON.items():
        for word in words.split():
            found.setdefault(word, []).append(tag)
    return {word: tuple(tags) for word, tags in found.items()}


_hold: Callable[[memoryview], memoryview] = memoryview


def hold_tables(hold: Callable[[memoryview], memoryview]) -> None:
    """The model's tables, 66 MB, shall be what `hold` makes of them: the same octets, but perhaps not in memory. To be said before the first text."""
    global _hold
    _hold = hold


@cache
def _identifier() -> Any:
    """The model, loaded when the first text needs it, which takes most of a second."""
    import numpy as np
    from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
    from py3langid.modelio import load_model

    weights, priors, classes, moves, rows, features = load_model(MODEL_DIR / MODEL_FILE)
    held, kind = _hold(memoryview(weights).cast("B")), weights.dtype
    weights = np.frombuffer(held, kind).reshape(weights.shape)
    moves = _hold(memoryview(moves).cast("B")).cast(moves.typecode)
    return LanguageIdentifier(weights, priors, classes, moves, features, norm_probs=True, tk_row=rows)


def detect(text: str) -> str | None:
    """The language of `text`, or None when it has fewer than about twenty letters or could as well be another."""
    sample = " ".join(_NO_WORDS.sub(" ", text[: 2 * _SAMPLE]).split())[:_SAMPLE]
    dense = 0 if sample.isascii() else len(_DENSE.findall(sample))
    if sum(map(str.isalpha, sample)) + 2 * dense < _ENOUGH_LETTERS:
        return None
    plain = None if dense else _by_common_words(sample)
    if plain:
        return plain
    tag, probability = _likeliest(sample)
    said = _TAGS.get(tag, tag)
    found = _counted(_words(sample))
    doubtful = max(found.values(), default=0) > found.get(said or "", 0)
    return said if probability >= (_SURE if doubtful else _CERTAIN) else None


def _likeliest(sample: str) -> tuple[str, float]:
    """The model's language, with its probability and that of its regional relatives."""
    ranked = [(_KIN.get(tag, tag), float(probability)) for tag, probability in _identifier().rank(sample)]
    first = ranked[0][0]
    return first, sum(probability for tag, probability in ranked if tag == first)


def _words(sample: str) -> set[str]:
    return set(_WORD.findall(sample.lower()))


def _counted(words: set[str]) -> dict[str, int]:
    """How many of these are common words of each language that has any."""
    known = _languages()
    found: dict[str, int] = {}
    for word in words:
        for tag in known.get(word, ()):
            found[tag] = found.get(tag, 0) + 1
    return found


def _by_common_words(sample: str) -> str | None:
    """The language whose common words make up much of the sample and leave no doubt; None sends it to the slower model."""
    words = _words(sample)
    found = _counted(words)
    if not found:
        return None
    first = max(found, key=lambda tag: found[tag])
    most = found.pop(first)
    second = max(found.values(), default=0)
    return first if most >= _ENOUGH_WORDS and 5 * most >= len(words) and most >= 3 * second else None
