"""The way in: what is accepted, what is refused, and the same mail again."""

from __future__ import annotations

import smtplib
from collections.abc import Callable

import pytest

from tests.way.desk import Desk, Dialogue
from tests.way.letters import DESK, answer, letter

ASKED = "Hello, our meeting room has no chairs any more. Could somebody bring us some, please?"


def routes(desk: Desk, number: int) -> list[tuple[str, list[str]]]:
    return [
        (event["detail"]["route"], event["detail"]["recipients"])
        for event in desk.ticket(number)["events"]
        if event["event"] == "route"
    ]


def persons(desk: Desk, number: int) -> int:
    return sum(one["kind"] == "person" for one in desk.ticket(number)["messages"])


def test_two_recipients_of_the_desk_are_one_message(desk: Desk) -> None:
    request = letter("two@globex.test", "Two recipients", ASKED, to="support@acme.test, help@acme.test")
    desk.smtp(request, to=["support@acme.test", "help@acme.test"])
    number = desk.gets("two@globex.test").number
    desk.quiet()
    assert persons(desk, number) == 1
    assert len(desk.relay.to("two@globex.test")) == 1
    assert {to for _, recipients in routes(desk, number) for to in recipients} == {"support@acme.test", "help@acme.test"}  # fmt: skip


def test_the_same_mail_by_every_route_is_one_message_with_all_routes_kept(desk: Desk) -> None:
    request = letter("routes@globex.test", "By all routes", ASKED)
    desk.smtp(request)
    number = desk.gets("routes@globex.test").number
    desk.smtp(b"Received: from a.test by b.test; Mon, 2 Mar 2026 10:00:00 +0000\r\n" + request.as_bytes(), sender="list@else.test")  # fmt: skip
    assert desk.lmtp(request, to=["help@acme.test"])[0].startswith("250")
    assert desk.deliver(request, "--sender", "routes@globex.test", "--recipient", "soporte@acme.test").returncode == 0  # fmt: skip
    desk.quiet()
    assert persons(desk, number) == 1
    assert [route for route, _ in routes(desk, number)] == ["smtp", "smtp", "lmtp", "pipe"]
    assert len(desk.relay.to("routes@globex.test")) == 1
    assert len(desk.show("tickets", "--requester", "routes@globex.test")) == 1


def test_the_same_again_in_another_encoding_is_the_same(desk: Desk) -> None:
    request = letter(
        "enc@globex.test", "Encodings", "Grüße, wir brauchen bitte noch drei Stühle für den großen Saal."
    )
    desk.smtp(request)
    number = desk.gets("enc@globex.test").number
    again = letter("enc@globex.test", "Encodings", "", headers={"Message-ID": request["Message-ID"], "Date": request["Date"]})  # fmt: skip
    again.set_content("Grüße, wir brauchen bitte noch drei Stühle für den großen Saal.", cte="base64")
    desk.smtp(again)
    desk.quiet()
    assert persons(desk, number) == 1
    assert len(routes(desk, number)) == 2


def test_the_same_message_id_with_other_words_is_a_second_message(desk: Desk) -> None:
    request = letter("reuse@globex.test", "Reused number", ASKED)
    desk.smtp(request)
    first = desk.gets("reuse@globex.test").number
    other = letter("reuse@globex.test", "Reused number", "Something else entirely, about tables.",
                   headers={"Message-ID": request["Message-ID"], "Date": request["Date"]})  # fmt: skip
    desk.smtp(other)
    desk.quiet()
    tickets = desk.show("tickets", "--requester", "reuse@globex.test")
    assert sum(persons(desk, ticket["id"]) for ticket in tickets) == 2
    assert first in [ticket["id"] for ticket in tickets]


def test_without_a_message_id_words_and_sender_tell(desk: Desk) -> None:
    nameless = {"Message-ID": ""}
    for text in (ASKED, ASKED, ASKED + " And a table."):
        desk.smtp(letter("nameless@globex.test", "No Message-ID", text, headers=nameless))
        desk.quiet()
    assert len(desk.show("tickets", "--requester", "nameless@globex.test")) == 2


def test_an_agents_answer_twice_is_sent_once(desk: Desk) -> None:
    desk.smtp(letter("once@globex.test", "Once", ASKED))
    number = desk.gets("once@globex.test").number
    reply = answer(desk.told("ana@acme.test", number), "Ana Ruiz <ana@acme.test>", "The chairs are coming.")
    desk.smtp(reply)
    desk.smtp(reply)
    desk.quiet()
    assert len([mail for mail in desk.relay.to("once@globex.test") if "are coming" in mail.text]) == 1


