"""What tickets need: which questions, what a text gives, what is told of it, and mistakes in the files."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from maild.delivery import inquiries
from maild.desk import rulefiles, triage
from maild.desk.effects import Change, ChangeTicket, Decision, Record, Tell
from maild.desk.facts import Address, Attachment
from maild.desk.people import Ticket
from maild.desk.rulebook import ATTACHMENT, Field, FieldKind, Limits, Need, NoticeRule, Word, Words
from maild.desk.words import Happening, Notify, Role, State
from tests.desk import worlds as w

DOING = Need("doing", {"en": "What were you doing?", "es": "¿Qué estaba haciendo?"}, "doing")
EXPECTED = Need("expected", {"": "What did you expect?"}, "expected", ("/(?i)expected|should have/",))
VERSION = Need("version", {"fr": "Quelle version ?"}, "version", (r"/(?i)\bversion (\d[\d.]*)/",))
PICTURE = Need("ask 1", {"en": "Please send a screenshot."}, None, (ATTACHMENT,))
OTHER = Need("doing", {"en": "What happened before?"}, "doing")
RULEBOOK = replace(
    w.RULEBOOK,
    fields={
        "doing": Field("doing", "Doing"),
        "expected": Field("expected", "Expected"),
        "version": Field("version", "Version"),
        "users": Field("users", "Users", kind=FieldKind.NUMBER),
        "size": Field("size", "Size", {"small": Word("small", {"es": "pequeño"}), "big": Word("big", needs=(PICTURE,))}, FieldKind.CHOICE),
    },
    words=Words(
        types={"bug": Word("bug", needs=(DOING, EXPECTED, VERSION, PICTURE)), "outage": Word("outage", needs=(DOING,), wait=True)},
        categories={"printing": Word("printing", needs=(OTHER, PICTURE))},
    ),
)  # fmt: skip
BUG = replace(w.TICKET, type="bug", state=State.NEW, assignee=None)
PNG = Attachment("screen.png", "image/png", 20_000, False, "0" * 64)


def keys(needs: tuple[Need, ...]) -> list[str]:
    return [need.key for need in needs]


def test_needs_come_of_type_category_and_values_each_once() -> None:
    ticket = replace(BUG, category="printing", fields={"size": "big"})
    assert triage.needs_of(ticket, RULEBOOK) == (DOING, EXPECTED, VERSION, PICTURE)
    assert triage.needs_of(replace(ticket, type=None), RULEBOOK) == (OTHER, PICTURE)
    assert triage.needs_of(replace(w.TICKET, fields={"size": "big"}), RULEBOOK) == (PICTURE,)
    assert triage.needs_of(w.TICKET, RULEBOOK) == ()


def test_what_is_in_its_field_or_was_met_lacks_no_more() -> None:
    ticket = replace(BUG, fields={"version": "3"}, met=("ask 1",), asked=("expected", "ask 1"))
    assert keys(triage.lacking(ticket, RULEBOOK)) == ["doing", "expected"]
    assert [(one.number, one.need.key, one.given) for one in triage.listed(ticket, RULEBOOK)] == [
        (1, "expected", False),
        (2, "ask 1", True),
        (None, "doing", False),
        (None, "version", True),
    ]


def test_numbers_stay_when_the_type_changes() -> None:
    ticket = replace(BUG, type=None, asked=("version", "gone", "doing"))
    asked = triage.asked(ticket, RULEBOOK)
    assert {number: needs[0].key for number, needs in asked.items()} == {1: "version", 3: "doing"}
    assert triage.asked(replace(ticket, category="printing"), RULEBOOK)[3][0] == OTHER


@pytest.mark.parametrize(
    ("need", "language", "question"),
    [
        (DOING, "es-MX", "¿Qué estaba haciendo?"),
        (DOING, "de", "What were you doing?"),
        (EXPECTED, "de", "What did you expect?"),
        (VERSION, "de", "Quelle version ?"),
    ],
)
def test_questions_are_in_the_language_asked_for(need: Need, language: str, question: str) -> None:
    assert triage.question(need, language, RULEBOOK) == question


@pytest.mark.parametrize(
    ("need", "texts", "value"),
    [
        (EXPECTED, ("It crashes. I expected it to print. Version 3.2",), "I expected it to print."),
        (EXPECTED, ("Hello\nIt Should Have printed\nbye",), "It Should Have printed"),
        (EXPECTED, ("nothing", "It should have printed"), "It should have printed"),
        (EXPECTED, ("I wrote this line so long that the program of mine wrapped it and\nexpected a page.\n\nBye",),
         "I wrote this line so long that the program of mine wrapped it and expected a page."),
        (EXPECTED, ("x" * 600 + " expected " + "y" * 600,), "x" * 399 + " expected " + "y" * 91),
        (EXPECTED, ("nothing",), None),
        (VERSION, ("Ñandú: version 3.2 of it",), "3.2"),
        (replace(EXPECTED, met_by=("Qué esperaba",)), ("Hola. Que  esperaba: una página.",), "Que esperaba: una página."),
        (replace(EXPECTED, met_by=("expect",)), ("unexpected",), None),
        (Need("users", {}, "users", (r"/(\w+) people/",)), ("many people, 12 people",), "12"),
        (Need("users", {}, "users", (r"/(\w+) people/",)), ("many people",), None),
        (Need("size", {}, "size", ("size",)), ("The size is Pequeno.",), "small"),
        (Need("size", {}, "size", ("size",)), ("The size is small or big.",), None),
        (Need("k", {}, None, ("yes",)), ("Yes!",), ""),
        (Need("gone", {}, "gone", ("yes",)), ("Yes!",), None),
        (DOING, ("doing",), None),
        (PICTURE, ("attachment",), None),
    ],
)  # fmt: skip
def test_what_a_text_gives(need: Need, texts: tuple[str, ...], value: str | None) -> None:
    found = triage.given_by(need, texts, RULEBOOK, files=False)
    assert found == value
    assert found is None or len(found) <= triage.SENTENCE_MAX


@pytest.mark.parametrize(
    ("attachment", "counts"),
    [
        (PNG, True),
        (replace(PNG, inline=True), True),
        (replace(PNG, inline=True, size=68), False),
        (replace(PNG, size=68), True),
        (Attachment("carla.vcf", "text/vcard", 5000, False, ""), False),
        (Attachment("smime.p7s", "application/pkcs7-signature", 5000, False, ""), False),
    ],
)
def test_what_counts_as_a_file(attachment: Attachment, counts: bool) -> None:
    assert triage.is_file(attachment) is counts
    assert (triage.given_by(PICTURE, (), RULEBOOK, files=triage.is_file(attachment)) == "") is counts


def changes(decision: Decision) -> dict[str, object]:
    """What the ticket becomes."""
    return {one.name: one.new for effect in w.only(decision, ChangeTicket) for one in effect.changes}


ASKED = replace(BUG, asked=("doing", "expected", "version", "ask 1"))


def replied(text: str, ticket: Ticket = ASKED, **facts: object) -> Decision:
    """What a reply of the requester to the acknowledgement comes to."""
    sent = w.sent_to(w.CARLA, Role.REQUESTER, kind="acknowledgement")
    message = w.mail(w.CARLA, text, in_reply_to=(sent.message_id,), **facts)
    to = w.reply_address(w.CARLA, Role.REQUESTER)
    return w.decided(w.arrived(message, to), w.snapshot(ticket, sent=(sent,)), RULEBOOK)


def test_a_reply_fills_fields_and_tells_once() -> None:
    decision = replied("1. printing\n2. a page")
    assert changes(decision) | {"active_at": None, "look_at": None} == {
        "field.doing": "printing", "field.expected": "a page", "met": ("doing", "expected"), "active_at": None, "look_at": None,
    }  # fmt: skip
    [tell] = [one for one in w.only(decision, Tell) if one.role is Role.REQUESTER]
    assert (tell.template, tell.supplied) == ("supplied", (("doing", "printing"), ("expected", "a page")))
    assert (tell.automatic, tell.answers, tell.happenings) == (True, True, (Happening.SUPPLIED,))
    [line] = [one for one in w.only(decision, Record) if one.event == "supplied"]
    assert line.detail == {
        "questions": [1, 2],
        "given": ["doing", "expected"],
        "lacking": ["version", "ask 1"],
    }
    again = replied("3. 4.2", replace(ASKED, met=("doing",), fields={"doing": "printing"}))
    assert changes(again)["field.version"] == "4.2"
    assert not [one for one in w.only(again, Tell) if one.role is Role.REQUESTER]


def test_the_receipt_can_be_turned_off() -> None:
    silent = replace(RULEBOOK, notices=(NoticeRule(Notify.OFF, Role.REQUESTER, "supplied"),))
    sent = w.sent_to(w.CARLA, Role.REQUESTER, kind="acknowledgement")
    message = w.mail(w.CARLA, "1. printing", in_reply_to=(sent.message_id,))
    pending = replace(ASKED, state=State.PENDING)
    event = w.arrived(message, w.reply_address(w.CARLA, Role.REQUESTER))
    decision = w.decided(event, w.snapshot(pending, sent=(sent,)), silent)
    assert changes(decision)["field.doing"] == "printing"
    assert not [one for one in w.only(decision, Tell) if one.role is Role.REQUESTER]


def test_robots_replies_are_not_receipted() -> None:
    decision = replied("1. printing", unanswerable=("Precedence: bulk",))
    assert changes(decision)["field.doing"] == "printing"
    assert not [one for one in w.only(decision, Tell) if one.role is Role.REQUESTER]


def test_what_is_filled_already_stays() -> None:
    decision = replied("1. something else\n3. 4.2", replace(ASKED, fields={"doing": "printing"}))
    assert "field.doing" not in changes(decision)
    assert changes(decision)["field.version"] == "4.2"


def test_a_file_alone_is_an_answer_and_words_for_a_file_are_none() -> None:
    assert changes(replied("Here.", attachments=(PNG,)))["met"] == ("ask 1",)
    assert "met" not in changes(replied("4. I will send it."))


def test_what_is_not_asked_is_taken_too_but_not_receipted() -> None:
    decision = replied("It is version 4.2, sorry.", BUG)
    assert changes(decision)["field.version"] == "4.2"
    assert not [one for one in w.only(decision, Tell) if one.role is Role.REQUESTER]


def test_spam_is_not_read_for_answers() -> None:
    assert "met" not in changes(replied("1. printing", replace(ASKED, state=State.SPAM)))


WAITING = replace(BUG, type="outage", category="printing", state=State.PENDING, asked=("doing", "ask 1"))


@pytest.mark.parametrize(
    ("ticket", "text", "state"),
    [
        (WAITING, "1. printing", State.OPEN),
        (WAITING, "I am in a hurry here, call me. Please do.\n\nNow.", State.OPEN),
        (replace(WAITING, category=None), "1. printing", State.OPEN),
    ],
)
def test_a_ticket_waits_only_for_words_that_say_so(ticket: Ticket, text: str, state: State) -> None:
    assert changes(replied(text, ticket))["state"] is state


def test_a_part_keeps_a_ticket_waiting() -> None:
    words = Words(types={"bug": Word("bug", needs=(DOING, EXPECTED), wait=True)})
    book = replace(RULEBOOK, words=words)
    ticket = replace(BUG, state=State.PENDING, asked=("doing", "expected"))
    sent = w.sent_to(w.CARLA, Role.REQUESTER, kind="acknowledgement")

    def state(text: str, ticket: Ticket) -> object:
        message = w.mail(w.CARLA, text, in_reply_to=(sent.message_id,))
        event = w.arrived(message, w.reply_address(w.CARLA, Role.REQUESTER))
        return changes(w.decided(event, w.snapshot(ticket, sent=(sent,)), book)).get("state")

    assert state("1. printing", ticket) is None
    assert state("1. printing\n2. a page", ticket) is State.OPEN
    assert state("Hello?", ticket) is State.OPEN
    assert state("1. printing", replace(ticket, first_response_at=w.NOW)) is State.OPEN


def test_a_stranger_with_a_token_may_answer_and_the_requester_is_told() -> None:
    sent = w.sent_to(w.CARLA, Role.REQUESTER, kind="acknowledgement")
    message = w.mail(w.EVE, "1. printing", in_reply_to=(sent.message_id,))
    event = w.arrived(message, w.reply_address(w.CARLA, Role.REQUESTER))
    decision = w.decided(event, w.snapshot(ASKED, sent=(sent,)), RULEBOOK)
    assert changes(decision)["field.doing"] == "printing"
    [tell] = [one for one in w.only(decision, Tell) if one.template == "supplied"]
    assert tell.to == Address("Carla", "carla@globex.test")
    assert tell.supplied == (("doing", ""),)


MISTAKES = """\
teams: {support: {}}
agents: [{name: Ana, address: ana@acme.test, team: support, role: admin}]
fields: {doing: {}}
dictionary:
  types:
    bug:
      needs:
        - {field: doin, ask: What?}
        - {field: doing, ask: What?, met_by: /(/}
        - {ask: Really?, met_by: [attachment, "\\u0301"]}
        - {ask: {}}
        - {ask: Send it., met_by: [Atachment, attached]}
"""


def test_mistakes_in_needs_are_named_where_they_stand() -> None:
    loaded = rulefiles.load([("10.yaml", MISTAKES)], w.IDENTITY, Limits(), date(2026, 3, 2))
    said = [str(problem) for problem in loaded.problems]
    assert any(line.startswith("10.yaml:8:19: ") and "doing" in line for line in said), said
    assert any(line.startswith("10.yaml:9:46: met_by: bad pattern") for line in said), said
    assert any(
        line.startswith("10.yaml:10:47: met_by: ") and "nothing to look for" in line for line in said
    ), said
    assert any(line.startswith("10.yaml:11:") and "needs a question" in line for line in said), said
    assert [line for line in said if line.startswith("10.yaml:12:")] == [
        "10.yaml:12:36: met_by: 'Atachment' is looked for as a word (did you mean 'attachment'? as a word write /(?i)Atachment/)"
    ]


def test_an_acknowledgement_that_asks_nothing_is_warned_of() -> None:
    own = {
        "mail/en/acknowledgement.txt": "Hello",
        "mail/en/acknowledgement.html": "Hello",
        "mail/en/vip.txt": "Hello",
    }
    [warning] = inquiries.unasked(own, RULEBOOK)
    assert warning.startswith("mail/en/acknowledgement.txt: ")
    assert (
        inquiries.unasked({"mail/en/acknowledgement.txt": "{% for question in questions %}"}, RULEBOOK) == ()
    )
    assert inquiries.unasked(own, w.RULEBOOK) == ()


def test_changes_of_a_reply_are_plain() -> None:
    decision = replied("1. printing")
    [change] = [one for effect in w.only(decision, ChangeTicket) for one in effect.changes if one.name == "field.doing"]  # fmt: skip
    assert change == Change("field.doing", None, "printing")


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        (FieldKind.NUMBER, "12", "12"),
        (FieldKind.NUMBER, "12 people.", "12"),
        (FieldKind.NUMBER, "2,5 GB", "2.5"),
        (FieldKind.NUMBER, "12 to 15 people", None),
        (FieldKind.NUMBER, "3rd floor", None),
        (FieldKind.NUMBER, "Third floor, room 12", None),
        (FieldKind.DATE, "Since 2026-11-20, I think.", "2026-11-20"),
        (FieldKind.DATE, "seit dem 20.11.2026", "2026-11-20"),
        (FieldKind.DATE, "from 2026-11-20 to 2026-11-21", None),
        (FieldKind.DATE, "2026-13-20", None),
        (FieldKind.DATE, "yesterday", None),
        (FieldKind.YES_NO, "Yes, we have paid it.", "yes"),
        (FieldKind.YES_NO, "Nein. Noch nicht", "no"),
        (FieldKind.YES_NO, "Sí", "yes"),
        (FieldKind.YES_NO, "No idea", None),
        (FieldKind.YES_NO, "Perhaps, yes", None),
    ],
)
def test_a_sentence_may_hold_the_value_of_a_field(kind: FieldKind, said: str, value: str | None) -> None:
    rulebook = replace(w.RULEBOOK, fields={"it": Field("it", "It", kind=kind)})
    assert triage.fitting(Need("it", {"en": "What?"}, "it"), said, rulebook) == value
