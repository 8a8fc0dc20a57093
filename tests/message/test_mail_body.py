"""Parts: what is text, what is an attachment, and under which name."""

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.facts import Parsed
from maild.message.body import unflowed
from maild.message.filenames import clean_name, default_name
from maild.message.parse import parse

HEAD = b"From: a@x.example\r\nSubject: s\r\n"
INNER = b"From: c@y.example\r\nSubject: Inner words\r\nContent-Type: text/plain\r\n\r\ninner text\r\n"


def multipart(kind: str, *parts: bytes, boundary: str = "b") -> bytes:
    lines = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return (
        f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
        + lines
        + f"--{boundary}--\r\n".encode()
    )


def part(kind: str, content: bytes, *fields: str) -> bytes:
    return "\r\n".join([f"Content-Type: {kind}", *fields, "", ""]).encode() + content


def read(raw: bytes) -> Parsed:
    parsed = parse(HEAD + raw)
    assert len(parsed.contents) == len(parsed.mail.attachments)
    for file, content in zip(parsed.mail.attachments, parsed.contents, strict=True):
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    return parsed


PLAIN, HTML = part("text/plain", b"plain words"), part("text/html", b"<p>rich <b>words</b></p>")
PNG = part("image/png", b"png", "Content-ID: <i@x>")


@pytest.mark.parametrize(
    ("raw", "text", "names"),
    [
        (b"\r\njust text", "just text", []),
        (part("text/html", b"<p>one</p><p>two</p>"), "one\n\ntwo", []),
        (multipart("alternative", PLAIN, HTML), "plain words", []),
        (multipart("alternative", part("text/plain", b" \r\n"), HTML), "rich words", []),
        (multipart("alternative", HTML, PLAIN), "plain words", []),
        (multipart("mixed", PLAIN, part("text/plain", b"more")), "plain words\nmore", []),
        (multipart("mixed", PLAIN, HTML), "plain words\nrich words", []),
        (multipart("related", HTML, PNG), "rich words", ["image.png"]),
        (
            multipart("mixed", multipart("alternative", PLAIN, HTML, boundary="c"), PNG),
            "plain words",
            ["image.png"],
        ),
        (multipart("mixed", PLAIN, part("application/pdf", b"%PDF")), "plain words", ["document.pdf"]),
        (part("application/pdf", b"%PDF"), "", ["document.pdf"]),
        (part("application/pdf; name=a.pdf", b"%PDF"), "", ["a.pdf"]),
        (
            multipart(
                "mixed", PLAIN, part("text/plain", b"log", "Content-Disposition: attachment; filename=a.log")
            ),
            "plain words",
            ["a.log"],
        ),
        (
            multipart("mixed", PLAIN, part("text/plain", b"log", "Content-Disposition: attachment")),
            "plain words",
            ["text.txt"],
        ),
        (multipart("mixed", PLAIN, part("text/plain; name=a.log", b"log")), "plain words", ["a.log"]),
        (multipart("mixed", PLAIN, part("text/csv", b"1,2")), "plain words", ["text.csv"]),
        (
            multipart("alternative", PLAIN, part("text/calendar; method=REQUEST", b"BEGIN:VCALENDAR")),
            "plain words",
            ["text.ics"],
        ),
        (multipart("alternative", PLAIN, part("text/x-amp-html", b"<html>"), HTML), "plain words", []),
        (multipart("mixed", PLAIN, part("message/rfc822", INNER)), "plain words", ["Inner words.eml"]),
        (part("message/rfc822", INNER), "", ["Inner words.eml"]),
        (multipart("digest", INNER and b"\r\n" + INNER), "", ["Inner words.eml"]),
        (
            multipart("signed", PLAIN, part("application/pgp-signature", b"sig")),
            "plain words",
            ["document.asc"],
        ),
        (part("text", b"kind"), "kind", []),
        (part("multipart/mixed", b"no boundary"), "no boundary", []),
    ],
)
def test_structure(raw: bytes, text: str, names: list[str]) -> None:
    mail = read(raw).mail
    assert (mail.text, [file.name for file in mail.attachments]) == (text, names)


def test_nothing_of_a_nested_message_is_mixed_in() -> None:
    nested = part("message/rfc822", b"Subject: in\r\n" + multipart("mixed", PLAIN, PNG, boundary="in"))
    mail = read(multipart("mixed", part("text/plain", b"outer"), nested)).mail
    assert mail.text == mail.reply == "outer"
    assert [file.type for file in mail.attachments] == ["message/rfc822"]


