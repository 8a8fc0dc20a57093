"""The language of new words, as a BCP 47 tag."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_ENOUGH_LETTERS = 20
_CERTAIN = 0.5
_SAMPLE = 160
_NO_WORDS = re.compile(r"\S{1,200}(?:@|://)\S{0,400}|[\d_#*=<>|/\\-]+")
# One ideograph or syllable says as much as three letters of an alphabet.
_DENSE = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_TAGS = {"no": "nb", "zxx": None}


@cache
def _identifier() -> Any:
    """The model, loaded when the first text is long enough: it takes most of a second and 80 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def detect(text: str) -> str | None:
    """The language of `text`, or None when it has fewer than about twenty letters or could as well be another."""
    sample = " ".join(_NO_WORDS.sub(" ", text[: 2 * _SAMPLE]).split())[:_SAMPLE]
    letters = sum(map(str.isalpha, sample)) + 2 * len(_DENSE.findall(sample))
    if letters < _ENOUGH_LETTERS:
        return None
    tag, probability = _identifier().classify(sample)
    return _TAGS.get(tag, tag) if probability >= _CERTAIN else None
