"""The sender against relays that speak by hand: pipelining, its refusals, limits of a connection, several relays, a domain that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from maild.delivery import connection, send
from maild.delivery.opening import Relay
from maild.delivery.outcome import Outcome
from maild.delivery.send import Sender
from tests.delivery.raw_relay import HANG_UP, RawRelay, Session, Silence

RAW = b"From: desk@acme.test\r\nSubject: x\r\n\r\n.dot\r\nend\r\n"
ME, YOU = "desk+b@acme.test", "carla@x.test"


def to(*relays: RawRelay, **more: Any) -> list[Relay]:
    options = {"tls": "none", "hostname": "desk.acme.test", "timeout": 5, "connections": 1, **more}
    return [Relay(relay.address, **options) for relay in relays]


def saying(answers: dict[str, bytes], times: int = 99) -> Callable[[Session, str], bytes | None]:
    """Answers by the beginning of a line, in the first so many sessions' lines."""
    left = dict.fromkeys(answers, times)

    def answer(_session: Session, line: str) -> bytes | None:
        for begin, reply in answers.items():
            if line.startswith(begin) and left[begin] > 0:
                left[begin] -= 1
                return reply
        return None

    return answer


async def test_envelope_and_go_ahead_are_one_write_and_a_connection_serves_many() -> None:
    async with RawRelay().listening() as relay:
        sender = Sender(to(relay))
        for number in range(3):
            assert (await sender.send(RAW, ME, YOU, f"id{number}@acme.test")).kind == "sent"
        await sender.close()
    (session,) = relay.sessions
    assert session.mails == [RAW.replace(b"\r\n.dot", b"\r\n..dot")] * 3
    assert session.lines[1:4] == [
        f"MAIL FROM:<{ME}> SIZE={len(RAW)} RET=HDRS ENVID=id0@acme.test",
        f"RCPT TO:<{YOU}> NOTIFY=FAILURE,DELAY ORCPT=rfc822;{YOU}",
        "DATA",
    ]
    assert len(set(session.bursts[1:4])) == 1
    assert "RSET" not in session.lines


async def test_without_pipelining_each_command_waits_for_the_last_reply() -> None:
    async with RawRelay(offers=("SIZE",)).listening() as relay:
        sender = Sender(to(relay))
        assert (await sender.send(RAW, ME, YOU, "id")).kind == "sent"
        await sender.close()
    assert relay.sessions[0].lines[1:4] == [f"MAIL FROM:<{ME}> SIZE={len(RAW)}", f"RCPT TO:<{YOU}>", "DATA"]
    assert len(set(relay.sessions[0].bursts[1:4])) == 3


@pytest.mark.parametrize("offers", [("PIPELINING",), ()])
@pytest.mark.parametrize(
    ("begin", "reply", "kind", "of"),
    [
        ("MAIL", b"550 5.7.1 not you", "failed", "mail"),
        ("MAIL", b"451 4.3.0 not now", "later", "mail"),
        ("RCPT", b"550 5.1.1 no such user", "failed", "mail"),
        ("RCPT", b"450 4.2.0 greylisted", "later", "mail"),
        ("RCPT", b"451 4.4.1 no answer from the host", "later", "domain"),
        ("RCPT", b"450 4.7.1 too many mails today", "later", "domain"),
        ("DATA", b"451 4.3.0 no space", "later", "mail"),
        ("DATA", b"554 5.7.1 no", "failed", "mail"),
        (".", b"554 5.7.1 spam", "failed", "mail"),
        (".", b"451-4.3.0 busy\r\n451 4.3.0 really", "later", "mail"),
        (".", b"354 what", "unknown", "mail"),
    ],
)
async def test_one_refused_does_not_disturb_the_next(
    offers: tuple[str, ...], begin: str, reply: bytes, kind: str, of: str
) -> None:
    async with RawRelay(offers=offers, answers=saying({begin: reply}, 1)).listening() as relay:
        sender = Sender(to(relay))
        outcome = await sender.send(RAW, ME, YOU)
        assert (outcome.kind, outcome.of) == (kind, of)
        assert (await sender.send(RAW, ME, YOU)).kind == "sent"
        await sender.close()
    assert len(relay.mails) == 1
    assert len(relay.sessions) == (2 if reply == b"354 what" else 1)


