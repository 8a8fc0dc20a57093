"""Erasure of a person out of a desk at work: nothing of him is left anywhere, and what the desk knows of its work stays true."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa

from maild.errors import NotNow
from maild.persons import document, find
from store import Store, tables
from store.erasing import PLACEHOLDER
from store.files import Files
from store.rows import Filter
from tests.flow.stage import Stage, answer, mail, stage

SECRETS = ("carla", "ruiz", "4711", "granny", "blue kettle", "0171 555")
"""Words that only the erased person brought."""
TEXT = "Good day,\nmy granny's blue kettle with the number 4711-kettle broke.\nCall me at 0171 555 123.\n-- \nCarla Ruiz"
BIG = "granny's photo " * 20_000


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Stage:
    return stage(tmp_path, store)


def attached(sender: str, number: int, file: str) -> bytes:
    """A mail with a text file."""
    lines = [
        f"From: {sender}", "To: support@acme.test, dora@globex.test", f"Subject: granny's kettle {number}", f"Message-ID: <{number}@carla.laptop>",
        "Date: Mon, 02 Mar 2026 08:59:00 +0000", "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="b"', "",
        "--b", "Content-Type: text/plain; charset=utf-8", "", *TEXT.split("\n"),
        "--b", "Content-Type: text/plain; name=kettle.txt", 'Content-Disposition: attachment; filename="kettle.txt"', "", file, "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def conversation(desk: Stage) -> EmailMessage:
    """Carla writes, Ana answers quoting her (that mail is given back), Carla answers; Dora asks for something else, and Carla is in Cc of that."""
    desk.take(attached("Carla Ruiz <carla@globex.test>", 1, "receipt 4711"))
    desk.work()
    out = desk.sent()
    to_ana = next(mail for one, mail in out if one.row.recipient == "ana@acme.test")
    proved = "Authentication-Results: mx.acme.test; dmarc=pass header.from=acme.test\r\n"
    raw, to = answer(to_ana, "Ana Ruiz-Agent <ana@acme.test>", "Dear Carla,\nwe send a new one.", 2)
    desk.take(proved.encode() + raw, to, sender="ana@acme.test")
    desk.work()
    to_carla = next(mail for one, mail in desk.sent() if one.row.recipient == "carla@globex.test")
    raw, to = answer(to_carla, "Carla Ruiz <carla@globex.test>", "Thank you, says granny.", 3)
    desk.take(raw, to)
    desk.take(mail("Dora <dora@globex.test>", "Paper jam", "The paper jams.", 4, "support@acme.test, carla@globex.test"), sender="dora@globex.test")  # fmt: skip
    desk.work()
    desk.sent()
    return to_carla


def everything(store: Store) -> str:
    """All rows of all tables, as text."""
    with store.read() as work:
        rows = [
            (table.name, [str(value) if not isinstance(value, bytes) else value.decode("utf-8", "replace") for value in row])
            for table in tables.metadata.sorted_tables
            for row in work._connection.execute(sa.select(table))
        ]  # fmt: skip
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).lower()


def erase(store: Store, who: str, desk: Stage) -> None:
    with store.work() as work:
        work.erase(find(work, who).traces, ["product"], desk.now[0], "admin")
    store.sweep()


def left(store: Store) -> list[str]:
    """Where something of her is still to be read: a row's beginning and what stands around it."""
    found = everything(store).replace("ana ruiz", "").replace("ruiz-agent", "")
    return [
        f"{secret}: {row[:20]} … {row[max(0, row.find(secret) - 60) : row.find(secret) + 40]}"
        for secret in SECRETS
        for row in found.split("\n")
        if secret in row
    ]


def test_nothing_of_him_is_left_and_the_figures_stay(desk: Stage) -> None:
    store = desk.store
    conversation(desk)
    with store.read() as work:
        before = work.tickets(Filter())
        lines = [len(work.events(one.id)) for one in before]
        counts = {one: len(work.messages(one)) for one in (1, 2)}
    assert {one.partition(":")[0] for one in left(store)} == set(SECRETS)
    desk.pass_time(timedelta(hours=1))
    erase(store, "Carla@Globex.test", desk)
    assert left(store) == []
    with store.read() as work:
        after = work.tickets(Filter())
        assert {one: len(work.messages(one)) for one in (1, 2)} == counts
        assert [len(work.events(one.id)) for one in after] == [lines[0] + 1, lines[1]]
        told = "\n".join(one.text for one in work.messages(1))
        assert work.person_at("carla@globex.test") is None
    for was, is_ in zip(before, after, strict=True):
        for name in ("id", "state", "created_at", "received_at", "first_response_at", "first_response_due", "resolution_due", "breached",
                     "priority", "team", "assignee", "organisation", "updated_at"):  # fmt: skip
            assert getattr(is_, name) == getattr(was, name), name
    assert after[0].requester.name == f"erased person {after[0].requester.id}"
    assert after[0].subject == "[erased]"
    assert after[1].subject == "Paper jam"  # Dora's stays hers
    assert "we send a new one" in told
    assert ">" not in told
    assert store.check() == []


def test_the_next_mail_is_a_new_person(desk: Stage) -> None:
    to_carla = conversation(desk)
    erase(desk.store, "carla@globex.test", desk)
    raw, to = answer(to_carla, "Carla Ruiz <carla@globex.test>", "It broke again, and I am new here.", 7)
    desk.take(raw, to)
    desk.take(mail("Carla Ruiz <carla@globex.test>", "A new matter", "Hello, once more.", 8))
    desk.work()
    with desk.store.read() as work:
        fresh = work.person_at("carla@globex.test")
        [new] = work.tickets(Filter(after=2))
        old = work.tickets(Filter())[0]
        assert fresh is not None
        assert new.requester.id == fresh.id != old.requester.id
        assert old.requester.address == ""


