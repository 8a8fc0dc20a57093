"""How far mailboxes were read, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

from store import Store
from store.rows import MailboxRow, Unfetched
from tests.store.samples import NOW

ROW = MailboxRow("support", "carla INBOX", "imap.test:993", NOW, 4294967295, "1:17", "", 18, NOW)
MINUTE = timedelta(minutes=1)


def test_a_mailbox_is_begun_read_and_begun_again(store: Store) -> None:
    with store.work() as work:
        assert (work.mailbox("support"), work.mailboxes()) == (None, [])
        work.begin_mailbox(ROW)
        work.begin_mailbox(replace(ROW, name="another", uidvalidity=1))
        work.mailbox_read("support", "1:19", "18:19", 3, NOW + MINUTE)
        work.put_unfetched("support", Unfetched(20, 1, "no", NOW))
        work.put_unfetched("support", Unfetched(4294967295, 1, "no", NOW))
        work.put_unfetched("support", Unfetched(20, 2, "still \x00no", NOW + MINUTE))
    with store.read() as work:
        assert [row.name for row in work.mailboxes()] == ["another", "support"]
        assert work.mailbox("support") == replace(
            ROW, taken="1:19", pending="18:19", waiting=3, read_at=NOW + MINUTE
        )
        assert work.unfetched("support") == {
            20: Unfetched(20, 2, "still \ufffdno", NOW + MINUTE),
            4294967295: Unfetched(4294967295, 1, "no", NOW),
        }
        assert work.unfetched("another") == {}
    with store.work() as work:
        work.mailbox_disposed("support", "19")
        work.mailbox_reconciled("support", NOW + 2 * MINUTE)
        work.drop_unfetched("support", [20, 21])
        row = work.mailbox("support")
        assert row is not None
        assert (row.pending, row.reconciled_at, [*work.unfetched("support")]) == (
            "19",
            NOW + 2 * MINUTE,
            [4294967295],
        )
        work.begin_mailbox(replace(ROW, uidvalidity=8))
        assert work.mailbox("support") == replace(ROW, uidvalidity=8)
        assert work.unfetched("support") == {}


def test_what_goes_wrong_and_that_it_is_told_once(store: Store) -> None:
    with store.work() as work:
        work.mailbox_failed("support", "no connection", NOW)
        row = work.mailbox("support")
        assert row is not None
        assert (row.account, row.error, row.error_at, row.read_at) == ("", "no connection", NOW, None)
        work.begin_mailbox(ROW)
        work.mailbox_failed("support", "refused", NOW + MINUTE)
        assert [work.mailbox_told("support", NOW), work.mailbox_told("support", NOW + MINUTE)] == [
            True,
            False,
        ]
        work.mailbox_well("support")
        row = work.mailbox("support")
        assert row is not None
        assert (row.account, row.error, row.error_at, row.told_at) == (ROW.account, None, None, NOW)
        assert [work.mailbox_told("support", None), work.mailbox_told("support", None)] == [True, False]
        assert not work.mailbox_told("no such", NOW)


def test_a_mailbox_gets_another_name(store: Store) -> None:
    with store.work() as work:
        work.begin_mailbox(ROW)
        work.put_unfetched("support", Unfetched(20, 1, "no", NOW))
        work.mailbox_failed("help", "no connection", NOW)
        work.put_unfetched("help", Unfetched(7, 1, "of another mailbox", NOW))
        assert work.rename_mailbox("support", "help")
        assert not work.rename_mailbox("support", "help"), "it is not there any more"
    with store.read() as work:
        assert work.mailboxes() == [replace(ROW, name="help")]
        assert work.unfetched("help") == {20: Unfetched(20, 1, "no", NOW)}
        assert work.unfetched("support") == {}


def test_a_failure_does_not_undo_what_another_node_writes_in_that_moment(store: Store, database: str) -> None:
    began = threading.Event()

    def fail() -> None:
        with store.work() as work:
            began.set()
            work.mailbox_failed("support", "no connection", NOW)

    late = threading.Thread(target=fail)
    with store.work() as work:
        work.begin_mailbox(ROW)
        late.start()
        if database == "postgresql":  # on SQLite it waits to begin
            assert began.wait(10)
        late.join(0.3)
        assert late.is_alive(), "it waits for the row"
    late.join(10)
    with store.read() as work:
        assert work.mailboxes() == [replace(ROW, error="no connection", error_at=NOW)]


def test_a_refresh_token_in_the_place_of_the_admins(store: Store) -> None:
    with store.work() as work:
        assert work.refresh_token("hash") is None
        assert not work.keep_refresh_token("hash", "unknown", "token")
        assert work.keep_refresh_token("hash", None, "first token")
        assert not work.keep_refresh_token("hash", None, "another first token")
        assert work.keep_refresh_token("hash", "first token", "second token")
        assert not work.keep_refresh_token("hash", "first token", "another second token")
        assert work.refresh_token("hash") == "second token"
        assert work.refresh_token("other hash") is None
