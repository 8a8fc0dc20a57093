"""Questions by mail: which lines are one, which are nearly one, and what is an ordinary mail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.desk.questions import Ask, Question, asked, bare, misspelt, nearest, read
from tests.desk import worlds as w

VIEWS = ("Billing", "late ones")


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("list", Question(Ask.LIST)),
        (" List  Mine. ", Question(Ask.LIST, "mine")),
        ("list my", Question(Ask.LIST, "mine")),
        ("list unassigned", Question(Ask.LIST, "unowned")),
        ("list\u00a0overdue", Question(Ask.LIST, "overdue")),
        ("list BILLING", Question(Ask.LIST, "Billing")),
        ("list late ones", Question(Ask.LIST, "late ones")),
        ("list nothing", None),
        ("Overdue.", Question(Ask.LIST, "overdue")),
        ("overdue invoice", None),
        ("show 12", Question(Ask.SHOW, number=12)),
        ("Show #12", Question(Ask.SHOW, number=12)),
        ("show ticket 12?", Question(Ask.SHOW, number=12)),
        ("show 0", None),
        ("show", None),
        ("show twelve", None),
        ("search printer Fire", Question(Ask.SEARCH, "printer Fire")),
        ("search", None),
        ("report", Question(Ask.REPORT)),
        ("Runbooks", Question(Ask.RUNBOOK)),
        ("runbook", Question(Ask.RUNBOOK)),
        ("runbook Keep-informed", Question(Ask.RUNBOOK, "Keep-informed")),
        ("runbook outage.md", Question(Ask.RUNBOOK, "outage")),
        ("runbook ../maild.toml", Question(Ask.RUNBOOK, "../maild.toml")),
        ("runbook for the outage", None),
        ("report on printers", None),
        ("HELP", Question(Ask.HELP)),
        ("help commands", Question(Ask.COMMANDS)),
        ("Help severities.", Question(Ask.WORDS, "severities")),
        ("help Severity", Question(Ask.WORDS, "severities")),
        ("help words", Question(Ask.WORDS, "words")),
        ("help severities please", None),
        ("help me", None),
        ("", None),
    ],
)
def test_which_lines_are_questions(line: str, question: Question | None) -> None:
    assert read(line, VIEWS) == question


@pytest.mark.parametrize("name", ["list", "list mine", "list Billing", "show 7", "search a b", "report", "help", "help commands", "help words", "help tags"])  # fmt: skip
def test_a_question_is_written_as_it_is_asked(name: str) -> None:
    question = read(name, VIEWS)
    assert str(question) == name


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("lsit", "list"),
        ("list min", "list mine"),
        ("lst team", "list team"),
        ("shwo 12", "show 12"),
        ("serach printer", "search printer"),
        ("repotr", "report"),
        ("runbok", "runbook"),
        ("runboook triage", "runbook triage"),
        ("hlep", "help"),
        ("help severitys", "help severities"),
        ("help catgories", "help categories"),
        ("hlep fields", "help fields"),
        ("help wanted", None),
        ("list biling", "list billing"),
        ("list nonsense", "list"),
        ("listing printers", None),
        ("Lost laptop", None),
        ("Printer", None),
        ("Invoice 12", None),
        ("Report printer", None),
        ("lsit all my tickets", None),
        ("", None),
    ],
)
def test_what_a_misspelt_question_meant(words: str, meant: str | None) -> None:
    assert nearest(words, VIEWS) == meant


@pytest.mark.parametrize(
    ("subject", "plain"),
    [
        ("Re: list", "list"),
        ("AW: Re[2]: [Acme #12] Fwd: show 12", "show 12"),
        ("[Acme #3] [Acme #4] a", "a"),
        ("Research", "Research"),
    ],
)
def test_a_subject_without_re_and_tags(subject: str, plain: str) -> None:
    assert bare(subject) == plain


@pytest.mark.parametrize(
    ("subject", "text", "body_first", "ask"),
    [
        ("list", "", False, Ask.LIST),
        ("list", "Thanks", False, Ask.LIST),
        ("", "show 12", False, Ask.SHOW),
        ("Printer", "show 12\nplease", False, None),
        ("Acme Support: list", "report", True, Ask.REPORT),
        ("list", "report", True, Ask.REPORT),
        ("help", "word " * 21, False, None),
        ("search is broken", "word " * 21, False, None),
        ("list", "word " * 21, False, Ask.LIST),
        ("Printer", "", False, None),
    ],
)
def test_subject_or_only_line(subject: str, text: str, body_first: bool, ask: Ask | None) -> None:
    found = asked(w.mail(w.ANA, text, subject=subject), VIEWS, body_first=body_first)
    assert (found.ask if found else None) is ask


@pytest.mark.parametrize(
    ("subject", "text", "meant"),
    [("lsit", "", "list"), ("lsit", "the printer burns again", None), ("list", "", None), ("Printer", "", None)],
)  # fmt: skip
def test_only_a_mail_that_says_nothing_else_is_a_misspelt_question(
    subject: str, text: str, meant: str | None
) -> None:
    assert misspelt(w.mail(w.ANA, text, subject=subject), VIEWS) == meant


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading(text: str) -> None:
    question = read(text, VIEWS)
    assert question is None or read(str(question), VIEWS) == question
    nearest(text, VIEWS)
    assert bare(bare(text)) == bare(text)
