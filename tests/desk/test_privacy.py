"""Tickets of private teams: who may see them, and what is said to those who may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maild.desk.acting import acted
from maild.desk.commands import Power, carry_out
from maild.desk.effects import NEW, AddMessage, ChangeTicket, Given, Link, Respond, Tell
from maild.desk.events import Acted
from maild.desk.privacy import hidden_from, may_see, may_stand_with
from maild.desk.rulebook import Agent, AgentRole, Team
from maild.desk.words import Role, Scope
from tests.desk import worlds as w

BOOK = replace(
    w.RULEBOOK,
    teams={**w.RULEBOOK.teams, "legal": Team("legal", "Legal", private=True)},
    agents={
        **w.RULEBOOK.agents,
        "lea@acme.test": Agent("Lea", "lea@acme.test", "legal"),
        "chen@acme.test": Agent("Chen Li", "chen@acme.test", "engineering", AgentRole.ADMIN),
    },
)
SECRET = replace(w.TICKET, id=12, subject="Secret", team="legal", assignee=None)
ANA, BEN, CHEN, LEA = (BOOK.agents[f"{name}@acme.test"] for name in ("ana", "ben", "chen", "lea"))


@pytest.mark.parametrize(
    ("agent", "changes", "sees"),
    [
        (LEA, {}, True),
        (CHEN, {}, True),
        (None, {}, True),
        (ANA, {}, False),
        (ANA, {"assignee": "ana@acme.test"}, True),
        (ANA, {"watchers": ("ana@acme.test",)}, True),
        (ANA, {"contact": "ana@acme.test"}, True),
        (ANA, {"watchers": ("ben@acme.test",)}, False),
        (ANA, {"team": "support"}, True),
        (ANA, {"team": None}, True),
        (ANA, {"team": "gone"}, True),
    ],
)
def test_who_may_see(agent, changes, sees):
    assert may_see(agent, replace(SECRET, **changes), BOOK) is sees


def test_what_is_hidden():
    assert hidden_from(ANA, BOOK) == ("legal",)
    assert hidden_from(LEA, BOOK) == hidden_from(CHEN, BOOK) == ()


def test_what_may_stand_beside():
    assert may_stand_with(w.TICKET, SECRET, BOOK)
    assert may_stand_with(SECRET, replace(SECRET, id=13), BOOK)
    assert not may_stand_with(SECRET, w.TICKET, BOOK)


def asked(person, subject, number=12):
    return w.decided(w.arrived(w.mail(person, "", subject=subject, proof=w.PASS)), w.snapshot(SECRET, w.TICKET), BOOK)  # fmt: skip


def test_show_says_the_same_of_a_hidden_ticket_and_of_none():
    hidden, none = (w.only(asked(w.ANA, f"show {number}"), Tell) for number in (12, 99))
    assert [one.lines for one in hidden] == [("There is no ticket 12.",)]
    assert [one.lines for one in none] == [("There is no ticket 99.",)]
    assert replace(hidden[0], lines=()) == replace(none[0], lines=())
    assert not w.only(asked(w.ANA, "show 12"), Respond)


def test_show_works_for_an_admin():
    lea = replace(w.EVE, name="Chen Li", address="chen@acme.test")
    assert [one.ticket for one in w.only(asked(lea, "show 12"), Respond)] == [12]


@pytest.mark.parametrize("line", ["#link {0}", "#merge {0}", "#merge {0} together"])
def test_commands_know_no_hidden_ticket(line):
    def said(number):
        event = Acted(1, "ana@acme.test", (line.format(number),))
        decision = acted(event, w.snapshot(w.TICKET, SECRET), BOOK, Given(w.NOW, "fresh123"))
        assert not decision.effects
        return [reason.evidence.replace(str(number), "N") for reason in decision.reasons]

    assert said(12) == said(99)


def test_an_agent_acts_on_no_hidden_ticket():
    decision = acted(Acted(12, "ana@acme.test", ("#watch me",)), w.snapshot(SECRET), BOOK, Given(w.NOW, "fresh123"))  # fmt: skip
    assert not decision.effects
    assert [reason.evidence for reason in decision.reasons] == ["there is no ticket 12"]
    admin = acted(Acted(12, "admin", ("#priority 1",)), w.snapshot(SECRET), BOOK, Given(w.NOW, "fresh123"))
    assert admin.effects


def test_the_number_alone_lets_no_agent_in():
    """Somebody of another team could else write `#watch me` to any number."""
    event = w.arrived(w.mail(w.ANA, "#watch me\nHello", subject="Re: [Acme #12] Secret", proof=w.PASS))
    decision = w.decided(event, w.snapshot(SECRET), BOOK)
    assert 12 not in {one.ticket for one in w.only(decision, AddMessage)}
    assert not w.only(decision, Link)
    inside = w.decided(event, w.snapshot(replace(SECRET, watchers=("ana@acme.test",))), BOOK)
    assert 12 in {one.ticket for one in w.only(inside, AddMessage)}


def test_who_was_asked_may_answer():
    event = w.arrived(w.mail(w.ANA, "I think so."), w.reply_address(w.ANA, Role.WATCHER, Scope.INTERNAL, 12))
    [note] = w.only(w.decided(event, w.snapshot(SECRET), BOOK), AddMessage)
    assert (note.ticket, note.public) == (12, False)


@pytest.mark.parametrize(
    "line",
    ["#watch me", "#assign me", "#team support", "#public", "#priority 1", "#solve", "#link 1", "#requester eve@globex.test"],
)  # fmt: skip
def test_who_was_asked_lets_himself_in_by_no_command(line):
    event = w.arrived(
        w.mail(w.ANA, f"{line}\nI think so."), w.reply_address(w.ANA, Role.WATCHER, Scope.INTERNAL, 12)
    )
    decision = w.decided(event, w.snapshot(SECRET), BOOK)
    [told] = w.only(decision, Tell)
    assert any(f"REFUSED: {line}" in said and "private" in said for said in told.lines)
    assert not w.only(decision, ChangeTicket)
    asked_lea = w.arrived(w.mail(w.ANA, "#time 5m\nI think so."), event.envelope.recipients[0])
    assert [one.minutes for one in w.only(w.decided(asked_lea, w.snapshot(SECRET), BOOK), AddMessage)] == [5]


@pytest.mark.parametrize("name", ["lea", "chen", "hana"])
def test_members_admins_and_the_manager_change_a_private_ticket(name):
    hana = Agent("Hana", "hana@acme.test", "support")
    legal = replace(BOOK.teams["legal"], manager="hana@acme.test")
    book = replace(BOOK, teams={**BOOK.teams, "legal": legal}, agents={**BOOK.agents, hana.address: hana})
    agent = book.agents[f"{name}@acme.test"]
    outcome = carry_out(("#priority 1", "#watch me"), SECRET, Power(agent), book, w.snapshot(SECRET), w.NOW)
    assert not outcome.refused


def test_an_agent_opens_what_the_rules_give_to_a_private_team():
    new = replace(SECRET, id=NEW)
    outcome = carry_out(("#priority 1",), new, Power(ANA), BOOK, w.snapshot(), w.NOW)
    assert not outcome.refused


def test_no_line_names_a_hidden_ticket():
    event = w.arrived(w.mail(w.EVE, "Hello", subject="[Acme #12] Secret"))
    decision = w.decided(event, w.snapshot(SECRET), BOOK)
    assert [one.other for one in w.only(decision, Link)] == [12]
    assert not [line for one in w.only(decision, Tell) for line in one.lines if "12" in line]
    open_ticket = replace(SECRET, team="support")
    told = w.only(w.decided(event, w.snapshot(open_ticket), BOOK), Tell)
    assert [line for one in told for line in one.lines if "12" in line]


def test_a_private_ticket_stays_private_when_somebody_of_another_team_has_it():
    def given(ticket):
        event = Acted(ticket.id, "admin", ("#assign ana@acme.test",))
        decision = acted(event, w.snapshot(ticket), BOOK, Given(w.NOW, "fresh123"))
        return {change.name: change.new for one in w.only(decision, ChangeTicket) for change in one.changes}

    assert given(SECRET)["assignee"] == "ana@acme.test"
    assert "team" not in given(SECRET)
    assert given(replace(SECRET, team="engineering"))["team"] == "support"