def test_a_nested_message_keeps_its_octets() -> None:
    inner = INNER.replace(b"inner text", b"8-bit \xfc and\ttabs  ")
    assert read(multipart("mixed", PLAIN, part("message/rfc822", inner))).contents == (inner,)


@pytest.mark.parametrize(
    ("encoding", "wire", "content"),
    [
        ("base64", base64.encodebytes(bytes(range(256))), bytes(range(256))),
        ("BASE64", b"aGVsbG8", b"hello"),
        ("base64", b"aGVs\r\nbG8=\r\n", b"hello"),
        ("base64", b"this is no base64 at all, sorry!", b"this is no base64 at all, sorry!"),
        ("quoted-printable", b"a=3Db=\r\nc", b"a=bc"),
        ("8bit", b"\xff\r\n\x00", b"\xff\r\n\x00"),
        ("binary", b"a\rb\nc", b"a\rb\nc"),
        ("x-unknown", b"as it is", b"as it is"),
        ("x-uuencode", b"begin 644 a.bin\r\n%:&5L;&\\ \r\n`\r\nend\r\n", b"hello"),
    ],
)
def test_contents_are_decoded(encoding: str, wire: bytes, content: bytes) -> None:
    file = part("application/octet-stream; name=a.bin", wire, f"Content-Transfer-Encoding: {encoding}")
    assert read(multipart("mixed", PLAIN, file)).contents == (content,)


@pytest.mark.parametrize(
    ("disposition", "page", "inline"),
    [
        ("inline; filename=a.png", b"<p>", True),
        ("attachment; filename=a.png", b"<p>", False),
        ("attachment; filename=a.png", b"<img src='cid:i@x'>", True),
    ],
)
def test_inline(disposition: str, page: bytes, inline: bool) -> None:
    image = part("image/png", b"png", "Content-ID: <i@x>", f"Content-Disposition: {disposition}")
    (file,) = read(multipart("related", part("text/html", b"x" + page), image)).mail.attachments
    assert (file.inline, file.content_id) == (inline, "i@x")


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("report.pdf", "report.pdf"),
        ("../../../etc/passwd", "passwd"),
        (r"C:\Users\ann\report.pdf", "report.pdf"),
        ("/", ""),
        ("..", ""),
        (".hidden", "hidden"),
        ("a\x00b\x1b[31m.txt", "ab[31m.txt"),
        ("a\r\nX-Evil: 1.txt", "a X-Evil_ 1.txt"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("a\u200bb.txt", "ab.txt"),
        ("=?utf-8?q?J=C3=B6rg.pdf?=", "Jörg.pdf"),
        ("Übersicht 2026.xlsx", "Übersicht 2026.xlsx"),
        ('a<b>"c|d?.txt', "a_b__c_d_.txt"),
        ("", ""),
    ],
)
def test_clean_name(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned


def test_long_names_keep_their_extension() -> None:
    name = clean_name("ü" * 500 + ".pdf")
    assert name.endswith("ü.pdf")
    assert len(name.encode()) <= 200


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_clean_name_is_always_safe(name: str) -> None:
    cleaned = clean_name(name)
    assert len(cleaned.encode("utf-8")) <= 200
    assert not set(cleaned) & set('/\\\x00\r\n\u202e<>"')
    assert not cleaned.startswith(".")
    assert clean_name(cleaned) == cleaned


def test_default_names_are_the_same_each_time() -> None:
    assert default_name("image/png", 3) == "image3.png"
    assert default_name("application/x-strange", 0) == "document.bin"
    assert default_name("message/rfc822", 2, "Re: a/b\r\nc") == "Re_ a-b c2.eml"


@pytest.mark.parametrize(
    ("text", "delsp", "expected"),
    [
        ("one \ntwo\nthree", False, "one two\nthree"),
        ("> one \n> two\nthree", False, "> one two\nthree"),
        ("> one \n>> two", False, "> one \n>> two"),
        ("text\n-- \nAnn", False, "text\n-- \nAnn"),
        (" stuffed\n >quoted not", False, "stuffed\n>quoted not"),
        ("日本 \n語", True, "日本語"),
    ],
)
def test_unflowed(text: str, delsp: bool, expected: str) -> None:
    assert unflowed(text, delsp) == expected


def test_format_flowed_is_honoured() -> None:
    assert read(part("text/plain; format=flowed", b"one \r\ntwo")).mail.text == "one two"


def test_a_report_without_words_is_shown_itself() -> None:
    report = part("message/delivery-status", b"Reporting-MTA: dns; x\r\n\r\nAction: failed")
    assert parse(b"From: a@x.example\r\n" + multipart("report", report)).mail.text.endswith("Action: failed")
