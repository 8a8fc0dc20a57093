"""Forwarded mail, calendars, and what says that a mail is signed or encrypted."""

import pytest

from maild.desk.facts import Address
from maild.message import forwarded, invitation
from maild.message.parse import parse

BOB = Address("Bob Example", "bob@x.example")
FORWARDS = {
    "Gmail": "FYI\n\n---------- Forwarded message ---------\nFrom: Bob Example <bob@x.example>\nDate: Mon, Nov 16, 2026 at 9:00 AM\nSubject: Printer\nTo: Ann <ann@y.example>\n\n\nIt burns.",
    "Gmail in German": "---------- Weitergeleitete Nachricht ---------\nVon: Bob Example <bob@x.example>\nDate: Mo., 16. Nov. 2026 um 09:00 Uhr\nSubject: Printer\nTo: Ann <ann@y.example>\n\nIt burns.",
    "Apple Mail": "Begin forwarded message:\n\nFrom: Bob Example <bob@x.example>\n\nSubject: Printer\n\nDate: 16 November 2026 at 09:00:00 CET\n\nTo: Ann <ann@y.example>\n\nIt burns.",
    "Apple Mail, quoted": "> Début du message réexpédié :\n> \n> De: Bob Example <bob@x.example>\n> Objet: Printer\n> Date: 16 novembre 2026 à 09:00:00\n> À: Ann <ann@y.example>\n> \n> It burns.",
    "Thunderbird": "-------- Forwarded Message --------\nSubject: \tPrinter\nDate: \tMon, 16 Nov 2026 09:00:00 +0100\nFrom: \tBob Example <bob@x.example>\nTo: \tAnn <ann@y.example>\n\nIt burns.",
    "Outlook": "Can you help?\n\nFrom: Bob Example <bob@x.example> \nSent: Monday, November 16, 2026 9:00 AM\nTo: Ann\nSubject: Printer\n\nIt burns.",
    "Outlook in Spanish": "De: Bob Example [mailto:bob@x.example]\nEnviado el: lunes, 16 de noviembre de 2026 9:00\nPara: Ann\nAsunto: Printer\n\nIt burns.",
    "Outlook, bold": "*Von:* Bob Example <bob@x.example>\n*Gesendet:* Montag, 16. November 2026 09:00\n*An:* Ann\n*Betreff:* Printer\n\nIt burns.",
}


@pytest.mark.parametrize("client", FORWARDS)
def test_the_original_is_found(client: str) -> None:
    found = forwarded.find(FORWARDS[client], "Fwd: Printer")
    assert found is not None
    assert (found.from_, found.subject, found.text) == (BOB, "Printer", "It burns.")
    assert "16" in found.date


@pytest.mark.parametrize(
    "subject",
    [
        "Fwd: x",
        "FW: x",
        "WG: x",
        "TR : x",
        "RV: x",
        "I: x",
        "ENC: x",
        "VS: x",
        "Doorst: x",
        "转发：x",
        "[A #1] Fwd: x",
    ],
)
def test_subjects_that_say_so(subject: str) -> None:
    assert forwarded.is_forward(subject)


@pytest.mark.parametrize("subject", ["Printer", "Re: Fwd", "Forward me", "Italy: x", "I am ill", ""])
def test_other_subjects(subject: str) -> None:
    assert not forwarded.is_forward(subject)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks.\n\nFrom: Bob <bob@x.example>\nSent: Monday\nTo: Ann\nSubject: Printer\n\nIt burns.",
        "Nothing was forwarded.",
        "From: the printer room\nit burns",
        "---------- Forwarded message ---------\nlost",
    ],
)
def test_what_is_none(text: str) -> None:
    assert forwarded.find(text, "Re: Printer") is None


def test_a_mail_that_forwards_keeps_the_older_text_as_its_words() -> None:
    raw = f"From: ann@y.example\r\nSubject: FW: Printer\r\n\r\n{FORWARDS['Outlook']}"
    mail = parse(raw.encode()).mail
    assert mail.forwarded is not None
    assert mail.forwarded.from_ == BOB
    assert mail.reply.endswith("It burns.")
    assert parse(raw.replace("FW:", "Re:").encode()).mail.reply == "Can you help?"


