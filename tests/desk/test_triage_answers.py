"""Answers to numbered questions, in the ways in which mail programs and people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.desk.triage_answers import ALONE_MAX, alone, answers, numbers, own_words

QUESTIONS = {
    1: ("What were you doing?", "¿Qué estaba haciendo?"),
    2: ("What did you expect to happen?", "¿Qué esperaba que ocurriera?"),
    3: ("Which version do you use?", "¿Qué versión usa?"),
    4: ("Please send a screenshot.", "Por favor, envíe una captura."),
}
OURS = """\
Hello Carla,

thank you for writing to us. Your request has arrived; its number is 12.

What we need from you
1. What were you doing?
2. What did you expect to happen?

Just answer this mail, with the numbers or between the lines.

What happens next
Somebody reads your request and answers you by mail as soon as possible.
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1. printing\n2. nothing", {1: "printing", 2: "nothing"}),
        ("1) printing\n2) nothing", {1: "printing", 2: "nothing"}),
        ("1: printing\n2: nothing", {1: "printing", 2: "nothing"}),
        ("(1) printing\n(2) nothing", {1: "printing", 2: "nothing"}),
        ("#1 printing\n#2 nothing", {1: "printing", 2: "nothing"}),
        ("Re 1: printing\nad 2) nothing", {1: "printing", 2: "nothing"}),
        ("Question 1: printing\nQ2: nothing", {1: "printing", 2: "nothing"}),
        ("1 - printing\n2 – nothing", {1: "printing", 2: "nothing"}),
        ("1.- imprimir\n2.- nada", {1: "imprimir", 2: "nada"}),
        ("*1.* printing\n*2.* nothing", {1: "printing", 2: "nothing"}),
        ("1.\nprinting\n2.\nnothing", {1: "printing", 2: "nothing"}),
        ("1. printing 2. nothing", {1: "printing", 2: "nothing"}),
        ("1) printing, 3) 4.2", {1: "printing", 3: "4.2"}),
        ("Hello,\n\n1. I was\nprinting\n\nthree pages\n2. a page", {1: "I was\nprinting\n\nthree pages", 2: "a page"}),
        ("3. 4.2", {3: "4.2"}),
        ("3. 4.2\n1. printing\n2. a page", {1: "printing", 2: "a page", 3: "4.2"}),
        ("3. These steps:\n1. open\n2. print", {3: "These steps:\n1. open\n2. print"}),
        ("3.\n1. open\n2. print", {3: "1. open\n2. print"}),
        ("2. a page\n1. printing\n1. again", {2: "a page\n1. printing\n1. again"}),
        ("1.) printing\n2.) nothing", {1: "printing", 2: "nothing"}),
        ("1/ printing\n2/ nothing", {1: "printing", 2: "nothing"}),
        ("1º imprimir\n2º. nada", {1: "imprimir", 2: "nada"}),
        ("Nr. 1: drucken\nNr. 2: nichts", {1: "drucken", 2: "nichts"}),
        ("Punkt 1) drucken\nPunkt 2) nichts", {1: "drucken", 2: "nichts"}),
        ("- 1. printing\n- 2. nothing", {1: "printing", 2: "nothing"}),
        ("1. I did\n- 1. open\n- 2. click\n2. a page", {1: "I did\n- 1. open\n- 2. click", 2: "a page"}),
        ("１．印刷\n２、何も", {1: "印刷", 2: "何も"}),
        ("1. printing 2. a page, 3. 4.2", {1: "printing", 2: "a page", 3: "4.2"}),
        ("1. printing on page 2. It crashed", {1: "printing on page 2. It crashed"}),
        ("A 2 day delay is too long", {}),
        ("Zu 2 Leuten sind wir", {}),
        ("No 3 people have the same", {}),
        ("1. I did\n   1. open\n   2. click\n2. a page", {1: "I did\n   1. open\n   2. click", 2: "a page"}),
        ("1. I use version 2. It crashed", {1: "I use version 2. It crashed"}),
        ("1. May we met", {}),
        ("2. Jan 2026 it began", {}),
        ("2. Jan Jansen", {2: "Jan Jansen"}),
        ("1. printing\n2. May 2026", {1: "printing", 2: "May 2026"}),
        ("2.5 GB are free\n1.000 files", {}),
        ("7. seven\n1. printing", {1: "printing"}),
        ("12 printers fail", {}),
        ("We have 1. many 2. printers", {}),
        ("1.\n2.\n", {}),
        ("1. printing\n3. 4.2\n\nBest regards,\nCarla Ruiz\nGlobex", {1: "printing", 3: "4.2"}),
        ("1. printing\n\nMuchas gracias, un saludo\nCarla", {1: "printing"}),
        ("1. printing\nCarla", {1: "printing"}),
        ("", {}),
    ],
)  # fmt: skip
def test_answers_by_number(text: str, said: dict[int, str]) -> None:
    assert answers(text, QUESTIONS, names=("Carla Ruiz",)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("> 1. What were you doing?\nprinting\n> 2. What did you expect to happen?\na page", {1: "printing", 2: "a page"}),
        ("> 1. What were you doing?\n>\n\nprinting\n>\n> 2. What did you expect to happen?\n> Something else\n", {1: "printing"}),
        ("> 1. What were\n> you doing?\nprinting", {1: "printing"}),
        (">> 1. What were you doing?\nprinting", {1: "printing"}),
        ("| 1. What were you doing?\nprinting", {1: "printing"}),
        ("> 1. What were you doing? printing", {1: "printing"}),
        ("> ¿Que estaba haciendo?\nimprimir", {1: "imprimir"}),
        ("> 1. What were you doing?\n> 2. What did you expect to happen?\nIt just died.", {}),
        ("> 1. What were you doing?\n> 2. What did you expect to happen?\na page\n> 3. Which version do you use?\n4.2", {2: "a page", 3: "4.2"}),
        ("> 1. What were you doing?\nprinting\n> and so on\nThat is all.", {1: "printing"}),
    ],
)  # fmt: skip
def test_answers_between_quoted_questions(text: str, said: dict[int, str]) -> None:
    assert answers(text, QUESTIONS) == said
    assert answers(text, QUESTIONS, bare=False, copied=False) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1. What were you doing? printing\n2. What did you expect to happen?\na page", {1: "printing", 2: "a page"}),
        ("What were you doing?\nprinting\n\nthree pages", {1: "printing\n\nthree pages"}),
        ("WHAT WERE YOU DOING: printing", {1: "printing"}),
        ("What were you\ndoing? printing", {1: "printing"}),
    ],
)  # fmt: skip
def test_answers_below_copied_questions(text: str, said: dict[int, str]) -> None:
    assert answers(text, QUESTIONS) == said
    assert answers(text, QUESTIONS, bare=False, copied=False) == {}


