"""The two tables of the desk: a ticket's life, and who is told what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maild.desk.notices import SHIPPED, setting, tell
from maild.desk.people import Person
from maild.desk.rulebook import NoticeRule
from maild.desk.words import Happening, Notify, Role, State
from maild.desk.workflow import LIFE, Act, Who, after
from tests.desk import worlds as w

LIVE = [state for state in State if state is not State.MERGED]


@pytest.mark.parametrize("state", LIVE)
def test_every_state_is_left_and_reached(state: State) -> None:
    assert any(old is state and new is not state for (old, _, _), new in LIFE.items())
    assert state is State.NEW or any(old is not state and new is state for (old, _, _), new in LIFE.items())


def test_a_merged_ticket_has_no_life_of_its_own() -> None:
    assert not any(old is State.MERGED for old, _, _ in LIFE)


@pytest.mark.parametrize("state", LIVE)
def test_nobody_is_kept_from_writing(state: State) -> None:
    assert after(state, Act.WRITE, Who.REQUESTER) is not None
    assert after(state, Act.WRITE, Who.AGENT) is not None


@pytest.mark.parametrize("act", [Act.SPAM, Act.SOLVE, Act.WAIT, Act.HOLD, Act.MERGE, Act.NOTE])
def test_what_a_requester_may_not(act: Act) -> None:
    assert all(after(state, act, Who.REQUESTER) is None for state in State)


def test_a_requester_never_hears_of_notes_or_fields() -> None:
    for role in (Role.REQUESTER, Role.PARTICIPANT):
        for event in (Happening.NOTED, Happening.CHANGED, Happening.BREACHED, Happening.UNDELIVERABLE):
            assert SHIPPED[event, role] is Notify.OFF


@pytest.mark.parametrize(
    ("rule", "event", "role", "organisation", "send"),
    [
        (
            NoticeRule(Notify.OFF, Role.REQUESTER, "state", "Globex"),
            Happening.STATE,
            Role.REQUESTER,
            "Globex",
            Notify.OFF,
        ),
        (
            NoticeRule(Notify.OFF, Role.REQUESTER, "state", "Globex"),
            Happening.STATE,
            Role.REQUESTER,
            "Initech",
            Notify.EACH,
        ),
        (NoticeRule(Notify.EACH, Role.ADMIN), Happening.NOTED, Role.ADMIN, None, Notify.EACH),
        (NoticeRule(Notify.DIGEST, None, "noted"), Happening.NOTED, Role.WATCHER, None, Notify.DIGEST),
    ],
)
def test_the_admins_rules_change_the_table(
    rule: NoticeRule, event: Happening, role: Role, organisation: str | None, send: Notify
) -> None:
    assert setting(replace(w.RULEBOOK, notices=(rule,)), event, role, organisation) is send


def test_even_an_admins_rule_tells_no_note_to_the_requesters_side() -> None:
    rulebook = replace(w.RULEBOOK, notices=(NoticeRule(Notify.EACH),))
    told = tell(
        rulebook,
        replace(w.TICKET, participants=(w.PIA,), first_response_at=w.NOW),
        (Happening.NOTED,),
        by="desk",
        internal=True,
    )
    assert told
    assert not any(one.role.outside for one in told)


def test_each_is_told_once_in_the_strongest_role() -> None:
    ticket = replace(w.TICKET, assignee="chen@acme.test", watchers=("chen@acme.test", "gone@acme.test"))
    told = tell(w.RULEBOOK, ticket, (Happening.REPLIED,), by="carla@globex.test")
    assert [(one.to.key, one.role) for one in told] == [("chen@acme.test", Role.RESPONSIBLE)]


def test_a_caller_without_an_address_is_told_nothing() -> None:
    ticket = replace(w.TICKET, requester=Person(9, "Caller", ""))
    assert not any(
        one.role is Role.REQUESTER for one in tell(w.RULEBOOK, ticket, (Happening.STATE,), by="desk")
    )
