"""Work that is recorded, by mail, on each database: time, cause, solution, talks outside mail, calls that are logged later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from maild import documents
from store import Store
from store.rows import Filter
from tests.flow import stage as s

CARLA, ANA, BEN, CHEN = (
    "Carla <carla@globex.test>",
    "Ana Ruiz <ana@acme.test>",
    "Ben Okoro <ben@acme.test>",
    "Chen Li <chen@acme.test>",
)
PASS = "Authentication-Results: mx.acme.test; dmarc=pass header.from=acme.test"
ASKED = "Hello, the printer on the third floor does not work since this morning. What can we do?"
RECORDED = """\
desk: {time: TIME, required_on_solve: {bug: [category, cause]}}
dictionary:
  types:
    question: {}
    bug: {required_on_solve: [solution]}
  categories: {bug: {}, billing: {}}
fields:
  version: {label: Version, required: [bug]}
"""
Got = dict[str, list[EmailMessage]]


class Talk:
    """A desk, and people who write to it; each step takes a second."""

    def __init__(self, folder: Path, store: Store, rules: str) -> None:
        (folder / "rules").mkdir()
        (folder / "rules" / "20.yaml").write_text(rules, encoding="utf-8")
        people = s.RULES.replace("fields:\n  product: {label: Product, values: [flow, rsr]}\n", "")
        self.desk = s.stage(folder, store, rules=people)
        self.number = 0

    def write(self, who: str, text: str, subject: str = "Printer", headers: tuple[str, ...] = ()) -> Got:
        """A new mail to the desk."""
        self.number += 1
        return self._take(s.mail(who, subject, text, self.number, headers=headers), "support@acme.test", who)

    def answer(self, to: EmailMessage, who: str, text: str) -> Got:
        self.number += 1
        raw, address = s.answer(to, who, text, self.number)
        return self._take(raw, address, who)

    def _take(self, raw: bytes, to: str, who: str) -> Got:
        self.desk.pass_time(timedelta(seconds=1))
        self.desk.take(raw, to, sender=who.partition("<")[2].rstrip(">"))
        self.desk.work()
        got: Got = {}
        for outbound, mail in self.desk.sent():
            got.setdefault(outbound.row.recipient, []).append(mail)
        return got

    def act(self, *commands: str, text: str = "") -> list[str]:
        """As the admin on this host; what was refused."""
        decision = self.desk.flow.act(1, "admin", commands, text)
        return [reason.evidence for reason in decision.reasons if reason.outcome == "REFUSED"]

    def ticket(self, number: int = 1) -> dict[str, Any]:
        with self.desk.store.read() as work:
            found = work.ticket(number)
            assert found is not None
            return documents.of_ticket(work, found)

    def events(self, name: str, number: int = 1) -> list[dict[str, Any]]:
        return [one for one in self.ticket(number)["events"] if one["event"] == name]


@pytest.fixture(name="talk")
def _talk(tmp_path: Path, store: Store) -> Callable[[str], Talk]:
    return lambda time: Talk(tmp_path, store, RECORDED.replace("TIME", time))


def one(got: Got, who: str) -> EmailMessage:
    [mail] = got[who]
    return mail


def test_time_belongs_to_the_answer_or_the_note_it_stands_in(talk: Callable[[str], Talk]) -> None:
    desk = talk("off")
    told = one(desk.write(CARLA, ASKED), "ana@acme.test")
    desk.answer(told, ANA, "#time 25m\nPlease restart it.")
    desk.answer(told, ANA, "#note\n#time 1h30m\nShe calls often.")
    desk.answer(told, ANA, "#time 5")
    assert desk.act("#time 1:00") == []
    found = desk.ticket()
    assert [message["minutes"] for message in found["messages"] if message["kind"] == "person"] == [
        None,
        25,
        90,
    ]
    assert found["minutes_spent"] == 180
    assert found["time"] == [
        {"agent": "ana@acme.test", "minutes": 120},
        {"agent": "support@acme.test", "minutes": 60},
    ]
    [alone, admins] = desk.events("time")
    assert (alone["actor"], alone["detail"]["minutes"]) == ("ana@acme.test", 5)
    assert (admins["actor"], admins["detail"]["minutes"]) == ("admin", 60)


def test_a_held_answer_counts_once(talk: Callable[[str], Talk]) -> None:
    desk = talk("off")
    got = desk.write(CARLA, ASKED)
    desk.answer(one(got, "ben@acme.test"), BEN, "It is on its way.")
    held = one(desk.answer(one(got, "ana@acme.test"), ANA, "#time 25m\nIt is being mended."), "ana@acme.test")
    assert desk.ticket()["minutes_spent"] == 0
    desk.answer(held, ANA, "#send")
    assert desk.ticket()["time"] == [{"agent": "ana@acme.test", "minutes": 25}]
    assert desk.ticket()["minutes_spent"] == 25


def test_time_of_a_merged_ticket_counts_with_it(talk: Callable[[str], Talk]) -> None:
    desk = talk("off")
    first = one(desk.write(CARLA, ASKED), "ana@acme.test")
    second = one(desk.write(CARLA, ASKED, "The printer again"), "ana@acme.test")
    desk.answer(first, ANA, "#time 10m")
    desk.answer(second, ANA, "#time 20m\nWe are on it.")
    desk.answer(second, ANA, "#time 5m")
    assert desk.desk.flow.act(2, "admin", ("#merge 1",), "") is not None
    found = desk.ticket()
    assert found["minutes_spent"] == 35
    assert found["time"] == [{"agent": "ana@acme.test", "minutes": 35}]


def test_time_required_before_solving(talk: Callable[[str], Talk]) -> None:
    desk = talk("required")
    told = one(desk.write(CARLA, ASKED), "ana@acme.test")
    got = desk.answer(told, ANA, "#solve\nIt is mended.")
    transcript = s.text_of(one(got, "ana@acme.test"))
    assert "#time 25m" in transcript
    assert "It is mended." in transcript
    assert list(got) == ["ana@acme.test"]
    assert desk.ticket()["state"] == "new"
    got = desk.answer(told, ANA, "#solve\n#time 85m\nIt is mended.")
    assert "Time spent on this ticket: 1 h 25 min" in s.text_of(one(got, "ana@acme.test"))
    assert "Time spent" not in s.text_of(one(got, "carla@globex.test"))
    found = desk.ticket()
    assert found["state"] == "solved"
    assert [
        message["minutes"]
        for message in found["messages"]
        if message["direction"] == "out" and message["kind"] == "person"
    ] == [85]


def test_time_asked_for_when_a_ticket_is_solved_without(talk: Callable[[str], Talk]) -> None:
    desk = talk("ask")
    told = one(desk.write(CARLA, ASKED), "ana@acme.test")
    transcript = one(desk.answer(told, ANA, "#solve\nIt is mended."), "ana@acme.test")
    assert "No time is logged on this ticket. Answer with #time 25m alone to log it." in s.text_of(transcript)
    assert desk.ticket()["state"] == "solved"
    assert "ana@acme.test" not in desk.answer(transcript, ANA, "#time 25m")
    assert (desk.ticket()["state"], desk.ticket()["minutes_spent"]) == ("solved", 25)


def test_nobody_is_bothered_where_time_is_not_logged(talk: Callable[[str], Talk]) -> None:
    desk = talk("off")
    told = one(desk.write(CARLA, ASKED), "ana@acme.test")
    assert "ana@acme.test" not in desk.answer(told, ANA, "#solve\nIt is mended.")
    assert desk.ticket()["state"] == "solved"


def test_all_that_lacks_is_said_at_once(talk: Callable[[str], Talk]) -> None:
    desk = talk("required")
    told = one(desk.write(CARLA, ASKED), "ana@acme.test")
    said = s.text_of(one(desk.answer(told, ANA, "#type bug\n#solve\nIt is mended."), "ana@acme.test"))
    for line in (
        "#category WORD (one of bug, billing)",
        "#cause WORDS",
        "#solution WORDS",
        "#time 25m",
        "#field version=…",
    ):
        assert line in said, line
    assert desk.ticket()["type"] is None
    lines = "#solve\n#type bug\n#category bug\n#cause A worn roller\n#solution\n#field version=3\n#time 5m"
    desk.answer(told, ANA, f"{lines}\nThe roller is new.\n\nIt prints again.")
    found = desk.ticket()
    assert (found["state"], found["cause"], found["solution"]) == (
        "solved",
        "A worn roller",
        "The roller is new.\n\nIt prints again.",
    )


def test_an_admin_may_solve_it_anyway(talk: Callable[[str], Talk]) -> None:
    desk = talk("required")
    got = desk.write(CARLA, ASKED)
    refused = desk.answer(one(got, "ana@acme.test"), ANA, "#solve anyway\nDone.")
    assert "for admins" in s.text_of(one(refused, "ana@acme.test"))
    desk.answer(one(got, "chen@acme.test"), CHEN, "#solve anyway\nDone.")
    assert desk.ticket()["state"] == "solved"
    [line] = desk.events("solved anyway")
    assert (line["actor"], line["detail"]["lacks"]) == ("chen@acme.test", ["the time spent"])


def test_the_admin_on_this_host(talk: Callable[[str], Talk]) -> None:
    desk = talk("required")
    desk.write(CARLA, ASKED)
    assert "#time 25m" in desk.act("#close")[0]
    assert desk.act("#close anyway") == []
    assert desk.ticket()["state"] == "closed"


def test_the_requester_closes_and_the_agents_hear_what_lacks(talk: Callable[[str], Talk]) -> None:
    desk = talk("required")
    got = desk.write(CARLA, ASKED)
    closed = desk.answer(one(got, "carla@globex.test"), CARLA, "close")
    assert desk.ticket()["state"] == "closed"
    assert "Closed without the time spent: #time 25m" in s.text_of(one(closed, "ana@acme.test"))
    assert "#time" not in "".join(map(s.text_of, closed.get("carla@globex.test", ())))


def test_a_rule_does_not_solve_what_lacks(tmp_path: Path, store: Store) -> None:
    rules = """\
