"""Errors become answers in one place, and nothing of ours is in them."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from maild.errors import BadInput, NotNow, Refused, Unreachable
from maild.intake.reply import KEPT, TRY_LATER, Reply, reply_to


@pytest.mark.parametrize(
    ("error", "line", "logged"),
    [
        (Refused(550, "5.7.1", "Not here"), b"550 5.7.1 Not here\r\n", []),
        (Refused(452, "4.2.2", "Mailbox full"), b"452 4.2.2 Mailbox full\r\n", []),
        (Refused(550, "5.7.1", "a\r\n250 ok\x00ü"), b"550 5.7.1 a??250 ok??\r\n", []),
        (Refused(250, "2.0.0", "kept"), bytes(TRY_LATER), ["error"]),
        (NotNow("disk /var/lib full"), bytes(TRY_LATER), ["warning"]),
        (ValueError("password=hunter2"), bytes(TRY_LATER), ["error"]),
        (sqlite3.OperationalError("unable to open /var/lib/maild.db"), bytes(TRY_LATER), ["error"]),
        (Unreachable("db.internal"), bytes(TRY_LATER), ["error"]),
        (BadInput("secret"), bytes(TRY_LATER), ["error"]),
        (ConnectionResetError("db"), bytes(TRY_LATER), ["error"]),
        (TimeoutError(), bytes(TRY_LATER), ["error"]),
    ],
)
def test_every_error_has_its_answer(error, line, logged):
    with capture_logs() as logs:
        assert bytes(reply_to(error)) == line
    assert [entry["log_level"] for entry in logs] == logged
    assert all(entry.get("exc_info") is error for entry in logs if entry["log_level"] == "error")


@given(st.text())
def test_a_reply_is_always_one_line_of_ascii(text):
    line = bytes(Reply(550, "5.0.0", text))
    assert line.endswith(b"\r\n")
    assert line.count(b"\r") == line.count(b"\n") == 1
    assert line.isascii()


def test_several_lines():
    assert (
        bytes(Reply(250, "", "mx.test", ("SIZE 1", "PIPELINING")))
        == b"250-mx.test\r\n250-SIZE 1\r\n250 PIPELINING\r\n"
    )


def test_which_replies_are_the_last():
    assert [Reply(code, "", "").final for code in (220, 221, 250, 354, 421, 451, 500)] == [
        False,
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    assert not KEPT.final
