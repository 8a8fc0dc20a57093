"""What cannot be had now holds up nothing else: contents that cannot be read, claims whose end nobody knows, nodes that come back late."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from maild.errors import NotNow
from maild.processing import KILLS
from maild.settling import FILES_AGAIN, UNTRIED_AGAIN, Delivered
from store import FilesAway, Store, Work
from store.rows import OutboxRow
from tests.flow import stage as s

ASKED = "Hello, the printer does not work since this morning. What can we do?"
LATER = Delivered("later", "450 4.2.0 greylisted")
FAILED = Delivered("failed", "550 5.1.1 unknown", "5.1.1")
TAKEN = Delivered("sent", "250 ok")


def raw(number: int, octets: int = 0) -> bytes:
    """A mail, with an attachment of so many octets."""
    if not octets:
        return s.mail(f"c{number}@globex.test", f"Printer {number}", ASKED, number)
    body = f"--b\nContent-Type: text/plain\n\n{ASKED}\n--b\nContent-Type: application/x-{number}\n\n{'x' * octets}\n--b--"
    whole = s.mail(f"c{number}@globex.test", f"Printer {number}", body, number)
    return whole.replace(b"text/plain; charset=utf-8", b'multipart/mixed; boundary="b"', 1)


def take(desk: s.Stage, number: int, octets: int = 0) -> int:
    return desk.take(raw(number, octets), sender=f"c{number}@globex.test")


def subjects(store: Store) -> list[str]:
    with store.read() as work:
        return [ticket.subject for number in range(1, 20) if (ticket := work.ticket(number))]


@pytest.fixture
def broken(store: Store, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Hashes of contents that cannot be read; "" for all that is to be written."""
    hashes: set[str] = set()
    opened, put = store._files.open, store._files.put

    def open_(sha256: str) -> BinaryIO | None:
        if sha256 in hashes:
            raise FilesAway("the folder of files cannot be used now: Input/output error")
        return opened(sha256)

    def put_(spool: BinaryIO, size: int, sha256: str) -> None:
        if "" in hashes:
            raise FilesAway("the folder of files cannot be used now: Stale file handle")
        put(spool, size, sha256)

    monkeypatch.setattr(store._files, "open", open_)
    monkeypatch.setattr(store._files, "put", put_)
    return hashes


def sha_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_mail_that_cannot_be_read_now_waits_and_the_others_do_not(
    store: Store, tmp_path: Path, broken: set[str]
) -> None:
    desk = s.stage(tmp_path, store)
    for number, octets in ((1, 0), (2, 200_000), (3, 0), (4, 210_000), (5, 0)):
        take(desk, number, octets)
    broken.add(sha_of(raw(2, 200_000)))
    desk.work()
    assert subjects(store) == ["Printer 1", "Printer 3", "Printer 5"]
    desk.pass_time(UNTRIED_AGAIN)
    desk.work()
    assert subjects(store)[-1] == "Printer 4", "only the one that was tried waits for long"
    for _ in range(20):
        desk.pass_time(FILES_AGAIN)
        desk.work()
    with store.read() as work:
        assert work.quarantined() == [], "that it cannot be read now is no fault of the mail"
    broken.clear()
    desk.pass_time(FILES_AGAIN)
    desk.work()
    assert sorted(subjects(store)) == [f"Printer {number}" for number in range(1, 6)]
    assert store.check() == []


def follow_up(to: int, number: int) -> bytes:
    headers = [f"In-Reply-To: <{to}@client.test>", f"References: <{to}@client.test>"]
    return s.mail(f"c{to}@globex.test", f"Re: Printer {to}", "And it smokes.", number, headers=headers)


