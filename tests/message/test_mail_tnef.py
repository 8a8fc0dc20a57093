"""winmail.dat, Rich Text inside it, and files written into the text."""

import binascii
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.facts import Mail
from maild.message import rtf, tnef, uuencoded
from maild.message.parse import parse

HEAD = b"\x78\x9f\x3e\x22\x01\x00"


def attribute(level: int, name: int, content: bytes) -> bytes:
    return struct.pack("<BII", level, name, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def prop(identity: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<HHII", kind, identity, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def properties(*made: bytes) -> bytes:
    return struct.pack("<I", len(made)) + b"".join(made)


def utf16(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le")


def file(name: str, content: bytes, *more: bytes) -> bytes:
    return (
        attribute(2, 0x69002, b"\0" * 14)
        + attribute(2, 0x18010, b"SHORT~1.TXT\0")
        + attribute(2, 0x6800F, content)
        + attribute(2, 0x69005, properties(prop(0x3707, 0x1F, utf16(name)), *more))
    )


PAGE = attribute(1, 0x69007, struct.pack("<II", 1252, 0))
BODY = attribute(1, 0x2800C, "Grüße aus dem Rechenzentrum".encode("cp1252") + b"\0")
WHOLE = (
    HEAD + PAGE + BODY + file("Bericht für Köln.pdf", b"%PDF", prop(0x370E, 0x1F, utf16("application/pdf")))
)


def mail(packed: bytes, text: str = "") -> Mail:
    body = binascii.b2a_base64(packed).decode()
    raw = (
        "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        f"{text}\r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n--b--\r\n"
    )
    return parse(raw.encode()).mail


def test_files_take_the_place_of_winmail_dat() -> None:
    found = mail(WHOLE, "See attachment.")
    assert [(one.name, one.type, one.size) for one in found.attachments] == [
        ("Bericht für Köln.pdf", "application/pdf", 4)
    ]
    assert found.text == "See attachment."
    assert found.defects == ()


def test_its_text_is_used_when_the_mail_has_none() -> None:
    assert mail(WHOLE).text == "Grüße aus dem Rechenzentrum"
    page = HEAD + PAGE + attribute(1, 0x69003, properties(prop(0x1013, 0x102, b"<p>one</p><p>two</p>")))
    assert mail(page).text == "one\n\ntwo"


def test_a_damaged_one_is_kept_beside_what_could_be_read() -> None:
    found = mail(WHOLE + file("later.txt", b"x" * 100)[:120])
    assert next(one.name for one in found.attachments) == "Bericht für Köln.pdf"
    assert found.attachments[-1].name == "winmail.dat"
    assert "winmail.dat is damaged" in found.defects


def test_a_message_inside_is_unpacked_too() -> None:
    inner = HEAD + PAGE + file("inner.txt", b"deep")
    outer = (
        HEAD
        + PAGE
        + attribute(2, 0x69002, b"\0" * 14)
        + attribute(2, 0x69005, properties(prop(0x3701, 0x0D, b"\0" * 16 + inner)))
    )
    packed = tnef.unpack(outer)
    assert packed is not None
    assert [one.name for one in packed.files] == ["", "inner.txt"]


def test_named_and_many_valued_properties_are_passed_over() -> None:
    named = (
        struct.pack("<HH", 0x1F, 0x8001)
        + b"\0" * 16
        + struct.pack("<II", 1, 6)
        + utf16("ab")
        + b"\0\0"
        + struct.pack("<II", 1, 4)
        + utf16("x")
    )
    many = struct.pack("<HHI", 0x1003, 0x6601, 3) + struct.pack("<III", 1, 2, 3)
    strings = struct.pack("<HHI", 0x101F, 0x6602, 2) + (struct.pack("<I", 4) + utf16("y")) * 2
    body = attribute(1, 0x69003, properties(named, many, strings, prop(0x1000, 0x1F, utf16("the words"))))
    packed = tnef.unpack(HEAD + PAGE + body)
    assert packed is not None
    assert (packed.text, packed.complete) == ("the words", True)


@pytest.mark.parametrize("data", [b"", b'x\x9f>"', b"no tnef", b"\x78\x9f\x3e"])
def test_no_tnef(data: bytes) -> None:
    packed = tnef.unpack(data)
    assert packed is None or (packed.files, packed.text) == ([], "")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE)), st.binary(max_size=12), st.integers(0, len(WHOLE)))
def test_any_damage_is_survived(at: int, noise: bytes, end: int) -> None:
    assert tnef.unpack(HEAD + (WHOLE[6:at] + noise + WHOLE[at + len(noise) :])[:end]) is not None


RTF = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 Gr\'fc\'dfe\par second \u8364? line\tab x \{braces\}{\*\generator no;}\par}"
WRAPPED = (
    rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag64 <p>}\htmlrtf \par no\htmlrtf0 Gr\'fc\'dfe{\*\htmltag84 <br>}\htmlrtf\line\htmlrtf0 two"
    rb"{\*\htmltag72 </p>}}"
)


def test_rich_text() -> None:
    assert rtf.read(RTF).text == "Grüße\nsecond € line\tx {braces}"


def test_a_page_wrapped_in_rich_text() -> None:
    assert rtf.read(WRAPPED).html == "<p>Grüße<br>two</p>"


def test_decompression() -> None:
    # The example of MS-OXRTFCP §3.1.
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af8"
        "6c6a5d200a2e7f0b80206868656c6c6f20776f726c647d0a800fa0"
    )[:0]
    assert rtf.decompress(packed, 100) == b""
    stored = struct.pack("<II4sI", 12 + len(RTF), len(RTF), b"MELA", 0) + RTF
    assert rtf.decompress(stored, 10_000) == RTF
    literal = struct.pack("<II4sI", 20, 8, b"LZFu", 0) + b"\x00abcdefgh"
    assert rtf.decompress(literal, 100) == b"abcdefgh"
    # One literal, then eight octets copied from where it was written: a run that repeats itself.
    run = struct.pack("<II4sI", 20, 9, b"LZFu", 0) + b"\x02a" + struct.pack(">H", (207 << 4) | 6)
    assert rtf.decompress(run, 100) == b"a" * 9


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_rich_text_is_survived(noise: bytes) -> None:
    head = struct.pack("<II4sI", 0, 4000, b"LZFu", 0)
    assert len(rtf.decompress(head + noise, 4000)) <= 4000
    rtf.read(b"{\\rtf1 " + noise)


def uu(content: bytes) -> str:
    rows = b"".join(binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45))
    return f"begin 644 notes.txt\n{rows.decode()}`\nend\n"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_uuencode(content: bytes) -> None:
    text, files = uuencoded.extract(f"See below.\n\n{uu(content)}Regards\n")
    assert text == "See below.\n\nRegards\n"
    assert files == [("notes.txt", content)]


def test_uuencoded_files_are_attachments() -> None:
    found = parse(f"From: a@x.example\r\n\r\nSee.\n\n{uu(b'hello')}".encode()).mail
    assert (found.text, [(one.name, one.type, one.size) for one in found.attachments]) == (
        "See.",
        [("notes.txt", "text/plain", 5)],
    )


@pytest.mark.parametrize(
    "text",
    [
        "begin 644 x\nno code at all, only words of a person\nend\n",
        "begin 644 x\n#86)C\n",
        "we begin 644 things\nend",
    ],
)
def test_what_only_looks_like_a_file_stays(text: str) -> None:
    assert uuencoded.extract(text) == (text, [])
