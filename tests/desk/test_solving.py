"""What must be known of a ticket before it is solved, and how an agent gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import pytest

from maild.desk.commands import Outcome, Power, carry_out
from maild.desk.decide import decide
from maild.desk.effects import Given, Record
from maild.desk.events import Acted
from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, AgentRole, Field, FieldKind, LogTime, Rulebook, Word, Words
from maild.desk.snapshot import Snapshot
from maild.desk.solving import lacking, refusal, reminder, solves, total
from maild.desk.words import State
from tests.desk import worlds as w
from tests.desk.test_rulefiles import DESK, load

CATEGORIES = {"bug": Word("bug"), "billing": Word("billing")}
TYPES = {"question": Word("question"), "bug": Word("bug", required=("solution",))}
CHOICE = Field(
    "product", "Product", {"flow": Word("flow"), "rsr": Word("rsr")}, FieldKind.CHOICE, required=("",)
)
STRICT = replace(
    w.RULEBOOK,
    words=Words(types=TYPES, categories=CATEGORIES),
    solving={"": ("cause",), "bug": ("category",)},
    time=LogTime.REQUIRED,
    fields={},
)


def ticket(**facts: object) -> Ticket:
    return replace(w.TICKET, **facts)  # type: ignore[arg-type]


def missing(one: Ticket, rulebook: Rulebook = STRICT) -> list[str]:
    return [lack.command for lack in lacking(one, rulebook)]


ALL = ["#category WORD (one of bug, billing)", "#cause WORDS", "#solution WORDS", "#time 25m"]


@pytest.mark.parametrize(
    ("facts", "lacks"),
    [
        ({}, ["#cause WORDS", "#time 25m"]),
        ({"type": "question"}, ["#cause WORDS", "#time 25m"]),
        ({"type": "bug"}, ALL),
        ({"type": "bug", "category": "billing", "minutes_spent": 1}, ALL[1:3]),
        ({"type": "bug", "category": "billing", "cause": "a", "solution": "b"}, ALL[3:]),
        ({"cause": "a", "minutes_spent": 3}, []),
    ],
)
def test_what_lacks_by_type(facts: Mapping[str, object], lacks: list[str]) -> None:
    assert missing(ticket(**facts)) == lacks


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (FieldKind.TEXT, "#field of=…"),
        (FieldKind.NUMBER, "#field of=12"),
        (FieldKind.DATE, "#field of=2026-12-24"),
        (FieldKind.YES_NO, "#field of=yes"),
        (FieldKind.PERSON, "#field of=ADDRESS"),
    ],
)
def test_how_a_field_is_given(kind: FieldKind, command: str) -> None:
    rulebook = replace(w.RULEBOOK, fields={"of": Field("of", "Of", kind=kind, required=("",))})
    assert missing(ticket(), rulebook) == [command]
    assert missing(ticket(fields={"of": "x"}), rulebook) == []
    assert missing(ticket(fields={"of": ""}), rulebook) == [command]


@pytest.mark.parametrize(("required", "type", "lacks"), [((), "bug", 0), (("",), None, 1), (("bug",), "bug", 1), (("bug",), "question", 0), (("bug",), None, 0)])  # fmt: skip
def test_for_which_types_a_field_is_required(required: tuple[str, ...], type: str | None, lacks: int) -> None:
    rulebook = replace(w.RULEBOOK, fields={"product": replace(CHOICE, required=required)})
    found = missing(ticket(type=type), rulebook)
    assert found == ["#field product=WORD (one of flow, rsr)"] * lacks


def test_where_nothing_is_required() -> None:
    assert lacking(ticket(), w.RULEBOOK) == ()
    assert lacking(ticket(), replace(w.RULEBOOK, time=LogTime.ASK)) == ()
    open_types = replace(w.RULEBOOK, solving={"outage": ("cause",)})  # types that are not declared
    assert missing(ticket(type="outage"), open_types) == ["#cause WORDS"]


@pytest.mark.parametrize("old", list(State))
@pytest.mark.parametrize("new", list(State))
def test_what_solves(old: State, new: State) -> None:
    unfinished = old in (State.NEW, State.OPEN, State.PENDING, State.ON_HOLD)
    assert solves(old, new) is (unfinished and new in (State.SOLVED, State.CLOSED))


def test_a_refusal_says_all_at_once() -> None:
    said = refusal(lacking(ticket(), STRICT))
    assert said == "it is not solved without its cause: #cause WORDS; the time spent: #time 25m"


@pytest.mark.parametrize(
    ("time", "minutes", "all_read", "who_solved_reads"),
    [
        (LogTime.OFF, 85, (), ()),
        (LogTime.ASK, 85, ("Time spent on this ticket: 1 h 25 min",), ("Time spent on this ticket: 1 h 25 min",)),
        (LogTime.ASK, 0, ("No time is logged on this ticket.",),
         ("No time is logged on this ticket. Answer with #time 25m alone to log it.",)),
        (LogTime.REQUIRED, 1, ("Time spent on this ticket: 1 min",), ("Time spent on this ticket: 1 min",)),
    ],
)  # fmt: skip
def test_what_is_said_of_the_time(time: LogTime, minutes: int, all_read: tuple[str, ...], who_solved_reads: tuple[str, ...]) -> None:  # fmt: skip
    rulebook, one = replace(w.RULEBOOK, time=time), ticket(minutes_spent=minutes)
    assert (total(one, rulebook), reminder(one, rulebook)) == (all_read, who_solved_reads)


def carried(*lines: str, one: Ticket = w.TICKET, rulebook: Rulebook = STRICT, role: AgentRole = AgentRole.AGENT, text: str = "") -> Outcome:  # fmt: skip
    agent = Agent("Ana Ruiz", "ana@acme.test", "support", role)
    return carry_out(lines, one, Power(agent), rulebook, Snapshot(()), w.NOW, text)


def changed(outcome: Outcome) -> dict[str, object]:
    return {change.name: change.new for change in outcome.changes}


@pytest.mark.parametrize("line", ["#solve", "#state solved", "#close", "#state closed"])
def test_the_line_that_solves_is_refused(line: str) -> None:
    outcome = carried("#priority 1", line)
    assert [one.done for one in outcome.lines] == [True, False]
    assert "#cause WORDS" in outcome.lines[1].why
    assert "#time 25m" in outcome.lines[1].why
    assert "state" not in changed(outcome)


GIVING = ("#solve", "#time 5m", "#cause Rust")


@pytest.mark.parametrize("lines", list(permutations(GIVING)))
def test_the_order_of_the_lines_does_not_matter(lines: tuple[str, ...]) -> None:
    outcome = carried(*lines)
    assert not outcome.refused
    assert changed(outcome) == {"state": State.SOLVED, "cause": "Rust"}


def test_a_type_that_requires_more() -> None:
    outcome = carried("#solve", "#type bug", "#time 5m", "#cause Rust")
    assert "#solution WORDS" in outcome.lines[0].why
    assert "#category WORD" in outcome.lines[0].why


@pytest.mark.parametrize("state", [State.SOLVED, State.SPAM])
def test_to_close_what_is_solved_or_spam_needs_nothing(state: State) -> None:
    assert not carried("#close", one=ticket(state=state)).refused


def test_other_states_need_nothing() -> None:
    assert not carried("#state pending").refused
    assert not carried("#solve", "#reopen").refused


@pytest.mark.parametrize(("role", "done"), [(AgentRole.AGENT, False), (AgentRole.ADMIN, True)])
@pytest.mark.parametrize("line", ["#solve anyway", "#close Anyway."])
def test_anyway_is_for_admins(role: AgentRole, done: bool, line: str) -> None:
    outcome = carried(line, role=role)
    assert outcome.refused is not done
    assert ("state" in changed(outcome)) is done
    assert outcome.without == (("its cause", "the time spent") if done else ())


def test_anyway_where_nothing_lacks_is_nothing_special() -> None:
    assert carried("#solve anyway", rulebook=w.RULEBOOK, role=AgentRole.ADMIN).without == ()


def test_solved_anyway_on_this_host_stands_in_the_history() -> None:
    event = Acted(1, "admin", ("#solve anyway",), "")
    decision = decide(event, w.snapshot(w.TICKET), STRICT, Given(w.NOW, "fresh123"))
    [line] = [one for one in w.only(decision, Record) if one.event == "solved anyway"]
    assert (line.actor, line.detail) == ("admin", {"lacks": ["its cause", "the time spent"]})


@pytest.mark.parametrize(
    ("lines", "text", "solution"),
    [
        (("#solution New  roller",), "Hello", "New roller"),
        (("#solution",), "A new roller.\n\nIt prints.\n", "A new roller.\n\nIt prints."),
        (("#solution",), "x" * 5000, "x" * 4000),
    ],
)
def test_the_solution_is_said_or_the_text_below(lines: tuple[str, ...], text: str, solution: str) -> None:
    assert changed(carried(*lines, text=text)) == {"solution": solution}


def test_a_solution_without_words_and_text_is_refused() -> None:
    [line] = carried("#solution").lines
    assert (line.done, line.why) == (False, "needs words behind it, or a text below it")


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("25m", 25), ("25 min", 25), ("25 minutes", 25), ("90", 90), ("1h30m", 90), ("1h 30 min", 90), ("1h30", 90), ("1.5h", 90),
        ("1,5 h", 90), ("2 hours", 120), ("1 hr", 60), ("1:30", 90), ('"1:30"', 90), ("0:05", 5), ("24h", 1440), ("25m.", 25), ("0.25 h", 15),
    ],
)  # fmt: skip
def test_time_as_agents_write_it(said: str, minutes: int) -> None:
    outcome = carried(f"#time {said}")
    assert (outcome.refused, outcome.minutes) == (False, minutes)


@pytest.mark.parametrize(
    "said", ["", "0", "0m", "0:00", "soon", "1.5", "1:75", "half an hour", "-5m", "1h1h", "m", "٥m", "1.5m"]
)
def test_no_time_is_refused_with_an_example(said: str) -> None:
    outcome = carried(f"#time {said}")
    assert (outcome.refused, outcome.minutes) == (True, None)
    assert "25m" in outcome.lines[0].why


@pytest.mark.parametrize("said", ["90h", "24h1m", "24:01", "1441", "25 h", "9999h"])
def test_more_than_a_day_is_refused(said: str) -> None:
    [line] = carried(f"#time {said}").lines
    assert (line.done, line.why) == (False, "more than a day in one entry")


def test_entries_of_one_mail_add_up() -> None:
    assert carried("#time 20m", "#time 1h").minutes == 80


@pytest.mark.parametrize(
    ("text", "solving", "types"),
    [
        ("desk: {required_on_solve: cause}", {"": ("cause",)}, {}),
        ("desk: {required_on_solve: [category, time]}", {"": ("category", "time")}, {}),
        ("desk: {required_on_solve: {outage: [cause], bug: time}}", {"outage": ("cause",), "bug": ("time",)}, {}),
        ("dictionary: {types: {bug: {required_on_solve: [solution]}, question: {}}}", {}, {"bug": ("solution",), "question": ()}),
    ],
)  # fmt: skip
def test_what_the_files_require(text: str, solving: object, types: object) -> None:
    found = load(DESK, text).rulebook
    assert found is not None
    assert found.solving == solving
    assert {key: word.required for key, word in found.words.types.items()} == types


@pytest.mark.parametrize(
    ("said", "required"),
    [("true", ("",)), ("false", ()), ("bug", ("bug",)), ("[bug, question]", ("bug", "question"))],
)
def test_for_whom_the_files_require_a_field(said: str, required: tuple[str, ...]) -> None:
    found = load(DESK, f"fields: {{version: {{required: {said}}}}}").rulebook
    assert found is not None
    assert found.fields["version"].required == required


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("desk: {required_on_solve: {bgu: [cause]}}\ndictionary: {types: {bug: {}}}\n",
         "2.yaml:1:28: required_on_solve: unknown type 'bgu' (did you mean 'bug'?)"),
        ("fields: {version: {required: [bgu]}}\ndictionary: {types: {bug: {}}}\n",
         "2.yaml:1:31: required: unknown type 'bgu' (did you mean 'bug'?)"),
        ("desk: {required_on_solve: [causes]}\n",
         "2.yaml:1:27: required_on_solve: 'causes' is not one of category, cause, solution, time (did you mean 'cause'?)"),
        ("desk: {time: always}\n", "2.yaml:1:14: time: 'always' is not one of off, ask, required"),
    ],
)  # fmt: skip
def test_mistakes_in_what_is_required(text: str, complaint: str) -> None:
    assert [str(problem).removeprefix("rules/") for problem in load(DESK, text).problems] == [complaint]
