"""What waits for a word of its author, and what merging and splitting come to, as decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from maild.desk.decide import decide
from maild.desk.effects import (
    NEW,
    AddMessage,
    AddParticipants,
    ChangeTicket,
    Decision,
    Given,
    Hold,
    Link,
    Merge,
    MoveMessage,
    OpenTicket,
    Record,
    Release,
    SetRequester,
    Tell,
    Watch,
)
from maild.desk.events import Acted, MessageArrived
from maild.desk.holding import HELD_FOR, says_yes
from maild.desk.people import Message, SentMail
from maild.desk.snapshot import Held, Snapshot
from maild.desk.words import Role, Scope, State
from tests.desk import worlds as w

TOLD = replace(w.sent_to(w.ANA, Role.RESPONSIBLE), message=50, intake=1)
TRANSCRIPT = replace(w.sent_to(w.ANA, Role.TEAM, Scope.INTERNAL, kind="transcript"), intake=9)
ASKED = Message(50, 1, w.NOW - timedelta(hours=2), "in", True, "person", "Carla", w.CARLA.address, (), "", "It burns.", "It burns.")  # fmt: skip
SECOND = replace(ASKED, id=51, text="And the mouse?", reply="And the mouse?")
BENS = replace(ASKED, id=60, at=w.NOW - timedelta(minutes=1), direction="out", from_name="Ben Okoro", from_address=w.BEN.address, text="Use water.")  # fmt: skip
TWELVE = replace(w.TICKET, id=12, subject="Also on fire", tags=("vip",), assignee="ben@acme.test")
WAITS = Held(3, 9, 1, w.ANA.address, "crossing", w.NOW - timedelta(hours=1))


def decided(
    text: str, to: SentMail = TOLD, *tickets: object, agent: object = w.ANA, lifted: tuple[str, ...] = (), proof: object = None, **more: object
) -> Decision:  # fmt: skip
    """What an agent's answer to one of our mails comes to."""
    known: Snapshot = w.snapshot(*(tickets or (w.TICKET, TWELVE)), sent=(TOLD, TRANSCRIPT), **more)  # type: ignore[arg-type]
    facts = {"proof": proof} if proof else {}
    mail = w.mail(agent, text, in_reply_to=(to.message_id,), **facts)  # type: ignore[arg-type]
    event = w.arrived(mail, w.reply_address(agent, Role.TEAM, to.scope))  # type: ignore[arg-type]
    return w.decided(replace(event, lifted=lifted), known)


def transcript(decision: Decision) -> str:
    [tell] = [tell for tell in w.only(decision, Tell) if tell.template == "transcript"]
    return "\n".join(tell.lines)


def refused(decision: Decision) -> bool:
    return not any(
        effect for kind in (ChangeTicket, SetRequester, Hold, Release) for effect in w.only(decision, kind)
    )


def test_an_answer_that_crosses_another_is_held_whole() -> None:
    decision = decided("#priority 1\nUse sand.", answered={1: BENS})
    assert w.only(decision, Hold) == [Hold(1, "ana@acme.test", "crossing")]
    assert not w.only(decision, ChangeTicket)
    assert w.told(decision) == {"ana@acme.test": "transcript"}
    assert "> Use water." in transcript(decision)
    assert "> Use sand." in transcript(decision)
    [kept] = w.only(decision, AddMessage)
    assert kept.ticket is None


@pytest.mark.parametrize(
    ("text", "to", "first", "lifted"),
    [
        ("#note\nUse sand.", TOLD, BENS, ()),
        ("#send\nUse sand.", TOLD, BENS, ()),
        ("Use sand.", TOLD, BENS, ("crossing",)),
        ("Use sand.", TOLD, replace(BENS, at=TOLD.at - timedelta(minutes=1)), ()),
        ("#priority 1", TOLD, BENS, ()),
        ("#contact phone\nUse sand.", TOLD, BENS, ()),
    ],
)
def test_what_crosses_nothing(text: str, to: SentMail, first: Message, lifted: tuple[str, ...]) -> None:
    decision = decided(text, to, answered={1: first}, lifted=lifted)
    assert not w.only(decision, Hold)
    assert w.only(decision, ChangeTicket)


