"""HTML: text out of it, nothing dangerous left in it, quotes marked by mail programs cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.message.html import sanitise, tame
from maild.message.htmltext import read
from maild.message.quotes import split


def to_text(source: str) -> str:
    return read(tame(source)).text()


def without_quotes(source: str) -> tuple[str, str]:
    return read(tame(source)).new_words()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two", "one\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("a&nbsp;b &lt;c&gt; &amp; &eacute;", "a b <c> & é"),
        ("<style>p {color: red}</style><script>alert(1)</script><p>shown</p>", "shown"),
        ("<span style='display:none'>preheader</span><p>shown</p>", "shown"),
        ("<!-- hidden --><p>shown</p>", "shown"),
        ("<head><title>no</title></head><body>shown", "shown"),
        ("<ul><li>one<li>two</ul>", "  * one\n  * two"),
        ("<span>no</span><span>gap</span>", "nogap"),
        ("no markup at all", "no markup at all"),
        ("<p>one</p>\n  <p>two\n words</p>", "one\n\ntwo words"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        (
            "<p class=MsoNormal>one</p><p class=MsoNormal>two</p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>three</p>",
            "one\ntwo\n\nthree",
        ),
        ("<ul><li>one<ul><li>deep</ul><li>two</ul>", "  * one\n      * deep\n  * two"),
        ("<ol><li>one<li>two</ol>", " 1. one\n 2. two"),
        ("<ol start=9><li>nine<li>ten</ol>", " 9. nine\n10. ten"),
        (
            "<table><tr><th>Name<th>City<tr><td>Ann<td>Rome<tr><td>Bartholomew<td></table>",
            "Name         City\nAnn          Rome\nBartholomew",
        ),
        ("<table><tr><td><p>one</p><p>two</p></td><td>three</td></tr></table>", "one\n\ntwo\nthree"),
        ("<pre>a  b\n  c</pre>", "a  b\n  c"),
        ("<div style='white-space:pre-wrap'>a  b\nc</div>", "a  b\nc"),
        (
            "see <a href='https://x.example/a?b=1&amp;c=2'>the page</a>.",
            "see the page <https://x.example/a?b=1&c=2>.",
        ),
        ("<a href='https://www.x.example/'>x.example</a>", "x.example"),
        (
            "<a href='mailto:ann@x.example?subject=hi'>Ann</a> or <a href='mailto:ann@x.example'>ann@x.example</a>",
            "Ann <ann@x.example> or ann@x.example",
        ),
        ("<a href='javascript:alert(1)'>no</a> <a href='#top'>top</a>", "no top"),
        ("<a href='https://x.example/'><img src=x></a>after", "after"),
        ("<img alt='🙂' src=x> <img alt='a long description of a logo' src=x>", "🙂"),
        ("<p>one</p><blockquote type=cite><p>old</p></blockquote>", "one\n\n> old"),
        ("<blockquote>a poem</blockquote>", "    a poem"),
        ("<div style='border-left:2px solid #ccc'>box</div>", "box"),
        ("<h1>Title</h1>text<hr>more", "Title\n\ntext\n\nmore"),
        ("<dl><dt>word<dd>meaning</dl>", "word\n    meaning"),
        (
            "<span style='visibility: hidden'>no</span><span hidden>no</span><i style='mso-hide:all'>no</i>yes",
            "yes",
        ),
        ("<div style='font-size:0'><div style='font-size:13px'>shown</div></div>", "shown"),
        ("soft&shy;hyphen zero&#8203;width", "softhyphen zerowidth"),
        ("", ""),
    ],
)
def test_to_text(source: str, text: str) -> None:
    assert to_text(source) == text


def test_cells_do_not_run_together() -> None:
    words = to_text("<table><tr><td>one</td><td>two</td></tr></table>").split()
    assert words == ["one", "two"]


@pytest.mark.parametrize("rows", [20, 3000])
def test_large_tables_keep_their_words(rows: int) -> None:
    source = "<table>" + "<tr><td>left</td><td>right</td></tr>" * rows + "</table>"
    assert to_text(source).split() == ["left", "right"] * rows


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:alert(1)'>x</a>", "<svg onload=alert(1)>",
        "<iframe src='https://evil.example'></iframe>", "<a href='java&#9;script:alert(1)'>x</a>", "<form action=x><input></form>",
        "<math><mi//xlink:href='javascript:alert(1)'>", "<style>@import 'https://evil.example'</style>", "<base href='https://evil.example'>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>", "<link rel=stylesheet href='https://evil.example/x.css'>",
        "<img src='https://evil.example/pixel.gif'>", "<img srcset='https://evil.example/x 2x'>", "<td background='https://evil.example/x'>",
        "<p style='background:url(https://evil.example/x)'>", "<p style='background-image:url(https://evil.example/x)'>",
        "<p style='color:red;list-style:url(//evil.example)'>", "<video poster='https://evil.example'>", "<img src='//evil.example/x'>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
        "<p onclick=alert(1)>", "<object data='https://evil.example'></object>", "<embed src='https://evil.example'>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<template><script>alert(1)</script></template>",
    ],
)  # fmt: skip
def test_sanitise_removes_scripts_and_remote_content(source: str) -> None:
    page = sanitise(f"<p>before</p>{source}<p>after</p>").lower()
    for evil in ("script", "onerror", "onload", "onclick", "evil.example", "alert(1)"):
        assert evil not in page
    assert "before" in page


@pytest.mark.parametrize(
    "source",
    [
        '<img src="cid:image1@x" alt="photo">',
        '<img src="data:image/png;base64,iVBORw0KGgo=">',
        '<p style="color:red">red</p>',
        "<blockquote>quoted</blockquote>",
        '<table><tbody><tr><td colspan="2">cell</td></tr></tbody></table>',
    ],
)
def test_sanitise_keeps_what_is_harmless(source: str) -> None:
    assert sanitise(source) == source


def test_links_are_kept_without_a_way_back() -> None:
    page = sanitise("<a href='https://x.example/a' onclick=x>link</a>")
    assert 'href="https://x.example/a"' in page
    assert "noopener" in page


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from("<>/='\" abipscrt!-&;"), max_size=80))
def test_any_markup_survives(source: str) -> None:
    assert "<script" not in sanitise(source).lower()
    to_text(source)
    without_quotes(source)


def test_tame_bounds_nesting_and_attributes() -> None:
    deep = tame("<div>" * 5000 + "x")
    assert deep.count("<div") <= 100
    assert "x" in deep
    attributes = " ".join(f"a{number}=1" for number in range(5000))
    assert tame(f"<p {attributes}>x</p>").count("=") <= 60


def test_unclosed_items_are_no_nesting() -> None:
    assert to_text("<p>word" * 500).split() == ["word"] * 500


GMAIL = "<div class='gmail_quote'><div class='gmail_attr'>Pirm., Bob rašė:</div><blockquote class='gmail_quote'>old</blockquote>{}</div>"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<div>answer</div>" + GMAIL.format(""), "answer"),
        ("<div>answer</div><div class='gmail_quote'>On Monday, Bob: old</div>", "answer"),
        (
            "<p>answer</p><div class='moz-cite-prefix'>Am 1.1. schrieb Bob:</div><blockquote type='cite'>old</blockquote>",
            "answer",
        ),
        (
            "<p>answer</p><div id='appendonsend'></div><hr><div id='divRplyFwdMsg'>From: Bob</div><div>old</div>",
            "answer",
        ),
        (
            "<p>answer</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p>Poslano: danes</p></div><p>old</p>",
            "answer",
        ),
        (
            "<table><tr><td><p>answer</p><div id='divRplyFwdMsg'>From: Bob</div></td></tr></table><p>old</p>",
            "answer",
        ),
        ("<p>answer</p><div class='yahoo_quoted'>old</div>", "answer"),
        ("<blockquote type='cite'>old</blockquote><p>answer</p>", "answer"),
        (
            "<div>first</div>"
            + GMAIL.format("<div>second</div><blockquote class='gmail_quote'>older</blockquote>"),
            "first\n\n> old\n\nsecond",
        ),
        ("<p>one</p><blockquote type='cite'>old</blockquote><p>two</p>", "one\n\n> old\n\ntwo"),
    ],
)
def test_marked_quotes_are_cut_and_those_between_answers_kept(source: str, words: str) -> None:
    assert split(without_quotes(source)[0]).reply == words
    assert "old" in to_text(source)


def test_signatures_are_told_apart() -> None:
    found = without_quotes("<p>answer</p><div class='gmail_signature'>Ann<br>Acme</div>")
    assert "Acme" not in found[0]
    assert found[1].split() == ["Ann", "Acme"]


@pytest.mark.parametrize(
    "source",
    [
        "<p>words</p><blockquote>a poem</blockquote>",
        "<p>see below</p><div class='gmail_quote'>---------- Forwarded message ---------<br>From: Bob<br>old</div>",
        "<div id='divRplyFwdMsg'>From: Bob</div><div>forwarded without a word</div>",
        "<p>for you</p><blockquote type=cite><div>Begin forwarded message:</div><div>From: Bob</div><div>old</div></blockquote>",
    ],
)
def test_what_is_no_quote_stays(source: str) -> None:
    assert split(without_quotes(source)[0]).reply == to_text(source).strip()


def test_a_mail_that_says_so_passes_the_older_one_on() -> None:
    page = read(tame("<p>for you</p><div id='divRplyFwdMsg'>From: Bob</div><div>old</div>"))
    assert page.new_words()[0] == "for you"
    assert page.new_words(forwarded=True)[0] == "for you\n\nFrom: Bob\nold"
