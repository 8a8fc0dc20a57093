"""How words of the command line become commands, and how tickets and mails are shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from maild import documents
from maild.desk.facts import Attachment
from maild.desk.people import Message, Person, Ticket
from maild.desk.words import State
from maild.message.inspect import document
from maild.message.parse import parse
from maild.show import as_json, as_json_rows, tickets
from maild.show_messages import folded, inspected, ticket
from maild.ticket_command import command_lines
from store.rows import HistoryLine


@pytest.mark.parametrize(
    ("words", "commands", "text"),
    [
        ((), (), ""),
        (("solve",), ("#solve",), ""),
        (("priority", "1"), ("#priority 1",), ""),
        (("assign", "ana@acme.test"), ("#assign ana@acme.test",), ""),
        (("note", "Called", "her."), ("#note",), "Called\nher."),
        (("reopen", "priority", "2"), ("#reopen priority 2",), ""),
        (("close", "now"), ("#close now",), ""),
        (("#priority", "2"), ("#priority 2",), ""),
        (
            ("#priority 1", "#tag outage", "#public", "We are on it."),
            ("#priority 1", "#tag outage", "#public"),
            "We are on it.",
        ),
        (("#note", "##1 is broken"), ("#note",), "#1 is broken"),
        (("#solved", "#public", "Done."), ("#solved", "#public"), "Done."),
    ],
)
def test_command_lines(words: tuple[str, ...], commands: tuple[str, ...], text: str) -> None:
    assert command_lines(words) == (commands, text)


@pytest.mark.parametrize(
    ("text", "reply", "line"),
    [
        ("Yes.", "Yes.", ""),
        ("", "", ""),
        ("Yes.\n\nOn Monday, Ann <a@x.example> wrote:\n> Really?\n> Sure?", "Yes.", "[… 3 quoted lines]"),
        ("Yes.\n\n> Really?", "Yes.", "[… 1 quoted line]"),
        ("Yes.\n\n-- \nBob\nHead", "Yes.", "[… signature]"),
        ("Yes.\n\n-- \nBob\n\nOn Monday, Ann <a@x.example> wrote:\n> Really?", "Yes.", "[… 2 quoted lines, signature]"),
        ("> one\nYes.\n> two\nNo.", "> one\nYes.\n> two\nNo.", ""),
        ("Same.\nSame.\n> Same.", "Same.\nSame.", "[… 1 quoted line]"),
    ],
)  # fmt: skip
def test_what_is_folded(text: str, reply: str, line: str) -> None:
    assert folded(text, reply) == line


def test_messages_are_shown_with_their_quotes_folded(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 11, 16, 8, tzinfo=UTC)
    text = "Yes.\n\nOn Monday, Ann <a@x.example> wrote:\n> Really?"
    file = Attachment("a.pdf", "application/pdf", 12_345, False, "0" * 64)
    message = Message(
        1, 1, at, "in", True, "person", "Bob", "bob@x.example", (), "s", text, "Yes.", attachments=(file,)
    )
    kept = Ticket(1, "s", State.OPEN, Person(1, "Bob", "bob@x.example"), at, at, at)
    found = {
        **documents.ticket(kept, []),
        "time": [],
        "needs": [],
        "messages": [documents.message(message)],
        "events": [],
    }
    ticket(found)
    shown = capsys.readouterr().out
    assert "  Yes.\n  [… 2 quoted lines]\n  [a.pdf, application/pdf, 12 kB]\n" in shown
    assert "Really" not in shown
    ticket(found, full=True)
    shown = capsys.readouterr().out
    assert "> Really?" in shown
    assert "[…" not in shown


def test_inspect_says_what_a_mail_is_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    raw = (
        b"From: Bob <bob@x.example>\r\nTo: desk@y.example\r\nSubject: Automatic reply: away\r\nAuto-Submitted: auto-replied\r\nMessage-ID: <1@x.example>\r\n\r\n"
        b"I am\x1b[31m away.\r\n"
    )
    inspected(document("away.eml", parse(raw).mail))
    shown = capsys.readouterr().out
    assert (
        "kind       auto-reply, because Auto-Submitted: auto-replied; the subject says 'Automatic reply"
        in shown
    )
    assert "automatic  no answer, because Auto-Submitted: auto-replied" in shown
    assert "\x1b[31m" not in shown


def test_inspect_shows_a_bounce_and_a_forward(capsys: pytest.CaptureFixture[str]) -> None:
    bounce = b"From: MAILER-DAEMON@x.example\r\nSubject: Undelivered Mail Returned to Sender\r\nX-Failed-Recipients: gone@y.example\r\n\r\n550 5.1.1 no such user\r\n"
    inspected(document("bounce.eml", parse(bounce).mail))
    shown = capsys.readouterr().out
    assert "bounce     failed for good" in shown
    assert "gone@y.example  5.1.1" in shown
    forward = b"From: ann@y.example\r\nSubject: Fwd: Fire\r\n\r\nPlease.\r\n\r\nFrom: Bob <bob@x.example>\r\nSent: Monday, November 16, 2026 9:00 AM\r\nTo: Ann\r\nSubject: Fire\r\n\r\nIt burns.\r\n"
    inspected(document("forward.eml", parse(forward).mail))
    shown = capsys.readouterr().out
    assert "forwarded  Bob <bob@x.example> – Fire" in shown
    assert "with the words: Please." in shown


def test_time_is_shown_by_agent_and_with_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 11, 16, 8, tzinfo=UTC)
    said = Message(1, 1, at, "in", False, "person", "Ana", "ana@x.example", (), "s", "t", "t", minutes=85)
    kept = Ticket(
        1, "s", State.OPEN, Person(1, "Bob", "bob@x.example"), at, at, at, minutes_spent=90, cause="Rust"
    )
    alone = HistoryLine(1, 1, at, "ben@x.example", "time", {"minutes": 5, "by": "ben@x.example"}, ())
    found = documents.ticket(kept, []) | {
        "time": documents.time_spent([said], [alone]), "needs": [], "messages": [documents.message(said)], "events": []
    }  # fmt: skip
    ticket(found)
    shown = capsys.readouterr().out
    assert "time             1 h 30 min (ana@x.example 1 h 25 min, ben@x.example 5 min)\n" in shown
    assert "Ana  (note, 1 h 25 min)\n" in shown
    assert "cause            Rust\n" in shown


@pytest.mark.parametrize("rows", [[], [{"a": [1, {"b": "x\ny"}], "c": {}}], [{"id": 1}, {"id": 2}, [3]]])
def test_a_list_of_any_length_is_written_as_if_it_were_short(
    rows: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    as_json(rows)
    whole = capsys.readouterr().out
    as_json_rows(iter(rows))
    assert capsys.readouterr().out == whole


def test_tickets_page_by_page(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    carla = Person(1, "Carla", "carla@home.test")
    found = [
        Ticket(number, f"Fire {number}", State.NEW, carla, at, at, at, priority=3, level=1)
        for number in (1, 2, 3)
    ]
    tickets(iter([found[:2], found[2:]]))
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line] == ["ticket", "#1", "#2", "ticket", "#3"]
    tickets(iter([]))
    assert capsys.readouterr().out == "no tickets\n"
