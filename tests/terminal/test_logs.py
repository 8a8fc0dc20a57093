"""Logs: one line an event, whatever strangers write."""

from __future__ import annotations

import contextlib
import errno
import io
import json

import pytest
import structlog

from maild import logs


@pytest.fixture(autouse=True)
def _as_before() -> object:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


HOSTILE = "<a\r\n2026-01-01T00:00:00Z info    mail sent\x1b[2J\u2028\x85\x9b\u202e@x>"


@pytest.mark.parametrize("format_", ["text", "json"])
@pytest.mark.parametrize("env", [{}, {"JOURNAL_STREAM": "8:1"}])
def test_a_text_of_strangers_is_one_printable_line(
    format_: str, env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(format_, "info", env)
    structlog.get_logger("t").info("mail kept", intake=7, message_id=HOSTILE, peer=None)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.rstrip("\n").isprintable()
    if format_ == "json":
        assert json.loads(told.removeprefix("<6>"))["message_id"] == HOSTILE


@pytest.mark.parametrize("env", [{}, {"JOURNAL_STREAM": "8:1"}])
def test_a_traceback_cannot_be_taken_for_events(
    env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("text", "info", env)
    try:
        raise ValueError("odd\n2026-01-01T00:00:00Z error   forged\x1b[2J")
    except ValueError:
        structlog.get_logger("t").exception("mail failed")
    first, *rest = capsys.readouterr().err.splitlines()
    assert "mail failed" in first
    assert len(rest) > 2
    for line in rest:
        assert line.removeprefix("<3>").startswith("    ")
        assert line.isprintable()


def test_plain_values_stay_plain(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "info", {"JOURNAL_STREAM": "8:1"})
    structlog.get_logger("t").info(
        "mail kept", intake=7, peer="192.0.2.1", subject="Grüße", text="two words", none=""
    )
    assert (
        capsys.readouterr().err
        == '<6>info    mail kept intake=7 peer=192.0.2.1 subject=Grüße text="two words" none=""\n'
    )


def test_commands_say_only_what_is_wrong_and_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    logs.to_stderr()
    structlog.get_logger("t").info("mail kept", intake=7)
    structlog.get_logger("t").warning("taken up again", mails=2)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "warning taken up again mails=2\n"


def test_what_is_said_together_is_written_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """But for what is wrong; and of what is undone only that is said."""
    logs.configure("text", "info", {})
    log = structlog.get_logger("t")
    with logs.together():
        log.info("mail kept", intake=7)
        log.warning("mail failed", intake=8)
        log.info("mail kept", intake=9)
        assert capsys.readouterr().err.endswith("warning mail failed intake=8\n")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("info    mail kept intake=7")
    assert second.endswith("info    mail kept intake=9")
    with contextlib.suppress(RuntimeError), logs.together():
        log.info("mail kept", intake=10)
        raise RuntimeError("whatever happens")
    assert capsys.readouterr().err == ""
    log.info("mail sent", outbox=1)
    assert capsys.readouterr().err.endswith("info    mail sent outbox=1\n")


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even when it is said of what is committed already."""
    monkeypatch.setattr("sys.stderr", Full())
    logs.configure("text", "info", {})
    structlog.get_logger("t").error("mail failed")
    with logs.together():
        structlog.get_logger("t").info("mail kept")
    structlog.get_logger("t").exception("mail failed")
