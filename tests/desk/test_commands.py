"""Agents' commands: checked against the desk, all or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.desk.commands import COMMANDS, SYNONYMS, Outcome, Power, Requester, carry_out, usages
from maild.desk.facts import Address
from maild.desk.people import Person, Ticket
from maild.desk.rulebook import Field, FieldKind, Macro, Organisation, Word, Words
from maild.desk.snapshot import Changed, Snapshot
from maild.desk.words import State
from tests.desk import worlds as w

ANA = Power(w.RULEBOOK.agents["ana@acme.test"])
LOU = Power(w.RULEBOOK.agents["lou@acme.test"])
LIGHT = {"note", "ask", "time", "watch", "unwatch", "away", "back", "help"}
ONE_PROOF = replace(ANA, both=False)
TWELVE = replace(w.TICKET, id=12, subject="Also on fire")
EVES = replace(w.TICKET, id=13, requester=w.EVE, organisation=None)
SPAM = replace(w.TICKET, id=14, state=State.SPAM)
GONE = replace(w.TICKET, id=15, state=State.MERGED, merged_into=12)
INSIDE = replace(w.TICKET, id=16, state=State.MERGED, merged_into=1)
TICKETS = (TWELVE, EVES, SPAM, GONE, INSIDE)
WORDS = Words(
    types={"incident": Word("incident"), "question": Word("question")},
    severities={"critical": Word("critical", impact=1)},
    tags={"outage": Word("outage")},
    urgencies={1: Word("high"), 2: Word("normal"), 3: Word("low")},
    priorities={1: Word("urgent")},
    priority=((1, 2, 3), (2, 3, 4), (3, 4, 5)),
)

CLOSED = replace(
    WORDS,
    types={"bug": Word("bug", {"es": "Error", "de": "Fehler"}), "Inglés": Word("Inglés")},
    severities={"critical": Word("critical", impact=1), "minor": Word("minor", impact=3)},
    tags={"VIP": Word("VIP"), "on fire": Word("on fire")},
    channels={"chat": Word("chat")},
    impacts={1: Word("everybody")},
    urgencies={1: Word("high", {"es": "Alta"})},
)
FIELDS = {"size": Field("size", "Size", kind=FieldKind.NUMBER, labels={"": "Size", "de": "Nummer"})}


def did(
    *lines: str, ticket: Ticket = w.TICKET, power: Power = ANA, rulebook: object = w.RULEBOOK, **more: object
) -> Outcome:
    known: Snapshot = w.snapshot(ticket, *TICKETS, **more)
    return carry_out(lines, ticket, power, rulebook, known, w.NOW)  # type: ignore[arg-type]


def changes(outcome: Outcome) -> dict[str, object]:
    return {change.name: change.new for change in outcome.changes}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#state pending", {"state": State.PENDING}),
        ("#state On Hold", {"state": State.ON_HOLD}),
        ("#solved.", {"state": State.SOLVED}),
        ("#solve!", {"state": State.SOLVED}),
        ("#resolve", {"state": State.SOLVED}),
        ("#close", {"state": State.CLOSED}),
        ("#reopen", {}),
        ("#priority 1", {"priority": 1, "chosen": ("priority",)}),
        ("#priority 1.", {"priority": 1, "chosen": ("priority",)}),
        ("#prio 2", {"priority": 2, "chosen": ("priority",)}),
        ("#priority 3", {"chosen": ("priority",)}),
        ("#priority auto", {}),
        ("#impact auto", {}),
        ("#subject  A   better one.", {"subject": "A better one."}),
        ("#type incident", {"type": "incident"}),
        ("#category billing", {"category": "billing"}),
        ("#severity critical", {"severity": "critical"}),
        ("#impact 2", {"impact": "2", "chosen": ("impact",)}),
        ("#urgency 1", {"urgency": "1"}),
        ("#team engineering", {"team": "engineering", "level": 2, "assignee": None}),
        ("#team Second Line", {"team": "engineering", "level": 2, "assignee": None}),
        ("#escalate", {"team": "engineering", "level": 2, "assignee": None}),
        ("#assign ben@acme.test", {"assignee": "ben@acme.test"}),
        ("#assign to Ben Okoro", {"assignee": "ben@acme.test"}),
        ("#assign @ben", {"assignee": "ben@acme.test"}),
        ("#assign Ben", {"assignee": "ben@acme.test"}),
        ("#assign to me", {}),
        ("#assign nobody", {"assignee": None}),
        ("#assign chen@acme.test", {"assignee": "chen@acme.test", "team": "engineering", "level": 2}),
        ("#tag Outage, vip", {"tags": ("old", "outage", "vip")}),
        ('#tag "outage"', {"tags": ("old", "outage")}),
        ("#untag old", {"tags": ()}),
        ("#field product=RSR", {"field.product": "rsr"}),
        ("#field hub = north", {"field.hub": "north"}),
        ('#field product="flow".', {"field.product": "flow"}),
        ('#subject "A better one"', {"subject": "A better one"}),
        ('#subject "Flow" or "RSR"', {"subject": '"Flow" or "RSR"'}),
        ("#cause a loose cable", {"cause": "a loose cable"}),
        ("#solution pushed it in.", {"solution": "pushed it in."}),
        ("#channel phone", {"channel": "phone"}),
        ("#organization initech", {"organisation": "Initech"}),
        ("#received 08:40", {"received_at": datetime(2026, 3, 2, 8, 40, tzinfo=UTC)}),
        ("#received 2026-03-01 9:05", {"received_at": datetime(2026, 3, 1, 9, 5, tzinfo=UTC)}),
        ("#due 2026-03-09", {"due_at": datetime(2026, 3, 9, 23, 59, tzinfo=UTC)}),
        ("#due 2026-03-09 16:00", {"due_at": datetime(2026, 3, 9, 16, 0, tzinfo=UTC)}),
        ("#due 10:30", {"due_at": datetime(2026, 3, 2, 10, 30, tzinfo=UTC)}),
        (
            "#link https://status.test/a?b=1#c",
            {"urls": ("https://status.test/a?b=1#c",)},
        ),
        ("#link https://status.test/a.", {"urls": ("https://status.test/a",)}),
    ],
)
def test_what_is_done(line: str, expected: dict[str, object]) -> None:
    organisations = {**w.RULEBOOK.organisations, "Initech": Organisation("Initech")}
    rulebook = replace(w.RULEBOOK, organisations=organisations)
    outcome = did(line, ticket=replace(w.TICKET, tags=("old",)), rulebook=rulebook)
    assert [one.done for one in outcome.lines] == [True], outcome.lines
    assert changes(outcome) == expected


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("#sovle", "did you mean solve"),
        ("#priorty 1", "did you mean priority"),
        ("#priority", "1 to 5"),
        ("#priority high", "1 to 5"),
        ("#impact 4", "1 to 3"),
        ("#state pendign", "did you mean pending"),
        ("#state new", "no state to set"),
        ("#solve now", "takes nothing"),
        ("#note this", "takes nothing"),
        ("#send it", "takes nothing"),
        ("#undo it", "takes nothing"),
        ("#ack it", "takes nothing"),
        ("#team suport", "did you mean support"),
        ("#assign ann@acme.test", "did you mean ana@acme.test"),
        ("#assign @zoe", "there is no agent"),
        ("#assign", "needs"),
        ("#ask", "needs"),
        ("#ask enginering", "did you mean engineering"),
        ("#ask ana@acme.test", "nobody but you"),
        ("#untag nothing", "is not one of"),
        ("#field produkt=x", "did you mean product"),
        ("#field product=flw", "did you mean flow"),
        ("#field product", "name=value"),
        ("#time soon", "no time"),
        ("#time 0m", "no time"),
        ("#contact telepathy", "not one of"),
        ("#contact phne", "did you mean phone"),
        ("#channel pigeon", "not one of"),
        ("#received 09:41", "has not come yet"),
        ("#received 2026-02-30 09:00", "no time such as"),
        ("#received 25:00", "no time such as"),
        ("#received 2026-03-01", "no time such as"),
        ("#received", "needs"),
        ("#due 2026-03-01", "is over"),
        ("#due soon", "no time such as"),
        ("#due 99999-01-01", "no time such as"),
        ("#unwatch ben@acme.test", "does not watch"),
        ("#organisation Globx", "did you mean globex"),
        ("#requester support@acme.test", "own address"),
        ("#requester support+x@acme.test", "own address"),
        ("#requester carla@globex.test", "already"),
        ("#requester a@b@c", "no address"),
        ("#requester Tom <tom at globex>", "no address"),
        ("#requester", "needs"),
        ("#link 99", "no other ticket"),
        ("#link 1", "no other ticket"),
        ("#link 16", "part of this ticket"),
        ("#link https://", "no address of a page"),
        ("#link page", "no other ticket"),
        ("#merge 99", "no other ticket"),
        ("#merge 1", "that is this one"),
        ("#merge 16", "part of this ticket"),
        ("#merge 14", "is spam"),
        ("#merge 13", "#link 13"),
        ("#merge twelve", "no ticket's number"),
        ("#merge 12 and 13", "no ticket's number"),
        ("#split", "needs"),
        ("#macro thanks", "no macro"),
        ("#undo", "changed no field"),
        ("# 1", "no command"),
        ("#", "no command"),
    ],
)
def test_what_is_refused_and_why(line: str, why: str) -> None:
    outcome = did("#tag fine", line)
    assert outcome.refused
    assert why in outcome.lines[1].why
    assert outcome.lines[0].done


def test_the_first_time_of_an_agents_day_is_in_his_zone() -> None:
    agents = {**w.RULEBOOK.agents, "ana@acme.test": replace(w.RULEBOOK.agents["ana@acme.test"], zone="Europe/Madrid")}  # fmt: skip
    rulebook = replace(w.RULEBOOK, agents=agents)
    outcome = did("#received 09:40", power=Power(agents["ana@acme.test"]), rulebook=rulebook)
    assert changes(outcome) == {"received_at": datetime(2026, 3, 2, 8, 40, tzinfo=UTC)}
    assert "Europe/Madrid" in outcome.lines[0].why


@pytest.mark.parametrize("line", ["#spam", "#state spam", "#merge 12", "#split Other", "#requester x@y.test"])
def test_power_needs_both_proofs_or_a_confirmation_and_the_admin_needs_none(line: str) -> None:
    once = did(line, power=ONE_PROOF)
    assert (once.confirm, once.refused) == (True, False)
    assert not did(line).confirm
    assert not did(line, power=Power(None)).confirm
    assert not did("#link 12", power=ONE_PROOF).confirm


def test_the_admin_on_this_host_is_not_me() -> None:
    assert did("#assign me", power=Power(None)).refused
    assert did("#take", power=Power(None)).refused


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - LIGHT))
def test_a_light_agent_only_notes(name: str) -> None:
    outcome = did(f"#{name} 1", power=LOU)
    assert "your role" in outcome.lines[0].why


@pytest.mark.parametrize("line", ["#note", "#ask engineering", "#time 5m", "#watch me", "#help"])
def test_what_a_light_agent_may(line: str) -> None:
    assert not did(line, power=LOU).refused


@pytest.mark.parametrize(
    ("lines", "minutes"),
    [
        (("#time 25m",), 25),
        (("#time 1h30m",), 90),
        (("#time 2h", "#time 5"), 125),
        (("#time 10 minutes",), 10),
        (("#time 1H",), 60),
    ],
)
def test_time_adds_up(lines: tuple[str, ...], minutes: int) -> None:
    assert did(*lines).minutes == minutes


@pytest.mark.parametrize(
    "lines",
    [
        ("#note", "#public"),
        ("#public", "#note"),
        ("#public", "#ask ben"),
        ("#contact phone", "#public"),
        ("#note", "#send"),
        ("#send", "#note"),
    ],
)
def test_what_excludes_each_other(lines: tuple[str, ...]) -> None:
    assert did(*lines).refused


def test_taking_a_new_ticket_opens_it() -> None:
    for line in ("#assign me", "#take"):
        outcome = did(line, ticket=replace(w.TICKET, state=State.NEW, assignee=None))
        assert changes(outcome) == {"assignee": "ana@acme.test", "state": State.OPEN}


def test_watching_and_linking() -> None:
    outcome = did("#watch", "#watch @ben", "#link #12.", "#link 15", "#link https://a.test/x")
    assert outcome.watch == ("ana@acme.test", "ben@acme.test")
    assert outcome.links == (12,)  # 15 lives in 12 now
    assert did("#unwatch", ticket=replace(w.TICKET, watchers=("ana@acme.test",))).unwatch == (
        "ana@acme.test",
    )
    assert did("#unwatch gone@acme.test", ticket=replace(w.TICKET, watchers=("gone@acme.test",))).unwatch


def test_asking_keeps_the_text_inside() -> None:
    outcome = did("#ask engineering", "#ask @ben")
    assert [agent.address for agent in outcome.ask] == ["chen@acme.test", "ben@acme.test"]
    assert outcome.public is False
    everybody = did("#ask support")
    assert "ana@acme.test" not in [agent.address for agent in everybody.ask]


def test_a_talk_stays_inside_and_says_by_which_way() -> None:
    outcome = did("#contact Phone")
    assert (outcome.contact, outcome.public) == ("phone", False)


@pytest.mark.parametrize(
    ("argument", "name", "address", "phone"),
    [
        ("Tom@Globex.Test", "", "Tom@globex.test", None),
        ("Tom <tom@globex.test>", "Tom", "tom@globex.test", None),
        ("tom@globex.test.", "", "tom@globex.test", None),
        ('"Maria"', "Maria", "", None),
        ("Maria from the shop", "Maria from the shop", "", None),
        ("+31 20 555 0100", "", "", "+31 20 555 0100"),
        ("Maria +31 20 555 0100", "Maria", "", "+31 20 555 0100"),
    ],
)
def test_another_requester(argument: str, name: str, address: str, phone: str | None) -> None:
    asked = did(f"#requester {argument}", ticket=replace(w.TICKET, requester=w.EVE)).requester
    assert asked is not None
    assert (asked.who.name, asked.who.address, asked.phone) == (name, address, phone)


MARIA = Person(21, "Maria", "maria@globex.test", "Globex")
OTHER = Person(22, "Maria", "", phone="020 555 0100")
DESK = Person(23, "Maria", "support@acme.test")


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ((MARIA,), Requester(Address("Maria", "maria@globex.test"), None, MARIA)),
        ((OTHER, DESK), Requester(Address("Maria", ""), "020 555 0100", OTHER)),
        ((), Requester(Address("Maria", ""))),
    ],
)
def test_whom_the_register_knows_is_the_requester(known: tuple[Person, ...], asked: Requester) -> None:
    outcome = did("#requester Maria", ticket=EVES, callers={"Maria": known})
    assert outcome.requester == asked
    assert changes(outcome) == ({"organisation": "Globex"} if known == (MARIA,) else {})


def test_several_of_a_name_are_refused_and_named() -> None:
    outcome = did("#requester Maria", ticket=EVES, callers={"Maria": (MARIA, OTHER)})
    assert outcome.refused
    assert "Maria <maria@globex.test> (Globex); Maria 020 555 0100: say the address" in outcome.lines[0].why


def test_an_organisation_is_said_of_the_person_and_taken_back() -> None:
    assert did("#organisation globex", ticket=EVES).belongs == "Globex"
    back = did("#organisation none", ticket=replace(EVES, organisation="Globex"))
    assert (back.belongs, changes(back)) == ("", {"organisation": None})
    home = did("#organisation none", ticket=replace(w.TICKET, organisation="Initech"))
    assert changes(home) == {"organisation": "Globex"}
    assert did("#priority 1").belongs is None


def test_another_requester_brings_his_organisation() -> None:
    assert changes(did("#requester tom@globex.test", ticket=EVES)) == {"organisation": "Globex"}


def test_escalation_ends_at_the_top() -> None:
    outcome = did("#escalate", ticket=replace(w.TICKET, team="engineering", level=2))
    assert "no team stands above" in outcome.lines[0].why
    assert did("#escalate").escalated == ("support", "engineering")
    assert did("#escalate needs a developer").escalate == "needs a developer"


def test_merging() -> None:
    assert did("#merge 12").merge is not None
    followed = did("#merge #15").merge
    assert followed is not None
    assert followed.into.id == 12
    together = did("#merge 13 together").merge
    assert together is not None
    assert together.together
    assert did("#merge 12", "#merge 13 together").refused
    assert did("#merge 12", "#priority 1").refused
    assert not did("#merge 12", "#note").refused


def test_a_person_with_two_addresses_is_one_requester() -> None:
    twice = replace(TWELVE, requester=Person(2, "Carla", "carla@home.test"))
    outcome = did("#merge 12", tickets={1: w.TICKET, 12: twice})
    assert outcome.refused  # another person of the register, with another address
    one = replace(TWELVE, requester=Person(w.CARLA.id, "Carla", "carla@globex.test"))
    assert not did("#merge 12", tickets={1: w.TICKET, 12: one}).refused


def test_a_closed_dictionary_is_closed_and_priority_follows() -> None:
    rulebook = replace(w.RULEBOOK, words=WORDS)
    assert "did you mean incident" in did("#type incidnt", rulebook=rulebook).lines[0].why
    assert "not one of" in did("#tag printer", rulebook=rulebook).lines[0].why
    assert changes(did("#severity Critical", rulebook=rulebook)) == {
        "severity": "critical",
        "impact": "1",
        "priority": 2,
    }
    assert changes(did("#urgency high", "#impact 1", rulebook=rulebook))["priority"] == 1
    assert "priority" not in changes(did("#impact 2", "#priority 3", rulebook=rulebook))
    assert changes(did("#priority Urgent", rulebook=rulebook)) == {"priority": 1, "chosen": ("priority",)}


SET = replace(w.TICKET, severity="critical", impact="2", priority=5, chosen=("impact", "priority"))


@pytest.mark.parametrize(
    ("ticket", "lines", "expected"),
    [
        (SET, ("#severity minor",), {"severity": "minor"}),
        (SET, ("#urgency high",), {"urgency": "1"}),
        (SET, ("#priority auto",), {"priority": 3, "chosen": ("impact",)}),
        (SET, ("#impact auto",), {"impact": "1", "chosen": ("priority",)}),
        (SET, ("#impact auto", "#priority auto"), {"impact": "1", "priority": 2, "chosen": ()}),
        (SET, ("#priority auto", "#severity minor", "#impact auto"), {"severity": "minor", "impact": "3", "priority": 4, "chosen": ()}),
        (SET, ("#severity minor", "#impact 1"), {"severity": "minor", "impact": "1"}),
        (replace(SET, impact=None, severity=None), ("#priority auto",), {"priority": 3, "chosen": ("impact",)}),
        (w.TICKET, ("#type bug",), {"type": "bug"}),
        (w.TICKET, ("#severity minor", "#priority 1"), {"severity": "minor", "impact": "3", "priority": 1, "chosen": ("priority",)}),
    ],
)  # fmt: skip
def test_what_was_chosen_stays_until_it_is_given_back(
    ticket: Ticket, lines: tuple[str, ...], expected: dict[str, object]
) -> None:
    assert changes(did(*lines, ticket=ticket, rulebook=replace(w.RULEBOOK, words=CLOSED))) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#type error", {"type": "bug"}),
        ("#type Fehler", {"type": "bug"}),
        ("#type BUG", {"type": "bug"}),
        ("#type ingles", {"type": "Inglés"}),
        ("#tag vip, on fire", {"tags": ("VIP", "on fire")}),
        ("#tag vip", {"tags": ("VIP",)}),
        ("#channel Phone", {"channel": "phone"}),
        ("#channel chat", {"channel": "chat"}),
        ("#urgency Alta", {"urgency": "1"}),
        ("#field Nummer=2,5", {"field.size": "2.5"}),
    ],
)
def test_a_word_is_said_by_key_or_label_and_kept_as_its_key(line: str, expected: dict[str, object]) -> None:
    found = changes(
        did(line, rulebook=replace(w.RULEBOOK, words=CLOSED, fields=FIELDS, channels={"phone": "1"}))
    )
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("#type bgu", "'bgu' is not one of bug, Inglés; did you mean bug?"),
        ("#type eror", "'eror' is not one of bug, Inglés; did you mean bug?"),
        ("#tag vpi", "'vpi' is not one of VIP, on fire; did you mean VIP?"),
        ("#channel phnoe", "'phnoe' is not one of email, phone, chat; did you mean phone?"),
        ("#channel visit", "'visit' is not one of email, phone, chat"),
        ("#severity critcal", "'critcal' is not one of critical, minor; did you mean critical?"),
        (
            "#impact everyone",
            "'everyone' is not 1 to 3 or everybody (1 is the highest); did you mean everybody?",
        ),
        ("#field size=big", "'big' is no number, like 12 or 2.5"),
        ("#field siez=2", "there is no field 'siez'; did you mean size?"),
    ],
)
def test_any_other_word_is_refused_with_the_nearest(line: str, why: str) -> None:
    outcome = did(line, rulebook=replace(w.RULEBOOK, words=CLOSED, fields=FIELDS, channels={"phone": "1"}))
    assert outcome.refused
    assert outcome.lines[0].why == why


MACROS = {
    "thanks": Macro("thanks", ("#solve", "#tag thanks"), "Dear {{requester.name}}, thank you. {{agent.name}}, {{ desk.name }} {{ticket.id}}"),
    "late": Macro("late", ("#untag nothing",), "Sorry."),
}  # fmt: skip


def test_a_macro_is_its_commands_and_its_text() -> None:
    rulebook = replace(w.RULEBOOK, macros=MACROS)
    outcome = did("#macro Thanks", "#time 5m", rulebook=rulebook)
    assert changes(outcome) == {"state": State.SOLVED, "tags": ("thanks",)}
    assert outcome.text == "Dear Carla, thank you. Ana Ruiz, Acme Support 1"
    refused = did("#macro late", rulebook=rulebook)
    assert "#untag nothing is refused" in refused.lines[0].why
    assert refused.changes == ()
    assert "did you mean thanks" in did("#macro thnks", rulebook=rulebook).lines[0].why
    assert "#macro late" in usages(rulebook)


def done(actor: str, minutes_ago: int, **names: tuple[object, object]) -> Changed:
    return Changed(w.NOW - timedelta(minutes=minutes_ago), actor, names)


NOW_IS = replace(
    w.TICKET, state=State.SOLVED, priority=1, tags=("vip",), due_at=w.NOW, assignee="ben@acme.test"
)
MINE = done(
    "ana@acme.test", 5, state=("open", "solved"), priority=(3, 1), tags=([], ["vip"]), due_at=(None, w.NOW.isoformat()),
    assignee=("ana@acme.test", "ben@acme.test"),
)  # fmt: skip


def test_undoing_takes_back_the_last_mails_changes() -> None:
    before = done("ana@acme.test", 50, priority=(2, 3))
    outcome = did("#undo", ticket=NOW_IS, done={1: (before, MINE)})
    assert changes(outcome) == {
        "state": State.OPEN,
        "priority": 3,
        "tags": (),
        "due_at": None,
        "assignee": "ana@acme.test",
    }
    assert "stays sent" in outcome.lines[0].why


def test_undoing_a_priority_lets_it_follow_again() -> None:
    ticket = replace(w.TICKET, impact="1", urgency="2", priority=5, chosen=("priority",))
    last = done("ana@acme.test", 5, priority=(2, 5), chosen=([], ["priority"]))
    outcome = did("#undo", ticket=ticket, done={1: (last,)}, rulebook=replace(w.RULEBOOK, words=CLOSED))
    assert changes(outcome) == {"priority": 2, "chosen": ()}
    assert outcome.undone == ("priority is 2 again",)


def test_undoing_takes_back_each_change_once() -> None:
    outcome = did("#undo", ticket=NOW_IS, done={1: (MINE,)})
    assert len(outcome.undone) == 5


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((done("ben@acme.test", 5, priority=(3, 1)),), "changed no field"),
        ((done("ana@acme.test", 61, priority=(3, 1)),), "changed no field"),
        ((MINE, done("ana@acme.test", 2)), "changed no field"),
        ((done("ana@acme.test", 5, priority=(3, 2)),), "priority was changed since"),
        ((MINE, done("ben@acme.test", 2, priority=(1, 2))), ""),
    ],
)
def test_what_cannot_be_undone(lines: tuple[Changed, ...], why: str) -> None:
    outcome = did("#undo", ticket=NOW_IS, done={1: lines})
    assert (why in outcome.lines[0].why) if why else not outcome.refused


@pytest.mark.parametrize("word", sorted(SYNONYMS))
def test_every_synonym_is_a_command(word: str) -> None:
    assert SYNONYMS[word] in COMMANDS
    assert word not in COMMANDS


@given(st.lists(st.tuples(st.sampled_from(sorted({*COMMANDS, *SYNONYMS})), st.text(max_size=30)), max_size=5))
def test_no_argument_breaks_a_command(lines: list[tuple[str, str]]) -> None:
    outcome = did(
        *(f"#{word} {argument}" for word, argument in lines), rulebook=replace(w.RULEBOOK, macros=MACROS)
    )
    assert len(outcome.lines) >= len(lines)
    assert all(line.why for line in outcome.lines)
