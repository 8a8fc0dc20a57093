"""Robots that set no header: away messages, challenges, acknowledgements, services with ways of their own; and people who sound alike."""

import json

import pytest

from maild.desk.facts import Kind, Mail
from maild.message.parse import parse


def mail(text: str, subject: str = "Re: Printer", sender: str = "ann@x.example", more: str = "") -> Mail:
    raw = f"From: {sender}\r\nSubject: {subject}\r\n{more}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    return parse(raw.encode()).mail


AWAY = [
    "Thank you for your email. I am currently out of the office and will be back on Monday.",
    "Hi,\n\nI'm on annual leave with limited access to email until 30 November.",
    "I am out of office until Tuesday. I will respond upon my return.",
    "Vielen Dank für Ihre Nachricht. Ich bin bis zum 30.11. im Urlaub und nicht erreichbar.",
    "Merci pour votre message. Je suis actuellement absente du bureau jusqu'au 30 novembre.",
    "Gracias por su correo. Estoy fuera de la oficina hasta el lunes.",
    "Grazie per la sua email. Sono fuori ufficio fino a lunedì.",
    "Obrigado pela sua mensagem. Estarei ausente até segunda-feira.",
    "Bedankt voor uw bericht. Ik ben momenteel op vakantie tot 30 november.",
    "Tack för ditt mejl. Jag är på semester till den 30 november.",
    "Dziękuję za wiadomość. Jestem na urlopie do 30 listopada.",
    "Спасибо за письмо. Я сейчас в отпуске до 30 ноября.",
    "ご連絡ありがとうございます。ただいま休暇中です。",
    "感谢您的来信。我正在休假,如有急事请致电。",
    "This is an automatic reply: nobody reads this mailbox.",
    "Dies ist eine automatische Antwort.",
    "Ceci est une réponse automatique.",
]
CHALLENGES = [
    "Your message is being held. Please click the link below to verify your address:\nhttps://c.example/1",
    "This account is protected by a filter. Follow the link to be added to the allowed list.\nhttps://c.example/1",
    "Your email has been placed on hold because you are not known. Confirm that you are human: https://c.example",
]
RECEIVED = [
    "Thank you. Your request has been received and will be handled. This is sent automatically, please do not reply.",
    "Ihre Anfrage ist eingegangen. Bitte nicht auf diese E-Mail antworten.",
    "Hemos recibido su consulta. Este es un mensaje automático, por favor no responda.",
]


@pytest.mark.parametrize("text", [*AWAY, *CHALLENGES, *RECEIVED])
def test_robots(text: str) -> None:
    found = mail(text)
    assert found.kind is Kind.AUTO_REPLY, found.kind_reasons
    assert found.kind_reasons


@pytest.mark.parametrize(
    "text",
    [
        "I will be out of the office until Monday, could you call me after that?",
        "I am on vacation from the 1st. Please finish before.",
        "Ich bin ab morgen im Urlaub, bitte rufen Sie heute noch an.",
        "Thank you for your email. The printer still burns.",
        "We received your invoice, but the amount is wrong.",
        "When I click the link below to verify my address nothing happens: https://x.example",
        "Our automatic door does not reply to the switch any more.",
        "Your message has been received, we are looking at it. Ben",
        "How do I set up an out of office reply in Outlook?",
        "Please add me to the guest list, see https://party.example",
        "Vielen Dank für Ihre Hilfe, der Drucker geht wieder.",
    ],
)
def test_people(text: str) -> None:
    found = mail(text)
    assert found.kind is Kind.PERSON, found.kind_reasons


def test_what_is_quoted_says_nothing_about_the_writer() -> None:
    quoted = "It is still broken.\n\nOn 16/11/2026 09:00, Desk wrote:\n\n> This is an automatic reply.\n> Thank you for your email. I am out of the office."
    assert mail(quoted).kind is Kind.PERSON


@pytest.mark.parametrize(
    "subject",
    [
        "Automātiska atbilde: Printer", "Arpus biroja automatiska atbilde: Printer", "Automatický odpověď", "Automatinis atsakymas: x", "Otomatik yanıt: x",
        "自動応答: x", "自动答复: x", "자동 회신: x", "רד: מענה אוטומטי", "Αυτόματη απάντηση: x", "Samodejni odgovor: x",
    ],
)  # fmt: skip
def test_subjects(subject: str) -> None:
    expected = Kind.PERSON if subject == "Automatický odpověď" else Kind.AUTO_REPLY
    assert mail("x", subject).kind is expected