desk: {time: required}
rules:
  - {name: Thanks, on: reply, when: {body: thanks}, then: {state: solved}}
  - {name: Old, on: time, when: {state: open, idle: 2d}, then: {state: solved}}
  - {name: Silence closes, on: time, when: {state: solved, idle: 5d}, then: {state: closed}}
"""
    desk = Talk(tmp_path, store, rules)
    got = desk.write(CARLA, ASKED)
    desk.answer(one(got, "ana@acme.test"), ANA, "Please restart it.")
    told = one(desk.answer(one(got, "carla@globex.test"), CARLA, "It works, thanks!"), "ana@acme.test")
    assert "it is not solved without the time spent: #time 25m" in s.text_of(told)
    assert desk.ticket()["state"] == "open"
    desk.desk.pass_time(timedelta(days=2, minutes=1))
    _tick(desk)
    assert desk.ticket()["state"] == "open"
    assert len(desk.events("not solved")) == 2
    late = [mail for outbound, mail in desk.desk.sent() if outbound.row.recipient == "ana@acme.test"]
    assert any("it is not solved without" in s.text_of(mail) for mail in late)
    assert desk.act("#solve", "#time 5m") == []
    desk.desk.pass_time(timedelta(days=5, minutes=1))
    _tick(desk)
    assert desk.ticket()["state"] == "closed"


def _tick(desk: Talk) -> None:
    while desk.desk.flow.tick():
        pass
    desk.desk.work()


def test_a_talk_outside_mail_is_an_answer_that_stays_inside(talk: Callable[[str], Talk]) -> None:
    desk = talk("off")
    told = one(desk.write(CARLA, ASKED), "ana@acme.test")
    got = desk.answer(told, ANA, "#contact phone\n#time 10m\nShe will send the log tomorrow.")
    assert "carla@globex.test" not in got
    found = desk.ticket()
    [said] = [message for message in found["messages"] if "the log" in message["text"]]
    assert (said["direction"], said["public"], said["minutes"]) == ("in", False, 10)
    assert (found["state"], found["assignee"]) == ("open", "ana@acme.test")
    assert found["first_response_due"] is None
    with desk.desk.store.read() as work:
        [kept] = work.tickets(Filter())
    assert kept.first_response_at is not None
    assert [one["detail"]["channel"] for one in desk.events("contact")] == ["phone"]


def test_a_call_that_is_logged_later(talk: Callable[[str], Talk]) -> None:
    desk = talk("off")
    called = (
        "#requester Maria from the shop\n#channel phone\n#received 08:40\n#time 5m\nShe asks for an invoice."
    )
    got = desk.write(ANA, called, "Invoice", (PASS,))
    assert all("acme.test" in who for who in got)
    found = desk.ticket()
    assert (found["channel"], found["requester"]["name"], found["requester"]["address"]) == (
        "phone",
        "Maria from the shop",
        None,
    )
    assert found["received_at"] == "2026-03-02T08:40:00Z"
    assert found["first_response_due"] == "2026-03-02T08:50:00Z"
    assert (found["minutes_spent"], found["time"]) == (5, [{"agent": "ana@acme.test", "minutes": 5}])
    assert [message["minutes"] for message in found["messages"]] == [5]
    assert desk.events("time") == []


def test_received_earlier_on_a_ticket_that_there_is(talk: Callable[[str], Talk]) -> None:
    desk = talk("off")
    told = one(desk.write(CARLA, ASKED), "ana@acme.test")
    desk.answer(told, ANA, "#received 08:30")
    found = desk.ticket()
    assert found["received_at"] == "2026-03-02T08:30:00Z"
    assert found["resolution_due"] == "2026-03-03T08:30:00Z"


def test_a_call_that_is_solved_at_once(talk: Callable[[str], Talk]) -> None:
    desk = talk("required")
    call = "#requester Maria from the shop\n#channel phone\n#contact phone\n#solve\n"
    refused = desk.write(ANA, f"{call}She has it now.", "Invoice", (PASS,))
    assert "#time 25m" in s.text_of(one(refused, "ana@acme.test"))
    with desk.desk.store.read() as work:
        assert work.tickets(Filter()) == []
    done = desk.write(ANA, f"{call}#time 5m\nShe has it now.", "Invoice", (PASS,))
    assert "Time spent on this ticket: 5 min" in "".join(map(s.text_of, done["ana@acme.test"]))
    assert desk.ticket()["state"] == "solved"


def test_a_rule_sets_what_a_call_needs(tmp_path: Path, store: Store) -> None:
    rules = """\