def test_an_erased_mail_that_comes_again_is_known_again(desk: Stage) -> None:
    raw = attached("Carla Ruiz <carla@globex.test>", 1, "receipt")
    desk.take(raw)
    desk.work()
    erase(desk.store, "carla@globex.test", desk)
    desk.take(raw, route="imap")
    desk.work()
    with desk.store.read() as work:
        assert len(work.tickets(Filter())) == 1
    erase(desk.store, "carla@globex.test", desk)  # the envelope of that one
    assert left(desk.store) == []


def test_erasing_twice_finds_nothing(desk: Stage) -> None:
    conversation(desk)
    erase(desk.store, "carla@globex.test", desk)
    with desk.store.read() as work:
        assert not find(work, "carla@globex.test").traces.any


def test_a_file_that_somebody_else_sent_too_stays_with_him(desk: Stage) -> None:
    desk.take(attached("Carla Ruiz <carla@globex.test>", 1, "the same file"))
    desk.take(attached("Dora <dora@globex.test>", 2, "the same file"), sender="dora@globex.test")
    desk.work()
    erase(desk.store, "carla@globex.test", desk)
    with desk.store.read() as work:
        [hers] = [one for one in work.messages(2) if one.direction == "in"]
        [file] = hers.attachments
    assert desk.store.content.get(file.sha256) == b"the same file"


def test_quarantined_and_dropped_mail_goes_too(desk: Stage) -> None:
    number = desk.take(mail("Carla Ruiz <carla@globex.test>", "granny", "granny", 9))
    with desk.store.work() as work:
        [row] = work.claim_intake("n", desk.now[0], timedelta(minutes=1), 5)
        assert work.fail_intake(row.id, "Traceback: granny", desk.now[0], 1, desk.now[0])
    erase(desk.store, "carla@globex.test", desk)
    assert left(desk.store) == []
    with desk.store.read() as work:
        assert work.quarantined_one(number) is None


def test_what_waits_to_go_to_him_is_not_sent(desk: Stage) -> None:
    desk.take(mail("Carla Ruiz <carla@globex.test>", "granny", "granny", 9))
    desk.work()
    erase(desk.store, "carla@globex.test", desk)
    assert [one.row.recipient for one, _ in desk.sent()] == []


def test_big_contents_go_after_the_commit_and_survive_a_crash_in_between(
    desk: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = desk.store
    raw = attached("Carla Ruiz <carla@globex.test>", 1, BIG)
    desk.take(raw)
    desk.work()
    kept = list(store._files.hashes())
    assert len(kept) > 2  # the mail, its file, and mails of ours that carry it
    with monkeypatch.context() as patch:
        patch.setattr(Files, "discard", lambda *_: (_ for _ in ()).throw(NotNow("the disk is away")))
        with pytest.raises(NotNow):
            erase(store, "carla@globex.test", desk)
    assert list(store._files.hashes()) == kept  # noted, not gone yet
    assert store.sweep() > 0
    assert list(store._files.hashes()) == []
    assert store.sweep() == 0
    desk.take(raw)  # and such a mail can come again
    desk.work()
    assert list(store._files.hashes()) == [
        hashlib.sha256(raw).hexdigest()
    ]  # known again, so it becomes nothing more


def test_a_mail_whose_file_was_swept_before_its_row_is_to_be_sent_again(desk: Stage) -> None:
    raw = attached("Carla Ruiz <carla@globex.test>", 1, BIG)
    put = desk.store.content.put_file

    def swept(*args: object) -> None:
        put(*args)  # type: ignore[arg-type]
        for sha256 in list(desk.store._files.hashes()):
            desk.store._files.discard(sha256)

    desk.store.content.put_file = swept  # type: ignore[method-assign]
    with pytest.raises(NotNow, match="erasure"):
        desk.take(raw)
    desk.store.content.put_file = put  # type: ignore[method-assign]
    assert desk.take(raw) == 1


def test_the_files_of_sqlite_hold_nothing_of_him(tmp_path: Path, desk: Stage, database: str) -> None:
    if database != "sqlite":
        pytest.skip("PostgreSQL overwrites what is deleted in its own time")
    conversation(desk)
    erase(desk.store, "carla@globex.test", desk)
    assert desk.store.compact()
    octets = b"".join(path.read_bytes() for path in (tmp_path / "var").iterdir()).lower()
    assert [secret for secret in SECRETS if secret != "ruiz" and secret.encode() in octets] == []
    assert sqlite3.connect(tmp_path / "var" / "maild.db").execute("PRAGMA integrity_check").fetchone() == (
        "ok",
    )


def test_the_document_holds_what_is_held(desk: Stage) -> None:
    conversation(desk)
    with desk.store.read() as work:
        held = document(work, find(work, "carla@globex.test"), desk.flow.site.rulebook)
        sent = work.sent_bytes(held["outgoing"][0]["id"])
    assert held["person"]["addresses"] == ["carla@globex.test"]
    assert [one["id"] for one in held["tickets"]] == [1]
    assert [one["sender"] for one in held["mails"]] == ["carla@globex.test"] * 2
    assert held["mails"][0]["recipients"] == ["support@acme.test"]
    assert {one["kind"] for one in held["outgoing"]} >= {"acknowledgement"}
    assert sent.startswith(b"From:") or b"\r\nFrom:" in sent
    assert json.dumps(held)


def test_the_placeholder_is_a_mail(desk: Stage) -> None:
    desk.take(PLACEHOLDER)
    desk.work()
    with desk.store.read() as work:
        assert work.quarantined() == []