@pytest.mark.parametrize("word", ["#send", "yes", "#confirm", "#send."])
def test_one_word_lets_it_go(word: str) -> None:
    decision = decided(word, TRANSCRIPT, held=(WAITS,))
    assert w.only(decision, Release) == [Release(3)]
    assert not w.only(decision, Tell)
    assert [message.ticket for message in w.only(decision, AddMessage)] == [None]


def test_send_alone_finds_what_is_held_from_any_mail_of_the_ticket() -> None:
    older, newer = WAITS, replace(WAITS, id=4, intake=10)
    decision = decided("#send", TOLD, held=(older, newer))
    assert w.only(decision, Release) == [Release(4)]


@pytest.mark.parametrize(
    ("word", "to", "held", "why"),
    [
        ("#send", TOLD, (), "Nothing of yours waits"),
        ("#send", TRANSCRIPT, (replace(WAITS, agent="ben@acme.test"),), "Nothing of yours waits"),
        ("#send", TRANSCRIPT, (replace(WAITS, done=True),), "done already"),
        ("#send", TRANSCRIPT, (replace(WAITS, at=w.NOW - HELD_FOR - timedelta(minutes=1)),), "more than a week"),
        ("yes", TRANSCRIPT, (replace(WAITS, why="confirm", done=True),), "done already"),
        ("#send\n#priority 1", TOLD, (WAITS,), "#send with other commands needs a text"),
    ],
)  # fmt: skip
def test_what_cannot_go(word: str, to: SentMail, held: tuple[Held, ...], why: str) -> None:
    decision = decided(word, to, held=held)
    assert refused(decision)
    assert why in transcript(decision)


@pytest.mark.parametrize(
    ("text", "yes"),
    [("yes", True), ("Yes!", True), ("\n OK.\n\nAna", True), ("sí", True), ("Ja,", True), ("oui", True), ("\u200b#confirm", True),
     ("yes please", False), ("no", False), ("", False), ("> yes", False), ("#yes", False)],
)  # fmt: skip
def test_a_first_line_that_confirms(text: str, yes: bool) -> None:
    assert says_yes(text) is yes


def test_a_yes_to_any_other_mail_is_a_word() -> None:
    decision = decided("yes", TOLD, held=(replace(WAITS, why="confirm"),))
    assert not w.only(decision, Release)
    assert [message.text for message in w.only(decision, AddMessage)] == ["yes"]


@pytest.mark.parametrize("line", ["#merge 12", "#spam", "#requester tom@globex.test", "#split Other\nText"])
def test_power_waits_for_a_confirmation(line: str) -> None:
    decision = decided(line)
    assert w.only(decision, Hold) == [Hold(1, "ana@acme.test", "confirm")]
    assert not w.only(decision, ChangeTicket)
    assert not w.only(decision, OpenTicket)
    assert "yes to confirm" in transcript(decision)
    for free in (decided(line, lifted=("confirm",)), decided(line, proof=w.PASS)):
        assert not w.only(free, Hold)
        assert not refused(free)


def test_a_refused_line_is_refused_before_anybody_is_asked() -> None:
    decision = decided("#merge 12\n#merge 99")
    assert refused(decision)
    assert "REFUSED" in transcript(decision)


