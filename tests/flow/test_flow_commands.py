"""Agents' commands through one process, on each database: what is held, merged, split, undone, asked."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from maild.desk.people import Ticket
from maild.desk.words import State
from store import Store
from store.rows import Filter
from tests.flow import stage as s

CARLA, EVE = "Carla <carla@globex.test>", "Eve <eve@evil.test>"
ANA, BEN, CHEN = "Ana Ruiz <ana@acme.test>", "Ben Okoro <ben@acme.test>", "Chen Li <chen@acme.test>"
ASKED = "Hello, the printer on the third floor does not work since this morning. What can we do?"
PASS = "Authentication-Results: mx.acme.test; dmarc=pass header.from=acme.test"
SECOND = timedelta(seconds=1)


class Talk:
    """A desk, and people who write to it; each step takes a second."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.desk = s.stage(folder, store)
        self.number = 0

    def ask(
        self, who: str = CARLA, subject: str = "Printer", text: str = ASKED
    ) -> dict[str, list[EmailMessage]]:
        self.number += 1
        return self.take(s.mail(who, subject, text, self.number), sender=_address(who))

    def take(self, raw: bytes, *to: str, sender: str) -> dict[str, list[EmailMessage]]:
        """Hand it over, process it; what everybody gets."""
        self.desk.pass_time(SECOND)
        self.desk.take(raw, *to, sender=sender)
        self.desk.work()
        got: dict[str, list[EmailMessage]] = {}
        for outbound, mail in self.desk.sent():
            got.setdefault(outbound.row.recipient, []).append(mail)
        return got

    def answer(
        self, to: EmailMessage, who: str, text: str, *headers: str, again: bool = False
    ) -> dict[str, list[EmailMessage]]:
        self.number += not again
        raw, address = s.answer(to, who, text, self.number)
        return self.take(
            "".join(f"{line}\r\n" for line in headers).encode() + raw, address, sender=_address(who)
        )

    def ticket(self, number: int = 1) -> Ticket:
        with self.desk.store.read() as work:
            found = work.ticket(number)
        assert found is not None
        return found

    def tickets(self) -> int:
        with self.desk.store.read() as work:
            return len(work.tickets(Filter()))

    def texts(self, number: int = 1, kind: str = "person") -> list[str]:
        with self.desk.store.read() as work:
            return [one.reply for one in work.messages(number) if one.kind == kind]

    def events(self, name: str, number: int = 1) -> int:
        with self.desk.store.read() as work:
            return sum(line.event == name for line in work.events(number))


def _address(who: str) -> str:
    return who.partition("<")[2].rstrip(">")


@pytest.fixture
def talk(store: Store, tmp_path: Path) -> Talk:
    return Talk(tmp_path, store)


def crossed(talk: Talk) -> tuple[EmailMessage, EmailMessage]:
    """Ana's notification and, after Ben has answered, the transcript of her answer."""
    first = talk.ask()
    assert "carla@globex.test" in talk.answer(first["ben@acme.test"][0], BEN, "Restart it, please.")
    told = first["ana@acme.test"][0]
    got = talk.answer(told, ANA, "#priority 1\nUnplug it, please.")
    assert set(got) == {"ana@acme.test"}
    return told, got["ana@acme.test"][0]


def test_an_answer_that_crosses_a_colleagues_is_held_and_sent_by_a_word(talk: Talk) -> None:
    _, transcript = crossed(talk)
    text = s.text_of(transcript)
    assert "Restart it, please." in text
    assert "Unplug it, please." in text
    assert transcript["Auto-Submitted"] == "auto-replied"
    assert talk.ticket().priority == 3
    assert len(talk.texts()) == 2
    got = talk.answer(transcript, ANA, "#send")
    assert "Unplug it, please." in s.text_of(got["carla@globex.test"][0])
    assert "#send" not in s.text_of(got["carla@globex.test"][0])
    assert talk.ticket().priority == 1
    assert talk.texts()[1:] == ["Restart it, please.", "Unplug it, please."]
    again = talk.answer(transcript, ANA, "#send")
    assert set(again) == {"ana@acme.test"}
    assert "done already" in s.text_of(again["ana@acme.test"][0])
    assert talk.events("answered") == 2


