"""All words and patterns at once find what each alone would find."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk import folding, rule_texts
from maild.desk.facts import Address
from maild.desk.people import Person, Ticket
from maild.desk.rule_facts import Facts, MailFacts
from maild.desk.rule_texts import Kind, Matcher, Text, glob, wrong_pattern
from maild.desk.rulebook import Identity, Rulebook
from maild.desk.rules import Lexicon, compile_rules
from maild.desk.ruling import run
from maild.desk.words import State

PARTS = ["a", "b", "ab", "Á", "ß", "ss", "打", "印", "-", "'", "’", "1", "a b", "B\n a", "x_1", "☂"]
words = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map(" ".join)
texts = st.lists(st.sampled_from([*PARTS, " ", "\r\n", ".", "aa", "abb"]), max_size=15).map(" ".join)
patterns = st.sampled_from(
    [r"a+b", r"^a", r"b$", r"(?i)á", r"\d", r"a.b", r"\bab\b", r"[^a]$", r"a|x", r"(ss)+", r"\pL\pN"]
)


def naive(text: str, kind: Kind, what: str) -> bool:
    """The same, one by one and in the plainest way."""
    if kind is Kind.WORD:
        wanted, there = folding.tokens(what), folding.tokens(text)
        return any(there[at : at + len(wanted)] == wanted for at in range(len(there)))
    return re2.search(what, text) is not None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["subject", "body"]), words), max_size=12),
    st.lists(st.tuples(st.sampled_from(["subject", "body"]), patterns), max_size=6),
    texts,
    texts,
)
def test_sets_agree_with_looking_for_each(some_words, some_patterns, subject, body):
    sought = [
        *((name, Kind.WORD, word) for name, word in some_words),
        *((name, Kind.PATTERN, one) for name, one in some_patterns),
    ]
    matcher = Matcher()
    atoms = {one: matcher.add(*one) for one in sought}
    matcher.compile()
    there = {"subject": Text((subject,)), "body": Text((body,))}
    hits = matcher.hits(there)
    for (name, kind, what), atom in atoms.items():
        assert (atom in hits) == naive(there[name].raw[0], kind, what)
        if atom in hits:
            shown = matcher.evidence([atom], there, hits).removeprefix(f'{name}: "').removesuffix('"')
            assert kind is Kind.PATTERN or naive(shown, kind, what)


def test_atoms_are_shared():
    matcher = Matcher()
    assert matcher.add("body", Kind.WORD, "a") == matcher.add("body", Kind.WORD, "a")
    assert (
        len(
            {
                matcher.add("body", Kind.WORD, "a"),
                matcher.add("subject", Kind.WORD, "a"),
                matcher.add("body", Kind.PATTERN, "a"),
            }
        )
        == 3
    )


def test_several_of_one_text_are_looked_at_each_alone():
    matcher = Matcher()
    phrase, start, end = (
        matcher.add("to", Kind.WORD, "a b"),
        matcher.add("to", Kind.PATTERN, "^b"),
        matcher.add("to", Kind.PATTERN, "a$"),
    )
    matcher.compile()
    assert matcher.hits({"to": Text(("x a", "b y"))}) == {start, end}
    assert matcher.hits({"to": Text(("x a b",))}) == {phrase}


def test_exact_values():
    matcher = Matcher()
    atom = matcher.add("from", Kind.EXACT, "a@b.test")
    matcher.compile()
    assert matcher.hits({"from": Text(("A <a@b.test>",), frozenset(("a@b.test",)))}) == {atom}
    assert matcher.hits({"from": Text(("a@b.test",))}) == frozenset()


@pytest.mark.parametrize("memory", [1 << 16, 1 << 18, 1 << 20])
def test_too_little_memory_for_one_set_makes_more_and_loses_nothing(monkeypatch, memory):
    monkeypatch.setattr(rule_texts, "_SET_MEMORY", memory)
    matcher = Matcher()
    atoms = [matcher.add("body", Kind.PATTERN, rf"x{number}[a-z]{{1,20}}y") for number in range(200)]
    matcher.compile()
    assert matcher.hits({"body": Text((" ".join(f"x{number}abcy" for number in range(0, 200, 3)),))}) == {
        atom for number, atom in enumerate(atoms) if number % 3 == 0
    }


def test_a_set_that_gives_up_is_asked_one_by_one():
    class Tired:
        def Match(self, text: bytes) -> None:
            return None

    matcher = Matcher()
    first, second = matcher.add("body", Kind.PATTERN, "a+"), matcher.add("body", Kind.PATTERN, "b+")
    matcher.compile()
    searched = matcher._patterns["body"]
    searched.sets = [(Tired(), part) for _, part in searched.sets]
    assert matcher.hits({"body": Text(("xbx",))}) == {second}
    assert matcher.hits({"body": Text(("ab",))}) == {first, second}


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        (r"\pL+", None),
        ("(", "bad pattern: missing ): ("),
        (
            r"(a)\1",
            "bad pattern: invalid escape sequence: \\1 (look-around and back-references are not supported)",
        ),
        (
            "(?<!a)b",
            "bad pattern: invalid perl operator: (?<! (look-around and back-references are not supported)",
        ),
        ("((a{100}){50}){5}", "bad pattern: invalid repetition size: {50}"),
        (r"(\pL{0,500}){2}x", "bad pattern: pattern too large - compile failed"),
        ("a\ud83d", "bad pattern: it holds half a character"),
    ],
    ids=range(7),
)
def test_patterns_that_cannot_be(pattern, wrong):
    assert wrong_pattern(pattern) == wrong


@pytest.mark.parametrize(
    ("written", "name", "fits"),
    [
        ("*.exe", "a.b.EXE", True),
        ("*.exe", "a.exe.txt", False),
        ("a?c.*", "abc.", True),
        ("(a)+*", "(A)+b", True),
        ("*", "", True),
    ],
)
def test_globs(written, name, fits):
    assert bool(re2.search(glob(written), name)) == fits


RULE = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.lists(words, min_size=1, max_size=2),
        "body": words,
        "text": words,
        "from": st.sampled_from(["a@b.test", "c@d.test"]),
        "team": st.sampled_from([None, "x"]),
        "not": st.fixed_dictionaries({"body": words}),
        "any": st.lists(st.fixed_dictionaries({"subject": words}), min_size=1, max_size=2),
    },
)


@settings(max_examples=80, deadline=None)
@given(st.lists(RULE, max_size=8), texts, texts)
def test_looking_only_at_possible_rules_finds_the_same_as_looking_at_all(whens, subject, body):
    made = [
        ({"name": f"r{at}", "on": ("ticket",), "when": when, "then": {"tags": f"t{at}"}, "stop": at == 5}, "")
        for at, when in enumerate(whens)
    ]
    book = Rulebook(Identity("A", "a@acme.test", "A"), rules=compile_rules(made, Lexicon()))
    now = datetime(2026, 3, 2, tzinfo=UTC)
    ticket = Ticket(0, "", State.NEW, Person(0, "", ""), now, now, now)
    facts = Facts(MailFacts(Address("", "a@b.test"), subject=subject, body=body))
    brief, whole = run("ticket", facts, ticket, book), run("ticket", facts, ticket, book, whole=True)
    assert (brief.fired, brief.changes, brief.ticket) == (whole.fired, whole.changes, whole.ticket)
    assert brief.trace.fired() == whole.trace.fired()


def test_what_would_take_for_ever_elsewhere_takes_no_time_here():
    matcher = Matcher()
    atom = matcher.add("body", Kind.PATTERN, r"(a+)+$")
    matcher.compile()
    text = "a" * 50_000 + "!"
    assert matcher.hits({"body": Text((text,))}) == frozenset()
    assert matcher.hits({"body": Text((text[:-1],))}) == {atom}
    assert re.compile(r"(a+)+$").search("aa")
