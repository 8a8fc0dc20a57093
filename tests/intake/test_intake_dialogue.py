"""What is said to which command, over real sockets."""

import logging
import socket
from ipaddress import ip_network

import pytest
from structlog.testing import capture_logs

from maild.desk.facts import Envelope
from maild.errors import NotNow, Refused
from tests.intake.dialogue import DATA, EHLO, LHLO, MAIL, NOON, RCPT, Client, Desk, serving


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (("HELO client.test",), "250 mx.acme.test"),
        (("EHLO",), "501 5.5.4"),
        (("HELO",), "501 5.5.4"),
        (("ehlo client.test",), "250-mx.acme.test"),
        (("EHLO \xff\xfe",), "250-mx.acme.test"),
        ((LHLO,), "500 5.5.1"),
        (("NOOP",), "250 2.0.0"),
        (("NOOP whatever",), "250 2.0.0"),
        (("RSET",), "250 2.0.0"),
        (("RSET x",), "501 5.5.4"),
        (("QUIT",), "221 2.0.0"),
        (("QUIT now",), "501 5.5.4"),
        (("VRFY support",), "252 2.1.5"),
        (("VRFY",), "501 5.5.4"),
        (("EXPN all",), "502 5.5.1"),
        (("HELP",), "502 5.5.1"),
        (("AUTH PLAIN AHUAcHc=",), "502 5.5.1"),
        (("BDAT 5 LAST",), "502 5.5.1"),
        (("STARTTLS",), "502 5.5.1"),
        (("FROB",), "500 5.5.2"),
        (("",), "500 5.5.2"),
        (("GET / HTTP/1.1",), "500 5.5.2"),
        (("NOOP \x00",), "500 5.5.2"),
        (("NOOP a\rb",), "500 5.5.2"),
        ((b"NOOP bare line feed\n",), "250 2.0.0"),
        (("  noop  ",), "250 2.0.0"),
        (("NOOP " + "x" * 2041,), "250 2.0.0"),
        (("NOOP " + "x" * 2042,), "500 5.5.2"),
        (("NOOP " + "x" * 300_000, "NOOP"), "250 2.0.0"),
        ((MAIL,), "503 5.5.1"),
        ((RCPT,), "503 5.5.1"),
        ((DATA,), "503 5.5.1"),
        ((EHLO, RCPT), "503 5.5.1"),
        ((EHLO, MAIL, DATA), "503 5.5.1"),
        ((EHLO, MAIL), "250 2.1.0"),
        ((EHLO, MAIL, MAIL), "503 5.5.1"),
        ((EHLO, MAIL, "RSET", MAIL), "250 2.1.0"),
        ((EHLO, MAIL, EHLO, RCPT), "503 5.5.1"),
        ((EHLO, "MAIL FROM:<>"), "250 2.1.0"),
        ((EHLO, "MAIL FROM:<>", MAIL), "503 5.5.1"),
        ((EHLO, "MAIL"), "501 5.5.4"),
        ((EHLO, "MAIL FROM:<a@b"), "553 5.1.7"),
        ((EHLO, b"MAIL FROM:<a\xe9@b.test> SMTPUTF8\r\n"), "553 5.1.7"),
        ((EHLO, "MAIL FROM:<a@b.test> SIZE=1000000"), "250 2.1.0"),
        ((EHLO, "MAIL FROM:<a@b.test> SIZE=1000001"), "552 5.3.4"),
        ((EHLO, "MAIL FROM:<a@b.test> RET=FULL"), "555 5.5.4"),
        ((EHLO, MAIL, RCPT), "250 2.1.5"),
        ((EHLO, MAIL, "RCPT TO:<SUPPORT@acme.test>"), "250 2.1.5"),
        ((EHLO, MAIL, "RCPT TO:<Postmaster>"), "250 2.1.5"),
        ((EHLO, MAIL, "RCPT TO:<nobody@acme.test>"), "550 5.1.1 No such address here"),
        ((EHLO, MAIL, "RCPT TO:<victim@elsewhere.test>"), "550 5.1.1 No such address here"),
        ((EHLO, MAIL, "RCPT TO:<=?utf-8?q?support?=@acme.test>"), "550 5.1.1"),
        ((EHLO, MAIL, "RCPT TO:<a@b"), "553 5.1.3"),
        ((EHLO, MAIL, "RCPT TO:<böb@acme.test>"), "553 5.6.7"),
        ((EHLO, "MAIL FROM:<a@b.test> SMTPUTF8", "RCPT TO:<böb@acme.test>"), "250 2.1.5"),
        ((EHLO, MAIL, RCPT, "DATA now"), "501 5.5.4"),
        ((EHLO, MAIL, RCPT, DATA), "354 "),
        ((EHLO, MAIL, RCPT, DATA, b"hi\r\n.\r\n"), "250 2.0.0 kept"),
        ((EHLO, MAIL, RCPT, DATA, b"hi\r\n.\r\n", RCPT), "503 5.5.1"),
        (("HELO client.test", MAIL, RCPT, DATA, b"hi\r\n.\r\n"), "250 2.0.0 kept"),
    ],
)
async def test_smtp_answers(commands, code):
    async with serving(Desk()) as (_, address):
        client = await Client.to(address)
        assert (await client.say(*commands)).startswith(code)
        await client.close()


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ((LHLO,), "250-mx.acme.test"),
        ((EHLO,), "500 5.5.1"),
        (("HELO client.test",), "500 5.5.1"),
        (("LHLO",), "501 5.5.4"),
        ((MAIL,), "503 5.5.1 Say LHLO first"),
        ((LHLO, MAIL, DATA), "503 5.5.1"),
        ((LHLO, MAIL, "RCPT TO:<nobody@acme.test>", DATA), "503 5.5.1"),
        ((LHLO, MAIL, RCPT, DATA, b"hi\r\n.\r\n"), "250 2.0.0 kept"),
    ],
)
async def test_lmtp_answers(commands, code):
    async with serving(Desk(), "lmtp") as (_, address):
        client = await Client.to(address)
        assert (await client.say(*commands)).startswith(code)
        await client.close()