def test_a_held_answer_by_a_second_route_is_held_once(talk: Talk) -> None:
    first = talk.ask()
    talk.answer(first["ben@acme.test"][0], BEN, "Restart it, please.")
    talk.answer(first["ana@acme.test"][0], ANA, "Unplug it.")
    assert talk.answer(first["ana@acme.test"][0], ANA, "Unplug it.", again=True) == {}
    assert talk.events("held") == 1


def test_send_with_words_sends_these(talk: Talk) -> None:
    told, transcript = crossed(talk)
    got = talk.answer(transcript, ANA, "#send\nBetter unplug it first.")
    assert "Better unplug" in s.text_of(got["carla@globex.test"][0])
    got = talk.answer(told, ANA, "#send\nAnd once more.")
    assert "And once more." in s.text_of(got["carla@globex.test"][0])


def test_notes_never_cross_and_nobody_crosses_himself(talk: Talk) -> None:
    first = talk.ask()
    told = first["ana@acme.test"][0]
    talk.answer(first["ben@acme.test"][0], BEN, "Restart it, please.")
    assert "ana@acme.test" not in talk.answer(told, ANA, "#note\nHe did not look.")
    mine = talk.ask(EVE, "Other")["ana@acme.test"][0]
    for words in ("One.", "Two."):
        assert "eve@evil.test" in talk.answer(mine, ANA, words)


def test_what_is_held_for_a_week_is_gone(talk: Talk) -> None:
    _, transcript = crossed(talk)
    talk.desk.pass_time(timedelta(days=8))
    got = talk.answer(transcript, ANA, "#send")
    assert "more than a week" in s.text_of(got["ana@acme.test"][0])
    assert "carla@globex.test" not in got


