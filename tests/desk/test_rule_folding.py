"""Words are found in any script, without case, accents and typography, as whole words."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maild.desk.folding import fold, haystack, needle, tokens, where

WORDS = [
    # word, text, found
    ("outage", "OUTAGE!", True),
    ("outage", "outages", False),
    ("production down", "production   down", True),
    ("production down", "Production\r\n  Down, again", True),
    ("production down", "production is down", False),
    ("no funciona", "mi impresora NO FUNCIONÁ", True),
    ("uber", "über", True),
    ("ber", "über", False),
    ("ÜBER", "uber", True),
    ("u\u0308ber", "über", True),
    ("strasse", "Straße", True),
    ("STRASSE", "straße", True),
    ("istanbul", "ıstanbul", True),
    ("istanbul", "İstanbul", True),
    ("smorrebrod", "Smørrebrød", True),
    ("don't", "I don’t", True),
    ("don’t", "don't", True),
    ('say "yes"', "say “yes”", True),
    ("e-mail", "e–mail", True),
    ("e-mail", "email", False),
    ("C++", "my C++ code", True),
    ("C++", "my C code", False),
    ("error", "error_log", True),
    ("INV-12", "inv-12.", True),
    ("INV-12", "inv-123", False),
    ("office", "o\ufb03ce", True),
    ("invisible", "in\u00advis\u200bible", True),
    ("fullwidth", "ｆｕｌｌｗｉｄｔｈ", True),
    ("почта", "ПОЧТА", True),
    ("почта", "почтами", False),
    ("ΟΔΟΣ", "οδός", True),
    ("打印", "我无法打印文件", True),
    ("エラー", "システムエラーです", True),
    ("がく", "かく", False),
    ("พิมพ์", "ฉันพิมพ์ไม่ได้", True),
    ("พมพ", "พิมพ์", False),
    ("프린터", "프린터 고장", True),
    ("हिन", "हिन्दी", False),
    ("हिन्दी", "यह हिन्दी है", True),
    ("🔥", "production 🔥🔥", True),
    ("", "anything", False),
]


@pytest.mark.parametrize(("word", "text", "found"), WORDS)
def test_words(word, text, found):
    assert (bool(needle(word).strip()) and needle(word) in haystack(text)) == found
    assert (where(word, text) is not None) == found


def test_where_it_stands_as_written():
    text = "Hello,\nmi impresora no\n  FUNCIONÁ. Gracias"
    start, end = where("no funciona", text) or (0, 0)
    assert text[start:end] == "no\n  FUNCIONÁ."


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30))
@example("İ")
@example("ŉ")
@example("ﬃ´")
@example("\u1e9b\u0323")
@example("ΐ")
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_a_text_may_be_folded_in_parts(one, other):
    assert tokens(f"{one} {other}") == tokens(one) + tokens(other)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["ab", "a", "É", "打", "印", "-", "x1", "  ", "\n"]), max_size=12), st.data())
def test_every_run_of_tokens_is_found(pieces, data):
    text = " ".join(pieces)
    all_tokens = tokens(text)
    start = data.draw(st.integers(0, len(all_tokens)))
    part = all_tokens[start : data.draw(st.integers(start, len(all_tokens)))]
    if part:
        assert needle(" ".join(part)) in haystack(text)
        assert where(" ".join(part), text) is not None
