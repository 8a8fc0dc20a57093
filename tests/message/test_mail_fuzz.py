"""Typical mails damaged in every way a generator thinks of: facts, or facts with defects, within bounds. And what we write, read again."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maild.desk.facts import Address, Kind, Parsed
from maild.message import body
from maild.message.inspect import document
from maild.message.outgoing import File, Outgoing
from maild.message.parse import parse
from maild.message.wire import MAX_ADDRESSES, MAX_PARTS
from maild.message.write import write
from tests.message.seeds import SEEDS

CHARSETS = (
    b"utf-8",
    b"utf-16",
    b"utf-7",
    b"iso-2022-jp",
    b"hz",
    b"x-none",
    b"cp037",
    b"koi8-r",
    b"big5",
    b"\xff",
    b"",
)
ENCODINGS = (b"base64", b"quoted-printable", b"x-uuencode", b"7bit", b"binary", b"")
TYPES = (
    b"text/html",
    b"multipart/mixed; boundary=b=_1",
    b"message/rfc822",
    b"application/ms-tnef",
    b"application/pkcs7-mime",
    b"message/delivery-status",
    b"text/calendar",
    b"x",
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A seed after one to four mutations."""
    raw = draw(st.sampled_from(sorted(SEEDS.values())))
    for _ in range(draw(st.integers(1, 4))):
        mutate = draw(
            st.sampled_from(
                (flipped, cut, inserted, repeated, without_line, with_line_twice, mislabelled, nested, joined)
            )
        )
        raw = mutate(draw, raw) if raw else raw
    return raw