def test_a_powerful_command_waits_for_a_confirmation(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    got = talk.answer(told, ANA, "#spam")
    assert set(got) == {"ana@acme.test"}
    transcript = got["ana@acme.test"][0]
    assert "yes to confirm" in s.text_of(transcript)
    assert talk.ticket().state is State.NEW
    assert talk.answer(told, ANA, "yes")  # an ordinary answer to the customer, of a person of few words
    assert talk.ticket().state is State.OPEN
    talk.answer(transcript, ANA, "Yes.")
    assert talk.ticket().state is State.SPAM


def test_another_agent_cannot_confirm(talk: Talk) -> None:
    got = talk.answer(talk.ask()["ana@acme.test"][0], ANA, "#spam")
    talk.answer(got["ana@acme.test"][0], BEN, "yes", PASS)
    assert talk.ticket().state is not State.SPAM


def test_both_proofs_need_no_confirmation(talk: Talk) -> None:
    talk.answer(talk.ask()["ana@acme.test"][0], ANA, "#spam", PASS)
    assert talk.ticket().state is State.SPAM


def test_merging_and_the_answer_to_the_old_ticket(talk: Talk) -> None:
    first, second = talk.ask(), talk.ask(subject="Printer again", text="It is still broken, hello?")
    got = talk.answer(second["ana@acme.test"][0], ANA, "#merge 1", PASS)
    assert set(got) >= {"carla@globex.test", "ben@acme.test"}
    [notice] = got["carla@globex.test"]
    assert "[Acme #1]" in notice["Subject"]
    assert "[Acme #2]" in s.text_of(notice)
    assert "ana@acme.test" not in notice.as_string()
    old = talk.ticket(2)
    assert (old.state, old.merged_into) == (State.MERGED, 1)
    assert talk.texts(1) == [ASKED, "It is still broken, hello?"]
    got = talk.answer(second["carla@globex.test"][0], CARLA, "Any news?")
    assert "[Acme #1]" in got["ana@acme.test"][0]["Subject"]
    assert talk.texts(1)[-1] == "Any news?"
    assert talk.tickets() == 2
    third = talk.ask(subject="Third", text="Now the other printer, too.")
    talk.answer(first["ana@acme.test"][0], ANA, "#merge 3\nOne thing, one ticket.", PASS)
    talk.answer(second["carla@globex.test"][0], CARLA, "And now?")
    assert talk.texts(3)[-1] == "And now?"
    assert "One thing, one ticket." in talk.texts(3)
    refused = talk.answer(third["ana@acme.test"][0], ANA, "#merge 2", PASS)
    assert "part of this ticket" in s.text_of(refused["ana@acme.test"][0])


def test_merging_with_words_is_one_mail(talk: Talk) -> None:
    talk.ask()
    second = talk.ask(subject="Printer again", text="It is still broken, hello?")
    got = talk.answer(second["ana@acme.test"][0], ANA, "#merge 1\nWe look at both.", PASS)
    [mail] = got["carla@globex.test"]
    assert "We look at both." in s.text_of(mail)
    assert "[Acme #1]" in mail["Subject"]


def test_tickets_of_different_people_are_merged_together_only(talk: Talk) -> None:
    talk.ask()
    eves = talk.ask(EVE, "Mine", "My printer as well, please help me.")
    refused = talk.answer(eves["ana@acme.test"][0], ANA, "#merge 1", PASS)
    assert "#link 1" in s.text_of(refused["ana@acme.test"][0])
    got = talk.answer(eves["ana@acme.test"][0], ANA, "#merge 1 together", PASS)
    assert [mail["Subject"] for mail in got["eve@evil.test"]] == ["[Acme #1] Printer"]
    assert "carla@globex.test" not in got
    assert ASKED not in got["eve@evil.test"][0].as_string()
    assert [person.key for person in talk.ticket(1).participants] == ["eve@evil.test"]


def test_a_merged_open_ticket_reopens_the_solved_one(talk: Talk) -> None:
    first = talk.ask()
    talk.answer(first["ana@acme.test"][0], ANA, "#solve\nDone.")
    second = talk.ask(subject="No", text="It is not done at all.")
    got = talk.answer(second["ben@acme.test"][0], BEN, "#merge 1", PASS)
    assert talk.ticket(1).state is State.OPEN
    assert len(got["carla@globex.test"]) == 1


def test_the_message_answered_becomes_a_ticket_of_its_own(talk: Talk) -> None:
    first = talk.ask()
    other = talk.answer(first["carla@globex.test"][0], CARLA, "By the way: how do I reset my password?")
    got = talk.answer(other["ana@acme.test"][0], ANA, "#split Password", PASS)
    assert talk.texts(1) == [ASKED]
    assert talk.texts(2) == ["By the way: how do I reset my password?"]
    new = talk.ticket(2)
    assert (new.subject, new.requester.key, new.state) == ("Password", "carla@globex.test", State.NEW)
    [mail] = got["carla@globex.test"]
    assert "[Acme #2] Password" in s.text_of(mail)
    [told] = got["ana@acme.test"]
    assert "[Acme #2]" in told["Subject"]
    assert "reset my password" in s.text_of(told)
    answered = talk.answer(told, ANA, "Press the button.")
    assert "[Acme #2]" in answered["carla@globex.test"][0]["Subject"]
    with talk.desk.store.read() as work:
        assert work.links(1) == [(2, "related")]
    refused = talk.answer(first["ana@acme.test"][0], ANA, "#split Rest", PASS)
    assert "only message" in s.text_of(refused["ana@acme.test"][0])


def test_a_lumped_mail_is_taken_apart(talk: Talk) -> None:
    first = talk.ask()
    text = "#split Invoice\nPlease send me the invoice.\n#split Mouse\nI need a mouse.\n\nA red one."
    got = talk.answer(first["ana@acme.test"][0], ANA, text, PASS)
    assert (talk.texts(2), talk.texts(3)) == (["Please send me the invoice."], ["I need a mouse.\n\nA red one."])  # fmt: skip
    [mail] = got["carla@globex.test"]
    assert "[Acme #2] Invoice" in s.text_of(mail)
    assert "[Acme #3] Mouse" in s.text_of(mail)
    assert "[Acme #1]" in mail["Subject"]
    assert {mail["Subject"] for mail in got["ana@acme.test"]} == {"[Acme #2] Invoice", "[Acme #3] Mouse"}
    assert talk.texts(1) == [ASKED]
    raw, to = s.answer(first["ana@acme.test"][0], ANA, text, talk.number)
    talk.take(f"{PASS}\r\n".encode() + raw, to, sender="ana@acme.test")
    assert talk.tickets() == 3


def test_undoing_ones_own_last_mail(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    talk.answer(told, ANA, "#solve\n#priority 1\n#tag vip\n#due 2026-03-09\nDone.")
    assert talk.ticket().due_at is not None
    got = talk.answer(told, ANA, "#undo")
    assert "what was sent stays sent" in s.text_of(got["ana@acme.test"][0])
    ticket = talk.ticket()
    assert (ticket.state, ticket.priority, ticket.tags, ticket.due_at) == (State.NEW, 3, (), None)
    talk.answer(told, ANA, "#priority 2")
    talk.desk.flow.act(1, "admin", ("#priority 4",), "")
    refused = talk.answer(told, ANA, "#undo")
    assert "priority was changed since" in s.text_of(refused["ana@acme.test"][-1])


def test_a_date_is_told_to_the_requester(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    got = talk.answer(told, ANA, "#due 2026-03-09 16:00")
    assert "9 March 2026, 16:00" in s.text_of(got["carla@globex.test"][0])
    got = talk.answer(told, ANA, "#due 2026-03-10 16:00\nWe order a part.")
    [mail] = got["carla@globex.test"]
    assert "10 March 2026, 16:00" in s.text_of(mail)


def test_asking_a_colleague_hands_nothing_over(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    got = talk.answer(told, ANA, "#ask @chen\nIs this yours?")
    assert set(got) == {"chen@acme.test", "ben@acme.test"}
    [asked] = got["chen@acme.test"]
    assert "Ana Ruiz asks you" in s.text_of(asked)
    back = talk.answer(asked, CHEN, "No, it is not.")
    assert "carla@globex.test" not in back
    assert talk.ticket().team == "support"
    assert talk.ticket().first_response_at is None


def test_another_requester_and_the_old_one_hears_nothing_more(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    got = talk.answer(told, ANA, "#requester Tom <tom@globex.test>\nHello Tom, we look at it.", PASS)
    assert "tom@globex.test" in got
    assert "carla@globex.test" not in got
    ticket = talk.ticket()
    assert (ticket.requester.address, ticket.participants) == ("tom@globex.test", ())
    answered = talk.answer(got["tom@globex.test"][0], "Tom <tom@globex.test>", "Thank you.")
    assert "ana@acme.test" in answered
    assert len(talk.texts()) == 3


def test_a_caller_is_sent_nothing_and_the_agent_told(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    talk.answer(told, ANA, "#requester +31 20 555 0100", PASS)
    ticket = talk.ticket()
    assert (ticket.requester.address, ticket.requester.phone) == ("", "+31 20 555 0100")
    got = talk.answer(told, ANA, "Hello, can you hear me?")
    assert "Nothing was sent" in s.text_of(got["ana@acme.test"][0])
    assert "carla@globex.test" not in got
    talk.answer(told, ANA, "#contact phone\nSpoke with him, all is well.")
    assert talk.ticket().first_response_at is not None
    assert talk.events("contact") == 1


def test_commands_that_come_twice_are_done_once(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    talk.answer(told, ANA, "#time 25m")
    talk.answer(told, ANA, "#time 25m", again=True)
    assert talk.ticket().minutes_spent == 25


def test_the_admin_on_this_host_does_the_same(talk: Talk) -> None:
    talk.ask()
    talk.ask(subject="Again", text="Once more, the same thing here.")
    flow = talk.desk.flow
    flow.act(2, "admin", ("#merge 1",), "")
    assert talk.ticket(2).state is State.MERGED
    flow.act(1, "admin", ("#split Other",), "A second matter.")
    assert talk.texts(3) == ["A second matter."]
    flow.act(1, "admin", ("#link https://status.test/1", "#escalate"), "")
    assert (talk.ticket().urls, talk.ticket().team) == (("https://status.test/1",), "engineering")
    assert not flow.act(1, "gone@acme.test", ("#close",), "").effects


@pytest.mark.parametrize("marks", [True, False])
def test_a_note_quoted_between_public_words_stays_inside(talk: Talk, marks: bool) -> None:
    told = talk.ask()["ana@acme.test"][0]
    talk.answer(told, ANA, "#assign me")
    talk.answer(told, ANA, "#watch ben@acme.test")
    note = talk.answer(told, ANA, "#note\nShe never pays,\nso wait with it.")["ben@acme.test"][0]
    quoted = [f"> {line}".rstrip() for line in s.text_of(note).splitlines()]
    if not marks:
        quoted = ["> She never pays, so", "> wait with it."]
    at = next(number for number, line in enumerate(quoted) if "wait with it" in line)
    words = "\n".join(
        ["#public", "Dear Carla,", "", *quoted[: at + 1], "", "we come tomorrow.", "", *quoted[at + 1 :]]
    )
    talk.number += 1
    raw, address = s.answer(note, BEN, words, talk.number)
    text = s.text_of(talk.take(raw, address, sender="ben@acme.test")["carla@globex.test"][0])
    assert "we come tomorrow." in text
    assert "never pays" not in text
    assert "wait with it" not in text


@pytest.mark.parametrize("line", ["#escalate", "#team engineering", "#assign nobody"])
def test_a_hand_over_inside_of_a_new_ticket_is_not_told_to_the_requester(talk: Talk, line: str) -> None:
    told = talk.ask()["ana@acme.test"][0]
    talk.answer(told, ANA, "#assign me")
    got = talk.answer(told, ANA, f"{line}\n#note\nNot for us.")
    assert "carla@globex.test" not in got


def test_taking_a_new_ticket_is_not_told_as_working_again(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    text = s.text_of(talk.answer(told, ANA, "#assign ben")["carla@globex.test"][0])
    assert "Ben Okoro" in text
    assert "again" not in text


def test_who_is_made_a_watcher_hears_of_it_at_once(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    talk.answer(told, ANA, "#assign me")
    got = talk.answer(told, ANA, "#watch chen@acme.test\n#watch ben@acme.test\n#note\nHave an eye on this.")
    assert set(got) == {"chen@acme.test", "ben@acme.test"}
    assert "Have an eye on this." in s.text_of(got["ben@acme.test"][0])


def test_a_team_that_is_handed_a_ticket_sees_all_of_it(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    got = talk.answer(told, ANA, "#team engineering\n#note\nPlease look at the log.")
    text = s.text_of(got["chen@acme.test"][0])
    assert text.count("Please look at the log.") == 1
    assert text.count(ASKED[:40]) == 1
    again = talk.answer(told, ANA, "#note\nIt is urgent.")
    assert ASKED[:40] not in s.text_of(again["chen@acme.test"][0])


def test_a_leaked_token_is_told_once_a_day_for_each_who_shows_it(talk: Talk) -> None:
    told = talk.ask()["ana@acme.test"][0]
    address = told["Reply-To"].addresses[0].addr_spec
    mallory = "mallory@evil.test"
    senders = ((EVE, 1), (EVE, 0), (f"Mallory <{mallory}>", 1))
    for number, (who, alerts) in enumerate(senders, 100):
        raw = s.mail(who, f"Found {number}", f"I found this address {number}.", number, to=address)
        got = talk.take(raw, address, sender=_address(who))
        assert (
            sum("reply token of yours" in s.text_of(mail) for mail in got.get("ana@acme.test", ())) == alerts
        )
    talk.desk.pass_time(timedelta(days=1))
    raw = s.mail(EVE, "Found again", "I found this address again.", 200, to=address)
    got = talk.take(raw, address, sender=_address(EVE))
    assert any("eve@evil.test" in s.text_of(mail) for mail in got["ana@acme.test"])


def test_lines_of_the_notification_are_no_commands_without_quotes_either(talk: Talk) -> None:
    first = talk.ask(text="Please do this:\n#close\n#spam\nThank you very much for your help.")
    told = first["ana@acme.test"][0]
    talk.number += 1
    raw = s.mail(ANA, "Re: x", "#close\n#spam\nThank you very much for your help.\n\nNo.", talk.number, str(told["Reply-To"]),
                 [f"In-Reply-To: {told['Message-ID']}"])  # fmt: skip
    got = talk.take(raw, told["Reply-To"].addresses[0].addr_spec, sender="ana@acme.test")
    assert set(got) == {"ana@acme.test"}
    assert talk.ticket().state is State.NEW
