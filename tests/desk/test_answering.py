"""What follows when an agent answers: all or nothing, what leaves and what never does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maild.desk.decide import decide
from maild.desk.effects import AddMessage, AddParticipants, ChangeTicket, Decision, Given, Tell
from maild.desk.events import Acted, DeliveryFailed
from maild.desk.facts import Address, Attachment
from maild.desk.leaving import leaks, may_leave, separate
from maild.desk.people import Person
from maild.desk.rulebook import Agent
from maild.desk.words import Role, Scope, State
from tests.desk import worlds as w

LOU = Person(6, "Lou", "lou@acme.test")
UNOWNED = replace(w.TICKET, assignee=None, state=State.NEW)


def answer(
    text: str, ticket: object = w.TICKET, scope: Scope = Scope.PUBLIC, agent: Person = w.ANA, **facts: object
) -> Decision:
    known = w.snapshot(ticket)  # type: ignore[arg-type]
    known = replace(known, people={**known.people, LOU.key: LOU}, persons={**known.persons, LOU.id: LOU})
    return w.decided(w.arrived(w.mail(agent, text, **facts), w.reply_address(agent, Role.TEAM, scope)), known)


def changes(decision: Decision) -> dict[str, object]:
    found = {
        change.name: change.new for effect in w.only(decision, ChangeTicket) for change in effect.changes
    }
    return {name: value for name, value in found.items() if name not in ("active_at", "look_at")}


def said(decision: Decision) -> list[AddMessage]:
    """What becomes a message of the ticket."""
    return [message for message in w.only(decision, AddMessage) if message.ticket is not None]


def kept(decision: Decision) -> list[AddMessage]:
    """What is only known, should it come again."""
    return [message for message in w.only(decision, AddMessage) if message.ticket is None]


def test_an_answer_goes_to_the_requester_and_takes_an_unowned_ticket() -> None:
    decision = answer("Please restart it.", UNOWNED)
    [message] = w.only(decision, AddMessage)
    assert (message.direction, message.public, message.text, message.kind) == (
        "out",
        True,
        "Please restart it.",
        "person",
    )
    assert changes(decision) == {"assignee": "ana@acme.test", "first_response_at": w.NOW, "state": State.OPEN}
    assert w.told(decision) == {"carla@globex.test": "answer"}
    [tell] = w.only(decision, Tell)
    assert not tell.automatic


def test_participants_get_the_answer_too_but_nobody_who_has_it_already() -> None:
    ticket = replace(w.TICKET, participants=(w.PIA, w.EVE), first_response_at=w.NOW)
    decision = answer("Hello all", ticket, cc=(w.mail(w.EVE).from_[0],))
    assert w.told(decision) == {"carla@globex.test": "answer", "pia@globex.test": "answer"}


def test_who_stands_in_copy_of_an_answer_takes_part_from_now_on() -> None:
    copied = (Address("Tom", "tom@globex.test"), Address("", "ben@acme.test"))
    decision = answer("Hello Carla, hello Tom", cc=copied)
    assert [effect.people for effect in w.only(decision, AddParticipants)] == [copied[:1]]
    assert "tom@globex.test" not in w.told(decision)


@pytest.mark.parametrize(
    ("text", "scope", "public"),
    [
        ("words", Scope.PUBLIC, True),
        ("words", Scope.INTERNAL, False),
        ("#note\nwords", Scope.PUBLIC, False),
        ("#public\nwords", Scope.INTERNAL, True),
    ],
)
def test_whom_an_answer_reaches(text: str, scope: Scope, public: bool) -> None:
    decision = answer(text, scope=scope)
    [message] = w.only(decision, AddMessage)
    assert (message.public, message.text) == (public, "words")
    assert ("carla@globex.test" in w.told(decision)) is public


def test_without_a_mail_of_ours_an_answer_stays_inside() -> None:
    decision = w.decided(
        w.arrived(w.mail(w.ANA, "words", subject="[Acme #1] x", proof=w.PASS)), w.snapshot(w.TICKET)
    )
    assert [message.public for message in w.only(decision, AddMessage)] == [False]


def test_a_note_tells_the_responsible_and_nobody_outside() -> None:
    decision = answer("#note\nShe is a difficult customer.", agent=w.BEN)
    assert w.told(decision) == {"ana@acme.test": "notification"}
    assert all(tell.scope is Scope.INTERNAL and not tell.public for tell in w.only(decision, Tell))


def test_a_light_agent_notes_only() -> None:
    assert [message.public for message in w.only(answer("words", agent=LOU), AddMessage)] == [False]
    refused = answer("#public\nwords", agent=LOU)
    assert w.told(refused) == {"lou@acme.test": "transcript"}


@pytest.mark.parametrize(
    "text",
    [
        "#sovle\nDone.",
        "#priority 9\nDone.",
        "#solve now\nDone.",
        "Done.\n#solve",
        "#assign nobody@acme.test\nDone.",
        "#note\n#public\nDone.",
        "#merge 4\nDone.",
        "#spam\nDone.",
        "",
        "Write me: ana@acme.test",
        f"Use {w.reply_address(w.CARLA, Role.REQUESTER)}",
    ],
)
def test_all_or_nothing(text: str) -> None:
    decision = answer(text)
    assert not said(decision)
    assert len(kept(decision)) == 1
    assert not changes(decision)
    assert w.told(decision) == {"ana@acme.test": "transcript"}
    [transcript] = w.only(decision, Tell)
    assert transcript.lines
    assert transcript.answers


def test_commands_alone_are_no_message() -> None:
    decision = answer("#priority 1\n#tag outage vip")
    assert not said(decision)
    assert len(kept(decision)) == 1
    assert changes(decision) == {"priority": 1, "chosen": ("priority",), "tags": ("outage", "vip")}
    assert "carla@globex.test" not in w.told(decision)


def test_solving_with_words_is_one_mail() -> None:
    decision = answer("#solve\nFixed.")
    assert changes(decision)["state"] is State.SOLVED
    assert w.told(decision) == {"carla@globex.test": "answer"}


def test_solving_without_words_is_a_notice() -> None:
    assert w.told(answer("#solve")) == {"carla@globex.test": "notice"}


def test_a_note_with_a_state_tells_the_state_and_not_the_note() -> None:
    decision = answer("#note\n#state pending\nWaiting for her log.")
    assert w.told(decision)["carla@globex.test"] == "notice"


def test_handing_over_tells_the_new_responsible_everything() -> None:
    decision = answer("#assign ben@acme.test\n#note\nYours, please.")
    assert w.told(decision) == {"ben@acme.test": "assigned", "carla@globex.test": "notice"}


def test_an_agent_who_left_the_files_has_no_power() -> None:
    rulebook = replace(
        w.RULEBOOK, agents={key: agent for key, agent in w.RULEBOOK.agents.items() if key != "ana@acme.test"}
    )
    event = w.arrived(w.mail(w.ANA, "#close"), w.reply_address(w.ANA, Role.RESPONSIBLE))
    decision = w.decided(event, w.snapshot(w.TICKET), rulebook)
    assert "state" not in changes(decision)
    assert [message.direction for message in w.only(decision, AddMessage)] == ["in"]


@pytest.mark.parametrize(
    ("name", "type_", "leaves"),
    [
        ("shot.png", "image/png", True),
        ("ana.vcf", "text/vcard", False),
        ("smime.p7s", "application/pkcs7-signature", False),
        ("a.VCF", "text/plain", False),
    ],
)
def test_what_may_leave(name: str, type_: str, leaves: bool) -> None:
    assert may_leave(Attachment(name, type_, 1, False, "0")) is leaves


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("write to support@acme.test", False),
        ("mail Ana (ana@acme.test).", True),
        ("ANA@ACME.TEST", True),
        ("write to _ben@acme.test_ please", True),
        ("contact=ana@acme.test", True),
        ("susana@acme.test, dr.ana@acme.test, ana@acme.test-lab.example", False),
        ("o'brien@acme.test", True),
        ("support+nothing@acme.test", False),
        ("<" + w.reply_address(w.ANA, Role.TEAM) + ">", True),
        ("_" + w.reply_address(w.ANA, Role.TEAM).upper() + "_", True),
        ("tok " + w.reply_address(w.ANA, Role.TEAM).split("+")[1].split("@")[0], True),
        ("mid " + w.sent_to(w.ANA, Role.TEAM).message_id, True),
    ],
)
def test_leaks(text: str, found: bool) -> None:
    irish = Agent("O", "o'brien@acme.test", "support")
    rulebook = replace(w.RULEBOOK, agents={**w.RULEBOOK.agents, irish.address: irish})
    assert bool(leaks(text, rulebook)) is found


NOTIFICATION = """\
##- answer above this line -##

