"""One message is one identity, whatever the way it took and however it was encoded on it."""

import base64
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.facts import Mail
from maild.message.parse import parse

HEAD = "Message-ID: <1@x.example>\r\nFrom: Ann <ann@x.example>\r\nDate: Fri, 13 Nov 2026 09:00:00 +0100\r\nSubject: s\r\n"
TEXT = "Grüße aus Köln,\r\n\r\nder Drucker = kaputt.\r\n"


def mail(text: str = TEXT, head: str = HEAD, encoding: str = "8bit", charset: str = "utf-8") -> Mail:
    octets = text.encode(charset)
    if encoding == "base64":
        octets = base64.encodebytes(octets)
    elif encoding == "quoted-printable":
        octets = quopri.encodestring(octets.replace(b"\r\n", b"\n"))
    head += f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return parse(head.encode() + octets).mail


def same(one: Mail, two: Mail) -> bool:
    return (one.identity, one.content_identity) == (two.identity, two.content_identity)


@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_encoding_changes_nothing(encoding: str, charset: str) -> None:
    assert same(mail(encoding=encoding, charset=charset), mail())


def test_the_identities_are_those_that_stores_hold() -> None:
    found = mail()
    assert found.identity == "94ac68ca4c6c243846d19a20809fd88ef8bcf6082002206fea84cfb0899661da"
    assert found.content_identity == "ae10f1560370d30363f1fb90c71e7693f34f5070666e504038941aaccec48e28"


def test_transport_changes_nothing() -> None:
    raw = (HEAD + "\r\n" + TEXT).encode()
    usual = parse(raw).mail
    received = b"Received: from a by b; Fri, 13 Nov 2026 09:00:01 +0100\r\nDelivered-To: x@y.example\r\n"
    for other in (
        raw.replace(b"\r\n", b"\n"),
        received + raw,
        raw + b"\r\n\r\n",
        raw.replace(b"+0100", b"+0100 (CET)"),
    ):
        assert same(parse(other).mail, usual)
        assert parse(other).mail.sha256 != usual.sha256


def test_normal_form_and_blanks_change_nothing() -> None:
    assert same(mail("Ko\u0308ln  ist\r\nschön"), mail("Köln ist schön"))


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace("<1@", "<2@"),
        HEAD.replace("ann@", "bob@"),
        HEAD.replace("09:00", "09:01"),
        HEAD.replace("Message-ID: <1@x.example>\r\n", ""),
    ],
)
def test_another_message_is_another(head: str) -> None:
    assert mail(head=head).identity != mail().identity


def test_case_of_the_sender_and_the_zone_change_nothing() -> None:
    head = HEAD.replace("ann@x.example", "Ann@X.example").replace("09:00:00 +0100", "08:00:00 +0000")
    assert same(mail(head=head), mail())


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="abc ", min_size=1, max_size=20), st.text(alphabet="abc ", min_size=1, max_size=20))
def test_identity_is_equal_exactly_when_the_words_are(one: str, two: str) -> None:
    assert same(mail(one), mail(two)) == (one.split() == two.split())
