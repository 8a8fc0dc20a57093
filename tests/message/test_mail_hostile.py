"""Mail that was made to hurt, and mail that was merely broken: facts, or facts with defects, in time that follows its size."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.facts import Mail
from maild.message.inspect import document
from maild.message.parse import parse

HEAD = b"From: a@x.example\r\nSubject: s\r\n"
SECONDS = 10.0


def page(source: bytes) -> bytes:
    return HEAD + b"Content-Type: text/html\r\n\r\n" + source


HEAVY = {
    "3000 nested parts": HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)),
    "20000 parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000,
    "50000 recipients": HEAD + b"To: " + b", ".join(b"u%d@x.example" % n for n in range(50_000)) + b"\r\n\r\nx",
    "20000 parameters": HEAD + b"Content-Type: text/plain" + b"".join(b"; a%d=b" % n for n in range(20_000)) + b"\r\n\r\nx",
    "a From of quotes": b"From: " + b'"' * 20_001 + b"\r\n\r\nx",
    "a trace of no address": b"Delivered-To: " + b"<" * 200_000 + b"\r\n" + HEAD + b"\r\nx",
    "a trace of many addresses": b"Delivered-To: " + b"a@b@" * 50_000 + b"\r\n" + HEAD + b"\r\nx",
    "a From of comments": b"From: " + b"(" * 20_000 + b"\r\n\r\nx",
    "lines that end in CR": b"From: a@x.example\rSubject: s\r\rwords\r" * 5000,
    "no header": b"just words of a mail\n" * 50_000,
    "base64 that is none": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"\xff\x00=== not base64 " * 50_000,
    "a gigabyte by declaration": HEAD + b"Content-Length: 1000000000\r\nContent-Type: application/octet-stream; size=1000000000\r\n\r\nx",
    "nested divisions": page(b"<div>" * 100_000),
    "nested tables": page(b"<table><tr><td>" * 30_000),
    "deep cells": page(b"<table><tr><td>" * 90 + b"<p>x</p>" * 2000),
    "a large table": page(b"<table>" + (b"<tr>" + b"<td>cell</td>" * 10 + b"</tr>") * 2000 + b"</table>"),
    "attributes": page(b"<p " + b" ".join(b"a%d=1" % n for n in range(50_000)) + b">x"),
    "links around paragraphs": page(b"<a href='https://x.example/y'>" + b"<p>word</p>" * 5000 + b"</a>"),
    "nested quotes": page(b"<blockquote type=cite>word" * 2000),
    "ampersands": page(b"&" * 100_000),
    "long styles": page(b"<p style='max-height:0;" + b"a:b;" * 20_000 + b"'>x"),
    "attributions": HEAD + b"\r\n" + b"2026-11-16 10:00 a@b: wrote: something <x@y>:\r\n" * 20_000,
    "marks": HEAD + b"\r\n" + b"> ##- answer above -##\r\nx\r\n" * 20_000,
    "forwards": HEAD + b"\r\n" + b"---------- Forwarded message\r\n\r\n" * 20_000,
    "armour": HEAD + b"\r\n" + b"-----BEGIN PGP SIGNED MESSAGE-----\n" * 10_000 + b"\n\n-----BEGIN PGP SIGNATURE-----\n" * 2000,
    "calendar parameters": HEAD + b"Content-Type: text/calendar\r\n\r\nBEGIN:VEVENT\r\nSUMMARY" + b";A=B,C" * 100_000,
    "calendar people": HEAD + b"Content-Type: text/calendar\r\n\r\nBEGIN:VEVENT\r\n" + b'ATTENDEE;CN="x":mailto:x@y\r\n' * 50_000,
    "TNEF attributes": HEAD + b"Content-Type: application/ms-tnef\r\n\r\n\x78\x9f\x3e\x22\x01\x00" + b"\x02\x02\x90\x06\x00\0\0\0\0\0\0" * 100_000,
    "uuencoded files": HEAD + b"\r\n" + b"begin 644 x\r\n#86)C\r\n`\r\nend\r\n" * 10_000,
    "a bounce of empty lines": b"From: MAILER-DAEMON@x.example\r\nSubject: Undelivered Mail Returned to Sender\r\n\r\n" + b"\n" * 1_000_000,
    "half uuencoded files": HEAD + b"\r\n" + b"begin 644 x\r\n#86)C\r\n" * 10_000,
}  # fmt: skip


def whole(mail: Mail) -> None:
    """What every reader of the facts relies on."""
    made = document("m", mail)
    for text in (mail.text, mail.reply, mail.signature, mail.subject, *mail.defects, *mail.kind_reasons):
        assert "\x00" not in text
        text.encode("utf-8")
    assert made["kind"] in ("person", "auto-reply", "bounce", "bulk", "receipt", "report")
    assert len(mail.identity) == len(mail.content_identity) == len(mail.sha256) == 64
    assert not any(set(file.name) & set("/\\\0\r\n") for file in mail.attachments)


@pytest.mark.parametrize("case", HEAVY)
def test_time_follows_size(case: str) -> None:
    start = time.process_time()
    found = parse(HEAVY[case])
    assert time.process_time() - start < SECONDS
    whole(found.mail)
    assert len(found.mail.attachments) == len(found.contents) <= 500


@pytest.mark.parametrize(
    "case", ["3000 nested parts", "20000 parts", "50000 recipients", "lines that end in CR"]
)
def test_what_was_cut_is_said(case: str) -> None:
    assert parse(HEAVY[case]).mail.defects


SEEDS = [
    b"From: =?utf-8?b?QW5u?= <ann@x.example>\r\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n\r\nWords \r\nthat flow.\r\n\r\n-- \r\nAnn\r\n",
    b"From: b@x.example\r\nIn-Reply-To: <1@x>\r\nContent-Type: text/html\r\n\r\n<div>Yes</div><div class='gmail_quote'><div class='gmail_attr'>On x:</div><blockquote>old</blockquote></div>",
    b"From: MAILER-DAEMON@x.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; c@y.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n",
    b"From: c@x.example\r\nSubject: Fwd: x\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n---------- Forwarded message ---------\r\nFrom: D <d@x.example>\r\nSubject: y\r\nTo: e\r\n\r\nold\r\n--b\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VEVENT\r\nDTSTART;TZID=x:20261116T090000\r\nEND:VEVENT\r\n--b\r\nContent-Type: application/ms-tnef; name*0*=utf-8''win%6D; name*1=ail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+IgEA\r\n--b--\r\n",
    b"From: d@x.example\r\n\r\n> ##- answer above this line -##\r\n> ours\r\n> ##+ the message +##\r\n> old\r\nnew\r\n> ##= end =##\r\nbegin 644 x\r\n#86)C\r\n`\r\nend\r\n",
    b"x-amz-sns-message-id: 1\r\n\r\n{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\",\"bouncedRecipients\":[{\"emailAddress\":\"e@x\"}]}}",
]  # fmt: skip
NOISE = [
    b"",
    b"\x00",
    b"\xff",
    b"\r",
    b"\n\n",
    b"=?",
    b"?=",
    b'"',
    b"<",
    b">",
    b";",
    b"--b",
    b"boundary=",
    b"\x1b$B",
    b"<table>",
    b"##- x -##",
    b"&",
    b"=\r\n",
    b"\xe2\x80\xae",
    b"%00",
    b"begin 644 x\n",
]


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(st.integers(0, 600), st.integers(0, 40), st.sampled_from(NOISE) | st.binary(max_size=8)),
        max_size=6,
    ),
)
def test_broken_copies_of_real_shapes(seed: bytes, damage: list[tuple[int, int, bytes]]) -> None:
    raw = bytearray(seed)
    for at, length, noise in damage:
        raw[at : at + length] = noise
    found = parse(bytes(raw))
    whole(found.mail)
    assert len(found.mail.attachments) == len(found.contents)
    assert not any(defect.endswith("Error") for defect in found.mail.defects), found.mail.defects