Your answer goes to Carla from Acme Support.

##+ the message +##

It is broken.
What now?

##= end of the message =##

Who asks: Carla <carla@globex.test>"""


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Just words.\n> with a quote of somebody", "Just words.\n> with a quote of somebody"),
        (
            "On Monday Acme Support wrote:\n"
            + quoted(NOTIFICATION).replace("> What now?", "> What now?\nPour water.\n"),
            ">\n> It is broken.\n> What now?\nPour water.\n\n>",
        ),
        (
            "Above.\n" + quoted(NOTIFICATION) + "\nBelow.",
            "Above.\n>\n> It is broken.\n> What now?\n>\nBelow.",
        ),
        ("Above.\n" + NOTIFICATION, None),
        (
            "> " + quoted(NOTIFICATION).replace("\n", "\n> ") + "\nDeep.",
            "> >\n> > It is broken.\n> > What now?\n> >\nDeep.",
        ),
    ],
)
def test_what_maild_wrote_is_taken_out_from_between_the_answers(text: str, left: str | None) -> None:
    assert separate(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "#subject ask ben@acme.test",
        f"#subject {w.reply_address(w.CARLA, Role.REQUESTER)}",
        "* #note\nsecret",
        '"#note"\nsecret',
        "`#note`\nsecret",
        "Hi\n- #solve",
    ],
)
def test_nothing_leaves_by_a_back_door(text: str) -> None:
    assert w.told(answer(text)) == {"ana@acme.test": "transcript"}


def test_attachments_that_hold_our_mail_stop_the_answer_and_the_text_comes_back() -> None:
    event = w.arrived(w.mail(w.ANA, "See the attached."), w.reply_address(w.ANA, Role.TEAM))
    decision = w.decided(replace(event, leaking=("orig.eml",)), w.snapshot(w.TICKET))
    [transcript] = w.only(decision, Tell)
    assert transcript.template == "transcript"
    assert any("orig.eml" in line for line in transcript.lines)
    assert "See the attached." in transcript.lines


def test_an_absence_note_of_an_agent_is_no_answer() -> None:
    event = w.arrived(w.mail(w.ANA, "I am away."), w.reply_address(w.ANA, Role.TEAM), sender="")
    decision = w.decided(event, w.snapshot(w.TICKET))
    assert not w.only(decision, Tell)
    assert [message.direction for message in w.only(decision, AddMessage)] == ["in"]


def test_an_agent_with_a_request_of_his_own_is_its_requester() -> None:
    own = replace(w.TICKET, requester=w.ANA, assignee="ben@acme.test")
    decision = w.decided(
        w.arrived(w.mail(w.ANA, "Also a mouse."), w.reply_address(w.ANA, Role.REQUESTER)), w.snapshot(own)
    )
    assert [message.direction for message in w.only(decision, AddMessage)] == ["in"]
    assert w.told(decision) == {"ben@acme.test": "notification"}
    assert "assignee" not in changes(decision)


def test_the_admin_on_this_host_acts_with_the_same_commands() -> None:
    decision = decide(Acted(1, "admin", ("#solve",), ""), w.snapshot(w.TICKET), w.RULEBOOK, Given(w.NOW, "f"))
    assert changes(decision)["state"] is State.SOLVED
    assert w.told(decision) == {"carla@globex.test": "notice", "ana@acme.test": "notification"}
    refused = decide(Acted(1, "admin", ("#solvee",), ""), w.snapshot(w.TICKET), w.RULEBOOK, Given(w.NOW, "f"))
    assert not refused.effects
    assert any(reason.outcome == "REFUSED" and "solve" in reason.evidence for reason in refused.reasons)
    unknown = decide(Acted(9, "admin", (), "x"), w.snapshot(), w.RULEBOOK, Given(w.NOW, "f"))
    assert not unknown.effects


@pytest.mark.parametrize(("kind", "state"), [("answer", State.OPEN), ("notice", None)])
def test_a_refused_delivery_is_told_and_a_failed_answer_reopens(kind: str, state: State | None) -> None:
    sent = w.sent_to(w.CARLA, Role.REQUESTER, kind=kind)
    known = w.snapshot(replace(w.TICKET, state=State.PENDING), outbox={sent.outbox: sent})
    event = DeliveryFailed(sent.outbox, "550 no such user", "5.1.1")
    decision = decide(event, known, w.RULEBOOK, Given(w.NOW, "f"))
    assert changes(decision).get("state") == state
    assert w.told(decision) == {"ana@acme.test": "notification"}
