"""Reading a mail in blocks: its end, its dots, its hops, its size."""

import hashlib
import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.errors import Refused
from maild.intake.content import Content, DotDecoder, HopCounter

TRICKY = st.lists(
    st.sampled_from(
        [b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"\0", b"\xff", b"\r\n.", b".\r\n", b"\n.\n", b"\n.\r\n"]
    ),
    max_size=40,
).map(b"".join)
CUTS = st.lists(st.integers(0, 120), max_size=12)


def blocks(data, cuts):
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [data[start:stop] for start, stop in pairwise(places)]


def line_wise(stream):
    """RFC 5321 §4.5.2, a line at a time -> (mail, what stands behind its end), or None without an end."""
    lines = stream.split(b"\r\n")
    for number, line in enumerate(lines[:-1]):
        if line == b".":
            mail = [text.removeprefix(b".") for text in lines[:number]]
            return b"".join(text + b"\r\n" for text in mail), b"\r\n".join(lines[number + 1 :])
    return None


def decode(parts):
    decoder, mail = DotDecoder(), b""
    for position, part in enumerate(parts):
        mail += decoder.feed(part)
        if decoder.rest is not None:
            return mail, decoder.rest + b"".join(parts[position + 1 :])
    return None


@given(TRICKY, CUTS)
def test_any_stream_in_any_blocks_is_what_the_lines_say(stream, cuts):
    assert decode(blocks(stream, cuts)) == line_wise(stream)


@given(TRICKY, TRICKY, CUTS)
def test_what_a_client_stuffs_comes_back(text, behind, cuts):
    mail = text if not text or text.endswith(b"\r\n") else text + b"\r\n"
    stuffed = b"".join((b"." + line if line.startswith(b".") else line) for line in _lines(mail))
    assert decode(blocks(stuffed + b".\r\n" + behind, cuts)) == (mail, behind)


def _lines(mail):
    return [line + b"\r\n" for line in mail.split(b"\r\n")[:-1]]


@pytest.mark.parametrize("border", range(6))
def test_the_end_is_found_across_a_block_border(border):
    stream = b"a\r\n.\r\nQUIT\r\n"
    assert decode([stream[:border], stream[border:]]) == (b"a\r\n", b"QUIT\r\n")


@pytest.mark.parametrize(
    ("stream", "mail"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
        (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n"),
        (b"a\r.\r\nb\r\n.\r\n", b"a\r.\r\nb\r\n"),
        (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n"),
        (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n"),
        (b"a\n..b\r\n.\r\n", b"a\n..b\r\n"),
    ],
)
def test_only_crlf_dot_crlf_ends_a_mail(stream, mail):
    assert decode([stream]) == (mail, b"")


def hops(mail, cuts=()):
    counter = HopCounter()
    for block in blocks(mail, cuts):
        counter.feed(block)
    return counter.hops


@pytest.mark.parametrize(
    ("mail", "count"),
    [
        (b"Received: by a\r\nRECEIVED : by b\r\nreceived:\r\n\r\n", 3),
        (b"Received: by a\nReceived: by b\n\nReceived: in the body\n", 2),
        (b"Received: by a\r\n\r\nReceived: in the body\r\n\r\n", 1),
        (b"\r\nReceived: in the body\r\n", 0),
        (b"X-Received: no\r\nReceived-SPF: no\r\n Received: folded\r\nSubject: Received: no\r\n\r\n", 0),
        (b"X" * 100 + b"\r\nReceived: by a\r\nSubject: no end of header", 1),
    ],
)
def test_hops_are_received_fields_of_the_header(mail, count):
    assert hops(mail) == count
    assert all(hops(mail, [cut]) == count for cut in range(len(mail)))
    assert hops(mail, range(len(mail))) == count


def test_content_counts_hashes_and_keeps():
    spool = io.BytesIO()
    content = Content(spool, 10)
    content.write(b"12345")
    content.write(b"67890")
    content.check()
    assert spool.read() == b"1234567890"
    assert (content.size, content.sha256) == (10, hashlib.sha256(b"1234567890").hexdigest())


def test_content_above_the_limit_is_dropped_and_refused():
    spool = io.BytesIO()
    content = Content(spool, 10)
    for _ in range(100):
        content.write(b"123456")
    with pytest.raises(Refused, match=r"552 5\.3\.4"):
        content.check()
    assert spool.getvalue() == b"123456"


@pytest.mark.parametrize(("fields", "refused"), [(100, False), (101, True)])
def test_a_mail_of_too_many_hops_is_a_loop(fields, refused):
    content = Content(io.BytesIO(), 1 << 20)
    content.write(b"Received: by here\r\n" * fields + b"\r\n" + b"Received: quoted\r\n" * 200)
    if refused:
        with pytest.raises(Refused, match=r"554 5\.4\.6"):
            content.check()
    else:
        content.check()


def test_a_spool_that_fails_is_told_at_the_end():
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    content = Content(Full(), 100)
    content.write(b"a")
    content.write(b"b")
    with pytest.raises(OSError, match="No space left"):
        content.check()
