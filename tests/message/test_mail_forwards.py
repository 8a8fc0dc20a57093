"""Forwards as mail programs write them in many languages: plain and HTML only, inline and attached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage

import pytest

from maild.desk.facts import Address, Mail
from maild.message import written
from maild.message.parse import parse

BOB = Address("Bob Example", "bob@x.example")
AT = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
ORIGINAL = "Hello,\n\n> we said before\n\nit burns.\n\n-- \nBob\nHead of burning"
ABOVE = "Please open a ticket for him."
SIGNATURE = "\n\n-- \nAnn Agent\nSupport"

# The labels of sender, date, subject and recipient as Outlook writes them, and a date in the same language.
OUTLOOK = {
    "en": ("From", "Sent", "Subject", "To", "Monday, November 16, 2026 9:00 AM"),
    "de": ("Von", "Gesendet", "Betreff", "An", "Montag, 16. November 2026 09:00"),
    "fr": ("De", "Envoyé", "Objet", "À", "lundi 16 novembre 2026 09:00"),
    "es": ("De", "Enviado el", "Asunto", "Para", "lunes, 16 de noviembre de 2026 9:00"),
    "pt": ("De", "Enviada em", "Assunto", "Para", "segunda-feira, 16 de novembro de 2026 09:00"),
    "nl": ("Van", "Verzonden", "Onderwerp", "Aan", "maandag 16 november 2026 09:00"),
    "it": ("Da", "Inviato", "Oggetto", "A", "lunedì 16 novembre 2026 09:00"),
    "pl": ("Od", "Wysłano", "Temat", "Do", "poniedziałek, 16 listopada 2026 09:00"),
    "sv": ("Från", "Skickat", "Ämne", "Till", "den 16 november 2026 09:00"),
    "da": ("Fra", "Sendt", "Emne", "Til", "16. november 2026 09:00"),
    "no": ("Fra", "Sendt", "Emne", "Til", "mandag 16. november 2026 kl. 09.00"),
    "ru": ("От", "Отправлено", "Тема", "Кому", "16 ноября 2026 г. 9:00"),
    "fi": ("Lähettäjä", "Lähetetty", "Aihe", "Vastaanottaja", "maanantai 16. marraskuuta 2026 9.00"),
    "cs": ("Od", "Odesláno", "Předmět", "Komu", "pondělí 16. listopadu 2026 9:00"),
    "hu": ("Feladó", "Elküldve", "Tárgy", "Címzett", "2026. november 16. 9:00"),
    "tr": ("Kimden", "Gönderildi", "Konu", "Kime", "16 Kasım 2026 Pazartesi 09:00"),
    "zh": ("发件人", "发送时间", "主题", "收件人", "2026年11月16日 9:00"),
    "ja": ("差出人", "送信日時", "件名", "宛先", "2026年11月16日 9:00"),
    "ko": ("보낸 사람", "보낸 날짜", "제목", "받는 사람", "2026년 11월 16일 오전 9:00"),
}
GMAIL = {
    "en": "Forwarded message", "de": "Weitergeleitete Nachricht", "fr": "Message transféré", "es": "Mensaje reenviado", "pt": "Mensagem encaminhada",
    "nl": "Doorgestuurd bericht", "it": "Messaggio inoltrato", "pl": "Przekazana wiadomość", "sv": "Vidarebefordrat meddelande", "da": "Videresendt meddelelse",
    "no": "Videresendt melding", "ru": "Пересылаемое сообщение", "fi": "Välitetty viesti", "cs": "Přeposlaná zpráva", "hu": "Továbbított üzenet", "zh": "转发的邮件",
    "ja": "転送メッセージ", "ko": "전달된 메시지",
}  # fmt: skip
APPLE = {
    "en": "Begin forwarded message:", "de": "Anfang der weitergeleiteten Nachricht:", "fr": "Début du message réexpédié :", "es": "Inicio del mensaje reenviado:",
    "pt": "Início da mensagem reencaminhada:", "nl": "Begin doorgestuurd bericht:", "it": "Inizio messaggio inoltrato:", "pl": "Początek przekazywanej wiadomości:",
    "sv": "Vidarebefordrat brev:", "da": "Start på videresendt besked:", "no": "Videresendt melding:", "ru": "Начало переадресованного сообщения:",
}  # fmt: skip


def fields(language: str, order: str, bold: str = "", to: str = "Ann <ann@y.example>") -> list[str]:
    sender, date, subject, recipient, when = OUTLOOK[language]
    values = {
        "f": (sender, "Bob Example <bob@x.example>"),
        "d": (date, when),
        "s": (subject, "Printer"),
        "t": (recipient, to),
    }
    return [f"{bold}{values[one][0]}:{bold} {values[one][1]}" for one in order]


def quoted(lines: list[str]) -> list[str]:
    return [f"> {line}" for line in lines]


def outlook(language: str) -> list[str]:
    return [*fields(language, "fdts"), "", *ORIGINAL.split("\n")]


def owa(language: str) -> list[str]:
    return [
        "_" * 32,
        *fields(language, "fdts", "", "a@y.example; b@y.example;\n c@y.example"),
        "",
        *ORIGINAL.split("\n"),
    ]


def gmail(language: str) -> list[str]:
    return [
        f"---------- {GMAIL[language]} ---------",
        *fields(language, "fdst"),
        "",
        "",
        *ORIGINAL.split("\n"),
    ]


def thunderbird(language: str) -> list[str]:
    return [
        f"-------- {GMAIL[language]} --------",
        *fields(language, "sdft"),
        "",
        "",
        "",
        *ORIGINAL.split("\n"),
    ]


def yahoo(language: str) -> list[str]:
    return [
        f"   ----- {GMAIL[language]} -----",
        "",
        *fields(language, "ftds", "*"),
        "",
        *ORIGINAL.split("\n"),
    ]


def proton(language: str) -> list[str]:
    return [f"------- {GMAIL[language]} -------", *fields(language, "fdst"), "", *ORIGINAL.split("\n")]


def apple(language: str) -> list[str]:
    block = fields(language, "fsdt", "*")
    return quoted(
        [APPLE[language], "", block[0], "", block[1], block[2], "", block[3], "", *ORIGINAL.split("\n")]
    )


def gmx(language: str) -> list[str]:
    return [*fields(language, "dfts"), "", *ORIGINAL.split("\n")]


CASES = [
    *((outlook, language) for language in OUTLOOK),
    *((owa, language) for language in OUTLOOK),
    *((gmail, language) for language in GMAIL),
    *((thunderbird, language) for language in GMAIL),
    *((yahoo, language) for language in GMAIL),
    *((proton, language) for language in ("en", "de", "fr")),
    *((apple, language) for language in APPLE),
    *((gmx, language) for language in ("de", "en", "fr", "es")),
]


def mail(text: str, subject: str = "Fwd: Printer", subtype: str = "plain") -> Mail:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Ann <ann@y.example>", "desk@y.example", subject
    made["Date"] = "Mon, 16 Nov 2026 10:00:00 +0100"
    made.set_content(text, subtype=subtype, cte="base64")
    return parse(made.as_bytes()).mail


@pytest.mark.parametrize(("client", "language"), CASES, ids=lambda one: getattr(one, "__name__", one))
def test_plain(client: object, language: str) -> None:
    assert callable(client)
    lines = client(language)
    found = mail("\n".join([ABOVE + SIGNATURE, "", *lines])).forwarded
    assert found is not None
    assert (found.from_, found.subject, found.at, found.above) == (BOB, "Printer", AT, ABOVE)
    assert found.text == ORIGINAL
    bare = mail("\n".join(lines)).forwarded
    assert bare is not None
    assert (bare.from_, bare.text, bare.above) == (BOB, ORIGINAL, "")


GMAIL_PAGE = (
    '<div dir="ltr">{above}<div><br clear="all"></div><div><div dir="ltr" class="gmail_signature" data-smartmail="gmail_signature">Ann Agent<br>Support</div></div><br>'
    '<div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>From: <strong class="gmail_sendername" dir="auto">'
    'Bob Example</strong> <span dir="auto">&lt;<a href="mailto:bob@x.example">bob@x.example</a>&gt;</span><br>Date: Mon, Nov 16, 2026 at 9:00\u202fAM<br>Subject: Printer<br>'
    'To: Ann &lt;<a href="mailto:ann@y.example">ann@y.example</a>&gt;<br></div><br><br><div dir="ltr"><p>Hello,</p><p>it burns.</p></div></div></div>'
)
OUTLOOK_PAGE = (
    "<html><body lang=EN-US><div class=WordSection1><p class=MsoNormal>{above}<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>"
    '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p class=MsoNormal><b>From:</b> Bob Example &lt;bob@x.example&gt; <br>'
    "<b>Sent:</b> Monday, November 16, 2026 9:00 AM<br><b>To:</b> Ann &lt;ann@y.example&gt;<br><b>Subject:</b> Printer<o:p></o:p></p></div></div>"
    "<p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>Hello,<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>it burns.<o:p></o:p></p></div></body></html>"
)
MOBILE_PAGE = (
    '<html><body><div dir="auto">{above}</div><div id="ms-outlook-mobile-signature"><br>Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div>'
    '<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri"><b>From:</b> Bob Example &lt;bob@x.example&gt;<br>'
    "<b>Sent:</b> Monday, November 16, 2026 9:00:00 AM<br><b>To:</b> Ann &lt;ann@y.example&gt;<br><b>Subject:</b> Printer</font><div>&nbsp;</div></div>"
    "<div><p>Hello,</p><p>it burns.</p></div></body></html>"
)
APPLE_PAGE = (
    '<html><body>{above}<br id="lineBreakAtBeginningOfMessage"><div><br><blockquote type="cite"><div>Begin forwarded message:</div><br class="Apple-interchange-newline">'
    '<div style="margin: 0px"><span><b>From: </b></span><span>Bob Example &lt;<a href="mailto:bob@x.example">bob@x.example</a>&gt;<br></span></div>'
    '<div style="margin: 0px"><span><b>Subject: </b></span><span><b>Printer</b><br></span></div><div style="margin: 0px"><span><b>Date: </b></span>'
    '<span>16 November 2026 at 09:00:00 CET<br></span></div><div style="margin: 0px"><span><b>To: </b></span><span>ann@y.example<br></span></div><br>'
    "<div><div>Hello,</div><div><br></div><div>it burns.</div></div></blockquote></div></body></html>"
)
THUNDERBIRD_PAGE = (
    '<html><body><p>{above}</p><div class="moz-forward-container"><br><br>-------- Forwarded Message --------<table class="moz-email-headers-table" cellspacing="0">'
    '<tbody><tr><th align="RIGHT">Subject: </th><td>Printer</td></tr><tr><th align="RIGHT">Date: </th><td>Mon, 16 Nov 2026 09:00:00 +0100</td></tr>'
    '<tr><th align="RIGHT">From: </th><td>Bob Example <a href="mailto:bob@x.example">&lt;bob@x.example&gt;</a></td></tr><tr><th align="RIGHT">To: </th><td>ann@y.example</td></tr>'
    "</tbody></table><br><br><p>Hello,</p><p>it burns.</p></div></body></html>"
)
YAHOO_PAGE = (
    '<html><body><div class="yahoo-style-wrap"><div dir="ltr">{above}</div><div><br></div></div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>----- Forwarded Message -----</div>'
    "<div><b>From:</b> Bob Example &lt;bob@x.example&gt;</div><div><b>To:</b> ann@y.example</div><div><b>Sent:</b> Monday, November 16, 2026 at 09:00:00 AM GMT+1</div>"
    "<div><b>Subject:</b> Printer</div><div><br></div><div><div>Hello,</div><div><br></div><div>it burns.</div></div></div></body></html>"
)
PROTON_PAGE = (
    '<div style="font-family: Arial">{above}</div><div class="protonmail_signature_block"><div>Sent with Proton Mail secure email.</div></div>'
    '<div class="protonmail_quote">------- Forwarded Message -------<br>From: Bob Example &lt;bob@x.example&gt;<br>Date: On Monday, November 16th, 2026 at 9:00 AM<br>Subject: Printer<br>'
    'To: ann@y.example<br><br><blockquote class="protonmail_quote" type="cite"><p>Hello,</p><p>it burns.</p></blockquote></div>'
)
PAGES = {
    "Gmail": GMAIL_PAGE, "Outlook": OUTLOOK_PAGE, "Outlook mobile": MOBILE_PAGE, "Apple": APPLE_PAGE, "Thunderbird": THUNDERBIRD_PAGE, "Yahoo": YAHOO_PAGE,
    "Proton": PROTON_PAGE,
}  # fmt: skip


@pytest.mark.parametrize("above", [ABOVE, ""])
@pytest.mark.parametrize("client", PAGES)
def test_html_only(client: str, above: str) -> None:
    found = mail(PAGES[client].format(above=above), subtype="html").forwarded
    assert found is not None
    assert (found.from_, found.subject, found.at, found.above) == (BOB, "Printer", AT, above)
    assert found.text == "Hello,\n\nit burns."


@pytest.mark.parametrize(
    ("shown", "sender"),
    [
        ("Bob Example [mailto:bob@x.example]", BOB),
        ("Bob Example <bob@x.example<mailto:bob@x.example>>", BOB),
        ("Bob Example <bob@x.example> <mailto:bob@x.example>", BOB),
        ('"Bob Example" <bob@x.example>', BOB),
        ("desk@y.example im Auftrag von Bob Example <bob@x.example>", BOB),
        ("bob@x.example", Address("", "bob@x.example")),
        ("Bob Example", Address("Bob Example", "")),
    ],
)
def test_senders(shown: str, sender: Address) -> None:
    text = f"From: {shown}\nSent: Monday, November 16, 2026 9:00 AM\nTo: Ann\nSubject: Printer\n\nit burns."
    found = mail(text).forwarded
    assert found is not None
    assert found.from_ == sender
    assert found.text == "it burns."


def test_fields_with_labels_we_do_not_know() -> None:
    text = "From: Bob Example <bob@x.example>\nSent: Monday, November 16, 2026 9:00 AM\nX-Mood: fine\nSubject: Printer\nReturn-Path: <bob@x.example>\nTo: Ann\n\nit burns."
    found = mail(text).forwarded
    assert found is not None
    assert (found.from_, found.subject, found.at, found.text) == (BOB, "Printer", AT, "it burns.")


def test_a_block_on_one_line() -> None:
    text = "----- Forwarded Message ----- From: Bob Example <bob@x.example> To: ann@y.example Sent: Monday, November 16, 2026, 09:00:00 AM GMT+1 Subject: Printer\nit burns."
    found = mail(text).forwarded
    assert found is not None
    assert (found.from_, found.subject, found.at, found.text) == (BOB, "Printer", AT, "it burns.")


def test_brackets_inside_the_original_stay() -> None:
    found = mail("\n".join([*gmail("en")[:-6], "if a > b:", "> we said <b>before</b> > then"])).forwarded
    assert found is not None
    assert found.text.endswith("if a > b:\n> we said <b>before</b> > then")


def test_what_the_forwarder_writes_below_quoted_text_is_not_the_original() -> None:
    text = "\n".join([*apple("en"), "", "Ann, from her phone"])
    found = mail(text).forwarded
    assert found is not None
    assert found.text == ORIGINAL


def carrying(subject: str, words: str, *, twice: bool = False) -> Mail:
    inner = EmailMessage()
    inner["From"], inner["To"], inner["Subject"] = "Bob Example <bob@x.example>", "ann@y.example", "Printer"
    inner["Date"] = "Mon, 16 Nov 2026 09:00:00 +0100"
    inner.set_content("it burns.\n")
    outer = EmailMessage()
    outer["From"], outer["To"], outer["Subject"] = "ann@y.example", "desk@y.example", subject
    outer.set_content(words)
    for _ in range(1 + twice):
        outer.add_attachment(inner)
    return parse(outer.as_bytes()).mail


@pytest.mark.parametrize("subject", ["Fwd: Printer", "Printer", ""])
def test_one_attached_mail_is_a_forward(subject: str) -> None:
    found = carrying(subject, "Please help.\n\n-- \nAnn\n")
    assert found.text == "Please help.\n\n-- \nAnn"
    assert [file.name for file in found.attachments] == ["Printer.eml"]
    assert found.forwarded is not None
    assert (found.forwarded.from_, found.forwarded.subject, found.forwarded.text) == (
        BOB,
        "Printer",
        "it burns.",
    )
    assert (found.forwarded.at, found.forwarded.date) == (AT, "Mon, 16 Nov 2026 09:00:00 +0100")
    assert found.forwarded.above == "Please help."


def test_a_mail_whose_header_outlook_tore_in_two() -> None:
    inner = (
        "From: Bob Example <bob@x.example>\r\nSubject: Printer\r\nDate: Mon, 16 Nov 2026 09:00:00 +0100\r\n\r\n"
        'Content-Type: multipart/alternative;\r\n\tboundary="in"\r\nMIME-Version: 1.0\r\n\r\n'
        "--in\r\nContent-Type: text/plain\r\n\r\nit burns.\r\n--in--\r\n"
    )
    raw = (
        "From: ann@y.example\r\nSubject: FW: Printer\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n\r\nPlease.\r\n"
        f"--out\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n{inner}\r\n--out--\r\n"
    )
    found = parse(raw.encode()).mail.forwarded
    assert found is not None
    assert (found.from_, found.text, found.at, found.above) == (BOB, "it burns.", AT, "Please.")
    alone = parse(inner.encode()).mail
    assert (alone.text, alone.defects) == ("it burns.", ("blank line inside the header",))
    quoting = "From: a@x.example\r\nSubject: s\r\n\r\nContent-Type: multipart/mixed; boundary=b\r\nis what I see.\r\n"
    assert parse(quoting.encode()).mail.text.startswith("Content-Type: multipart")


def test_attached_mails_that_are_no_forward() -> None:
    assert carrying("Re: Printer", "See attached.\n").forwarded is None
    assert carrying("Two mails", "See attached.\n", twice=True).forwarded is None
    assert carrying("A story", "word " * 400).forwarded is None


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("Mon, Nov 16, 2026 at 9:00 AM", 8),
        ("Mo., 16. Nov. 2026 um 09:00 Uhr", 8),
        ("lun. 16 nov. 2026 à 09:00", 8),
        ("El lun, 16 nov 2026 a las 9:00", 8),
        ("16 November 2026 at 09:00:00 PST", 17),
        ("Thursday, November 16, 2026, 09:00:00 PM GMT+2", 19),
        ("2026-11-16 09:00", 8),
        ("16.11.2026 09:00", 8),
        ("16/11/2026 09:00", 8),
        ("11/16/2026 9:00 AM", 8),
        ("16.11.26, 09:00", 8),
        ("2026. 11. 16. 오후 9:00", 20),
        ("пн, 16 нояб. 2026 г. в 09:00", 8),
        ("2026-11-16T09:00:00-05:00", 14),
    ],
)
def test_written_dates(text: str, hour: int) -> None:
    assert written.moment(text, timezone(timedelta(hours=1))) == datetime(2026, 11, 16, hour, tzinfo=UTC)


def test_the_american_order_is_told_by_its_clock() -> None:
    assert written.moment("3/4/2026 9:00 AM") == datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert written.moment("3/4/2026 9:00") == datetime(2026, 4, 3, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Monday",
        "16 November 2026",
        "99.99.2026 10:00",
        "31 June 2026 9:00",
        "1 Foo 2026 9:00",
        "9:00",
        "x" * 5000,
    ],
)
def test_dates_that_are_not_understood(text: str) -> None:
    assert written.moment(text) is None
