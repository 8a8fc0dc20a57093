from __future__ import annotations

import datetime as dt
import email
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.facts import Address
from maild.message.outgoing import File, Outgoing
from maild.message.write import (
    FILE_NAME_MAX,
    NAME_MAX,
    SUBJECT_MAX,
    clean,
    clean_file_name,
    mailbox,
    shorten,
    write,
)

DESK = Address("Acme Support", "support@acme.test")
CARLA = Address("Carla Ruiz", "carla@globex.test")
WHEN = dt.datetime(2026, 11, 23, 13, 5, tzinfo=dt.UTC)


def outgoing(**more: Any) -> Outgoing:
    values: dict[str, Any] = {
        "from_": DESK,
        "to": CARLA,
        "subject": "[Acme #12] Printer",
        "text": "Hello\n",
        "html": "<p>Hello</p>\n",
        "date": WHEN,
        "message_id": "<a1.b2@acme.test>",
    }
    return Outgoing(**{**values, **more})


def parsed(raw: bytes) -> EmailMessage:
    message = cast(EmailMessage, email.message_from_bytes(raw, policy=default))
    for part in message.walk():
        assert not part.defects, part.defects
    return message


def header(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0]


def fields(raw: bytes) -> list[str]:
    """Names of the header fields, counted without a MIME library."""
    return [line.partition(b":")[0].decode() for line in header(raw).split(b"\r\n") if line[:1] not in b" \t"]


PLAIN_FIELDS = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]

_text = st.text(max_size=300) | st.text(alphabet='\r\n\0 :=?<>@,;"\\()aé🖨\u202e\u2028=_', max_size=120)
_name = _text
_local = st.from_regex(r"[a-z0-9+_=.-]{1,40}", fullmatch=True)
_domain = st.sampled_from(["acme.test", "bücher.test", "例え.test", "straße.test", "xn--bcher-kva.test"])
_addresses = st.builds(lambda local, domain: f"{local}@{domain}", _local, _domain)
_any_address = _addresses | _text


def test_a_plain_mail_whole() -> None:
    assert write(outgoing(html="", reply_to=Address("", "support+t@acme.test"), language="en")) == (
        b"From: Acme Support <support@acme.test>\r\n"
        b"To: Carla Ruiz <carla@globex.test>\r\n"
        b"Reply-To: support+t@acme.test\r\n"
        b"Subject: [Acme #12] Printer\r\n"
        b"Date: Mon, 23 Nov 2026 13:05:00 +0000\r\n"
        b"Message-ID: <a1.b2@acme.test>\r\n"
        b"Content-Language: en\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hello\r\n"
    )


@settings(max_examples=100, deadline=None)
@given(subject=_text, from_name=_name, to_name=_name, value=_text)
def test_what_is_written_is_read_again_and_nothing_is_injected(
    subject: str, from_name: str, to_name: str, value: str
) -> None:
    raw = write(
        outgoing(
            subject=subject,
            from_=Address(from_name, DESK.address),
            to=Address(to_name, CARLA.address),
            headers=(("X-Ticket", value),),
        )
    )
    assert fields(raw) == [*PLAIN_FIELDS[:5], "X-Ticket", *PLAIN_FIELDS[5:]]
    message = parsed(raw)
    assert message["subject"] == shorten(subject, SUBJECT_MAX)
    assert message["x-ticket"] == clean(value)
    for field, name, address in (("from", from_name, DESK.address), ("to", to_name, CARLA.address)):
        (only,) = message[field].addresses
        assert only.addr_spec == address
        assert read_name(raw, field) == shorten(name, NAME_MAX)


@settings(max_examples=100, deadline=None)
@given(to=_any_address, reply_to=_any_address, message_id=_text, references=st.lists(_text), language=_text)
def test_hostile_values_add_no_field_and_no_mailbox(
    to: str, reply_to: str, message_id: str, references: list[str], language: str
) -> None:
    raw = write(
        outgoing(
            to=Address("x", to),
            reply_to=Address("", reply_to),
            message_id=message_id,
            references=tuple(references),
            in_reply_to=message_id,
            language=language,
        )
    )
    allowed = {*PLAIN_FIELDS, "Reply-To", "In-Reply-To", "References", "Content-Language"}
    names = fields(raw)
    assert set(names) <= allowed
    assert len(names) == len(set(names))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    if to.rpartition("@")[0].isascii() and reply_to.rpartition("@")[0].isascii():
        assert raw.isascii()


@settings(max_examples=80, deadline=None)
@given(text=_text, html=_text, file=st.binary(max_size=300), name=_text, type_=_text, content_id=_text)
def test_bodies_and_files_are_read_again(
    text: str, html: str, file: bytes, name: str, type_: str, content_id: str
) -> None:
    raw = write(
        outgoing(
            text=text, html=html, files=(File(name, type_, file, content_id), File(name, "text/x", file))
        )
    )
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = parsed(raw)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    assert leaves[0].get_content_type() == "text/plain"
    assert read(leaves[0]) == normal(text)
    if html:
        assert leaves[1].get_content_type() == "text/html"
        assert read(leaves[1]) == normal(html)
    files = leaves[2 if html else 1 :]
    assert [part.get_payload(decode=True) for part in files] == [file, file]
    assert [part.get_filename() for part in files] == [clean_file_name(name)] * 2