async def test_a_go_ahead_in_spite_of_a_refused_recipient_gets_the_empty_mail_and_no_other() -> None:
    """RFC 2920 §3.1."""

    def answers(session: Session, line: str) -> bytes | None:
        if line == "DATA":
            return b"354 go ahead"
        return b"550 5.1.1 no" if line.startswith("RCPT TO:<nobody") else None

    async with RawRelay(answers=answers).listening() as relay:
        sender = Sender(to(relay))
        assert (await sender.send(RAW, ME, "nobody@x.test")).kind == "failed"
        assert (await sender.send(RAW, ME, YOU)).kind == "sent"
        await sender.close()
    assert [len(mail) for mail in relay.mails] == [2, len(RAW) + 1]
    assert relay.lines.count("RSET") == 1


@pytest.mark.parametrize(
    ("begin", "reply"),
    [
        ("MAIL", b"421 4.7.0 enough of you"),
        ("MAIL", b"452 4.5.3 too many mails on this connection"),
        ("RCPT", b"452 4.5.3 too many recipients"),
        ("MAIL", HANG_UP),
    ],
)
async def test_a_connection_that_had_its_share_is_replaced_at_once(begin: str, reply: bytes) -> None:
    def answers(session: Session, line: str) -> bytes | None:
        return reply if line.startswith(begin) and len(session.mails) == 2 else None

    async with RawRelay(answers=answers).listening() as relay:
        sender = Sender(to(relay))
        for _ in range(5):
            assert (await sender.send(RAW, ME, YOU)).kind == "sent"
        await sender.close()
    assert [len(session.mails) for session in relay.sessions] == [2, 2, 1]


