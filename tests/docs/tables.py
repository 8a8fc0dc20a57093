"""The tables that rules/README.md and templates/README.md print out of the code. `python -m tests.docs.tables` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

from maild.delivery.variables import VARIABLES
from maild.desk import commands, notices, rule_vocabulary, workflow

README = Path(__file__).parents[2] / "rules" / "README.md"
TEMPLATES_README = Path(__file__).parents[2] / "templates" / "README.md"
HEAD = "| variable | what it says | mails |\n| --- | --- | --- |\n"
TABLES = {
    "life table": workflow.as_markdown,
    "notices table": notices.as_markdown,
    "commands": commands.as_markdown,
    "conditions": rule_vocabulary.conditions_table,
    "actions": rule_vocabulary.actions_table,
}


def filled(text: str) -> str:
    """The text with every table as the code has it."""
    for name, table in TABLES.items():
        text, count = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda found, t=table: f"{found[1]}{t()}\n{found[2]}", text, flags=re.DOTALL
        )  # fmt: skip
        assert count == 1, f"rules/README.md has no place for the {name}"
    return text


def with_variables(text: str) -> str:
    """The text of templates/README.md with the table of variables as the code has it."""
    before, head, after = text.partition(HEAD)
    assert head, "templates/README.md has no table of variables"
    rows = "".join(
        f"| `{name}` | {one.says} | {'agents' if one.inside else 'all'} |\n"
        for name, one in VARIABLES.items()
    )
    return before + head + rows + re.sub(r"\A(?:\|.*\n)*", "", after)


if __name__ == "__main__":
    TEMPLATES_README.write_text(
        with_variables(TEMPLATES_README.read_text(encoding="utf-8")), encoding="utf-8"
    )
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
