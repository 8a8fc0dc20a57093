"""Which decisions make promises be counted anew, and that the others cost nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from maild.desk.effects import (
    NEW,
    AddMessage,
    Change,
    ChangeTicket,
    Effect,
    MarkFailed,
    Merge,
    OpenTicket,
    Record,
    SetRequester,
)
from maild.desk.facts import Address
from maild.reckoning import touched
from store import Store, Work
from tests.flow import stage as s

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANA = Address("Ana", "ana@acme.test")


def change(ticket: int, name: str) -> ChangeTicket:
    return ChangeTicket(ticket, (Change("subject", "a", "b"), Change(name, None, "x")))


def message(direction: str, *, public: bool, kind: str = "person", ticket: int | None = 1) -> AddMessage:
    return AddMessage(ticket, ANA, direction, public, kind, "x")


@pytest.mark.parametrize(
    ("effect", "found"),
    [
        (change(1, "state"), {1: "desk"}),
        (change(1, "team"), {1: "desk"}),
        (change(1, "clock_at"), {1: "desk"}),
        (change(1, "assignee"), {}),
        (change(NEW, "priority"), {NEW: "desk"}),
        (change(NEW, "team"), {}),
        (OpenTicket("x", ANA, NOW, "en", "email", None, None, 3, None), {}),
        (message("out", public=True), {1: "desk"}),
        (message("in", public=True), {}),
        (message("in", public=False), {}),
        (message("out", public=True, kind="acknowledgement"), {}),
        (message("out", public=True, ticket=None), {}),
        (Record(1, "ana@acme.test", "contact"), {1: "ana@acme.test"}),
        (Record(1, "ana@acme.test", "noted"), {}),
        (Record(None, "desk", "warned"), {}),
        (Record(1, "carla@home.test", "route"), {}),
        (Record(7, "carla@home.test", "route"), {7: "carla@home.test"}),
        (Merge(1, 2), {2: "desk"}),
        (SetRequester(1, ANA), {1: "desk"}),
        (MarkFailed(5, "gone", "relay"), {9: "desk"}),
    ],
)
def test_what_touches_promises(effect: Effect, found: dict[int, str]) -> None:
    assert touched((effect,), 9, {7}) == found


def test_who_caused_it_last() -> None:
    effects = (change(1, "priority"), Record(1, "escalation", "changed", {"priority": [3, 2]}))
    assert touched(effects, None, ()) == {1: "escalation"}


def test_where_a_step_waits_for_somebody_to_act_it_counts_that_he_does() -> None:
    for effect in (
        change(1, "assignee"),
        Record(1, "ana@acme.test", "noted"),
        Record(1, "ana@acme.test", "acknowledged"),
    ):
        assert list(touched((effect,), None, (), acts=True)) == [1]
        assert touched((effect,), None, ()) == {}


def test_a_mail_that_changes_nothing_of_the_promises_does_not_load_the_history(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[int] = []
    real = Work.moments
    monkeypatch.setattr(
        Work, "moments", lambda work, ticket: (loaded.append(ticket.id), real(work, ticket))[1]
    )
    desk = s.stage(tmp_path, store)
    for number in (1, 2, 3):
        subject = "Fire" if number == 1 else "Re: [Acme #1] Fire"
        desk.take(s.mail("carla@globex.test", subject, f"It burns {number}.", number))
        desk.work()
    assert loaded == []
    desk.flow.act(1, "ana@acme.test", ("#note",), "Who has the keys?")
    assert loaded == [1], "it is no new ticket any more"
    desk.flow.act(1, "ana@acme.test", ("#note",), "I have.")
    assert loaded == [1]
    desk.flow.act(1, "ana@acme.test", ("#public",), "Coming.")
    assert loaded == [1, 1]


def test_the_moments_of_a_ticket_are_three_statements(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    for number in range(1, 6):
        subject = "Fire" if number == 1 else "Re: [Acme #1] Fire"
        desk.take(s.mail("carla@globex.test", subject, f"It burns {number}.", number))
    desk.work()
    with store.read() as work:
        ticket = work.ticket(1)
        assert ticket is not None
        before = store.counts.statements
        work.moments(ticket)
        assert store.counts.statements - before == 3