def normal(text: str) -> str:
    """What of a body is kept: everything but NUL and the kind of its line ends, and it ends with one."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = text.encode("utf-8", "replace").decode()
    return text if text.endswith("\n") else text + "\n"


def read(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


def read_name(raw: bytes, field: str) -> str:
    """By the old parser: the modern one leaves the space between two encoded-words in a name (RFC 2047 §6.2 forbids it)."""
    name, _ = parseaddr(email.message_from_bytes(raw)[field])
    return str(make_header(decode_header(name)))


LONG_LINE = "x" * 5000


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("short\n", "7bit"),
        ("From me\n", "quoted-printable"),
        ("a boundary --=_x\n", "quoted-printable"),
        (LONG_LINE, "quoted-printable"),
        ("Grüße aus Köln, und so weiter\n", "quoted-printable"),
        (".\n..\n", "7bit"),
        ("お問い合わせありがとうございます\n", "base64"),
        ("", "7bit"),
    ],
)
def test_encodings(text: str, encoding: str) -> None:
    message = parsed(write(outgoing(text=text, html="")))
    assert message["content-transfer-encoding"] == encoding
    assert read(message) == normal(text)


def test_lines_of_text_and_long_headers_stay_within_78() -> None:
    raw = write(
        outgoing(
            text=LONG_LINE + "\nFrom x" + "é" * 500,
            html="<p>" + "ü" * 3000,
            subject="wörd and " * 60,
            to=Address("Ünïcode Ñame " * 9, CARLA.address),
            references=tuple(f"<{number}.aaaaaaaaaaaaaaaaaaaaaaaaaa@mail.test>" for number in range(30)),
            files=(File("ä" * 100 + ".pdf", "application/pdf", b"x" * 1000),),
        )
    )
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert not re.search(rb"\r\nFrom ", raw)


def test_structure_with_pictures_and_files() -> None:
    files = (
        File("logo.png", "image/png", b"\x89PNG", "logo@acme"),
        File("Rechnung März.pdf", "application/pdf", b"%PDF"),
    )
    message = parsed(write(outgoing(files=files)))
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    picture, paper = list(message.walk())[-2:]
    assert picture["content-id"] == "<logo@acme>"
    assert picture.get_content_disposition() == "inline"
    assert (paper.get_content_disposition(), paper.get_filename()) == ("attachment", "Rechnung März.pdf")


@pytest.mark.parametrize(
    ("content", "type_"),
    [
        (b"Subject: x\n\nhello\n", "message/rfc822"),
        ("Subject: x\n\nhellö\n".encode(), "application/octet-stream"),
        (b"Subject: x\n\n--=_boundary\n", "application/octet-stream"),
    ],
)
def test_a_mail_as_attachment(content: bytes, type_: str) -> None:
    raw = write(outgoing(html="", files=(File("", "message/rfc822", content),)))
    part = list(parsed(raw).walk())[2]
    assert part.get_content_type() == type_
    assert part.get_filename() == "message.eml"
    if type_ == "message/rfc822":
        assert part.get_content()["subject"] == "x"
    else:
        assert part.get_payload(decode=True) == content


def test_text_files_name_their_charset_only_when_it_is_sure() -> None:
    files = (File("a.csv", "text/csv", "é".encode()), File("b.csv", "text/csv", "é".encode("latin-1")))
    parts = list(parsed(write(outgoing(html="", files=files))).walk())[2:]
    assert [part.get_content_charset() for part in parts] == ["utf-8", None]


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("a@b.test", "a@b.test"),
        ("a+t0ken@b.test", "a+t0ken@b.test"),
        ("a@bücher.test", "a@xn--bcher-kva.test"),
        ("a@BÜCHER.test", "a@xn--bcher-kva.test"),
        ("a@straße.test", "a@xn--strae-oqa.test"),
        ("a@例え。test", "a@xn--r8jz45g.test"),
        ("jörg@b.test", "jörg@b.test"),
        ('"a b"@b.test', '"a b"@b.test'),
        ("a b@b.test", '"a b"@b.test'),
        ("a..b@b.test", '"a..b"@b.test'),
        ('a"\\@b.test', '"a\\"\\\\"@b.test'),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@b.test>, <evil@x.test", '"a@b.test>, <evil"@x.test'),
        ("a@b.test,\r\nBcc: x", "a@b.testBcc:x"),
    ],
)
def test_mailboxes(address: str, written: str) -> None:
    assert mailbox(address) == written


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("", b"To: carla@globex.test"),
        ("Carla Ruiz", b"To: Carla Ruiz <carla@globex.test>"),
        ("Ruiz, Carla", b'To: "Ruiz, Carla" <carla@globex.test>'),
        ('Carla "C" \\ Ruiz', b'To: "Carla \\"C\\" \\\\ Ruiz" <carla@globex.test>'),
        ("Carla\r\nBcc: x@y.test", b'To: "Carla Bcc: x@y.test" <carla@globex.test>'),
        ("Jörg", b"To: =?utf-8?b?SsO2cmc=?= <carla@globex.test>"),
        ("=?utf-8?q?x?=", b"To: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <carla@globex.test>"),
        ("\u202egnal", b"To: gnal <carla@globex.test>"),
    ],
)
def test_names(name: str, line: bytes) -> None:
    found = [
        row
        for row in write(outgoing(to=Address(name, CARLA.address))).split(b"\r\n")
        if row.startswith(b"To:")
    ]
    assert found == [line]


def test_a_local_part_beyond_ascii_stays_as_it_is() -> None:
    raw = write(outgoing(to=Address("Jörg", "jörg@bücher.test")))
    assert "<jörg@xn--bcher-kva.test>".encode() in header(raw)
    assert [row for row in raw.split(b"\r\n") if not row.isascii()] == [
        "To: =?utf-8?b?SsO2cmc=?= <jörg@xn--bcher-kva.test>".encode()
    ]


IDS = tuple(f"<{number}@x.test>" for number in range(40))


@pytest.mark.parametrize(
    ("references", "in_reply_to", "parent", "kept"),
    [
        ((), None, None, None),
        (("<a@x>",), None, "<a@x>", "<a@x>"),
        (("<a@x>", "<b@x>"), None, "<b@x>", "<a@x> <b@x>"),
        (("<a@x>", "<b@x>"), "<a@x>", "<a@x>", "<a@x> <b@x>"),
        (("<a@x>",), "<c@x>", "<c@x>", "<a@x> <c@x>"),
        ((), "<c@x>", "<c@x>", "<c@x>"),
        (("<a@x>", "<a@x>"), None, "<a@x>", "<a@x>"),
        (("no id", "<a b@x>", "<a@x>\r\nBcc: y", "<ä@x>", "<ok@x>", "<>"), "nonsense", "<ok@x>", "<ok@x>"),
        (IDS, None, "<39@x.test>", " ".join([IDS[0], *IDS[21:]])),
    ],
)
def test_threading(
    references: tuple[str, ...], in_reply_to: str | None, parent: str | None, kept: str | None
) -> None:
    message = parsed(write(outgoing(references=references, in_reply_to=in_reply_to)))
    assert message["in-reply-to"] == parent
    assert message["references"] == kept


@given(st.lists(st.integers(1, 880), min_size=1, max_size=60))
def test_references_stay_within_their_limits(sizes: list[int]) -> None:
    ids = [f"<{number}-{'x' * size}"[:880] + ">" for number, size in enumerate(sizes)]
    raw = write(outgoing(references=tuple(ids)))
    kept = str(parsed(raw)["references"]).split()
    assert kept[-1] == ids[-1]
    assert len(kept) <= 20
    assert len(" ".join(kept)) <= 900
    assert kept == [value for value in ids if value in kept]
    if len(ids[0]) + len(ids[-1]) < 890:
        assert kept[0] == ids[0]


def test_automatic_mail_says_so() -> None:
    message = parsed(write(outgoing(auto_submitted="auto-replied")))
    assert message["auto-submitted"] == "auto-replied"
    assert message["precedence"] == "bulk"
    assert message["x-auto-response-suppress"] == "DR, RN, NRN, OOF, AutoReply"
    answer = parsed(write(outgoing()))
    assert all(answer[name] is None for name in ("auto-submitted", "precedence", "x-auto-response-suppress"))


@pytest.mark.parametrize("name", ["Subject", "bcc", "X Y", "X-Y:", "", "X\r\nBcc", "Ü"])
def test_extra_fields_may_not_be_ours_nor_broken(name: str) -> None:
    with pytest.raises(ValueError, match="extra header"):
        write(outgoing(headers=((name, "x"),)))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        (".bashrc", "bashrc"),
        ("con|<x>?.txt", "con__x__.txt"),
        ("exe.\u202efdp.pdf", "exe. fdp.pdf"),
        ("a\r\nb.txt", "a b.txt"),
        ("", "attachment"),
        ("...", "attachment"),
        ("é" * 200 + ".pdf", "é" * 73 + ".pdf"),
        ("x" * 400, "x" * FILE_NAME_MAX),
    ],
)
def test_file_names(name: str, kept: str) -> None:
    assert clean_file_name(name) == kept


def test_the_same_mail_is_the_same_bytes() -> None:
    files = (File("a.png", "image/png", b"x", "c@x"),)
    assert write(outgoing(files=files)) == write(outgoing(files=files))
