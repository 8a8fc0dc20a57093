"""What may be taken for "it is solved" or a rating, and what must not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.desk.verdicts import RATINGS, Verdict, label, verdict

NAMES = ("Ana Ruiz", "Pia Muster", "Acme Support")


@pytest.mark.parametrize(
    "text",
    [
        "Yes, thanks!", "Thanks", "Thank you very much!", "Solved, thank you.", "It works now. Thanks a lot, Ana", "Hi Ana,\n\nyes, that worked!\n\nBest regards\nPia",
        "You can close it. Thanks", "Problem solved", "Great, it works!", "Perfect", "It's fixed",
        "Gracias, ya funciona", "Muchas gracias por su rápida respuesta", "Sí",
        "Ja, danke!", "Vielen Dank, es funktioniert", "Es hat geklappt. Mit freundlichen Grüßen",
        "Merci beaucoup, ça marche", "Oui, c'est résolu", "Ça fonctionne, merci pour votre aide",
        "Sim, obrigado!", "Bedankt, het werkt", "Dank je wel", "Sì, grazie mille",
        "Yes please close", "Please close the ticket", "That did the trick, thanks!", "Very good, thank you!", "It works perfectly now, thank you",
        "The issue has been resolved, thanks", "Confirmed", "Much appreciated", "Thanks 👍", "👍🏼", "Gracias por todo", "Todo funciona", "El problema está resuelto",
        "De acuerdo, gracias", "Dankeschön", "Läuft wieder, danke", "Jetzt geht es, vielen Dank", "Passt, danke", "Danke! LG Pia", "Tout est réglé, merci",
        "Merci, bien cordialement", "O problema foi resolvido", "Dat heeft geholpen, dank je", "Tutto risolto, grazie", "Ottimo, grazie",
    ],
)  # fmt: skip
def test_confirms(text: str) -> None:
    assert verdict(text, NAMES) == Verdict(confirmed=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5", Verdict(rating=5)), (" 4. ", Verdict(rating=4)), ("5/5", Verdict(rating=5)), ("2 of 5", Verdict(rating=2)), ("★★★★", Verdict(rating=4)),
        ("3 stars", Verdict(rating=3)), ("very satisfied", Verdict(rating=5)), ("Muy satisfecha.", Verdict(rating=5)), ("unzufrieden", Verdict(rating=2)),
        ("Très satisfait", Verdict(rating=5)), ("5 (very satisfied)", Verdict(rating=5)), ("4, thanks", Verdict(True, 4)), ("Yes it helped. 5", Verdict(True, 5)),
        ("Very satisfied, thank you!", Verdict(True, 5)), ("I am very satisfied", Verdict(rating=5)), ("sehr zufrieden, danke", Verdict(True, 5)),
        ("5 (very satisfied), thanks", Verdict(True, 5)), ("Rating: 4", Verdict(rating=4)), ("1, thanks", Verdict(rating=1)), ("Muy insatisfecho, gracias", Verdict(rating=1)),
    ],
)  # fmt: skip
def test_rates(text: str, said: Verdict) -> None:
    assert verdict(text, NAMES) == said


@pytest.mark.parametrize(
    "text",
    [
        "", "No", "Thanks, but it still fails", "It did not help", "Yes but", "Thanks. One more question: how do I print?", "Could you close it?", "ok", "Great",
        "not solved", "5 printers are broken", "still not working", "I have 3", "Danke, aber es geht nicht", "Yes, it still crashes", "Thanks for nothing",
        "3 questions", "It works not", "6", "0", "no funciona", "ya no funciona", "Yes?", "funktioniert nicht", "ne marche pas", "non funziona", "5.10", "1 2",
        "Thanks " * 100, "Thanks 😡", "Thank you :(", "Yes :-(", "👎", "not satisfied", "nicht zufrieden", "no satisfecho", "5 dissatisfied", "Thanks？",
    ],
)  # fmt: skip
def test_says_something_else(text: str) -> None:
    assert not verdict(text, NAMES)


@pytest.mark.parametrize(
    ("text", "names"),
    [("No, thanks", ("Ana No",)), ("No, gracias", ("No, Kim",)), ("Non, merci", ("Ma Non",)), ("Thanks, still", ("Will Still",))],
)  # fmt: skip
def test_a_name_that_is_a_word_takes_no_meaning_away(text: str, names: tuple[str, ...]) -> None:
    assert not verdict(text, names)
    assert not verdict(text, (), names)


@pytest.mark.parametrize(
    "below",
    [
        "Best regards\nPia Muster\nHead of Purchasing\nGlobex GmbH, Main Street 5, 10115 Berlin\nTel. +49 30 1234567\nwww.globex.test",
        "Kind regards,\n\nPia Muster\nPurchasing", "Mit freundlichen Grüßen\n\ni. A. Pia Muster\nEinkauf\nGlobex GmbH", "MfG\nPia",
        "Un saludo,\nPia Muster\nCompras", "Bien cordialement,\nPia Muster\nAchats", "Cordiali saluti,\nPia Muster\nAcquisti",
        "Com os melhores cumprimentos,\nPia Muster\nCompras", "Met vriendelijke groet,\nPia Muster\nInkoop", "Pia Muster\nHead of Purchasing | Globex",
    ],
)  # fmt: skip
def test_lines_about_the_author_take_nothing_away(below: str) -> None:
    assert verdict(f"Yes, thanks!\n\n{below}", NAMES, ("Pia Muster",)) == Verdict(confirmed=True)
    assert verdict(f"4\n\n{below}", NAMES, ("Pia Muster",)) == Verdict(rating=4)
    assert not verdict(f"It burns again.\n\n{below}", NAMES, ("Pia Muster",))
    assert not verdict(f"Thanks!\n\n{below}\n\nPS: it burns again", NAMES, ("Pia Muster",))
    assert not verdict(f"Thanks!\n\n{below}\nBut the other printer burns", NAMES, ("Pia Muster",))


@pytest.mark.parametrize(
    "text",
    [
        "Thanks!\n\nRegards\nPia\n\nThe other printer smokes now", "Thanks!\nPia\nIt burns again", "Thanks!\n\nRegards\nSomebody Else\nHead of Fires",
        "Thanks!\n\nRegards\nPia, who still waits\nGlobex", "Thanks!\n\nRegards\nPia\nWhat now?",
    ],
)  # fmt: skip
def test_sentences_below_the_name_are_read(text: str) -> None:
    assert not verdict(text, NAMES, ("Pia Muster",))


@given(
    st.sampled_from(["not", "no", "but", "still", "pero", "aber", "mais", "ma", "maar", "nicht", "pas"]),
    st.integers(0, 4),
)
def test_a_word_more_and_it_is_not_clear(word: str, at: int) -> None:
    words = ["Yes", "it", "works", "now", "thanks"]
    assert not verdict(" ".join((*words[:at], word, *words[at:])))


def test_every_word_that_a_mail_offers_is_understood() -> None:
    for language, words in RATINGS.items():
        for number, word in enumerate(words, 1):
            assert label(number, language) == word
            assert verdict(f"{number} ({word})") == Verdict(rating=number)
            assert verdict(word.capitalize()).rating == number
    assert label(5, "tlh") == "very satisfied"


@given(st.text(max_size=200))
def test_any_text_has_a_verdict(text: str) -> None:
    assert isinstance(verdict(text, NAMES), Verdict)
