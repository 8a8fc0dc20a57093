"""Fetching from Dovecot: what is taken, what becomes of it there, and that it is taken once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count

import pytest

from maild.intake.imap.arrival import Place, kept, too_big
from maild.message.parse import parse
from maild.settings import Imap
from tests.flow.stage import mail
from tests.intake.dovecot import Dovecot
from tests.intake.mailboxes import Box, box, until

__all__ = ["box"]

NUMBER = count(1)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot()
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture
def mailbox(dovecot: Dovecot) -> str:
    """An empty mailbox of the test's own, with a name that has to be quoted."""
    name = f'Box "{next(NUMBER)}" \\'
    with dovecot.client() as client:
        status, said = client.create(_quoted(name))
        assert status == "OK", said
    return name


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def letter(subject: str, number: int | None = None, text: str = "The printer does not print.", headers: tuple[str, ...] = ()) -> bytes:  # fmt: skip
    raw = mail("Carla Ruiz <carla@globex.test>", subject, text, number or next(NUMBER), headers=headers)
    return re.sub(rb"Date: [^\r]*", b"Date: " + format_datetime(datetime.now(UTC)).encode(), raw)


async def test_what_comes_from_now_on_is_taken_and_moved(dovecot: Dovecot, mailbox: str, box: Box) -> None:
    dovecot.put(letter("Old"), mailbox=_quoted(mailbox))
    box.set_up(dovecot.plain, mailbox=mailbox, then="move:Erledigt & älter")
    async with box.reading():
        await box.quiet()
        assert box.tickets() == []
        dovecot.put(letter("New", headers=("Return-Path: <carla@mail.globex.test>", "Delivered-To: help@acme.test")), mailbox=_quoted(mailbox))  # fmt: skip
        await until(lambda: box.tickets(), "the new mail is announced and taken", 5)
        assert box.tickets() == [("carla@globex.test", "New")]
        await until(lambda: len(dovecot.uids(_quoted(mailbox))) == 1, "the new mail is moved")
    assert len(dovecot.uids('"Erledigt &- &AOQ-lter"')) == 1
    with box.store.read() as work:
        [route] = [one for one in work.events(1) if one.event == "route"]
    assert (route.detail["route"], route.detail["sender"]) == ("imap:support", "carla@mail.globex.test")
    assert route.detail["recipients"] == ["help@acme.test"]


@pytest.mark.parametrize(
    ("then", "left", "query"),
    [("flag", 2, "SEEN KEYWORD $maild"), ("delete", 0, "ALL"), ("move:Archive", 0, "ALL")],
)
async def test_all_that_was_there_is_taken_and_dealt_with(
    dovecot: Dovecot, mailbox: str, box: Box, then: str, left: int, query: str
) -> None:
    dovecot.put(letter("One"), letter("Two"), mailbox=_quoted(mailbox))
    box.set_up(dovecot.plain, mailbox=mailbox, then=then, start="all")
    async with box.reading():
        await box.quiet()
    assert box.subjects() == ["One", "Two"]
    assert len(dovecot.uids(_quoted(mailbox), query)) == len(dovecot.uids(_quoted(mailbox))) == left
    box.new_node("one")
    async with box.reading():
        await box.quiet()
    assert len(box.tickets()) == 2


async def test_a_server_without_move_uidplus_and_idle(box: Box) -> None:
    server = Dovecot(capability="IMAP4rev1")
    try:
        server.start()
        server.put(letter("One"))
        with server.client() as client:
            client.store("1", "+FLAGS", r"(\Deleted)")  # somebody else's
        box.set_up(server.plain, then="move:Archive", often=True)
        async with box.reading():
            await box.quiet()
            server.put(letter("Two"))
            await until(lambda: box.subjects() == ["Two"], "it is polled")
            await until(lambda: len(server.uids("Archive")) == 1, "it is copied")
            assert len(server.uids()) == 2, "to expunge would remove what somebody else has marked"
            with server.client() as client:
                client.store("1", "-FLAGS", r"(\Deleted)")
            server.put(letter("Three"))
            await until(lambda: len(server.uids()) == 1, "ours alone are expunged")
        assert box.subjects() == ["Three", "Two"]
    finally:
        server.end()