@pytest.mark.parametrize(("protocol", "banner"), [("smtp", "ESMTP"), ("lmtp", "LMTP")])
async def test_the_greeting_tells_no_version(protocol, banner):
    async with serving(Desk(), protocol) as (_, address):
        client = await Client.to(address, greet=False)
        assert await client.reply() == f"220 mx.acme.test {banner} maild"
        await client.close()


@pytest.mark.parametrize(("protocol", "hello"), [("smtp", EHLO), ("lmtp", LHLO)])
async def test_what_is_offered(protocol, hello):
    async with serving(Desk(), protocol) as (_, address):
        client = await Client.to(address)
        assert (await client.say(hello)).splitlines() == [
            "250-mx.acme.test",
            "250-SIZE 1000000",
            "250-8BITMIME",
            "250-SMTPUTF8",
            "250-PIPELINING",
            "250 ENHANCEDSTATUSCODES",
        ]
        await client.close()


async def test_envelope_is_as_sent():
    desk = Desk()
    desk.accepts = lambda address: True
    async with serving(desk) as (_, address):
        client = await Client.to(address)
        recipients = [
            "Support+AbC@Acme.Test",
            '"odd one"@acme.test',
            "support+abc@acme.test",
            "böb@acme.test",
        ]
        await client.say(EHLO, "MAIL FROM:<Ann.B+x=y@Customer.Test> SMTPUTF8 BODY=8BITMIME SIZE=5")
        await client.say(*(f"RCPT TO:<{recipient}>" for recipient in recipients))
        await client.say(DATA, b"hi\r\n.\r\n")
        assert await client.mail() == "250 2.0.0 kept"
        assert await client.say("MAIL FROM:<>", RCPT, DATA, b"bounce\r\n.\r\n") == "250 2.0.0 kept"
        await client.close()
    assert desk.envelopes[0] == Envelope(
        "Ann.B+x=y@Customer.Test",
        tuple(recipients),
        "smtp",
        "127.0.0.1",
        NOON,
        trusted=True,
        helo="client.test",
    )
    assert desk.envelopes[1].recipients == ("support@acme.test",)
    assert desk.envelopes[2].sender == ""
    assert desk.mails == [b"hi\r\n", b"Subject: hi\r\n\r\nhi\r\n", b"bounce\r\n"]


@pytest.mark.parametrize(
    ("address", "trusted", "peer", "believed"),
    [
        ("127.0.0.1:0", (), "127.0.0.1", False),
        ("127.0.0.1:0", (ip_network("127.0.0.0/8"),), "127.0.0.1", True),
        ("127.0.0.1:0", (ip_network("::1"),), "127.0.0.1", False),
        ("[::1]:0", (ip_network("::1"),), "::1", True),
        ("unix:{tmp}/lmtp.sock", (), "unix", True),
    ],
)
async def test_who_is_trusted(tmp_path, address, trusted, peer, believed):
    desk = Desk()
    async with serving(desk, "lmtp", address.format(tmp=tmp_path), trusted=trusted) as (_, real):
        client = await Client.to(real)
        await client.mail(hello=LHLO)
        await client.close()
    (envelope,) = desk.envelopes
    assert (envelope.route, envelope.peer, envelope.trusted) == ("lmtp", peer, believed)


async def test_an_ipv4_peer_on_an_ipv6_socket_has_its_ipv4_name():
    desk = Desk()
    async with serving(desk) as (listeners, _):
        both = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        address = await listeners.open(next(iter(listeners._ports.values())).listener, both)
        client = await Client.to(f"127.0.0.1:{address.rpartition(':')[2]}")
        await client.mail()
        await client.close()
    assert desk.envelopes[0].peer == "127.0.0.1"
    assert desk.envelopes[0].trusted


FAULTS = [
    (None, "250 2.0.0 kept"),
    (Refused(550, "5.7.1", "Not for us"), "550 5.7.1 Not for us"),
    (NotNow("/var/lib/maild full"), "451 4.3.0"),
    (ValueError("db password=hunter2 ü\r\n250 ok"), "451 4.3.0"),
    (ConnectionResetError("database went away"), "451 4.3.0"),
    (TimeoutError("database is slow"), "451 4.3.0"),
    (EOFError("database"), "451 4.3.0"),
]


