"""The group of commands: its list says what the commands say of themselves, and a command loads no more than it uses."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from maild.cli import PLACES, cli


@pytest.mark.parametrize("width", [40, 60, 80, 100, 300])
def test_the_list_of_commands_says_what_they_say_of_themselves(width: int) -> None:
    listed, plain = click.HelpFormatter(width=width), click.HelpFormatter(width=width)
    cli.format_commands(click.Context(cli), listed)
    imported = click.Group("maild", dict(cli.commands))
    imported.format_commands(click.Context(imported), plain)
    assert listed.getvalue() == plain.getvalue() != ""


def test_a_shell_completes_what_the_commands_say_of_themselves() -> None:
    imported = click.Group("maild", dict(cli.commands))
    found, plain = (
        [(one.value, one.help) for one in group.shell_complete(click.Context(group), "")]
        for group in (cli, imported)
    )
    assert found == plain
    assert len(found) == len(PLACES)


def test_each_command_has_the_name_by_which_it_is_called() -> None:
    assert {name: command.name for name, command in cli.commands.items()} == {name: name for name in PLACES}


@pytest.mark.parametrize(
    ("loads", "spares"),
    [
        ("", "asyncio pydantic sqlalchemy structlog maild.config store"),
        ("deliver", "apscheduler dkim icalendar jinja2 maild.daemon maild.flow maild.message.parse maild.site"),
        ("tickets", "apscheduler dkim icalendar jinja2 maild.daemon maild.flow maild.message.quotes maild.site"),
    ],
)  # fmt: skip
def test_a_command_loads_no_more_than_it_uses(loads: str, spares: str) -> None:
    program = f"import sys; from maild.cli import cli; cli.commands.get({loads!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "maild.terminal" in loaded
    assert not loaded & set(spares.split())
