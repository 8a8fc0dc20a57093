"""Header values as people write them, and the parameters of structured ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.message.headers import MAX_FIELDS, Fields, decode_words, decoded, parameters


def raw(octets: bytes) -> str:
    return octets.decode("ascii", "surrogateescape")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"plain words", "plain words"),
        (b"folded\r\n over\r\n\tlines", "folded over lines"),
        (b"=?utf-8?q?J=C3=B6rg_M?=", "Jörg M"),
        (b"=?UTF-8?B?SsO2cmc=?=", "Jörg"),
        (b"=?utf-8?B?SsO2cmc?= without padding", "Jörg without padding"),
        (b"=?iso-8859-1?q?Gr=FC=DFe?=", "Grüße"),
        (b"=?iso-8859-1?q?=80uro?=", "€uro"),
        (b"=?utf-8*de?q?Stra=C3=9Fe?=", "Straße"),
        (b"=?utf-8?q?one?= =?utf-8?q?_two?=", "one two"),
        (b"=?utf-8?q?one?=\r\n =?utf-8?q?two?=", "onetwo"),
        (b"=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", "café"),
        (b"=?utf-8?b?w6k=?= =?iso-8859-1?q?=E8?=", "éè"),
        (b'"=?utf-8?q?=C3=A9?=" quoted', '"é" quoted'),
        (b"Re:=?utf-8?q?=C3=A9?=now", "Re:énow"),
        (b"=?utf-8?q?with blanks in it?=", "with blanks in it"),
        (b"=?utf-8?q?a?b?= question", "a?b question"),
        (b"=?utf-8?q?unclosed", "=?utf-8?q?unclosed"),
        (b"=?no-such-charset?q?a?=", "=?no-such-charset?q?a?="),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?first =?utf-8?q?second?=", "=?utf-8?q?first second"),
        (b"=?utf-8?q?a=0D=0ABcc:_x=40y?=", "a Bcc: x@y"),
        (b"=?utf-8?q?nul=00?=", "nul\ufffd"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"", ""),
    ],
)
def test_decoded(value: bytes, expected: str) -> None:
    assert decoded(raw(value)) == expected


def test_raw_octets_are_read_in_the_charset_of_the_text() -> None:
    value = raw("Привет, как дела".encode("koi8-r"))
    assert decoded(value, "koi8-r") == "Привет, как дела"


def test_decode_words_is_one_pass_over_hostile_words() -> None:
    text = "=?utf-8?q?" * 20_000
    assert decode_words(text) == text
    assert decode_words(text + "x?=").endswith("x")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_decoded_is_clean_whatever_the_octets(value: bytes) -> None:
    text = decoded(raw(value))
    text.encode("utf-8")
    assert not set(text) & {"\x00", "\r", "\n"}


def test_fields_find_by_name_without_case_and_keep_order() -> None:
    fields = Fields([("Subject", "one"), ("X-A", "1"), ("SUBJECT", "two")])
    assert fields.first("subject") == "one"
    assert fields.all("subject") == ["one", "two"]
    assert fields.pairs() == (("Subject", "one"), ("X-A", "1"), ("SUBJECT", "two"))
    assert "x-a" in fields
    assert fields.first("date") == ""


def test_fields_are_capped() -> None:
    assert len(Fields(("A", str(number)) for number in range(3000)).pairs()) == MAX_FIELDS


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("text/plain; charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ('Text/HTML;charset="utf-8" ; x', "text/html", {"charset": "utf-8"}),
        ('a/b; name="semi;colon.txt"', "a/b", {"name": "semi;colon.txt"}),
        (r'a/b; name="a \"quoted\" name"', "a/b", {"name": 'a "quoted" name'}),
        (r'a/b; name="C:\temp\new.txt"', "a/b", {"name": r"C:\temp\new.txt"}),
        ("a/b; name*=UTF-8''na%C3%AFve.txt", "a/b", {"name": "naïve.txt"}),
        ("a/b; name*=iso-8859-1'de'Gr%FC%DFe", "a/b", {"name": "Grüße"}),
        ("a/b; name*0=first; name*1=second", "a/b", {"name": "firstsecond"}),
        ("a/b; name*1*=%B6; name*0*=utf-8''%C3", "a/b", {"name": "ö"}),
        ("a/b; name*0*=utf-8''%e2%82%ac; name*1=plain", "a/b", {"name": "€plain"}),
        ("a/b; name==?utf-8?q?J=C3=B6rg.pdf?=", "a/b", {"name": "Jörg.pdf"}),
        ("a/b; name=one; name=two", "a/b", {"name": "one"}),
        ("", "", {}),
    ],
)
def test_parameters(value: str, kind: str, expected: dict[str, str]) -> None:
    assert parameters(value) == (kind, expected)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_parameters_never_fail(value: str) -> None:
    kind, found = parameters(value)
    assert kind == kind.lower()
    assert all(name == name.lower() for name in found)