def test_lmtp_answers_each_recipient(desk: Desk) -> None:
    request = letter("lmtp@globex.test", "By LMTP", ASKED)
    replies = desk.lmtp(request, to=["support@acme.test", "nobody@acme.test", "help@acme.test"])
    assert [reply[:9] for reply in replies] == ["250 2.0.0", "550 5.1.1", "250 2.0.0"]
    assert desk.gets("lmtp@globex.test")["In-Reply-To"] == request["Message-ID"]


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("nobody@acme.test", b"550"),
        ("support@else.test", b"550"),
        ("customer@globex.test", b"550"),
        ("support@acme.test", b"250"),
        ("SUPPORT@ACME.TEST", b"250"),
        ("soporte@acme.test", b"250"),
        ("support+whatever@acme.test", b"250"),
        ("postmaster@acme.test", b"250"),
        ("postmaster", b"250"),
    ],
)
def test_only_our_own_recipients_are_taken(desk: Desk, recipient: str, code: bytes) -> None:
    with Dialogue.tcp(desk.smtp_port) as talk:
        talk.say("EHLO client.test")
        assert talk.say("MAIL FROM:<someone@globex.test>").startswith("250")
        reply = talk.say(f"RCPT TO:<{recipient}>")
    assert reply.startswith("550 5.1.1" if code == b"550" else "250"), reply


def test_the_null_sender_is_taken(desk: Desk) -> None:
    with Dialogue.tcp(desk.smtp_port) as talk:
        talk.say("EHLO client.test")
        assert talk.say("MAIL FROM:<>").startswith("250")
        assert talk.say("RCPT TO:<support@acme.test>").startswith("250")


def test_a_mail_that_is_too_big_is_refused(desk: Desk) -> None:
    with pytest.raises(smtplib.SMTPException) as refused:
        desk.smtp(letter("big@globex.test", "Big", "x" * 70 + "\n" + ("y" * 70 + "\n") * 40_000))
    assert "552" in str(refused.value)


def test_a_mail_in_a_loop_is_refused(desk: Desk) -> None:
    hops = b"Received: from a.test by b.test; Mon, 2 Mar 2026 10:00:00 +0000\r\n" * 101
    with pytest.raises(smtplib.SMTPDataError) as refused:
        desk.smtp(hops + letter("loop@globex.test", "Loop", ASKED).as_bytes(), sender="loop@globex.test")
    assert (refused.value.smtp_code, refused.value.smtp_error[:5]) == (554, b"5.4.6")


def test_big_mail_arrives_whole(desk: Desk) -> None:
    content = bytes(range(256)) * 4000
    desk.smtp(letter("film@globex.test", "A film", ASKED, attachments=[("film.bin", "application/octet-stream", content)]))  # fmt: skip
    number = desk.gets("film@globex.test").number
    told = desk.told("ana@acme.test", number)
    assert [part.get_content() for part in told.mail.iter_attachments()] == [content]


def test_odd_octets_and_endless_lines_are_taken_and_told(desk: Desk) -> None:
    head = b"From: odd@globex.test\r\nTo: support@acme.test\r\nSubject: Odd octets\r\nMessage-ID: <odd@globex.test>\r\n\r\n"
    desk.smtp(head + b"zero \x00 and \xff\xfe and a line of " + b"x" * 20_000 + b"\r\n.\r\nthe end\r\n", sender="odd@globex.test")  # fmt: skip
    number = desk.gets("odd@globex.test").number
    assert "the end" in desk.ticket(number)["messages"][0]["text"]


def test_250_means_that_it_is_on_disk(new_desk: Callable[..., Desk]) -> None:
    """The daemon is killed as soon as it has answered; when it is back, the mail is processed, once."""
    desk = new_desk()
    desk.start()
    requests = [letter(f"durable{n}@globex.test", f"Durable {n}", f"{ASKED} Room {n}.") for n in range(3)]
    for request in requests:
        desk.smtp(request)
        desk.kill9()
        desk.start()
    for request in requests:
        mail = desk.gets(request["From"])
        assert mail["In-Reply-To"] == request["Message-ID"]
    desk.quiet()
    assert len(desk.show("tickets")) == 3


def test_after_a_lost_answer_the_client_sends_again_and_nothing_is_twice(desk: Desk) -> None:
    request = letter("lost@globex.test", "Lost answer", ASKED)
    with Dialogue.tcp(desk.smtp_port) as talk:
        for line in ("EHLO client.test", "MAIL FROM:<lost@globex.test>", f"RCPT TO:<{DESK}>", "DATA"):
            talk.say(line)
        talk.send(request.as_bytes() + b"\r\n.\r\n")  # and gone, before the answer
    desk.smtp(request)
    desk.gets("lost@globex.test")
    desk.quiet()
    assert len(desk.show("tickets", "--requester", "lost@globex.test")) == 1
    assert len(desk.relay.to("lost@globex.test")) == 1
