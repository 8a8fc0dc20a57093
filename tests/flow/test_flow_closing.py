"""From the solution to the end: confirmed, rated, reopened, closed by silence, gone on with in another ticket; on each database."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from maild.desk.words import State
from store import Store
from tests.flow import stage as s
from tests.flow.test_flow_commands import ANA, CARLA, EVE, PASS, Talk

TIME_RULES = """\
rules:
  - name: First reminder
    on: time
    when: {state: pending, idle: 2d}
    then: {reply: reminder}
  - name: Silent, so it is solved
    on: time
    when: {state: pending, idle: 7d}
    then: {state: solved}
  - name: Solved and silent
    on: time
    when: {state: solved, idle: 12d}
    then: {state: closed}
"""


@pytest.fixture
def talk(store: Store, tmp_path: Path) -> Talk:
    return Talk(tmp_path, store)


def html_of(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    return str(body.get_content()) if body else ""


def links(mail: EmailMessage) -> dict[str, str]:
    """What stands on each link of a mail, and where it goes."""
    return {
        word: href.replace("&amp;", "&")
        for href, word in re.findall(r'<a href="(mailto:[^"]+)">([^<]+)</a>', html_of(mail))
    }


def follow(talk: Talk, link: str, who: str = CARLA) -> dict[str, list[EmailMessage]]:
    """Use a mailto link as a mail program does."""
    parts = urlsplit(link)
    asked = parse_qs(parts.query)
    talk.number += 1
    raw = s.mail(who, asked["subject"][0], asked["body"][0], talk.number, unquote(parts.path))
    return talk.take(raw, unquote(parts.path), sender=who.partition("<")[2].rstrip(">"))


def solved(talk: Talk, text: str = "#solve\nThe fuse was blown. It is replaced.") -> EmailMessage:
    """A ticket that Ana has solved; the mail that Carla gets."""
    notified = talk.ask()["ana@acme.test"][0]
    [mail] = talk.answer(notified, ANA, text)["carla@globex.test"]
    assert talk.ticket().state is State.SOLVED
    return mail


def test_the_solution_is_one_mail_with_its_questions(talk: Talk) -> None:
    mail = solved(talk)
    text = s.text_of(mail)
    assert (
        text.index("The fuse was blown")
        < text.index("This is our solution")
        < text.index("Did it help?")
        < text.index("very satisfied")
    )
    assert "+" not in re.sub(r"\+0000", "", text)  # no address with a token where it would be quoted
    assert set(links(mail)) == {
        "Yes, it is solved",
        "very satisfied",
        "satisfied",
        "neutral",
        "dissatisfied",
        "very dissatisfied",
    }
    assert mail["Auto-Submitted"] is None


@pytest.mark.parametrize(
    ("text", "state", "rating"),
    [
        ("Yes, thanks!", State.CLOSED, None), ("4", State.SOLVED, 4), ("very satisfied", State.SOLVED, 5), ("Thanks, 5", State.CLOSED, 5),
        ("Thanks, but it smokes now.", State.OPEN, None), ("No.", State.OPEN, None), ("ok", State.OPEN, None),
    ],
)  # fmt: skip
def test_what_the_requester_answers(talk: Talk, text: str, state: State, rating: int | None) -> None:
    got = talk.answer(solved(talk), CARLA, text)
    ticket = talk.ticket()
    assert (ticket.state, ticket.satisfaction) == (state, rating)
    assert talk.tickets() == 1
    [told] = got["ana@acme.test"]
    assert bool(re.search(r"Satisfacción.* → \d", s.text_of(told))) == (rating is not None)
    assert "carla@globex.test" not in got


def test_without_evidence_words_are_words(talk: Talk) -> None:
    solved(talk)
    talk.number += 1
    got = talk.take(
        s.mail(CARLA, "[Acme #1] Printer", "Yes, thanks!", talk.number), sender="carla@globex.test"
    )
    assert talk.ticket().state is State.SOLVED
    assert "ana@acme.test" in got
    talk.number += 1
    talk.take(s.mail(CARLA, "[Acme #1] Printer", "1", talk.number), sender="carla@globex.test")
    assert (talk.ticket().state, talk.ticket().satisfaction) == (State.SOLVED, None)
    talk.number += 1
    talk.take(s.mail(CARLA, "[Acme #1] Printer", "It burns again.", talk.number), sender="carla@globex.test")
    assert talk.ticket().state is State.OPEN


def test_a_link_is_good_for_its_act_and_dies_with_the_state(talk: Talk) -> None:
    offered = links(solved(talk))
    follow(talk, offered["satisfied"], EVE)
    assert talk.ticket().satisfaction is None
    follow(talk, offered["satisfied"])
    assert (talk.ticket().state, talk.ticket().satisfaction) == (State.SOLVED, 4)
    follow(talk, offered["dissatisfied"])
    assert talk.ticket().satisfaction == 2
    follow(talk, offered["Yes, it is solved"])
    assert talk.ticket().state is State.CLOSED
    follow(talk, offered["very satisfied"])
    assert (talk.ticket().state, talk.ticket().satisfaction) == (State.CLOSED, 2)


def test_a_link_of_the_last_solution_does_not_close_the_next(talk: Talk) -> None:
    mail = solved(talk)
    told = talk.answer(mail, CARLA, "It burns again.")["ana@acme.test"][0]
    talk.answer(told, ANA, "#solve\nReplaced again.")
    follow(talk, links(mail)["Yes, it is solved"])
    assert talk.ticket().state is State.SOLVED


def test_a_link_with_other_words_still_does_its_act(talk: Talk) -> None:
    link = links(solved(talk))["very satisfied"]
    parts = urlsplit(link)
    talk.number += 1
    raw = s.mail(
        CARLA,
        "Re: [Acme #1] Printer",
        "5, and could you send me the invoice?",
        talk.number,
        unquote(parts.path),
    )
    got = talk.take(raw, unquote(parts.path), sender="carla@globex.test")
    assert talk.ticket().satisfaction == 5
    assert "invoice" in s.text_of(got["ana@acme.test"][0])


def test_out_of_office_changes_nothing(talk: Talk) -> None:
    talk.answer(solved(talk), CARLA, "Yes, thanks!", "Auto-Submitted: auto-replied")
    assert talk.ticket().state is State.SOLVED


def test_thanks_after_the_end_open_nothing(talk: Talk) -> None:
    mail = solved(talk)
    talk.answer(mail, CARLA, "Solved, thanks")
    talk.desk.pass_time(timedelta(days=20))
    talk.answer(mail, CARLA, "Thanks again!")
    assert (talk.tickets(), talk.ticket().state) == (1, State.CLOSED)
    talk.answer(mail, CARLA, "5")
    assert (talk.tickets(), talk.ticket().satisfaction) == (1, 5)
    talk.number += 1
    raw, address = s.answer(mail, CARLA, "It burns again, what now?", talk.number)
    got = talk.take(
        raw.replace(b"02 Mar 2026 08:59", b"22 Mar 2026 09:00"), address, sender="carla@globex.test"
    )
    assert talk.tickets() == 2
    assert "[Acme #1]" in s.text_of(got["carla@globex.test"][0])


def test_silence_reminds_solves_and_closes(store: Store, tmp_path: Path) -> None:
    talk = Talk.__new__(Talk)
    talk.desk, talk.number = s.stage(tmp_path, store, rules=s.RULES + TIME_RULES), 0
    notified = talk.ask()["ana@acme.test"][0]
    talk.answer(notified, ANA, "#state pending\nWhich printer is it?")
    seen = []
    for _ in range(14):
        talk.desk.pass_time(timedelta(days=1))
        while talk.desk.flow.tick():
            pass
        seen += [
            s.text_of(mail)
            for out, mail in talk.desk.sent()
            if out.row.recipient == "carla@globex.test" and out.row.kind == "notice"
        ]
    reminded, done, closed = seen
    assert "still waiting for your answer" in reminded
    assert "Did it help?" in done
    assert "What was done" not in closed  # a question that nobody answered is no solution
    assert "Which printer is it?" not in closed
    assert "Write to us any time" in closed
    assert "How satisfied are you?" in closed
    assert talk.ticket().state is State.CLOSED


def test_silence_after_a_solution_says_what_was_done(store: Store, tmp_path: Path) -> None:
    talk = Talk.__new__(Talk)
    talk.desk, talk.number = s.stage(tmp_path, store, rules=s.RULES + TIME_RULES), 0
    solved(talk)
    talk.desk.pass_time(timedelta(days=12))
    while talk.desk.flow.tick():
        pass
    [closed] = [s.text_of(mail) for out, mail in talk.desk.sent() if out.row.recipient == "carla@globex.test"]
    assert "What was done" in closed
    assert "The fuse was blown. It is replaced." in closed


def test_agents_pass_lets_their_own_requests_be_confirmed(talk: Talk) -> None:
    """An agent's own request is his as anybody's: with a pass he confirms it."""
    talk.number += 1
    talk.take(
        PASS.encode() + b"\r\n" + s.mail(ANA, "My chair", "It is broken.", talk.number),
        sender="ana@acme.test",
    )
    talk.desk.flow.act(1, "admin", ("#assign ben@acme.test", "#solve"), "A new one is there.")
    mails = [mail for out, mail in talk.desk.sent() if out.row.recipient == "ana@acme.test"]
    talk.answer(mails[-1], ANA, "Yes, thanks!", PASS)
    assert talk.ticket().state is State.CLOSED


def test_a_link_quoted_by_the_requester_is_shown_to_nobody(talk: Talk) -> None:
    """Outlook writes the target of a link beside its text when somebody answers in plain text."""
    mail = solved(talk)
    address = unquote(urlsplit(links(mail)["satisfied"]).path)
    told = talk.answer(mail, CARLA, f"It still smokes.\n\nsatisfied<mailto:{address}?subject=x>\n")[
        "ana@acme.test"
    ][0]
    assert "satisfied<mailto:support@acme.test?subject=x>" in s.text_of(told)
    assert address not in told.as_string()
    got = talk.answer(told, ANA, "Where?\n\n> satisfied<mailto:support@acme.test?subject=x>")
    assert "Where?" in s.text_of(got["carla@globex.test"][0])


@pytest.mark.parametrize(
    "who", ["Dan Globex <dan@globex.test>", "Ed <ed@globex.test>"], ids=["in copy", "a stranger"]
)
@pytest.mark.parametrize("text", ["Thanks!", "5", "Yes, it is solved"])
def test_what_others_think_of_it_changes_and_opens_nothing(talk: Talk, who: str, text: str) -> None:
    talk.number += 1
    asked = s.mail(CARLA, "Printer", "It burns.", talk.number, headers=("Cc: Dan Globex <dan@globex.test>",))
    proof = b"Authentication-Results: mx.acme.test; dmarc=pass header.from=globex.test\r\n"
    told = talk.take(proof + asked, sender="carla@globex.test")["ana@acme.test"][0]
    solved = talk.answer(told, ANA, "#solve\nReplaced.")
    for mail in (solved["dan@globex.test"][0], solved["carla@globex.test"][0]):
        got = talk.answer(mail, who, text)
        ticket = talk.ticket()
        assert (ticket.state, ticket.satisfaction, talk.tickets()) == (State.SOLVED, None, 1)
        assert set(got) == {"ana@acme.test"}
    talk.answer(solved["dan@globex.test"][0], who, "It burns again.")
    assert talk.ticket().state is State.OPEN


def test_thanks_above_lines_about_the_author_close(talk: Talk) -> None:
    below = "Best regards\nCarla Ruiz\nHead of Purchasing\nGlobex GmbH, Main Street 5\nTel. +49 30 1234567"
    talk.answer(solved(talk), "Carla Ruiz <carla@globex.test>", f"Thanks, it works!\n\n{below}")
    assert talk.ticket().state is State.CLOSED