def test_challenge_headers() -> None:
    assert mail("Hello", more="X-Bluebottle-Request: 1\r\n").kind is Kind.AUTO_REPLY


def amazon(told: dict[str, object]) -> Mail:
    return mail(
        json.dumps(told) + "\n\n--\nIf you wish to stop",
        "AWS Notification Message",
        "no-reply@sns.example",
        "x-amz-sns-message-id: 1\r\n",
    )


def test_a_failure_told_by_amazon() -> None:
    found = amazon(
        {
            "notificationType": "Bounce",
            "bounce": {
                "bounceType": "Permanent",
                "bouncedRecipients": [
                    {
                        "emailAddress": "eve@z.example",
                        "status": "5.1.1",
                        "diagnosticCode": "smtp; 550 no such user",
                    },
                    {"emailAddress": 7},
                    3,
                ],
            },
            "mail": {"messageId": "abc", "headers": [{"name": "Message-ID", "value": "<1@x.example>"}]},
        }
    )
    assert found.kind is Kind.BOUNCE
    assert found.bounce is not None
    assert found.bounce.permanent
    assert found.bounce.original_message_id == "<1@x.example>"
    assert [(one.address, one.status, one.diagnostic) for one in found.bounce.recipients] == [
        ("eve@z.example", "5.1.1", "550 no such user")
    ]


def test_a_complaint_told_by_amazon() -> None:
    assert amazon({"notificationType": "Complaint"}).kind is Kind.REPORT


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        '{"notificationType": "Bounce", "bounce": 3}',
        '{"notificationType": "Delivery"}',
        "[]",
    ],
)
def test_strange_notifications(text: str) -> None:
    assert mail(text, more="x-amz-sns-message-id: 1\r\n").kind in (Kind.PERSON, Kind.BOUNCE, Kind.BULK)


def receipt(disposition: str, more: str) -> Mail:
    return parse(
        (
            f"From: a@x.example\r\n{more}Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
            "--b\r\n\r\nYour message was rejected.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
            f"Final-Recipient: rfc822; eve@z.example\r\nOriginal-Message-ID: <1@x.example>\r\nDisposition: {disposition}\r\n\r\n--b--\r\n"
        ).encode()
    ).mail


def test_a_refusal_by_a_filter_is_a_bounce() -> None:
    found = receipt(
        "automatic-action/MDN-sent-automatically; deleted", "Auto-Submitted: auto-replied (rejected)\r\n"
    )
    assert found.kind is Kind.BOUNCE
    assert found.bounce is not None
    assert (found.bounce.recipients[0].address, found.bounce.original_message_id) == (
        "eve@z.example",
        "<1@x.example>",
    )


def test_other_receipts_are_receipts() -> None:
    assert receipt("manual-action/MDN-sent-manually; displayed", "").kind is Kind.RECEIPT
    assert (
        receipt("automatic-action/MDN-sent-automatically; deleted", "Subject: Not read: x\r\n").kind
        is Kind.RECEIPT
    )


def test_a_mail_given_back_is_a_report() -> None:
    raw = b"Content-Type: message/rfc822\r\n\r\nReceived: from a\r\nTo: redacted@aol.example\r\nX-AOL-IP: 192.0.2.1\r\nFrom: desk@x.example\r\n\r\nhi\r\n"
    assert parse(raw).mail.kind is Kind.REPORT


def test_a_report_without_an_address_is_completed_from_the_words() -> None:
    raw = (
        "From: MAILER-DAEMON@x.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\n"
        "The following addresses had permanent fatal errors\r\n<eve@z.example>\r\n    (reason: 550 Host unknown)\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: RFC822; @mx.z.example\r\nAction: failed\r\nStatus: 5.1.2\r\n\r\n--b--\r\n"
    )
    found = parse(raw.encode()).mail
    assert found.bounce is not None
    assert [(one.address, one.status) for one in found.bounce.recipients] == [("eve@z.example", "5.1.2")]


def test_a_failure_told_by_amazon_inside_another_notification() -> None:
    told = {
        "notificationType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "eve@z.example"}]},
    }
    found = amazon({"Type": "Notification", "Message": json.dumps(told)})
    assert found.bounce is not None
    assert [one.address for one in found.bounce.recipients] == ["eve@z.example"]
    assert amazon({"Type": "Notification", "Message": "no JSON"}).bounce is None
