"""Servers and networks on their bad days: every wait ends, one mail stops nothing, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maild.intake.imap.connection import opened
from maild.intake.imap.login import Password
from maild.intake.imap.wire import Declined, LoginRefused, Lost, MailboxFault
from maild.settings import Imap
from store.rows import MailboxRow
from tests.intake.dovecot import PASSWORD, USER, Dovecot
from tests.intake.imap_servers import Cuttable, Scripted
from tests.intake.mailboxes import Box, away, box, full, until
from tests.intake.test_imap_fetching import letter
from tests.intake.test_intake_tls import make_certificate

__all__ = ["box"]


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot()
    try:
        server.start()
        yield server
    finally:
        server.end()


def settings(port: int, folder: Path = Path("/nowhere"), **more: object) -> Imap:
    values = {"name": "support", "host": "127.0.0.1", "port": port, "tls": "none", "user": "carla", "password_file": "password",
              "timeout": "1s"} | more  # fmt: skip
    return Imap.model_validate(values, context={"folder": folder})


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_the_server_is_restarted(dovecot: Dovecot, box: Box, how: str) -> None:
    box.set_up(dovecot.plain)
    async with box.reading():
        await box.quiet()
        dovecot.put(letter("Before"))
        await until(lambda: box.subjects() == ["Before"], "it is taken")
        await box.quiet()
        began = time.monotonic()
        await asyncio.to_thread(getattr(dovecot, how))
        await until(lambda: box.state.state == "failing", "the lost connection is noticed at once", 3)
        assert box.state.error
        dovecot.start()
        dovecot.put(letter("After"))
        await until(lambda: box.subjects() == ["After", "Before"], "it is read again", 10)
        assert time.monotonic() - began < 15
        await until(lambda: box.state.error is None, "all is well again")


async def test_the_connection_is_cut_in_the_middle_of_a_mail(dovecot: Dovecot, box: Box) -> None:
    way = Cuttable(dovecot.plain, after=150_000)
    async with way.serving() as port:
        box.set_up(port, then="move:Archive")
        async with box.reading():
            await box.quiet()
            dovecot.put(letter("Small", text="It is small."), letter("Big", text="word " * 60_000), letter("Last", text="It is last."))  # fmt: skip
            await until(lambda: box.subjects() == ["Big", "Last", "Small"], "all are taken")
            await until(lambda: not dovecot.uids(), "and moved")
    assert (way.cuts, len(dovecot.uids("Archive"))) == (0, 3)
    with box.store.read() as work:
        assert work.unfetched("support") == {}


async def test_the_connection_falls_silent_while_nothing_is_said(dovecot: Dovecot, box: Box) -> None:
    way = Cuttable(dovecot.plain)
    async with way.serving() as port:
        box.set_up(port, timeout="1s", often=True)
        async with box.reading():
            await box.quiet()
            way.stopped = True
            dovecot.put(letter("Unheard"))
            await until(lambda: "within 1 seconds" in (box.state.error or ""), "it is noticed")
            way.stopped = False
            await until(lambda: box.subjects() == ["Unheard"], "it is taken over another connection")


GREETINGS = {
    "silent": (b"", "does not greet us within 1 seconds"),
    "busy": (b"* BYE too many connections\r\n", "turns us away: too many connections"),
    "web": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no IMAP server answers there: HTTP/1.1 400 Bad Request"),
    "preauth": (b"* PREAUTH hello\r\n", "before we log in"),
    "flood": (b"* OK " + b"x" * (40 << 20), "far more than it was asked for"),
    "empty lines": (b"\r\n" * 3000, "does not greet us"),
}  # fmt: skip


@pytest.mark.parametrize("greeting", GREETINGS)
async def test_a_greeting_that_is_none(greeting: str) -> None:
    said, reason = GREETINGS[greeting]
    async with Scripted(greeting=said).serving() as port:
        with pytest.raises(Lost, match=reason):
            async with asyncio.timeout(10):
                await opened(settings(port), Password("secret"))


async def test_a_port_that_refuses_and_a_host_that_is_none() -> None:
    with pytest.raises(Lost, match=r"Connection refused|Connect call failed"):
        await opened(settings(1), Password("secret"))
    with pytest.raises(Lost, match=r"no connection to no-such-host\.invalid:143"):
        await opened(settings(143, host="no-such-host.invalid"), Password("secret"))


async def test_log_in_by_quoted_strings_and_what_is_refused() -> None:
    server = Scripted(secrets=(r"a\"b\\c",))
    async with server.serving() as port:
        connection = await opened(settings(port, user='ca"rla'), Password('a"b\\c'))
        await connection.close()
        assert any(r'LOGIN "ca\"rla" "a\"b\\c"' in line for line in server.heard)
        with pytest.raises(LoginRefused, match=r"log-in of carla: \[AUTHENTICATIONFAILED\] who are you\?"):
            await opened(settings(port), Password("other"))
        with pytest.raises(LoginRefused, match="a line end or NUL"):
            await opened(settings(port), Password("two\r\nA1 DELETE INBOX"))
        server.capability = "IMAP4rev1 LOGINDISABLED"
        with pytest.raises(LoginRefused, match="LOGINDISABLED"):
            await opened(settings(port), Password("secret"))


async def test_a_passing_refusal_is_no_wrong_password() -> None:
    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        if verb == "LOGIN":
            await server.say(f"{tag} NO [UNAVAILABLE] try later")
        return verb == "LOGIN"

    async with Scripted(speak=speak).serving() as port:
        with pytest.raises(Declined, match="try later"):
            await opened(settings(port), Password("secret"))


async def test_capabilities_are_asked_after_the_log_in() -> None:
    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        if verb == "LOGIN":
            server.capability = "IMAP4rev1 MOVE IDLE"
        return False

    async with Scripted(speak=speak, capability="IMAP4rev1").serving() as port:
        connection = await opened(settings(port), Password("secret"))
        assert {"MOVE", "IDLE"} <= connection.capabilities
        await connection.close()


async def test_thousands_of_lines_in_one_answer_and_texts_that_look_like_answers() -> None:
    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        if verb == "NOOP":
            await server.say(
                b"".join(b"* %d EXPUNGE\r\n" % n for n in range(5000, 0, -1)) + f"{tag} OK done".encode()
            )
        return verb == "NOOP"

    raw = b"Subject: * 5 FETCH (UID 9 ( * \r\n\r\nA1 OK done\r\n* BYE (((\r\n+ go on\r\n"
    async with Scripted({5: raw, 6: b""}, speak).serving() as port:
        connection = await opened(settings(port), Password("secret"))
        await connection.select()
        await connection.noop()
        assert await connection.mails({5: len(raw), 6: 0}) == {5: raw, 6: b""}
        assert await connection.uids("1:*") == [5, 6]
        await connection.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"* 5 FETCH (UID 5 BODY[] {100}\r\nhalf of i", "no answer to FETCH within 1 seconds"),
        (b"* 5 FETCH (UID 5 BODY[] {4000000000}\r\n" + b"x" * (40 << 20), "far more than it was asked for"),
        (b"ZZ99 OK done\r\n", "no IMAP"),
    ],
)
async def test_answers_that_never_end_or_are_none(answer: bytes, reason: str) -> None:
    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        if verb == "UID FETCH":
            server.writer.write(answer)
        return verb == "UID FETCH"

    async with Scripted({5: b"x"}, speak).serving() as port:
        connection = await opened(settings(port), Password("secret"))
        await connection.select()
        with pytest.raises(Lost, match=reason):
            async with asyncio.timeout(10):
                await connection.mails({5: 100})
        with pytest.raises(Lost):
            await connection.noop()
        await connection.close()


@pytest.mark.parametrize("trouble", ["silence", "NO", "nothing", "cut"])
async def test_one_mail_that_cannot_be_fetched_stops_nothing(box: Box, trouble: str) -> None:
    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        chosen, _, items = arguments.partition(" ")
        stuck = verb == "UID FETCH" and "PEEK" in items and broken and 102 in server._chosen(chosen)
        if stuck and trouble == "NO":
            await server.say(f"{tag} NO [SERVERBUG] cannot read it")
        elif stuck and trouble == "nothing":
            await server.say(f"{tag} OK done")
        elif stuck and trouble == "cut":
            raise asyncio.IncompleteReadError(b"", None)
        return stuck

    broken = True
    server = Scripted(speak=speak, capability="IMAP4rev1 MOVE")
    async with server.serving() as port:
        box.set_up(port, user="carla", timeout="1s", often=True, then="move:Archive")
        (box.folder / "password").write_text("secret")
        async with box.reading():
            await box.quiet()
            server.mails = {uid: letter(f"Number {uid}", uid) for uid in (101, 102, 103)}
            await until(lambda: box.subjects() == ["Number 101", "Number 103"], "the others are taken")
            [told] = await until(box.told, "the admins are told")
            assert "UID 102" in told
            assert list(server.mails) == [102]
            await until(lambda: box.state.waiting == 1, "it counts as waiting")
            server.mails[104] = letter("Number 104", 104)
            await until(lambda: len(box.subjects()) == 3, "and so are later ones")
            fetches = len([line for line in server.heard if "FETCH 102 " in line])
            broken = False
            await asyncio.to_thread(box.stage.flow.store.check)
            box.ahead = timedelta(days=1, minutes=1)
            await until(lambda: "Number 102" in box.subjects(), "once a day it is tried again")
            assert fetches <= 8
            assert box.told() == []


async def test_a_wrong_password_is_told_once_and_not_tried_again_and_again(box: Box) -> None:
    server = Scripted()
    async with server.serving() as port:
        box.set_up(port, user="carla")
        async with box.reading():
            [told] = await until(box.told, "the admins are told")
            assert "'support' (carla at 127.0.0.1" in told
            assert "AUTHENTICATIONFAILED" in told
            assert (box.state.state, server.connections) == ("failing", 1)
            await asyncio.sleep(0.5)
            assert server.connections == 1
            (box.folder / "password").write_text("secret\n")
            await until(
                lambda: box.state.error is None and box.state.last_success, "a new password is tried at once"
            )
        assert box.told() == []
        assert server.connections == 2


async def test_a_mailbox_that_is_not_read_is_told_and_when_it_is_again(box: Box) -> None:
    box.set_up(1, user="carla", stale_after="1s")
    (box.folder / "password").write_text("secret")
    async with box.reading():
        [told] = await until(box.told, "the admins are told")
        assert "has not been read so far" in told
        assert "refused" in told or "Connect call failed" in told
    server = Scripted()
    async with server.serving() as port:
        box.set_up(port, user="carla", stale_after="1s", often=True)
        (box.folder / "password").write_text("secret")
        async with box.reading():
            [told] = await until(box.told, "they are told that it is read again")
            assert "is read again since" in told


async def test_a_failure_of_a_node_that_lost_the_mailbox_says_nothing(box: Box) -> None:
    """Another one reads it by then: its cursor and its word stand."""
    begun = MailboxRow(
        "support", "carla INBOX", "elsewhere", datetime.now(UTC), 7, "1:17", "", 18, datetime.now(UTC)
    )

    def take_over() -> None:
        with box.store.work() as work:
            now = box.running.desk_time()
            work.drop_lease("imap:support", "one")
            assert work.take_lease("imap:support", "two", now, now + timedelta(minutes=1))
            work.begin_mailbox(begun)

    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        if verb == "LOGIN":
            await asyncio.to_thread(take_over)
            raise asyncio.IncompleteReadError(b"", None)
        return False

    async with Scripted(speak=speak).serving() as port:
        box.set_up(port, user="carla")
        async with box.reading():
            await until(lambda: box.state.state == "elsewhere", "another node has it")
    with box.store.read() as work:
        assert work.mailboxes() == [begun]


@pytest.mark.parametrize(("store_away", "reason"), [(True, "server is away"), (False, "no space left")])
async def test_what_cannot_be_kept_stays_at_the_server(box: Box, store_away: bool, reason: str) -> None:
    """Nothing happens to it there, `status` says why, and all goes on by itself."""
    server = Scripted(capability="IMAP4rev1 MOVE")
    async with server.serving() as port:
        box.set_up(port, user="carla", often=True, then="move:Archive")
        (box.folder / "password").write_text("secret")
        async with box.reading():
            await box.quiet()
            with away(box.store) if store_away else full(box.stage.flow) as tried:
                before = box.state.last_success
                server.mails = {uid: letter(f"Number {uid}", uid, f"It is {uid}.") for uid in (101, 102)}
                await until(lambda: reason in (box.state.error or ""), "it is noticed, and said why")
                noticed, many = box.state, len(tried) + 5
                await until(lambda: len(tried) > many, "it is tried again and again")
                assert (box.state.error, box.state.error_at) == (noticed.error, noticed.error_at)
                assert (noticed.last_success or before) == box.state.last_success
                assert box.state.state != "idle"
                assert not [line for line in server.heard if re.search("MOVE|STORE|COPY|EXPUNGE", line)]
                assert list(server.mails) == [101, 102]
            await until(lambda: not server.mails, "they are taken and moved")
            await until(lambda: box.state.error is None and box.state.state == "idle", "all is well")
            assert box.subjects() == ["Number 101", "Number 102"]
        with box.store.read() as work:
            assert work.unfetched("support") == {}, "the mails are not to blame"
        assert box.told() == []


@pytest.mark.parametrize("moved", [True, False], ids=["once it has moved them", "before it moves them"])
async def test_the_server_hangs_up_on_move(box: Box, moved: bool) -> None:
    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        if verb == "UID MOVE" and hangs_up:
            if moved:
                server.mails.clear()
            raise asyncio.IncompleteReadError(b"", None)
        return False

    hangs_up = True
    server = Scripted(speak=speak, capability="IMAP4rev1 MOVE")
    async with server.serving() as port:
        box.set_up(port, user="carla", often=True, then="move:Archive")
        (box.folder / "password").write_text("secret")
        async with box.reading():
            await box.quiet()
            server.mails = {101: letter("First", 101, "It is the first.")}
            [told] = await until(box.told, "the admins are told once")
            assert "cannot be dealt with" in told
            assert "the server closed the connection" in told
            server.mails[102] = letter("Second", 102, "It is the second.")
            await until(lambda: box.subjects() == ["First", "Second"], "others are taken all the same")
            assert "the server closed the connection" in str(box.state.error)
            heard = len(server.heard)
            await until(lambda: "".join(server.heard[heard:]).count("NOOP") > 3, "it is looked at again")
            asked = [line for line in server.heard if "MOVE" in line]
            assert len(asked) == 3, "it is asked again in an hour"
            hangs_up = False
            box.ahead = timedelta(hours=1, minutes=1)
            await until(lambda: not server.mails, "then they are moved")
            await until(lambda: box.state.error is None, "and all is well")
        assert (box.subjects(), box.told()) == (["First", "Second"], [])
        assert box.routes() == ["imap:support"], "it is not taken again"


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, Path]:
    return make_certificate(tmp_path, "localhost")


async def test_tls_is_verified(certificate: dict[str, Path], dovecot: Dovecot) -> None:
    own = {"host": "localhost", "ca_file": str(dovecot.ca), "user": USER, "timeout": "10s"}
    for tls, port in (("implicit", dovecot.tls), ("starttls", dovecot.plain)):
        connection = await opened(settings(port, **own | {"tls": tls}), Password(PASSWORD))
        assert (await connection.select()).uidvalidity
        assert connection.protocol.transport.get_extra_info("cipher")
        await connection.close()
        with pytest.raises(Lost, match="certificate is not valid: self-signed certificate"):
            await opened(settings(port, **own | {"tls": tls, "ca_file": None}), Password(PASSWORD))
        with pytest.raises(Lost, match="certificate is not valid: IP address mismatch"):
            await opened(settings(port, **own | {"tls": tls, "host": "127.0.0.1"}), Password(PASSWORD))
    with pytest.raises(Lost, match="ca_file"):
        await opened(
            settings(dovecot.tls, **own | {"tls": "implicit", "ca_file": "/no/such"}), Password(PASSWORD)
        )


async def test_the_wrong_kind_of_port_is_told_quickly(dovecot: Dovecot) -> None:
    began = time.monotonic()
    with pytest.raises(Lost, match='speaks TLS from the start: tls = "implicit"'):
        await opened(settings(dovecot.tls, timeout="30s"), Password("x"))
    with pytest.raises(Lost, match='does not speak TLS from the start: tls = "starttls"'):
        await opened(settings(dovecot.plain, tls="implicit", timeout="30s"), Password("x"))
    assert time.monotonic() - began < 8
    async with Scripted().serving() as port:
        with pytest.raises(Lost, match="does not offer STARTTLS"):
            await opened(settings(port, tls="starttls"), Password("secret"))


async def test_what_is_slipped_in_before_tls_is_refused() -> None:
    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        if verb == "STARTTLS":
            server.writer.write(f"{tag} OK go\r\n* OK slipped in\r\nX".encode())
        return verb == "STARTTLS"

    async with Scripted(speak=speak, capability="IMAP4rev1 STARTTLS").serving() as port:
        with pytest.raises(MailboxFault):
            await opened(settings(port, tls="starttls"), Password("secret"))


def test_no_tls_below_1_2() -> None:
    from maild.intake.imap.connection import context_of

    context = context_of(settings(993, tls="implicit"))
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
