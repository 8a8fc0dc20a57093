"""Guides for agents read from their files: front matter, titles, languages, mistakes at their places, what is stale."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from maild.desk import runbookfiles, runbooks
from maild.desk.effects import Change, ChangeTicket
from maild.desk.people import Person, Ticket
from maild.desk.rulebook import Identity, Rulebook, Runbook
from maild.desk.words import Role, State

GOOD = """\
---
owner: Chen Li
status: current
reviewed_by: Ana Ruiz
reviewed_on: 2026-11-01
language: en
---
# When production is down

1. Look at the **status page** first.
2. `#tag outage`
"""
BODY = "1. Look at the **status page** first.\n2. `#tag outage`"


def problems(text: str, file: str = "runbooks/outage.md") -> list[str]:
    return [str(problem) for problem in runbookfiles.read({file: text})[1]]


def test_a_guide_with_all_it_may_have() -> None:
    guides, wrong = runbookfiles.read({"runbooks/outage.md": GOOD})
    assert wrong == []
    assert guides == {
        "outage": Runbook(
            "outage", "When production is down", BODY, "Chen Li", "current", "Ana Ruiz", date(2026, 11, 1), "en"
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("Only text.\n", "outage", "Only text."),
        ("# Title #\nText", "Title", "Text"),
        ("Before\n# Title\nText\n# More", "Title", "Before\nText\n# More"),
        ("---\nowner: x\n---\n## Small\nText", "outage", "## Small\nText"),
        ("Text\n---\nmore: x\n---\n", "outage", "Text\n---\nmore: x\n---"),
    ],
)
def test_what_is_title_and_what_is_text(text: str, title: str, body: str) -> None:
    guides, wrong = runbookfiles.read({"runbooks/outage.md": text})
    assert (guides["outage"].title, guides["outage"].text, wrong) == (title, body, [])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("---\nowner: x\nreveiwed_on: 2026-01-01\n---\nText", ":3:1: unknown key 'reveiwed_on' (did you mean 'reviewed_on'?)"),
        ("---\nreviewed_on: 01.02.2026\n---\nText", ":2:14: reviewed_on: '01.02.2026' is no date, like 2026-12-24"),
        ("---\nlanguage: english language\n---\nText", ":2:11: language: 'english language' is no language tag, like en, es or pt-BR"),
        ("---\nowner: x\nText", ":1:1: the front matter that begins here is not closed by a line ---"),
        ("---\nowner: [x\n---\nText", ":2:10: a list that began before is not closed with ']'"),
        ("---\nowner: x\n---\n", ": the runbook is empty"),
        ("# Title\n", ": the runbook is empty"),
        ("Text\n##+ the message +##\nmore", ":2:1: this line looks like a mark of maild's in mails to agents"),
        ("x" * 70_000, ": is longer than 64 KiB"),
    ],
)  # fmt: skip
def test_mistakes_stand_at_their_place(text: str, complaint: str) -> None:
    assert problems(text) == [f"runbooks/outage.md{complaint}"]


def test_names_of_files() -> None:
    assert problems("Text", "runbooks/two words.md")[0].startswith(
        "runbooks/two words.md: a runbook's file is named"
    )
    guides, wrong = runbookfiles.read(
        {"runbooks/a.md": "x", "runbooks/A.md": "y", "runbooks/a.pt-BR.md": "z"}
    )
    assert [str(one) for one in wrong] == ["runbooks/A.md: there is a runbook 'A' already"]
    assert [(key, one.name, one.language) for key, one in guides.items()] == [("a", "a", ""), ("a.pt-BR", "a", "pt-BR")]  # fmt: skip


def test_what_lacks_or_is_stale_is_said_of_ones_own() -> None:
    own = {
        "runbooks/outage.md": GOOD,
        "runbooks/bare.md": "Text",
        "runbooks/half.md": "---\nowner: x\nstatus: draft\n---\nText",
        "runbooks/old.md": GOOD.replace("2026-11-01", "2025-11-21"),
        "runbooks/shipped.md": GOOD.replace("2026-11-01", "2020-01-01"),
    }
    guides, _ = runbookfiles.read(own)
    today, year = date(2026, 11, 22), timedelta(days=365)
    found = list(runbookfiles.doubts(own, guides, [own["runbooks/shipped.md"]], today, year))
    assert found == [
        "runbooks/bare.md: lacks owner, status, reviewed_on between --- lines at its top",
        "runbooks/half.md: lacks reviewed_on between --- lines at its top",
        "runbooks/old.md: was last reviewed on 2025-11-21, more than 365 days ago (desk.review_after)",
    ]
    assert list(runbookfiles.doubts(own, guides, own.values(), today, year)) == []
    exact = {"runbooks/old.md": GOOD.replace("2026-11-01", "2025-11-22")}
    assert list(runbookfiles.doubts(exact, runbookfiles.read(exact)[0], [], today, year)) == []


def book(*files: str) -> Rulebook:
    guides, wrong = runbookfiles.read({f"runbooks/{name}.md": f"# {name}\n{BODY}" for name in files})
    assert not wrong
    return Rulebook(Identity("Desk", "desk@a.test", "Desk"), runbooks=guides)


@pytest.mark.parametrize(
    ("files", "language", "title"),
    [
        (("outage", "outage.es"), "es", "outage.es"),
        (("outage", "outage.es"), "es-MX", "outage.es"),
        (("outage", "outage.es"), "de", "outage"),
        (("outage.es",), "en", "outage.es"),
        (("other",), "en", None),
    ],
)
def test_the_readers_language(files: tuple[str, ...], language: str, title: str | None) -> None:
    found = runbooks.find(book(*files), "Outage", language)
    assert (found.title if found else None) == title
    assert runbooks.named(book("b", "a", "a.es")) == ("b", "a")


def test_who_is_shown_what() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    has = Ticket(7, "", State.OPEN, Person(1, "", "a@b.test"), at, at, at, runbooks=("old", "new"))
    moved = (ChangeTicket(has.id, (Change("team", "a", "b"),)),)
    assert runbooks.added(has, "old") == ()
    assert runbooks.added(has, "more")[0].new == ("old", "new", "more")
    for role in (Role.RESPONSIBLE, Role.TEAM):
        assert runbooks.carried(role, has, ("new",), ()) == ("new",)
    assert runbooks.carried(Role.NEW_RESPONSIBLE, has, (), ()) == ("old", "new")
    assert runbooks.carried(Role.TEAM, has, (), moved) == ("old", "new")
    assert runbooks.carried(Role.RESPONSIBLE, has, (), moved) == ()
    for role in set(Role) - {Role.RESPONSIBLE, Role.NEW_RESPONSIBLE, Role.TEAM}:
        assert runbooks.carried(role, has, ("new",), moved) == ()


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Try this.\n> 1. Look at the **status page** first.\nBye", "Try this.\nBye"),
        ("Try this.\n> Look at the status page first.\nBye", "Try this.\nBye"),
        ("Try this.\n>> 1. Look at the\n>> status page first. 2. #tag outage\nBye", "Try this.\nBye"),
        ("> #tag outage\n\n\nBye", "Bye"),
        ("Look at the status page first.", "Look at the status page first."),
        ("> What you asked about the status page\nYes", "> What you asked about the status page\nYes"),
        ("> first.\nYes", "> first.\nYes"),
    ],
)
def test_quoted_lines_of_a_guide_do_not_leave(said: str, left: str) -> None:
    assert runbooks.without_guides(said, book("outage")) == left
    assert runbooks.without_guides(said, Rulebook(Identity("Desk", "desk@a.test", "Desk"))) == said
