"""Each thing that must never be untrue, made untrue: it is found and named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from maild.desk.facts import Attachment
from maild.desk.words import Role
from store import Content, Store
from store.consistency import INVARIANTS, violations
from store.rows import NewPost
from tests.store.samples import LEASE, NOW, carla, keep, mail, message, open_ticket, put_mail

BIG = b"x" * (Content.SMALL + 1)
AT = "'2026-11-20 12:00:00'"

BROKEN = [
    ("UPDATE message SET public = (1 = 0) WHERE id = 1", "mail 1 to the requester's side carries note 1"),
    ("UPDATE outbox SET outside = (1 = 0) WHERE id = 1", "mail 1 goes to a requester and is marked as if it did not"),
    ("UPDATE outbox SET state = 'failed' WHERE id = 1", "mail 1 is failed and has no time"),
    ("UPDATE outbox SET node = NULL WHERE id = 2", "mail 2 is being sent by nobody"),
    ("UPDATE outbox SET state = 'queued' WHERE id = 2", "mail 2 is queued and still leased"),
    ("UPDATE intake SET lease_until = NULL WHERE id = 2", "intake 2 is in work by nobody"),
    ("UPDATE intake SET state = 'waiting' WHERE id = 2", "intake 2 is waiting and still leased"),
    ("UPDATE intake SET outcome = NULL WHERE id = 1", "intake 1 is done without an outcome"),
    (f"UPDATE intake SET state = 'quarantined', finished_at = {AT} WHERE id = 3", "intake 3 is in quarantine without a reason"),
    ("UPDATE intake SET message = 4711 WHERE id = 1", "intake 1 became message 4711, which does not exist"),
    ("UPDATE intake SET state = 'dropped' WHERE id = 1", "message 1 is of intake 1, which is dropped"),
    ("UPDATE ticket SET state = 'odd' WHERE id = 1", "ticket 1 has the unknown state odd"),
    ("UPDATE ticket SET priority = 9 WHERE id = 1", "ticket 1 has priority 9"),
    ("UPDATE ticket SET state = 'merged' WHERE id = 1", "ticket 1 is merged and merged into None"),
    ("UPDATE ticket SET state = 'merged', merged_into = 1 WHERE id = 1", "ticket 1 is merged into itself"),
    (f"INSERT INTO participant VALUES (1, 1, 'desk', {AT})", "ticket 1 has its requester 1 among the participants"),
    ("DELETE FROM address", "person 1 has no address entry for Carla@customer.test"),
    ("UPDATE post SET state = 'failed' WHERE id = 1", "post 1 is failed and has no time"),
    ("UPDATE post SET node = NULL WHERE id = 2", "post 2 is being sent by nobody"),
    ("UPDATE post SET state = 'queued' WHERE id = 2", "post 2 is queued and still leased"),
    (f"UPDATE signing_key SET retired_at = {AT}", "there are 0 current signing keys"),
]  # fmt: skip


@pytest.fixture
def desk(store_url: str, tmp_path: Path) -> Iterator[Store]:
    """One of everything, in order: intake 1 done, 2 in work, 3 waiting; mail and post 1 queued, 2 being sent."""
    one = Store.open(store_url, tmp_path / "files")
    with one.work() as work:
        keep(work, b"first", b"second", b"third")
        work.claim_intake("one", NOW, LEASE, 2)
        person = carla(work)
        ticket = open_ticket(work, person).id
        file = Attachment("a.bin", "application/octet-stream", len(BIG), False, work.put_content(BIG))
        new = message(
            ticket, intake=1, attachments=(file,), sha256=work.put_content(b"first"), direction="out"
        )
        number = work.add_message(new)
        work.finish_intake(1, "ticket 1", number, NOW)
        put_mail(work, mail(person, 1, message=number))
        put_mail(work, mail(person, 2, role=Role.WATCHER, raw=b"y" + BIG))
        work.mail_sent(1, NOW, "")
        work.claim_outbox("one", NOW, LEASE, 1)
        for number in (1, 2):
            url = f"https://{number}.hooks.test/"
            work.queue_post(
                NewPost("intake:1", f"evt_{number}", url, f"{number}.hooks.test", "Tell", ticket, "{}", NOW)
            )
        work.claim_posts("one", NOW, LEASE, 10, 10, ["1.hooks.test"])
        work._connection.execute(
            sa.text("UPDATE outbox SET state = 'queued', finished_at = NULL WHERE id = 1")
        )
    assert one.check() == []
    yield one
    one.close()


def test_each_is_found(desk: Store) -> None:
    found = []
    for statement, sentence in BROKEN:
        with desk._database._writer.connect() as connection:
            connection.execute(sa.text(statement))
            found.append((statement, sentence in list(violations(connection, desk._files))))
            connection.rollback()
    assert found == [(statement, True) for statement, _ in BROKEN]


def test_none_is_untested() -> None:
    assert len(BROKEN) == len(INVARIANTS)


def test_damaged_content(desk: Store) -> None:
    with desk.work() as work:
        work._connection.execute(sa.text("UPDATE content SET data = :data"), {"data": b"other"})
    assert sum("is damaged" in problem for problem in desk.check()) == 3


def test_a_damaged_file(desk: Store) -> None:
    path = desk._files.path(_big(desk, "attachment"))
    path.write_bytes(BIG[:-1] + b"y")
    [problem] = desk.check()
    assert problem.startswith("the file of content")


@pytest.mark.parametrize(
    ("table", "sentence"), [("attachment", "attachment of message 1"), ("outbox", "mail 2")]
)
def test_a_lost_file(desk: Store, table: str, sentence: str) -> None:
    desk._files.path(_big(desk, table)).unlink()
    [problem] = desk.check()
    assert problem.startswith(f"{sentence} names content")


def test_lost_content(desk: Store) -> None:
    with desk.work() as work:
        work._connection.execute(sa.text("DELETE FROM content"))
    assert [problem.partition(" names")[0] for problem in desk.check()] == [
        "intake 1",
        "intake 2",
        "intake 3",
        "message 1",
    ]


def _big(desk: Store, table: str) -> str:
    with desk.read() as work:
        found: str = work._connection.scalar(sa.text(f"SELECT sha256 FROM {table} WHERE sha256 IS NOT NULL"))
    return found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rows_that_refer_to_nothing(desk: Store) -> None:
    with desk._database._writer.connect() as connection:
        connection.connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(sa.text("UPDATE message SET ticket = 4711"))
        connection.commit()
        connection.connection.execute("PRAGMA foreign_keys=ON")
    assert desk.check() == [
        "row 1 of message refers to a ticket that does not exist",
        "ticket 1 is not in step with the search index",
    ]
