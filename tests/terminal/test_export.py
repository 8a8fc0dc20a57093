"""`maild export`: everything, whole or not at all, and nothing undocumented."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maild import exporting
from maild.errors import BadInput, NotNow
from maild.export_readme import DOCUMENTS
from maild.exporting import Summary, write
from store import Store, Work
from store.rows import NewPost
from tests.flow import stage as s
from tests.way.desk import maild

WITH_FILE = (
    b"From: Carla <carla@globex.test>\r\nTo: support@acme.test\r\nSubject: Printer\r\nMessage-ID: <f@client.test>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt does not print.\r\n--b\r\n'
    b'Content-Type: text/csv; name="log.csv"\r\nContent-Disposition: attachment; filename="log.csv"\r\n\r\na;b\r\n--b--\r\n'
)
REPORT = s.mail(
    "Robot <robot@globex.test>", "Auto: away", "I am away.", 9, headers=("Auto-Submitted: auto-replied",)
)


@pytest.fixture(name="desk")
def _desk(tmp_path: Path, store: Store) -> s.Stage:
    """Three tickets, one of them merged into another, an attachment, notes, a mail that belongs nowhere, and one not yet processed."""
    (tmp_path / "desk").mkdir()
    desk = s.stage(tmp_path / "desk", store)
    desk.take(WITH_FILE)
    desk.take(
        s.mail("Pía <pia@initech.test>", "Rechnung", "¿Dónde está mi factura?", 2), sender="pia@initech.test"
    )
    desk.take(s.mail("Carla <carla@globex.test>", "Printer again", "Still not.", 3))
    desk.take(REPORT, sender="robot@globex.test")
    desk.work()
    desk.flow.act(3, "admin", ("#merge 1",), "")
    desk.flow.act(1, "ana@acme.test", ("#note", "#time 25m", "#cause Rust"), "She calls often.")
    desk.take(s.mail("Carla <carla@globex.test>", "Not yet", "One more.", 4))
    with store.work() as work:
        work.queue_post(
            NewPost("e", "evt_1", "https://x.test/", "x.test", "a rule", 1, '{"id": "evt_1"}', s.NOW)
        )
    return desk


def exported(desk: s.Stage, folder: Path) -> Summary:
    return write(desk.store, folder, "Acme Support", desk.now[0], lambda _: None)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_everything_is_there(desk: s.Stage, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = exported(desk, out)
    tickets = lines(out / "tickets.jsonl")
    assert [one["id"] for one in tickets] == [1, 2, 3]
    assert [one["state"] for one in tickets] == ["open", "new", "merged"]
    assert (tickets[0]["cause"], tickets[0]["time"]) == ("Rust", [{"agent": "ana@acme.test", "minutes": 25}])
    assert any(message["text"] == "She calls often." for message in tickets[0]["messages"])
    assert tickets[1]["requester"]["name"] == "Pía"
    assert any(event["event"] == "created" for event in tickets[0]["events"])
    [robot] = lines(out / "messages.jsonl")
    assert (robot["kind"], robot["from"]) == ("auto-reply", "robot@globex.test")
    people = {one["address"]: one for one in lines(out / "people.jsonl")}
    assert {"carla@globex.test", "pia@initech.test", "ana@acme.test"} <= people.keys()
    assert people["carla@globex.test"]["addresses"] == [{"address": "carla@globex.test", "suppressed": None}]
    mails = lines(out / "mails.jsonl")
    assert [one["ticket"] for one in mails] == [1, 2, 3, None, None]
    assert [one["state"] for one in mails] == ["done", "done", "done", "done", "waiting"]
    assert (out / mails[0]["file"]).read_bytes() == WITH_FILE
    [part] = [part for message in tickets[0]["messages"] for part in message["attachments"]]
    assert (part["name"], (out / "attachments" / part["sha256"]).read_bytes().strip()) == ("log.csv", b"a;b")
    assert found.counts == {name: len(lines(out / name)) for name in DOCUMENTS}
    assert (found.mails, found.attachments, found.missing) == (5, 1, [])
    for file in (out / "mail").iterdir():
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
    assert {path.name for path in out.iterdir()} == {*DOCUMENTS, "README.md", "mail", "attachments"}
    assert out.stat().st_mode & 0o077 == 0


def keys_of(document: Any) -> Iterator[str]:
    """Every key in a document but those of custom fields and of what the history says."""
    if isinstance(document, list):
        for one in document:
            yield from keys_of(one)
    elif isinstance(document, dict):
        for key, value in document.items():
            yield key
            if key not in ("fields", "detail", "body"):
                yield from keys_of(value)


def test_every_key_is_documented_and_every_documented_key_is_there(desk: s.Stage, tmp_path: Path) -> None:
    exported(desk, tmp_path / "out")
    readme = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([^`]+)`", readme))
    for name, (_, keys) in DOCUMENTS.items():
        found = lines(tmp_path / "out" / name)
        assert found, name
        assert set(keys_of(found)) <= documented, name
        if keys:
            assert {key for line in keys for key in line.split(", ")} == found[0].keys(), name
    assert "Acme Support" in readme
    assert "2026-03-02T09:00:00Z" in readme


def test_page_by_page(desk: s.Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported(desk, tmp_path / "whole")
    monkeypatch.setattr(exporting, "PAGE", 1)
    said: list[str] = []
    write(desk.store, tmp_path / "paged", "Acme Support", desk.now[0], said.append)
    for name in DOCUMENTS:
        assert (tmp_path / "paged" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        assert f"{name}: {len(lines(tmp_path / 'whole' / name))}" in said


def test_a_folder_in_use_is_left_alone(desk: s.Stage, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    exported(desk, tmp_path / "empty")
    with pytest.raises(BadInput, match="is not empty"):
        exported(desk, tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="is not empty"):
        exported(desk, tmp_path / "file")
    (tmp_path / "cut.partial").mkdir()
    with pytest.raises(BadInput, match="cut off"):
        exported(desk, tmp_path / "cut")
    assert not (tmp_path / "cut").exists()


def test_what_fails_leaves_nothing(desk: s.Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "readme", full)
    with pytest.raises(NotNow, match="No space left"):
        exported(desk, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.partial").exists()


def test_missing_octets_are_told(desk: s.Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(sha256: str) -> None:
        raise KeyError(sha256)

    monkeypatch.setattr(desk.store.content, "open", nothing)
    monkeypatch.setattr(Work, "small_contents", lambda *_: {})
    found = exported(desk, tmp_path / "out")
    assert (found.mails, found.attachments, len(found.missing)) == (0, 0, 6)


def test_the_command(tmp_path: Path) -> None:
    assert maild("init", "desk", cwd=tmp_path).returncode == 0
    desk = tmp_path / "desk"
    done = maild("export", "out", "--json", cwd=desk)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == {
        "folder": str(desk / "out"),
        "counts": dict.fromkeys(DOCUMENTS, 0),
        "mails": 0,
        "attachments": 0,
        "missing": [],
    }
    assert b"tickets.jsonl: 0" in done.stderr
    again = maild("export", "out", cwd=desk)
    assert again.returncode == 65
    assert b"is not empty" in again.stderr
    plain = maild("export", "other", cwd=desk)
    assert plain.stdout.decode().startswith("other: 0 in tickets.jsonl")
