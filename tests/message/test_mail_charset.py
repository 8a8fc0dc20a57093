"""Octets to text: what is verified wins over what is declared."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.message.charset import clean, codec_name, decode


@pytest.mark.parametrize(
    ("data", "label", "expected"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode(), "iso-8859-1", "Grüße"),
        ("Grüße".encode(), None, "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("5 €".encode("cp1252"), "iso-8859-1", "5 €"),
        ("Grüße".encode("latin-1"), "us-ascii", "Grüße"),
        ("机房".encode("gb18030"), "gb2312", "机房"),
        ("한국어".encode("cp949"), "ks_c_5601-1987", "한국어"),
        ("①テスト".encode("cp932"), "shift_jis", "①テスト"),
        ("日本語".encode("iso-2022-jp"), "iso-2022-jp", "日本語"),
        ("日本語".encode("iso-2022-jp"), None, "日本語"),
        ("日本語\nabc\n漢字".encode("iso-2022-jp"), "ISO-2022-JP", "日本語\nabc\n漢字"),
        (b"\x1b$B-!\x1b(B one", "iso-2022-jp", "① one"),
        (b"\xef\xbb\xbfmark", "iso-8859-1", "mark"),
        ("mark".encode("utf-16"), None, "mark"),
        ("Grüße".encode("utf-16-le"), "utf-16-le", "Grüße"),
        (b"ab\xffcd", "utf-8", "abÿcd"),
        (b"Gr" + b"\xff" + "üße äöü".encode(), "utf-8", "Gr\ufffdüße äöü"),
        ("Привет, как у вас дела сегодня".encode("koi8-r"), "koi8-r", "Привет, как у вас дела сегодня"),
        (b"plain", "no-such-charset", "plain"),
        (b"plain", "utf\x00-8", "plain"),
        (b"plain", "base64", "plain"),
        (b"a\x00b", None, "a\ufffdb"),
        (b"", "utf-8", ""),
    ],
)
def test_decode(data: bytes, label: str | None, expected: str) -> None:
    assert decode(data, label) == expected


@pytest.mark.parametrize(
    "label",
    ["", None, "base64", "rot13", "idna", "undefined", "x" * 99, "utf 8", "../etc", "hex", "punycode"],
)
def test_what_is_no_charset_has_no_codec(label: str | None) -> None:
    assert codec_name(label) is None


def test_clean_replaces_what_utf8_cannot_hold() -> None:
    assert clean("a\x00b\ud800c\U0001f600") == "a\ufffdb\ufffdc\U0001f600"


LABELS = st.sampled_from(
    [
        None,
        "utf-8",
        "utf-16",
        "utf-7",
        "hz",
        "iso-2022-jp",
        "iso-2022-kr",
        "shift_jis",
        "big5",
        "gb2312",
        "koi8-r",
        "idna",
        "nonsense",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), LABELS)
def test_decode_never_fails_and_is_clean(data: bytes, label: str | None) -> None:
    text = decode(data, label)
    text.encode("utf-8")
    assert "\x00" not in text


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(min_codepoint=0x3041, max_codepoint=0x3093), min_size=1, max_size=30))
def test_iso_2022_jp_is_read_as_python_writes_it(text: str) -> None:
    assert decode(text.encode("iso-2022-jp"), "iso-2022-jp") == text
