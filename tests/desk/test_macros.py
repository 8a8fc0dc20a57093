"""Macros: read with every mistake at its place, filled with what they speak of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maild.desk.macrofiles import read
from maild.desk.macros import VARIABLES, filled
from maild.desk.rulebook import Macro
from tests.desk import worlds as w

ANA = w.RULEBOOK.agents["ana@acme.test"]
SHIPPED = Path(__file__).parents[2] / "templates" / "macros"


def test_a_macro_is_command_lines_and_a_text() -> None:
    macros, problems = read({"macros/late.md": "#state pending\n#tag late\n\nSorry, {{ requester.name }}.\n##1\n"}, w.RULEBOOK)  # fmt: skip
    assert problems == []
    assert macros == {
        "late": Macro("late", ("#state pending", "#tag late"), "Sorry, {{ requester.name }}.\n#1")
    }


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("", 0, 0, "is empty"),
        ("#sovle\nx", 1, 1, "did you mean solve"),
        ("#solve\n#team suport\nx", 2, 1, "did you mean support"),
        ("#macro other\nx", 1, 1, "may not stand in a macro"),
        ("#merge 12\nx", 1, 1, "may not stand in a macro"),
        ("#spam\nx", 1, 1, "may not stand in a macro"),
        ("#away until Monday\nx", 1, 1, "may not stand in a macro"),
        ("#tag {{ticket.id}}\nx", 1, 1, "variables stand in the text"),
        ("Hello\n#solve", 2, 1, "commands stand at the top"),
        ("Hello\n\nDear {{ requester.nam }},", 3, 6, "did you mean requester.name"),
        ("{{ 7 * 7 }} {{agent.name}}", 1, 1, "there is no variable"),
    ],
)
def test_every_mistake_has_its_place(text: str, line: int, column: int, says: str) -> None:
    _, problems = read({"macros/x.md": text}, w.RULEBOOK)
    assert [(one.file, one.line, one.column) for one in problems] == [("macros/x.md", line, column)]
    assert says in problems[0].message


def test_a_name_stands_once_and_is_plain() -> None:
    _, problems = read(
        {"macros/a.md": "x", "templates/macros/A.md": "y", "macros/two words.md": "z"}, w.RULEBOOK
    )
    assert [one.file for one in problems] == ["templates/macros/A.md", "macros/two words.md"]


def test_what_depends_on_the_ticket_is_left_to_the_day() -> None:
    _, problems = read({"macros/x.md": "#untag late\n#due 2026-12-01\n#link 12\nx"}, w.RULEBOOK)
    assert problems == []


def test_variables() -> None:
    text = " ".join(f"{{{{{name}}}}}" for name in VARIABLES)
    ticket = replace(w.TICKET, subject="On\n#solve fire")
    assert (
        filled(text, ticket, ANA, w.IDENTITY)
        == "1 On #solve fire Carla Ana Ruiz Acme Support support@acme.test"
    )
    assert filled("{{agent.name}}", ticket, None, w.IDENTITY) == "Acme Support"


def test_the_shipped_ones_are_right() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in SHIPPED.glob("*.md")}
    macros, problems = read(files, w.RULEBOOK)
    assert problems == []
    assert len(macros) == len(files) > 0