@pytest.mark.parametrize(("fault", "answer"), FAULTS)
@pytest.mark.parametrize(("protocol", "hello"), [("smtp", EHLO), ("lmtp", LHLO)])
async def test_every_fault_is_answered_and_the_session_goes_on(protocol, hello, fault, answer):
    desk = Desk()
    desk.fault = fault
    with capture_logs() as logs:
        counters = await _fail_and_go_on(desk, protocol, hello, answer)
    kept = 1 if answer.startswith("250") else 0
    refused = 1 + answer.startswith("550")
    assert (counters.accepted, counters.refused, counters.deferred) == (
        1 + kept,
        refused,
        answer.startswith("451"),
    )
    assert len(desk.mails) == 1 + kept
    tracebacks = [entry["exc_info"] for entry in logs if entry["log_level"] == "error"]
    assert tracebacks == ([fault] if answer.startswith("451") and not isinstance(fault, NotNow) else [])


async def _fail_and_go_on(desk, protocol, hello, answer):
    async with serving(desk, protocol) as (listeners, address):
        client = await Client.to(address)
        await client.say(hello, MAIL, RCPT, "RCPT TO:<nobody@acme.test>", "RCPT TO:<help@acme.test>", DATA)
        await client.send(b"hi\r\n.\r\n")
        for _ in range(2 if protocol == "lmtp" else 1):
            got = await client.reply()
            assert got.startswith(answer)
            assert "hunter2" not in got
        desk.fault = None
        assert await client.say(MAIL, RCPT, DATA, b"again\r\n.\r\n") == "250 2.0.0 kept"
        await client.close()
        return listeners.counters[address]


@pytest.mark.parametrize(
    ("hello", "name"),
    [
        ("EHLO mail.customer.test", "mail.customer.test"),
        ("HELO [192.0.2.7]", "[192.0.2.7]"),
        ("EHLO b\u00fccher.test", ""),
        ("EHLO " + "x" * 500, "x" * 255),
        ("EHLO one.test\r\nRSET\r\nEHLO two.test", "two.test"),
    ],
)
async def test_the_name_that_was_greeted_with_is_kept(hello, name):
    desk = Desk()
    async with serving(desk) as (_, address):
        client = await Client.to(address)
        for line in hello.split("\r\n"):
            assert (await client.say(line)).endswith(
                ("OK", "SMTPUTF8", "ENHANCEDSTATUSCODES", "mx.acme.test")
            )
        await client.say(MAIL, RCPT, DATA, b"hi\r\n.\r\n")
        await client.close()
    assert [envelope.helo for envelope in desk.envelopes] == [name]


async def test_a_receiver_that_cannot_say_whose_an_address_is():
    desk = Desk()
    desk.accepts_fault = KeyError("secret")
    async with serving(desk) as (_, address):
        client = await Client.to(address)
        assert (await client.say(EHLO, MAIL, RCPT)).startswith("451 4.3.0")
        desk.accepts_fault = None
        assert await client.say(RCPT, DATA, b"hi\r\n.\r\n") == "250 2.0.0 kept"
        await client.close()


async def test_lmtp_answers_once_for_each_recipient_also_for_a_mail_too_big():
    desk = Desk()
    async with serving(desk, "lmtp", limits={"message_size": 1000}) as (_, address):
        client = await Client.to(address)
        await client.say(LHLO, MAIL, RCPT, "RCPT TO:<help@acme.test>", RCPT, DATA)
        await client.send(b"x" * 2000 + b"\r\n.\r\nNOOP\r\n")
        assert [await client.reply() for _ in range(4)] == ["552 5.3.4 Message too big"] * 3 + [
            "250 2.0.0 OK"
        ]
        await client.close()
    assert desk.mails == []


async def test_too_many_recipients_are_left_for_the_next_mail():
    desk = Desk()
    async with serving(desk, limits={"recipients": 100}) as (_, address):
        client = await Client.to(address)
        await client.say(EHLO, MAIL)
        answers = [await client.say(RCPT) for _ in range(150)]
        assert answers == ["250 2.1.5 OK"] * 100 + ["452 4.5.3 Too many recipients"] * 50
        assert await client.say(DATA, b"hi\r\n.\r\n") == "250 2.0.0 kept"
        await client.close()
    assert len(desk.envelopes[0].recipients) == 100


async def test_nothing_of_a_mail_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    async with serving(Desk()) as (_, address):
        client = await Client.to(address)
        await client.mail(b"Subject: sesame\r\n\r\nsesame\r\n")
        await client.close()
    assert not [record for record in caplog.records if record.name.startswith("mail.")]
    assert "sesame" not in caplog.text
    assert "customer.test" not in caplog.text


async def test_the_host_name_is_never_looked_up(monkeypatch):
    def looked_up(*_):
        raise AssertionError("getfqdn asks the network")

    monkeypatch.setattr(socket, "getfqdn", looked_up)
    async with serving(Desk()) as (_, address):
        client = await Client.to(address)
        assert await client.mail() == "250 2.0.0 kept"
        await client.close()
