"""Parsing never fails, is bounded, and mends what mailers break."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.facts import Kind, Mail, Parsed, Trust
from maild.message import parse as module
from maild.message.parse import parse

FULL = (
    b"Received: from a by b; Fri, 13 Nov 2026 09:00:01 +0100\r\nAuthentication-Results: mx.acme.test; dmarc=pass header.from=x.example\r\n"
    b"Message-ID: <1@x.example>\r\nDate: Fri, 13 Nov 2026 09:00:00 +0100\r\nFrom: =?utf-8?q?J=C3=B6rg?= <j@x.example>\r\n"
    b"To: support@acme.test, B <b@y.example>\r\nCc: c@y.example\r\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\r\nReferences: <0@x.example>\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n'
    b"--c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nNew words.\r\n\r\nOn 1/2/2026, Bob <b@y.example> wrote:\r\n> old\r\n\r\n--c\r\n"
    b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p style=3D'color:red'>New words.</p>\r\n--c--\r\n"
    b"--b\r\nContent-Type: application/pdf; name*=utf-8''%C3%A9.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner\r\n--b--\r\n"
)
DSN = (
    b"From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    b"--b\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\n"
    b"Action: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
)
TRUST = Trust(authserv_ids=("mx.acme.test",), spam=(("x-spam", "yes"),), lists=("l.example",))


def strings(mail: Mail) -> list[str]:
    found = [
        mail.subject,
        mail.text,
        mail.reply,
        mail.signature,
        mail.html or "",
        mail.message_id or "",
        mail.language or "",
    ]
    found += [
        *mail.in_reply_to,
        *mail.references,
        *mail.kind_reasons,
        *mail.unanswerable,
        *mail.delivered_to,
        *mail.defects,
    ]
    found += [text for pair in mail.header for text in pair]
    found += [
        text for box in mail.from_ + mail.to + mail.cc + mail.reply_to for text in (box.name, box.address)
    ]
    found += [text for file in mail.attachments for text in (file.name, file.type, file.content_id)]
    found += [
        text
        for one in (mail.bounce.recipients if mail.bounce else ())
        for text in (one.address, one.status or "", one.diagnostic or "")
    ]
    return [*found, mail.proof.login or "", (mail.bounce.original_message_id if mail.bounce else None) or ""]


def whole(raw: bytes) -> Mail:
    """Parse, and check what holds for every mail."""
    parsed = parse(raw, TRUST, trusted=True)
    assert isinstance(parsed, Parsed)
    mail = parsed.mail
    assert len(parsed.contents) == len(mail.attachments)
    assert [file.size for file in mail.attachments] == [len(content) for content in parsed.contents]
    for text in strings(mail):
        text.encode("utf-8")
        assert "\x00" not in text
    assert "\n" not in mail.subject + "".join(file.name for file in mail.attachments)
    assert len(mail.identity) == len(mail.content_identity) == len(mail.sha256) == 64
    assert mail.size == len(raw)
    return mail


def test_a_whole_mail() -> None:
    mail = whole(FULL)
    assert (mail.subject, mail.message_id, mail.references) == ("Grüße", "<1@x.example>", ("<0@x.example>",))
    assert mail.date == datetime(2026, 11, 13, 8, tzinfo=UTC)
    assert mail.sender is not None
    assert (mail.sender.name, mail.sender.address) == ("Jörg", "j@x.example")
    assert [box.address for box in mail.to + mail.cc] == ["support@acme.test", "b@y.example", "c@y.example"]
    assert (mail.reply, mail.kind, mail.proof.dmarc.value) == ("New words.", Kind.PERSON, "pass")
    assert mail.text.endswith("> old")
    assert mail.html is not None
    assert "color:red" in mail.html
    assert [(file.name, file.type) for file in mail.attachments] == [
        ("é.pdf", "application/pdf"),
        ("inner.eml", "message/rfc822"),
    ]
    assert mail.defects == ()


CRASHES = {
    "truncated nested multipart": b"Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\nContent-Type: multipart/alternative; boundary=B\r\n\r\nx",
    "nested message without boundary": b"Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\nx",
    "NUL in the charset of a word": b"Subject: =?utf\x00-8?q?a?=\r\n\r\nx",
    "NUL in the charset of the text": b"Content-Type: text/plain; charset=utf\x00-8\r\nContent-Transfer-Encoding: base64\r\n\r\neHg=\r\n",
    "codec that is no charset": b"Content-Type: text/plain; charset=undefined\r\n\r\n\xff",
    "subject twice": b"Subject: a\r\nSubject: b\r\n\r\nx",
    "empty Message-ID": b"Message-ID: <>\r\n\r\nx",
    "only a header": b"Subject: x",
    "only a blank line": b"\r\n",
    "nothing": b"",
    "zeros": b"\x00" * 100,
    "every octet": bytes(range(256)),
    "date of another world": b"Date: Fri, 99 Foo 99999 99:99:99 +9999\r\n\r\nx",
    "date out of range": b"Date: Fri, 31 Dec 9999 23:59:59 -1200\r\n\r\nx",
    "boundary of blanks": b'Content-Type: multipart/mixed; boundary=" "\r\n\r\n-- \r\n\r\nx',
    "huge parameter number": b"Content-Type: a/b; name*99999999999=x\r\n\r\nx",
    "bad percent": b"Content-Disposition: attachment; filename*=utf-8''%zz%\r\n\r\nx",
    "truncated base64": b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nA",
    "unknown charset": b"Content-Type: text/plain; charset=klingon\r\n\r\n\xe9",
    "surrogates in utf-7": b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
}


@pytest.mark.parametrize("name", sorted(CRASHES))
def test_mails_that_crash_parsers(name: str) -> None:
    whole(CRASHES[name])


@pytest.mark.parametrize(
    ("raw", "subject", "text"),
    [
        (b"Subject: a\nFrom: b@x.example\n\nbody", "a", "body"),
        (b"Subject: a\rFrom: b@x.example\r\rbody", "a", "body"),
        (b"\r\n\r\nSubject: a\r\n\r\nbody", "a", "body"),
        (b"\xef\xbb\xbfSubject: a\r\n\r\nbody", "a", "body"),
        (b"From someone Mon Nov 16 2026\nSubject: a\n\nbody", "a", "body"),
        (b"To: x@y.example\r\n>From someone Mon\r\nSubject: a\r\n\r\nbody", "a", "body"),
        (b"Subject : a\r\nFrom: b@x.example\r\n\r\nbody", "a", "body"),
        (b"X-Long: one\r\nnot folded\r\nSubject: a\r\nFrom: b@x.example\r\n\r\nbody", "a", "body"),
        (
            b"Subject: a\r\nfirst words of a body without a blank line",
            "a",
            "first words of a body without a blank line",
        ),
        (b"no header at all, only words", "", "no header at all, only words"),
        (b"Subject: a\r\nSubject: b\r\n\r\nbody", "a", "body"),
        (b"Subject: one\r\n\ttwo\r\n\r\nbody", "one two", "body"),
        (
            b"Subject: a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nno such boundary",
            "a",
            "no such boundary",
        ),
    ],
)
def test_broken_mails_are_mended(raw: bytes, subject: str, text: str) -> None:
    mail = whole(raw)
    assert (mail.subject, mail.text) == (subject, text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<a@b>", "<a@b>"), ("a@b", "<a@b>"), ("  <a@b> (comment)", "<a@b>"), ("<a b@c>", None), ("", None), ("<>", None),
    ],
)  # fmt: skip
def test_message_id(value: str, expected: str | None) -> None:
    assert whole(f"Message-ID: {value}\r\n\r\nx".encode()).message_id == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Fri, 13 Nov 2026 09:00:00 +0100", datetime(2026, 11, 13, 8, tzinfo=UTC)),
        ("13 Nov 26 09:00 GMT", datetime(2026, 11, 13, 9, tzinfo=UTC)),
        ("Fri, 13 Nov 2026 09:00:00", datetime(2026, 11, 13, 9, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_date(value: str, expected: datetime | None) -> None:
    mail = whole(f"Date: {value}\r\n\r\nx".encode())
    assert mail.date == expected
    assert bool(mail.defects) is not value.endswith(("+0100", "GMT"))


def test_delivered_to_newest_first() -> None:
    raw = b"Delivered-To: a+t@X.example\r\nReceived: x\r\nX-Original-To: <b@x.example>\r\nEnvelope-To: a+t@x.example, c@x.example\r\n\r\n"
    assert whole(raw).delivered_to == ("a+t@x.example", "b@x.example", "c@x.example")


def test_header_holds_every_field_decoded() -> None:
    assert whole(b"X-One: =?utf-8?q?=C3=A9?=\r\nx-one: two\r\n\r\n").header == (
        ("X-One", "é"),
        ("x-one", "two"),
    )


def test_a_fault_of_our_own_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(module.quotes, "split", broken)
    mail = whole(FULL)
    assert mail.reply == mail.text
    assert "reply: RuntimeError" in mail.defects
    monkeypatch.setattr(module, "bounded", broken)
    assert whole(FULL).defects == ("not understood: RuntimeError",)


def nested(levels: int) -> bytes:
    heads = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(levels)
    )
    return b"Subject: s\r\n" + heads + b"\r\ninnermost"


LIMITS = {
    "quotes in From": b"From: " + b'"' * 20_001 + b" <a@x.example>\r\nSubject: s\r\n\r\nbody",
    "parentheses": b"From: " + b"(" * 20_000 + b"a@x.example\r\nSubject: s\r\n\r\nbody",
    "angles": b"From: " + b"<" * 20_000 + b"\r\nSubject: s\r\n\r\nbody",
    "recipients": b"To: "
    + b", ".join(b"u%d@x.example" % number for number in range(50_000))
    + b"\r\nSubject: s\r\n\r\nbody",
    "many To": b"To: a@x.example\r\n" * 20_000 + b"Subject: s\r\n\r\nbody",
    "parameters": b"Subject: s\r\nContent-Type: text/plain" + b"; a=b" * 20_000 + b"\r\n\r\nbody",
    "words": b"Subject: s\r\nX: " + b"=?utf-8?q?a?= " * 10_000 + b"\r\n\r\nbody",
    "fields": b"".join(b"X-%d: y\r\n" % number for number in range(50_000)) + b"Subject: s\r\n\r\nbody",
    "received": b"Received: from a (b [192.0.2.1]) by c with d; x\r\n" * 5000 + b"Subject: s\r\n\r\nbody",
    "long field": b"X: " + b"a" * 2_000_000 + b"\r\nSubject: s\r\n\r\nbody",
    "lines": b"Subject: s\r\n\r\nbody" + b"\r\n" * 50_000,
    "on": b"Subject: s\r\n\r\nbody\r\n" + b"On " * 20_000,
    "attributes": b"Subject: s\r\nContent-Type: text/html\r\n\r\nbody<p "
    + b" ".join(b"a%d" % number for number in range(50_000))
    + b">",
    "deep html": b"Subject: s\r\nContent-Type: text/html\r\n\r\nbody" + b"<div>" * 50_000,
    "references": b"References: " + b"<a@x> " * 20_000 + b"\r\nSubject: s\r\n\r\nbody",
}


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_quadratic_mails_are_understood(name: str) -> None:
    mail = whole(LIMITS[name])
    assert mail.subject == "s"
    assert mail.text.startswith("body")
    assert len(mail.to) <= 10_000
    assert len(mail.header) <= 1000
    assert len(mail.references) <= 100


def test_many_parts_are_cut() -> None:
    raw = (
        b"Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" * 3000
    )
    mail = whole(raw)
    assert 400 <= len(mail.attachments) <= 500
    assert "too many parts" in mail.defects


@pytest.mark.parametrize("levels", [40, 500, 3000])
def test_deep_nesting_is_cut(levels: int) -> None:
    mail = whole(nested(levels))
    assert mail.subject == "s"
    assert "too many nested parts" in mail.defects


def test_long_text_is_cut() -> None:
    mail = whole(b"Subject: s\r\n\r\n" + b"a b\r\n" * 600_000)
    assert len(mail.text) <= 2_000_000
    assert "text cut" in mail.defects


def test_dashes_in_a_text_are_no_parts() -> None:
    mail = whole(b"Subject: s\r\n\r\n" + b"--------\r\nrow\r\n" * 6000)
    assert mail.text.count("row") == 6000
    assert mail.defects == ()


SEEDS = st.sampled_from([FULL, DSN, *CRASHES.values()])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets(raw: bytes) -> None:
    whole(raw)


@settings(max_examples=120, deadline=None)
@given(SEEDS, st.data())
def test_any_mutation(seed: bytes, data: st.DataObject) -> None:
    raw = bytearray(seed[: data.draw(st.integers(0, len(seed)))])
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, len(raw)))
        raw[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    whole(bytes(raw))


NAMES = st.sampled_from(["From", "To", "Subject", "Date", "Message-ID", "References", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID", "Auto-Submitted", "List-Id", "Authentication-Results", "Return-Path", "X-Failed-Recipients", "Delivered-To"])  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            NAMES,
            st.one_of(
                st.text(max_size=40),
                st.from_regex(
                    r"[a-z]{1,9}/[a-z]{1,9}(; ?[a-z]{1,8}\*?=\"?[a-z'%]{0,9}\"?){0,3}", fullmatch=True
                ),
            ),
        ),
        max_size=6,
    ),
    st.binary(max_size=60),
)
def test_any_header(fields: list[tuple[str, str]], body: bytes) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    whole(head.encode("utf-8", "surrogatepass") + b"\r\n" + body)