desk: {required_on_solve: category}
rules:
  - {name: Invoices, when: {text: invoice}, then: {category: billing}}
"""
    desk = Talk(tmp_path, store, rules)
    desk.write(ANA, "#requester Maria from the shop\n#solve\nShe has her invoice.", "A call", (PASS,))
    assert (desk.ticket()["state"], desk.ticket()["category"]) == ("solved", "billing")


def test_cause_and_solution_are_found(talk: Callable[[str], Talk]) -> None:
    desk = talk("off")
    told = one(desk.write(CARLA, ASKED), "ana@acme.test")
    desk.write(CARLA, "Where is my invoice?", "Invoice")
    desk.answer(told, ANA, "#cause A worn roller\n#solution New fuser built in")
    with desk.desk.store.read() as work:
        for words in ("WORN", "fuser", "worn fuser", "roller printer"):
            assert [found.id for found in work.tickets(Filter(search=words))] == [1], words
    listed = one(desk.write(ANA, "", "search worn fuser", (PASS,)), "ana@acme.test")
    assert "#1" in s.text_of(listed)
    assert "#2" not in s.text_of(listed)


def test_a_macro_that_solves(tmp_path: Path, store: Store) -> None:
    (tmp_path / "templates" / "macros").mkdir(parents=True)
    (tmp_path / "templates" / "macros" / "fixed.md").write_text("#solve\n#solution\n\nIt is mended.\n")
    desk = Talk(tmp_path, store, "desk: {time: required, required_on_solve: [solution]}\n")
    told = one(desk.write(CARLA, ASKED), "ana@acme.test")
    assert "#time 25m" in s.text_of(one(desk.answer(told, ANA, "#macro fixed"), "ana@acme.test"))
    desk.answer(told, ANA, "#macro fixed\n#time 3m")
    assert (desk.ticket()["state"], desk.ticket()["solution"]) == ("solved", "It is mended.")
