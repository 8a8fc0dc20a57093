"""Documentation that a test keeps true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import click
import pytest

from maild.cli import cli
from maild.desk import shapes
from maild.desk.commands import COMMANDS
from maild.desk.rule_vocabulary import ACTIONS, CONDITIONS, Action, Condition
from maild.desk.words import Happening, Role
from maild.reading import Shape
from tests.docs.tables import README, filled

ROOT = Path(__file__).parents[2]


def test_the_tables_of_the_rules_readme_are_the_codes() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == filled(text), "run: python -m tests.docs.tables"


def test_every_command_is_in_the_readme_and_explains_itself() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, command in cli.commands.items():
        assert f"`maild {name}`" in text, name
        assert command.help, name


def every_command(group: click.Group) -> list[click.Command]:
    found: list[click.Command] = []
    for command in group.commands.values():
        found += every_command(command) if isinstance(command, click.Group) else [command]
    return found


@pytest.mark.parametrize("command", every_command(cli), ids=lambda command: command.name)
def test_every_option_is_explained(command: click.Command) -> None:
    plain = {"assignee", "team", "requester", "tag", "priority"}
    unexplained = [
        one.name
        for one in command.params
        if isinstance(one, click.Option) and not one.help and one.name not in plain
    ]
    assert not unexplained


@pytest.mark.parametrize("word", [*COMMANDS])
def test_every_agents_command_is_documented(word: str) -> None:
    assert f"#{word}" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize(("table", "words"), [("conditions", CONDITIONS), ("actions", ACTIONS)])
def test_every_word_of_rules_is_documented_with_an_example(
    table: str, words: dict[str, Condition | Action]
) -> None:
    text = README.read_text(encoding="utf-8").partition(f"<!-- {table} -->\n")[2].partition("<!-- end -->")[0]
    for name, word in words.items():
        assert f"| `{name}` | `{word.example}` | {word.means} |" in text
    assert text.count("\n") == len(words) + 2


@pytest.mark.parametrize("word", [*Role, *Happening])
def test_every_word_of_the_notices_is_documented(word: str) -> None:
    assert re.search(rf"\b{word}\b", README.read_text(encoding="utf-8"))


def test_the_readme_names_every_folder() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert folders >= {"maild", "rules", "templates", "store", "tests"}
    for folder in ("maild", "rules", "templates", "store", "systemd", "tests"):
        assert f"`{folder}/`" in text


def every_shape(shape: type[Shape], seen: dict[type[Shape], None]) -> dict[type[Shape], None]:
    """The shape and all those that its keys lead to."""
    if shape not in seen:
        seen[shape] = None
        for info in shape.model_fields.values():
            for inner in shapes_in(info.annotation):
                every_shape(inner, seen)
    return seen


def shapes_in(annotation: object) -> list[type[Shape]]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return [annotation]
    return [found for inner in get_args(annotation) for found in shapes_in(inner)]


KEYS = sorted(
    {
        (shape.__name__, info.alias or name)
        for shape in every_shape(shapes.Document, {})
        for name, info in shape.model_fields.items()
    }
)


@pytest.mark.parametrize(("shape", "key"), KEYS, ids=["-".join(one) for one in KEYS])
def test_every_key_of_the_files_is_documented(shape: str, key: str) -> None:
    text = README.read_text(encoding="utf-8")
    generic = "priority 1" if key.startswith("priority ") else key
    assert re.search(rf"(?<![\w-]){re.escape(generic)}(?:: |`|\b:$)", text, re.MULTILINE), f"{key} of {shape}"