def test_merging_moves_people_tags_and_watchers_and_stops_the_old_one() -> None:
    old = replace(w.TICKET, participants=(w.PIA,), tags=("fire",), watchers=("chen@acme.test",))
    decision = decided("#merge 12", TOLD, old, TWELVE, proof=w.PASS)
    changes = [(one.ticket, change.name, change.new) for one in w.only(decision, ChangeTicket) for change in one.changes]  # fmt: skip
    assert (1, "state", State.MERGED) in changes
    assert (1, "merged_into", 12) in changes
    assert (12, "tags", ("vip", "fire")) in changes
    assert w.only(decision, Merge) == [Merge(1, 12)]
    assert [(one.ticket, [person.key for person in one.people]) for one in w.only(decision, AddParticipants)] == [(12, ["pia@globex.test"])]  # fmt: skip
    assert [one.address for one in w.only(decision, Watch)] == ["chen@acme.test", "ana@acme.test"]
    inside = [tell for tell in w.only(decision, Tell) if not tell.role.outside]
    assert {tell.lines for tell in inside} == {("Ticket 1 (Printer on fire) goes on in this one.",)}
    [mail] = [tell for tell in w.only(decision, Tell) if tell.role.outside]
    assert (mail.ticket, mail.template, mail.named) == (12, "merged", (1,))
    assert w.told(decision) == {
        "carla@globex.test": "merged",
        "ben@acme.test": "notification",
        "chen@acme.test": "notification",
    }


def test_merging_with_words_sends_only_these() -> None:
    decision = decided("#merge 12\nBoth at once.", proof=w.PASS)
    [message] = w.only(decision, AddMessage)
    assert (message.ticket, message.public) == (12, True)
    assert [tell.template for tell in w.only(decision, Tell) if tell.role.outside] == ["answer"]


def test_a_part_is_the_requesters_and_its_agents_are_told_with_its_own_token() -> None:
    decision = decided("#split One\nText one\n#split Two\nText two", messages={50: ASKED}, proof=w.PASS)
    assert [(one.key, one.subject) for one in w.only(decision, OpenTicket)] == [
        (NEW, "One"),
        (NEW - 1, "Two"),
    ]
    texts = {one.ticket: (one.text, one.author.key, one.direction, one.public) for one in w.only(decision, AddMessage) if one.part}  # fmt: skip
    assert texts == {
        NEW: ("Text one", "carla@globex.test", "in", True),
        NEW - 1: ("Text two", "carla@globex.test", "in", True),
    }
    assert [(one.ticket, one.other) for one in w.only(decision, Link)] == [(NEW, 1), (NEW - 1, 1)]
    told = [(tell.ticket, tell.to.key, tell.template) for tell in w.only(decision, Tell)]
    assert told.count((1, "carla@globex.test", "split")) == 1
    assert (NEW, "ana@acme.test", "notification") in told
    assert (NEW - 1, "ana@acme.test", "notification") in told
    assert len([one for one in told if one[1] == "carla@globex.test"]) == 1


def test_the_message_that_was_answered_moves() -> None:
    decision = decided("#split Fire", messages={50: ASKED, 51: SECOND}, proof=w.PASS)
    assert w.only(decision, MoveMessage) == [MoveMessage(50, NEW)]
    [opening] = w.only(decision, OpenTicket)
    assert opening.received_at == ASKED.at


@pytest.mark.parametrize(
    ("text", "messages", "why"),
    [
        ("#split A", {50: ASKED}, "only message"),
        ("#split A", {}, "answer the notification"),
        ("#split A", {50: replace(ASKED, ticket=12), 51: SECOND}, "another ticket now"),
        ("#split A\n#split B", {50: ASKED, 51: SECOND}, "only one #split"),
        ("#split A", {50: BENS, 51: SECOND}, "requester's side"),
        ("#split A\ntext\n#close", {50: ASKED}, "stands where it is not one"),
        ("#split A with ana@acme.test\ntext", {50: ASKED}, "must not leave"),
    ],
)
def test_what_cannot_be_split(text: str, messages: dict[int, Message], why: str) -> None:
    decision = decided(text, messages=messages, proof=w.PASS)
    assert refused(decision)
    assert why in transcript(decision)


