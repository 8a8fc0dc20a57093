"""Words by which requesters close, reopen, ask how things stand, or for help."""

from __future__ import annotations

import pytest

from maild.desk.requests import Request, in_subject, language_of, read
from tests.desk import worlds as w


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        ("close", Request.CLOSE),
        ("Please close.", Request.CLOSE),
        ("You can close this ticket, thanks!", Request.CLOSE),
        ("Por favor, cerrar", Request.CLOSE),
        ("Cierren mi solicitud, gracias.", Request.CLOSE),
        ("Reopen, please", Request.REOPEN),
        ("re-open this ticket", Request.REOPEN),
        ("reabrir", Request.REOPEN),
        ("status?", Request.STATUS),
        ("What is the status of my request?", Request.STATUS),
        ("¿Cuál es el estado de mi solicitud?", Request.STATUS),
        ("estado", Request.STATUS),
        ("HELP!", Request.HELP),
        ("ayuda", Request.HELP),
        ("#close", None),
        ("close the window", None),
        ("Do not close", None),
        ("close\nbut first repair it", None),
        ("it is closed", None),
        ("", None),
        ("close " * 40, None),
    ],
)
def test_only_the_words_alone(words: str, request_: Request | None) -> None:
    assert read(words) is request_


@pytest.mark.parametrize(
    ("subject", "text", "request_"),
    [
        ("status", "", Request.STATUS),
        ("Re: status", "status", Request.STATUS),
        ("", "help", Request.HELP),
        ("Printer on fire", "help", None),
        ("help", "The printer burns", None),
        ("help", "status", None),
    ],
)
def test_the_only_word_of_a_new_mail(subject: str, text: str, request_: Request | None) -> None:
    assert in_subject(w.mail(w.CARLA, text, subject=subject)) is request_


@pytest.mark.parametrize(
    ("subject", "text", "language"), [("ayuda", "", "es"), ("", "Help", "en"), ("estado", "", "es"), ("Printer", "on fire", None)]
)  # fmt: skip
def test_the_answer_speaks_the_language_of_the_word(subject: str, text: str, language: str | None) -> None:
    assert language_of(w.mail(w.CARLA, text, subject=subject)) == language