def test_what_answers_a_mail_that_waits_waits_for_it(store: Store, tmp_path: Path, broken: set[str]) -> None:
    desk = s.stage(tmp_path, store)
    take(desk, 1, 200_000)
    desk.take(follow_up(1, 77), sender="c1@globex.test")
    take(desk, 2)
    broken.add(sha_of(raw(1, 200_000)))
    desk.work()
    assert subjects(store) == ["Printer 2"]
    desk.pass_time(timedelta(seconds=30))
    assert desk.flow.work() <= 1, "it is not tried again and again"
    desk.work()
    broken.clear()
    desk.pass_time(FILES_AGAIN)
    desk.work()
    desk.pass_time(FILES_AGAIN)
    desk.work()
    assert sorted(subjects(store)) == ["Printer 1", "Printer 2"]
    with store.read() as work:
        assert [len(work.messages(number)) for number in (1, 2)] == [2, 3]


def test_no_transaction_waits_for_a_content_from_far_away(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = s.stage(tmp_path, store)
    for number in range(1, 16):
        take(desk, number, 200_000 if number in (4, 12, 13) else 0)
    begun, got, real = store.work, store.content.get, []
    inside = [0]

    @contextlib.contextmanager
    def work(*, urgent: bool = False) -> Iterator[Work]:
        with begun(urgent=urgent) as one:
            inside[0] += 1
            yield one
        inside[0] -= 1

    def get(sha256: str) -> bytes:
        real.append(inside[0])
        return got(sha256)

    monkeypatch.setattr(store, "work", work)
    monkeypatch.setattr(store.content, "get", get)
    desk.work()
    assert real == [0, 0, 0]
    assert len(subjects(store)) == 15


def test_a_mail_of_ours_that_cannot_be_kept_now_puts_off_its_cause_alone(
    store: Store, tmp_path: Path, broken: set[str]
) -> None:
    desk = s.stage(tmp_path, store)
    take(desk, 1, 110_000)  # small enough for the database; what is told of it, with all its parts, is not
    take(desk, 2)
    broken.add("")
    desk.work()
    assert subjects(store) == ["Printer 2"]
    broken.clear()
    desk.pass_time(FILES_AGAIN)
    desk.work()
    assert sorted(subjects(store)) == ["Printer 1", "Printer 2"]
    assert store.check() == []


def test_mail_of_ours_whose_bytes_cannot_be_read_waits_and_the_others_do_not(
    store: Store, tmp_path: Path, broken: set[str]
) -> None:
    desk = s.stage(tmp_path, store)
    for number, octets in ((1, 0), (2, 200_000), (3, 210_000)):
        take(desk, number, octets)
    desk.work()
    claimed = desk.flow.outgoing(50)
    big = [one.row for one in claimed if len(one.raw) > 128 * 1024]
    assert len(big) == 6, "three agents are told of two"
    desk.flow.give_back([one.row for one in claimed])
    assert big[0].sha256 is not None
    broken.add(big[0].sha256)
    went = desk.sent()
    assert len(went) == len(claimed) - len(big)
    with store.read() as work:
        waiting = {row.id: row for row in work.outbox()}
    assert waiting[big[0].id].reason.endswith("Input/output error")
    desk.pass_time(UNTRIED_AGAIN)
    assert {one.row.id for one, _ in desk.sent()} == {row.id for row in big[1:]}
    desk.pass_time(FILES_AGAIN)
    assert desk.sent() == []
    broken.clear()
    desk.pass_time(FILES_AGAIN)
    assert [one.row.id for one, _ in desk.sent()] == [big[0].id]
    assert store.check() == []


def test_mail_of_ours_whose_bytes_are_lost_has_failed_and_that_is_told(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    take(desk, 1, 200_000)
    desk.work()
    lost, *_ = [one.row for one in desk.flow.outgoing(50) if one.row.sha256]
    assert lost.sha256 is not None
    with store.work() as work:
        work.release_outbox(desk.flow.node)
    with store.content.open(lost.sha256) as file:
        kept = file.read()
    store._files.discard(lost.sha256)
    told = [text for _, mail in desk.sent() if "content" in (text := s.text_of(mail))]
    with store.read() as work:
        row = work.outbox_row(lost.id)
    assert row is not None
    assert (row.state, row.reason) == ("failed", f"its content {lost.sha256} is lost")
    told += [text for _, mail in desk.sent() if "is lost" in (text := s.text_of(mail))]
    assert told
    store.content.put_file(io.BytesIO(kept), len(kept), lost.sha256)


# -- claims whose end nobody knows


@contextlib.contextmanager
def unsure(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Transactions are committed, and whoever did it hears that the database is away."""
    real: Callable[..., contextlib.AbstractContextManager[Work]] = store.work

    @contextlib.contextmanager
    def work(*, urgent: bool = False) -> Iterator[Work]:
        with real(urgent=urgent) as one:
            yield one
        raise NotNow("the database cannot be used now: connection reset")

    with monkeypatch.context() as patch:
        patch.setattr(store, "work", work)
        yield


def test_mails_that_were_claimed_nobody_knows_how_are_claimed_again_at_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = s.stage(tmp_path, store)
    for number in range(1, 4):
        take(desk, number)
    with unsure(store, monkeypatch), pytest.raises(NotNow):
        desk.flow.work()
    desk.work()
    assert len(subjects(store)) == 3
    going = desk.flow.outgoing(2)
    with unsure(store, monkeypatch), pytest.raises(NotNow):
        desk.flow.outgoing(3, going=[one.row.id for one in going])
    again = desk.flow.outgoing(50, going=[one.row.id for one in going])
    assert len(again) > 3
    assert not {one.row.id for one in again} & {one.row.id for one in going}, "what is on its way stays there"
    desk.flow.settle([(one.row, TAKEN) for one in (*going, *again)])
    with store.read() as work:
        assert work.outbox() == []


def test_however_often_nobody_knows_that_is_no_fault_of_the_mails(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = s.stage(tmp_path, store)
    take(desk, 1)
    for _ in range(KILLS + 2):
        with unsure(store, monkeypatch), pytest.raises(NotNow):
            desk.flow.work()
    desk.work()
    assert subjects(store) == ["Printer 1"]


def test_after_a_fault_of_the_reader_nothing_stays_in_work(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = s.stage(tmp_path, store)
    for number in range(1, 4):
        take(desk, number)

    def breaks(jobs: object) -> Iterator[object]:
        raise RuntimeError("no")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(desk.flow.reading, "read", breaks)
        with pytest.raises(RuntimeError):
            desk.flow.work()
    desk.work()
    assert len(subjects(store)) == 3


# -- nodes that come back late


def taken_over(store: Store, mine: OutboxRow) -> OutboxRow:
    """Another node took this one for dead and sends its mails."""
    with store.work() as work:
        work.release_outbox("main")
        rows = work.claim_outbox("two", s.NOW, timedelta(minutes=30), 50)
    [theirs] = [row for row in rows if row.id == mine.id]
    return theirs


@pytest.mark.parametrize("outcome", [LATER, FAILED])
def test_a_node_that_comes_back_changes_nothing_of_what_another_has_taken_over(
    store: Store, tmp_path: Path, outcome: Delivered
) -> None:
    desk = s.stage(tmp_path, store)
    take(desk, 1)
    desk.work()
    mine = desk.flow.outgoing(50)[0].row
    theirs = taken_over(store, mine)
    with store.read() as work:
        before = work.totals()
    desk.flow.settle([(mine, outcome)])
    desk.flow.give_back([mine])
    with store.work() as work:
        assert work.totals() == before
        assert work.has_mail("two", theirs)
        assert not work.has_mail("main", mine)


def test_what_a_node_that_comes_back_has_sent_is_sent(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    take(desk, 1)
    desk.work()
    mine = desk.flow.outgoing(50)[0].row
    theirs = taken_over(store, mine)
    desk.flow.settle([(mine, TAKEN)])
    with store.work() as work:
        assert not work.has_mail("two", theirs)
        row = work.outbox_row(mine.id)
    assert row is not None
    assert row.state == "sent"
