"""The manual pages: they hold every command, option, setting, word and variable, and a formatter finds nothing to say about them."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import click
import pytest

from maild.cli import cli
from maild.delivery.variables import VARIABLES
from maild.desk.commands import COMMANDS
from maild.desk.rule_vocabulary import ACTIONS, CONDITIONS
from maild.manuals import PAGES, page, roff
from maild.settings import Settings
from tests.docs.test_documents import every_command, shapes_in
from tests.way.desk import maild


@cache
def source(name: str) -> str:
    return page(name, cli)


@cache
def words(name: str) -> str:
    """The page without its markup."""
    text = re.sub(r"\\f[BIR]", "", source(name))
    for escape, char in (
        (r"\-", "-"),
        (r"\(aq", "'"),
        (r"\(dq", '"'),
        (r"\(ti", "~"),
        (r"\(ga", "`"),
        (r"\&", ""),
        (r"\e", "\\"),
    ):
        text = text.replace(escape, char)
    return text


@pytest.mark.parametrize("command", every_command(cli), ids=lambda command: command.name)
def test_every_command_has_its_options_in_the_page(command: click.Command) -> None:
    assert str(command.name) in words("maild.8")
    for option in command.params:
        if isinstance(option, click.Option):
            assert all(name in words("maild.8") for name in option.opts), option.name


def every_setting() -> list[tuple[str, str]]:
    """(key, its sentence) of the whole file."""
    found, todo = [], [Settings]
    while todo:
        for name, info in todo.pop().model_fields.items():
            found.append((name, info.description or ""))
            todo += shapes_in(info.annotation)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(("key", "sentence"), every_setting())
def test_every_setting_has_its_sentence(key: str, sentence: str) -> None:
    text = re.sub(r"\\\[u([0-9A-F]+)\]", lambda found: chr(int(found[1], 16)), words("maild.toml.5"))
    assert re.search(rf"(?m)^(\.TP\n{re.escape(key)}|\.SH \"\[+([\w.]+\.)?{re.escape(key)}\]+\")$", text), key
    assert sentence in text


@pytest.mark.parametrize("word", [*CONDITIONS, *ACTIONS, *(f"#{name}" for name in COMMANDS)])
def test_every_word_of_rules_and_every_agents_command(word: str) -> None:
    assert word in words("maild-rules.5")


@pytest.mark.parametrize("variable", [*VARIABLES])
def test_every_variable_of_templates(variable: str) -> None:
    assert variable in words("maild-templates.5")


@pytest.mark.parametrize("name", [*PAGES])
def test_formatters_find_nothing_to_say(name: str, tmp_path: Path) -> None:
    """That there is no date is meant: a page is of a version. Where neither formatter is, only its own form is looked at."""
    file = tmp_path / name
    file.write_text(source(name), "utf-8")
    assert source(name).isascii()
    assert source(name).startswith(".TH")
    complaints = []
    if shutil.which("groff"):
        seen = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(file)], capture_output=True, text=True, check=False)  # fmt: skip
        complaints += seen.stderr.splitlines()
    if shutil.which("mandoc"):
        seen = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(file)], capture_output=True, text=True, check=False)  # fmt: skip
        complaints += (seen.stdout + seen.stderr).splitlines()
    assert [line for line in complaints if "missing date" not in line] == []


@pytest.mark.parametrize(
    ("markdown", "roffed"),
    [
        ("# T\n\nA `b-c` *d* **e**.", [".SH \"Description\"", ".PP", r"A \fBb\-c\fR \fId\fR \fBe\fR\&."]),
        ("## A\n\n.b\n", ['.SH "A"', ".PP", r"\&.b"]),
        ("- one\n- two", [r".IP \(bu 2", "one", r".IP \(bu 2", "two"]),
        ("3. one", [".IP 3. 4", "one"]),
        ("| a | b |\n| --- | --- |\n| `x` | y |", [".TP", r"\fBx\fR", "y"]),
        ("| a | b | c |\n| --- | --- | --- |\n| x | y | z |", [".TP", "x", r"\fIb\fR:", "y", ".br", r"\fIc\fR:", "z"]),
        ("```\n.x \\\n\ny\n```", [".PP", ".RS 4", ".nf", r"\&.x \e", r"\&", "y", ".fi", ".RE"]),
        ("[a](https://b.example) [c](#d) <!-- e -->", [".PP", r"a <https://b.example> c"]),
        ("é'", [".PP", r"\[u00E9]\(aq"]),
    ],
)  # fmt: skip
def test_markdown_becomes_roff(markdown: str, roffed: list[str]) -> None:
    assert roff.from_markdown(markdown) == roffed


def test_the_pages_are_written_and_shown(tmp_path: Path) -> None:
    done = maild("man", "--write", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.?")} == {
        "man8/maild.8", "man5/maild.toml.5", "man5/maild-rules.5", "man5/maild-templates.5",
    }  # fmt: skip
    assert maild("man", "maild-rules", cwd=tmp_path).stdout.decode() == source("maild-rules.5")


def test_a_page_that_there_is_not_and_a_folder_that_cannot_be(tmp_path: Path) -> None:
    done = maild("man", "mald", cwd=tmp_path)
    assert (done.returncode, b"'maild'" in done.stderr) == (2, True)
    (tmp_path / "man8").write_text("a file")
    done = maild("man", "--write", str(tmp_path), cwd=tmp_path)
    assert (done.returncode, b"cannot be written" in done.stderr) == (75, True)
