"""What `maild init` writes is a desk that works."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from maild import scaffold, site
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
    } <= names
    assert {
        f"templates/mail/{language}/answer.{kind}" for language in ("en", "es") for kind in ("txt", "html")
    } <= names
    loaded = site.load(tmp_path / "new" / "desk" / "maild.toml", NOW)
    assert loaded.rulebook.admins
    assert list(loaded.rulebook.policies) == ["standard"]
    assert loaded.templates.own == {}
    assert loaded.settings.listen[0].address == "127.0.0.1:2525"


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
