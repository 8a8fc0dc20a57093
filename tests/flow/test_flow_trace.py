"""The way of one mail, read out of the store: what waits, what failed, what was held, what came back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from maild.errors import BadInput
from maild.tracing import bracketed, document, printed
from store import Store
from tests.flow.stage import Stage, mail, stage


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Stage:
    return stage(tmp_path, store)


def way(desk: Stage, message_id: str) -> dict[str, object]:
    with desk.store.read() as work:
        return document(work, message_id)


@pytest.mark.parametrize(
    "written", ["<a@b>", "a@b", " <a@b> ", "Message-ID: <a@b>", "message-id:a@b", "a@b>"]
)
def test_brackets_may_be_left_out(written: str) -> None:
    assert bracketed(written) == "<a@b>"


def test_from_waiting_to_quarantine(desk: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    desk.take(mail("Carla <carla@globex.test>", "Hello", "Hello.", 1))
    [arrival] = way(desk, "<1@client.test>")["incoming"]  # type: ignore[misc]
    assert (arrival["state"], arrival["message"], arrival["sent"]) == ("waiting", None, [])
    with desk.store.work() as work:
        [row] = work.claim_intake("n", desk.now[0], timedelta(minutes=1), 5)
        assert row.message_id == "<1@client.test>"
        assert work.fail_intake(row.id, "Traceback\nValueError: \x1b[2Jodd", desk.now[0], 1, desk.now[0])
    found = way(desk, "<1@client.test>")
    [arrival] = found["incoming"]  # type: ignore[misc]
    assert arrival["state"] == "quarantined"
    printed(found)
    told = capsys.readouterr().out
    assert "quarantined, 1 attempts: ValueError:" in told
    assert "\x1b[2J" not in told


def test_what_a_report_says_of_a_mail_of_ours(desk: Stage) -> None:
    desk.take(mail("Carla <carla@globex.test>", "Hello", "Hello.", 1))
    desk.work()
    ours = next(mail for one, mail in desk.sent() if one.row.recipient == "carla@globex.test")
    with desk.store.work() as work:
        row = work.outgoing_named(str(ours["Message-ID"]))
        assert row is not None
        work.mail_failed(row.id, desk.now[0], "550 5.1.1 gone", "bounce")
        work.record(
            1, "desk", "undeliverable", {"to": "carla@globex.test", "reason": "550 gone"}, (), desk.now[0]
        )
        work.record(
            1, "desk", "undeliverable", {"to": "dora@globex.test", "reason": "another's"}, (), desk.now[0]
        )
    sent = way(desk, str(ours["Message-ID"]))["outgoing"]
    assert sent["state"] == "failed"  # type: ignore[index]
    assert sent["failed_by"] == "bounce"  # type: ignore[index]
    assert [one["detail"]["reason"] for one in sent["came_back"]] == ["550 gone"]  # type: ignore[index]


def test_what_only_others_name_is_said(desk: Stage) -> None:
    headers = ["References: <elsewhere@client.test>"]
    desk.take(mail("Carla <carla@globex.test>", "Hello", "Hello.", 1, headers=headers))
    desk.work()
    with pytest.raises(BadInput, match="mails of ticket #1 name it"):
        way(desk, "<elsewhere@client.test>")
    with pytest.raises(BadInput, match=r"like it are <1@client\.test>"):
        way(desk, "<2@client.test>")
