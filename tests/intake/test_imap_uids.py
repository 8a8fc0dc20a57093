"""Sets of UIDs, and names as they go over the wire."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.intake.imap.names import mailbox, modified_utf7, quoted
from maild.intake.imap.uids import Uids, parts

NUMBERS = st.sets(st.integers(1, 40))


@given(NUMBERS, NUMBERS)
@settings(max_examples=60)
def test_it_is_a_set(one: set[int], two: set[int]) -> None:
    uids = Uids.of(one)
    assert list(uids) == sorted(one)
    assert len(uids) == len(one)
    assert uids.highest == max(one, default=0)
    assert list(uids | two) == sorted(one | two)
    assert list(uids - two) == sorted(one - two)
    assert uids & two == one & two
    assert [number in uids for number in range(45)] == [number in one for number in range(45)]
    assert Uids.parse(str(uids)) == uids
    assert hash(Uids.parse(str(uids))) == hash(uids)


@pytest.mark.parametrize(("numbers", "text"), [([], ""), ([7], "7"), ([3, 1, 2, 9, 8], "1:3,8:9")])
def test_it_is_short(numbers: list[int], text: str) -> None:
    assert str(Uids.of(numbers)) == text
    assert str(Uids([(5, 4)])) == ""


@pytest.mark.parametrize("text", ["*", "1:*", "a", "1,,2", "1:2:3", "-1"])
def test_what_is_no_set(text: str) -> None:
    with pytest.raises(ValueError, match="is no set of UIDs"):
        Uids.parse(text)


def test_parts() -> None:
    assert [list(part) for part in parts(range(5), 2)] == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize(
    ("name", "coded"),
    [
        ("INBOX", "INBOX"),
        ("Tom & Jerry", "Tom &- Jerry"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("Entwürfe", "Entw&APw-rfe"),
        ("a\tb", "a&AAk-b"),
        ("😀", "&2D3eAA-"),
    ],
)
def test_modified_utf7(name: str, coded: str) -> None:
    assert modified_utf7(name) == coded


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
@settings(max_examples=60)
def test_modified_utf7_can_be_read_again(name: str) -> None:
    coded = modified_utf7(name)
    assert coded.isascii()
    assert coded.isprintable()
    plain = "".join(
        part
        if index % 2 == 0
        else ("&" if part == "" else f"+{part.replace(',', '/')}-".encode().decode("utf-7"))
        for index, part in enumerate(_split(coded))
    )
    assert plain == name


def _split(coded: str) -> list[str]:
    """Plain and shifted parts in turn."""
    found, rest = [], coded
    while rest:
        plain, shifted, rest = rest.partition("&")
        inner, _, rest = rest.partition("-")
        found += [plain, inner] if shifted else [plain]
    return found


def test_quoted() -> None:
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'
    assert mailbox('Tom & "J"') == '"Tom &- \\"J\\""'
    for text in ("a\r\nb", "a\0"):
        with pytest.raises(ValueError, match="line end"):
            quoted(text)
