"""A page that is cleaned without asking about each attribute comes out as if each had been asked about."""

from __future__ import annotations

import random

import pytest

from maild.message import html

PIECES = (
    '<img src="cid:a@b" alt="x">', '<IMG SRC="CID:a@b">', "<img src='cid:a'>", '<img src="https://evil.test/x.png">', '<img src="ftp:cid:">',
    '<img src="data:image/png;base64,AAAA">', '<a href="cid:a">x</a>', '<a href=" data:text/html,x">x</a>', '<a href="&#99;id:a">x</a>',
    '<a href="c&#105;d:a">x</a>', '<a href="dat&#x61;:x">x</a>', '<a href="cid&colon;a">x</a>', '<a href="https://a.test/?a=1&amp;b=2">x</a>',
    '<p style="color:red">x</p>', '<p style="background-color:url(https://evil.test)">x</p>', '<p style="color:\\72 ed">x</p>',
    '<p style="font-family:&quot;Calibri&quot;">x</p>', '<p style="color:u&#114;l(x)">x</p>', '<p style="color:u&Tab;rl(x)">x</p>',
    '<p title=\'src="cid:\'>a &nbsp; b</p>', "a & b", "&uuml;", "&copy;", '<b title="&quot src=x">x</b>', "<p style=color:image>x</p>",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_the_page_is_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    pages = [*PIECES, *("".join(chance.choices(PIECES, k=chance.randint(2, 4))) for _ in range(150))]
    tamed = [html.tame(page) for page in pages]
    assert 10 < sum(map(html._plain, tamed)) < len(tamed)
    cleaned = [html.sanitise(page) for page in tamed]
    monkeypatch.setattr(html, "_plain", lambda _: False)
    assert cleaned == [html.sanitise(page) for page in tamed]
