"""Answers of agents to our notifications: nothing of ours comes back, whatever the mail program made of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.leaving import separate
from maild.message.parse import parse
from maild.message.quotes import split

OURS = [
    "##- answer above this line -##",
    "",
    "Your answer goes to Carla (the requester) from Acme.",
    "##+ the message +##",
    "It burns.",
    "Please help.",
    "##= end of the message =##",
    "Priority: 3 (normal)",
    "Other tickets: #7",
]
SECRET = ("Your answer goes", "Priority", "Other tickets", "##")
ATTRIBUTIONS = [
    "On Mon, 16 Nov 2026 at 10:00, Acme <reply+token@acme.test> wrote:",
    "Pirm., 2026-11-16 10:00 Acme <reply+token@acme.test> rašė:",
    "Dana 16. 11. 2026. u 10:00, Acme je napisao/la\n<reply+token@acme.test>:",
    "________________________________\nOd: Acme <reply+token@acme.test>\nPoslano: 16. 11. 2026\nZa: Ben <ben@acme.test>\nPredmet: [A #1] x",
    "-----Original Message-----\nFrom: Acme <reply+token@acme.test>\nSent: Monday\nTo: Ben\nSubject: x",
    "",
]


def quoted(lines: list[str], mark: str = "> ") -> str:
    return "\n".join(f"{mark}{line}".rstrip() for line in lines)


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("mark", ["", "> ", ">", "| ", "> > "])
def test_an_answer_above(attribution: str, mark: str) -> None:
    assert split(f"It is fixed.\n\n{attribution}\n\n{quoted(OURS, mark)}").reply == "It is fixed."


def test_answers_between_keep_the_lines_of_the_customer_only() -> None:
    lines = quoted(OURS).split("\n")
    lines.insert(5, "Where?")
    lines.insert(7, "We are coming.")
    text = "Hello Carla,\n\n" + "\n".join(lines)
    assert split(text).reply == "Hello Carla,\n\n> It burns.\nWhere?\n> Please help.\nWe are coming."


def test_an_answer_below() -> None:
    assert split(f"{quoted(OURS)}\n\nIt is fixed.\n").reply == "It is fixed."


def test_an_answer_among_our_own_words() -> None:
    lines = quoted(OURS).split("\n")
    lines.insert(3, "Really?")
    assert split("\n".join(lines)).reply == "Really?"


def test_without_the_first_mark_the_rest_is_still_ours() -> None:
    assert (
        split("Fixed.\n\n" + quoted(OURS[2:]) + "\nAnd tested.").reply
        == "Fixed.\n> It burns.\n> Please help.\nAnd tested."
    )


@pytest.mark.parametrize(
    "first",
    [
        "##- answer above\nthis line -##",
        "##– answer above this line –##",
        "##- answer above this line -## Your answer goes",
    ],
)
def test_mangled_marks(first: str) -> None:
    text = quoted([*first.split("\n"), *OURS[1:]])
    assert split(f"Fixed.\n{text}").reply == "Fixed."
    assert split(f"Fixed.\n\n{first}\n" + "\n".join(OURS[1:])).reply == "Fixed."


def test_a_mark_inside_a_line_opens_nothing() -> None:
    forged = [*OURS[:2], "[A #1] ##+ x +##", *OURS[2:]]
    lines = quoted(forged).split("\n")
    lines.insert(4, "Answer.")
    assert "Your answer goes" not in split("\n".join(lines)).reply


CLIENTS = {
    "Gmail": "<div dir=ltr>Fixed.</div><br><div class='gmail_quote'><div class='gmail_attr'>Pirm., Acme &lt;<a href='mailto:reply+t@acme.test'>reply+t@acme.test</a>&gt; rašė:<br></div><blockquote class='gmail_quote'>{}</blockquote></div>",
    "Outlook": "<p class=MsoNormal>Fixed.</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>Od:</b> Acme &lt;reply+t@acme.test&gt;<br><b>Poslano:</b> danes</p></div></div>{}",
    "Outlook on the web": "<div>Fixed.</div><div id='appendonsend'></div><hr><div id='divRplyFwdMsg'><b>From:</b> Acme &lt;reply+t@acme.test&gt;</div><div>{}</div>",
    "Apple Mail": "<html><body>Fixed.<br><div><br><blockquote type='cite'><div>16. 11. 2026 kl. 10.00 skrev Acme &lt;reply+t@acme.test&gt;:</div><br>{}</blockquote></div></body></html>",
    "Thunderbird": "<p>Fixed.</p><div class='moz-cite-prefix'>On 16.11.26 10:00, Acme wrote:<br></div><blockquote type='cite' cite='mid:x@acme.test'>{}</blockquote>",
    "nothing marked": "<div>Fixed.</div><div>reply+t@acme.test, 16.11.2026 10:00:</div><div>{}</div>",
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("tag", ["p", "div", "td"])
def test_html_only_answers(client: str, tag: str) -> None:
    rows = "".join(f"<{tag}>{line or '&nbsp;'}</{tag}>" for line in OURS)
    ours = f"<table>{''.join(f'<tr><td>{line}</td></tr>' for line in OURS)}</table>" if tag == "td" else rows
    raw = "From: ben@acme.test\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + CLIENTS[client].format(
        ours
    )
    assert parse(raw.encode()).mail.reply == "Fixed."


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["Yes.", "No, later.", "", "-- "])), max_size=4),
    st.sampled_from(["> ", ">", "| "]),
)
def test_nothing_of_ours_comes_back_wherever_the_agent_writes(
    written: list[tuple[int, str]], mark: str
) -> None:
    lines = quoted(OURS, mark).split("\n")
    for at, words in sorted(written, reverse=True):
        lines.insert(at, words)
    reply = split("\n".join(lines)).reply
    assert not any(secret in reply for secret in SECRET)
    assert separate(reply) == reply.strip("\n") or not reply
