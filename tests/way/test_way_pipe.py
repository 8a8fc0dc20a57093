"""`maild deliver`: the pipe of a mail server, with and without a daemon, and its exit codes (sysexits.h)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from tests.way.desk import Desk, spawn
from tests.way.letters import answer, letter
from tests.way.relay import Relay

ASKED = "Hello, the projector in the big meeting room stays black, whatever we plug into it."
OK, NO_INPUT, NO_USER, LATER = 0, 65, 67, 75


def test_with_a_daemon_it_is_processed_there(desk: Desk) -> None:
    request = letter("pipe@globex.test", "By pipe", ASKED)
    done = desk.deliver(request, "--sender", "pipe@globex.test", "--recipient", "help@acme.test", run=spawn)
    assert (done.returncode, done.stdout) == (OK, b""), done.stderr
    mail = desk.gets("pipe@globex.test")
    assert mail["In-Reply-To"] == request["Message-ID"]
    route = next(event for event in desk.ticket(mail.number)["events"] if event["event"] == "route")
    assert (route["detail"]["route"], route["detail"]["recipients"]) == ("pipe", ["help@acme.test"])


def test_without_a_daemon_the_ticket_is_there_at_once_and_answered_later(
    new_desk: Callable[..., Desk],
) -> None:
    desk = new_desk()
    request = letter("alone@globex.test", "Nobody runs", ASKED)
    done = desk.deliver(request, "--sender", "alone@globex.test", run=spawn)
    assert done.returncode == OK, done.stderr
    [ticket] = desk.show("tickets")
    assert (ticket["subject"], ticket["state"]) == ("Nobody runs", "new")
    waiting = desk.show("queue", "list")
    assert ("acknowledgement", "alone@globex.test", "queued") in [(one["kind"], one["to"], one["state"]) for one in waiting]  # fmt: skip
    desk.start()
    assert desk.gets("alone@globex.test")["In-Reply-To"] == request["Message-ID"]


def test_the_null_sender_of_the_pipe_is_not_acknowledged(desk: Desk) -> None:
    assert (
        desk.deliver(letter("pipenull@globex.test", "Null by pipe", ASKED), "--sender", "<>").returncode == OK
    )
    desk.gets("chen@acme.test", lambda mail: "Null by pipe" in mail["Subject"])
    desk.quiet()
    assert desk.relay.to("pipenull@globex.test") == []


def test_unauthenticated_drops_every_claim_of_identity(desk: Desk) -> None:
    desk.smtp(letter("claim@globex.test", "Claims", ASKED))
    number = desk.gets("claim@globex.test").number
    reply = answer(desk.told("ana@acme.test", number), "ana@acme.test", "#priority 1\n#note\nOnly a claim.")
    head = b"Authentication-Results: mx.acme.test; dmarc=pass header.from=acme.test\r\n"
    done = desk.deliver(head + reply.as_bytes(), "--sender", "ana@acme.test", "--recipient", str(reply["To"]), "--unauthenticated")  # fmt: skip
    assert done.returncode == OK
    desk.quiet()
    assert desk.ticket(number)["priority"] == 3
    assert desk.deliver(head + reply.as_bytes().replace(b"Only a claim", b"A proof"), "--sender", "ana@acme.test").returncode == OK  # fmt: skip
    desk.quiet()
    assert desk.ticket(number)["priority"] == 1


def test_nothing_on_stdin_is_bad_input(desk: Desk) -> None:
    assert desk.deliver(b"").returncode == NO_INPUT


def test_a_mail_that_is_too_big_is_bad_input(desk: Desk) -> None:
    done = desk.deliver(b"Subject: big\r\n\r\n" + b"x" * 3_000_000)
    assert done.returncode == NO_INPUT
    assert b"5.3.4" in done.stderr


def test_a_recipient_that_is_not_ours_is_no_user(desk: Desk) -> None:
    done = desk.deliver(letter("who@globex.test", "Who", ASKED), "--recipient", "nobody@acme.test")
    assert done.returncode == NO_USER
    assert b"5.1.1" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [("[desk\n", b"maild.toml:1:"), ('[desk]\nname = "x"\n', b"address"), ("[store]\nurl = 7\n", b"url")],
)
def test_a_broken_configuration_makes_the_mail_server_try_again(new_desk: Callable[..., Desk], text: str, said: bytes) -> None:  # fmt: skip
    desk = new_desk()
    right = desk.config.read_text()
    desk.config.write_text(text)
    done = desk.deliver(letter("later@globex.test", "Later", ASKED))
    assert done.returncode == LATER
    assert said in done.stderr
    desk.config.write_text(right)


def test_broken_rules_do_not_keep_mail_out(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    rules = desk.folder / "rules" / "10-people.yaml"
    right = rules.read_text()
    rules.write_text("teams: [\n")
    done = desk.deliver(letter("patient@globex.test", "Patience", ASKED), "--sender", "patient@globex.test")
    assert done.returncode == OK, done.stderr
    assert b"to be processed later" in done.stderr
    assert desk.show("tickets") == []
    rules.write_text(right)
    desk.start()
    assert desk.gets("patient@globex.test").number == 1


def test_a_store_that_is_in_use_makes_the_mail_server_try_again(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    assert desk.show("tickets") == []
    holder = sqlite3.connect(desk.folder / "var" / "maild.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    done = desk.deliver(letter("busy@globex.test", "Busy", ASKED), run=spawn)
    holder.execute("ROLLBACK")
    holder.close()
    assert done.returncode == LATER, done.stderr


def test_a_store_that_cannot_be_reached_makes_the_mail_server_try_again(new_desk: Callable[..., Desk], world: Relay) -> None:  # fmt: skip
    """Postfix would bounce the mail for any other code."""
    desk = new_desk()
    var = desk.folder / "var"
    var.write_text("a file where the folder should be")
    done = desk.deliver(letter("disk@globex.test", "Disk", ASKED))
    assert done.returncode == LATER, done.stderr
    assert desk.maild("tickets").returncode == 69
    var.unlink()


def test_a_damaged_store_makes_the_mail_server_try_again(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    (desk.folder / "var").mkdir()
    database = desk.folder / "var" / "maild.db"
    database.write_bytes(b"this is no database at all. " * 400)
    done = desk.deliver(letter("damage@globex.test", "Damage", ASKED))
    assert done.returncode == LATER, done.stderr
    database.unlink()


def test_wrong_usage_is_2(desk: Desk) -> None:
    assert desk.deliver(b"", "--resipient", "support@acme.test").returncode == 2
