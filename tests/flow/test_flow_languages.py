"""Requesters are answered in the language in which they write, as far as maild or the desk has it."""

from __future__ import annotations

import shutil
from email.message import EmailMessage
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from store import Store
from tests.flow import stage as s

WORDS = Path(__file__).resolve().parents[2] / "rules" / "15-words.yaml"
SHIPPED = YAML(typ="safe", pure=True).load(WORDS)
CARLA = "Carla <carla@globex.test>"
PROVED = "Authentication-Results: mx.acme.test; dmarc=pass header.from=globex.test"
SPOKEN = {
    "en": ("Hello, our printer has not been working since this morning. We get an error. Can you please help us?", "Hello Carla,", "its number is 1.", "status"),
    "es": ("Hola, la impresora de nuestra oficina no funciona desde esta mañana y da un error. ¿Nos pueden ayudar?", "Hola, Carla:", "su número es el 1.", "estado"),
    "de": ("Guten Tag, unser Drucker druckt seit heute Morgen nicht mehr und zeigt einen Fehler. Können Sie uns bitte helfen?", "Guten Tag Carla,", "sie hat die Nummer 1.", "Status"),
    "fr": ("Bonjour, notre imprimante ne marche plus depuis ce matin et affiche une erreur. Pouvez-vous nous aider ?", "Bonjour Carla,", "elle porte le numéro 1.", "statut"),
    "pt": ("Bom dia, a nossa impressora não funciona desde esta manhã e mostra um erro. Podem ajudar-nos, por favor?", "Olá Carla,", "tem o número 1.", "estado"),
    "nl": ("Goedemorgen, onze printer werkt sinds vanochtend niet meer en geeft een fout. Kunt u ons helpen?", "Goedendag Carla,", "het heeft nummer 1.", "status"),
    "it": ("Buongiorno, la nostra stampante non funziona più da questa mattina e dà un errore. Ci potete aiutare?", "Buongiorno Carla,", "ha il numero 1.", "stato"),
}  # fmt: skip
POLISH = (
    "Dzień dobry, nasza drukarka nie działa od dzisiejszego ranka. Czy możecie nam pomóc? Proszę o odpowiedź."
)
BUGS = """\
rules:
  - name: Whatever arrives is a bug
    then: {type: bug}
"""


def told(desk: s.Stage, subject: str, text: str, number: int = 1) -> EmailMessage:
    """What Carla gets for her mail."""
    desk.take(s.mail(CARLA, subject, text, number, headers=[PROVED]))
    desk.work()
    [mine] = [mail for outbound, mail in desk.sent() if outbound.row.recipient == "carla@globex.test"]
    return mine


def read(mail: EmailMessage) -> str:
    return s.text_of(mail).replace("\r\n", "\n")


@pytest.mark.parametrize("language", SPOKEN)
def test_an_acknowledgement_and_the_status_in_the_writers_language(
    store: Store, tmp_path: Path, language: str
) -> None:
    desk = s.stage(tmp_path, store)
    text, greeting, number, status = SPOKEN[language]
    ack = told(desk, "PX-9", text)
    assert ack["Content-Language"] == language
    assert read(ack).startswith(f"{greeting}\n")
    assert number in read(ack)
    page = ack.get_body(("html",))
    assert page is not None
    assert f'<html lang="{language}">' in page.get_content()
    standing = told(desk, status, "", 2)
    assert standing["Content-Language"] == language
    assert "#1 PX-9" in read(standing)


@pytest.mark.parametrize("language", SPOKEN)
def test_what_a_bug_has_to_say_is_asked_in_the_writers_language(
    store: Store, tmp_path: Path, language: str
) -> None:
    (tmp_path / "rules").mkdir()
    shutil.copy(WORDS, tmp_path / "rules")
    desk = s.stage(tmp_path, store, rules=s.RULES + BUGS)
    text = read(told(desk, "PX-9", SPOKEN[language][0]))
    asked = [need["ask"] for need in SHIPPED["dictionary"]["types"]["bug"]["needs"]]
    found = [ask[language] for ask in asked if f". {ask[language]}\n" in text]
    assert len(found) >= 3, text


@pytest.mark.parametrize(("desks", "used"), [("en", "en"), ("de", "de"), ("cs", "en")])
def test_another_language_falls_back_to_the_desks_and_then_to_english(
    store: Store, tmp_path: Path, desks: str, used: str
) -> None:
    toml = s.MAILD_TOML.replace('tag = "Acme"\n', f'tag = "Acme"\nlanguage = "{desks}"\n')
    ack = told(s.stage(tmp_path, store, toml), "PX-9", POLISH)
    assert ack["Content-Language"] == used
    assert read(ack).startswith(f"{SPOKEN[used][1]}\n")


@pytest.mark.parametrize(("desks", "used"), [("en", "en"), ("nl", "nl"), ("fr", "en")])
def test_a_word_of_several_languages_is_answered_in_the_desks_if_it_is_one_of_them(
    store: Store, tmp_path: Path, desks: str, used: str
) -> None:
    toml = s.MAILD_TOML.replace('tag = "Acme"\n', f'tag = "Acme"\nlanguage = "{desks}"\n')
    assert told(s.stage(tmp_path, store, toml), "help", "")["Content-Language"] == used


def test_every_question_and_label_that_requesters_read_is_there_in_all_languages() -> None:
    dictionary, fields = SHIPPED["dictionary"], SHIPPED["fields"]
    types = dictionary["types"].values()
    texts = [need["ask"] for word in types for need in word.get("needs", ())]
    texts += [field["label"] for field in fields.values()]
    texts += [word["label"] for words in ("types", "severities", "impacts", "urgencies", "priorities") for word in dictionary[words].values()]  # fmt: skip
    assert len(texts) > 25
    for text in texts:
        assert set(text) == set(SPOKEN)
        assert all(text.values())
