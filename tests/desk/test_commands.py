"""Agents' commands: taken apart in any mail program's mangling, checked against the desk, all or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.desk.commands import COMMANDS, Power, carry_out
from maild.desk.script import linked, split
from maild.desk.words import State
from tests.desk import worlds as w

ANA = Power(w.RULEBOOK.agents["ana@acme.test"])
LOU = Power(w.RULEBOOK.agents["lou@acme.test"])


@pytest.mark.parametrize(
    ("text", "commands", "rest", "stray"),
    [
        ("Hello", (), "Hello", ()),
        ("#solve\nDone.", ("#solve",), "Done.", ()),
        ("\n\n#solve\n\n#tag a b\n\nDone.\n\nAna", ("#solve", "#tag a b"), "Done.\n\nAna", ()),
        ("\u00a0#priority\u00a01\u200b\nx", ("#priority 1",), "x", ()),
        ("＃note\nx", ("#note",), "x", ()),
        ("##1 is broken", (), "#1 is broken", ()),
        ("Done.\n#solve", (), "Done.\n#solve", ("#solve",)),
        ("Done.\n#hashtag stays", (), "Done.\n#hashtag stays", ()),
        ("#solve", ("#solve",), "", ()),
        ("", (), "", ()),
        ("* #note\nx", (), "* #note\nx", ("* #note",)),
    ],
)
def test_a_text_is_taken_apart(
    text: str, commands: tuple[str, ...], rest: str, stray: tuple[str, ...]
) -> None:
    script = split(text)
    assert (script.commands, script.text, script.stray) == (commands, rest, stray)


def seen(text: str) -> list[str]:
    """Its words, as far as one can see them."""
    return "".join(char for char in text if char not in "\u200b\u200c\u200d\u2060\ufeff\u00ad").split()


@given(st.text(max_size=200))
def test_no_text_is_lost_and_none_breaks_it(text: str) -> None:
    script = split(text)
    assert all(command.startswith("#") for command in script.commands)
    if not script.commands and "##" not in text:
        assert seen(script.text) == seen("\n".join(text.splitlines()))


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("#state pending", {"state": State.PENDING}),
        ("#state On Hold", {"state": State.ON_HOLD}),
        ("#solved.", {"state": State.SOLVED}),
        ("#resolve", {"state": State.SOLVED}),
        ("#close", {"state": State.CLOSED}),
        ("#reopen", {}),
        ("#priority 1", {"priority": 1}),
        ("#prio 2", {"priority": 2}),
        ("#subject  A   better one", {"subject": "A better one"}),
        ("#type incident", {"type": "incident"}),
        ("#team engineering", {"team": "engineering", "level": 2, "assignee": None}),
        ("#team Second Line", {"team": "engineering", "level": 2, "assignee": None}),
        ("#assign ben@acme.test", {"assignee": "ben@acme.test"}),
        ("#assign to Ben Okoro", {"assignee": "ben@acme.test"}),
        ("#assign nobody", {"assignee": None}),
        ("#assign chen@acme.test", {"assignee": "chen@acme.test", "team": "engineering"}),
        ("#tag Outage, vip", {"tags": ("old", "outage", "vip")}),
        ("#untag old", {"tags": ()}),
        ("#field product=RSR", {"field.product": "rsr"}),
        ("#field hub = north", {"field.hub": "north"}),
        ("#cause a loose cable", {"cause": "a loose cable"}),
    ],
)
def test_what_is_done(line: str, changes: dict[str, object]) -> None:
    outcome = carry_out((line,), replace(w.TICKET, tags=("old",)), ANA, w.RULEBOOK)
    assert [one.done for one in outcome.lines] == [True]
    assert {change.name: change.new for change in outcome.changes} == changes


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("#sovle", "did you mean solve"),
        ("#priorty 1", "did you mean priority"),
        ("#priority", "1 to 5"),
        ("#priority high", "1 to 5"),
        ("#state pendign", "did you mean pending"),
        ("#state new", "no state to set"),
        ("#solve now", "takes nothing"),
        ("#team suport", "did you mean support"),
        ("#assign ann@acme.test", "did you mean ana@acme.test"),
        ("#assign", "needs"),
        ("#untag nothing", "no tag"),
        ("#field produkt=x", "did you mean product"),
        ("#field product=flw", "did you mean flow"),
        ("#field product", "name=value"),
        ("#time soon", "no time"),
        ("#unwatch ben@acme.test", "does not watch"),
        ("#link 99", "no other ticket"),
        ("#link 1", "no other ticket"),
        ("#merge 2", "not carry it out yet"),
        ("# 1", "no command"),
    ],
)
def test_what_is_refused_and_why(line: str, why: str) -> None:
    outcome = carry_out(("#tag fine", line), w.TICKET, ANA, w.RULEBOOK)
    assert outcome.refused
    assert why in outcome.lines[1].why
    assert outcome.lines[0].done


def test_spam_needs_both_proofs_and_the_admin_needs_none() -> None:
    assert carry_out(("#spam",), w.TICKET, replace(ANA, both=False), w.RULEBOOK).refused
    assert not carry_out(("#spam",), w.TICKET, ANA, w.RULEBOOK).refused
    assert not carry_out(("#spam",), w.TICKET, Power(None), w.RULEBOOK).refused
    assert carry_out(("#assign me",), w.TICKET, Power(None), w.RULEBOOK).refused


@pytest.mark.parametrize("line", ["#public", "#solve", "#state pending", "#close"])
def test_a_light_agent_neither_answers_nor_changes_states(line: str) -> None:
    assert carry_out((line,), w.TICKET, LOU, w.RULEBOOK).refused


@pytest.mark.parametrize(
    ("lines", "minutes"),
    [
        (("#time 25m",), 25),
        (("#time 1h30m",), 90),
        (("#time 2h", "#time 5"), 125),
        (("#time 10 minutes",), 10),
    ],
)
def test_time_adds_up(lines: tuple[str, ...], minutes: int) -> None:
    assert carry_out(lines, w.TICKET, ANA, w.RULEBOOK).minutes == minutes


def test_taking_a_new_ticket_opens_it() -> None:
    outcome = carry_out(("#assign me",), replace(w.TICKET, state=State.NEW, assignee=None), ANA, w.RULEBOOK)
    assert {change.name: change.new for change in outcome.changes} == {
        "assignee": "ana@acme.test",
        "state": State.OPEN,
    }


def test_watching_and_linking() -> None:
    outcome = carry_out(
        ("#watch", "#watch ben@acme.test", "#link #12"), w.TICKET, ANA, w.RULEBOOK, frozenset((1, 12))
    )
    assert (outcome.watch, outcome.links) == (("ana@acme.test", "ben@acme.test"), (12,))
    assert linked(("#link 12", "#Link #3", "#tag link 4")) == (12, 3)


@given(st.lists(st.tuples(st.sampled_from(sorted(COMMANDS)), st.text(max_size=30)), max_size=5))
def test_no_argument_breaks_a_command(lines: list[tuple[str, str]]) -> None:
    outcome = carry_out(tuple(f"#{word} {argument}" for word, argument in lines), w.TICKET, ANA, w.RULEBOOK)
    assert len(outcome.lines) == len(lines)
    assert all(line.why for line in outcome.lines)
