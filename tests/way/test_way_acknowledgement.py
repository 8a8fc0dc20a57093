"""A new request: its acknowledgement, its ticket, and who of the desk hears of it."""

from __future__ import annotations

import re
import time

from tests.way.desk import Desk
from tests.way.letters import letter

PRINTER = "Good morning,\n\nour printer in the second floor prints every page twice since Monday. What can we do about it?"
IMPRESORA = "Buenos días,\n\nnuestra impresora imprime cada página dos veces desde el lunes. ¿Qué podemos hacer para arreglarla?"


def test_it_comes_within_five_seconds_and_threads(desk: Desk) -> None:
    request = letter("Carla Gómez <carla@globex.test>", "Printer prints twice", PRINTER)
    desk.smtp(request)
    accepted = time.monotonic()
    mail = desk.gets("carla@globex.test")
    assert mail.at - accepted < 5
    assert mail["In-Reply-To"] == request["Message-ID"]
    assert mail["References"] == request["Message-ID"]
    assert mail["Subject"] == f"[Acme #{mail.number}] Printer prints twice"


def test_its_headers_say_that_it_is_automatic_and_where_answers_go(desk: Desk) -> None:
    _, mail = desk.ask("otto@globex.test", "Headers", PRINTER)
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["Precedence"] == "bulk"
    assert mail["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"
    assert mail.mail["From"].addresses[0].addr_spec == "support@acme.test"
    assert [one.addr_spec for one in mail.mail["To"].addresses] == ["otto@globex.test"]
    assert mail["Cc"] == ""
    assert re.fullmatch(r"support\+[a-z0-9]+@acme\.test", mail.reply_address)
    assert len(mail.reply_address.partition("@")[0]) <= 64
    assert len(mail["Message-ID"]) <= 70
    assert mail.mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.mail.iter_parts()] == ["text/plain", "text/html"]


def test_its_envelope_sender_is_a_bounce_address_of_its_own(desk: Desk) -> None:
    _, mail = desk.ask("bea@globex.test", "Envelope", PRINTER)
    assert re.fullmatch(r"support\+[a-z0-9]+@acme\.test", mail.sender)
    assert mail.sender != mail.reply_address
    _, other = desk.ask("bea@globex.test", "Envelope again", PRINTER + " Again.")
    assert other.sender != mail.sender


def test_it_tells_the_number_the_subject_and_when_but_never_the_words(desk: Desk) -> None:
    _, mail = desk.ask("nora@globex.test", "A secret of Nora", f"{PRINTER}\n\nThe code is XYZZY-4711.")
    for body in (mail.text, mail.html):
        assert f"number is {mail.number}" in " ".join(re.sub(r"<[^>]*>", "", body).split())
        assert "A secret of Nora" in body
        assert "First line" in body
    assert "xyzzy-4711" not in mail.everything()
    assert "second floor" not in mail.everything()


def test_it_speaks_the_requesters_language(desk: Desk) -> None:
    _, spanish = desk.ask("lola@cliente.test", "La impresora no funciona", IMPRESORA)
    _, english = desk.ask("lena@client.test", "The printer does not work", PRINTER)
    assert (spanish["Content-Language"], english["Content-Language"]) == ("es", "en")
    assert "petición" in spanish.text or "solicitud" in spanish.text
    assert "thank you" in english.text
    assert desk.ticket(spanish.number)["language"] == "es"


def test_the_subject_carries_the_tag_once_whatever_came(desk: Desk) -> None:
    _, mail = desk.ask("max@globex.test", "AW: RE: Fwd: [Acme #999999] Re: Toner", PRINTER)
    assert mail["Subject"] == f"[Acme #{mail.number}] Toner"


def test_nothing_in_a_subject_or_name_becomes_a_header(desk: Desk) -> None:
    request = letter("evil@globex.test", "x", PRINTER).as_bytes()
    request = request.replace(
        b"Subject: x", b"Subject: =?utf-8?q?Hi=0D=0ABcc:_victim@world.test=0D=0A?= there"
    )
    request = request.replace(
        b"From: evil@globex.test", b"From: =?utf-8?q?Eve=0D=0AX-Evil:_1?= <evil@globex.test>"
    )
    desk.smtp(request, sender="evil@globex.test")
    mail = desk.gets("evil@globex.test")
    assert "Bcc" not in mail.mail
    assert "X-Evil" not in mail.mail
    assert "Bcc: victim@world.test there" in mail["Subject"]


