"""The languages that are shipped: the same mails in each, said in that language and in nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import nodes

from maild.delivery.render import Templates
from maild.delivery.samples import INSIDE, RULEBOOK, samples
from maild.delivery.sandbox import Environment, Loader
from maild.desk.requests import Request, languages_of, read
from maild.desk.verdicts import RATINGS, verdict
from maild.desk.words import Role
from tests.desk import worlds as w

FOLDER = Path(__file__).resolve().parents[2] / "templates"
SHIPPED = {
    str(file.relative_to(FOLDER)): file.read_text("utf-8") for file in FOLDER.rglob("*") if file.is_file()
}
TEMPLATES = Templates(SHIPPED)
PARSER = Environment(Loader(SHIPPED, {}))
WHOLE = ("en", "es")
"""Languages in which agents are written to as well."""
OTHERS = ("de", "fr", "it", "nl", "pt")
OUTSIDE = TEMPLATES.names - INSIDE
AGENTS = {*INSIDE, "_reach", "_commands"}
SAID = sorted(
    path.removeprefix("mail/en/")
    for path in SHIPPED
    if path.startswith("mail/en/")
    and path.split("/")[2].partition(".")[0] not in AGENTS
    and not path.endswith("/words.txt")
)
"""The files of the mails to the requester's side."""
TOLD_OUTSIDE = (
    "states",
    "short_states",
    "standing",
    "meaning",
    "yes_no",
    "nothing",
    "more",
    "no_subject",
    "solved_yes",
)
"""The words that these mails use, or an admin's own may well use."""  # fmt: skip


def files(language: str) -> set[str]:
    return {
        path.removeprefix(f"mail/{language}/") for path in SHIPPED if path.startswith(f"mail/{language}/")
    }


def test_seven_languages_hold_the_same_mails() -> None:
    assert {path.split("/")[1] for path in SHIPPED if path.count("/") == 2 and path.startswith("mail/")} == {
        *WHOLE,
        *OTHERS,
    }
    assert files("es") == files("en")
    for language in OTHERS:
        assert files(language) == {*SAID, "words.txt"}, language
    assert {f"{name}.{kind}" for name in OUTSIDE for kind in ("txt", "html")} <= set(SAID)
    assert set(RATINGS) == {*WHOLE, *OTHERS}


def test_shipped_languages_have_no_problems() -> None:
    assert Templates({}, SHIPPED).problems() == []


def variables(source: str, path: str) -> set[str]:
    """The names and their parts that a template reads: `ticket`, `ticket.due`, `ticket.due.update`."""
    found: set[str] = set()

    def spelled(node: nodes.Node) -> str:
        if isinstance(node, nodes.Name):
            return node.name
        if isinstance(node, nodes.Getattr):
            return f"{spelled(node.node)}.{node.attr}"
        if isinstance(node, nodes.Getitem):
            return f"{spelled(node.node)}[]"
        return "?"

    for node in PARSER.parse(source, path, path).find_all((nodes.Name, nodes.Getattr, nodes.Getitem)):
        found.add(spelled(node))
    return found


@pytest.mark.parametrize("language", ["es", *OTHERS])
@pytest.mark.parametrize("name", SAID)
def test_a_translation_has_the_conditions_variables_and_marks_of_the_english_mail(
    language: str, name: str
) -> None:
    english, other = SHIPPED[f"mail/en/{name}"], SHIPPED[f"mail/{language}/{name}"]
    for marks in (r"\{%.*?%\}", r"<[^>]*>", r"\n", r"\|[a-z_]+"):
        assert re.findall(marks, other) == re.findall(marks, english)
    assert variables(other, name) == variables(english, name)


def phrases(source: str, path: str) -> set[str]:
    """What a template says itself: its text and the texts in its expressions, of three letters and more, without marks."""
    tree = PARSER.parse(source, path, path)
    texts = [node.data for node in tree.find_all(nodes.TemplateData)]
    texts += [node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)]
    pieces = (
        piece.strip(" \t:·,.(-")
        for text in texts
        for piece in re.split(r"\A[^<]*\">|<[^>]*(?:>|\Z)|\n", text)
    )
    return {piece for piece in pieces if re.search(r"[^\W\d_]{3}", piece)}