def test_what_the_desk_wrote_is_no_answer() -> None:
    assert answers(OURS, QUESTIONS, (OURS,)) == {}
    filled = OURS.replace("to happen?\n", "to happen?\na page\n")
    assert answers(filled, QUESTIONS, (OURS,), bare=False) == {2: "a page"}
    wrapped = filled.replace("Just answer this mail, with", "Just answer this mail,\nwith")
    assert answers(wrapped, QUESTIONS, (OURS,), bare=False) == {2: "a page"}
    below = "Hello\n\n1. What were you doing?\n2. What did you expect to happen?\na page\n3. Which version do you use?"
    assert answers(below, QUESTIONS, (OURS,), bare=False) == {2: "a page"}
    inside = "\n".join(f"> {line}" for line in filled.splitlines())
    assert answers(inside, QUESTIONS, (OURS,), bare=False) == {2: "a page"}
    assert answers(inside, QUESTIONS, bare=False) == {}
    assert answers(inside.replace("> a page", ">\n> a page\n> on paper"), QUESTIONS, (OURS,)) == {
        2: "a page\non paper"
    }
    top = f"1. printing\n\nFrom: Acme Support\nSent: Monday\nTo: Carla\nSubject: Crash\n\n{OURS}"
    assert answers(top, QUESTIONS, (OURS,), bare=False) == {}


def test_a_short_question_is_known_by_its_number_or_a_sign() -> None:
    asked = {1: ("Version?",)}
    assert answers("Version: 3.2", asked) == {1: "3.2"}
    assert answers("> 1. Version\n3.2", asked) == {1: "3.2"}
    assert answers("Version control is broken", asked) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3.2", "3.2"),
        ("I was printing\nthree pages.", "I was printing\nthree pages."),
        ("Thanks a lot!", None),
        ("Muchas gracias, un saludo", None),
        ("Alles klar, vielen Dank. Mit freundlichen Grüßen", None),
        ("D'accord, merci beaucoup", None),
        ("Perfeito, muito obrigada!", None),
        ("Goed, hartelijk dank. Groeten", None),
        ("Va bene, grazie mille", None),
        ("Alles mit Rot", "Alles mit Rot"),
        ("close", None),
        ("Thank you, will do later today.", None),
        ("Please close this, it is not urgent.", None),
        ("It works again since noon.", None),
        ("Ya funciona, el problema era nuestro.", None),
        ("Hat sich erledigt.", None),
        ("No, only when printing.", "No, only when printing."),
        ("It works only on Mondays", "It works only on Mondays"),
        ("Which one do you mean?", None),
        ("One.\n\nTwo.", None),
        ("> quoted", None),
        ("x" * (ALONE_MAX + 1), None),
        ("  ", None),
    ],
)
def test_a_reply_that_may_be_the_only_answer(text: str, said: str | None) -> None:
    assert alone(text) == said


def test_own_words_are_what_is_left() -> None:
    text = f"> 2. What did you expect to happen?\nI expected a page.\n> Hello\n{OURS}\nCarla"
    assert own_words(text, QUESTIONS, (OURS,)).split() == ["I", "expected", "a", "page.", "Carla"]


def test_numbers_are_seen() -> None:
    assert numbers("Did you\n1. restart it?")
    assert not numbers("Did you restart version 2.5?")


@given(st.text(alphabet=st.sampled_from(list("1234.)(#:> \nabcWhat wereyoudoing?|-")), max_size=200))
def test_answers_are_words_of_the_text_under_numbers_that_were_asked(text: str) -> None:
    for number, said in answers(text, QUESTIONS).items():
        assert number in QUESTIONS
        assert said == said.strip()
        for line in said.split("\n"):
            assert line in text


@given(
    st.lists(st.text(alphabet="abc xyz", min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=4)
)
def test_what_is_answered_by_number_comes_back(said: list[str]) -> None:
    text = "\n".join(f"{at}. {one}" for at, one in enumerate(said, 1))
    assert answers(text, QUESTIONS) == {at: one.strip() for at, one in enumerate(said, 1)}
