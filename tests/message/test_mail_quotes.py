"""The new words of an answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.message.parse import parse
from maild.message.quotes import split

QUOTE = "> It burns.\n> Please help.\n"
ATTRIBUTIONS = [
    "On Mon, Nov 16, 2026 at 9:00 AM Bob Example <bob@x.example> wrote:",
    "On 16/11/2026 09:00, Bob wrote:",
    "On Mon, Nov 16, 2026 at 9:00 AM Bob Example with a long name\n<bob@x.example> wrote:",
    "Am 16.11.2026 um 09:00 schrieb Bob Example:",
    "Am Mo., 16. Nov. 2026 um 09:00 Uhr schrieb Bob <bob@x.example>:",
    "Bob <bob@x.example> schrieb am Mo., 16. Nov. 2026, 09:00:",
    "Le lun. 16 nov. 2026 à 09:00, Bob <bob@x.example> a écrit :",
    "El lun, 16 nov 2026 a las 9:00, Bob (<bob@x.example>) escribió:",
    "Em seg., 16 de nov. de 2026 às 09:00, Bob <bob@x.example> escreveu:",
    "Il giorno lun 16 nov 2026 alle ore 09:00 Bob <bob@x.example> ha scritto:",
    "Op ma 16 nov. 2026 om 09:00 schreef Bob <bob@x.example>:",
    "2026-11-16 9:00 GMT+01:00 Bob <bob@x.example>:",
    "Den mån 16 nov. 2026 kl 09:00 skrev Bob <bob@x.example>:",
    "пн, 16 нояб. 2026 г. в 09:00, Bob <bob@x.example>:",
    "2026年11月16日(月) 9:00 Bob <bob@x.example>:",
    "Bob wrote:",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_answers_above_a_quote(attribution: str) -> None:
    assert split(f"Thanks, it works.\n\n{attribution}\n\n{QUOTE}").reply == "Thanks, it works."


@pytest.mark.parametrize("attribution", [line for line in ATTRIBUTIONS if line != "Bob wrote:"])
def test_answers_above_a_quote_without_marks(attribution: str) -> None:
    assert (
        split(f"Thanks, it works.\n\n{attribution}\n\nIt burns.\nPlease help.\n").reply == "Thanks, it works."
    )


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_answers_below_a_quote(attribution: str) -> None:
    assert split(f"{attribution}\n{QUOTE}\nThanks, it works.\n").reply == "Thanks, it works."


OUTLOOK = [
    "From: Bob\nSent: Monday\nTo: Ann\nSubject: Printer",
    "*From:* Bob\n*Sent:* Monday\n*To:* Ann\n*Subject:* Printer",
    "________________________________\nFrom: Bob\nSent: Monday\nTo: Ann\nSubject: Printer",
    "-----Original Message-----\nFrom: Bob",
    "-----Ursprüngliche Nachricht-----\nVon: Bob",
    "Von: Bob\nGesendet: Montag\nAn: Ann\nBetreff: Drucker",
    "De : Bob\nEnvoyé : lundi\nÀ : Ann\nObjet : imprimante",
    "De: Bob\nEnviado el: lunes\nPara: Ann\nAsunto: impresora",
    "De: Bob\nEnviado: segunda-feira\nPara: Ann\nAssunto: impressora",
    "Da: Bob\nInviato: lunedì\nA: Ann\nOggetto: stampante",
    "Van: Bob\nVerzonden: maandag\nAan: Ann\nOnderwerp: printer",
    "##- Please type your reply above this line -##",
]


@pytest.mark.parametrize("block", OUTLOOK)
def test_answers_above_a_header_block(block: str) -> None:
    words = split(f"Thanks, it works.\n\n{block}\n\nIt burns.\n\nMore of the old text.\n")
    assert words.reply == "Thanks, it works."


def test_answers_between_quotes_keep_what_they_answer() -> None:
    text = "> Is it on?\nYes.\n\n> Is it hot?\nVery."
    assert split(text).reply == text


def test_a_quote_after_the_last_answer_goes() -> None:
    text = "> Is it on?\nYes.\n\n> Is it hot?\nVery."
    assert split(f"{text}\n\n{QUOTE}").reply == text


@pytest.mark.parametrize(
    "text",
    [
        "see below\n\n---------- Forwarded message ---------\nFrom: Bob <bob@x.example>\nDate: Monday\nSubject: Printer\nTo: Ann\n\nIt burns.",
        "Begin forwarded message:\n\nFrom: Bob\nSubject: Printer\nTo: Ann\n\nIt burns.",
        "From: Bob\nSent: Monday\nTo: Ann\nSubject: Printer\n\nforwarded without a word",
        "-------- Weitergeleitete Nachricht --------\nVon: Bob\n\nEs brennt.",
    ],
)
def test_a_forwarded_text_stays(text: str) -> None:
    assert split(text).reply == text


@pytest.mark.parametrize(
    "text",
    [
        "1. Ann Ruiz\n2. since 2026-11-20\n3. in the office\n4. <a@y.example>",
        "On Monday I wrote: it burns. Now it does not.",
        "From: the printer room\nit burns.",
        "The steps:\n1. On\n2. Off",
        "He wrote that it burns.\nWhat now?",
        "a -- b\nc",
        "-- \nonly a signature",
        "Sent from my desk, which is easier than my mobile phone.",
        "- apples\n- pears",
        "> 5 is a number I typed",
    ],
)
def test_when_in_doubt_words_are_kept(text: str) -> None:
    found = split(text)
    assert found.reply == text or (text.startswith(">") and found.reply == "")


@pytest.mark.parametrize(
    ("text", "reply", "signature"),
    [
        ("It burns.\n-- \nAnn\nAcme", "It burns.", "Ann\nAcme"),
        ("It burns.\n\n--\nAnn", "It burns.", "Ann"),
        ("It burns.\n\nSent from my iPhone", "It burns.", "Sent from my iPhone"),
        ("Es brennt.\n\nVon meinem iPhone gesendet", "Es brennt.", "Von meinem iPhone gesendet"),
        ("Ça brûle.\n\nEnvoyé de mon iPhone", "Ça brûle.", "Envoyé de mon iPhone"),
        ("Arde.\n\nEnviado desde mi iPhone", "Arde.", "Enviado desde mi iPhone"),
        ("Brucia.\n\nInviato da iPhone", "Brucia.", "Inviato da iPhone"),
        ("Het brandt.\n\nVerzonden vanaf mijn iPhone", "Het brandt.", "Verzonden vanaf mijn iPhone"),
        (
            "It burns.\n\nGet Outlook for Android<https://aka.ms/x>",
            "It burns.",
            "Get Outlook for Android<https://aka.ms/x>",
        ),
        (f"It burns.\n-- \nAnn\n\nOn 1/2/2026, Bob wrote:\n{QUOTE}", "It burns.", "Ann"),
        (
            f"It burns.\n\nSent from my iPhone\n\nOn 1/2/2026, Bob wrote:\n{QUOTE}",
            "It burns.",
            "Sent from my iPhone",
        ),
        (
            "It burns.\n\n" + "_" * 40 + "\nList mailing list\nlist@x.example",
            "It burns.",
            "_" * 40 + "\nList mailing list\nlist@x.example",
        ),
        ("one\n--\n" + "line\n" * 40, "one\n--\n" + "line\n" * 39 + "line", ""),
    ],
)
def test_signatures(text: str, reply: str, signature: str) -> None:
    found = split(text)
    assert (found.reply, found.signature) == (reply, signature)


def test_a_long_text_is_new_as_a_whole() -> None:
    text = "2026-11-16 09:00:00 a line of a log:\n" * 5000 + "-- \nAnn"
    assert split(text).reply == text
    assert split(f"See the old log.\n\nOn 1/2/2026, Bob wrote:\n\n{text}").reply == "See the old log."


def test_html_only_answers_are_cut_by_structure() -> None:
    raw = (
        b"From: a@x.example\r\nContent-Type: text/html\r\n\r\n<div>Thanks, it works.</div><div class='gmail_signature'>Ann</div>"
        b"<div class='gmail_quote'>On Monday Bob wrote:<blockquote>It burns.</blockquote></div>"
    )
    mail = parse(raw).mail
    assert (mail.reply, mail.signature) == ("Thanks, it works.", "Ann")
    assert "It burns." in mail.text


@pytest.mark.parametrize(
    "text",
    [
        "On " * 20_000, "On \n" * 20_000, "\n" * 50_000, "> a\n" * 20_000, "From: x\n" * 20_000, "_" * 30 + "\n", "-- \n" * 20_000,
        "Sent from my iPhone\n" * 2000, "a wrote:\n" * 20_000, "x@y " * 50_000, "> a\nb\n" * 10_000, " " * 200_000, "On <a\n" * 20_000, "a:\n" * 200_000, "a b\n" * 200_000,
    ],
)  # fmt: skip
def test_hostile_texts_end(text: str) -> None:
    assert len(split(text).reply) <= len(text)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "> q",
                "new",
                "",
                "-- ",
                "On 1/1/2026 Bob <b@x> wrote:",
                "From: b",
                "Sent: c",
                "To: d",
                "____________________",
                "Sent from my iPhone",
                "---------- Forwarded message",
            ]
        ),
        max_size=14,
    )
)
def test_every_kept_line_was_written(lines: list[str]) -> None:
    found = split("\n".join(lines))
    assert [
        line
        for line in found.reply.split("\n")
        if line and line.strip() not in [one.strip() for one in lines]
    ] == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet="abc ", min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=6))
def test_plain_words_are_never_touched(lines: list[str]) -> None:
    text = "\n".join(lines).strip("\n \t")
    assert split(text).reply == text
