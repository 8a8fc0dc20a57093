"""What is left out for the parser changes nothing of what is understood."""

from __future__ import annotations

import random
from email import message_from_bytes
from email.message import Message

import pytest

from maild.message import parse as reading
from maild.message import structure
from tests.bench.mails import mails

MADE = [one.raw for one in mails(60, seed=7)]
BIG = [raw for raw in MADE if len(raw) > 20_000]
REPORT = (
    b"From: MAILER-DAEMON@a.test\r\nContent-Type: multipart/report; boundary=x; report-type=delivery-status\r\n\r\n--x\r\n\r\n"
    b"Could not be delivered.\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.test\r\n\r\n"
    b"Final-Recipient: rfc822; b@b.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n%s\r\n--x--\r\n"
)


def broken(raw: bytes, chance: random.Random) -> bytes:
    """The mail with a line of its structure lost, doubled, cut short or otherwise ended."""
    lines = raw.split(b"\r\n")
    shaping = [at for at, line in enumerate(lines) if line.startswith(b"--") or b":" in line or not line]
    for _ in range(2):
        at = min(chance.choice(shaping), len(lines) - 1)
        match chance.randrange(6):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[chance.randrange(len(lines))])
            case 2:
                lines[at] = lines[at].replace(b"base64", b"x-uuencode").replace(b"mixed", b"digest")
            case 3:
                lines.insert(at, b"Content-Type: message/rfc822")
            case 4:
                lines[at] += b"\r"
            case _:
                del lines[at + 2 :]
                break
    return chance.choice((b"\r\n", b"\n")).join(lines)


def whole(data: bytes) -> tuple[Message, bool]:
    return message_from_bytes(data), False


@pytest.mark.parametrize("seed", range(4))
def test_the_facts_are_those_of_the_whole_mail(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    given = chance.sample(BIG, 3)
    given += [REPORT % raw for raw in given]
    given += [broken(raw, chance) for raw in given]
    outlined = [reading.parse(raw) for raw in given]
    monkeypatch.setattr(structure, "outline", whole)
    assert outlined == [reading.parse(raw) for raw in given]


def test_long_content_is_left_out() -> None:
    short, outlined = structure.outline(BIG[0])
    assert outlined
    assert len(short.as_bytes()) < 5000
    assert structure.outline(b"Subject: hello\r\n\r\nshort\r\n")[1] is False


@pytest.mark.parametrize(
    ("mail", "left"),
    [
        (b"A: b\r\n\r\ntext\r\nmore\r\n--x\r\n", b"A: b\r\n\r\n--x\r\n"),
        (b"A: b\n\n--x\n\ntext\n--x--\n", b"A: b\n\n--x\n\n--x--\n"),
        (b"A: b\n\n\ntext\n--x--", b"A: b\n\n--x--"),
        (b"A: b\n\ntext\nunended", b"A: b\n\nunended"),
        (b"A: b\n\n--x", b"A: b\n\n--x"),
        (b"A: b\n\n", b"A: b\n\n"),
        (b"A: b", b"A: b"),
    ],
)
def test_only_lines_of_content_are_left_out(mail: bytes, left: bytes) -> None:
    filler = b"C: " + b"d" * 5000 + b"\n"
    assert structure.outline(filler + mail)[0].as_bytes() == message_from_bytes(filler + left).as_bytes()


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (b"QUJD\r\n" * 300, b"QUJD\r\n"),
        (b"QUJD\n" * 300 + b"\nSubject: b\n", b"QUJD\n\nSubject: b\n"),
        (b"QUJD\r\n" * 300 + b"\r\nSubject: b\r\n", b"QUJD\r\n\r\nSubject: b\r\n"),
        (b"QUJD\n" * 300 + b"unended", b"QUJD\nunended"),
        (b"QUJD\r" * 300 + b"\n", b"QUJD\r" * 300 + b"\n"),
        (b"Q" * 1200, b"Q" * 1200),
    ],
)
def test_base64_in_a_message_in_a_message_is_left_out(lines: bytes, left: bytes) -> None:
    head = b"Content-Type: message/rfc822\n\nA: " + b"d" * 5000 + b"\n\n"
    assert structure.outline(head + lines)[0].as_bytes() == message_from_bytes(head + left).as_bytes()