def calendar(method: str, *more: str) -> str:
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR", f"METHOD:{method}", "BEGIN:VTIMEZONE", "BEGIN:STANDARD", "DTSTART:19701025T030000", "END:STANDARD", "END:VTIMEZONE",
            "BEGIN:VEVENT", "SUMMARY:Review\\, second", " part", "DTSTART;TZID=Europe/Berlin:20261123T090000", "DTEND;TZID=Europe/Berlin:20261123T100000",
            "LOCATION:Room 5", 'ORGANIZER;CN="Ruiz, Ana":mailto:ana@x.example', "ATTENDEE;CN=Ben;PARTSTAT=ACCEPTED:MAILTO:ben@y.example",
            *more, "BEGIN:VALARM", "DESCRIPTION:no", "END:VALARM", "END:VEVENT", "END:VCALENDAR",
        ]
    )  # fmt: skip


def test_an_invitation_in_words() -> None:
    assert invitation.readable(calendar("REQUEST", "DESCRIPTION:Bring\\nnumbers.")) == (
        "Invitation: Review, secondpart\nWhen: 2026-11-23 09:00 – 10:00 (Europe/Berlin)\nWhere: Room 5\n"
        "Organizer: Ruiz, Ana <ana@x.example>\nWho: Ben <ben@y.example> (accepted)\n\nBring\nnumbers."
    )


@pytest.mark.parametrize(
    ("lines", "when"),
    [
        (["DTSTART;VALUE=DATE:20261124", "DTEND;VALUE=DATE:20261125"], "2026-11-24"),
        (["DTSTART:20261124T230000Z", "DTEND:20261125T010000Z"], "2026-11-24 23:00 – 2026-11-25 01:00 (UTC)"),
        (["DTSTART:20261124T230000"], "2026-11-24 23:00"),
        (["DTSTART:some day"], "some day"),
    ],
)
def test_moments(lines: list[str], when: str) -> None:
    source = "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"])
    assert invitation.readable(source) == f"When: {when}"


@pytest.mark.parametrize(
    "source", ["", "no calendar", "BEGIN:VCALENDAR\nEND:VCALENDAR", "END:VEVENT\nSUMMARY:x"]
)
def test_no_event_has_no_words(source: str) -> None:
    assert invitation.readable(source) == ""


def test_a_mail_that_is_only_an_invitation_shows_it() -> None:
    raw = f"From: ana@x.example\r\nContent-Type: text/calendar; method=CANCEL; charset=utf-8\r\n\r\n{calendar('CANCEL')}"
    mail = parse(raw.encode()).mail
    assert mail.text.startswith("Cancelled: Review")
    assert [file.type for file in mail.attachments] == ["text/calendar"]


@pytest.mark.parametrize(
    ("header", "body", "protection"),
    [
        ("multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b", "--b\r\n\r\nhi\r\n--b--\r\n", ("S/MIME signed",)),
        ("multipart/signed; protocol=\"application/pgp-signature\"; boundary=b", "--b\r\n\r\nhi\r\n--b--\r\n", ("PGP signed",)),
        ("multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b", "--b\r\n\r\nhi\r\n--b--\r\n", ("PGP encrypted",)),
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "x", ("S/MIME encrypted",)),
        ("application/x-pkcs7-mime; smime-type=signed-data", "x", ("S/MIME signed",)),
        ("text/plain", "-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----", ("PGP encrypted",)),
        ("text/plain", "hi", ()),
    ],
)  # fmt: skip
def test_protection_is_said(header: str, body: str, protection: tuple[str, ...]) -> None:
    assert (
        parse(f"From: a@x.example\r\nContent-Type: {header}\r\n\r\n{body}".encode()).mail.protection
        == protection
    )


def test_armour_is_no_part_of_the_words() -> None:
    body = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nIt burns.\n- -- \nAnn\n-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n"
    mail = parse(f"From: a@x.example\r\n\r\n{body}".encode()).mail
    assert (mail.reply, mail.signature, mail.protection) == ("It burns.", "Ann", ("PGP signed",))
    assert "BEGIN PGP" in mail.text