@pytest.mark.parametrize("language", ["es", *OTHERS])
def test_nothing_is_left_in_english(language: str) -> None:
    names_of_things = {"mail/layout.txt", "mail/layout.html", "mail/", "/_survey.txt", "/_survey.html", "tag", "on-hold", "solved", "closed", "pending", "status"}  # fmt: skip
    for name in SAID:
        both = phrases(SHIPPED[f"mail/en/{name}"], name) & phrases(SHIPPED[f"mail/{language}/{name}"], name)
        assert both <= names_of_things, name
    english, other = TEMPLATES.words("en"), TEMPLATES.words(language)
    for key in TOLD_OUTSIDE:
        here, there = other[key], english[key]
        if isinstance(there, dict):
            assert isinstance(here, dict)
            assert set(here) == set(there), key
            same = {word for word in there if here[word] == there[word]}
            assert same <= {"spam", "open", "no"}, key
        else:
            assert here != there, key


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", sorted(OUTSIDE))
def test_every_mail_to_the_requesters_side_renders_in_the_language(language: str, name: str) -> None:
    english = 0
    for notice in samples(name):
        rendered = TEMPLATES.render(replace(notice, language=language))
        plain = TEMPLATES.render(replace(notice, language="en"))
        assert rendered.problems == ()
        assert rendered.language == language
        assert rendered.text.strip()
        assert "None" not in rendered.text
        assert "\n\n\n\n" not in rendered.text
        assert rendered.html.count("<a href=") == plain.html.count("<a href=")
        assert rendered.text.count("\n") == plain.text.count("\n")
        english += rendered.text == plain.text
    assert english == 0 or name == "answer", "an answer is the agent's own words"


@pytest.mark.parametrize("name", sorted(INSIDE))
@pytest.mark.parametrize("desk", [*WHOLE, "de"])
def test_a_mail_to_an_agent_falls_back_as_a_whole(name: str, desk: str) -> None:
    notice = next(iter(samples(name)))
    rulebook = replace(notice.rulebook, identity=replace(RULEBOOK.identity, language=desk))
    rendered = TEMPLATES.render(replace(notice, language="nl", rulebook=rulebook))
    used = desk if desk in WHOLE else "en"
    assert rendered.language == used
    assert rendered.text == TEMPLATES.render(replace(notice, language=used, rulebook=rulebook)).text
    if name != "escalated":
        assert str(TEMPLATES.words(used)["mark"]) in rendered.text


@pytest.mark.parametrize("language", [*WHOLE, *OTHERS])
def test_the_help_names_words_that_the_desk_understands(language: str) -> None:
    page = SHIPPED[f"mail/{language}/help.html"]
    named = re.findall(r"<b>([^<]+)</b>", page.partition("</ul>")[0])
    assert [read(word) for word in named] == [
        Request.CLOSE,
        Request.REOPEN,
        Request.STATUS,
        Request.STATUS,
    ]
    for word in named:
        assert language in languages_of(w.mail(w.CARLA, word))
        assert re.search(rf"[\"„“«]\s?{word}\s?[\"“”»]", SHIPPED[f"mail/{language}/help.txt"])


@pytest.mark.parametrize("language", [*WHOLE, *OTHERS])
def test_the_words_that_confirm_are_understood(language: str) -> None:
    said = str(TEMPLATES.words(language)["solved_yes"])
    assert verdict(said).confirmed
    survey = SHIPPED[f"mail/{language}/_survey.txt"]
    [short] = re.findall(r": (\w+)\n", survey.partition("{% endif %}")[0])
    assert verdict(short).confirmed
    for number, word in enumerate(RATINGS[language], 1):
        assert verdict(word).rating == number
    notice = next(one for one in samples("solved") if one.role is Role.REQUESTER and one.survey)
    rendered = TEMPLATES.render(replace(notice, language=language))
    assert all(word in rendered.text and word in rendered.html for word in RATINGS[language])