def test_the_new_requester_hears_and_the_old_one_does_not() -> None:
    decision = decided("#requester tom@globex.test\nHello Tom", proof=w.PASS)
    assert [one.requester.key for one in w.only(decision, SetRequester)] == ["tom@globex.test"]
    assert w.told(decision) == {"tom@globex.test": "answer"}


def test_a_caller_gets_nothing_and_the_agent_hears_of_it() -> None:
    decision = decided("#requester Tom from the shop\nHello Tom", proof=w.PASS)
    [message] = w.only(decision, AddMessage)
    assert message.public is False
    assert "has no address" in transcript(decision)


def test_asking_tells_those_who_do_not_follow_the_ticket() -> None:
    decision = decided("#ask chen@acme.test\nIs it yours?")
    [tell] = [tell for tell in w.only(decision, Tell) if tell.to.key == "chen@acme.test"]
    assert (tell.scope, tell.role.outside) == (Scope.INTERNAL, False)
    assert "asks you" in tell.lines[-1]
    again = decided("#ask @ben\nAnd you?", TOLD, replace(w.TICKET, assignee="ben@acme.test"))
    assert [tell.lines[-1].startswith("Ana Ruiz asks you") for tell in w.only(again, Tell)] == [True]
    assert "needs your question" in transcript(decided("#ask @ben"))


@pytest.mark.parametrize("text", ["#note", "#public", "#internal\n\n-- \nAna"])
def test_a_scope_without_words_is_told(text: str) -> None:
    decision = decided(text.partition("-- ")[0])
    assert refused(decision)
    assert "there is no text" in transcript(decision)


def test_a_talk_counts_as_an_answer_and_stays_inside() -> None:
    ticket = replace(w.TICKET, assignee=None, state=State.NEW)
    decision = decided("#contact phone\nAll is well.", TOLD, ticket)
    changes = {change.name: change.new for one in w.only(decision, ChangeTicket) for change in one.changes}
    assert changes["first_response_at"] == w.NOW
    assert (changes["assignee"], changes["state"]) == ("ana@acme.test", State.OPEN)
    [message] = w.only(decision, AddMessage)
    assert (message.public, message.direction) == (False, "in")
    assert "contact" in [record.event for record in w.only(decision, Record)]
    assert "answer" not in w.told(decision).values()


def test_lines_of_the_notification_are_no_commands() -> None:
    theirs = replace(ASKED, text="Please:\n#close\nThank you")
    ours = decided("#close\nThank you", messages={50: theirs})
    assert refused(ours)
    assert not refused(decided("#close\nDone.", messages={50: theirs}))


def test_a_caller_is_not_written_to_from_this_host_either() -> None:
    caller = replace(w.TICKET, requester=replace(w.CARLA, address=""))
    decision = decide(
        Acted(1, "admin", ("#public",), "Hello"), w.snapshot(caller), w.RULEBOOK, Given(w.NOW, "f")
    )
    assert not decision.effects
    assert any("no address" in reason.evidence for reason in decision.reasons)


def test_who_left_the_files_acts_no_more_on_this_host_either() -> None:
    def act(actor: str) -> Decision:
        return decide(
            Acted(1, actor, ("#close",), ""), w.snapshot(w.TICKET), w.RULEBOOK, Given(w.NOW, "fresh123")
        )

    assert act("admin").effects
    assert act("ana@acme.test").effects
    gone = act("gone@acme.test")
    assert not gone.effects
    assert [reason.outcome for reason in gone.reasons] == ["REFUSED"]


def test_a_lifted_mail_takes_the_place_in_which_it_was_kept() -> None:
    kept = replace(ASKED, id=77, ticket=None)
    decision = decided("Use sand.", answered={1: BENS}, lifted=("crossing",), same=kept)
    [message] = w.only(decision, AddMessage)
    assert message.instead_of == 77
    again: MessageArrived = w.arrived(w.mail(w.ANA, "Use sand."), w.reply_address(w.ANA, Role.TEAM))
    same = w.decided(again, w.snapshot(w.TICKET, same=kept))
    assert not w.only(same, AddMessage)