async def test_a_timeout_of_the_relay_between_two_mails_costs_nothing() -> None:
    async with RawRelay().listening() as relay:
        sender = Sender(to(relay))
        assert (await sender.send(RAW, ME, YOU)).kind == "sent"
        writer = relay.sessions[0].writer
        assert writer is not None
        writer.write(b"421 4.4.2 idle for too long\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)
        assert (await sender.send(RAW, ME, YOU)).kind == "sent"
        await sender.close()
    assert [len(session.mails) for session in relay.sessions] == [1, 1]


@pytest.mark.parametrize(
    ("begin", "reply", "kind"),
    [
        ("RCPT", b"hello there", "later"),
        ("RCPT", b"250-x\r\n" * 9000 + b"250-x", "later"),
        ("RCPT", b"9" * 40_000, "later"),
        (".", b"\x00\xff garbage", "unknown"),
        (".", HANG_UP, "unknown"),
        ("DATA", HANG_UP, "later"),
        ("EHLO", b"x", "later"),
    ],
)
async def test_garbage_is_no_verdict(begin: str, reply: bytes, kind: str) -> None:
    async with RawRelay(answers=saying({begin: reply}, 1)).listening() as relay:
        sender = Sender(to(relay), now=lambda: 0.0)
        assert (await sender.send(RAW, ME, YOU)).kind == kind
        await sender.close()
    assert relay.mails == []


async def test_a_big_mail_cut_in_its_middle_cannot_have_arrived_and_one_refused_early_is_refused() -> None:
    big = RAW + b"x" * 70 + b"\r\n" + (b"0123456789" * 7 + b"\r\n") * 60_000

    def cut(session: Session, line: str) -> bytes | None:
        if line == "DATA" and session is relay.sessions[0]:
            assert session.writer is not None
            session.writer.write(b"354 go\r\n")
            return HANG_UP
        if line == "DATA" and session is relay.sessions[1]:
            return b"354 go\r\n552 5.3.4 too big after all"
        return None

    async with RawRelay(answers=cut).listening() as relay:
        sender = Sender(to(relay))
        first = await sender.send(big, ME, YOU)
        assert (first.kind, first.text.endswith("(while the mail was handed over)")) == ("later", True), first
        assert (await sender.send(big, ME, YOU)).status == "5.3.4"
        assert (await sender.send(big, ME, YOU)).kind == "sent"
        await sender.close()
    assert relay.mails[0] == big.replace(b"\r\n.dot", b"\r\n..dot")


@pytest.mark.parametrize("raw", [b"a: b\n\n.x\n", b"a: b\r\n\r\nx", b"a: b\r\n\r\nx\ry\r\n.\r\nz\r\n"])
async def test_what_is_said_ends_where_the_mail_ends(raw: bytes) -> None:
    """No lone CR or LF, which others could take for the end (RFC 5321 §2.3.8), and every dot doubled."""
    async with RawRelay().listening() as relay:
        sender = Sender(to(relay))
        assert (await sender.send(raw, ME, YOU)).kind == "sent"
        await sender.close()
    (mail,) = relay.mails
    assert mail.count(b"\r") == mail.count(b"\n") == mail.count(b"\r\n")
    assert mail.splitlines() == [b"." + line if line.startswith(b".") else line for line in raw.splitlines()]


# -- several relays


async def test_the_first_relay_that_is_there_takes_the_mail_and_the_first_is_tried_again() -> None:
    clock = [0.0]
    async with RawRelay().listening() as second:
        async with RawRelay().listening() as first:
            pass
        relays = to(first, second)
        sender = Sender(relays, now=lambda: clock[0])
        assert (await sender.send(RAW, ME, YOU)).kind == "sent"
        assert [one.address for one in sender.away()] == [first.address]
        assert sender.waits() == 0
        async with RawRelay().listening(int(first.address.rpartition(":")[2])) as back:
            assert (await sender.send(RAW, ME, YOU)).kind == "sent"
            assert (len(back.mails), len(second.mails)) == (0, 2)  # left alone for a while
            clock[0] = send.AWAY_SECONDS[0]
            assert (await sender.send(RAW, ME, YOU)).kind == "sent"
            assert (len(back.mails), len(second.mails)) == (1, 2)
            assert sender.away() == ()
            await sender.close()


async def test_a_refusal_is_the_relays_word_and_is_asked_of_no_other() -> None:
    first = RawRelay(answers=saying({"RCPT": b"550 5.1.1 no such user"}))
    async with first.listening(), RawRelay().listening() as second:
        sender = Sender(to(first, second))
        assert (await sender.send(RAW, ME, YOU)).status == "5.1.1"
        await sender.close()
    assert second.sessions == []


@pytest.mark.parametrize(
    "first",
    [
        RawRelay(greeting=b"554 5.7.1 not for you"),
        RawRelay(greeting=b"421 4.3.2 going down"),
        RawRelay(greeting=b"go away"),
        RawRelay(answers=saying({"EHLO": b"421 4.3.2 bye"})),
        RawRelay(answers=saying({"EHLO": HANG_UP})),
    ],
    ids=["refused", "busy", "garbage", "bye", "hangup"],
)
async def test_a_relay_without_a_session_is_passed_over(first: RawRelay) -> None:
    async with first.listening(), RawRelay().listening() as second:
        sender = Sender(to(first, second))
        assert (await sender.send(RAW, ME, YOU)).kind == "sent"
        await sender.close()
    assert len(second.mails) == 1


async def test_a_relay_that_takes_the_connection_and_says_nothing_is_passed_over() -> None:
    def silent(session: Session, line: str) -> bytes | None:
        raise Silence

    async with RawRelay(answers=silent).listening() as first, RawRelay().listening() as second:
        sender = Sender(to(first, second, timeout=0.2))
        assert (await sender.send(RAW, ME, YOU)).kind == "sent"
        assert "Timed out" in sender.away()[0].reason
        assert (await sender.send(RAW, ME, YOU)).kind == "sent"
        assert len(first.sessions) == 1
        await sender.close()


async def test_with_no_relay_at_all_the_sender_says_how_long_to_wait() -> None:
    clock = [0.0]
    async with RawRelay().listening() as gone:
        pass
    sender = Sender(to(gone), now=lambda: clock[0])
    waits = []
    for _ in range(7):
        outcome = await sender.send(RAW, ME, YOU)
        assert (outcome.kind, outcome.of) == ("later", "relay")
        waits.append(sender.waits())
        clock[0] += sender.waits()
    assert waits == [*send.AWAY_SECONDS, send.AWAY_SECONDS[-1], send.AWAY_SECONDS[-1]]


# -- one domain


async def test_a_domain_that_hangs_leaves_a_connection_to_the_others() -> None:
    def hanging(session: Session, line: str) -> bytes | None:
        if "@slow.test" in line.lower():
            raise Silence
        return None

    async with RawRelay(answers=hanging).listening() as relay:
        sender = Sender(to(relay, connections=3), at_once=lambda domain: 2)
        slow = [asyncio.create_task(sender.send(RAW, ME, f"p{n}@SLOW.test")) for n in range(6)]
        quick = [sender.send(RAW, ME, f"p{n}@quick.test") for n in range(6)]
        assert {one.kind for one in await asyncio.wait_for(asyncio.gather(*quick), 10)} == {"sent"}
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert sender._destinations == {}
        await sender.close()


async def test_nothing_leaves_a_node_that_must_not_send() -> None:
    async with RawRelay().listening() as relay:
        sender = Sender(to(relay), may_send=lambda: False)
        assert (await sender.send(RAW, ME, YOU)).of == "relay"
        await sender.close()
    assert relay.mails == []


# -- reports


async def test_reports_are_asked_for_where_they_are_offered_and_somebody_would_get_them() -> None:
    async with RawRelay().listening() as relay:
        sender = Sender(to(relay))
        await sender.send(RAW, ME, "o'hara+x=y@x.test", "a+b=c@acme.test")
        await sender.send(RAW, "", YOU, "a@acme.test")
        await sender.send(RAW, ME, YOU)
        await sender.send(RAW, ME, YOU, "x" * 101)
        await sender.close()
    said = [line for line in relay.lines if line.startswith(("MAIL", "RCPT"))]
    assert said[0].endswith(" RET=HDRS ENVID=a+2Bb+3Dc@acme.test")
    assert said[1].endswith(" NOTIFY=FAILURE,DELAY ORCPT=rfc822;o'hara+2Bx+3Dy@x.test")
    assert not any(word in line for line in said[2:6] for word in ("RET", "ENVID", "NOTIFY"))
    assert said[6].endswith(" RET=HDRS")


def test_the_words_of_ehlo_are_read_as_they_come() -> None:
    offered = connection.Extensions.of({"size": "²³", "pipelining": ""})
    assert (offered.size, offered.tells_size, offered.pipelining) == (0, True, True)
    assert connection.Extensions.of({"size": "1" * 30}).size == 0


def test_an_outcome_is_told_in_one_line() -> None:
    assert Outcome("sent", "x").of == "mail"


@pytest.mark.parametrize("last", [b"421 4.3.2 going down\r\n", b""], ids=["421", "closed"])
async def test_a_relay_that_greets_and_is_gone_is_one_that_is_away(last: bytes) -> None:
    """The reply to EHLO and the end come in one packet: the next relay takes the mail, and without one it waits."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 going.test\r\n")
        await reader.readline()
        writer.write(b"250 going.test\r\n" + last)
        writer.write_eof()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    going = Relay(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", "none", timeout=5, connections=1)
    async with RawRelay().listening() as relay:
        alone, both = Sender([going]), Sender([going, *to(relay)])
        for _ in range(5):
            assert (await alone.send(RAW, ME, YOU)).kind == "later"
            assert (await both.send(RAW, ME, YOU)).kind == "sent"
        await alone.close()
        await both.close()
    server.close()
    await server.wait_closed()
    assert len(relay.mails) == 5
