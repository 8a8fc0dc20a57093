"""The language of new words."""

import subprocess
import sys

import pytest

from maild.message.language import detect


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello, our printer has not been working since this morning. Can you help?", "en"),
        ("Guten Tag, unser Drucker funktioniert seit heute Morgen nicht mehr.", "de"),
        ("Hola, la impresora de nuestra oficina no funciona desde esta mañana.", "es"),
        ("Bonjour, notre imprimante ne fonctionne plus depuis ce matin.", "fr"),
        ("Bom dia, a nossa impressora não funciona desde esta manhã.", "pt"),
        ("Buongiorno, la nostra stampante non funziona più da questa mattina.", "it"),
        ("Goedemorgen, onze printer werkt sinds vanochtend niet meer.", "nl"),
        ("プリンターが今朝から動きません。助けてください。", "ja"),
        ("Hello,\n\nour door is broken.", None),  # the model takes it for Dutch
        ("Drucker druckt nicht mehr", "de"),
        ("Impossible de se connecter depuis hier", "fr"),
        ("Kan niet inloggen sinds gisteren", "nl"),
        ("La aplicación se cierra.", "es"),
        ("Hola, se cierra al imprimir. Versión 3.2", "es"),
        ("Il nostro programma si chiude.", "it"),
        ("The app crashes when I print.", "en"),
        ("", None),
        ("ok, thanks", None),
        ("12345 67890 2026-11-22 09:00 #12 --- https://x.example/a/b/c/d/e/f", None),
        ("a@b.example c@d.example https://example.com/guten-tag-der-drucker-ist-kaputt", None),
    ],
)
def test_detect(text: str, language: str | None) -> None:
    assert detect(text) == language


def test_the_model_is_not_loaded_for_short_text() -> None:
    code = (
        "import sys; from maild.message.parse import parse;"
        "assert parse(b'From: a@b.example\\r\\n\\r\\nok').mail.language is None; assert 'py3langid' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
