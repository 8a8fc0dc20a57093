"""How words of the command line become commands."""

from __future__ import annotations

import pytest

from maild.show import command_lines


@pytest.mark.parametrize(
    ("words", "commands", "text"),
    [
        ((), (), ""),
        (("solve",), ("#solve",), ""),
        (("priority", "1"), ("#priority 1",), ""),
        (("assign", "ana@acme.test"), ("#assign ana@acme.test",), ""),
        (("note", "Called", "her."), ("#note",), "Called\nher."),
        (("reopen", "priority", "2"), ("#reopen priority 2",), ""),
        (("close", "now"), ("#close now",), ""),
        (("#priority", "2"), ("#priority 2",), ""),
        (
            ("#priority 1", "#tag outage", "#public", "We are on it."),
            ("#priority 1", "#tag outage", "#public"),
            "We are on it.",
        ),
        (("#note", "##1 is broken"), ("#note",), "#1 is broken"),
        (("#solved", "#public", "Done."), ("#solved", "#public"), "Done."),
    ],
)
def test_command_lines(words: tuple[str, ...], commands: tuple[str, ...], text: str) -> None:
    assert command_lines(words) == (commands, text)
