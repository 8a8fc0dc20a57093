"""What `maild init` writes is a desk that works."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from maild import scaffold, site
from maild.cli import cli
from maild.desk import rule_schema
from maild.errors import NotNow

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_a_new_desk_works(tmp_path):
    made = scaffold.write(tmp_path / "new" / "desk")
    assert made.left == []
    assert all(path.is_file() for path in made.written)
    names = {path.relative_to(tmp_path / "new" / "desk").as_posix() for path in made.written}
    assert {
        "maild.toml",
        "rules/10-desk.yaml",
        "rules/20-sla.yaml",
        "rules/30-rules.yaml",
        "rules/README.md",
        "rules/schema.json",
    } <= names
    assert {
        f"templates/mail/{language}/answer.{kind}" for language in ("en", "es") for kind in ("txt", "html")
    } <= names
    assert "templates/macros/solved.md" in names
    loaded = site.load(tmp_path / "new" / "desk" / "maild.toml", NOW)
    assert {"solved", "more-details", "no-answer"} == set(loaded.rulebook.macros)
    assert loaded.rulebook.admins
    assert list(loaded.rulebook.policies) == ["standard"]
    assert loaded.templates.own == {}
    assert loaded.settings.listen[0].address == "127.0.0.1:2525"


def test_rule_files_name_their_schema_for_editors(tmp_path):
    scaffold.write(tmp_path)
    schema = json.loads((tmp_path / "rules" / "schema.json").read_text("utf-8"))
    assert schema == rule_schema.schema()
    files = sorted((tmp_path / "rules").glob("*.yaml"))
    assert len(files) == 4
    for file in files:
        first = file.read_text("utf-8").splitlines()[0]
        assert first == "# yaml-language-server: $schema=schema.json"


def test_check_prints_the_schema_without_a_desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = CliRunner().invoke(cli, ["check", "--schema"])
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert json.loads(printed.stdout) == rule_schema.schema()


def test_nothing_is_overwritten(tmp_path):
    mine = tmp_path / "rules" / "10-desk.yaml"
    mine.parent.mkdir()
    mine.write_text("# mine\n")
    made = scaffold.write(tmp_path)
    assert made.left == [mine]
    assert mine.read_text() == "# mine\n"
    assert mine not in made.written
    again = scaffold.write(tmp_path)
    assert again.written == []
    assert sorted(again.left) == sorted([*made.written, mine])


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotNow, match=r"file.* cannot be written: "):
        scaffold.write(Path(tmp_path / "file" / "desk"))
