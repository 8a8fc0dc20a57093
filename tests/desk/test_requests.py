"""Words by which requesters close, reopen, ask how things stand, or for help."""

from __future__ import annotations

import pytest

from maild.desk.requests import Request, in_subject, languages_of, read
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
        ("schließen", Request.CLOSE),
        ("Bitte schliessen!", Request.CLOSE),
        ("Sie können das Ticket schließen, vielen Dank.", Request.CLOSE),
        ("Schließen Sie bitte meine Anfrage", Request.CLOSE),
        ("Die Anfrage kann geschlossen werden. Danke schön!", Request.CLOSE),
        ("wieder öffnen", Request.REOPEN),
        ("Bitte das Ticket wieder oeffnen", Request.REOPEN),
        ("Wie ist der Stand meiner Anfrage?", Request.STATUS),
        ("Hilfe, bitte", Request.HELP),
        ("Fermer, s'il vous plaît", Request.CLOSE),
        ("Merci de fermer cette demande.", Request.CLOSE),
        ("Pouvez-vous clore mon ticket ?", Request.CLOSE),
        ("rouvrir", Request.REOPEN),
        ("Veuillez rouvrir ma demande, merci d'avance", Request.REOPEN),
        ("statut", Request.STATUS),
        ("Quel est l'état de ma demande ?", Request.STATUS),
        ("Où en est ma demande ?", Request.STATUS),
        ("Aide", Request.HELP),
        ("Por favor, fechar", Request.CLOSE),
        ("Pode encerrar o meu pedido, muito obrigada!", Request.CLOSE),
        ("Reabram este chamado", Request.REOPEN),
        ("Qual é o estado do meu pedido?", Request.STATUS),
        ("ajuda!", Request.HELP),
        ("Sluiten a.u.b.", Request.CLOSE),
        ("Sluiten, alstublieft", Request.CLOSE),
        ("U kunt het verzoek sluiten, dank u wel", Request.CLOSE),
        ("Sluit mijn melding maar", Request.CLOSE),
        ("heropenen", Request.REOPEN),
        ("Kunt u dit ticket opnieuw openen?", Request.REOPEN),
        ("Wat is de stand van zaken?", Request.STATUS),
        ("hulp", Request.HELP),
        ("Chiudere per favore", Request.CLOSE),
        ("Può chiudere la richiesta, grazie mille", Request.CLOSE),
        ("Riaprite il ticket", Request.REOPEN),
        ("A che punto è la mia richiesta?", Request.STATUS),
        ("stato", Request.STATUS),
        ("aiuto", Request.HELP),
        ("Nicht schließen", None),
        ("Das Fenster schließen", None),
        ("Ne fermez pas ma demande", None),
        ("la demande est fermée", None),
        ("Não fechar", None),
        ("niet sluiten", None),
        ("Non chiudere", None),
        ("È stato chiuso", None),
        ("de stand van de zon", None),
        ("danke", None),
        ("merci", None),
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
    ("subject", "text", "languages"),
    [
        ("ayuda", "", {"es"}),
        ("", "Help", {"en", "nl"}),
        ("estado", "", {"es", "pt"}),
        ("status", "", {"en", "de", "pt", "nl"}),
        ("aiuto", "", {"it"}),
        ("Printer", "on fire", set()),
    ],
)
def test_the_answer_speaks_a_language_of_the_word(subject: str, text: str, languages: set[str]) -> None:
    assert set(languages_of(w.mail(w.CARLA, text, subject=subject))) == languages