def test_the_team_and_the_admins_are_told(desk: Desk) -> None:
    _, mail = desk.ask("tim@globex.test", "For the team", PRINTER)
    for agent in ("ana@acme.test", "ben@acme.test", "chen@acme.test"):
        told = desk.told(agent, mail.number)
        assert told["Subject"] == f"[Acme #{mail.number}] For the team"
        assert [one.addr_spec for one in told.mail["To"].addresses] == [agent]
        assert told["Auto-Submitted"] == "auto-generated"
        assert told.mail["From"].addresses[0].addr_spec == "support@acme.test"
        assert "second floor" in told.text
        assert "goes to tim@globex.test (the requester)" in told.text
        assert "Globex" in told.text
        assert "#note" in told.text


def test_the_notification_brings_the_attachments(desk: Desk) -> None:
    _, mail = desk.ask(
        "pia@globex.test",
        "With a log",
        PRINTER,
        attachments=[("log of today.txt", "text/plain", b"line 1\n")],
    )
    told = desk.told("ben@acme.test", mail.number)
    files = {part.get_filename(): part.get_content() for part in told.mail.iter_attachments()}
    assert files == {"log of today.txt": "line 1\n"}


def test_the_ticket_as_programs_see_it(desk: Desk) -> None:
    _, mail = desk.ask("Rosa Luz <rosa@globex.test>", "Facts", PRINTER)
    found = desk.ticket(mail.number)
    expected = {
        "id": mail.number, "subject": "Facts", "state": "new", "type": None, "category": None, "severity": None, "priority": 3, "level": 1,
        "tags": [], "fields": {}, "language": "en", "channel": "email", "participants": [], "team": "support", "assignee": None, "sla": "gold",
        "requester": {"name": "Rosa Luz", "address": "rosa@globex.test", "phone": None, "organisation": "Globex"}, "breached": [], "cause": None,
        "solution": None, "merged_into": None, "links": [], "minutes_spent": 0, "satisfaction": None,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    for name in (
        "created_at",
        "updated_at",
        "received_at",
        "first_response_due",
        "update_due",
        "resolution_due",
    ):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found[name]), name
    came, went = found["messages"]
    assert (came["direction"], came["public"], came["kind"], came["from"]) == (
        "in", True, "person", "rosa@globex.test")  # fmt: skip
    assert came["from_name"] == "Rosa Luz"
    assert came["to"] == ["support@acme.test"]
    assert came["text"].split() == PRINTER.split()
    assert came["delivery"] is None
    assert (went["direction"], went["public"], went["kind"], went["to"]) == (
        "out", True, "acknowledgement", ["rosa@globex.test"])  # fmt: skip
    desk.quiet()
    assert desk.ticket(mail.number)["messages"][1]["delivery"] == "sent"
    events = [event["event"] for event in found["events"]]
    assert {"created", "route"} <= set(events)
    route = next(event for event in found["events"] if event["event"] == "route")
    assert route["detail"]["route"] == "smtp"
    assert route["detail"]["recipients"] == ["support@acme.test"]
    listed = desk.show("tickets", "--requester", "rosa@globex.test")
    assert listed == [{name: value for name, value in desk.ticket(mail.number).items() if name not in ("messages", "events", "time", "needs")}]  # fmt: skip


def test_clocks_start_when_it_came_not_when_it_says_it_was_written(desk: Desk) -> None:
    old = {"Date": "Mon, 02 Mar 2020 10:00:00 +0000"}
    request = letter("rip@globex.test", "Slept long", PRINTER, headers=old)
    desk.smtp(request)
    told = desk.gets("chen@acme.test", lambda mail: "Slept long" in mail["Subject"])
    found = desk.ticket(told.number)
    assert not found["received_at"].startswith("2020")
    desk.quiet()
    assert desk.relay.to("rip@globex.test") == []  # older than limits.acknowledge_within
