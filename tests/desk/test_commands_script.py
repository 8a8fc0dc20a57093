"""An agent's words taken apart: commands in any mail program's mangling, texts between them, what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.desk.commands import COMMANDS, SYNONYMS, name_of
from maild.desk.leaving import separate
from maild.desk.script import named, normal, split, uses

WORDS = sorted({*COMMANDS, *SYNONYMS})
INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"


@pytest.mark.parametrize(
    ("text", "commands", "rest", "stray"),
    [
        ("Hello", (), "Hello", ()),
        ("#solve\nDone.", ("#solve",), "Done.", ()),
        ("\n\n#solve\n\n#tag a b\n\nDone.\n\nAna", ("#solve", "#tag a b"), "Done.\n\nAna", ()),
        ("\u00a0#priority\u00a01\u200b\nx", ("#priority 1",), "x", ()),
        ("\ufeff#solve\u2060\nx", ("#solve",), "x", ()),
        ("＃note\nx", ("#note",), "x", ()),
        ("#state on\u2011hold\nx", ("#state on-hold",), "x", ()),
        ("# solve\nx", ("# solve",), "x", ()),
        ("#subject “A better one”\nx", ('#subject "A better one"',), "x", ()),
        ("##1 is broken", (), "#1 is broken", ()),
        ("Done.\n##solve is a command", (), "Done.\n#solve is a command", ()),
        ("Done.\n#solve", (), "Done.\n#solve", ("#solve",)),
        ("Done.\n#Solved.", (), "Done.\n#Solved.", ("#Solved.",)),
        ("Done.\n#hashtag stays", (), "Done.\n#hashtag stays", ()),
        ("#solve", ("#solve",), "", ()),
        ("", (), "", ()),
        ("* #note\nx", (), "* #note\nx", ("* #note",)),
        ("Hello\n> #solve\nbye", (), "Hello\n> #solve\nbye", ()),
        ("> #solve\nbye", (), "> #solve\nbye", ()),
        ("#assign ana@acme.test<mailto:ana@acme.test>\nx", ("#assign ana@acme.test",), "x", ()),
        ("#assign <mailto:ana@acme.test>\nx", ("#assign ana@acme.test",), "x", ()),
        ("#assign [ana@acme.test](mailto:ana@acme.test)\nx", ("#assign ana@acme.test",), "x", ()),
        ("#link https://a.test/b <https://a.test/b>\nx", ("#link https://a.test/b",), "x", ()),
        ("#link <https://a.test/b>\nx", ("#link <https://a.test/b>",), "x", ()),
        ("#merge 12 <https://a.test/12>\nx", ("#merge 12",), "x", ()),
    ],
)
def test_a_text_is_taken_apart(
    text: str, commands: tuple[str, ...], rest: str, stray: tuple[str, ...]
) -> None:
    script = split(text)
    assert (script.commands, script.text, script.stray) == (commands, rest, stray)


@pytest.mark.parametrize(
    ("text", "commands", "parts", "rest", "stray"),
    [
        ("#split A", ("#split A",), ("",), "", ()),
        ("#split A\ntext a\nmore\n\n#split B\ntext b", ("#split A", "#split B"), ("text a\nmore", "text b"), "", ()),
        ("#tag x\n#split A\n#split B\ntext b", ("#tag x", "#split A", "#split B"), ("", "text b"), "", ()),
        ("#split A\ntext\n#close", ("#split A",), ("text\n#close",), "", ("#close",)),
        ("words\n#split A", (), (), "words\n#split A", ("#split A",)),
    ],
)  # fmt: skip
def test_parts_stand_below_their_lines(
    text: str, commands: tuple[str, ...], parts: tuple[str, ...], rest: str, stray: tuple[str, ...]
) -> None:
    script = split(text)
    assert (script.commands, script.parts, script.text, script.stray) == (commands, parts, rest, stray)


def test_lines_of_the_notification_are_never_commands() -> None:
    script = split("#close\nplease\n", frozenset(("#close",)))
    assert (script.commands, script.stray) == ((), ("#close",))


def test_what_the_lines_name() -> None:
    assert named(("#link 12", "#Link #3", "#merge 4 together", "# merge 5", "#tag link 6")) == (12, 3, 4, 5)
    assert uses(("#tag a", "#Split x"), "split")
    assert not uses(("#tag split",), "split")


def seen(text: str) -> list[str]:
    """Its words, as far as one can see them."""
    return "".join(char for char in text if char not in INVISIBLE).split()


@given(st.text(max_size=200))
def test_no_text_is_lost_and_none_breaks_it(text: str) -> None:
    script = split(text)
    assert all(command.startswith("#") for command in script.commands)
    if not script.commands and "##" not in text:
        assert seen(script.text) == seen("\n".join(text.splitlines()))


LINE = st.one_of(
    st.builds(
        lambda before, word, behind: f"{before}{word}{behind}",
        st.sampled_from(["#", "＃", "# ", "\u200b#", "\u00a0#", " #", "* #", '"#', "> #", ">> #", "##", "- #", ""]),
        st.sampled_from(WORDS),
        st.sampled_from(["", ".", " 1", " x y", "\u00a0me", "!", "\u200b", ")"]),
    ),
    st.text(alphabet="ab# >*.\u200b\u00a0", max_size=12),
)  # fmt: skip


@given(st.lists(LINE, max_size=8).map("\n".join))
def test_no_command_stays_in_what_is_sent(text: str) -> None:
    """What leaves is `text` when nothing is stray: then no line of it begins with a known command, but for doubled signs."""
    script = split(text)
    if script.stray:
        return
    written = [normal(line) for line in text.splitlines()]
    doubled = {line[1:].strip() for line in written if line.startswith("##")}
    for line in map(normal, (*script.text.splitlines(), *"\n".join(script.parts).splitlines())):
        assert name_of(line) is None or line in doubled


@given(st.lists(LINE, max_size=6).map("\n".join), st.sampled_from(["> ", ">", "> > "]))
def test_quoted_commands_never_run(text: str, mark: str) -> None:
    quoted = "\n".join(mark + line for line in text.splitlines())
    script = split(f"My answer\n{quoted}")
    assert script.commands == ()
    assert script.stray == ()
    assert separate(f"My answer\n{quoted}") == f"My answer\n{quoted}"
    assert split(quoted).commands == ()