async def test_a_full_mailbox_keeps_the_mail_which_is_taken_once(box: Box) -> None:
    server = Dovecot(capability="IMAP4rev1 UIDPLUS IDLE", storage="40K")
    try:
        server.start()
        box.set_up(server.plain, then="move:Archive", often=True)
        async with box.reading():
            await box.quiet()
            server.put(letter("Big", text="x" * 30_000))
            await until(lambda: box.tickets(), "it is taken")
            told = await until(box.told, "the admins are told")
            assert "OVERQUOTA" in "".join(told)
            server.put(letter("Small", text="The printer burns."))
            await until(lambda: len(box.tickets()) == 2, "others are taken all the same")
            assert "OVERQUOTA" in (box.state.error or "")
            assert len(server.uids()) == 2
        box.new_node("one")
        async with box.reading():
            await until(lambda: box.state.error, "the server is asked again, and refuses again")
            with server.client() as client:  # somebody makes room
                client.uid("STORE", str(server.uids()[0]), "+FLAGS", r"(\Deleted)")
                client.expunge()
            box.ahead = timedelta(hours=2)
            server.put(letter("Third", text="It smokes."))
            await until(lambda: not server.uids(), "then all is moved", 10)
        assert (len(box.tickets()), box.told()) == (3, [])
    finally:
        server.end()


async def test_uidvalidity_changes_and_nothing_doubles(box: Box) -> None:
    server = Dovecot()
    try:
        server.start()
        server.put(letter("Before"), at=datetime.now(UTC) - timedelta(days=30))
        box.set_up(server.plain)
        async with box.reading():
            await box.quiet()
            server.put(letter("Known"))
            await until(lambda: box.subjects() == ["Known"], "it is taken")
            await box.quiet()
        server.put(letter("While nobody reads"))
        server.stop()
        server.forget_uids()
        server.start()
        box.new_node("one")
        async with box.reading():
            await until(lambda: box.subjects() == ["Known", "While nobody reads"], "what is new is found")
            await box.quiet()
        assert box.subjects() == ["Known", "While nobody reads"]
        assert box.routes(1) == ["imap:support", "imap:support"], "the known one came a second time"
    finally:
        server.end()


async def test_the_same_mail_by_smtp_and_from_the_mailbox_is_one(
    dovecot: Dovecot, mailbox: str, box: Box
) -> None:
    box.set_up(dovecot.plain, mailbox=mailbox)
    raw = letter("Twice")
    async with box.reading():
        await box.quiet()
        box.stage.take(raw)
        dovecot.put(raw, mailbox=_quoted(mailbox))
        await until(lambda: len(box.routes()) == 2, "both ways are known")
    assert sorted(box.routes()) == ["imap:support", "smtp"]
    assert box.subjects() == ["Twice"]
    assert len([mail for out, mail in box.stage.sent() if out.row.recipient == "carla@globex.test"]) == 1


async def test_a_mail_over_the_limit_opens_a_ticket_that_says_so(
    dovecot: Dovecot, mailbox: str, box: Box
) -> None:
    box.set_up(dovecot.plain, '[limits]\nmessage_size = "10 KB"\n', mailbox=mailbox, then="delete")
    big = letter("Un dibujo muy grande", text="x" * 20_000, headers=("DKIM-Signature: v=1; b=x",))
    async with box.reading():
        await box.quiet()
        dovecot.put(big, letter("Small"), mailbox=_quoted(mailbox))
        await until(lambda: box.subjects() == ["Small", "Un dibujo muy grande"], "both are tickets")
        await until(
            lambda: len(dovecot.uids(_quoted(mailbox))) == 1, "the small one is deleted, the big one is left"
        )
    with box.store.read() as work:
        [found] = [one for number in (1, 2) for one in work.messages(number) if "not fetched" in one.text]
    assert re.search(r"it has 20\.\d KB, and mails of more than 10 KB", found.text)