def flipped(draw: st.DrawFn, raw: bytes) -> bytes:
    out = bytearray(raw)
    for _ in range(draw(st.integers(1, 8))):
        out[draw(st.integers(0, len(out) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(out)


def cut(draw: st.DrawFn, raw: bytes) -> bytes:
    start, end = sorted((draw(st.integers(0, len(raw))), draw(st.integers(0, len(raw)))))
    return raw[:start] + raw[end:]


def inserted(draw: st.DrawFn, raw: bytes) -> bytes:
    at = draw(st.integers(0, len(raw)))
    return raw[:at] + draw(st.binary(max_size=60)) + raw[at:]


def repeated(draw: st.DrawFn, raw: bytes) -> bytes:
    start, end = sorted((draw(st.integers(0, len(raw))), draw(st.integers(0, len(raw)))))
    return raw[:end] + raw[start:end] * draw(st.integers(1, 20)) + raw[end:]


def without_line(draw: st.DrawFn, raw: bytes) -> bytes:
    lines = raw.split(b"\n")
    del lines[draw(st.integers(0, len(lines) - 1))]
    return b"\n".join(lines)


def with_line_twice(draw: st.DrawFn, raw: bytes) -> bytes:
    lines = raw.split(b"\n")
    lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
    return b"\n".join(lines)


def mislabelled(draw: st.DrawFn, raw: bytes) -> bytes:
    field, values = draw(
        st.sampled_from(
            (
                (b"Content-Type: text/plain; charset=", CHARSETS),
                (b"Content-Transfer-Encoding: ", ENCODINGS),
                (b"Content-Type: ", TYPES),
            )
        )
    )
    return field + draw(st.sampled_from(values)) + b"\r\n" + raw


def nested(draw: st.DrawFn, raw: bytes) -> bytes:
    head = b"From: a@x.example\r\nContent-Type: "
    if draw(st.booleans()):
        return head + b"message/rfc822\r\n\r\n" + raw
    return (
        head
        + b"multipart/mixed; boundary=b=_1\r\n\r\n--b=_1\r\n"
        + raw
        + b"\r\n--b=_1\r\n\r\nlast\r\n--b=_1--\r\n"
    )


def joined(draw: st.DrawFn, raw: bytes) -> bytes:
    other = draw(st.sampled_from(sorted(SEEDS.values())))
    return raw[: draw(st.integers(0, len(raw)))] + other[draw(st.integers(0, len(other))) :]


def whole(raw: bytes, found: Parsed) -> None:
    """What every reader of the facts relies on."""
    mail = found.mail
    json.dumps(document("m", mail), ensure_ascii=False).encode("utf-8")
    for text in (
        mail.text,
        mail.reply,
        mail.signature,
        mail.subject,
        mail.html or "",
        *(value for pair in mail.header for value in pair),
    ):
        assert "\x00" not in text
        text.encode("utf-8")
    assert mail.sha256 == hashlib.sha256(raw).hexdigest()
    assert (mail.size, len(mail.identity), len(mail.content_identity)) == (len(raw), 64, 64)
    assert len(mail.text) <= body.MAX_TEXT
    assert len(mail.attachments) == len(found.contents) <= MAX_PARTS
    for file, content in zip(mail.attachments, found.contents, strict=True):
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert file.name
        assert not set(file.name) & set("/\\\r\n\x00")
    assert all(len(field) <= 20 * MAX_ADDRESSES for field in (mail.from_, mail.to, mail.cc, mail.reply_to))
    assert (mail.bounce is not None) == (mail.kind is Kind.BOUNCE)
    assert not any(defect.startswith("not understood") for defect in mail.defects)
    assert not any(
        "\n" in value or "\r" in value for value in (mail.subject, *(value for _, value in mail.header))
    )
    for moment in (mail.date, mail.forwarded.at if mail.forwarded else None):
        assert moment is None or moment.tzinfo is not None


@pytest.mark.parametrize("name", SEEDS)
def test_a_seed_is_understood(name: str) -> None:
    found = parse(SEEDS[name])
    whole(SEEDS[name], found)
    assert found.mail.text.strip()
    assert found.mail.sender is not None
    assert found.mail.defects == ()


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(damaged())
def test_damage_gives_facts_or_facts_with_defects(raw: bytes) -> None:
    found = parse(raw)
    whole(raw, found)
    # A step that raises is our fault, however broken the mail.
    assert not [defect for defect in found.mail.defects if defect.endswith("Error")]
    assert parse(raw) == found


NAMES = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)
LINES = st.lists(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=120),
    max_size=8,
)
LOCALS = st.from_regex(r"[a-z0-9][a-z0-9+_.-]{0,20}[a-z0-9]", fullmatch=True).filter(
    lambda text: ".." not in text
)
FILES = st.builds(
    File,
    name=st.from_regex(r"[a-zäöü][a-z0-9äöü _-]{0,20}[a-z0-9]\.pdf", fullmatch=True),
    type=st.sampled_from(("application/pdf", "image/png", "application/octet-stream")),
    content=st.binary(max_size=400),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NAMES, LOCALS, LOCALS, NAMES, LINES, st.lists(FILES, max_size=3))
def test_what_we_write_is_read_again(
    name: str, local: str, to: str, subject: str, lines: list[str], files: list[File]
) -> None:
    text = "\n".join(lines)
    sent = Outgoing(
        from_=Address(name, f"{local}@x.example"), to=Address("", f"{to}@y.example"), subject=subject, text=text, html="", date=datetime(2026, 11, 16, 8, tzinfo=UTC),
        message_id="<1.2@x.example>", reply_to=Address("Desk", "desk+t@x.example"), references=("<0@y.example>",), files=tuple(files),
    )  # fmt: skip
    found = parse(write(sent))
    mail = found.mail
    assert mail.defects == ()
    assert [one.address for one in (*mail.from_, *mail.to, *mail.reply_to)] == [
        f"{local}@x.example",
        f"{to}@y.example",
        "desk+t@x.example",
    ]
    assert (mail.message_id, mail.references, mail.date) == ("<1.2@x.example>", ("<0@y.example>",), sent.date)
    assert mail.subject == subject
    assert mail.text.split() == text.split()
    assert [(file.type, content) for file, content in zip(mail.attachments, found.contents, strict=True)] == [
        (file.type, file.content) for file in files
    ]
