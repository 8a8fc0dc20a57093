"""Garbage in dialogues: no answer tells anything, no session hangs, and the next mail is kept."""

import asyncio
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.intake.dialogue import DATA, EHLO, LHLO, MAIL, RCPT, Client, Desk, serving

VERBS = st.sampled_from([
    "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "VRFY", "QUIT", "STARTTLS", "AUTH", "EXPN", "HELP", "BDAT",
]).map(str.encode)  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(
        [
            b"FROM:",
            b"TO:",
            b"<>",
            b"<a@b.test>",
            b"<support@acme.test>",
            b"SIZE=",
            b"BODY=8BITMIME",
            b"SMTPUTF8",
            b'<"',
            b"<@",
        ]
    ),
    st.binary(max_size=20),
    st.text(max_size=10).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
LINES = st.one_of(
    st.sampled_from([EHLO, LHLO, MAIL, RCPT, DATA, ".", "x", ""]).map(str.encode),
    st.builds(lambda verb, words: b" ".join([verb, *words]), VERBS, st.lists(WORDS, max_size=4)),
    st.binary(max_size=60),
    st.integers(2000, 3000).map(lambda length: b"N" * length),
)
REPLY = re.compile(r"[2345]\d\d[ -][\x20-\x7e]*")
INTERNALS = re.compile(r"Traceback|Error\b|Exception|\.py|hunter2|aiosmtpd|Python|/")


async def talk(protocol, lines, ending):
    desk = Desk()
    desk.fault = ValueError("password=hunter2 in /etc/maild/secret")
    with capture_logs() as logs:
        answers = await _talk(desk, protocol, lines, ending)
    assert not [entry for entry in logs if entry["event"] == "session_fault"]
    assert desk.mails == [b"next\r\n"]
    return answers


async def _talk(desk, protocol, lines, ending):
    async with serving(desk, protocol) as (_, address):
        client = await Client.to(address)
        await client.send(b"".join(line + ending for line in lines))
        client.writer.write_eof()
        answers = await client.rest()
        desk.fault = None
        other = await Client.to(address)
        assert await other.mail(b"next\r\n", LHLO if protocol == "lmtp" else EHLO) == "250 2.0.0 kept"
        await other.close()
    return answers


@given(st.sampled_from(["smtp", "lmtp"]), st.lists(LINES, max_size=15), st.sampled_from([b"\r\n", b"\n"]))
@settings(max_examples=80, deadline=None)
def test_garbage_gets_plain_answers_and_hurts_nobody(protocol, lines, ending):
    answers = asyncio.run(talk(protocol, lines, ending))
    assert not INTERNALS.search(answers)
    assert answers == "" or answers.endswith("\r\n")
    assert all(REPLY.fullmatch(line) for line in answers.split("\r\n")[:-1])


@given(st.lists(LINES, min_size=11, max_size=25))
@settings(max_examples=25, deadline=None)
def test_every_session_of_nonsense_comes_to_its_end(lines):
    nonsense = [b"?" + line.replace(b"\n", b"") for line in lines]
    answers = asyncio.run(talk("smtp", nonsense, b"\r\n")).split("\r\n")[:-1]
    assert [answer[:3] for answer in answers] == ["500"] * 10 + ["421"]