async def test_five_hundred_wait_and_the_daemon_stops_among_them(
    dovecot: Dovecot, mailbox: str, box: Box
) -> None:
    dovecot.put(
        *(letter(f"Number {n}", text=f"It is number {n}.") for n in range(500)), mailbox=_quoted(mailbox)
    )
    box.set_up(dovecot.plain, mailbox=mailbox, start="all", then="move:Many")
    async with box.reading():
        await until(lambda: 0 < box.state.waiting < 400, "some are taken")
    assert box.state.waiting, "it stopped in the middle"
    box.new_node("one")
    async with box.reading():
        await box.quiet(30)
    with box.store.read() as work:
        assert work.totals().waiting == 500
    await until(lambda: not dovecot.uids(_quoted(mailbox)), "all are moved")
    assert len(dovecot.uids("Many")) == 500


async def test_one_node_reads_at_a_time_and_another_takes_over(
    dovecot: Dovecot, mailbox: str, box: Box
) -> None:
    box.set_up(dovecot.plain, mailbox=mailbox)
    other = Box(box.folder, box.store).set_up(dovecot.plain, mailbox=mailbox)
    other.new_node("two")
    async with box.reading():
        await box.quiet()
        async with other.reading():
            await until(lambda: other.state.state == "elsewhere", "the other stands back")
            await until(lambda: other.state.last_success, "and knows how it is")
            box.running.stop()
            await until(lambda: other.state.state == "idle", "the other takes over")
            dovecot.put(letter("For two"), mailbox=_quoted(mailbox))
            await until(lambda: box.subjects() == ["For two"], "and reads on")


def test_what_stands_for_a_big_mail_is_like_it_but_for_its_body() -> None:
    imap = Imap.model_validate(
        {"name": "box", "host": "imap.test", "user": "carla", "credential": "x", "then": "move:Große"}
    )
    head = (
        b"Return-Path: <c@globex.test>\r\nFrom: Carla <c@globex.test>\r\nSubject: Ein sehr\r\n grosses Bild\r\nARC-Seal: i=1;\r\n b=x\r\n"
        b"Message-ID: <1@globex.test>\r\nContent-Type: multipart/mixed;\r\n boundary=x\r\nIn-Reply-To: <0@acme.test>\r\nMIME-Ver"
    )
    found = parse(too_big(head, 123_456_789, 25_000_000, imap)).mail
    assert (found.subject, found.message_id, found.in_reply_to) == (
        "Ein sehr grosses Bild",
        "<1@globex.test>",
        ("<0@acme.test>",),
    )
    assert "it has 123.5 MB, and mails of more than 25 MB are not taken" in found.text
    assert "moved to 'Große' of the mailbox 'box'" in found.text
    assert (found.language, found.attachments, found.defects) == (None, (), ())
    assert {name.lower() for name, _ in found.header} & {"arc-seal", "mime-ver"} == set()
    assert parse(too_big(b"", 30_000_000, 25_000_000, imap)).mail.from_ == ()


@pytest.mark.parametrize(
    ("header", "sender", "recipients"),
    [
        ("Return-Path: <>\nDelivered-To: help@acme.test\nDelivered-To: box17@host.test\n", "", ("help@acme.test",)),
        ("To: support+ab12@acme.test, x@globex.test\n", "c@globex.test", ("support+ab12@acme.test",)),
        ("To: undisclosed-recipients:;\n", "c@globex.test", ("support@acme.test",)),
        ("Return-Path: <bounce@globex.test>\nReturn-Path: <forged@globex.test>\n", "bounce@globex.test", ("support@acme.test",)),
    ],
)  # fmt: skip
def test_the_envelope_is_what_the_header_tells_of_it(
    header: str, sender: str, recipients: tuple[str, ...]
) -> None:
    imap = Imap.model_validate({"name": "box", "host": "imap.test", "user": "carla", "credential": "x"})
    place = Place(imap, "support@acme.test", lambda address: address.endswith("@acme.test"))
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    raw = f"{header}From: c@globex.test\n\nHello".encode()
    found = kept(place, raw, now - timedelta(hours=1), now).envelope
    assert (found.sender, found.recipients, found.route, found.peer) == (
        sender,
        recipients,
        "imap:box",
        "imap:box",
    )
    assert (found.received_at, found.trusted) == (now - timedelta(hours=1), True)
    assert kept(place, raw, now + timedelta(hours=1), now).envelope.received_at == now
    assert kept(place, raw, None, now).envelope.received_at == now
